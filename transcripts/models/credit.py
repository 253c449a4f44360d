"""What is true of credit: ledger entries with their lines."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from accounts.models import Scope, Supervision, User

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


def supervised_by(user: User | AnonymousUser, *, scope: Scope, at: datetime, holder: str) -> Exists:
    """Whether the holder of the row lets the user read that part of their record then."""
    active = Supervision.objects.active(at=at).sharing(scope)
    return Exists(active.filter(supervisor=user.pk, trainee=OuterRef(holder)))


def readable_by(user: User | AnonymousUser, *, scope: Scope, at: datetime, holder: str) -> Q:
    """Their own, and at that moment what their trainees let them read of that part."""
    return Q(**{holder: user.pk}) | Q(supervised_by(user, scope=scope, at=at, holder=holder))


class CreditEntryQuerySet(models.QuerySet["CreditEntry"]):
    def visible_to(self, user: User | AnonymousUser, *, at: datetime) -> CreditEntryQuerySet:
        """The user's own credit, what their trainees share at that moment, and staff: all."""
        if user.has_perm("transcripts.view_creditentry"):
            return self.all()
        return self.filter(readable_by(user, scope=Scope.CREDIT, at=at, holder="holder"))

    def earned_between(self, since: date | None, until: date | None) -> CreditEntryQuerySet:
        """Earned from ``since`` up to and not including ``until``; None leaves that side open."""
        entries = self
        if since is not None:
            entries = entries.filter(earned_on__gte=since)
        if until is not None:
            entries = entries.filter(earned_on__lt=until)
        return entries

    def standing(self) -> CreditEntryQuerySet:
        """Awards that count: neither a reversal nor reversed."""
        return self.filter(reverses__isnull=True, reversal__isnull=True)

    def newest_first(self) -> CreditEntryQuerySet:
        return self.order_by("-earned_on", "-id")


class ReasonClass(models.TextChoices):
    """Why credit was corrected, as the public may read it."""

    WRONG_HOURS = "wrong_hours", "Wrong hours"
    NAME = "name", "Name correction"
    ERROR = "error", "Issued in error"
    CAUSE = "cause", "Revoked for cause"
    DUPLICATE = "duplicate", "Duplicate"
    DATE = "date", "Wrong date"
    RESTORED = "restored", "Withdrawn by mistake"


class CreditEntry(models.Model):
    """One line of a holder's ledger. The database refuses to change or remove it.

    An award gives hours. A reversal takes back exactly what one award gave; a correction is a new
    award that replaces a reversed one. Both name their reason and their author.
    ``record`` is the truth: the whole entry as it was on that day, as one versioned document
    (``records``). The columns beside it repeat what queries need.
    """

    holder = models.ForeignKey(User, models.PROTECT, related_name="credit_entries")
    holder_name = models.CharField(max_length=150)
    activity = models.CharField(
        max_length=80, help_text="The stable id of the course that gave the credit"
    )
    title = models.CharField(max_length=200)
    format = models.CharField(max_length=20)
    hours = models.DecimalField(max_digits=5, decimal_places=2)
    earned_on = models.DateField()
    recorded_at = models.DateTimeField()
    record = models.JSONField()
    record_sha256 = models.CharField("SHA-256 of the record", max_length=64)
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversal"
    )
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replacement"
    )
    reason_class = models.CharField(max_length=20, choices=ReasonClass.choices, blank=True)
    reason = models.TextField(blank=True)
    recorded_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="credit_corrected"
    )

    objects = CreditEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "credit entries"
        # What no condition on one row can say (a reversal equals its award, and is of no other
        # reversal) is said by triggers: migration 0005_reversals_match.
        constraints = [
            models.CheckConstraint(
                condition=Q(reverses__isnull=True, hours__gt=0)
                | Q(reverses__isnull=False, hours__lt=0),
                name="credit_entry_gives_or_takes_back",
            ),
            models.CheckConstraint(
                condition=Q(reverses__isnull=True) | Q(replaces__isnull=True),
                name="credit_entry_reverses_or_replaces",
            ),
            models.CheckConstraint(
                condition=Q(
                    reverses__isnull=True,
                    replaces__isnull=True,
                    reason_class="",
                    reason="",
                    recorded_by__isnull=True,
                )
                | (
                    (Q(reverses__isnull=False) | Q(replaces__isnull=False))
                    & Q(reason_class__in=ReasonClass.values, recorded_by__isnull=False)
                    & ~Q(reason="")
                ),
                name="credit_entry_correction_has_reason_and_author",
            ),
            models.CheckConstraint(
                condition=Q(recorded_by__isnull=True) | ~Q(recorded_by=F("holder")),
                name="credit_entry_corrected_by_somebody_else",
            ),
            models.CheckConstraint(
                condition=~Q(holder_name="") & ~Q(title=""), name="credit_entry_names_its_facts"
            ),
        ]
        indexes = [
            models.Index(
                # Format and hours ride along, so that sums are read from the index alone.
                fields=["holder", "earned_on", "format", "hours"],
                name="credit_entry_by_holder",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.holder_name}: {self.title} (#{self.pk})"

    @property
    def is_reversal(self) -> bool:
        return self.reverses_id is not None

    @property
    def is_reversed(self) -> bool:
        """Asks the database unless the reversal was selected with the entry."""
        return hasattr(self, "reversal")


class CreditLine(models.Model):
    """Hours of one credit type with one approving body, as one entry gave or took them back."""

    entry = models.ForeignKey(CreditEntry, models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    body = models.CharField(max_length=80)
    body_name = models.CharField(max_length=80)
    credit_type = models.CharField(max_length=80)
    credit_type_name = models.CharField(max_length=80)
    hours = models.DecimalField(max_digits=5, decimal_places=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "body", "credit_type"], name="credit_line_once_per_body_and_type"
            ),
            models.CheckConstraint(condition=~Q(hours=0), name="credit_line_has_hours"),
        ]

    def __str__(self) -> str:
        return f"{self.body_name}, {self.credit_type_name}: {self.hours}"
