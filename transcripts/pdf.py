"""The only module that knows the PDF library (Typst)."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import segno

from ce_portal.formats import show_day, show_hours, show_moment_in_year
from transcripts import records, streams

FOLDER = Path(__file__).parent / "typeset"

# For archives, with attachments and tags; and for those who listen.
STANDARDS = ["a-3a", "ua-1"]

_one_at_a_time = threading.Lock()


class DrawingError(Exception):
    """The document cannot be typeset, such as for a letter that no font of ours has."""


def draw_certificate(
    *,
    record: dict[str, Any],
    attachment: bytes,
    code: str,
    issued_at: datetime,
    verify_url: str,
) -> bytes:
    """The certificate of a ledger record (of any version) as a tagged PDF/A-3a and PDF/UA-1 file.

    ``attachment`` is the record as canonical JSON; it travels inside the file, whose last line
    says its SHA-256. ``verify_url`` is printed, and drawn as a QR code.
    The same arguments give the same bytes.
    Raises DrawingError if a character has no glyph in our fonts.
    """
    data = certificate_data(
        record=record,
        attachment=attachment,
        code=code,
        issued_at=issued_at,
        verify_url=verify_url,
    )
    return _compile("certificate.typ", data, timestamp=issued_at)


def draw_transcript(
    *, facts: dict[str, Any], period: str, verify_at: str, at: datetime, asked_by: str = ""
) -> bytes:
    """A transcript (``exports.as_json``) as a tagged PDF/A-3a and PDF/UA-1 file, made at ``at``.

    It says whose it is, and who asked for it if that is somebody else.
    The same arguments give the same bytes.
    Raises DrawingError if a character has no glyph in our fonts.
    """
    # A reversal takes its award out of the count.
    count = sum(-1 if entry["entry"] == "reversal" else 1 for entry in facts["entries"])
    data = {
        "holder": facts["holder"],
        "period": period,
        "made": show_day(at.date()),
        "asked_by": asked_by or facts["holder"],
        "verify_at": verify_at,
        "hours": f"{facts['hours']} {'hour' if facts['hours'] == '1' else 'hours'}",
        "count": f"{count} {'course' if count == 1 else 'courses'}",
        "credit": facts["credit"],
        "entries": _entries(facts),
        "outside_hours": _outside_hours(facts),
        "outside": [_outside(credit) for credit in facts["outside"]["entries"]],
    }
    return _compile("transcript.typ", data, timestamp=at)


def draw_review(
    *,
    record: dict[str, Any],
    attachment: bytes,
    signed_as: str,
    decision: str,
    at: datetime,
) -> bytes:
    """A review's record (version 1) as a tagged PDF/A-3a and PDF/UA-1 file.

    ``attachment`` is the record as canonical JSON; it travels inside the file, which says its
    SHA-256. Words that our fonts have no letters for are left to the attachment.
    The same arguments give the same bytes.
    Raises DrawingError if a name or title has such a letter.
    """
    seen = record["seen"]
    data = {
        "holder": record["holder"],
        "since": show_day(date.fromisoformat(record["since"])),
        "through": show_day(date.fromisoformat(record["through"])),
        "decision": decision,
        "words": record["words"],
        "words_are": {"condition": "Condition", "changes": "Reason"}.get(
            record["decision"], "Comment"
        ),
        "signed_as": signed_as,
        "licenses": [
            f"{item['state_name']} {item['type']} {item['number']}"
            for item in record["reviewer"]["licenses"]
        ],
        "signed_at": show_moment_in_year(at, ZoneInfo(record["time_zone"])),
        "attestation": record["attestation"],
        "hours": f"{seen['hours']} {'hour' if seen['hours'] == '1' else 'hours'}",
        "credit": seen["credit"],
        "entries": _entries(seen),
        "outside_hours": _outside_hours(seen),
        "outside": [_outside(credit) for credit in seen["outside"]["entries"]],
        "record": attachment.decode(),
        "record_sha256": hashlib.sha256(attachment).hexdigest(),
    }
    try:
        return _compile("review.typ", data, timestamp=at)
    except DrawingError:
        if not record["words"]:
            raise
    left_out = "Not printed here, for a letter that our fonts lack: see record.json, attached."
    return _compile("review.typ", {**data, "words": left_out}, timestamp=at)


def _entries(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of a transcript as its table prints them; days may be text, as JSON has them."""
    return [
        {
            "completed": show_day(_as_day(entry["completed_on"])),
            "title": _title(entry),
            "provider": entry["provider"],
            "format": entry["format"].lower(),
            "code": entry["certificate"],
            "credit": [
                f"{line['body']}: {line['type']}, {line['hours']} h" for line in entry["credit"]
            ],
            "hours": entry["hours"],
        }
        for entry in facts["entries"]
    ]


def _as_day(day: date | str) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day


