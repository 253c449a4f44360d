"""A transcript as CSV rows, and as one JSON document. Columns and names stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ce_portal.formats import show_hours
from transcripts import records
from transcripts.transcript import Transcript

HEADER = [
    "Completed on",
    "Title",
    "Format",
    "Provider",
    "Hours",
    "Approving body",
    "Approval number",
    "Credit type",
    "Hours with this body and type",
    "Holder",
    "Certificate",
    "Entry",
    "Reason",
]


def csv_rows(transcript: Transcript) -> Iterator[list[str]]:
    """The header, then one row for each line of each entry, in the transcript's order."""
    yield HEADER
    for entry in transcript.entries:
        record = records.read(entry.record)
        activity = record["activity"]
        # A reversal has no certificate of its own; it takes back that of its award.
        certificate = (entry.reverses or entry).certificate
        for line in record["lines"]:
            yield [
                entry.earned_on.isoformat(),
                entry.title,
                activity["format_name"],
                activity["provider"]["name"],
                show_hours(entry.hours),
                line["body_name"],
                line["approval_number"],
                line["credit_type_name"],
                show_hours(Decimal(line["hours"])),
                entry.holder_name,
                certificate.code,
                record["kind"].capitalize(),
                entry.get_reason_class_display(),
            ]


def as_json(transcript: Transcript, *, at: datetime) -> dict[str, Any]:
    """The same facts as the CSV, once each; hours as text, since they are decimals."""
    until = transcript.until
    return {
        "version": 1,
        "made_at": at.isoformat(),
        "holder": transcript.holder.legal_name,
        "since": transcript.since,
        "through": until - timedelta(days=1) if until else None,
        "hours": show_hours(transcript.hours),
        "credit": [
            {
                "body": sum_.body_name,
                "type": sum_.credit_type_name,
                "hours": show_hours(sum_.hours),
            }
            for sum_ in transcript.credit
        ],
        "entries": [
            {
                "completed_on": entry.earned_on,
                "title": entry.title,
                "format": entry.record["activity"]["format_name"],
                "provider": entry.record["activity"]["provider"]["name"],
                "hours": show_hours(entry.hours),
                "holder": entry.holder_name,
                "certificate": (entry.reverses or entry).certificate.code,
                "entry": records.read(entry.record)["kind"],
                "reason": entry.get_reason_class_display(),
                "credit": [
                    {
                        "body": line["body_name"],
                        "approval_number": line["approval_number"],
                        "type": line["credit_type_name"],
                        "hours": show_hours(Decimal(line["hours"])),
                    }
                    for line in entry.record["lines"]
                ],
            }
            for entry in transcript.entries
        ],
    }
