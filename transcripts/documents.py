"""Reading documents that were drawn: one, and many as a ZIP file that is made while it is sent."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, cast

from django.core.files import File

from transcripts.models import Certificate

CHUNK = 64 * 1024  # bytes
MISSING = "Not in this file.txt"


def opened(certificate: Certificate) -> File:
    """The document; if it was replaced since the row was read, the new one.

    Raises FileNotFoundError if it is gone.
    """
    try:
        return certificate.pdf.open("rb")
    except FileNotFoundError:
        certificate.refresh_from_db(fields=["pdf"])
        return certificate.pdf.open("rb")


class _Pipe:
    """What the ZIP library writes, until it is taken to be sent."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def write(self, data: bytes) -> int:
        self._waiting += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        data = bytes(self._waiting)
        self._waiting.clear()
        return data


def zipped(certificates: Iterable[Certificate]) -> Iterator[bytes]:
    """The documents as one ZIP file, in pieces; at most one document's piece is in memory.

    A document that is not drawn, or gone, is named in a text file, so that nothing is left out in
    silence. PDF files are compressed already, so they are stored as they are.
    """
    pipe, missing = _Pipe(), []
    with zipfile.ZipFile(cast("IO[bytes]", pipe), "w", zipfile.ZIP_STORED) as archive:
        for certificate in certificates:
            name = f"{certificate.entry.earned_on:%Y-%m-%d} {certificate.code}.pdf"
            try:
                document = opened(certificate) if certificate.pdf else None
            except FileNotFoundError:
                document = None
            if document is None:
                missing.append(f"{name}: {certificate.entry.title}\r\n")
                continue
            moment = certificate.issued_at.timetuple()[:6]
            with document, archive.open(zipfile.ZipInfo(name, moment), "w") as stored:
                for chunk in document.chunks(CHUNK):
                    stored.write(chunk)
                    yield pipe.take()
        if missing:
            archive.writestr(MISSING, "".join(["These are being prepared:\r\n", *missing]))
    yield pipe.take()