def _outside_hours(facts: dict[str, Any]) -> str:
    """What was earned elsewhere, by what became of it, and all together; "" if there is none."""
    outside = facts["outside"]
    if not outside["entries"]:
        return ""
    return (
        f"Earned elsewhere: {outside['hours_confirmed']} h confirmed, "
        f"{outside['hours_recorded']} h recorded and not yet confirmed. "
        f"Together with CE Portal: {facts['hours_together']} h."
    )


def _outside(credit: dict[str, Any]) -> dict[str, Any]:
    decision = credit["decision"]
    said = f"Outside credit, {credit['state']}"
    if decision:
        word = "; looked at" if credit["state"] == "withdrawn" else ""
        said += (
            f"{word} by {decision['by']} ({decision['as']}) on {show_day(_as_day(decision['on']))}"
        )
    return {
        "completed": show_day(_as_day(credit["completed_on"])),
        "title": credit["title"],
        "provider": credit["provider"],
        "format": credit["format"].lower(),
        "number": credit["certificate_number"],
        "said": said,
        "credit": [
            f"{line['body'] or 'No approving body'}: {line['type']}, {line['hours']} h"
            for line in credit["credit"]
        ],
        "hours": credit["hours"] if credit["counts"] else f"0 (of {credit['hours']})",
    }


def _title(entry: dict[str, Any]) -> str:
    """The title, and what kind of entry it is if it is not an award."""
    kind = entry["entry"]
    return entry["title"] if kind == "award" else f"{entry['title']} ({kind}: {entry['reason']})"


def certificate_data(
    *,
    record: dict[str, Any],
    attachment: bytes,
    code: str,
    issued_at: datetime,
    verify_url: str,
) -> dict[str, Any]:
    """What the template prints, every figure and day already in words."""
    record = records.read(record)
    activity, holder = record["activity"], record["holder"]
    earned_on = date.fromisoformat(record["earned_on"])
    started_on = date.fromisoformat(activity["started_on"])
    return {
        "code": code,
        "name": holder["legal_name"],
        "licenses": [
            f"{item['state_name']} {item['type']} {item['number']}" for item in holder["licenses"]
        ],
        "title": activity["title"],
        "description": activity["description"],
        "format": activity["format_name"],
        "level": activity["level"],
        "edition": activity["edition"],
        "completed": show_day(earned_on),
        "dates": _dates(started_on, earned_on),
        "location": activity["location"],
        "instructors": [
            f"{person['name']}, {person['credentials']}" for person in activity["instructors"]
        ],
        "hours": show_hours(Decimal(record["hours"])),
        "lines": [
            {
                "body": line["body_name"],
                "number": line["approval_number"],
                "type": line["credit_type_name"],
                "format": line["format_name"],
                "hours": show_hours(Decimal(line["hours"])),
                "minutes": line["minutes_per_hour"],
            }
            for line in record["lines"]
        ],
        "statements": list(dict.fromkeys(_statement(line) for line in record["lines"])),
        "provider": activity["provider"],
        "issued": show_day(issued_at.astimezone(ZoneInfo(record["time_zone"])).date()),
        "verify_url": verify_url,
        "qr": _qr_code(verify_url),
        "record": attachment.decode(),
        "record_sha256": hashlib.sha256(attachment).hexdigest(),
    }


def _qr_code(address: str) -> str:
    """As SVG. Everything that segno would choose by itself is fixed: the same code each time."""
    out = io.BytesIO()
    code = segno.make(address, error="m", boost_error=False, mask=0, micro=False)
    code.save(out, kind="svg", border=0, xmldecl=False, svgclass=None, lineclass=None)
    return out.getvalue().decode()


def _dates(started_on: date, earned_on: date) -> str:
    if started_on >= earned_on:
        return show_day(earned_on)
    return f"{show_day(started_on)} to {show_day(earned_on)}"


def _statement(line: dict[str, Any]) -> str:
    statement = line["approval_statement"].strip()
    since = show_day(date.fromisoformat(line["approval_valid_from"]))
    if line["approval_valid_to"]:
        until = show_day(date.fromisoformat(line["approval_valid_to"]))
        return f"{statement} Approval period: {since} to {until}."
    return f"{statement} Approved since {since}."


@cache
def _compiler() -> Any:
    """One compiler for the process, made on first use: a process that forks after a compile leaves
    the child hanging, so nothing compiles before workers are forked."""
    import typst  # noqa: PLC0415  Imported late for the same reason.

    return typst.Compiler(
        root=str(FOLDER), font_paths=[str(FOLDER / "fonts")], ignore_system_fonts=True
    )


def _compile(template: str, data: dict[str, Any], *, timestamp: datetime) -> bytes:
    """Typeset ``template`` with ``data``, which reaches it as text and is never run as markup."""
    import typst  # noqa: PLC0415

    with _one_at_a_time:
        try:
            document: bytes = _compiler().compile(
                input=str(FOLDER / template),
                format="pdf",
                sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
                timestamp=int(timestamp.timestamp()),
                pdf_standards=STANDARDS,
            )
        except typst.TypstError as error:
            raise DrawingError(str(error)[:2000]) from error
    return streams.with_clear_ends(document)
