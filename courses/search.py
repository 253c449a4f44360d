"""Help with words: suggestions while typing, and "did you mean" when little was found."""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from itertools import islice

from rapidfuzz import process
from rapidfuzz.distance import OSA

from courses import shelf, words
from courses.models import CatalogEntry, CatalogState, SearchWord
from courses.words import Query

MIN_PREFIX = 2  # characters
MAX_COMPLETIONS = 10  # words that one beginning may stand for
MAX_CANDIDATES = 5  # words that are tried for one that is unknown
MAX_CORRECTED = 2  # unknown words of a query that are corrected
MIN_CORRECTED = 4  # characters of a word that is corrected
LONG = 6  # characters of a word that hardly is another one mistyped
COURSES, PLACES, INSTRUCTORS = 5, 4, 3  # suggestions of each kind


@dataclass(frozen=True)
class Suggestions:
    """What may be meant by what was typed so far."""

    courses: list[tuple[str, str]]  # title, slug
    places: list[tuple[str, str, str]]  # name, "topic" or "focus", slug
    instructors: list[tuple[str, str]]  # name, slug

    def __len__(self) -> int:
        return len(self.courses) + len(self.places) + len(self.instructors)


def suggest(typed: str, *, at: datetime, zone: tzinfo) -> Suggestions:
    """Courses, topics and instructors for words of which the last may be unfinished.

    Courses by their titles: what stands in a list must show why it is there.
    """
    found = _suggest(typed, at=at, zone=zone)
    if not found:
        corrected = correction(shelf.Wanted(), typed, at=at, zone=zone)
        if corrected and may_replace(typed, corrected):
            return _suggest(corrected, at=at, zone=zone)
    return found


def _suggest(typed: str, *, at: datetime, zone: tzinfo) -> Suggestions:
    folded = [word for word, _ in words.words(typed)]
    query = words.parse(typed)
    if not folded or len(folded[-1]) < MIN_PREFIX or not query.wanted:
        return Suggestions([], [], [])
    wanted = shelf.Wanted(query=_completed(query, folded[-1]))
    found = shelf.find(wanted, at=at, zone=zone, limit=COURSES, most=0)
    cards = dict(
        CatalogEntry.objects.filter(pk__in=found.course_ids).values_list("pk", "card")
        if found.course_ids
        else []
    )
    labels = shelf.vocabulary().labels
    places = [
        (name, facet, slug)
        for facet in ("topic", "focus")
        for slug, name in labels[facet].items()
        if _begins(name, folded)
    ]
    teaching = shelf.find(shelf.Wanted(), at=at, zone=zone, limit=0).counts["instructor"]
    people = (
        (name, slug)
        for slug, name in labels["instructor"].items()
        if _begins(name, folded) and teaching.get(slug)
    )
    return Suggestions(
        courses=[(cards[pk]["title"], cards[pk]["slug"]) for pk in found.course_ids if pk in cards],
        places=places[:PLACES],
        instructors=list(islice(people, INSTRUCTORS)),
    )


def correction(wanted: shelf.Wanted, typed: str, *, at: datetime, zone: tzinfo) -> str | None:
    """What was typed with its unknown words replaced by known ones; None if nothing is better.

    A word that begins a known one stands for that, else for one a slip of the finger away. Of
    several the one that finds most is taken, with the filters of ``wanted``.
    """
    query = words.parse(typed)
    known = _known_words()
    unknown = dict.fromkeys(
        word
        for group in query.wanted
        if len(group.alternatives) == 1  # others are abbreviations that we know
        for word, lexeme in words.words(group.typed)
        if lexeme not in known.lexemes
    )
    if not unknown or len(unknown) > MAX_CORRECTED:
        return None

    def hits(text: str) -> int:
        asked = replace(wanted, query=words.parse(text))
        return shelf.count(asked, at=at, zone=zone)

    better = typed
    for word in unknown:
        if len(word) < MIN_CORRECTED:
            return None
        candidates = known.beginning_with(word)[:MAX_CANDIDATES] or known.near(word)
        # max keeps the first of equals: the nearest.
        found, best = max(
            ((hits(candidate), candidate) for candidate in candidates),
            key=lambda pair: pair[0],
            default=(0, ""),
        )
        if not found:
            return None
        better = words.replace(better, word, best)
    return better if hits(better) else None


def may_replace(typed: str, corrected: str) -> bool:
    """Is a correction so likely that it may be shown in place of what was typed?

    A short word is often one that no course happens to hold, not another one mistyped.
    """
    said, meant = words.words(typed), words.words(corrected)
    return len(said) == len(meant) and all(
        len(word) >= LONG or better.startswith(word)
        for (word, _), (better, _) in zip(said, meant, strict=True)
        if word != better
    )


def _completed(query: Query, last: str) -> Query:
    """The query in titles, with its last word standing for all words that begin so."""
    *others, group = (replace(group, is_for_titles=True) for group in query.wanted)
    own = [word for word, _ in words.words(group.typed)]
    if own and own[-1] == last:
        known = _known_words()
        before = group.alternatives[0][:-1]
        completed = ((*before, known.lexeme_of[word]) for word in known.beginning_with(last))
        both = tuple(dict.fromkeys((*group.alternatives, *completed)))
        group = replace(group, alternatives=both)
    return replace(query, wanted=(*others, group))


def _begins(name: str, folded: list[str]) -> bool:
    """Does each word typed begin a word of the name?"""
    parts = [word for word, _ in words.words(name)]
    return all(any(part.startswith(word) for part in parts) for word in folded)


# --- The words of all courses, in process memory ----------------------------


class _KnownWords:
    def __init__(self, rebuilt: int) -> None:
        self.rebuilt = rebuilt
        self.last = 0
        self.lexeme_of: dict[str, str] = {}
        self.lexemes: set[str] = set()
        self.in_order: list[str] = []

    def follow(self) -> None:
        new = SearchWord.objects.filter(pk__gt=self.last).order_by("pk")
        rows = list(new.values_list("pk", "word", "lexeme"))
        if rows:
            self.last = rows[-1][0]
            self.lexeme_of.update((word, lexeme) for _, word, lexeme in rows)
            self.lexemes.update(lexeme for _, _, lexeme in rows)
            self.in_order = sorted(self.lexeme_of)

    def beginning_with(self, prefix: str) -> list[str]:
        """Words that begin so, the shortest first."""
        first = bisect_left(self.in_order, prefix)
        last = bisect_left(self.in_order, prefix + "\uffff")
        return sorted(self.in_order[first:last], key=len)[:MAX_COMPLETIONS]

    def near(self, word: str) -> list[str]:
        """Known words a slip of the finger away, two in a long word; the first letter is right."""
        found = process.extract(
            word,
            [other for other in self.in_order if other[0] == word[0]],
            scorer=OSA.distance,
            score_cutoff=1 if len(word) < 8 else 2,
            limit=MAX_CANDIDATES * 4,
        )
        found.sort(key=lambda item: (item[1], item[0]))
        return [item[0] for item in found if item[1] == found[0][1]][:MAX_CANDIDATES]


_lock = threading.Lock()
_words: _KnownWords | None = None


def _known_words() -> _KnownWords:
    global _words
    state = CatalogState.objects.values_list("rebuilt", flat=True).first() or 0
    with _lock:
        known = _words if _words and _words.rebuilt == state else _KnownWords(state)
        known.follow()
        _words = known
        return known


def forget() -> None:
    """Drop what this process holds; the next question loads it."""
    global _words
    with _lock:
        _words = None
