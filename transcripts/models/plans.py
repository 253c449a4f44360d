"""Training plans: what somebody says that a cycle asks of a person."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Prefetch, Q
from django.db.models.functions import Lower

from accounts.models import License, Scope, User
from transcripts.models.credit import readable_by

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class TrainingPlanQuerySet(models.QuerySet["TrainingPlan"]):
    def visible_to(self, user: User | AnonymousUser, *, at: datetime) -> TrainingPlanQuerySet:
        """The user's own, and what their trainees share of it at that moment."""
        return self.filter(readable_by(user, scope=Scope.RENEWAL, at=at, holder="holder"))

    def current(self) -> TrainingPlanQuerySet:
        """Neither replaced nor dropped."""
        return self.filter(superseded_at__isnull=True)

    def with_lines(self) -> TrainingPlanQuerySet:
        """Fetches the lines, the license, and who set the plan."""
        return self.select_related("license", "set_by").prefetch_related(
            Prefetch("lines", PlanLine.objects.order_by("position"))
        )

    def by_end(self) -> TrainingPlanQuerySet:
        """What ends first, first."""
        return self.order_by("until", "set_at", "id")


class TrainingPlan(models.Model):
    """Hours that a person needs from ``since`` to before ``until``: one cycle, as people state it.

    It is what its holder or a supervisor of theirs says, not a board's rule. A plan is not edited:
    a new one takes its place, and the old one stays, with the moment in which it was superseded.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    holder = models.ForeignKey(User, models.PROTECT, related_name="training_plans")
    title = models.CharField(max_length=120)
    license = models.ForeignKey(
        License, models.PROTECT, null=True, blank=True, related_name="training_plans"
    )
    since = models.DateField("first day")
    until = models.DateField("day after the last")
    hours = models.DecimalField("hours needed", max_digits=5, decimal_places=2)
    set_by = models.ForeignKey(User, models.PROTECT, related_name="training_plans_set")
    set_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True, blank=True)

    objects = TrainingPlanQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["license"],
                condition=Q(superseded_at__isnull=True),
                name="training_plan_one_current_per_license",
            ),
            models.UniqueConstraint(
                "holder",
                Lower("title"),
                condition=Q(superseded_at__isnull=True, license__isnull=True),
                name="training_plan_one_current_per_title",
            ),
            models.CheckConstraint(
                condition=Q(since__lt=F("until")), name="training_plan_ends_after_it_begins"
            ),
            models.CheckConstraint(condition=Q(hours__gt=0), name="training_plan_needs_hours"),
            models.CheckConstraint(condition=~Q(title=""), name="training_plan_has_a_title"),
            models.CheckConstraint(
                condition=Q(superseded_at__isnull=True) | Q(superseded_at__gte=F("set_at")),
                name="training_plan_superseded_after_it_was_set",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_current(self) -> bool:
        return self.superseded_at is None

    @property
    def last_day(self) -> date:
        return self.until - timedelta(days=1)

    def covers(self, day: date) -> bool:
        return self.since <= day < self.until


class PlanLine(models.Model):
    """At least so many of a plan's hours are live, or of one credit type."""

    LIVE = ""

    plan = models.ForeignKey(TrainingPlan, models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    credit_type = models.CharField(
        max_length=80, blank=True, help_text="Empty: live hours, of whatever type"
    )
    name = models.CharField(max_length=80)
    hours = models.DecimalField("hours needed", max_digits=5, decimal_places=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "credit_type"], name="plan_line_once_per_credit_type"
            ),
            models.CheckConstraint(condition=Q(hours__gt=0), name="plan_line_needs_hours"),
            models.CheckConstraint(condition=~Q(name=""), name="plan_line_has_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.hours}"

    @property
    def is_live(self) -> bool:
        return self.credit_type == self.LIVE
