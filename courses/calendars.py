"""Live sessions as an iCalendar file (RFC 5545) that anybody's calendar can subscribe to.

Times are written in UTC, never as a local time with a zone beside it: an event that happens once
is then the same moment in every program, whatever it knows of summer time. The words say when it
is where it is held.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from icalendar import Calendar, Event, vDuration

from ce_portal import formats
from courses import approvals
from courses.models import Session

REFRESH = timedelta(hours=6)


def of_sessions(
    sessions: Iterable[Session], *, name: str, about: str = "", site: str, at: datetime
) -> bytes:
    """The sessions as one calendar, for everybody's eyes: without the links to join.

    Needs each session's course with its provider's approvals, and its credits with their bodies.
    ``about`` is what else is to be said of the calendar; ``at`` is the moment at which it is made.
    """
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//CE Portal//Live sessions//EN")
    # Published: DTSTAMP is then the moment of making the file, not of a change that nobody noted.
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", _line(name))
    if about:
        calendar.add("x-wr-caldesc", _line(about))
    calendar.add("refresh-interval", vDuration(REFRESH, params={"VALUE": "DURATION"}))
    calendar.add("x-published-ttl", vDuration(REFRESH))
    for session in sessions:
        calendar.add_component(_event(session, site=site, at=at))
    return calendar.to_ical()


def boards(session: Session) -> list[str]:
    """The bodies whose approval is in date on the day of the session, in the session's zone."""
    course = session.course
    day = approvals.day_of(session)
    approved = {
        approval.body_id
        for approval in course.provider.approvals.all()
        if approval.course_id in {None, course.pk} and approvals.covers(approval, on=day)
    }
    return list(
        dict.fromkeys(
            credit.body.name for credit in course.credits.all() if credit.body_id in approved
        )
    )


def _event(session: Session, *, site: str, at: datetime) -> Event:
    address = site + session.course.get_absolute_url()
    event = Event()
    event.add("uid", f"session-{session.pk}@{urlsplit(site).hostname}")
    event.add("dtstamp", at.astimezone(UTC))
    event.add("dtstart", session.starts_at.astimezone(UTC))
    event.add("dtend", session.ends_at.astimezone(UTC))
    event.add("summary", _line(session.course.title))
    event.add("location", _location(session))
    event.add("description", _description(session, address))
    event.add("url", address)
    event.add("status", "CONFIRMED")
    # An offer is not an appointment: it does not make anybody busy.
    event.add("transp", "TRANSPARENT")
    return event


def _location(session: Session) -> str:
    if not session.place:
        return "Online"
    return _line(session.place) + (", and online" if session.join_url else "")


def _description(session: Session, address: str) -> str:
    course = session.course
    span = formats.show_span(session.starts_at, session.ends_at, session.tz)
    approved = boards(session)
    hours = formats.show_hours(course.hours)
    return "\n".join(
        [
            f"{hours} hour{'' if course.hours == 1 else 's'}. {course.get_format_display()}.",
            f"Approved for that day by {', '.join(approved)}."
            if approved
            else "No approval covers that day: it gives no credit.",
            f"Where {'it is held' if session.place else 'the host is'}: {span}.",
            f"What it discloses, and enrollment: {address}",
        ]
    )


def _line(text: str) -> str:
    """One line without control characters, which no calendar may hold."""
    return " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in text).split())
