"""What visitors look for, as curators may know it: counted for everybody together, never whose.

A search is counted in the memory of the process; once a minute the counts go to a worker, which
adds them to the rows of the week. So a page with results never writes to the database, and a
process that ends takes the counts of its last minute with it: they are statistics.

Words can hold a name or an address. So of a search that found nothing only its words are kept, in
small letters; none of them if anything in it looks like a mail address, a telephone or a license
number; and curators see what was asked ten times or more (``models.tallies``); what was asked less
often in its week is deleted when the week is over. Times are times, not people: one visitor who
asks the same thing ten times comes through. To prevent that we would have to remember who asked,
which is worse, so the wall is high instead. And a pause in typing is a search, so the beginning of
a word may be counted as well.
"""

from __future__ import annotations

import logging
import re
import threading
import unicodedata
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from time import monotonic
from urllib.parse import urlencode

from courses import shelf, tasks, words
from courses.forms.catalog import FACET_LABELS
from courses.models import SearchTally
from courses.models.tallies import week_of

logger = logging.getLogger(__name__)

HAND_OVER_AFTER = 60  # seconds
HAND_OVER_FROM = 500  # searches
MOST_WORDS = 6
LONGEST = 60  # characters
LINES = 50  # of a ledger

# Five digits in a row, whatever signs stand between them: 48226, 313-555-0142, (6801) 123 456.
_PERSONAL = re.compile(r"@|\d(?:[\W_]*\d){4}")

# --- Counting ---------------------------------------------------------------

Asked = tuple[str, str, str, str]  # week, kind, facet, value


@dataclass
class _Pending:
    """What this process has counted since it last handed over."""

    counts: Counter[Asked] = field(default_factory=Counter)
    searches: int = 0
    since: float = field(default_factory=monotonic)

    def is_due(self) -> bool:
        return self.searches >= HAND_OVER_FROM or monotonic() - self.since >= HAND_OVER_AFTER


_lock = threading.Lock()
_pending = _Pending()


def note(
    query: words.Query,
    chosen: Mapping[str, frozenset[str]],
    *,
    typed: str,
    total: int,
    at: datetime,
) -> None:
    """Count one search: the filters that it used, and if it found nothing, what it was.

    ``typed`` is the text that ``query`` was read from; a query no longer has its signs. Words
    count only without a filter: with one, the filter may be why nothing was found, and is counted
    for that. Hours and dates are not looked at.
    """
    asked = _asked(query, chosen, typed=typed, total=total, week=week_of(at).isoformat())
    if not asked:
        return
    with _lock:
        _pending.counts.update(asked)
        _pending.searches += 1
        is_due = _pending.is_due()
    if is_due:
        hand_over()


def hand_over() -> None:
    """Send what was counted to a worker. If that fails it is logged and dropped."""
    due = _take()
    if not due:
        return
    counts = [(*asked, times) for asked, times in sorted(due.items())]
    try:
        tasks.add_search_tallies.delay(batch=uuid.uuid4().hex, counts=counts)
    except Exception:
        # Whatever it is: statistics are not worth a search that fails.
        logger.exception("The counts of %s searches are lost.", due.total())


def forget() -> None:
    """Drop what was counted and not handed over."""
    _take()


def _take() -> Counter[Asked]:
    global _pending
    with _lock:
        due, _pending = _pending.counts, _Pending()
    return due


def _asked(
    query: words.Query,
    chosen: Mapping[str, frozenset[str]],
    *,
    typed: str,
    total: int,
    week: str,
) -> list[Asked]:
    filters = [(facet, slug) for facet, slugs in chosen.items() for slug in slugs]
    asked = [(week, SearchTally.Kind.FILTER.value, *each) for each in filters]
    if not total:
        in_vain = filters or [("", text) for text in [_words(query, typed)] if text]
        asked += [(week, SearchTally.Kind.NOTHING_FOUND.value, *each) for each in in_vain]
    return asked


def _words(query: words.Query, typed: str) -> str:
    """The words that were wanted, in small letters; none if they may tell who somebody is."""
    if _PERSONAL.search(unicodedata.normalize("NFKC", typed)):
        return ""
    wanted = words.words(" ".join(group.typed for group in query.wanted))
    kept = [word for word, _ in wanted[:MOST_WORDS]]
    while len(" ".join(kept)) > LONGEST:
        kept.pop()
    return " ".join(kept)


# --- Reading ----------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """Something that was asked, how often, and the query string that asks it again."""

    asked: str
    times: int
    query: str
    facet: str = ""
    in_vain: int = 0  # times that the search found nothing; 0 also for too few to show


def words_that_found_nothing(*, since: date) -> list[Line]:
    rows = SearchTally.objects.since(since).filter(kind=SearchTally.Kind.NOTHING_FOUND, facet="")
    return [
        Line(asked=text, times=times, query=urlencode({"q": text}))
        for _, text, times in rows.most_often_first()[:LINES]
    ]


def most_used_filters(*, since: date) -> list[Line]:
    """With the names that the catalog shows today; the slug of what is no longer there."""
    rows = SearchTally.objects.since(since)
    used = rows.filter(kind=SearchTally.Kind.FILTER).most_often_first()[:LINES]
    failed = rows.filter(kind=SearchTally.Kind.NOTHING_FOUND).exclude(facet="")
    in_vain = {(facet, slug): times for facet, slug, times in failed.most_often_first()}
    labels = shelf.vocabulary().labels
    return [
        Line(
            asked=labels.get(facet, {}).get(slug, slug),
            times=times,
            query=urlencode({facet: slug}),
            facet=FACET_LABELS.get(facet, facet),
            in_vain=in_vain.get((facet, slug), 0),
        )
        for facet, slug, times in used
    ]
