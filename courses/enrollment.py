"""A learner's seat: take it, change it for one in another session, give it back, lose it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import transaction

from accounts.models import User
from ce_portal import formats
from courses import approvals, completion, notices, repeats, seats
from courses.models import Completion, Course, Enrollment, Session, WaitlistPlace
from courses.requirements import asked_of, minutes_to_attend


class EnrollmentError(Exception):
    """Why a seat cannot be had, changed or given back, in a sentence for the learner."""


@transaction.atomic
def enroll(
    *, learner: User, course: Course, session: Session | None = None, at: datetime
) -> Enrollment:
    """Give the learner a seat in a published course; in one of its sessions if it is live.

    Enrolling again gives the seat that the learner holds, also of a completed course that gives its
    credit once. What the course asks is pinned on the enrollment. Nobody who waits is overtaken; a
    seat that is offered to the learner is taken.
    Locks the course, then the session (it carries the limit), so the last seat goes to one.
    After commit, a mail confirms it.
    Raises EnrollmentError if the course is closed or gives no credit, or the session is past,
    cancelled, closed for enrollment, full or not of it, or if the learner has had the credit and
    may not earn it again by then. Credit is judged on the day of the session, or else on the day of
    enrolling.
    """
    course = seats.lock_course(course.pk)
    held = Enrollment.objects.in_progress().filter(learner=learner, course=course).first()
    if held:
        return held
    earlier = repeats.earlier_credit(learner=learner, course=course)
    if earlier and course.repeat_after_days is None:
        return earlier.enrollment
    session = check(learner=learner, course=course, session=session, at=at)
    place = _take_seat(session, learner, at=at) if session else None
    enrollment = Enrollment.objects.create(
        learner=learner,
        course=course,
        session=session,
        enrolled_at=at,
        expires_at=_until_when(course, session, at=at),
        requirements=asked_of(course, session),
    )
    if place:
        _close(place, enrollment, at=at)
    notices.enrolled(enrollment=enrollment, at=at)
    return enrollment


def check(
    *, learner: User, course: Course, session: Session | None, at: datetime
) -> Session | None:
    """May the learner have a seat, if there is one? Gives the session, locked.

    Needs the course locked. Raises EnrollmentError as ``enroll`` does.
    """
    if not course.is_published:
        raise EnrollmentError("This course is not open for enrollment.")
    if course.is_live:
        session = _open_session(session, course, at=at)
    elif session is not None:
        raise EnrollmentError("This course has no live sessions.")
    day = approvals.day_of(session) if session else at.astimezone(learner.tz).date()
    _check_credit(learner, course, session, on=day)
    return session


def _open_session(session: Session | None, course: Course, *, at: datetime) -> Session:
    if session is None:
        raise EnrollmentError("Choose a session.")
    session = seats.lock([session.pk])[session.pk]
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
    if session.capacity == 0:
        raise EnrollmentError("This session takes no enrollments. Choose another one.")
    return session


def _check_credit(learner: User, course: Course, session: Session | None, *, on: date) -> None:
    earlier = repeats.earlier_credit(learner=learner, course=course)
    if earlier and not repeats.may_repeat(course, earlier, on=on):
        raise EnrollmentError(repeats.why_not(course, earlier))
    if approvals.gives_credit(course, on=on):
        return
    if session:
        raise EnrollmentError(
            "No approval of this course is in date on the day of this session, so it would give "
            "no credit."
        )
    raise EnrollmentError(
        "No approval of this course is in date today, so it would give no credit. Enrollment opens "
        "when one is."
    )


def _take_seat(session: Session, learner: User, *, at: datetime) -> WaitlistPlace | None:
    """The learner's place if a seat was offered to it; None if one is free for everybody.

    Raises EnrollmentError if neither is.
    """
    # First to those who wait: what is free then, nobody waits for.
    seats.settle(session=session, at=at)
    place = session.waitlist.offered().filter(learner=learner).first()
    if place is None and not seats.has_room(session):
        if seats.has_waitlist(session, at=at):
            raise EnrollmentError("This session is full. Join its waitlist, or choose another one.")
        raise EnrollmentError("This session is full. Choose another one.")
    return place


def _close(place: WaitlistPlace, enrollment: Enrollment, *, at: datetime) -> None:
    place.state = WaitlistPlace.State.TAKEN
    place.enrollment = enrollment
    place.closed_at = at
    place.save(update_fields=["state", "enrollment", "closed_at"])


def _until_when(course: Course, session: Session | None, *, at: datetime) -> datetime | None:
    if course.access_days is None:
        return None
    return (session.ends_at if session else at) + timedelta(days=course.access_days)


@transaction.atomic
def move(*, enrollment: Enrollment, to: Session, at: datetime) -> Enrollment:
    """Change the seat for one in another session of the course; work that is done stays done.

    Minutes to attend are from now on those of the new session, and the time to finish counts from
    it. The seat that is left goes to who waits for it. Moving to the same session changes nothing.
    Locks the course, both sessions, then the enrollment.
    After commit, a mail confirms it.
    Raises EnrollmentError if the enrollment is over or completed, if minutes were recorded or the
    session was evaluated, or if the other one cannot be enrolled in or would give no credit.
    """
    course = seats.lock_course(enrollment.course_id)
    enrollment = _locked(enrollment, to)
    left = enrollment.session
    if left is not None and left.pk == to.pk:
        return enrollment
    if enrollment.completed_at is not None:
        raise EnrollmentError("You have completed this course; its date stays as it is.")
    if enrollment.is_over:
        raise EnrollmentError("You have no seat in this course any more. Enroll anew.")
    if left is None or not course.is_live:
        raise EnrollmentError("This course has no live sessions.")
    if enrollment.attendance.standing().exists():
        raise EnrollmentError(
            "Minutes of yours are recorded in this session already, so your seat stays in it. To "
            "attend another one, withdraw and enroll anew."
        )
    if enrollment.evaluated_at is not None:
        raise EnrollmentError(
            "You have evaluated this session already, so your seat stays in it. To attend another "
            "one, withdraw and enroll anew."
        )
    to = _open_session(to, course, at=at)
    _check_credit(enrollment.learner, course, to, on=approvals.day_of(to))
    place = _take_seat(to, enrollment.learner, at=at)
    enrollment.session = to
    enrollment.moves += 1
    if "attendance" in enrollment.requirements:
        enrollment.requirements["attendance"] = {"minutes": minutes_to_attend(course, to)}
    if enrollment.expires_at is not None:
        enrollment.expires_at += to.ends_at - left.ends_at
    enrollment.save(update_fields=["session", "moves", "requirements", "expires_at"])
    if place:
        _close(place, enrollment, at=at)
    seats.settle(session=left, at=at)
    notices.moved(enrollment=enrollment, left=left, at=at)
    return enrollment


@transaction.atomic
def withdraw(*, enrollment: Enrollment, at: datetime) -> None:
    """Give the seat back; it goes to who waits for it. Withdrawing twice keeps the first moment.

    Locks the course and the session, then the enrollment, so it cannot be completed at the same
    moment. After commit, a mail confirms it.
    Raises EnrollmentError if it is completed: credit that was earned stays.
    """
    seats.lock_course(enrollment.course_id)
    enrollment = _locked(enrollment)
    if Completion.objects.filter(enrollment=enrollment).exists():
        raise EnrollmentError("You have completed this course; it stays on your transcript.")
    if enrollment.is_over:
        return
    enrollment.withdrawn_at = max(at, enrollment.enrolled_at)
    enrollment.save(update_fields=["withdrawn_at"])
    if enrollment.session is not None:
        seats.settle(session=enrollment.session, at=at)
    notices.withdrawn(enrollment=enrollment, at=at)


@transaction.atomic
def expire(*, enrollment: Enrollment, at: datetime) -> None:
    """End an enrollment whose time is over; its seat goes to who waits for it. Again changes
    nothing.

    Nothing that was begun prolongs it. It stays if it is completed, or if the learner has done
    their part in time: what is left then is for others, the host's record or an approval.
    Locks the course and the session, then the enrollment, so it cannot be completed at the same
    moment. After commit, a mail tells it.
    """
    seats.lock_course(enrollment.course_id)
    enrollment = _locked(enrollment)
    if enrollment.is_over or enrollment.completed_at is not None:
        return
    if enrollment.expires_at is None or at < enrollment.expires_at:
        return
    if not completion.left_to_do(enrollment):
        return
    enrollment.expired_at = at
    enrollment.save(update_fields=["expired_at"])
    if enrollment.session is not None:
        seats.settle(session=enrollment.session, at=at)
    notices.enrollment_expired(enrollment=enrollment, at=at)


def _locked(enrollment: Enrollment, *sessions: Session) -> Enrollment:
    """The enrollment, locked after its session and these. Needs the course locked: then nobody
    moves it meanwhile."""
    held = Enrollment.objects.filter(pk=enrollment.pk, session__isnull=False)
    seats.lock([*held.values_list("session", flat=True), *(session.pk for session in sessions)])
    return (
        Enrollment.objects.select_for_update(of=["self"])
        .select_related("learner", "session__course")
        .get(pk=enrollment.pk)
    )
