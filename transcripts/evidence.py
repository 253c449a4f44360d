"""Files that prove something: looked into before they are kept, and kept byte for byte.

The original is the evidence, so what a camera wrote into it stays; what is shown in a page is a
picture drawn anew, which has none of it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import QuerySet
from django.template.defaultfilters import filesizeformat

from accounts import names
from accounts.models import User
from transcripts.models import Evidence

READER = Path(__file__).with_name("evidence_reader.py")
PATIENCE = 30  # seconds that a file may take to be read
FOLDER = "evidence"
LOOSE_FOR = timedelta(days=1)  # that a file waits for its form
MOST_LOOSE = 10  # files of one owner that wait

REFUSALS = {
    "kind": "This is no PDF, JPEG or PNG file, whatever its name says. "
    "Choose the certificate as a PDF, or a picture of it.",
    "password": "This PDF asks for a password. Save a copy without one and choose that.",
    "pages": "This PDF has no page, or more than 500. Choose the certificate alone.",
    "pixels": "This picture has too many pixels. Take it anew, or save a smaller copy.",
    "damaged": "This file is damaged: it cannot be opened. Save it or take the picture anew.",
    "empty": "This file is empty. Choose another.",
}


class EvidenceError(Exception):
    """Why a file cannot be kept as evidence, in a sentence for the one who chose it."""


@dataclass(frozen=True)
class Examined:
    """What a file turned out to be. ``preview`` is a JPEG, or nothing for a PDF."""

    media_type: str
    pages: int
    preview: bytes


def too_large() -> str:
    return (
        f"This file is larger than {filesizeformat(settings.EVIDENCE_MAX_BYTES)}. "
        "Save a smaller copy and choose that."
    )


def examine(content: bytes) -> Examined:
    """Open the file for real, in a process of its own that has little memory and time.

    Raises EvidenceError if it is no PDF, JPEG or PNG, or cannot be opened within those.
    """
    if not content:
        raise EvidenceError(REFUSALS["empty"])
    if len(content) > settings.EVIDENCE_MAX_BYTES:
        raise EvidenceError(too_large())
    try:
        reader = subprocess.run(  # noqa: S603  Our own program, and the file is its input only.
            [sys.executable, "-I", str(READER)],
            input=content,
            capture_output=True,
            timeout=PATIENCE,
            check=True,
            env={},
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise EvidenceError(REFUSALS["damaged"]) from None
    said, _, preview = reader.stdout.partition(b"\n")
    found = json.loads(said)
    if "refused" in found:
        raise EvidenceError(REFUSALS[found["refused"]])
    return Examined(found["media_type"], found["pages"], preview)


def keep(*, owner: User, name: str, content: bytes, at: datetime) -> Evidence:
    """Store a file that was looked into. It proves nothing yet: see ``outside.record``.

    It lies where no address leads, under a name that says nothing; its own is only shown.
    Where more than ``MOST_LOOSE`` of theirs wait for a form, the oldest go.
    Raises EvidenceError as ``examine`` does.
    """
    found = examine(content)
    evidence = Evidence(
        owner=owner,
        name=_shown_name(name),
        media_type=found.media_type,
        size=len(content),
        pages=found.pages,
        sha256=hashlib.sha256(content).hexdigest(),
        uploaded_at=at,
    )
    key = f"{FOLDER}/{uuid.uuid4().hex}"
    evidence.file.save(f"{key}{evidence.suffix}", ContentFile(content), save=False)
    if found.preview:
        evidence.preview.save(f"{key}-preview.jpg", ContentFile(found.preview), save=False)
    evidence.save()
    waiting = Evidence.objects.loose().filter(owner=owner).exclude(pk=evidence.pk)
    newest_first = waiting.order_by("-uploaded_at", "-pk").values_list("pk", flat=True)
    _forget(waiting, newest_first[MOST_LOOSE - 1 :])
    return evidence


def loose(*, owner: User, evidence_id: str) -> Evidence | None:
    """A file of theirs that waits for its form; None if it is used, gone, or another's."""
    try:
        key = uuid.UUID(evidence_id)
    except ValueError:
        return None
    return Evidence.objects.loose().filter(pk=key, owner=owner).first()


def forget_loose(*, at: datetime, limit: int) -> int:
    """Remove files whose form was never finished. Gives how many.

    Locks each row, so that a form which is finished at that moment keeps its file.
    """
    old = Evidence.objects.loose().filter(uploaded_at__lt=at - LOOSE_FOR)
    return _forget(old, old.order_by("uploaded_at").values_list("pk", flat=True)[:limit])


def _forget(files: QuerySet[Evidence], keys: Iterable[uuid.UUID]) -> int:
    """Remove those of the files, unless they are no longer among them once they are locked."""
    forgotten = 0
    for key in list(keys):
        with transaction.atomic():
            evidence = files.select_for_update(of=["self"]).filter(pk=key).first()
            if evidence is None:
                continue
            evidence.delete()
        for file in (evidence.file, evidence.preview):
            if file.name:
                file.storage.delete(file.name)
        forgotten += 1
    return forgotten


def _shown_name(name: str) -> str:
    """The last part of a path, on one line, without what does not print; never too long."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = names.one_line(last)
    if len(shown) > 120:
        stem, dot, suffix = shown.rpartition(".")
        shown = f"{stem[:100]}….{suffix[:10]}" if dot and stem else shown[:120]
    return shown or "evidence"
