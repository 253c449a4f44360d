"""Live sessions as iCalendar (RFC 5545): for everybody to subscribe to, and each learner's own.

In the calendar for everybody times are written in UTC, never as a local time with a zone beside it:
an event that happens once is then the same moment in every program, whatever it knows of summer
time. The words say when it is where it is held. A learner's own sessions are written in the zone
of the session, whose rules come with it (VTIMEZONE).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from functools import lru_cache
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from icalendar import (
    Alarm,
    Calendar,
    Event,
    Timezone,
    TimezoneDaylight,
    TimezoneStandard,
    vCalAddress,
    vDuration,
)

from ce_portal import formats
from courses import approvals
from courses.models import Enrollment, Session

REFRESH = timedelta(hours=6)
ALARM = timedelta(hours=1)  # before a session begins


# --- For everybody ----------------------------------------------------------


def of_sessions(
    sessions: Iterable[Session], *, name: str, about: str = "", site: str, at: datetime
) -> bytes:
    """The sessions as one calendar, for everybody's eyes: without the links to join.

    Needs each session's course with its provider's approvals, and its credits with their bodies.
    ``about`` is what else is to be said of the calendar; ``at`` is the moment at which it is made.
    """
    calendar = _calendar("PUBLISH", name=name, about=about)
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


# --- A learner's own --------------------------------------------------------


def of_enrollment(enrollment: Enrollment, *, at: datetime) -> bytes:
    """The session of an enrollment as a file for its learner, with the link to join.

    Needs the enrollment's course, session and learner.
    """
    return _own([_seat(enrollment, at=at)], method="PUBLISH").to_ical()


def request(enrollment: Enrollment, *, at: datetime) -> str:
    """The same, or what it has become, as an invitation that goes with a mail."""
    event = _seat(enrollment, at=at)
    event.add("attendee", _attendee(enrollment))
    return _own([event], method="REQUEST").to_ical().decode()


def cancel(enrollment: Enrollment, *, at: datetime) -> str:
    """The invitation is void: the session is cancelled, or the seat given back."""
    event = _seat(enrollment, at=at, is_cancelled=True)
    event.add("attendee", _attendee(enrollment))
    return _own([event], method="CANCEL").to_ical().decode()


def _own(events: list[Event], *, method: str, name: str = "") -> Calendar:
    calendar = _calendar(method, name=name)
    for event in events:
        calendar.add_component(event)
    moments = [event.start for event in events] + [event.end for event in events]
    for zone in sorted(calendar.get_missing_tzids(), reverse=True):
        first, last = min(moments).year, max(moments).year
        calendar.subcomponents.insert(0, _rules(zone, first, last))
    return calendar


def _seat(enrollment: Enrollment, *, at: datetime, is_cancelled: bool = False) -> Event:
    """The session of an enrollment, whose organizer is the portal.

    Its UID is the enrollment's: who enrolls anew after withdrawing has another event.
    """
    session: Session = enrollment.session  # type: ignore[assignment]  # only live seats have events
    room = settings.SITE_URL + reverse("courses:room", args=[enrollment.pk])
    is_cancelled = is_cancelled or session.cancelled_at is not None
    event = _own_event(
        f"enrollment-{enrollment.pk}", session, address=room, at=at, is_cancelled=is_cancelled
    )
    event.add("created", enrollment.enrolled_at.astimezone(UTC))
    event.add("last-modified", (session.changed_at or enrollment.enrolled_at).astimezone(UTC))
    event.add("sequence", session.sequence)
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    if not is_cancelled:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", _line(session.course.title))
        alarm.add("trigger", -ALARM)
        event.add_component(alarm)
    return event


def _own_event(
    name: str, session: Session, *, address: str, at: datetime, is_cancelled: bool = False
) -> Event:
    event = Event()
    event.add("uid", f"{name}@{_host()}")
    event.add("dtstamp", at.astimezone(UTC))
    event.add("dtstart", _when(session.starts_at, session.tz))
    event.add("dtend", _when(session.ends_at, session.tz))
    event.add("summary", _line(session.course.title))
    event.add("location", _line(session.place or session.join_url))
    event.add("description", _own_description(session, address, is_cancelled=is_cancelled))
    event.add("url", address)
    event.add("organizer", _organizer())
    return event


def _own_description(session: Session, address: str, *, is_cancelled: bool) -> str:
    lines = []
    if is_cancelled:
        lines.append(_line(f"Cancelled. {session.cancel_reason}"))
    elif session.join_url:
        lines.append(f"To join: {_line(session.join_url)}")
    span = formats.show_span(session.starts_at, session.ends_at, session.tz)
    lines.append(f"Where {'it is held' if session.place else 'the host is'}: {span}.")
    lines.append(f"Course room: {address}")
    return "\n".join(lines)


def _when(moment: datetime, zone: ZoneInfo) -> datetime:
    """In its zone, where iCalendar can say it: of two equal hours in autumn it means the first."""
    there = moment.astimezone(zone)
    return moment.astimezone(UTC) if there.fold else there


def _organizer() -> vCalAddress:
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return _address(address, name or "CE Portal")


def _attendee(enrollment: Enrollment) -> vCalAddress:
    """Who enrolled has said yes already, and need not answer."""
    learner = enrollment.learner
    attendee = _address(learner.email, learner.legal_name)
    attendee.params.update(
        {"CUTYPE": "INDIVIDUAL", "ROLE": "REQ-PARTICIPANT", "PARTSTAT": "ACCEPTED", "RSVP": "FALSE"}
    )
    return attendee


def _address(address: str, name: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{quote(address, safe='@+')}")
    person.params["CN"] = _line(name).replace('"', "'")  # a parameter cannot hold a quotation mark
    return person


def _host() -> str:
    return urlsplit(settings.SITE_URL).hostname or ""


# --- Time zones -------------------------------------------------------------


@lru_cache(maxsize=256)
def _rules(name: str, first: int, last: int) -> Timezone:
    """What a zone does with its clocks from one year to another, both whole.

    icalendar can do this too, but gives the hour at which summer time begins in summer time, where
    RFC 5545 (3.6.5) wants the time until then; a program that reads it to the letter is an hour
    wrong in the first hour.
    """
    zone = ZoneInfo(name)
    begins, ends = datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC)
    rules = Timezone()
    rules.add("tzid", name)
    rules.add_component(_observance(begins, begins, zone))
    day = timedelta(days=1)
    while begins < ends:
        if _clock(begins, zone) != _clock(begins + day, zone):
            change = _change(begins, begins + day, zone)
            rules.add_component(_observance(change - timedelta(seconds=1), change, zone))
        begins += day
    return rules


def _observance(
    before: datetime, onset: datetime, zone: ZoneInfo
) -> TimezoneDaylight | TimezoneStandard:
    there = onset.astimezone(zone)
    offset_before: timedelta = before.astimezone(zone).utcoffset()  # type: ignore[assignment]
    observance: TimezoneDaylight | TimezoneStandard = (
        TimezoneDaylight() if there.dst() else TimezoneStandard()
    )
    observance.DTSTART = (onset + offset_before).replace(tzinfo=None)
    observance.TZOFFSETFROM = offset_before
    observance.TZOFFSETTO = there.utcoffset()
    observance.add("tzname", there.tzname())
    return observance


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second of the other time; there is one change between the two moments."""
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if _clock(middle, zone) == _clock(before, zone):
            before = middle
        else:
            after = middle
    return after


def _clock(moment: datetime, zone: ZoneInfo) -> tuple[timedelta | None, str | None]:
    there = moment.astimezone(zone)
    return there.utcoffset(), there.tzname()


# --- All --------------------------------------------------------------------


def _calendar(method: str, *, name: str = "", about: str = "") -> Calendar:
    """Nothing in it yet. A method goes with every calendar: what the reader is to do with it.

    DTSTAMP is then the moment of making the file, not of a change that nobody noted.
    """
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//CE Portal//Live sessions//EN")
    calendar.add("method", method)
    if name:
        calendar.add("x-wr-calname", _line(name))
        if about:
            calendar.add("x-wr-caldesc", _line(about))
        calendar.add("refresh-interval", vDuration(REFRESH, params={"VALUE": "DURATION"}))
        calendar.add("x-published-ttl", vDuration(REFRESH))
    return calendar


def _line(text: str) -> str:
    """One line without control characters, which no calendar may hold."""
    return " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in text).split())
