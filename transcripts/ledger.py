"""The only writer of credit. It writes copies of the facts, so that nothing later moves them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.urls import reverse as reverse_url
from django.utils import timezone

from accounts import mail
from accounts.models import License, User
from ce_portal.formats import show_day
from transcripts import records
from transcripts.models import CorrectionRequest, CreditEntry, CreditLine, ReasonClass

if TYPE_CHECKING:
    from transcripts.models.credit import CreditEntryQuerySet


class LedgerError(Exception):
    """Why credit cannot be written, in a sentence for the person it is for."""


@dataclass(frozen=True)
class Line:
    """Hours of one credit type with one body, under the approval in date on the completion date.

    ``format_name`` is the body's own word for the activity's format.
    ``approval_of`` says whose approval it is: of the provider, or of this one course.
    """

    body: str
    body_name: str
    credit_type: str
    credit_type_name: str
    format_name: str
    hours: Decimal
    minutes_per_hour: int
    basis: str
    approval_of: str
    approval_number: str
    approval_statement: str
    approval_valid_from: date
    approval_valid_to: date | None


@dataclass(frozen=True)
class Activity:
    """Everything about what was completed that a board may ask for, as it is on that day.

    ``edition`` tells one state of the teaching material from another. The moments are those of a
    live session, in its own zone.
    """

    key: str
    title: str
    edition: str
    description: str
    objectives: tuple[str, ...]
    format: str
    format_name: str
    level: str
    language: str
    location: str
    clock_hours: Decimal
    started_on: date
    ended_on: date
    started_at: datetime | None
    ended_at: datetime | None
    instructors: tuple[dict[str, str], ...]
    provider: dict[str, str]
    disclosures: dict[str, str]
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Approval:
    """A body's approval as a line prints it. ``of``: the provider, or this one course."""

    of: str
    number: str
    statement: str
    valid_from: date
    valid_to: date | None

    def covers(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True)
class Correction:
    """What an award should have said. None: that fact was right.

    ``licenses_as_today``: those in force on the day of the award, as the holder lists them now.
    ``hours`` are by approving body and credit type; a line that is not named keeps its hours, and
    one with zero is dropped.
    A line is of an approval that was in date on the completion date: if that is another day now,
    its own may do, or else the one that ``approvals`` has for its body.
    ``repeat_after_days``: how many days after it the activity may give its credit again; None: it
    gives it once.
    """

    holder_name: str | None = None
    licenses_as_today: bool = False
    clock_hours: Decimal | None = None
    started_on: date | None = None
    earned_on: date | None = None
    approvals: dict[str, Approval] = field(default_factory=dict)
    repeat_after_days: int | None = None
    hours: dict[tuple[str, str], Decimal] = field(default_factory=dict)


@transaction.atomic
def award(
    *,
    holder: User,
    activity: Activity,
    lines: list[Line],
    earned_on: date,
    time_zone: str,
    at: datetime,
) -> CreditEntry:
    """Write one entry with its lines. ``earned_on`` is a day in ``time_zone`` (IANA).

    The entry's hours are the activity's clock hours, or the most that one body gives if that is
    less: bodies count the same time each in its own way, so their hours are never added up.
    Raises LedgerError if there is no line, or if the holder's account is closed.
    """
    if not lines:
        raise LedgerError("No approval of this course is in date.")
    if not holder.is_active:
        raise LedgerError("This account is closed.")
    record = build_record(
        holder=holder,
        activity=activity,
        lines=lines,
        earned_on=earned_on,
        time_zone=time_zone,
        at=at,
    )
    return _write(record, holder=holder, at=at)


