"""What is looked for in the catalog, counted by the week for all visitors together."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from django.db import models, transaction
from django.db.models import F, Q, Sum

SHOWN_FROM = 10  # times; what was asked less often could be one person's own words
KEPT_FOR = timedelta(days=400)

Count = tuple[str, str, str, str, int]  # week, kind, facet, value, times


def week_of(at: datetime) -> date:
    """The Monday of its week, in UTC whoever asks."""
    day = at.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


class SearchTallyQuerySet(models.QuerySet["SearchTally"]):
    def since(self, week: date) -> SearchTallyQuerySet:
        return self.filter(week__gte=week)

    def most_often_first(self) -> models.QuerySet[SearchTally, tuple[str, str, int]]:
        """All weeks together, as facet, value and times, without what was asked too rarely."""
        return (
            self.values("facet", "value")
            .annotate(total=Sum("times"))
            .filter(total__gte=SHOWN_FROM)
            .order_by("-total", "value", "facet")
            .values_list("facet", "value", "total")
        )

    @transaction.atomic
    def add(self, counts: Iterable[Count]) -> None:
        """Count on, each row made where it is missing.

        Always in the same order, so two workers with the same rows never wait for each other in a
        circle.
        """
        ordered = sorted(counts)
        self.bulk_create(
            [
                self.model(week=week, kind=kind, facet=facet, value=value, times=0)
                for week, kind, facet, value, _ in ordered
            ],
            ignore_conflicts=True,
        )
        for week, kind, facet, value, times in ordered:
            row = self.filter(week=week, kind=kind, facet=facet, value=value)
            row.update(times=F("times") + times)

    def forget_old(self, *, at: datetime) -> None:
        """Delete what is never to be shown: rare rows of weeks that are over, and all old rows."""
        is_rare = Q(week__lt=week_of(at), times__lt=SHOWN_FROM)
        is_old = Q(week__lt=at.astimezone(UTC).date() - KEPT_FOR)
        self.filter(is_rare | is_old).delete()


class SearchTally(models.Model):
    """How often, in one week, all visitors together asked this of the catalog.

    Nothing here says who asked, from where, or when within the week. The key is random, so rows
    do not keep the order in which they were first asked, either.
    """

    class Kind(models.TextChoices):
        NOTHING_FOUND = "nothing-found", "Found nothing"
        FILTER = "filter", "Filter used"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    week = models.DateField(help_text="Its Monday")
    kind = models.CharField(max_length=20, choices=Kind)
    facet = models.CharField(max_length=20, blank=True, help_text="Of a filter; empty for words")
    value = models.CharField(max_length=80, help_text="Words in small letters, or a filter's slug")
    times = models.PositiveIntegerField()

    objects = SearchTallyQuerySet.as_manager()

    class Meta:
        verbose_name = "search"
        verbose_name_plural = "searches"
        constraints = [
            models.UniqueConstraint(
                fields=["week", "kind", "facet", "value"], name="search_tally_one_row_per_week"
            ),
            models.CheckConstraint(condition=~Q(value=""), name="search_tally_says_what_was_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.value}: {self.times}"
