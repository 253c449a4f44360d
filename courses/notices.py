"""What a learner is told by mail about a seat, each event once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts import mail
from courses import calendars
from courses.models import Enrollment, Session, WaitlistPlace

# Each is called in the transaction of what it tells, and its key names that one event: told again,
# it is the same mail; a later event of the same kind has another key.


def enrolled(*, enrollment: Enrollment, at: datetime) -> None:
    """The learner has a seat; of a live course with an invitation for the calendar."""
    _tell(
        enrollment,
        kind="enrollment-confirmed",
        key=f"enrollment-confirmed:{enrollment.pk}",
        template="enrollment_confirmed",
        calendar=calendars.request(enrollment, at=at) if enrollment.session else "",
        at=at,
    )


def withdrawn(*, enrollment: Enrollment, at: datetime) -> None:
    """The learner gave the seat back; a session that is still to come leaves the calendar."""
    session = enrollment.session
    is_coming = session is not None and session.cancelled_at is None and session.ends_at > at
    _tell(
        enrollment,
        kind="enrollment-withdrawn",
        key=f"enrollment-withdrawn:{enrollment.pk}",
        template="enrollment_withdrawn",
        calendar=calendars.cancel(enrollment, at=at) if is_coming else "",
        at=at,
    )


def moved(*, enrollment: Enrollment, left: Session, at: datetime) -> None:
    """The enrollment has another session now; the event in the calendar moves with it."""
    _tell(
        enrollment,
        kind="session-moved",
        key=f"session-moved:{enrollment.pk}:{enrollment.session_id}:{at.isoformat()}",
        template="session_moved",
        context={"left": left},
        calendar=calendars.request(enrollment, at=at),
        at=at,
    )


def session_changed(*, enrollment: Enrollment, at: datetime) -> None:
    """The session of the enrollment has another time, place or link."""
    session = _session(enrollment)
    _tell(
        enrollment,
        kind="session-changed",
        key=f"session-changed:{session.pk}:{session.sequence}:{enrollment.pk}",
        template="session_changed",
        calendar=calendars.request(enrollment, at=at),
        until=session.ends_at,
        at=at,
    )


def session_cancelled(*, enrollment: Enrollment, at: datetime) -> None:
    """The session of the enrollment is cancelled, and leaves the calendar."""
    session = _session(enrollment)
    _tell(
        enrollment,
        kind="session-cancelled",
        key=f"session-cancelled:{session.pk}:{session.sequence}:{enrollment.pk}",
        template="session_cancelled",
        calendar=calendars.cancel(enrollment, at=at),
        at=at,
    )


def seat_offered(*, place: WaitlistPlace, at: datetime) -> None:
    """A seat is held for one who waits, until the offer lapses."""
    offered_at: datetime = place.offered_at  # type: ignore[assignment]  # it is offered
    mail.post(
        recipient=place.learner,
        kind="waitlist-offer",
        key=f"waitlist-offer:{place.pk}:{offered_at.isoformat()}",
        template="waitlist_offer",
        context=_of_place(place),
        at=at,
        until=place.offer_expires_at,
    )


def waitlist_closed(*, place: WaitlistPlace, at: datetime) -> None:
    """The learner no longer waits: the offer lapsed, or the session is cancelled or has begun."""
    mail.post(
        recipient=place.learner,
        kind="waitlist-closed",
        key=f"waitlist-closed:{place.pk}",
        template="waitlist_closed",
        context=_of_place(place),
        at=at,
    )


def enrollment_expired(*, enrollment: Enrollment, at: datetime) -> None:
    """The time to finish the course is over."""
    _tell(
        enrollment,
        kind="enrollment-expired",
        key=f"enrollment-expired:{enrollment.pk}",
        template="enrollment_expired",
        at=at,
    )


def _tell(
    enrollment: Enrollment,
    *,
    kind: str,
    key: str,
    template: str,
    at: datetime,
    context: dict[str, Any] | None = None,
    calendar: str = "",
    until: datetime | None = None,
) -> None:
    session = enrollment.session
    facts = {"enrollment": enrollment, "course": enrollment.course, "session": session}
    mail.post(
        recipient=enrollment.learner,
        kind=kind,
        key=key,
        template=template,
        context={**facts, **(context or {})},
        at=at,
        until=until,
        calendar=calendar,
    )


def _session(enrollment: Enrollment) -> Session:
    return enrollment.session  # type: ignore[return-value]  # only live seats are told of it


def _of_place(place: WaitlistPlace) -> dict[str, Any]:
    return {"place": place, "session": place.session, "course": place.session.course}
