"""Correction requests: what holders say is wrong, and what was decided."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import User
from transcripts.models.credit import CreditEntry


class CorrectionRequestQuerySet(models.QuerySet["CorrectionRequest"]):
    def open(self) -> CorrectionRequestQuerySet:
        return self.filter(decision="")

    def newest_first(self) -> CorrectionRequestQuerySet:
        return self.order_by("-asked_at", "-id")


class CorrectionRequest(models.Model):
    """A holder's word that an award says something wrong, and what a curator decided about it."""

    class Wrong(models.TextChoices):
        NAME = "name", "My name or a license number"
        HOURS = "hours", "The hours"
        DATE = "date", "A date"
        OTHER = "other", "Something else"

    class Decision(models.TextChoices):
        GRANTED = "granted", "Granted"
        DECLINED = "declined", "Declined"

    entry = models.ForeignKey(CreditEntry, models.PROTECT, related_name="correction_requests")
    wrong = models.CharField("what is wrong", max_length=10, choices=Wrong.choices)
    words = models.TextField("in the holder's words")
    asked_at = models.DateTimeField()
    decision = models.CharField(max_length=10, choices=Decision.choices, blank=True)
    answer = models.TextField(blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="corrections_decided"
    )

    objects = CorrectionRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entry"],
                condition=Q(decision=""),
                name="correction_request_one_open_per_entry",
            ),
            models.CheckConstraint(
                condition=Q(
                    decision="", answer="", decided_at__isnull=True, decided_by__isnull=True
                )
                | (
                    Q(
                        decision__in=["granted", "declined"],
                        decided_at__isnull=False,
                        decided_by__isnull=False,
                    )
                    & ~Q(answer="")
                ),
                name="correction_request_is_open_or_decided_with_words",
            ),
            models.CheckConstraint(
                condition=~Q(words="") & Q(wrong__in=["name", "hours", "date", "other"]),
                name="correction_request_says_what_is_wrong",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_wrong_display()} of {self.entry}"
