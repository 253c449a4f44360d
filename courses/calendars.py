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
from courses.models import Enrollment, Session, WaitlistPlace

REFRESH = timedelta(hours=6)
ALARM = timedelta(hours=1)  # before a session begins
# A session is changed less often than this. So an event that moves to a session which was changed
# less often still has a higher SEQUENCE than before.
MOST_REVISIONS = 1000


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


def _description(session: Session, address: str) -> str:
    course = session.course
    approved = boards(session)
    hours = formats.show_hours(course.hours)
    return "\n".join(
        [
            f"{hours} hour{'' if course.hours == 1 else 's'}. {course.get_format_display()}.",
            f"Approved for that day by {', '.join(approved)}."
            if approved
            else "No approval covers that day: it gives no credit.",
            _where(session),
            f"What it discloses, and enrollment: {address}",
        ]
    )


# --- A learner's own --------------------------------------------------------


def of_enrollment(enrollment: Enrollment, *, at: datetime) -> bytes:
    """The session of an enrollment as a file for its learner, with the link to join.

    Needs the enrollment's course, session and learner.
    """
    return _own([_seat(enrollment, at=at)], method="PUBLISH").to_ical()


def of_person(
    *, enrollments: Iterable[Enrollment], offers: Iterable[WaitlistPlace], at: datetime
) -> bytes:
    """Everything that one person attends, or may attend if they take the seat that is offered.

    Needs the enrollments' and places' sessions with their courses.
    """
    events = [_seat(enrollment, at=at) for enrollment in enrollments]
    events += [_offer(place, at=at) for place in offers]
    return _own(events, method="PUBLISH", name="CE Portal: my sessions").to_ical()


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
    zones = sorted(calendar.get_missing_tzids())
    if zones:
        # A day more on either side: a year begins at another moment in each zone.
        first = min(event.start for event in events) - timedelta(days=1)
        last = max(event.end for event in events) + timedelta(days=1)
        rules = [_rules(zone, first.year, last.year) for zone in zones]
        calendar.subcomponents[:0] = rules
    return calendar


def _seat(enrollment: Enrollment, *, at: datetime, is_cancelled: bool = False) -> Event:
    """The session of an enrollment, whose organizer is the portal.

    Its UID is the enrollment's: it moves with the enrollment from session to session, and who
    enrolls anew after withdrawing has another event.
    """
    session: Session = enrollment.session  # type: ignore[assignment]  # only live seats have events
    is_cancelled = is_cancelled or session.cancelled_at is not None
    room = settings.SITE_URL + reverse("courses:room", args=[enrollment.pk])
    lines = [_where(session), f"Course room: {room}"]
    if session.cancelled_at is not None:
        lines.insert(0, _line(f"Cancelled: {session.cancel_reason}"))
    elif session.join_url and not is_cancelled:
        lines.insert(0, f"To join: {_line(session.join_url)}")
    event = _own_event(f"enrollment-{enrollment.pk}", session, at=at)
    event.add("location", _location(session))
    event.add("description", "\n".join(lines))
    event.add("url", room)
    event.add("created", enrollment.enrolled_at.astimezone(UTC))
    changed_at = max(session.changed_at or enrollment.enrolled_at, enrollment.enrolled_at)
    event.add("last-modified", changed_at.astimezone(UTC))
    event.add("sequence", enrollment.moves * MOST_REVISIONS + session.sequence)
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    if not is_cancelled:
        event.add_component(_alarm(session))
    return event


def _alarm(session: Session) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", _line(session.course.title))
    alarm.add("trigger", -ALARM)
    return alarm


def _offer(place: WaitlistPlace, *, at: datetime) -> Event:
    """A seat that is held for one who waits, with no link to join before it is taken."""
    session = place.session
    offered_at: datetime = place.offered_at  # type: ignore[assignment]  # it is offered
    lapses_at: datetime = place.offer_expires_at  # type: ignore[assignment]
    address = settings.SITE_URL + session.course.get_absolute_url()
    until = formats.show_moment(lapses_at, place.learner.tz)
    lines = [
        f"A seat is held for you until {until}. Take it or decline it: {address}",
        _where(session),
    ]
    event = _own_event(f"waitlist-{place.pk}", session, at=at)
    event.add("location", _location(session))
    event.add("description", "\n".join(lines))
    event.add("url", address)
    event.add("last-modified", max(session.changed_at or offered_at, offered_at).astimezone(UTC))
    event.add("sequence", session.sequence)
    event.add("status", "TENTATIVE")
    return event


def _own_event(name: str, session: Session, *, at: datetime) -> Event:
    """What and when, in the zone of the session."""
    event = Event()
    event.add("uid", f"{name}@{urlsplit(settings.SITE_URL).hostname}")
    event.add("dtstamp", at.astimezone(UTC))
    event.add("dtstart", _when(session.starts_at, session.tz))
    event.add("dtend", _when(session.ends_at, session.tz))
    event.add("summary", _line(session.course.title))
    event.add("organizer", _organizer())
    return event


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


def _location(session: Session) -> str:
    if not session.place:
        return "Online"
    return _line(session.place) + (", and online" if session.join_url else "")


def _where(session: Session) -> str:
    """When it is where it is held, in words, for one who sees another time in their calendar."""
    span = formats.show_span(session.starts_at, session.ends_at, session.tz)
    return f"Where {'it is held' if session.place else 'the host is'}: {span}."


def _line(text: str) -> str:
    """One line without control characters, which no calendar may hold."""
    return " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in text).split())
