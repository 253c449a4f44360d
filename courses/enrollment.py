"""A learner's seat: take it, give it back."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from ce_portal import formats
from courses import approvals, repeats
from courses.models import Completion, Course, Enrollment, Session
from courses.requirements import asked_of


class EnrollmentError(Exception):
    """Why a seat cannot be had or given back, in a sentence for the learner."""


@transaction.atomic
def enroll(
    *, learner: User, course: Course, session: Session | None = None, at: datetime
) -> Enrollment:
    """Give the learner a seat in a published course; in one of its sessions if it is live.

    Enrolling again gives the seat that the learner holds, also of a completed course that gives its
    credit once. What the course asks is pinned on the enrollment.
    Locks the course, then the session (it carries the limit), so the last seat goes to one.
    Raises EnrollmentError if the course is closed or gives no credit, or the session is past,
    cancelled, closed for enrollment, full or not of it, or if the learner has had the credit and
    may not earn it again by then. Credit is judged on the day of the session, or else on the day of
    enrolling.
    """
    course = Course.objects.select_for_update(of=["self"]).get(pk=course.pk)
    held = Enrollment.objects.in_progress().filter(learner=learner, course=course).first()
    if held:
        return held
    earlier = repeats.earlier_credit(learner=learner, course=course)
    if earlier and course.repeat_after_days is None:
        return earlier.enrollment
    if not course.is_published:
        raise EnrollmentError("This course is not open for enrollment.")
    if course.is_live:
        session = _seat_in(session, course, at=at)
    day = approvals.day_of(session) if session else at.astimezone(learner.tz).date()
    if earlier and not repeats.may_repeat(course, earlier, on=day):
        raise EnrollmentError(repeats.why_not(course, earlier))
    if course.is_live:
        if not approvals.gives_credit(course, on=day):
            raise EnrollmentError(
                "No approval of this course is in date on the day of this session, so it would "
                "give no credit."
            )
    elif session is not None:
        raise EnrollmentError("This course has no live sessions.")
    elif not approvals.gives_credit(course, on=day):
        raise EnrollmentError(
            "No approval of this course is in date today, so it would give no credit. Enrollment "
            "opens when one is."
        )
    return Enrollment.objects.create(
        learner=learner,
        course=course,
        session=session,
        enrolled_at=at,
        expires_at=_until_when(course, session, at=at),
        requirements=asked_of(course, session),
    )


def _until_when(course: Course, session: Session | None, *, at: datetime) -> datetime | None:
    if course.access_days is None:
        return None
    return (session.ends_at if session else at) + timedelta(days=course.access_days)


def _seat_in(session: Session | None, course: Course, *, at: datetime) -> Session:
    if session is None:
        raise EnrollmentError("Choose a session.")
    session = Session.objects.select_for_update(of=["self"]).get(pk=session.pk)
    if session.course_id != course.pk:
        raise EnrollmentError("This session belongs to another course.")
    if session.cancelled_at is not None:
        raise EnrollmentError("This session was cancelled. Choose another one.")
    if session.starts_at <= at:
        raise EnrollmentError("This session has begun already. Choose a later one.")
    if session.enrollment_opens_at and at < session.enrollment_opens_at:
        opens = formats.show_moment(session.enrollment_opens_at, session.tz)
        raise EnrollmentError(f"Enrollment in this session opens on {opens}.")
    if session.enrollment_closes_at and at >= session.enrollment_closes_at:
        raise EnrollmentError("Enrollment in this session has closed. Choose a later one.")
    if session.capacity is not None:
        taken = Enrollment.objects.open().filter(session=session).count()
        if taken >= session.capacity:
            raise EnrollmentError("This session is full. Choose another one.")
    return session


@transaction.atomic
def withdraw(*, enrollment: Enrollment, at: datetime) -> None:
    """Give the seat back. Withdrawing twice keeps the first moment.

    Locks the enrollment, so it cannot be completed at the same moment.
    Raises EnrollmentError if it is completed: credit that was earned stays.
    """
    enrollment = Enrollment.objects.select_for_update(of=["self"]).get(pk=enrollment.pk)
    if Completion.objects.filter(enrollment=enrollment).exists():
        raise EnrollmentError("You have completed this course; it stays on your transcript.")
    if not enrollment.is_over:
        enrollment.withdrawn_at = at
        enrollment.save(update_fields=["withdrawn_at"])
