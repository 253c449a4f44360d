"""A transcript: entries and totals of one holder and period. Page and CSV read this one thing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby

from django.db.models import Prefetch

from accounts.models import User
from transcripts import reflections
from transcripts.models import (
    CorrectionRequest,
    CreditEntry,
    CreditLine,
    Evidence,
    OutsideCredit,
    OutsideLine,
)

State = OutsideCredit.State


def outside_hours(credit: Iterable[OutsideCredit], *states: str) -> Decimal:
    """The hours of outside credit in these states."""
    return sum((row.hours for row in credit if row.state in states), Decimal(0))


@dataclass(frozen=True)
class Year:
    """The entries of one calendar year, newest first, and their hours; and its outside credit."""

    year: int
    entries: list[CreditEntry]
    hours: Decimal
    outside: list[OutsideCredit] = field(default_factory=list)

    @property
    def rows(self) -> list[CreditEntry | OutsideCredit]:
        """Both, newest first; of one day what the portal gave stands above."""
        rows: list[CreditEntry | OutsideCredit] = [*self.entries, *self.outside]
        return sorted(rows, key=lambda row: row.earned_on, reverse=True)

    @property
    def outside_hours(self) -> Decimal:
        """Recorded or confirmed."""
        return outside_hours(self.outside, State.RECORDED, State.CONFIRMED)

    @property
    def hours_together(self) -> Decimal:
        return self.hours + self.outside_hours

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

    What was earned elsewhere is in ``outside`` and never in ``entries``, ``hours`` or ``credit``:
    the portal did not issue it. Its hours stand beside them, by what became of it, and only
    ``hours_together`` adds all that count. Each carries ``shows_evidence``: may the reader see it?
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

    @property
    def outside(self) -> list[OutsideCredit]:
        return [credit for year in self.years for credit in year.outside]

    @property
    def outside_confirmed(self) -> Decimal:
        return outside_hours(self.outside, State.CONFIRMED)

    @property
    def outside_recorded(self) -> Decimal:
        """Counted on the holder's word: nobody has looked at the proof yet."""
        return outside_hours(self.outside, State.RECORDED)

    @property
    def hours_together(self) -> Decimal:
        return self.hours + self.outside_confirmed + self.outside_recorded


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
    outside = _outside(holder=holder, reader=reader, at=at, since=since, until=until)
    by_year = {year: list(rows) for year, rows in groupby(entries, _year)}
    outside_by_year = {year: list(rows) for year, rows in groupby(outside, _year)}
    years = [
        Year(
            year,
            group := by_year.get(year, []),
            sum((entry.hours for entry in group), Decimal(0)),
            outside_by_year.get(year, []),
        )
        for year in sorted(by_year.keys() | outside_by_year.keys(), reverse=True)
    ]
    return Transcript(holder, years, sum((year.hours for year in years), Decimal(0)), since, until)


def _year(row: CreditEntry | OutsideCredit) -> int:
    return row.earned_on.year


def _outside(
    *, holder: User, reader: User, at: datetime, since: date | None, until: date | None
) -> list[OutsideCredit]:
    """What the holder earned elsewhere, newest first, with what becomes of it and its lines."""
    outside = list(
        OutsideCredit.objects.visible_to(reader, at=at)
        .filter(holder=holder)
        .kept()
        .earned_between(since, until)
        .with_state()
        .prefetch_related(Prefetch("lines", OutsideLine.objects.order_by("position")))
        .newest_first()
    )
    visible = Evidence.objects.visible_to(reader, at=at)
    shown = set(visible.filter(credit__holder=holder).values_list("pk", flat=True))
    for credit in outside:
        credit.shows_evidence = credit.evidence_id in shown  # type: ignore[attr-defined]
    return outside
