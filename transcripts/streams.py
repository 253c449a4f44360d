"""Streams of a drawn document, each with an end that can be read in one way alone.

Typst puts a line feed between the data of a stream and ``endstream``. Where the data happens to end
with a carriage return, as one checksum of 256 does, a program may take both for the end of the line
and find the stream a byte too short; PDF/A validators differ about it.
"""

from __future__ import annotations

import base64
import re
from itertools import pairwise

_STREAM = re.compile(
    rb"(?P<before>\d+ 0 obj\n<<[^\n]*)/Filter/FlateDecode(?P<after>[^\n]*>>)\nstream\n"
    rb"(?P<data>.*\r)(?P<end>\nendstream\nendobj\n+)",
    re.DOTALL,
)
_LENGTH = re.compile(rb"/Length \d+")
_OFFSET = re.compile(rb"(\d{10}) 00000 n\r\n")


def with_clear_ends(document: bytes) -> bytes:
    """The document as Typst wrote it, with each such stream in ASCII85, which ends with ``~>``."""
    if b"\r\nendstream" not in document:
        return document
    table_at = int(document[document.rindex(b"startxref\n") + 10 :].split()[0])
    offsets = sorted(int(offset) for offset in _OFFSET.findall(document, table_at))
    moved, written = {}, [document[: offsets[0]]]
    place = offsets[0]
    for start, end in pairwise([*offsets, table_at]):
        moved[start] = place
        written.append(_clear(document[start:end]))
        place += len(written[-1])
    table = _OFFSET.sub(lambda row: b"%010d 00000 n\r\n" % moved[int(row[1])], document[table_at:])
    return b"".join([*written, table.replace(b"%d\n" % table_at, b"%d\n" % place)])


def _clear(thing: bytes) -> bytes:
    stream = _STREAM.fullmatch(thing)
    if stream is None:
        return thing
    data = base64.a85encode(stream["data"]) + b"~>"
    before = stream["before"] + b"/Filter[/ASCII85Decode/FlateDecode]" + stream["after"]
    head = _LENGTH.sub(b"/Length %d" % len(data), before, count=1)
    return b"".join([head, b"\nstream\n", data, stream["end"]])
