"""What is true of supervised practice: hours that trainees log, weeks that supervisors confirm."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from accounts.models import Scope, User
from transcripts.models.credit import readable_by

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

QUARTERS = 4  # of an hour
DAY = 24 * QUARTERS


class PracticeEntryQuerySet(models.QuerySet["PracticeEntry"]):
    def visible_to(self, user: User | AnonymousUser, *, at: datetime) -> PracticeEntryQuerySet:
        """The user's own, what their trainees share at that moment, and staff: all."""
        if user.has_perm("transcripts.view_practiceentry"):
            return self.all()
        return self.filter(readable_by(user, scope=Scope.PRACTICE, at=at, holder="trainee"))

    def with_state(self) -> PracticeEntryQuerySet:
        """Adds ``is_confirmed``, and fetches what ``is_reversed`` reads."""
        confirmed = PracticeConfirmation.objects.filter(
            trainee=OuterRef("trainee"), week=OuterRef("week"), last_entry__gte=OuterRef("pk")
        )
        return self.select_related("reversal").annotate(is_confirmed=Exists(confirmed))

    def standing(self) -> PracticeEntryQuerySet:
        """Neither taken back nor a reversal, which together are nothing."""
        return self.filter(reverses__isnull=True, reversal__isnull=True)

    def newest_first(self) -> PracticeEntryQuerySet:
        return self.order_by("-week", "-worked_on", "-id")


class PracticeEntry(models.Model):
    """Hours of one kind on one day, as a trainee logged them. The database refuses to change it.

    A correction is a reversal, which takes back exactly what one entry gave, and a new entry.
    ``week`` is the Monday of its week, Monday to Sunday. Hours are counted in quarters: whole
    numbers add up exactly everywhere. ``id`` grows with the time of one trainee's entries, so a
    confirmation says up to which entry it reaches; addresses name an entry by ``key``.
    """

    class Kind(models.TextChoices):
        DIRECT = "direct", "Direct client contact"
        OTHER = "other", "Other practice"
        INDIVIDUAL = "individual", "Individual supervision"
        GROUP = "group", "Group supervision"

    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    trainee = models.ForeignKey(User, models.PROTECT, related_name="practice_entries")
    worked_on = models.DateField("day")
    week = models.DateField()
    kind = models.CharField(max_length=12, choices=Kind.choices)
    quarter_hours = models.SmallIntegerField()
    note = models.CharField(max_length=500, blank=True)
    recorded_at = models.DateTimeField()
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversal"
    )

    objects = PracticeEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "practice entries"
        # What no condition on one row can say (a day has 24 hours, a reversal equals its entry, a
        # week begins on a Monday) is said by triggers.
        constraints = [
            models.CheckConstraint(
                condition=Q(reverses__isnull=True, quarter_hours__gt=0, quarter_hours__lte=DAY)
                | Q(reverses__isnull=False, quarter_hours__lt=0, quarter_hours__gte=-DAY),
                name="practice_entry_is_at_most_a_day",
            ),
            models.CheckConstraint(
                condition=Q(week__lte=F("worked_on")), name="practice_entry_is_in_its_week"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["direct", "other", "individual", "group"]),
                name="practice_entry_has_a_known_kind",
            ),
        ]
        indexes = [
            models.Index(fields=["trainee", "week", "id"], name="practice_entry_by_week"),
        ]

    def __str__(self) -> str:
        return f"{self.hours} h, {self.get_kind_display()}, {self.worked_on}"

    @property
    def hours(self) -> Decimal:
        return Decimal(self.quarter_hours) / QUARTERS

    @property
    def is_reversal(self) -> bool:
        return self.reverses_id is not None

    @property
    def is_reversed(self) -> bool:
        """Asks the database unless the reversal was selected with the entry (``with_state``)."""
        return hasattr(self, "reversal")


class PracticeConfirmation(models.Model):
    """A supervisor's word that a week's log is right, up to and including ``last_entry``.

    What the trainee adds to the week later is not covered. The database refuses to change it.
    """

    trainee = models.ForeignKey(User, models.PROTECT, related_name="practice_confirmations")
    supervisor = models.ForeignKey(User, models.PROTECT, related_name="practice_confirmed")
    supervisor_name = models.CharField(max_length=150)
    week = models.DateField()
    last_entry = models.ForeignKey(PracticeEntry, models.PROTECT, related_name="confirmations")
    confirmed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["trainee", "week", "last_entry"],
                name="practice_confirmation_once_as_the_week_stands",
            ),
            models.CheckConstraint(
                condition=~Q(supervisor=F("trainee")) & ~Q(supervisor_name=""),
                name="practice_confirmation_is_by_somebody_else",
            ),
        ]

    def __str__(self) -> str:
        return f"Week of {self.week}, confirmed by {self.supervisor_name}"
