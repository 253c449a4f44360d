"""Post-tests: begun, answered, graded."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from courses.models.catalog import Course
from courses.models.enrollment import Enrollment


class Attempt(models.Model):
    """A post-test that a learner began: what was shown, what was answered, how it was graded.

    ``shown`` holds the questions in the order of this attempt, each as ``{"question": id, "kind",
    "ask", "rationale", "choices": [{"choice": id, "text", "is_right"}]}``, so a later edit of the
    test changes nothing here. ``chosen`` maps the id of a question (as text) to the ids of the
    choices taken. Once graded a row never changes: the database refuses.
    """

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    saved_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    asked = models.PositiveSmallIntegerField("questions")
    needed = models.PositiveSmallIntegerField("right answers needed")
    right = models.PositiveSmallIntegerField("right answers", null=True, blank=True)
    shown = models.JSONField()
    chosen = models.JSONField(default=dict)
    rationales = models.CharField(max_length=10, choices=Course.Rationales)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "number"], name="attempt_number_once_per_enrollment"
            ),
            models.UniqueConstraint(
                fields=["enrollment"],
                condition=Q(submitted_at__isnull=True),
                name="attempt_one_open_per_enrollment",
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1, asked__gte=1)
                & (Q(right__isnull=True) | Q(right__lte=F("asked")))
                & Q(needed__gte=1, needed__lte=F("asked")),
                name="attempt_figures_fit_together",
            ),
            models.CheckConstraint(
                condition=Q(submitted_at__isnull=True, right__isnull=True)
                | Q(
                    submitted_at__isnull=False,
                    submitted_at__gte=F("started_at"),
                    right__isnull=False,
                ),
                name="attempt_is_graded_when_handed_in",
            ),
        ]

    def __str__(self) -> str:
        if self.right is None:
            return f"Attempt {self.number}, open"
        return f"Attempt {self.number}: {self.right} of {self.asked}"

    @property
    def is_open(self) -> bool:
        return self.submitted_at is None

    @property
    def passed(self) -> bool:
        return self.right is not None and self.right >= self.needed

    @property
    def answered(self) -> int:
        """How many questions have an answer."""
        return sum(bool(choices) for choices in self.chosen.values())
