"""A transcript as CSV rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

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

# A spreadsheet takes a cell that starts so for a formula and would run it.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# But the hours of a reversal are figures, and must add up.
_FIGURE = re.compile(r"-\d+(\.\d+)?", re.ASCII)


def csv_rows(transcript: Transcript) -> Iterator[list[str]]:
    """The header, then one row for each line of each entry, in the transcript's order."""
    yield HEADER
    for entry in transcript.entries:
        record = records.read(entry.record)
        activity = record["activity"]
        # A reversal has no certificate of its own; it takes back that of its award.
        certificate = (entry.reverses or entry).certificate
        for line in record["lines"]:
            row = [
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
            yield [_as_text(cell) for cell in row]


def _as_text(cell: str) -> str:
    is_formula = cell.startswith(_FORMULA_STARTS) and not _FIGURE.fullmatch(cell)
    return f"'{cell}" if is_formula else cell
