"""A transcript as CSV rows, and as one JSON document. Columns and names stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from ce_portal.formats import show_hours
from transcripts import records
from transcripts.models import OutsideCredit, TrainingPlan
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
    "Source",
    "Outside credit",
    "Hours as recorded",
    "SHA-256 of the evidence",
]
PORTAL = "CE Portal"
OUTSIDE = "Outside credit"


def csv_rows(transcript: Transcript) -> Iterator[list[str]]:
    """The header, then one row for each line of each entry, in the transcript's order; then those
    of outside credit."""
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
                PORTAL,
                "",
                "",
                "",
            ]
    yield from _outside_rows(transcript)


def _outside_rows(transcript: Transcript) -> Iterator[list[str]]:
    """What was earned elsewhere, after all that was earned here. What does not count has no hours
    in the columns that people add up."""
    for credit in transcript.outside:
        for line in credit.lines.all():
            yield [
                credit.earned_on.isoformat(),
                credit.title,
                credit.get_format_display(),
                credit.provider,
                show_hours(credit.hours) if credit.counts else "0",
                line.body_name,
                line.approval_number,
                line.credit_type_name,
                show_hours(line.hours) if credit.counts else "0",
                transcript.holder.legal_name,
                credit.certificate_number,
                OUTSIDE,
                credit.decision.reason if hasattr(credit, "decision") else "",
                OUTSIDE,
                credit.state.label,
                show_hours(credit.hours),
                credit.evidence.sha256,
            ]


def as_json(
    transcript: Transcript, *, at: datetime, cycle: TrainingPlan | None = None
) -> dict[str, Any]:
    """The same facts as the CSV, once each; hours as text, since they are decimals.

    ``hours``, ``credit`` and ``entries`` are of what the portal gave. What was earned elsewhere
    stands under ``outside``, and ``hours_together`` adds what counts of both.
    """
    until = transcript.until
    return {
        "version": 1,
        "made_at": at.isoformat(),
        "holder": transcript.holder.legal_name,
        "since": transcript.since,
        "through": until - timedelta(days=1) if until else None,
        "cycle": _cycle(cycle) if cycle else None,
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
        "hours_together": show_hours(transcript.hours_together),
        "outside": {
            "hours_confirmed": show_hours(transcript.outside_confirmed),
            "hours_recorded": show_hours(transcript.outside_recorded),
            "entries": [
                _outside_as_json(credit, transcript.holder.tz) for credit in transcript.outside
            ],
        },
    }


def _outside_as_json(credit: OutsideCredit, tz: tzinfo) -> dict[str, Any]:
    """As the holder recorded it, and what somebody who looked at the proof said."""
    decision = getattr(credit, "decision", None)
    return {
        "id": str(credit.pk),
        "state": credit.state.value,
        "counts": credit.counts,
        "completed_on": credit.earned_on,
        "begun_on": credit.started_on,
        "title": credit.title,
        "format": credit.get_format_display(),
        "location": credit.location,
        "provider": credit.provider,
        "provider_contact": credit.provider_contact,
        "instructors": credit.instructors,
        "hours": show_hours(credit.hours),
        "certificate_number": credit.certificate_number,
        "credit": [
            {
                "body": line.body_name,
                "approval_number": line.approval_number,
                "approval_statement": line.approval_statement,
                "type": line.credit_type_name,
                "hours": show_hours(line.hours),
            }
            for line in credit.lines.all()
        ],
        "evidence_sha256": credit.evidence.sha256,
        "decision": {
            "by": decision.decided_by_name,
            "as": decision.capacity,
            "on": decision.decided_at.astimezone(tz).date(),
            "reason": decision.reason,
        }
        if decision
        else None,
    }


def _cycle(plan: TrainingPlan) -> dict[str, Any]:
    return {"title": plan.title, "license": str(plan.license) if plan.license else None}
