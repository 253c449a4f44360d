"""A learner's seat: take it, give it back."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import User
from courses import approvals
from courses.models import Completion, Course, Enrollment, Session


class EnrollmentError(Exception):
    """Why a seat cannot be had or given back, in a sentence for the learner."""


@transaction.atomic
def enroll(
    *, learner: User, course: Course, session: Session | None = None, at: datetime
) -> Enrollment:
    """Give the learner a seat in a published course; in one of its sessions if it is live.

    Enrolling again gives the seat that the learner holds.
    Locks the course, then the session (it carries the limit), so the last seat goes to one.
    Raises EnrollmentError if the course is closed or gives no credit, or the session is past, full
    or not of it. Credit is judged on the day of the session, or else on the day of enrolling.
    """
    course = Course.objects.select_for_update(of=["self"]).get(pk=course.pk)
    held = Enrollment.objects.open().filter(learner=learner, course=course).first()
    if held:
        return held
    if not course.is_published:
        raise EnrollmentError("This course is not open for enrollment.")
    if course.is_live:
        session = _seat_in(session, course, at=at)
        if not approvals.gives_credit(course, on=approvals.day_of(session)):
            raise EnrollmentError(
                "No approval of this course is in date on the day of this session, so it would "
                "give no credit."
            )
    elif session is not None:
        raise EnrollmentError("This course has no live sessions.")
    elif not approvals.gives_credit(course, on=at.astimezone(learner.tz).date()):
        raise EnrollmentError(
            "No approval of this course is in date today, so it would give no credit. Enrollment "
            "opens when one is."
        )
    return Enrollment.objects.create(
        learner=learner, course=course, session=session, enrolled_at=at
    )


def _seat_in(session: Session | None, course: Course, *, at: datetime) -> Session:
    if session is None:
        raise EnrollmentError("Choose a session.")
    session = Session.objects.select_for_update(of=["self"]).get(pk=session.pk)
    if session.course_id != course.pk:
        raise EnrollmentError("This session belongs to another course.")
    if session.starts_at <= at:
        raise EnrollmentError("This session has begun already. Choose a later one.")
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
    if enrollment.withdrawn_at is None:
        enrollment.withdrawn_at = at
        enrollment.save(update_fields=["withdrawn_at"])
