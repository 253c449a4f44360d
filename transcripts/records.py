"""The frozen record of a credit entry: its canonical bytes, and one reader for every version.

A record is never rewritten, so what was written under an old version is read for as long as the
portal lives. Whoever needs a record's facts asks ``read``; the SHA-256 is of the record as stored.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

VERSION = 3


class RecordError(Exception):
    """A record that this release cannot read."""


def read(record: dict[str, Any]) -> dict[str, Any]:
    """The record in the shape of the newest version; the given one is left as it is.

    What an old version did not say is empty, or follows from what it did say.
    Raises RecordError if no release ever wrote that version.
    """
    match record.get("version"):
        case 1:
            return _from_version_2(_from_version_1(record))
        case 2:
            return _from_version_2(record)
        case 3:
            return record
        case unknown:
            raise RecordError(f"Version {unknown!r} of a credit record is not known here.")


def _from_version_1(record: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew awards only, and no edition, moments or scope of an approval."""
    activity = record["activity"]
    return {
        **record,
        "version": 2,
        "kind": "award",
        "correction": None,
        "activity": {
            **activity,
            "edition": "",
            "ended_on": record["earned_on"],
            "started_at": None,
            "ended_at": None,
        },
        "lines": [{**line, "approval_of": ""} for line in record["lines"]],
    }


def _from_version_2(record: dict[str, Any]) -> dict[str, Any]:
    """Version 2 knew one word for the format, the same for each body."""
    word = record["activity"]["format_name"]
    return {
        **record,
        "version": 3,
        "lines": [{**line, "format_name": word} for line in record["lines"]],
    }


def canonical(record: dict[str, Any]) -> bytes:
    """The record as bytes that do not depend on who stored it: keys sorted, no spaces, UTF-8."""
    return json.dumps(
        record, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest(record: dict[str, Any]) -> str:
    """SHA-256 of the canonical record, in hexadecimal."""
    return hashlib.sha256(canonical(record)).hexdigest()
