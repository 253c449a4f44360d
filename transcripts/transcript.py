"""A transcript: entries and totals of one holder and period. Page and CSV read this one thing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby

from django.db.models import Prefetch

from accounts.models import User
from transcripts import reflections
from transcripts.models import CorrectionRequest, CreditEntry, CreditLine


@dataclass(frozen=True)
class Year:
    """The entries of one calendar year, newest first, and their hours."""

    year: int
    entries: list[CreditEntry]
    hours: Decimal

    @property
    def courses(self) -> int:
        """How many awards of the year count: neither reversals nor reversed."""
        return sum(not (entry.is_reversal or entry.is_reversed) for entry in self.entries)


@dataclass(frozen=True)
class Credit:
    """What one body counts, of one credit type, over all entries shown."""

    body_name: str
    credit_type_name: str
    hours: Decimal


@dataclass(frozen=True)
class Transcript:
    """``hours`` is the sum of the entries shown, and ``years`` adds up to it.

    From ``since`` to before ``until``; None leaves that side open.
    A reversed award and its reversal both stand here, and add up to nothing.
    Each entry carries as ``note`` the reflection on it that the reader may see, or None.
    """

    holder: User
    years: list[Year]
    hours: Decimal
    since: date | None
    until: date | None

    @property
    def entries(self) -> list[CreditEntry]:
        return [entry for year in self.years for entry in year.entries]

    @property
    def credit(self) -> list[Credit]:
        """Sums by body and type, in the order of their names, but for what adds up to nothing.

        Bodies are never added up.
        """
        sums: dict[tuple[str, str], Decimal] = {}
        for entry in self.entries:
            for line in entry.lines.all():
                key = (line.body_name, line.credit_type_name)
                sums[key] = sums.get(key, Decimal(0)) + line.hours
        return [Credit(*key, hours) for key, hours in sorted(sums.items()) if hours]


def build(
    *,
    holder: User,
    reader: User,
    at: datetime,
    since: date | None = None,
    until: date | None = None,
) -> Transcript:
    """The holder's credit from ``since`` to before ``until`` that ``reader`` may see at ``at``."""
    entries = (
        CreditEntry.objects.visible_to(reader, at=at)
        .filter(holder=holder)
        .earned_between(since, until)
        .select_related("certificate", "reversal", "reverses__certificate", "replaces__certificate")
        .prefetch_related(
            Prefetch("lines", CreditLine.objects.order_by("position")),
            Prefetch("correction_requests", CorrectionRequest.objects.newest_first()),
        )
        .newest_first()
    )
    notes = reflections.of_entries(entries, reader=reader, at=at)
    for entry in entries:
        entry.note = notes.get(entry.pk)  # type: ignore[attr-defined]
    years = [
        Year(year, group, sum((entry.hours for entry in group), Decimal(0)))
        for year, group in (
            (year, list(rows))
            for year, rows in groupby(entries, lambda entry: entry.earned_on.year)
        )
    ]
    return Transcript(holder, years, sum((year.hours for year in years), Decimal(0)), since, until)