@transaction.atomic
def reverse(
    *, entry: CreditEntry, reason_class: str, reason: str, by: User, at: datetime
) -> CreditEntry:
    """Take one award back: a new entry of the same size below zero. The award stays as it was.

    The reversal is of the day that the award is of, so that every period adds up. A request of the
    holder to correct it is granted with it, and the holder gets a mail.
    Locks the holder's awards of the activity, and the entry: who corrects it at once, or completes
    the same course again, waits.
    Raises LedgerError if it is reversed already, is itself a reversal, or no reason is given.
    """
    entry = _locked(entry)
    if entry.is_reversal:
        raise LedgerError("This is a reversal. Award the credit anew instead of reversing it.")
    if entry.is_reversed:
        day = show_day(timezone.localdate(entry.reversal.recorded_at))
        raise LedgerError(f"This credit was reversed already, on {day}.")
    reason = reason.strip()
    if not reason:
        raise LedgerError("Say why: the reason stays with the record.")
    before = records.read(entry.record)
    record = _with_hours(
        _plain(
            {
                **before,
                "kind": "reversal",
                "lines": [{**line, "hours": -Decimal(line["hours"])} for line in before["lines"]],
                "recorded_at": at,
                "correction": _correction(entry, reason_class, reason, by),
            }
        )
    )
    reversal = _write(
        record,
        holder=entry.holder,
        at=at,
        reverses=entry,
        reason_class=reason_class,
        reason=reason,
        recorded_by=by,
    )
    CorrectionRequest.objects.open().filter(entry=entry).update(
        decision=CorrectionRequest.Decision.GRANTED, answer=reason, decided_at=at, decided_by=by
    )
    mail.post(
        recipient=entry.holder,
        kind="credit-correction",
        key=f"credit-reversed:{entry.pk}",
        template="credit_reversed",
        context={
            "entry": entry,
            "reversal": reversal,
            "path": reverse_url("transcripts:transcript"),
        },
        at=at,
    )
    return reversal


@transaction.atomic
def replace(*, entry: CreditEntry, correction: Correction, by: User, at: datetime) -> CreditEntry:
    """Award anew, with corrected facts, what a reversal took back. Reason and class are its own.

    Locks as ``reverse`` does. Raises LedgerError if the entry is not reversed, was replaced
    already, if nothing is different, if no line is left, or if a date cannot be (``Correction``);
    so if it comes too near to other credit of the activity, and nearer than it was.
    """
    entry = _locked_to_award_anew(entry)
    _check_days_between(entry, correction)
    before = records.read(entry.record)
    facts = _corrected(before, correction, holder=entry.holder, at=at)
    if facts == _plain(before):
        raise LedgerError("Nothing is different. Change what is wrong, or reverse the credit.")
    reversal = entry.reversal
    return _award_anew(entry, facts, reversal.reason_class, reversal.reason, by=by, at=at)


@transaction.atomic
def restore(
    *, entry: CreditEntry, correction: Correction, reason: str, by: User, at: datetime
) -> CreditEntry:
    """Award anew what was reversed by mistake, as it was or with corrected facts.

    The holder gets a mail.
    Locks as ``reverse`` does. Raises LedgerError as ``replace`` does, if no reason is given, or if
    the activity gave the holder other credit beside which this one may not stand.
    """
    entry = _locked_to_award_anew(entry)
    reason = reason.strip()
    if not reason:
        raise LedgerError("Say why: the reason stays with the record.")
    _check_stands_beside(entry, correction)
    facts = _corrected(records.read(entry.record), correction, holder=entry.holder, at=at)
    restored = _award_anew(entry, facts, ReasonClass.RESTORED, reason, by=by, at=at)
    mail.post(
        recipient=entry.holder,
        kind="credit-correction",
        key=f"credit-restored:{entry.pk}",
        template="credit_restored",
        context={
            "entry": restored,
            "path": reverse_url("transcripts:transcript"),
        },
        at=at,
    )
    return restored


def build_record(
    *,
    holder: User,
    activity: Activity,
    lines: list[Line],
    earned_on: date,
    time_zone: str,
    at: datetime,
) -> dict[str, Any]:
    """The award as one document of plain JSON values; dates and moments as ISO 8601 text."""
    return _with_hours(
        _plain(
            {
                "version": records.VERSION,
                "kind": "award",
                "holder": {
                    "legal_name": holder.legal_name,
                    "licenses": _licenses(holder, on=earned_on),
                },
                "activity": asdict(activity),
                "lines": [asdict(line) for line in lines],
                "earned_on": earned_on,
                "time_zone": time_zone,
                "recorded_at": at,
                "correction": None,
            }
        )
    )


def current(entry: CreditEntry) -> CreditEntry:
    """What stands in place of an award now: itself, or the last of its corrections."""
    while hasattr(entry, "replacement"):
        entry = entry.replacement
    return entry


def stands(entry: CreditEntry) -> bool:
    """Does an award, or what corrected it, count?"""
    return not hasattr(current(entry), "reversal")


def lock_awards(*, holder_id: UUID, activity: str) -> None:
    """Whoever adds credit of one activity, or moves its day, finds what the other has written.

    Locks the awards that the holder's lines of corrections began with, by their ids.
    """
    awards = CreditEntry.objects.filter(
        holder=holder_id, activity=activity, reverses__isnull=True, replaces__isnull=True
    )
    list(awards.select_for_update(of=["self"]).order_by("pk").values_list("pk"))


