"""Waiting for a seat in a full session: join, leave, take the offered seat or decline it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from accounts.models import User
from courses import enrollment as enrollment_story
from courses import repeats, seats
from courses.models import Course, Enrollment, Session, WaitlistPlace

State = WaitlistPlace.State


class WaitlistError(Exception):
    """Why one cannot wait, or not have the seat, in a sentence for the learner."""


@transaction.atomic
def join(*, learner: User, session: Session, at: datetime) -> WaitlistPlace:
    """Give the learner the last place in the line for a full session.

    Joining again gives the open place that the learner has. Who holds a seat in another session of
    the course may wait for this one; taking the seat then moves them.
    Locks the course, then the session.
    Raises WaitlistError if a seat is free, if the learner has one in this session or could not
    enroll in it, or if its waitlist has ended.
    """
    course = seats.lock_course(session.course_id)
    try:
        enrollment_story.check(learner=learner, course=course, session=session, at=at)
    except enrollment_story.EnrollmentError as error:
        raise WaitlistError(str(error)) from error
    session = seats.lock([session.pk])[session.pk]
    if not seats.has_waitlist(session, at=at):
        raise WaitlistError("The waitlist of this session has ended.")
    seats.settle(session=session, at=at)
    place = session.waitlist.open().filter(learner=learner).first()
    if place:
        return place
    if Enrollment.objects.open().filter(learner=learner, session=session).exists():
        raise WaitlistError("You have a seat in this session.")
    if seats.has_room(session):
        raise WaitlistError("A seat is free in this session: you need not wait.")
    return WaitlistPlace.objects.create(session=session, learner=learner, joined_at=at)


@transaction.atomic
def leave(*, place: WaitlistPlace, at: datetime) -> None:
    """Give the place up; a seat that was offered goes to the next. Of a place that is closed
    already nothing changes.

    Locks the session.
    Raises WaitlistError if the seat was taken.
    """
    place, session = _locked(place)
    if place.state == State.TAKEN:
        raise WaitlistError("You have taken this seat. To give it back, withdraw from the course.")
    if not place.is_open:
        return
    place.state = State.LEFT if place.state == State.WAITING else State.DECLINED
    place.closed_at = at
    place.save(update_fields=["state", "closed_at"])
    seats.settle(session=session, at=at)


@transaction.atomic
def decline(*, place: WaitlistPlace, at: datetime) -> None:
    """Leave the seat that is offered to the next. Declining twice keeps the first moment.

    Locks the session.
    Raises WaitlistError if no seat is offered any more, or none was.
    """
    place, session = _locked(place)
    if place.state == State.DECLINED:
        return
    _require_offer(place, at=at)
    place.state = State.DECLINED
    place.closed_at = at
    place.save(update_fields=["state", "closed_at"])
    seats.settle(session=session, at=at)


@transaction.atomic
def accept(*, place: WaitlistPlace, at: datetime) -> Enrollment:
    """Take the seat that is offered; who holds one in another session of the course moves.

    Accepting twice gives the same enrollment.
    Locks the course, then the session.
    Raises WaitlistError if no seat is offered any more, or the learner could not enroll.
    """
    course = seats.lock_course(
        Course.objects.values_list("pk", flat=True).get(sessions=place.session_id)
    )
    held = Enrollment.objects.in_progress().filter(learner=place.learner_id, course=course).first()
    # All sessions concerned at once, by their ids.
    seats.lock({place.session_id, *([held.session_id] if held and held.session_id else [])})
    place, session = _locked(place)
    if place.state == State.TAKEN and place.enrollment is not None:
        return place.enrollment
    _require_offer(place, at=at)
    earlier = repeats.earlier_credit(learner=place.learner, course=course)
    if earlier and course.repeat_after_days is None:
        raise WaitlistError(repeats.why_not(course, earlier))
    try:
        if held:
            return enrollment_story.move(enrollment=held, to=session, at=at)
        return enrollment_story.enroll(learner=place.learner, course=course, session=session, at=at)
    except enrollment_story.EnrollmentError as error:
        raise WaitlistError(str(error)) from error


@transaction.atomic
def promote(*, session: Session, at: datetime) -> None:
    """Let offers lapse whose time is over and offer the free seats of a session; close its waitlist
    if that has ended. Again changes nothing.

    Locks the session.
    """
    seats.settle(session=seats.lock([session.pk])[session.pk], at=at)


def due(*, at: datetime) -> list[int]:
    """Ids of the sessions whose waitlist has something to be done: an offer that is over, a free
    seat, an end."""
    ended = (
        Q(starts_at__lte=at + seats.WAITLIST_ENDS_BEFORE)
        | Q(enrollment_closes_at__lte=at)
        | Q(cancelled_at__isnull=False)
        | ~Q(course__status=Course.Status.PUBLISHED)
        | Q(capacity=0)
    )
    waited_for = Session.objects.filter(
        pk__in=WaitlistPlace.objects.open().values("session")
    ).with_seats_taken()
    return list(
        waited_for.filter(
            ended
            | Q(pk__in=WaitlistPlace.objects.overdue(at=at).values("session"))
            | Q(capacity__isnull=True)
            | Q(seats_taken__lt=F("capacity"))
        )
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def _locked(place: WaitlistPlace) -> tuple[WaitlistPlace, Session]:
    """The place as it is now, and its session, locked: every change of a place holds that lock."""
    session = seats.lock([place.session_id])[place.session_id]
    return WaitlistPlace.objects.select_related("learner", "enrollment").get(pk=place.pk), session


def _require_offer(place: WaitlistPlace, *, at: datetime) -> None:
    if place.state == State.WAITING:
        raise WaitlistError("No seat is free yet. You keep your place in the line.")
    if place.state != State.OFFERED or (place.offer_expires_at or at) <= at:
        raise WaitlistError(
            "This offer is over. If the session is still full, you can join its waitlist anew."
        )
