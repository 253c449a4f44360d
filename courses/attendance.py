"""Minutes of presence in a live session, each with its source."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import User
from courses import learning
from courses.models import Attendance, Enrollment


@transaction.atomic
def record(
    *, enrollment: Enrollment, minutes: int, source: str, by: User, at: datetime
) -> Attendance:
    """Add minutes that the learner was present (below zero: a correction), and complete the course
    if nothing else is outstanding.

    Locks the enrollment.
    Raises LearningError if the learner has withdrawn or the session has not begun.
    """
    enrollment = learning.locked(enrollment)
    if enrollment.session is None or enrollment.session.starts_at > at:
        raise learning.LearningError("The session has not begun.")
    attendance = Attendance.objects.create(
        enrollment=enrollment, minutes=minutes, source=source, recorded_by=by, recorded_at=at
    )
    learning.complete_if_possible(enrollment, at=at)
    return attendance
