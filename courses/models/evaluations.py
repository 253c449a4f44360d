"""Evaluations, without a name."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from courses.models.catalog import Course, Session


class EvaluationResponse(models.Model):
    """An evaluation of a course, without a name.

    The enrollment knows only that its evaluation is in. A random key and a bare date keep
    anybody from matching this row with a person by order or by time.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    course = models.ForeignKey(Course, models.PROTECT, related_name="evaluation_responses")
    session = models.ForeignKey(
        Session, models.PROTECT, null=True, blank=True, related_name="evaluation_responses"
    )
    submitted_on = models.DateField()

    def __str__(self) -> str:
        return f"Evaluation of {self.course}"


class EvaluationAnswer(models.Model):
    """The answer to one question of an evaluation, with the words that were asked."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    response = models.ForeignKey(EvaluationResponse, models.PROTECT, related_name="answers")
    question = models.CharField(max_length=60)
    asked = models.CharField(max_length=500)
    rating = models.PositiveSmallIntegerField(null=True, blank=True)
    text = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["response", "question"], name="evaluation_answer_once_per_question"
            ),
            models.CheckConstraint(
                condition=Q(rating__isnull=True) | Q(rating__gte=1, rating__lte=5),
                name="evaluation_rating_is_1_to_5",
            ),
        ]

    def __str__(self) -> str:
        return self.asked
