"""Files of lessons: what they are is told by what they hold, never by their name."""

from __future__ import annotations

import hashlib
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.template.defaultfilters import filesizeformat

MP4 = "video/mp4"
WEBM = "video/webm"
PDF = "application/pdf"
VTT = "text/vtt"

SUFFIXES = {MP4: ".mp4", WEBM: ".webm", PDF: ".pdf", VTT: ".vtt"}
LESSONS = {MP4, WEBM, PDF}
FOLDER = "lessons"
MAX_CAPTIONS_BYTES = 2_000_000


def sniff(head: bytes) -> str | None:
    """The media type of a file that begins with ``head`` (64 bytes or more); None if it is none of
    those that we serve.

    Sources: ISO/IEC 14496-12, 4.3 (ftyp box); RFC 8794, 8.1 and the WebM container guidelines
    (EBML header, DocType webm); ISO 32000-1, 7.5.2 (PDF header); W3C WebVTT, 4.1.
    """
    if head[4:8] == b"ftyp":
        return MP4
    if head.startswith(b"\x1aE\xdf\xa3") and b"webm" in head[:64]:
        return WEBM
    if head.startswith(b"%PDF-"):
        return PDF
    text = head.removeprefix(b"\xef\xbb\xbf")
    if text.startswith(b"WEBVTT") and text[6:7] in {b"", b" ", b"\t", b"\n", b"\r"}:
        return VTT
    return None


def media_type_of(file: IO[bytes] | Any) -> str | None:
    """As ``sniff``, of an open file, which is left at its beginning; None if it cannot be read."""
    try:
        file.seek(0)
        head = file.read(64)
        file.seek(0)
    except OSError:
        return None
    return sniff(head)


def name_of(file: IO[bytes] | Any) -> str:
    """Where a file is kept: one file for one content, under a name that says nothing else."""
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(1 << 20):
        digest.update(block)
    suffix = SUFFIXES.get(media_type_of(file) or "", "")
    return f"{FOLDER}/{digest.hexdigest()}{suffix}"


def open_known(file: Any, allowed: set[str]) -> tuple[IO[bytes], str] | None:
    """The stored file, open, and its media type; None if there is none or it is none of these."""
    if not file:
        return None
    try:
        opened = file.open("rb")
    except FileNotFoundError:
        return None
    media_type = media_type_of(opened)
    if media_type not in allowed:
        opened.close()
        return None
    return opened, media_type


def fault(file: IO[bytes] | Any, size: int) -> str | None:
    """Why this cannot be the file of a lesson, in a sentence; None if it can."""
    limit = settings.LESSON_FILE_MAX_BYTES
    if size > limit:
        return f"The file is larger than {filesizeformat(limit)}."
    if media_type_of(file) not in LESSONS:
        return "This is no MP4 or WebM video and no PDF document."
    return None


def captions_fault(file: IO[bytes] | Any, size: int) -> str | None:
    """Why this cannot be the captions of a video, in a sentence; None if it can."""
    if size > MAX_CAPTIONS_BYTES:
        return "The captions are larger than 2 MB."
    if media_type_of(file) != VTT:
        return "Captions are a WebVTT file; its first line says WEBVTT."
    return None


def check_file(file: Any) -> None:
    """Raise ValidationError if this cannot be the file of a lesson."""
    if problem := fault(file, _size_of(file)):
        raise ValidationError(problem)


def check_captions(file: Any) -> None:
    """Raise ValidationError if this cannot be the captions of a video."""
    if problem := captions_fault(file, _size_of(file)):
        raise ValidationError(problem)


def _size_of(file: Any) -> int:
    try:
        return file.size
    except OSError as error:
        raise ValidationError("The file is gone from the storage. Upload it again.") from error
