"""Presence in a live session: a learner checks in and out, a curator records and voids.

What a meeting tool reports comes in through ``attendance_uploads``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction

from accounts.models import User
from ce_portal import formats
from courses import check_in_codes, learning
from courses.models import AttendanceInterval, Enrollment, Session

# Only time inside the session counts; around it people may come early and leave late.
GRACE = timedelta(minutes=15)
WRONG_CODES = 5  # that a person may type
WRONG_CODES_FOR = timedelta(minutes=5)  # until they may try again


@transaction.atomic
def check_in(*, enrollment: Enrollment, code: str, at: datetime) -> AttendanceInterval:
    """Note that the learner is there from now on, by the code that the host shows.

    Locks the enrollment, so nobody is checked in twice.
    Raises LearningError if the session is not on or cancelled, the enrollment has ended or is
    completed, the code is wrong or typed wrongly too often, or the learner is checked in already.
    """
    enrollment, session = _locked(enrollment)
    _require_code(enrollment, session, code, at=at, opens=session.starts_at - GRACE)
    if at >= session.ends_at:
        raise learning.LearningError("The session is over. You can still check out, not in.")
    since = enrollment.attendance.checked_in().first()
    if since:
        moment = formats.show_moment(since.starts_at, enrollment.learner.tz)
        raise learning.LearningError(f"You are checked in already, since {moment}.")
    return AttendanceInterval.objects.create(
        enrollment=enrollment,
        starts_at=at,
        source=AttendanceInterval.Source.CODE,
        recorded_by=enrollment.learner,
        recorded_at=at,
    )


@transaction.atomic
def check_out(*, enrollment: Enrollment, code: str, at: datetime) -> AttendanceInterval:
    """Note that the learner has left, and complete the course if nothing else is outstanding.

    Locks the enrollment.
    Raises LearningError as ``check_in`` does, and if the learner is not checked in.
    """
    enrollment, session = _locked(enrollment)
    _require_code(enrollment, session, code, at=at, opens=session.starts_at - GRACE)
    interval = enrollment.attendance.checked_in().first()
    if interval is None:
        raise learning.LearningError("You are not checked in.")
    if at <= interval.starts_at:
        raise learning.LearningError("You checked in this very moment. Try again.")
    interval.ends_at = at
    interval.save(update_fields=["ends_at"])
    learning.complete_if_possible(enrollment, at=at)
    return interval


@transaction.atomic
def record(
    *,
    enrollment: Enrollment,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    by: User,
    at: datetime,
) -> AttendanceInterval:
    """Add a time that the learner was present, as a curator knows for the reason given, and
    complete the course if nothing else is outstanding.

    Locks the enrollment.
    Raises LearningError if the time is none of the session's, has not passed or has no reason, if
    the session is cancelled, if the enrollment has ended or is completed, or if it is one's own.
    """
    enrollment, session = _locked(enrollment)
    if not reason.strip():
        raise learning.LearningError("Say how you know that the learner was there.")
    if by.pk == enrollment.learner_id:
        raise learning.LearningError("Somebody else must record your attendance.")
    if session.starts_at > at:
        raise learning.LearningError("The session has not begun.")
    if ends_at <= starts_at:
        raise learning.LearningError("The time ends before it begins.")
    if ends_at > at:
        raise learning.LearningError("The time is not over yet.")
    if ends_at <= session.starts_at or starts_at >= session.ends_at:
        held = formats.show_span(session.starts_at, session.ends_at, session.tz)
        day = formats.show_day(session.starts_at.astimezone(session.tz).date())
        raise learning.LearningError(f"The session was on {day}, {held}: no part of the time is.")
    interval = AttendanceInterval.objects.create(
        enrollment=enrollment,
        starts_at=starts_at,
        ends_at=ends_at,
        source=AttendanceInterval.Source.CURATOR,
        detail=reason.strip(),
        recorded_by=by,
        recorded_at=at,
    )
    learning.complete_if_possible(enrollment, at=at)
    return interval


@transaction.atomic
def void(*, interval: AttendanceInterval, reason: str, by: User, at: datetime) -> None:
    """Take back a time of presence: it stays to be seen, and counts no more. Doing it twice keeps
    the first reason.

    Locks the enrollment, so that it cannot be completed by what is taken back.
    Raises LearningError if there is no reason, or if the course is completed by then.
    """
    enrollment = Enrollment.objects.select_for_update(of=["self"]).get(pk=interval.enrollment_id)
    interval = AttendanceInterval.objects.select_for_update(of=["self"]).get(pk=interval.pk)
    if interval.voided_at is not None:
        return
    if not reason.strip():
        raise learning.LearningError("Say why this time does not count.")
    if enrollment.completed_at is not None:
        raise learning.LearningError(
            "The course is completed, and what it was completed by stays as it is. If the credit "
            "is wrong, reverse it in the ledger."
        )
    interval.voided_at, interval.voided_by, interval.void_reason = at, by, reason.strip()
    interval.save(update_fields=["voided_at", "voided_by", "void_reason"])


def is_open(session: Session, *, at: datetime) -> bool:
    """Are codes shown, and taken?"""
    return session.cancelled_at is None and (
        session.starts_at - GRACE <= at < session.ends_at + GRACE
    )


def _locked(enrollment: Enrollment) -> tuple[Enrollment, Session]:
    """The enrollment, locked, and its session as it is now."""
    enrollment = learning.locked(enrollment)
    if enrollment.completed_at is not None:
        raise learning.LearningError(
            "This course is completed. Its attendance stays as it was on that day."
        )
    if enrollment.session_id is None:
        raise learning.LearningError("This course has no live session to attend.")
    session = Session.objects.get(pk=enrollment.session_id)
    if session.cancelled_at is not None:
        raise learning.LearningError("This session was cancelled.")
    return enrollment, session


def _require_code(
    enrollment: Enrollment, session: Session, code: str, *, at: datetime, opens: datetime
) -> None:
    if at < opens:
        moment = formats.show_moment(opens, enrollment.learner.tz)
        raise learning.LearningError(f"Check-in opens on {moment}.")
    if at >= session.ends_at + GRACE:
        raise learning.LearningError(
            "The session is over, and its codes are no longer taken. Ask the host to record when "
            "you were there."
        )
    # Wrong codes are counted outside the transaction, which a refusal takes back.
    counter = f"wrong-check-in-codes-{enrollment.learner_id}"
    cache.add(counter, 0, timeout=WRONG_CODES_FOR.total_seconds())
    if cache.get(counter, 0) >= WRONG_CODES:
        raise learning.LearningError(
            "Too many wrong codes. Wait five minutes, or ask the host to record that you are here."
        )
    right = check_in_codes.accepts(code, key=session.check_in_key, session_id=session.pk, at=at)
    if not right:
        _count_wrong_code(counter)
        raise learning.LearningError(
            "That is not the code. It changes every two minutes: type the one on the screen now."
        )


def _count_wrong_code(counter: str) -> None:
    try:
        cache.incr(counter)
    except ValueError:
        # It ran out this moment.
        cache.set(counter, 1, timeout=WRONG_CODES_FOR.total_seconds())
