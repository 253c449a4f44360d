"""What of a course was opened and read."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from courses.models.catalog import Lesson
from courses.models.enrollment import Enrollment


class LessonProgress(models.Model):
    """A lesson that a learner has opened, how far they came, and when they said it was read.

    ``position`` is the farthest place, ``seconds`` the time that the page was in view; both stay 0
    without JavaScript.
    """

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="lesson_progress")
    lesson = models.ForeignKey(Lesson, models.PROTECT, related_name="progress")
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    position = models.PositiveSmallIntegerField(default=0, help_text="Percent")
    seconds = models.PositiveIntegerField(default=0)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "lesson"], name="lesson_progress_once_per_enrollment"
            ),
            models.CheckConstraint(
                condition=Q(position__lte=100), name="lesson_progress_position_is_percent"
            ),
            models.CheckConstraint(
                condition=Q(seen_at__gte=F("opened_at"))
                & (Q(read_at__isnull=True) | Q(read_at__gte=F("opened_at"))),
                name="lesson_progress_begins_with_opening",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lesson}, {'read' if self.read_at else 'opened'}"
