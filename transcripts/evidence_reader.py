"""A program that reads one uploaded file: bytes in; out comes a line of JSON, then a preview.

It runs in a process of its own (``evidence``), with limits on memory and time, since a file may be
made to burst whoever opens it. It imports nothing of the portal.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import warnings
from typing import BinaryIO

import pikepdf
from PIL import Image, ImageOps

MEMORY = 1_000_000_000  # bytes of address space
SECONDS = 10  # of CPU
MOST_PIXELS = 60_000_000  # what a telephone's camera takes
MOST_PAGES = 500
PREVIEW = (1600, 1600)  # pixels at most

PICTURES = {"image/jpeg": "JPEG", "image/png": "PNG"}


class RefusedError(Exception):
    """Why the file is no evidence, by a word that ``evidence`` puts into a sentence."""


def sniff(content: bytes) -> str:
    """What the file is by its first bytes."""
    if content.startswith(b"%PDF-"):
        return "application/pdf"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    raise RefusedError("kind")


def pages_of(content: bytes) -> int:
    try:
        with pikepdf.open(io.BytesIO(content)) as document:
            pages = len(document.pages)
            if not 0 < pages <= MOST_PAGES:
                raise RefusedError("pages")
            for page in document.pages:
                page.mediabox  # noqa: B018  Asking for it reads the page.
    except pikepdf.PasswordError:
        raise RefusedError("password") from None
    return pages


def preview_of(content: bytes, format_name: str) -> bytes:
    """The picture drawn anew, upright, and small enough for a page: nothing else of the file."""
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(io.BytesIO(content), formats=[format_name]) as opened:
            opened.draft("RGB", PREVIEW)
            opened.thumbnail(PREVIEW)
            upright = ImageOps.exif_transpose(opened)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise RefusedError("pixels") from None
    paper = Image.new("RGB", upright.size, "white")
    drawn = upright.convert("RGBA")
    paper.paste(drawn, mask=drawn)
    out = io.BytesIO()
    paper.save(out, "JPEG", quality=85)
    return out.getvalue()


def read(content: bytes, out: BinaryIO) -> None:
    preview = b""
    try:
        media_type = sniff(content)
        if media_type in PICTURES:
            pages, preview = 1, preview_of(content, PICTURES[media_type])
        else:
            pages = pages_of(content)
        said: dict[str, str | int] = {"media_type": media_type, "pages": pages}
    except RefusedError as refusal:
        said = {"refused": str(refusal)}
    out.write(json.dumps(said).encode() + b"\n" + preview)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    read(sys.stdin.buffer.read(), sys.stdout.buffer)
