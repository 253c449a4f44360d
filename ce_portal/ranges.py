"""A file from the storage as a response: all of it, or the part that a browser asks for."""

from __future__ import annotations

import re
from typing import IO

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase


def send(
    request: HttpRequest, file: IO[bytes], *, size: int, media_type: str, filename: str
) -> HttpResponseBase:
    """The open file, shown in the browser; a part of it if one is asked for (RFC 9110, section 14),
    so that a video can be sought in. The file is closed with the response."""
    first, last = _asked(request.headers.get("Range", ""), size)
    if first >= size:
        file.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    file.seek(first)
    part = _Part(file, last - first + 1)
    response = FileResponse(part, content_type=media_type, filename=filename)
    response.headers["Content-Length"] = str(last - first + 1)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private"
    if (first, last) != (0, size - 1):
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return response


def _asked(header: str, size: int) -> tuple[int, int]:
    """First and last byte that are asked for; all of them where the header is none that we know.
    The first is ``size`` or more if there is nothing to send."""
    asked = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", header.strip())
    if not asked or asked.groups() == ("", ""):
        return 0, size - 1
    first, last = asked.groups()
    if not first:
        return (max(0, size - int(last)), size - 1) if int(last) else (size, size)
    if last and int(last) < int(first):
        return 0, size - 1
    return int(first), min(int(last or size), size - 1)


class _Part:
    """So many bytes of an open file, from where it stands."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int) -> bytes:
        block = self._file.read(min(size, self._left))
        self._left -= len(block)
        return block

    def close(self) -> None:
        self._file.close()