def _with_hours(record: dict[str, Any]) -> dict[str, Any]:
    """The record with its headline: the one figure that totals add up."""
    totals: dict[str, Decimal] = {}
    for line in record["lines"]:
        totals[line["body"]] = totals.get(line["body"], Decimal(0)) + Decimal(line["hours"])
    clock_hours = Decimal(record["activity"]["clock_hours"])
    if record["kind"] == "reversal":
        headline = max(-clock_hours, min(totals.values()))
    else:
        headline = min(clock_hours, max(totals.values()))
    return {**record, "hours": _plain(headline)}


def _write(record: dict[str, Any], *, holder: User, at: datetime, **columns: Any) -> CreditEntry:
    """Store a record, and the columns that repeat it."""
    activity = record["activity"]
    entry = CreditEntry.objects.create(
        holder=holder,
        holder_name=record["holder"]["legal_name"],
        activity=activity["key"],
        title=activity["title"],
        format=activity["format"],
        hours=Decimal(record["hours"]),
        earned_on=date.fromisoformat(record["earned_on"]),
        recorded_at=at,
        record=record,
        record_sha256=records.digest(record),
        **columns,
    )
    CreditLine.objects.bulk_create(
        CreditLine(
            entry=entry,
            position=position,
            body=line["body"],
            body_name=line["body_name"],
            credit_type=line["credit_type"],
            credit_type_name=line["credit_type_name"],
            hours=Decimal(line["hours"]),
        )
        for position, line in enumerate(record["lines"])
    )
    return entry


def _locked(entry: CreditEntry) -> CreditEntry:
    lock_awards(holder_id=entry.holder_id, activity=entry.activity)
    return (
        CreditEntry.objects.select_for_update(of=["self"]).select_related("holder").get(pk=entry.pk)
    )


def _locked_to_award_anew(entry: CreditEntry) -> CreditEntry:
    entry = _locked(entry)
    if not entry.is_reversed:
        raise LedgerError("Reverse this credit before it is awarded anew.")
    if hasattr(entry, "replacement"):
        raise LedgerError("This credit was awarded anew already.")
    return entry


def _check_stands_beside(entry: CreditEntry, correction: Correction) -> None:
    for other in _others(entry):
        if correction.repeat_after_days is None:
            raise LedgerError(
                f"This course gave its credit on {show_day(other.earned_on)} too, and gives it "
                "once. It would count twice."
            )
        if _are_too_near(_day(entry, correction), other, correction):
            raise _too_near(other, correction)


def _check_days_between(entry: CreditEntry, correction: Correction) -> None:
    day = _day(entry, correction)
    for other in _others(entry):
        is_nearer = abs(day - other.earned_on) < abs(entry.earned_on - other.earned_on)
        if is_nearer and _are_too_near(day, other, correction):
            raise _too_near(other, correction)


def _others(entry: CreditEntry) -> CreditEntryQuerySet:
    """The holder's credit of the activity that stands. Needs the entry reversed, and not awarded
    anew: then it is of other completions."""
    standing = CreditEntry.objects.standing().newest_first()
    return standing.filter(holder=entry.holder_id, activity=entry.activity)


def _day(entry: CreditEntry, correction: Correction) -> date:
    return correction.earned_on or entry.earned_on


def _are_too_near(day: date, other: CreditEntry, correction: Correction) -> bool:
    days = correction.repeat_after_days
    return days is not None and abs(day - other.earned_on) < timedelta(days=days)


def _too_near(other: CreditEntry, correction: Correction) -> LedgerError:
    days = correction.repeat_after_days
    return LedgerError(
        f"This course gave its credit on {show_day(other.earned_on)} too, and gives it again after "
        f"{days} day{'' if days == 1 else 's'}. Choose another completion date."
    )


def _award_anew(
    entry: CreditEntry,
    facts: dict[str, Any],
    reason_class: str,
    reason: str,
    *,
    by: User,
    at: datetime,
) -> CreditEntry:
    if not facts["lines"]:
        raise LedgerError("Nothing would be left. Reverse the credit instead.")
    record = _with_hours(
        {
            **facts,
            "kind": "correction",
            "recorded_at": at.isoformat(),
            "correction": _correction(entry, reason_class, reason, by),
        }
    )
    return _write(
        record,
        holder=entry.holder,
        at=at,
        replaces=entry,
        reason_class=reason_class,
        reason=reason,
        recorded_by=by,
    )


