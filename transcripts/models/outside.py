"""What is true of training taken elsewhere: what its holder says of it, and who looked at it."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Lower
from django.urls import reverse

from accounts.models import Scope, User
from transcripts.models.credit import readable_by
from transcripts.models.evidence import Evidence

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


NOT_KEPT = Q(withdrawn_at__isnull=False, decision__isnull=True)


class OutsideCreditQuerySet(models.QuerySet["OutsideCredit"]):
    def visible_to(self, user: User | AnonymousUser, *, at: datetime) -> OutsideCreditQuerySet:
        """The user's own, what their trainees share and keep at that moment, and staff: all."""
        if user.has_perm("transcripts.view_outsidecredit"):
            return self.all()
        readable = readable_by(user, scope=Scope.EVIDENCE, at=at, holder="holder")
        return self.filter(readable, Q(holder=user.pk) | ~NOT_KEPT)

    def earned_between(self, since: date | None, until: date | None) -> OutsideCreditQuerySet:
        """Earned from ``since`` up to and not including ``until``; None leaves that side open."""
        credit = self
        if since is not None:
            credit = credit.filter(earned_on__gte=since)
        if until is not None:
            credit = credit.filter(earned_on__lt=until)
        return credit

    def kept(self) -> OutsideCreditQuerySet:
        """What a transcript shows: all but what was withdrawn before anybody decided on it."""
        return self.exclude(NOT_KEPT)

    def counting(self) -> OutsideCreditQuerySet:
        """Neither refused nor withdrawn."""
        return self.filter(withdrawn_at__isnull=True).exclude(
            decision__verdict=OutsideDecision.Verdict.REFUSED
        )

    def undecided(self) -> OutsideCreditQuerySet:
        """Recorded, and waiting for somebody to look at it."""
        return self.filter(withdrawn_at__isnull=True, decision__isnull=True)

    def titled(self, title: str) -> OutsideCreditQuerySet:
        """Of that title, whatever its case."""
        return self.alias(title_in_lower_case=Lower("title")).filter(
            title_in_lower_case=Lower(Value(title))
        )

    def with_state(self) -> OutsideCreditQuerySet:
        """Fetches what ``state`` reads, and the evidence."""
        return self.select_related("decision", "evidence")

    def newest_first(self) -> OutsideCreditQuerySet:
        return self.order_by("-earned_on", "-recorded_at", "-id")


class OutsideCredit(models.Model):
    """Training that a holder took elsewhere, in their own words, with the proof of it.

    Nothing here is of our issue (``is_outside``). The holder changes it until somebody decides;
    from then on the database refuses, and a correction is to withdraw it and to record it anew.
    """

    class Format(models.TextChoices):
        """As courses have it."""

        IN_PERSON = "in-person", "In person"
        LIVE_WEBINAR = "live-webinar", "Live interactive webinar"
        RECORDED = "recorded", "Recorded"
        TEXT = "text", "Text-based"
        HYBRID = "hybrid", "Hybrid"

    class State(models.TextChoices):
        RECORDED = "recorded", "Recorded"
        CONFIRMED = "confirmed", "Confirmed"
        REFUSED = "refused", "Refused"
        WITHDRAWN = "withdrawn", "Withdrawn"

    is_outside = True

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    holder = models.ForeignKey(User, models.PROTECT, related_name="outside_credit")
    title = models.CharField(max_length=200)
    provider = models.CharField(max_length=200)
    provider_contact = models.TextField(blank=True)
    instructors = models.CharField(max_length=300, blank=True)
    format = models.CharField(max_length=20, choices=Format.choices)
    location = models.CharField(max_length=200, blank=True)
    started_on = models.DateField("begun")
    earned_on = models.DateField("completed")
    hours = models.DecimalField(max_digits=5, decimal_places=2)
    certificate_number = models.CharField(max_length=80, blank=True)
    evidence = models.OneToOneField(Evidence, models.PROTECT, related_name="credit")
    recorded_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = OutsideCreditQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "outside credit"
        # That nothing changes once it is decided is said by triggers.
        constraints = [
            models.CheckConstraint(
                condition=~Q(title="") & ~Q(provider=""), name="outside_credit_names_its_facts"
            ),
            models.CheckConstraint(condition=Q(hours__gt=0), name="outside_credit_has_hours"),
            models.CheckConstraint(
                condition=Q(started_on__lte=F("earned_on")),
                name="outside_credit_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(changed_at__gte=F("recorded_at"))
                & (Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("recorded_at"))),
                name="outside_credit_changed_after_it_was_recorded",
            ),
            models.CheckConstraint(
                condition=Q(format__in=["in-person", "live-webinar", "recorded", "text", "hybrid"]),
                name="outside_credit_has_a_known_format",
            ),
        ]
        indexes = [models.Index(fields=["holder", "earned_on"], name="outside_credit_by_holder")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("transcripts:outside", args=[self.pk])

    @property
    def state(self) -> OutsideCredit.State:
        """Asks the database unless the decision was selected with it (``with_state``)."""
        if self.withdrawn_at is not None:
            return self.State.WITHDRAWN
        decision = getattr(self, "decision", None)
        return self.State(decision.verdict) if decision else self.State.RECORDED

    @property
    def counts(self) -> bool:
        """Recorded or confirmed: its hours are in the totals, as what they are."""
        return self.state in {self.State.RECORDED, self.State.CONFIRMED}


class OutsideLine(models.Model):
    """Hours of one credit type with one approving body, as the holder reads them on the proof.

    A body that the portal does not list has a name and no slug; where none approved, neither.
    """

    credit = models.ForeignKey(OutsideCredit, models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    body = models.CharField(max_length=80, blank=True)
    body_name = models.CharField(max_length=80, blank=True)
    approval_number = models.CharField(max_length=60, blank=True)
    approval_statement = models.TextField(blank=True)
    credit_type = models.CharField(max_length=80)
    credit_type_name = models.CharField(max_length=80)
    hours = models.DecimalField(max_digits=5, decimal_places=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["credit", "body_name", "credit_type"],
                name="outside_line_once_per_body_and_type",
            ),
            models.CheckConstraint(condition=Q(hours__gt=0), name="outside_line_has_hours"),
        ]

    def __str__(self) -> str:
        return f"{self.body_name}, {self.credit_type_name}: {self.hours}"


class OutsideDecision(models.Model):
    """What somebody who looked at the proof says of it. The database refuses to change it."""

    class Verdict(models.TextChoices):
        CONFIRMED = "confirmed", "Confirmed"
        REFUSED = "refused", "Refused"

    class Capacity(models.TextChoices):
        STAFF = "staff", "Staff"
        SUPERVISOR = "supervisor", "Supervisor"

    credit = models.OneToOneField(OutsideCredit, models.PROTECT, related_name="decision")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="outside_decisions")
    decided_by_name = models.CharField(max_length=150)
    capacity = models.CharField(max_length=10, choices=Capacity.choices)
    decided_at = models.DateTimeField()

    class Meta:
        # That nobody decides on their own, or on what was withdrawn, is said by triggers.
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict="confirmed") | (Q(verdict="refused") & ~Q(reason="")),
                name="outside_decision_refuses_with_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(capacity__in=["staff", "supervisor"]) & ~Q(decided_by_name=""),
                name="outside_decision_says_who_decided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()}: {self.credit}"
