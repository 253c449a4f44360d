"""The seats of live sessions: how many are taken, and who is offered the next one.

Whatever takes or frees a seat locks the session, which carries the limit, and settles it in the
same transaction. Locks are taken in this order: course, sessions by their ids, enrollment.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from courses import approvals, notices, repeats
from courses.models import AttendanceInterval, Course, Enrollment, Session, WaitlistPlace

# Long enough that a mail is seen by somebody who looks once a day.
OFFER_LASTS = timedelta(hours=24)
# A seat that is free so late goes to whoever comes first: nobody can be asked and answer in time.
WAITLIST_ENDS_BEFORE = timedelta(hours=1)


def lock_course(course_id: int) -> Course:
    """Held to the end of the transaction: nobody takes, leaves or changes a seat of the course.

    Not against rows that come to refer to it: a completion need not wait.
    """
    return Course.objects.select_for_update(of=["self"], no_key=True).get(pk=course_id)


def lock(session_ids: Iterable[int]) -> dict[int, Session]:
    """Sessions as they are now, held to the end of the transaction."""
    rows = Session.objects.select_for_update(of=["self"], no_key=True).select_related("course")
    return {row.pk: row for row in rows.filter(pk__in=set(session_ids)).order_by("pk")}


def taken(session: Session) -> int:
    """Seats held by learners, or by an offer. To act on it, lock the session."""
    row: Any = Session.objects.with_seats_taken().get(pk=session.pk)
    return row.seats_taken


def has_room(session: Session) -> bool:
    """Is a seat free? No capacity is no limit; a capacity of 0 is closed."""
    return session.capacity is None or taken(session) < session.capacity


def waitlist_ends_at(session: Session) -> datetime:
    """The moment from which a free seat goes to whoever comes first: an hour before the start, or
    when enrollment closes if that is earlier."""
    end = session.starts_at - WAITLIST_ENDS_BEFORE
    return min(end, session.enrollment_closes_at) if session.enrollment_closes_at else end


def has_waitlist(session: Session, *, at: datetime) -> bool:
    """May somebody wait for a seat in it, once it is full?"""
    return (
        session.cancelled_at is None
        and session.course.is_published
        and session.capacity != 0
        and at < waitlist_ends_at(session)
    )


def settle(*, session: Session, at: datetime) -> None:
    """Let offers lapse whose time is over, and offer the free seats to those who wait, in order.

    Where the waitlist has ended, every place closes. Settling twice changes nothing.
    Needs the session locked.
    """
    places = list(session.waitlist.open().select_related("learner").in_order())
    if not places:
        return
    has_ended = not has_waitlist(session, at=at)
    for place in places:
        if place.offer_expires_at is not None and place.offer_expires_at <= at:
            _close(place, WaitlistPlace.State.EXPIRED, at=at)
        elif has_ended:
            _close(place, WaitlistPlace.State.CLOSED, at=at)
    if has_ended or not _may_offer(session, at=at):
        return
    free = len(places) if session.capacity is None else session.capacity - taken(session)
    for place in places:
        if free <= 0:
            break
        if place.state != WaitlistPlace.State.WAITING or not _can_take(place, session):
            continue
        free -= 1
        place.state = WaitlistPlace.State.OFFERED
        place.offered_at = at
        place.offer_expires_at = min(at + OFFER_LASTS, waitlist_ends_at(session))
        place.save(update_fields=["state", "offered_at", "offer_expires_at"])
        notices.seat_offered(place=place, at=at)


def _can_take(place: WaitlistPlace, session: Session) -> bool:
    """Could the learner have the seat? Who could not is passed over."""
    learner, course = place.learner, session.course
    earlier = repeats.earlier_credit(learner=learner, course=course)
    if earlier and not repeats.may_repeat(course, earlier, on=approvals.day_of(session)):
        return False
    has_attended = (
        AttendanceInterval.objects.standing()
        .filter(enrollment__in=Enrollment.objects.in_progress().filter(learner=learner))
        .filter(enrollment__course=course)
    )
    return learner.is_active and not has_attended.exists()


def _may_offer(session: Session, *, at: datetime) -> bool:
    """Would an enrollment be accepted? If not, those who wait keep their places."""
    opens_at = session.enrollment_opens_at
    if opens_at is not None and at < opens_at:
        return False
    return approvals.gives_credit(session.course, on=approvals.day_of(session))


def _close(place: WaitlistPlace, state: WaitlistPlace.State, *, at: datetime) -> None:
    place.state = state
    place.closed_at = at
    place.save(update_fields=["state", "closed_at"])
    notices.waitlist_closed(place=place, at=at)
