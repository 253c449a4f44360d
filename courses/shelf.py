"""The catalog's answers: which courses match, how many for each choice, in which order.

They come from this process's memory (``courses.bitmaps``). The version in the database is read
before an answer, ten times a second at most. If it moved, the listings that changed are read and
their slots rewritten; so every process follows every commit, and holds nothing that could not be
loaded anew. Figures, and what was tried instead: README.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from time import monotonic

from django.db import connection

from courses import fulltext
from courses.bitmaps import Bitmaps, Day, Found, Wanted
from courses.vocabulary import FACETS, NUMEROUS, Vocabulary
from courses.words import NOTHING, Query

__all__ = [
    "FACETS",
    "NUMEROUS",
    "Found",
    "Vocabulary",
    "Wanted",
    "count",
    "find",
    "forget",
    "nearest",
    "versions",
    "vocabulary",
]

TRIES = 3  # to look words up between two changes of the catalog
CHECK_EVERY = 0.1  # seconds that a process trusts the version it saw; a page asks several times


def find(
    wanted: Wanted,
    *,
    at: datetime,
    zone: tzinfo,
    offset: int = 0,
    limit: int = 24,
    most: int | None = None,
) -> Found:
    """The courses that match, ``limit`` of them from ``offset`` on, and all counts.

    ``at`` is the moment, its day in ``zone`` the day on which approvals must be in date.
    ``most``: count only that many providers and instructors, those with most courses, and those
    chosen; None counts all.
    """
    with _bitmaps(wanted.query) as bitmaps:
        return bitmaps.find(wanted, Day.of(at, zone), offset, limit, most)


def count(wanted: Wanted, *, at: datetime, zone: tzinfo) -> int:
    """How many courses match."""
    with _bitmaps(wanted.query) as bitmaps:
        return bitmaps.count(wanted, Day.of(at, zone))


def nearest(wanted: Wanted, *, at: datetime, zone: tzinfo, limit: int = 4) -> list[int]:
    """Courses that hold the most of the words and filters; none of the excluded words."""
    with _bitmaps(wanted.query) as bitmaps:
        return bitmaps.nearest(wanted, Day.of(at, zone), limit)


def vocabulary() -> Vocabulary:
    with _bitmaps() as bitmaps:
        return bitmaps.vocabulary()


def versions(course_ids: Iterable[int]) -> dict[int, int]:
    """The version of each course's listing; none for a course that is not published."""
    with _bitmaps() as bitmaps:
        found = {}
        for course_id in course_ids:
            slot = bitmaps.slot_of(course_id)
            if slot is not None and bitmaps.is_set("is:published", slot):
                found[course_id] = int(bitmaps.versions[slot])
        return found


def forget() -> None:
    """Drop what this process holds; the next question loads it."""
    global _shelf
    with _lock:
        _shelf = None


# --- Following the database -------------------------------------------------

_lock = threading.RLock()
_shelf: Bitmaps | None = None
_checked_at = 0.0  # time.monotonic


@contextmanager
def _bitmaps(query: Query = NOTHING) -> Iterator[Bitmaps]:
    """This process's bitmaps, for one thread at a time, with the words of a query looked up.

    The database looks words up while other threads go on: a slow word keeps nobody waiting.
    """
    groups = (*query.wanted, *query.unwanted)
    for _ in range(TRIES):
        with _lock:
            bitmaps = _current()
            version = bitmaps.version
            missing = [group for group in groups if not bitmaps.has_words(group)]
        if not missing:
            break
        found = [(group, fulltext.find(group)) for group in missing]
        with _lock:
            # Else a course changed meanwhile, and the words may be those of before.
            if _current() is bitmaps and bitmaps.version == version:
                for group, ids in found:
                    bitmaps.keep_words(group, ids)
    with _lock:
        yield _current()


def _current() -> Bitmaps:
    """The bitmaps, brought up to the version in the database. Needs the lock.

    Not to be asked within a transaction that relists and may be taken back: its version would be
    given again, to another change.
    """
    global _shelf, _checked_at
    if _shelf is not None and monotonic() - _checked_at < CHECK_EVERY:
        return _shelf
    with connection.cursor() as cursor:
        cursor.execute("SELECT version, labels_version, rebuilt FROM courses_catalogstate")
        version, labels_version, rebuilt = cursor.fetchone() or (0, 0, 0)
    bitmaps = _shelf
    if bitmaps is None or bitmaps.rebuilt != rebuilt or not bitmaps.follow(version):
        bitmaps = Bitmaps.load(version, rebuilt)
    if bitmaps.labels_version != labels_version:
        bitmaps.take_labels(labels_version)
    _shelf, _checked_at = bitmaps, monotonic()
    return bitmaps
