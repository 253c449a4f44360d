"""Post-tests handed in."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from courses.models.enrollment import Enrollment


class Attempt(models.Model):
    """A post-test handed in: what was asked, what was answered, how it was graded.

    ``answers`` keeps the words that were shown, so a later edit of the test changes nothing here.
    """

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    submitted_at = models.DateTimeField()
    right = models.PositiveSmallIntegerField("right answers")
    asked = models.PositiveSmallIntegerField("questions")
    needed = models.PositiveSmallIntegerField("right answers needed")
    answers = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "number"], name="attempt_number_once_per_enrollment"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1, asked__gte=1, right__lte=F("asked"))
                & Q(needed__gte=1, needed__lte=F("asked")),
                name="attempt_figures_fit_together",
            ),
        ]

    def __str__(self) -> str:
        return f"Attempt {self.number}: {self.right} of {self.asked}"

    @property
    def passed(self) -> bool:
        return self.right >= self.needed
