"""The only writer of credit. It writes copies of the facts, so that nothing later moves them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import License, User
from transcripts.models import CreditEntry, CreditLine

RECORD_VERSION = 1


class LedgerError(Exception):
    """Why credit cannot be written, in a sentence for the person it is for."""


@dataclass(frozen=True)
class Line:
    """Hours of one credit type with one body, under the approval in date on the completion date."""

    body: str
    body_name: str
    credit_type: str
    credit_type_name: str
    hours: Decimal
    minutes_per_hour: int
    basis: str
    approval_number: str
    approval_statement: str
    approval_valid_from: date
    approval_valid_to: date | None


@dataclass(frozen=True)
class Activity:
    """Everything about what was completed that a board may ask for, as it is on that day."""

    key: str
    title: str
    description: str
    objectives: tuple[str, ...]
    format: str
    format_name: str
    level: str
    language: str
    location: str
    clock_hours: Decimal
    started_on: date
    instructors: tuple[dict[str, str], ...]
    provider: dict[str, str]
    disclosures: dict[str, str]
    evidence: dict[str, Any] = field(default_factory=dict)


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
    entry = CreditEntry.objects.create(
        holder=holder,
        holder_name=holder.legal_name,
        activity=activity.key,
        title=activity.title,
        format=activity.format,
        hours=headline_hours(activity, lines),
        earned_on=earned_on,
        recorded_at=at,
        record=record,
        record_sha256=digest(record),
    )
    CreditLine.objects.bulk_create(
        CreditLine(
            entry=entry,
            position=position,
            body=line.body,
            body_name=line.body_name,
            credit_type=line.credit_type,
            credit_type_name=line.credit_type_name,
            hours=line.hours,
        )
        for position, line in enumerate(lines)
    )
    return entry


def headline_hours(activity: Activity, lines: list[Line]) -> Decimal:
    """The one figure that totals add up."""
    totals: dict[str, Decimal] = {}
    for line in lines:
        totals[line.body] = totals.get(line.body, Decimal(0)) + line.hours
    return min(activity.clock_hours, max(totals.values()))


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
    licenses = License.objects.filter(holder=holder).in_force(on=earned_on).by_state()
    return _plain(
        {
            "version": RECORD_VERSION,
            "holder": {
                "legal_name": holder.legal_name,
                "licenses": [
                    {
                        "state": license_.state,
                        "state_name": license_.get_state_display(),
                        "type": license_.license_type,
                        "number": license_.number,
                    }
                    for license_ in licenses
                ],
            },
            "activity": asdict(activity),
            "lines": [asdict(line) for line in lines],
            "hours": headline_hours(activity, lines),
            "earned_on": earned_on,
            "time_zone": time_zone,
            "recorded_at": at,
        }
    )


def canonical(record: dict[str, Any]) -> bytes:
    """The record as bytes that do not depend on who stored it: keys sorted, no spaces, UTF-8."""
    return json.dumps(
        record, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest(record: dict[str, Any]) -> str:
    """SHA-256 of the canonical record, in hexadecimal."""
    return hashlib.sha256(canonical(record)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, date):
        return value.isoformat()
    return value
