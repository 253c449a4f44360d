"""Help with words: suggestions while typing, and "did you mean" when little was found."""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from rapidfuzz import process
from rapidfuzz.distance import OSA

from courses import shelf, words
from courses.models import CatalogEntry, SearchWord
from courses.words import Query

MIN_PREFIX = 2  # characters
MAX_COMPLETIONS = 40  # words that one beginning may stand for
MAX_CANDIDATES = 5  # words that are tried for one that is unknown
MAX_CORRECTED = 3  # unknown words of a query that are corrected
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
    """Courses, topics and instructors for words of which the last may be unfinished."""
    folded = [word for word, _ in words.words(typed)]
    if not folded or len(folded[-1]) < MIN_PREFIX:
        return Suggestions([], [], [])
    query = _completed(words.parse(typed), folded[-1])
    if not query.wanted:
        return Suggestions([], [], [])
    found = shelf.find(shelf.Wanted(query=query), at=at, zone=zone, limit=COURSES, most=0)
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
    people = ((name, slug) for slug, name in labels["instructor"].items() if _begins(name, folded))
    return Suggestions(
        courses=[(cards[pk]["title"], cards[pk]["slug"]) for pk in found.course_ids if pk in cards],
        places=places[:PLACES],
        instructors=[person for person, _ in zip(people, range(INSTRUCTORS), strict=False)],
    )


def correction(typed: str, *, at: datetime, zone: tzinfo) -> str | None:
    """What was typed with its unknown words replaced by known ones; None if nothing is better.

    Of several words equally near the one that finds most is taken.
    """
    query = words.parse(typed)
    known = _known_words()
    unknown = dict.fromkeys(
        word
        for group in query.wanted
        for word, lexeme in words.words(group.typed)
        if lexeme not in known.lexemes
    )
    if not unknown or len(unknown) > MAX_CORRECTED:
        return None
    better = typed
    for word in unknown:
        found = [
            (shelf.count(shelf.Wanted(query=words.parse(candidate)), at=at, zone=zone), candidate)
            for candidate in known.near(word)
        ]
        # max keeps the first of equals: the nearest.
        hits, best = max(found, key=lambda pair: pair[0], default=(0, ""))
        if not hits:
            return None
        better = words.replace(better, word, best)
    if not shelf.count(shelf.Wanted(query=words.parse(better)), at=at, zone=zone):
        return None
    return better


def _completed(query: Query, last: str) -> Query:
    """The query with its last word standing for all words that begin so."""
    if not query.wanted:
        return query
    *others, group = query.wanted
    before = group.alternatives[0][:-1]
    completed = ((*before, lexeme) for lexeme in _known_words().beginning_with(last))
    both = tuple(dict.fromkeys((*group.alternatives, *completed)))
    return replace(query, wanted=(*others, replace(group, alternatives=both)))


def _begins(name: str, folded: list[str]) -> bool:
    """Does each word typed begin a word of the name?"""
    parts = [word for word, _ in words.words(name)]
    return all(any(part.startswith(word) for part in parts) for word in folded)


# --- The words of all courses, in process memory ----------------------------


class _KnownWords:
    def __init__(self) -> None:
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
        """The lexemes of the words that begin so."""
        first = bisect_left(self.in_order, prefix)
        found = []
        for word in self.in_order[first : first + MAX_COMPLETIONS]:
            if not word.startswith(prefix):
                break
            found.append(self.lexeme_of[word])
        return found

    def near(self, word: str) -> list[str]:
        """Known words that a slip of the finger away, the nearest first; at most two slips."""
        slips = 1 if len(word) < 5 else 2
        found = process.extract(
            word, self.in_order, scorer=OSA.distance, score_cutoff=slips, limit=MAX_CANDIDATES * 4
        )
        # People rarely mistype the first letter.
        found.sort(key=lambda item: (item[1], item[0][0] != word[0], item[0]))
        nearest = [item for item in found if item[1] == found[0][1]] if found else []
        return [item[0] for item in nearest[:MAX_CANDIDATES]]


_lock = threading.Lock()
_words: _KnownWords | None = None


def _known_words() -> _KnownWords:
    global _words
    with _lock:
        known = _words or _KnownWords()
        known.follow()
        _words = known
        return known


def forget() -> None:
    """Drop what this process holds; the next question loads it."""
    global _words
    with _lock:
        _words = None
