"""The dates of a course: announce one, change it, cancel it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from courses import listing, notices, seats
from courses.models import Course, Enrollment, Session
from courses.requirements import minutes_to_attend

# Of these a learner is told, and the calendars hear of them.
TOLD = ("starts_at", "ends_at", "time_zone", "place", "join_url")
WRITTEN = (
    *TOLD,
    "course",
    "key",
    "capacity",
    "enrollment_opens_at",
    "enrollment_closes_at",
    "attendance_minutes",
    "sequence",
    "changed_at",
)


class SessionError(Exception):
    """Why a session cannot be so, in sentences for the curator; and the field that it is about."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        self.field = field
        super().__init__(message)


@transaction.atomic
def save(*, session: Session, at: datetime) -> None:
    """Announce a new session, or change one to what it is given as.

    How long one must attend is copied from the course, unless the session says it. New seats go to
    those who wait. The listing is left to the caller.
    Locks the course, the session, then the enrollments whose minutes a shorter session lowers.
    After commit, a mail goes to each learner if the time, the place or the link has changed.
    Raises SessionError as ``check`` does.
    """
    before = check(session=session)
    _keep_minutes_to_attend(session)
    if before is None:
        session.save()
        return
    has_changed = _differ(before, session, *TOLD)
    session.sequence = before.sequence + has_changed
    session.changed_at = at if has_changed else before.changed_at
    session.save(update_fields=WRITTEN)
    # As it is now, with its course.
    session = seats.lock([session.pk])[session.pk]
    seats.settle(session=session, at=at)
    if has_changed:
        _ask_no_more_than(session)
        _give_more_time(session, later=session.ends_at - before.ends_at)
        if max(before.ends_at, session.ends_at) > at:
            for enrollment in _held(session):
                notices.session_changed(enrollment=enrollment, at=at)


@transaction.atomic
def check(*, session: Session) -> Session | None:
    """May the session become what it is given as? Gives it as it is now; None of a new one.

    Locks the course and the session: what holds here does so to the end of the transaction.
    Raises SessionError if it was cancelled, if it would have less seats than are taken, or if
    learners would find themselves in another course.
    """
    course_id = Session.objects.filter(pk=session.pk).values_list("course", flat=True).first()
    if course_id is None:
        return None
    seats.lock_course(course_id)
    before = seats.lock([session.pk])[session.pk]
    if before.is_cancelled and _differ(before, session, *TOLD, "course_id", "capacity"):
        raise SessionError("This session was cancelled. Announce a new one instead.")
    if _differ(before, session, "course_id") and (
        before.enrollments.exists() or before.waitlist.exists()
    ):
        raise SessionError(
            "Learners have enrolled in this session: it stays with its course.", field="course"
        )
    if session.capacity is not None and _differ(before, session, "capacity"):
        taken = seats.taken(before)
        if session.capacity < taken:
            raise SessionError(
                f"{taken} seat{' is' if taken == 1 else 's are'} taken, with those on offer to the "
                f"waitlist. Allow at least {taken}.",
                field="capacity",
            )
    return before


def _differ(before: Session, session: Session, *names: str) -> bool:
    return any(getattr(before, name) != getattr(session, name) for name in names)


def _keep_minutes_to_attend(session: Session) -> None:
    course: Course = session.course
    says = course.attendance_minutes is not None or course.attendance_percent is not None
    if session.attendance_minutes is None and course.requires_attendance and says:
        # Nobody can attend longer than it lasts.
        session.attendance_minutes = min(minutes_to_attend(course, session), session.minutes)


def _ask_no_more_than(session: Session) -> None:
    """What is pinned never rises with a change, but of a shorter session it falls."""
    minutes = max(1, min(minutes_to_attend(session.course, session), session.minutes))
    rows = Enrollment.objects.in_progress().filter(session=session).order_by("pk")
    for enrollment in rows.select_for_update(of=["self"]):
        asked = enrollment.requirements.get("attendance")
        if asked and asked["minutes"] > minutes:
            asked["minutes"] = minutes
            enrollment.save(update_fields=["requirements"])


def _give_more_time(session: Session, *, later: timedelta) -> None:
    """The time to finish counts from the session; what a session that is put forward would take
    away stays."""
    if later > timedelta(0):
        rows = Enrollment.objects.in_progress().filter(session=session, expires_at__isnull=False)
        rows.update(expires_at=F("expires_at") + later)


def _held(session: Session) -> list[Enrollment]:
    rows = Enrollment.objects.open().filter(session=session).order_by("enrolled_at", "pk")
    return list(rows.select_related("learner", "course__provider", "session"))


@transaction.atomic
def cancel(*, session: Session, reason: str, at: datetime) -> None:
    """Call a session off. Cancelling twice keeps the first reason.

    Enrollments stay open, so that learners can move to another session or withdraw; the waitlist
    closes. Locks the session, then the catalog's state.
    After commit, a mail goes to each learner and to each who waited.
    Raises SessionError if no reason is given, if it has ended, or if it has given credit.
    """
    reason = " ".join(reason.split())
    if not reason:
        raise SessionError("Say why: learners are told.", field="reason")
    session = seats.lock([session.pk])[session.pk]
    if session.is_cancelled:
        return
    if session.ends_at <= at:
        raise SessionError("This session is over; it can no longer be cancelled.")
    if session.enrollments.filter(completed_at__isnull=False).exists():
        raise SessionError("This session has given credit; it can no longer be cancelled.")
    session.cancelled_at = session.changed_at = at
    session.cancel_reason = reason
    session.sequence += 1
    session.save(update_fields=["cancelled_at", "cancel_reason", "changed_at", "sequence"])
    seats.settle(session=session, at=at)
    for enrollment in _held(session):
        notices.session_cancelled(enrollment=enrollment, at=at)
    listing.relist([session.course_id])
