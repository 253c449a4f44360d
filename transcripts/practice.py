"""The log of supervised practice: a trainee logs hours and takes them back, a supervisor confirms
a week as it stands. Entries and confirmations only ever add up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import Sum

from accounts import supervision
from accounts.models import Scope, Supervision, User
from ce_portal.formats import show_day, show_hours
from transcripts.models import PracticeConfirmation, PracticeEntry

Kind = PracticeEntry.Kind
QUARTERS = 4  # of an hour
DAY = 24 * QUARTERS
EARLIEST = date(1990, 1, 1)


class PracticeError(Exception):
    """Why hours cannot be logged, taken back or confirmed, in a sentence for the one who tries."""


class SupervisionEnded(PracticeError):
    """The log is not the supervisor's to read any more."""


# --- Write ------------------------------------------------------------------


@transaction.atomic
def log(
    *, trainee: User, worked_on: date, kind: str, hours: Decimal, note: str, at: datetime
) -> PracticeEntry:
    """Add hours of one kind on one day.

    Locks the trainee, so a day never gets more than 24 hours, and a week is confirmed either with
    this entry or without it.
    Raises PracticeError if the hours are no quarters, if the day is still to come (the trainee's
    day) or too long ago, or if it has no room for them.
    """
    trainee = _locked(trainee)
    quarters = hours * QUARTERS
    if quarters != quarters.to_integral_value() or not 0 < quarters <= DAY:
        raise PracticeError("Hours go by quarters, from 0.25 to 24.")
    if worked_on > at.astimezone(trainee.tz).date():
        raise PracticeError("This day is still to come. Log hours once they are done.")
    if worked_on < EARLIEST:
        raise PracticeError("Enter the year with four digits.")
    of_day = PracticeEntry.objects.filter(trainee=trainee, worked_on=worked_on)
    logged = of_day.aggregate(sum=Sum("quarter_hours", default=0))["sum"]
    if logged + quarters > DAY:
        raise PracticeError(
            f"{show_day(worked_on)} has {_shown(logged)} h already. A day has 24 in all."
        )
    return PracticeEntry.objects.create(
        trainee=trainee,
        worked_on=worked_on,
        week=monday_of(worked_on),
        kind=kind,
        quarter_hours=int(quarters),
        note=note,
        recorded_at=at,
    )


@transaction.atomic
def reverse(*, entry: PracticeEntry, note: str, at: datetime) -> PracticeEntry:
    """Take one entry back: a second line of the same size below zero. The entry stays.

    Locks the trainee, as ``log`` does.
    Raises PracticeError if it was taken back already, or is itself a reversal.
    """
    _locked(entry.trainee)
    entry = PracticeEntry.objects.with_state().get(pk=entry.pk)
    if entry.is_reversal:
        raise PracticeError("This line takes hours back. Log them again instead.")
    if entry.is_reversed:
        raise PracticeError("These hours were taken back already.")
    return PracticeEntry.objects.create(
        trainee_id=entry.trainee_id,
        worked_on=entry.worked_on,
        week=entry.week,
        kind=entry.kind,
        quarter_hours=-entry.quarter_hours,
        note=note,
        recorded_at=at,
        reverses=entry,
    )


@transaction.atomic
def confirm(
    *, trainee: User, week: date, last_seen: str, by: User, at: datetime
) -> PracticeConfirmation:
    """Say that a week's log is right, as it was seen: ``last_seen`` is the key of its last entry.

    Locks the supervision, so nothing is confirmed after its end; then the trainee, so a week is
    confirmed once as it stands, and never with an entry that the supervisor did not see.
    Raises SupervisionEnded if the log is not shared with them, and PracticeError if something was
    added since, if all of it is confirmed, or if it is empty.
    """
    if by.pk == trainee.pk:
        raise PracticeError("Nobody confirms their own hours.")
    between = Supervision.objects.filter(supervisor=by, trainee=trainee)
    if supervision.locked(between, Scope.PRACTICE, at=at) is None:
        raise SupervisionEnded("This log is not shared with you any more.")
    trainee = _locked(trainee)
    last = PracticeEntry.objects.filter(trainee=trainee, week=week).order_by("pk").last()
    if last is None:
        raise PracticeError("Nothing is logged in this week.")
    if str(last.key) != last_seen:
        raise PracticeError("The log of this week changed since you opened it. Look at it again.")
    done = PracticeConfirmation.objects.filter(trainee=trainee, week=week, last_entry=last).first()
    if done is not None:
        day = show_day(done.confirmed_at.astimezone(trainee.tz))
        raise PracticeError(f"{done.supervisor_name} confirmed this week on {day} already.")
    return PracticeConfirmation.objects.create(
        trainee=trainee,
        supervisor=by,
        supervisor_name=by.legal_name,
        week=week,
        last_entry=last,
        confirmed_at=at,
    )


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _locked(trainee: User) -> User:
    return User.objects.select_for_update(no_key=True).get(pk=trainee.pk)


