"""Reading: which lessons were opened and read."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from courses import learning
from courses.models import Enrollment, Lesson, LessonProgress


@transaction.atomic
def mark_read(*, enrollment: Enrollment, lesson: Lesson, at: datetime) -> None:
    """Note that the learner has read a lesson. Reading it again keeps the first moment.

    Raises LearningError if the learner has withdrawn.
    """
    enrollment = learning.locked_in_time(enrollment, at=at)
    LessonProgress.objects.get_or_create(
        enrollment=enrollment, lesson=lesson, defaults={"read_at": at}
    )
