"""What anyone may know of a certificate: how it stands, and the facts that a board compares."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from ce_portal.formats import show_hours
from transcripts import certificates, codes, records, signing
from transcripts.models import Certificate

VALID, REVERSED, SUPERSEDED = "valid", "reversed", "superseded"


@dataclass(frozen=True)
class Standing:
    """How a certificate stands; if it is not valid since when, why, and what replaced it."""

    status: str
    since: date | None = None
    reason: str = ""
    successor_code: str = ""


def standing(certificate: Certificate) -> Standing:
    """Read from the ledger each time. The successor is the last of its line."""
    reversal = certificate.reversal
    if reversal is None:
        return Standing(certificate.status)
    zone = ZoneInfo(certificate.entry.record["time_zone"])
    successor = certificates.current(certificate)
    return Standing(
        status=certificate.status,
        since=reversal.recorded_at.astimezone(zone).date(),
        reason=reversal.get_reason_class_display(),
        successor_code=successor.code if successor != certificate else "",
    )


def find(text: str) -> Certificate | None:
    """The certificate whose code ``text`` spells, in whatever way.

    One query whether it spells a code of ours, of nobody, or none at all: the time that an answer
    takes does not tell them apart.
    """
    code = codes.normalize(text) or ""
    return Certificate.objects.with_status().filter(code=code).first()


def public_record(certificate: Certificate) -> dict[str, Any]:
    """The facts on the verification page and in its JSON: these and no others, by name.

    A test lists what a ledger record holds beside them, so that a new fact is not shown, or
    withheld, without somebody deciding it.
    """
    record = records.read(certificate.entry.record)
    activity, stands = record["activity"], standing(certificate)
    zone = ZoneInfo(record["time_zone"])
    return {
        "code": certificate.code,
        "address": address(certificate),
        "status": stands.status,
        "status_since": stands.since,
        "status_reason": stands.reason or None,
        "superseded_by": stands.successor_code or None,
        "issued_on": certificate.issued_at.astimezone(zone).date(),
        "holder": {"name": record["holder"]["legal_name"]},
        "course": {
            "title": activity["title"],
            "format": activity["format_name"],
            "provider": activity["provider"]["name"],
        },
        "started_on": date.fromisoformat(activity["started_on"]),
        "completed_on": date.fromisoformat(record["earned_on"]),
        "hours": show_hours(Decimal(record["hours"])),
        "credit": [
            {
                "body": line["body_name"],
                "type": line["credit_type_name"],
                "format": line["format_name"],
                "hours": show_hours(Decimal(line["hours"])),
            }
            for line in record["lines"]
        ],
    }


def address(certificate: Certificate) -> str:
    """Where anyone verifies it, as the QR code on the document says."""
    return f"{settings.SITE_URL}{certificate.get_absolute_url()}"


@dataclass(frozen=True)
class FileCheck:
    """What a file turned out to be; with its certificate if it is one, whole, as we signed it.

    ``is_stored``: it is the very file that we keep, and not one that was drawn anew since.
    """

    finding: signing.Finding
    certificate: Certificate | None
    is_stored: bool


def examine_file(document: bytes) -> FileCheck:
    """Whether a file is a certificate of ours, byte for byte, or at least signed by us.

    What decides is the SHA-256 that was kept at issue, or else our signature over every byte; then
    the file may be believed about which certificate it is.
    """
    ours = Certificate.objects.with_status()
    stored = ours.filter(pdf_sha256=hashlib.sha256(document).hexdigest()).first()
    finding = signing.examine(document)
    if stored or finding is not signing.Finding.OURS:
        return FileCheck(finding, stored, is_stored=stored is not None)
    named = _NAMED.search(document)
    code = named[1].decode() if named else ""
    return FileCheck(finding, ours.filter(code=code).first(), is_stored=False)


# Where Typst writes the keywords of a document (typeset/certificate.typ): its code.
_NAMED = re.compile(rb"<pdf:Keywords>([0-9A-Z-]{23})</pdf:Keywords>")
