"""What of a course was read."""

from __future__ import annotations

from django.db import models

from courses.models.catalog import Lesson
from courses.models.enrollment import Enrollment


class LessonProgress(models.Model):
    """A lesson that a learner has marked as read."""

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="lesson_progress")
    lesson = models.ForeignKey(Lesson, models.PROTECT, related_name="progress")
    read_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "lesson"], name="lesson_progress_once_per_enrollment"
            )
        ]

    def __str__(self) -> str:
        return f"{self.lesson} read"
