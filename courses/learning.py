"""What every step in the course room has in common: the lock, the order of steps, the end."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from courses import completion
from courses.models import Completion, Enrollment

logger = logging.getLogger(__name__)


class LearningError(Exception):
    """Why this step cannot be taken, in a sentence for the learner."""


def locked(enrollment: Enrollment) -> Enrollment:
    """The enrollment, locked. Raises LearningError if it has ended."""
    enrollment = (
        Enrollment.objects.select_for_update(of=["self"])
        .select_related("course", "learner", "session")
        .get(pk=enrollment.pk)
    )
    if enrollment.withdrawn_at is not None:
        raise LearningError("You withdrew from this course. Enroll again to go on.")
    if enrollment.expired_at is not None:
        raise LearningError("Your time for this course is over. Enroll again to go on.")
    return enrollment


def locked_in_time(enrollment: Enrollment, *, at: datetime) -> Enrollment:
    """The enrollment, locked, for a step of the learner's. Raises LearningError if it has ended, or
    if its time is over by then and only the sweep has not come yet."""
    enrollment = locked(enrollment)
    if enrollment.expires_at is not None and enrollment.expires_at <= at:
        raise LearningError("Your time for this course is over. Enroll again to go on.")
    return enrollment


def require(enrollment: Enrollment, *steps: completion.Step) -> None:
    """Raises LearningError if one of these steps is still to be done."""
    for requirement in completion.outstanding(enrollment):
        if requirement.step in steps:
            raise LearningError(f"This opens later. First: {requirement.note.lower()}.")


def complete_if_possible(enrollment: Enrollment, *, at: datetime) -> Completion | None:
    """Complete the enrollment if nothing is outstanding. What was handed in is kept all the same if
    credit cannot be given; the course room says why."""
    try:
        with transaction.atomic():
            return completion.complete_if_ready(enrollment=enrollment, at=at)
    except completion.CompletionError:
        logger.warning("Enrollment %s cannot be completed.", enrollment.pk, exc_info=True)
        return None
