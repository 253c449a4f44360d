"""Who may read whose record, what of it, and when."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.db.models import F, Q

from accounts.models.users import User


class Scope(models.TextChoices):
    """A part of a record that a trainee lets a supervisor read, or does not."""

    CREDIT = "credit", "Credit and certificates"
    RENEWAL = "renewal", "Progress toward the plan"
    REFLECTIONS = "reflections", "Reflections that are shared"
    EVIDENCE = "evidence", "Evidence of outside credit"
    PRACTICE = "practice", "Supervised practice log"


class Shared(models.Model):
    """Which parts of a record are shared: a column for each scope."""

    shares_credit = models.BooleanField(default=False)
    shares_renewal = models.BooleanField(default=False)
    shares_reflections = models.BooleanField(default=False)
    shares_evidence = models.BooleanField(default=False)
    shares_practice = models.BooleanField(default=False)

    class Meta:
        abstract = True

    @property
    def scopes(self) -> list[Scope]:
        return [scope for scope in Scope if getattr(self, f"shares_{scope}")]


class SupervisionQuerySet(models.QuerySet["Supervision"]):
    def active(self, *, at: datetime) -> SupervisionQuerySet:
        """Consented, begun and not ended at that moment, between two open accounts."""
        return self.filter(
            Q(ended_at__isnull=True) | Q(ended_at__gt=at),
            Q(ends_at__isnull=True) | Q(ends_at__gt=at),
            accepted_at__lte=at,
            begins_at__lte=at,
            declined_at__isnull=True,
            supervisor__is_active=True,
            trainee__is_active=True,
        )

    def sharing(self, scope: Scope) -> SupervisionQuerySet:
        """Those whose trainee lets that part of the record be read."""
        return self.filter(**{f"shares_{scope}": True})

    def open(self) -> SupervisionQuerySet:
        """Neither declined nor ended: waiting for an answer, or active."""
        return self.filter(declined_at__isnull=True, ended_at__isnull=True)

    def waiting(self) -> SupervisionQuerySet:
        return self.open().filter(accepted_at__isnull=True)

    def of(self, user: User) -> SupervisionQuerySet:
        """Those where the user is on either side."""
        return self.filter(Q(supervisor=user) | Q(trainee=user))

    def newest_first(self) -> SupervisionQuerySet:
        return self.order_by("-requested_at", "-id")


class Supervision(Shared):
    """A supervisor's request to read a trainee's record, and the trainee's answer.

    What the trainee shares is visible from ``begins_at`` until ``ends_at`` or ``ended_at``,
    whichever is first, and at no other time.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    supervisor = models.ForeignKey(User, models.PROTECT, related_name="supervisions_given")
    trainee = models.ForeignKey(User, models.PROTECT, related_name="supervisions_received")
    requested_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    begins_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField("to end", null=True, blank=True)
    declined_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="supervisions_ended"
    )

    objects = SupervisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["supervisor", "trainee"],
                condition=Q(declined_at__isnull=True, ended_at__isnull=True),
                name="supervision_one_open_per_pair",
            ),
            models.CheckConstraint(
                condition=~Q(supervisor=F("trainee")), name="supervision_is_of_somebody_else"
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(accepted_at__gte=F("requested_at")),
                name="supervision_accepted_after_request",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True, begins_at__isnull=True)
                | Q(begins_at__gte=F("accepted_at")),
                name="supervision_begins_with_consent",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("begins_at")),
                name="supervision_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(declined_at__isnull=True),
                name="supervision_not_both_accepted_and_declined",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("requested_at")),
                name="supervision_ended_after_request",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="supervision_ended_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["trainee", "supervisor"], name="supervision_by_trainee")]

    def __str__(self) -> str:
        return f"{self.supervisor} supervises {self.trainee}"