def _corrected(
    record: dict[str, Any], correction: Correction, *, holder: User, at: datetime
) -> dict[str, Any]:
    person = record["holder"]
    was_earned_on = date.fromisoformat(record["earned_on"])
    day = correction.earned_on or was_earned_on
    activity = _on_days(record, correction.started_on, day, at=at)
    if correction.holder_name is not None:
        person = {**person, "legal_name": correction.holder_name}
    if correction.licenses_as_today:
        person = {**person, "licenses": _licenses(holder, on=day)}
    if correction.clock_hours is not None:
        activity = {**activity, "clock_hours": correction.clock_hours}
    lines = []
    for line in record["lines"]:
        old = Decimal(line["hours"])
        hours = correction.hours.get((line["body"], line["credit_type"]), old)
        if hours != old:
            line = {**line, "hours": hours, "basis": "Corrected by the provider"}
        if hours and day != was_earned_on:
            line = _approved_on(day, line, correction.approvals.get(line["body"]))
        if hours:
            lines.append(line)
    corrected: dict[str, Any] = _plain(
        {**record, "holder": person, "activity": activity, "lines": lines, "earned_on": day}
    )
    return corrected


def _on_days(
    record: dict[str, Any], started_on: date | None, earned_on: date, *, at: datetime
) -> dict[str, Any]:
    """The activity from its first day to the completion date; a live session keeps its hours of
    the day. Raises LedgerError if the days cannot be."""
    activity: dict[str, Any] = record["activity"]
    was_started_on = date.fromisoformat(activity["started_on"])
    days = (started_on or was_started_on, earned_on)
    if days == (was_started_on, date.fromisoformat(record["earned_on"])):
        return activity
    if days[0] > days[1]:
        raise LedgerError("The first day is after the completion date.")
    if earned_on > at.astimezone(ZoneInfo(record["time_zone"])).date():
        raise LedgerError("The completion date is in the future.")
    started_at = _same_time(activity["started_at"], days[0], record["time_zone"])
    ended_at = _same_time(activity["ended_at"], earned_on, record["time_zone"])
    if started_at and ended_at and ended_at.timestamp() <= started_at.timestamp():
        raise LedgerError(
            "On these days the session would end before it begins. One that goes on past midnight "
            "ends on the day after its first."
        )
    return {
        **activity,
        "started_on": days[0],
        "ended_on": earned_on,
        "started_at": started_at,
        "ended_at": ended_at,
    }


def _same_time(moment: str | None, day: date, time_zone: str) -> datetime | None:
    if moment is None:
        return None
    zone = ZoneInfo(time_zone)
    return datetime.combine(day, datetime.fromisoformat(moment).astimezone(zone).time(), zone)


def _approved_on(day: date, line: dict[str, Any], other: Approval | None) -> dict[str, Any]:
    """The line, of an approval in date on that day: its own, or else the other."""
    until = line["approval_valid_to"]
    own = Approval(
        of=line["approval_of"],
        number=line["approval_number"],
        statement=line["approval_statement"],
        valid_from=date.fromisoformat(line["approval_valid_from"]),
        valid_to=date.fromisoformat(until) if until else None,
    )
    approval = own if own.covers(day) else other
    if approval is None or not approval.covers(day):
        raise LedgerError(
            f"{line['body_name']} had no approval in date on {show_day(day)}. Choose another "
            "day, or put 0 for its hours, which drops the line."
        )
    return {**line, **{f"approval_{name}": value for name, value in asdict(approval).items()}}


def _correction(entry: CreditEntry, reason_class: str, reason: str, by: User) -> dict[str, Any]:
    """What a reversal or correction says of itself, and of which record it speaks."""
    return {
        "of_sha256": entry.record_sha256,
        "reason_class": reason_class,
        "reason": reason,
        "by": by.legal_name,
    }


def _licenses(holder: User, *, on: date) -> list[dict[str, str]]:
    """Those in force on that day, as their holder lists them now."""
    return [
        {
            "state": license_.state,
            "state_name": license_.get_state_display(),
            "type": license_.license_type,
            "number": license_.number,
        }
        for license_ in License.objects.filter(holder=holder).in_force(on=on).by_state()
    ]


def _plain(value: Any) -> Any:
    """Plain JSON values: dates and moments as ISO 8601 text, figures with two decimals."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, date):
        return value.isoformat()
    return value
