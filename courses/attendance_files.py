"""The report of a meeting tool, from bytes to who was there from when to when. Knows files, not the
database.

Read are the participant lists of Zoom (with and without the block about the meeting above them), of
Microsoft Teams and of Google Meet, and any table that names an e-mail address, a time of joining
and a time of leaving. The rules where a file leaves something open:

- A time without a zone is in the zone that the reader is told; an offset in the cell wins.
- A time that the clocks show twice in autumn is the first of the two, unless the length that the
  file gives, or the order of joining and leaving, asks for the second. A time that the clocks skip
  in spring never was: the line is a problem.
- A time of day without a date is the one nearest to the session.
- Month before day, unless only the other order comes near the session.
- A length that is shorter than from joining to leaving means that the person was away in between:
  presence ends as long after joining as the file says.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

MAX_BYTES = 10 * 1024 * 1024
MAX_ROWS = 50_000
MAX_PROBLEMS = 200  # that are told one by one
HEADER_WITHIN = 60  # lines

_MINUTE = timedelta(minutes=1)


class AttendanceFileError(Exception):
    """Why a file cannot be read at all, in a sentence for the curator."""


class Stay(NamedTuple):
    """One line: somebody joined and left."""

    line: int
    name: str
    email: str
    joined: datetime
    left: datetime


class Problem(NamedTuple):
    """A line that cannot be used, and why."""

    line: int
    message: str


@dataclass
class Report:
    stays: list[Stay] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    more_problems: int = 0

    def note(self, line: int, message: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(line, message))
        else:
            self.more_problems += 1


class _Columns(NamedTuple):
    """Where in a line the facts stand."""

    email: int | None
    names: tuple[int, ...]
    joined: int
    left: int | None
    length: int | None
    zone: tzinfo | None
    is_summary: bool  # first joining and last leaving, whatever was in between


def read(content: bytes, *, zone: ZoneInfo, near: datetime) -> Report:
    """Everybody's stays; ``near`` is when the session begins.

    Raises AttendanceFileError if it is no such report, or too large.
    """
    text = _text(content)
    delimiter = _delimiter(text)
    report = Report()
    columns: _Columns | None = None
    is_day_first = _is_day_first(text, near.astimezone(zone))
    count = 0
    for line, cells in _lines(text, delimiter):
        # Once the columns are known, a line with figures is no other header.
        header = None if columns and _FIGURE.search("".join(cells)) else _columns(cells)
        if header:
            if columns and columns.is_summary and not header.is_summary:
                # What follows has each stay; the summary above would count them again.
                report = Report()
            columns = header
            continue
        if columns is None or not any(cells) or _is_heading(cells):
            continue
        count += 1
        if count > MAX_ROWS:
            raise AttendanceFileError(
                f"The file has more than {MAX_ROWS:,} lines of people. Split it, and upload the "
                "parts one after the other."
            )
        try:
            stay = _stay(line, cells, columns, zone, near=near, is_day_first=is_day_first)
        except _LineError as error:
            report.note(line, str(error))
        else:
            if stay:
                report.stays.append(stay)
    if columns is None:
        raise AttendanceFileError(
            "No line names the columns. Needed are an e-mail address or a name, a time of joining "
            "(such as “Join Time”), and a time of leaving or a duration."
        )
    if not count:
        raise AttendanceFileError("The file names its columns, and nobody below them.")
    return report


# --- From bytes to lines ----------------------------------------------------

_KINDS = [
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "an Excel workbook or another packed file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
]


def _text(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise AttendanceFileError(
            f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Split it, and upload the "
            "parts one after the other."
        )
    if not content.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"):
        raise AttendanceFileError("The file is empty.")
    for start, kind in _KINDS:
        if content.startswith(start):
            raise AttendanceFileError(f"This is {kind}, not a CSV file. Save it as CSV first.")
    text = _decoded(content)
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise AttendanceFileError(
            f"Line {line} holds a character that no text has. Save the file as CSV again."
        )
    return text


def _decoded(content: bytes) -> str:
    encodings = ["utf-8-sig", "cp1252"]
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\x00" in content[:200]:
        # Without a mark at the start: every other byte of plain letters is zero.
        encodings = ["utf-16-le" if content[1:2] == b"\x00" else "utf-16-be"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AttendanceFileError("This is not text. Save the report as CSV (UTF-8) first.")


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each line with its number: of the first, where a cell in quotation marks spans several."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise AttendanceFileError(
                f"Line {line} cannot be read, nor what follows. Most often a quotation mark is "
                "opened there and never closed."
            ) from error
        yield line, [cell.strip() for cell in cells]
        line = reader.line_num + 1


def _delimiter(text: str) -> str:
    """What parts the cells: by it, a line near the start names the columns."""
    for delimiter in ("\t", ";", ","):
        for (_, cells), _n in zip(_lines(text, delimiter), range(HEADER_WITHIN), strict=False):
            if _columns(cells):
                return delimiter
    return ","


# --- From lines to columns --------------------------------------------------

_EMAIL = {
    "email",
    "e-mail",
    "user email",
    "email address",
    "e-mail address",
    "mail",
    "attendee email",
}
_NAME = {
    "name",
    "full name",
    "participant",
    "participant name",
    "user name",
    "attendee",
    "display name",
}
_PART_OF_NAME = ("first name", "last name")
_JOINED = {
    "join time",
    "time joined",
    "joined",
    "joined at",
    "join",
    "check in",
    "check-in",
    "time in",
    "arrived",
}
_LEFT = {
    "leave time",
    "time exited",
    "time left",
    "left",
    "left at",
    "leave",
    "check out",
    "check-out",
    "time out",
    "exit time",
}
_FIRST = {"first join", "first joined", "first join time", "first seen"}
_LAST = {"last leave", "last left", "last leave time", "last exited", "last seen"}
_LENGTH = {
    "duration",
    "in-meeting duration",
    "minutes",
    "time in session",
    "total duration",
    "attendance duration",
}
_HEADS = _JOINED | _FIRST
_FIGURE = re.compile(r"\d")


def _plain(cell: str) -> str:
    """A heading without what stands in parentheses: “Join Time (UTC)” is “join time”."""
    return re.sub(r"\s+", " ", re.sub(r"\([^)]*\)", "", cell[:100])).strip().lower()


def _columns(cells: list[str]) -> _Columns | None:
    """What the line says about the lines below it; None if it is no header."""
    if len(cells) < 2 or len(cells) > 200:
        return None
    plain = [_plain(cell) for cell in cells]
    if not _HEADS.intersection(plain):
        return None

    def find(names: set[str]) -> int | None:
        return next((index for index, cell in enumerate(plain) if cell in names), None)

    joined, left = find(_JOINED), find(_LEFT)
    is_summary = joined is None
    if is_summary:
        joined, left = find(_FIRST), find(_LAST)
    email, name, length = find(_EMAIL), find(_NAME), find(_LENGTH)
    parts = tuple(plain.index(part) for part in _PART_OF_NAME if part in plain)
    names = (name,) if name is not None else parts
    if joined is None or (left is None and length is None) or (email is None and not names):
        return None
    says_utc = re.search(r"\((utc|gmt|z)\)", cells[joined].lower())
    return _Columns(email, names, joined, left, length, UTC if says_utc else None, is_summary)


def _is_heading(cells: list[str]) -> bool:
    """“3. In-Meeting Activities”, as Teams puts above a part."""
    filled = [cell for cell in cells if cell]
    return len(filled) == 1 and re.match(r"\d\. [A-Z]", filled[0]) is not None


# --- From cells to facts ----------------------------------------------------


class _LineError(Exception):
    """Why this line cannot be used."""


def _shown(cell: str) -> str:
    """What a cell says, short and without what a page or a terminal would take for a command."""
    clean = "".join(letter if letter.isprintable() else " " for letter in cell[:41])
    return f"“{clean[:40]}…”" if len(clean) > 40 else f"“{clean}”"


def _words(cell: str, length: int) -> str:
    text = cell[: length * 2]
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())[:length]


def _cell(cells: list[str], index: int | None) -> str:
    return cells[index] if index is not None and index < len(cells) else ""


def _stay(
    line: int,
    cells: list[str],
    columns: _Columns,
    zone: ZoneInfo,
    *,
    near: datetime,
    is_day_first: bool,
) -> Stay | None:
    """None where somebody left in the moment of joining."""
    email = _words(_cell(cells, columns.email), 254).lower().removeprefix("mailto:")
    name = _words(" ".join(_cell(cells, index) for index in columns.names), 200)
    if "@" not in email:
        name, email = name or email, ""
    if not name and not email:
        raise _LineError("It names nobody: both e-mail address and name are empty.")
    here = columns.zone or zone
    text = _cell(cells, columns.joined)
    if not text:
        raise _LineError("The time of joining is empty.")
    joins = _moments(text, here, near=near, is_day_first=is_day_first)
    length = _length(_cell(cells, columns.length))
    left_text = _cell(cells, columns.left)
    if not left_text:
        if length is None:
            raise _LineError("The time of leaving is empty, and so is the duration.")
        return Stay(line, name, email, joins[0], joins[0] + length) if length else None
    leaves = _moments(left_text, here, near=near, is_day_first=is_day_first, after=joins[0])
    pairs = [(start, end) for start in joins for end in leaves if start <= end]
    if not pairs:
        raise _LineError(f"It leaves at {_shown(left_text)}, before it joins at {_shown(text)}.")
    if length is None:
        joined, left = pairs[0]
    else:
        joined, left = min(pairs, key=lambda pair: abs(pair[1] - pair[0] - length))
        if left - joined - length >= _MINUTE:
            left = joined + length
    return Stay(line, name, email, joined, left) if joined < left else None


_HOURS = re.compile(
    r"(?:(\d{1,4})\s*(?:h|hr|hrs|hour|hours)\b\s*)?"
    r"(?:(\d{1,6})\s*(?:m|min|mins|minute|minutes)\b\s*)?"
    r"(?:(\d{1,6})\s*(?:s|sec|secs|second|seconds)\b)?",
    re.IGNORECASE,
)
_CLOCK_LENGTH = re.compile(r"(\d{1,4}):([0-5]\d)(?::([0-5]\d))?")


def _length(text: str) -> timedelta | None:
    text = text[:40]
    if not text:
        return None
    if re.fullmatch(r"\d{1,6}(?:[.,]\d{1,6})?", text, re.ASCII):
        return timedelta(minutes=float(text.replace(",", ".")))
    clock = _CLOCK_LENGTH.fullmatch(text)
    if clock:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    spelled = _HOURS.fullmatch(text)
    if spelled and any(spelled.groups()):
        hours, minutes, seconds = (int(part or 0) for part in spelled.groups())
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    raise _LineError(f"The duration {_shown(text)} is none that we know. Write it in minutes.")


_MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
# As meeting tools in the United States write them; each is one offset, so nothing is ambiguous.
_ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "AKST": -9, "AKDT": -8, "HST": -10,
}  # fmt: skip
_NUMBER_DATE = r"(?P<a>\d{1,2})(?P<sep>[/.-])(?P<b>\d{1,2})(?P=sep)(?P<short>\d{4}|\d{2})"
_DATE = (
    r"(?:(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
    rf"|{_NUMBER_DATE}"
    r"|(?P<named>[A-Za-z]{3,9})\.? (?P<named_day>\d{1,2}),? (?P<named_year>\d{4})"
    r"|(?P<day_named>\d{1,2}) (?P<of>[A-Za-z]{3,9})\.?,? (?P<year_named>\d{4}))"
)
_MOMENT = re.compile(
    rf"(?:{_DATE}(?:T|,? +))?"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?"
    r" ?(?P<half>[AaPp]\.?[Mm]\.?)?"
    r" ?\(?(?P<zone>[A-Za-z]{1,4})?(?P<offset>[+-]\d{1,2}(?::?\d{2})?)?\)?",
    re.ASCII,
)
_NUMBER_DATES = re.compile(rf"(?<![\d/.-]){_NUMBER_DATE}(?![\d/-])", re.ASCII)
_SAMPLE = 2_000  # dates that tell the order of day and month


def _is_day_first(text: str, near: datetime) -> bool:
    """Does only day before month bring the dates of the file near the session?"""
    votes = [0, 0]
    for found, _n in zip(_NUMBER_DATES.finditer(text), range(_SAMPLE), strict=False):
        for is_day_first in (False, True):
            try:
                day = date(*_date(found, is_day_first=is_day_first))
            except ValueError:
                continue
            votes[is_day_first] += abs((day - near.date()).days) <= 2
    return votes[True] > votes[False]


def _date(found: re.Match[str], *, is_day_first: bool) -> tuple[int, int, int]:
    a, b, year = int(found["a"]), int(found["b"]), int(found["short"])
    year += 2000 if year < 100 else 0
    return (year, b, a) if is_day_first else (year, a, b)


def _moments(
    text: str,
    zone: tzinfo,
    *,
    near: datetime,
    is_day_first: bool,
    after: datetime | None = None,
) -> list[datetime]:
    """The moment that a cell names, in UTC; two where the clocks show it twice."""
    # Some tools put a narrow space before AM, or marks of direction.
    plain = " ".join(text[:60].split())
    if not plain.isascii():
        plain = plain.replace("\u200e", "").replace("\u200f", "")
    found = _MOMENT.fullmatch(plain)
    if found is None:
        raise _LineError(f"{_shown(text)} is no time that we know, such as 2026-03-02 11:58 AM.")
    here = _zone(found, text) or zone
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    if found["half"]:
        if not 1 <= hour <= 12:
            raise _LineError(f"{_shown(text)} is no time of day.")
        hour = hour % 12 + (12 if found["half"][0] in "Pp" else 0)
    try:
        if found["year"]:
            day = int(found["year"]), int(found["month"]), int(found["day"])
        elif found["a"]:
            day = _date(found, is_day_first=is_day_first)
        elif found["named"]:
            day = int(found["named_year"]), _month(found["named"]), int(found["named_day"])
        elif found["of"]:
            day = int(found["year_named"]), _month(found["of"]), int(found["day_named"])
        else:
            clock = time(hour, minute, second)
            return _in_zone(_nearest(clock, (after or near).astimezone(here), after is not None))
        moment = datetime(*day, hour, minute, second, tzinfo=here)
    except ValueError:
        raise _LineError(f"{_shown(text)} is no date and time that there is.") from None
    if not 2000 <= moment.year <= 2099:
        raise _LineError(f"{_shown(text)} is not of this century.")
    return _in_zone(moment)


def _month(name: str) -> int:
    return _MONTHS.index(name[:3].lower()) + 1


def _zone(found: re.Match[str], text: str) -> tzinfo | None:
    name, offset = (found["zone"] or "").upper(), found["offset"]
    if name and name not in _ZONES:
        raise _LineError(f"The zone in {_shown(text)} is none that we know.")
    if offset:
        digits = offset[1:].replace(":", "")
        hours, minutes = int(digits), 0
        if len(digits) > 2:
            hours, minutes = int(digits[:-2]), int(digits[-2:])
        if hours > 14 or minutes > 59:
            raise _LineError(f"The zone in {_shown(text)} is none that there is.")
        shift = timedelta(hours=hours, minutes=minutes)
        return timezone(-shift if offset[0] == "-" else shift)
    return timezone(timedelta(hours=_ZONES[name])) if name else None


def _nearest(clock: time, near: datetime, is_after: bool) -> datetime:
    """That time of day on the day that brings it nearest, or the first time after."""
    today = near.replace(
        hour=clock.hour, minute=clock.minute, second=clock.second, microsecond=0, fold=0
    )
    if is_after:
        return today if today >= near else today + timedelta(days=1)
    days = [today + timedelta(days=shift) for shift in (-1, 0, 1)]
    return min(days, key=lambda day: abs(day - near))


def _in_zone(first: datetime) -> list[datetime]:
    """The moment, in UTC, at which the clocks of its zone show it; both, if they do twice."""
    second = first.replace(fold=1)
    moment = first.astimezone(UTC)
    if first.utcoffset() == second.utcoffset():
        return [moment]
    if moment.astimezone(first.tzinfo).replace(fold=0) != first:
        raise _LineError(
            f"{first:%Y-%m-%d %H:%M} never was in {first.tzinfo}: the clocks went forward. Is the "
            "zone of the file right?"
        )
    return [moment, second.astimezone(UTC)]
