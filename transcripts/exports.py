"""A transcript as CSV rows."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ce_portal.formats import show_hours
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
]


def csv_rows(transcript: Transcript) -> Iterator[list[str]]:
    """The header, then one row for each line of each entry, in the transcript's order."""
    yield HEADER
    for entry in transcript.entries:
        activity = entry.record["activity"]
        for line in entry.record["lines"]:
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
                entry.certificate.code,
            ]