def _shown(quarters: int) -> str:
    return show_hours(Decimal(quarters) / QUARTERS)


# --- Read -------------------------------------------------------------------


@dataclass(frozen=True)
class Sums:
    """Hours of one kind: those that a supervisor confirmed, and those not yet."""

    label: str
    confirmed: Decimal
    waiting: Decimal

    @property
    def together(self) -> Decimal:
        return self.confirmed + self.waiting


@dataclass(frozen=True)
class Week:
    """What is logged from one Monday through Sunday, newest first, and who confirmed it when.

    ``since`` are the lines that no confirmation reaches.
    """

    monday: date
    entries: list[PracticeEntry]
    confirmations: list[PracticeConfirmation]

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)

    @property
    def last(self) -> PracticeEntry:
        return max(self.entries, key=lambda entry: entry.pk)

    @property
    def since(self) -> list[PracticeEntry]:
        return [entry for entry in self.entries if not entry.is_confirmed]  # type: ignore[attr-defined]

    @property
    def is_confirmed(self) -> bool:
        return not self.since

    @property
    def is_changed_since(self) -> bool:
        """Confirmed, and then something came."""
        return bool(self.confirmations and self.since)

    @property
    def hours(self) -> Decimal:
        return sum((entry.hours for entry in self.entries), Decimal(0))


def mondays(*, trainee: User, reader: User, at: datetime) -> Any:
    """The weeks in which something is logged that the reader may see, newest first."""
    visible = PracticeEntry.objects.visible_to(reader, at=at).filter(trainee=trainee)
    return visible.values_list("week", flat=True).distinct().order_by("-week")


def weeks(*, trainee: User, reader: User, mondays: list[date], at: datetime) -> list[Week]:
    """These weeks as the reader may see them, in two questions."""
    entries = (
        PracticeEntry.objects.visible_to(reader, at=at)
        .filter(trainee=trainee, week__in=mondays)
        .with_state()
        .newest_first()
    )
    confirmed: dict[date, list[PracticeConfirmation]] = {}
    for row in PracticeConfirmation.objects.filter(trainee=trainee, week__in=mondays).order_by(
        "confirmed_at", "pk"
    ):
        confirmed.setdefault(row.week, []).append(row)
    return [
        Week(monday, list(rows), confirmed.get(monday, []))
        for monday, rows in groupby(entries, lambda entry: entry.week)
    ]


def totals(*, trainee: User, reader: User, at: datetime) -> list[Sums]:
    """Hours by kind over the whole log, in the order of the kinds; then all of them.

    What was taken back is in no sum, confirmed or not, and neither is the line that takes it back.
    """
    logged: Any = PracticeEntry.objects.visible_to(reader, at=at).filter(trainee=trainee)
    rows = (
        logged.standing()
        .with_state()
        .order_by()
        .values_list("kind", "is_confirmed")
        .annotate(quarters=Sum("quarter_hours"))
    )
    found = {(kind, is_confirmed): quarters for kind, is_confirmed, quarters in rows}

    def hours(kind: str, *, is_confirmed: bool) -> Decimal:
        return Decimal(found.get((kind, is_confirmed), 0)) / QUARTERS

    sums = [
        Sums(kind.label, hours(kind, is_confirmed=True), hours(kind, is_confirmed=False))
        for kind in Kind
    ]
    everything = Sums(
        "All kinds",
        sum((row.confirmed for row in sums), Decimal(0)),
        sum((row.waiting for row in sums), Decimal(0)),
    )
    return [*sums, everything]


HEADER = [
    "Day",
    "Week of",
    "Kind",
    "Hours",
    "Note",
    "Entry",
    "Recorded at",
    "Confirmed",
    "Confirmed by",
    "Confirmed at",
]


def csv_rows(*, trainee: User, reader: User, at: datetime) -> Iterator[list[str]]:
    """The header, then each line of the log, newest first; the hours add up to the totals.

    So do those that are confirmed, of the entries that were not taken back.
    """
    yield HEADER
    all_mondays = list(mondays(trainee=trainee, reader=reader, at=at))
    for week in weeks(trainee=trainee, reader=reader, mondays=all_mondays, at=at):
        for entry in week.entries:
            by = next((row for row in week.confirmations if row.last_entry_id >= entry.pk), None)
            yield [
                entry.worked_on.isoformat(),
                entry.week.isoformat(),
                entry.get_kind_display(),
                show_hours(entry.hours),
                entry.note,
                _what_it_is(entry),
                entry.recorded_at.isoformat(),
                "Yes" if by else "No",
                by.supervisor_name if by else "",
                by.confirmed_at.isoformat() if by else "",
            ]


def _what_it_is(entry: PracticeEntry) -> str:
    if entry.is_reversal:
        return "Reversal"
    return "Taken back" if entry.is_reversed else "Entry"
