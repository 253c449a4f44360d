"""All listings as bitmaps and sorted numbers: what ``courses.shelf`` keeps in process memory.

A course is a *slot*: its place when all courses are sorted by the moment of publication. For each
choice of a facet ("format: recorded") there is a bitmap with one bit a slot, so a filter is an AND
and a count is the number of bits that are left. Words are looked up in the database's full text
(``courses.fulltext``) and become bitmaps, too. All else that moves by itself, dates of approvals
and of live sessions, is kept as sorted numbers and looked up with the moment that is asked about.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

import numpy as np

from courses import fulltext, vocabulary
from courses.listing import language_slug
from courses.models import CatalogEntry
from courses.vocabulary import FACETS, NUMEROUS, Vocabulary
from courses.words import MAX_GROUPS, NOTHING, Group, Phrase, Query

GROUP = {"focus": "topic"}  # topics and focus areas are one facet: "or" between them
DATED = ("profession", "board", "type")  # count only while an approval is in date
ORDERS = ("title", "shortest", "longest", "soonest")  # kept; the others are made when asked for

FIELD_WORTH = (4, 2, 0)  # of a word in the title, on the shelf, and anywhere, for relevance
MEMORY = 16 * 2**20  # bytes of bitmaps kept of words, and of searches
MOST_KEPT = 500  # searches
MOST_WORDS = 2 * MAX_GROUPS  # are kept even if they take more memory: those of a question
SPARE = 1024  # slots kept free for courses to come
WORD = 64  # bits

Bits = np.ndarray  # uint64, a bit a slot


@dataclass(frozen=True)
class Wanted:
    """What is asked of the catalog."""

    query: Query = NOTHING
    chosen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    hours_from: Decimal | None = None  # hours of credit, inclusive
    hours_to: Decimal | None = None
    live_from: date | None = None  # days in the zone that is asked about, inclusive
    live_until: date | None = None
    on_demand: bool = False  # with live dates: courses that are not live, too
    sort: str = ""  # of SORTS; "" is relevance with words, else newest
    published_after: datetime | None = None


@dataclass(frozen=True)
class Found:
    """The answer: one page of courses, and the counts beside it."""

    total: int
    listed: int  # in the catalog on that day
    course_ids: list[int]
    counts: dict[str, dict[str, int]]  # facet, slug: courses, all other facets applied
    on_demand: int  # courses that are not live, all filters but the dates applied


@dataclass(frozen=True)
class Day:
    """A moment, and the day that it is in a zone."""

    at: float  # seconds since 1970
    on: int  # date.toordinal
    zone: tzinfo

    @classmethod
    def of(cls, at: datetime, zone: tzinfo) -> Day:
        return cls(at.timestamp(), at.astimezone(zone).toordinal(), zone)

    def begins(self, day: date) -> float:
        """When a day begins in the zone, as seconds since 1970."""
        day = min(max(day, date(1970, 1, 2)), date(9000, 1, 1))
        return datetime.combine(day, time.min, tzinfo=self.zone).timestamp()

    def ends(self, day: date) -> float:
        return self.begins(min(day, date(9000, 1, 1)) + timedelta(days=1))


class _Lines:
    """Numbers of which a slot has several: its credit lines, sessions, instructors."""

    slot: np.ndarray

    def __init__(self, **types: str) -> None:
        self.types = {"slot": "i4", **types}
        for name, kind in self.types.items():
            setattr(self, name, np.empty(0, kind))

    def put(self, changed: np.ndarray, numbers: array[Any]) -> None:
        """Replace the lines of the slots that ``changed`` marks; ``numbers``: line after line."""
        kept = ~changed[self.slot]
        columns = np.array(numbers).reshape(-1, len(self.types)).T
        for (name, kind), new in zip(self.types.items(), columns, strict=True):
            setattr(self, name, np.concatenate([getattr(self, name)[kept], new.astype(kind)]))

    def sort(self, by: str) -> None:
        order = np.argsort(getattr(self, by), kind="stable")
        for name in self.types:
            setattr(self, name, getattr(self, name)[order])


class _Codes(dict[str, int]):
    """Numbers for slugs, in the order in which they turn up."""

    def __missing__(self, slug: str) -> int:
        self[slug] = code = len(self)
        return code


class _Dated:
    """Bitmaps that hold for one day: what has an approval in date on it."""

    def __init__(self, all_slots: Bitmaps, on: int) -> None:
        lines = all_slots.credits
        valid = (lines.first <= on) & ((lines.last == 0) | (lines.last >= on))
        slots, boards, types = lines.slot[valid], lines.board[valid], lines.type[valid]
        self.listed = all_slots.pack(slots) & all_slots.bits[all_slots.rows["is:published"]]
        self.rows: dict[str, int] = {}
        bitmaps: list[Bits] = []
        by_profession: dict[str, Bits] = {}
        for slug, code in all_slots.boards.items():
            of_board = all_slots.pack(slots[boards == code])
            self.rows[f"board:{slug}"] = len(bitmaps)
            bitmaps.append(of_board)
            for profession in all_slots.professions_of(slug):
                so_far = by_profession.get(profession)
                by_profession[profession] = of_board if so_far is None else so_far | of_board
        for slug, code in all_slots.types.items():
            self.rows[f"type:{slug}"] = len(bitmaps)
            bitmaps.append(all_slots.pack(slots[types == code]))
        for slug, bitmap in by_profession.items():
            self.rows[f"profession:{slug}"] = len(bitmaps)
            bitmaps.append(bitmap)
        # The last one is empty: for choices that no course has.
        self.bits = np.stack([*bitmaps, np.zeros_like(self.listed)])


@dataclass(frozen=True)
class _Matched:
    """All that a search found, before order and page."""

    bits: Bits
    total: int
    listed: int
    counts: dict[str, dict[str, int]]
    on_demand: int


class Bitmaps:
    """All listings, as bitmaps and numbers. Guarded by the module's lock."""

    def __init__(self, rebuilt: int, capacity: int) -> None:
        self.version = 0
        self.labels_version = -1
        self.rebuilt = rebuilt
        self.width = -(-capacity // WORD)  # numbers in a bitmap
        self.size = 0  # slots in use
        capacity = self.width * WORD
        self.ids = np.zeros(capacity, "i8")
        self.versions = np.zeros(capacity, "i8")
        self.published = np.zeros(capacity, "i8")  # microseconds since 1970
        self.hours = np.zeros(capacity, "i4")  # hundredths
        self.titles: list[str] = []
        self.by_title = np.empty(0, "i4")  # slots
        self._sorted_ids = np.empty(0, "i8")
        self._sorted_slots = np.empty(0, "i4")  # of these
        self._added: dict[int, int] = {}  # course and slot, of those being read
        # The first two rows are always there; the very first stays empty.
        self.rows = {"is:nothing": 0, "is:published": 1, "is:live": 2}
        self.bits = np.zeros((3, self.width), "u8")
        self.languages: dict[str, str] = {}  # name, slug
        self.boards, self.types = _Codes(), _Codes()
        self.credits: Any = _Lines(board="i4", type="i4", first="i4", last="i4")
        self.sessions: Any = _Lines(starts="f8")
        self.numerous: dict[str, tuple[_Codes, Any]] = {
            facet: (_Codes(), _Lines(code="i4")) for facet in NUMEROUS
        }
        self._dated: dict[int, _Dated] = {}
        self._words: OrderedDict[Any, list[Bits]] = OrderedDict()
        self._found: OrderedDict[Any, _Matched] = OrderedDict()
        self._orders: dict[str, tuple[int, np.ndarray]] = {}
        self._choices: dict[str, tuple[list[str], np.ndarray]] = {}
        self._vocabulary: Vocabulary | None = None

    # Loading and following

    @classmethod
    def load(cls, version: int, rebuilt: int) -> Bitmaps:
        entries = CatalogEntry.objects.all()
        loaded = cls(rebuilt, capacity=entries.count() * 21 // 20 + SPARE)
        if not loaded._take(entries):
            # More courses were published meanwhile than there was room for.
            return cls.load(version, rebuilt)
        loaded.version = version
        return loaded

    def follow(self, version: int) -> bool:
        """Read what changed since; False if there is no room or no right place for it, or
        knows of more than the database: that was restored.
        """
        if self.version == version:
            return True
        if self.version > version or not self._take(
            CatalogEntry.objects.filter(version__gt=self.version)
        ):
            return False
        self.version = version
        return True

    def _take(self, entries: Any) -> bool:
        """Put these listings into their slots, new ones at the end."""
        changed = np.zeros(self.width * WORD, bool)
        slots_of: dict[str, array[int]] = defaultdict(lambda: array("i"))
        credits, sessions = array("i"), array("d")
        numerous = {facet: array("i") for facet in NUMEROUS}
        rows = (
            entries.order_by("published_at", "pk")
            .values_list("pk", "version", "is_published", "published_at", *_COLUMNS)
            .iterator(chunk_size=2000)
        )
        for course_id, version, is_published, published_at, title, hours, facts in rows:
            slot = self._slot_for(course_id, (published_at - _EPOCH) // _MICROSECOND)
            if slot is None:
                return False
            changed[slot] = True
            self.versions[slot] = version
            self.hours[slot] = int(hours * 100)
            self.titles[slot] = title
            if is_published:
                slots_of["is:published"].append(slot)
            for value in facts["values"]:
                facet, _, slug = value.partition(":")
                if facet in numerous:
                    numerous[facet].extend((slot, self.numerous[facet][0][slug]))
                else:
                    slots_of[value].append(slot)
            if facts["language"] not in self.languages:
                self.languages[facts["language"]] = language_slug(facts["language"])
            for board, credit_type, first, last in facts["credits"]:
                credits.extend((slot, self.boards[board], self.types[credit_type], first, last))
            for starts in facts["sessions"]:
                sessions.extend((slot, starts))

        if self._added:
            order = np.argsort(self.ids[: self.size], kind="stable")
            self._sorted_ids, self._sorted_slots = self.ids[order], order.astype("i4")
            self._added.clear()
        self.bits &= ~self.pack(np.flatnonzero(changed))
        for value in slots_of:
            self.rows.setdefault(value, len(self.rows))
        added = np.zeros((len(self.rows) - len(self.bits), self.width), "u8")
        self.bits = np.concatenate([self.bits, added])
        for value, slots in slots_of.items():
            self.bits[self.rows[value]] |= self.pack(np.array(slots))
        spoken = {
            name: slug
            for name, slug in self.languages.items()
            if self.bits[self.rows[f"language:{slug}"]].any()
        }
        self.languages = spoken
        if self._vocabulary and self._vocabulary.labels["language"].keys() != set(spoken.values()):
            self._vocabulary = None
        self.credits.put(changed, credits)
        self.sessions.put(changed, sessions)
        self.sessions.sort(by="starts")
        for facet, lines in numerous.items():
            self.numerous[facet][1].put(changed, lines)
        self._sort_titles(changed)
        self._dated.clear()
        self._words.clear()
        self._found.clear()
        self._orders.clear()
        self._choices.clear()
        return True

    def _slot_for(self, course_id: int, published: int) -> int | None:
        """The course's slot, at the end if it is new; None if there is no room or place for it."""
        slot = self.slot_of(course_id)
        if slot is not None:
            return slot
        slot = self.size
        if slot == len(self.ids):
            return None
        if slot and (self.published[slot - 1], self.ids[slot - 1]) > (published, course_id):
            return None
        self._added[course_id] = slot
        self.ids[slot] = course_id
        self.published[slot] = published
        self.titles.append("")
        self.size += 1
        return slot

    def _sort_titles(self, changed: np.ndarray) -> None:
        """By title, of equal ones the newest first."""

        def key(slot: int) -> tuple[str, int]:
            return self.titles[slot], -slot

        slots = np.flatnonzero(changed).tolist()
        if len(slots) > SPARE:
            self.by_title = np.array(sorted(range(self.size), key=key), "i4")
            return
        self.by_title = self.by_title[~changed[self.by_title]]
        for slot in slots:
            place = bisect_left(self.by_title, key(slot), key=key)
            self.by_title = np.insert(self.by_title, place, slot)

    def slot_of(self, course_id: int) -> int | None:
        if course_id in self._added:
            return self._added[course_id]
        slots = self.slots_of(np.array([course_id]))
        return int(slots[0]) if len(slots) else None

    def slots_of(self, course_ids: np.ndarray) -> np.ndarray:
        """The slots of those that have one, in the order of the ids."""
        if not len(self._sorted_ids):
            return np.empty(0, "i4")
        places = np.searchsorted(self._sorted_ids, course_ids)
        places[places == len(self._sorted_ids)] = 0
        is_known = self._sorted_ids[places] == course_ids
        return self._sorted_slots[places[is_known]]

    # Names

    def vocabulary(self) -> Vocabulary:
        if self._vocabulary is None:
            self._vocabulary = vocabulary.read(self.languages)
            self._choices.clear()
        return self._vocabulary

    def take_labels(self, labels_version: int) -> None:
        """Read the names anew. Whose boards accept what may have changed with them."""
        self._vocabulary = None
        self._dated.clear()
        self._found.clear()
        self.labels_version = labels_version

    def professions_of(self, board: str) -> tuple[str, ...]:
        return self.vocabulary().professions_of.get(board, ())

    # Bitmaps

    def pack(self, slots: np.ndarray) -> Bits:
        flags = np.zeros(self.width * WORD, bool)
        flags[slots] = True
        return np.packbits(flags, bitorder="little").view("u8")

    def unpack(self, bits: Bits) -> np.ndarray:
        """A flag for each slot."""
        return np.unpackbits(bits.view("u1"), bitorder="little").view(bool)

    def is_set(self, value: str, slot: int) -> bool:
        return bool(
            self.bits[self.rows[value], slot // WORD] >> np.uint64(slot % WORD) & np.uint64(1)
        )

    def dated(self, on: int) -> _Dated:
        if on not in self._dated:
            if len(self._dated) > 3:  # midnight comes at most twice at once around the world
                self._dated.clear()
            self._dated[on] = _Dated(self, on)
        return self._dated[on]

    def words(self, group: Group) -> list[Bits]:
        """The courses that hold it: in the title, on the shelf, and anywhere."""
        if not self.has_words(group):
            self.keep_words(group, fulltext.find(group))
        self._words.move_to_end(_looked_up(group))
        return self._words[_looked_up(group)]

    def has_words(self, group: Group) -> bool:
        return _looked_up(group) in self._words

    def keep_words(self, group: Group, found: list[np.ndarray]) -> None:
        """Keep what the full text found of a group."""
        self._words[_looked_up(group)] = [self.pack(self.slots_of(ids)) for ids in found]
        memory = len(self._words) * len(fulltext.FIELDS) * self.width * 8
        if memory > MEMORY and len(self._words) > MOST_WORDS:
            self._words.popitem(last=False)

    def choice(self, facet: str, slug: str, dated: _Dated) -> Bits:
        if facet in NUMEROUS:
            codes, lines = self.numerous[facet]
            return self.pack(lines.slot[lines.code == codes[slug]] if slug in codes else [])
        if facet in DATED:
            return dated.bits[dated.rows.get(f"{facet}:{slug}", -1)]
        return self.bits[self.rows.get(f"{facet}:{slug}", 0)]

    # Answers

    def _base(self, wanted: Wanted, dated: _Dated) -> Bits:
        """What no filter of the page can bring back."""
        base = dated.listed.copy()
        for group in wanted.query.unwanted:
            base &= ~self.words(group)[-1]
        if wanted.published_after is not None:
            after = (wanted.published_after - _EPOCH) // _MICROSECOND
            first = np.searchsorted(self.published[: self.size], after, side="right")
            base &= self.pack(np.arange(first, self.size))
        return base

    def _filters(self, wanted: Wanted, day: Day, dated: _Dated) -> dict[str, Bits]:
        """A bitmap for each facet that something is chosen of."""
        filters: dict[str, Bits] = {}
        for facet, slugs in wanted.chosen.items():
            group = GROUP.get(facet, facet)
            for slug in slugs:
                bits = self.choice(facet, slug, dated)
                filters[group] = filters[group] | bits if group in filters else bits
        if wanted.hours_from is not None or wanted.hours_to is not None:
            fits = np.ones(self.width * WORD, bool)
            if wanted.hours_from is not None:
                fits &= self.hours >= float(wanted.hours_from * 100)
            if wanted.hours_to is not None:
                fits &= self.hours <= float(wanted.hours_to * 100)
            filters["hours"] = self.pack(fits)
        if wanted.live_from is not None or wanted.live_until is not None:
            filters["dates"] = self._live_between(wanted, day)
        return filters

    def _live_between(self, wanted: Wanted, day: Day) -> Bits:
        starts = self.sessions.starts
        first, last = int(np.searchsorted(starts, day.at, side="right")), len(starts)
        if wanted.live_from is not None:
            first = max(first, int(np.searchsorted(starts, day.begins(wanted.live_from))))
        if wanted.live_until is not None:
            last = int(np.searchsorted(starts, day.ends(wanted.live_until)))
        bits = self.pack(self.sessions.slot[first:last])
        return bits | ~self.bits[self.rows["is:live"]] if wanted.on_demand else bits

    def count(self, wanted: Wanted, day: Day) -> int:
        dated = self.dated(day.on)
        words = [self.words(group)[-1] for group in wanted.query.wanted]
        filters = self._filters(wanted, day, dated)
        return _size(_all(self._base(wanted, dated), *words, *filters.values()))

    def find(self, wanted: Wanted, day: Day, offset: int, limit: int, most: int | None) -> Found:
        matched = self._matched(wanted, day, most)
        order = self._in_order(self.unpack(matched.bits), wanted, day)
        return Found(
            total=matched.total,
            listed=matched.listed,
            course_ids=self.ids[order[offset : offset + limit]].tolist(),
            # A copy: the caller may do with it what it likes.
            counts={facet: dict(counts) for facet, counts in matched.counts.items()},
            on_demand=matched.on_demand,
        )

    def _matched(self, wanted: Wanted, day: Day, most: int | None) -> _Matched:
        """What matches and all counts; kept, since all pages and orders of a search share them."""
        key = (
            tuple(_looked_up(group) for group in wanted.query.wanted),
            tuple(_looked_up(group) for group in wanted.query.unwanted),
            frozenset(wanted.chosen.items()),
            (wanted.hours_from, wanted.hours_to, wanted.published_after),
            (day.on, most),
        )
        # Sessions begin: with dates, what matched a moment ago may not match now.
        is_kept = wanted.live_from is None and wanted.live_until is None
        if is_kept and key in self._found:
            self._found.move_to_end(key)
            return self._found[key]
        dated = self.dated(day.on)
        words = [self.words(group)[-1] for group in wanted.query.wanted]
        base = _all(self._base(wanted, dated), *words)
        filters = self._filters(wanted, day, dated)

        def but(group: str) -> Bits:
            """What matches all filters but this one."""
            return _all(base, *(bits for name, bits in filters.items() if name != group))

        bits = _all(base, *filters.values())
        others = {group: but(group) for group in filters}
        matched = _Matched(
            bits=bits,
            total=_size(bits),
            listed=_size(dated.listed),
            counts=self._counts(bits, others, wanted, dated, most),
            on_demand=_size(but("dates") & ~self.bits[self.rows["is:live"]]),
        )
        if is_kept:
            self._found[key] = matched
            if len(self._found) * self.width * 8 > MEMORY or len(self._found) > MOST_KEPT:
                self._found.popitem(last=False)
        return matched

    def _counts(
        self,
        match: Bits,
        others: dict[str, Bits],
        wanted: Wanted,
        dated: _Dated,
        most: int | None,
    ) -> dict[str, dict[str, int]]:
        labels = self.vocabulary().labels
        sizes = {False: _sizes(self.bits & match), True: _sizes(dated.bits & match)}
        counts: dict[str, dict[str, int]] = {}
        for facet in FACETS:
            other = others.get(GROUP.get(facet, facet))
            if facet in NUMEROUS:
                flags = self.unpack(match if other is None else other)
                chosen = wanted.chosen.get(facet, frozenset())
                counts[facet] = self._count_numerous(facet, flags, chosen, most)
                continue
            is_dated = facet in DATED
            slugs, rows = self._rows_of(facet, labels[facet], dated)
            if other is None:
                found = sizes[is_dated][rows]
            else:
                found = _sizes((dated.bits if is_dated else self.bits)[rows] & other)
            counts[facet] = dict(zip(slugs, found.tolist(), strict=True))
        return counts

    def _rows_of(
        self, facet: str, labels: dict[str, str], dated: _Dated
    ) -> tuple[list[str], np.ndarray]:
        if facet in DATED:
            return list(labels), np.array(
                [dated.rows.get(f"{facet}:{slug}", -1) for slug in labels], int
            )
        if facet not in self._choices:
            rows = np.array([self.rows.get(f"{facet}:{slug}", 0) for slug in labels], int)
            self._choices[facet] = (list(labels), rows)
        return self._choices[facet]

    def _count_numerous(
        self, facet: str, flags: np.ndarray, chosen: frozenset[str], most: int | None
    ) -> dict[str, int]:
        if most == 0 and not chosen:
            return {}
        labels = self.vocabulary().labels[facet]
        codes, lines = self.numerous[facet]
        found = np.bincount(lines.code[flags[lines.slot]], minlength=len(codes))
        if most is None:
            return {slug: int(found[codes[slug]]) if slug in codes else 0 for slug in labels}
        slugs = list(codes)
        if len(slugs) > most:
            # All that have as many courses as the last of the first ones.
            least = np.partition(found, -most)[-most]
            places = np.flatnonzero(found >= max(least, 1))
        else:
            places = np.flatnonzero(found)
        best = sorted(
            (-int(found[place]), labels.get(slugs[place], ""), slugs[place]) for place in places
        )[:most]
        counts = {slug: -size for size, _, slug in best}
        for slug in sorted(chosen - counts.keys()):
            counts[slug] = int(found[codes[slug]]) if slug in codes else 0
        return counts

    def nearest(self, wanted: Wanted, day: Day, limit: int) -> list[int]:
        dated = self.dated(day.on)
        near = [self.words(group)[-1] for group in wanted.query.wanted]
        near += self._filters(wanted, day, dated).values()
        if not near:
            return []
        worth = np.zeros(self.width * WORD, "i2")
        for bits in near:
            worth += self.unpack(bits)
        worth *= self.unpack(self._base(wanted, dated))
        slots = np.flatnonzero(worth)[::-1]
        return self.ids[slots[np.argsort(-worth[slots], kind="stable")][:limit]].tolist()

    # Order

    def _in_order(self, flags: np.ndarray, wanted: Wanted, day: Day) -> np.ndarray:
        """The slots that match, first to last. The newest goes first among equals."""
        sort = wanted.sort or "relevance"
        if sort in ORDERS:
            order = self._whole_order(sort, day)
            return order[flags[order]]
        newest = np.flatnonzero(flags)[::-1]
        if sort == "newest" or not wanted.query.wanted:
            return newest
        worth = np.zeros(len(newest), "i2")
        for group in wanted.query.wanted:
            for bits, points in zip(self.words(group), FIELD_WORTH, strict=False):
                worth += self.unpack(bits)[newest] * np.int16(points)
        return newest[np.argsort(-worth, kind="stable")]

    def _whole_order(self, sort: str, day: Day) -> np.ndarray:
        """All slots in order; kept until a course changes or, for "soonest", a session begins."""
        begun = int(np.searchsorted(self.sessions.starts, day.at, side="right"))
        if sort == "title":
            return self.by_title
        if sort in self._orders and (sort != "soonest" or self._orders[sort][0] == begun):
            return self._orders[sort][1]
        newest = np.arange(self.size, dtype="i4")[::-1]
        if sort == "soonest":
            by = np.full(len(self.ids), np.inf)
            # Of several values for one slot the last one stays: the earliest.
            by[self.sessions.slot[begun:][::-1]] = self.sessions.starts[begun:][::-1]
        else:
            by = self.hours if sort == "shortest" else -self.hours
        order = newest[np.argsort(by[newest], kind="stable")]
        self._orders[sort] = (begun, order)
        return order


_COLUMNS = ("title_key", "hours", "facts")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _looked_up(group: Group) -> tuple[tuple[Phrase, ...], bool]:
    """A group without how it was typed."""
    return group.alternatives, group.is_for_titles


def _all(first: Bits, *rest: Bits) -> Bits:
    for bits in rest:
        first = first & bits
    return first


def _size(bits: Bits) -> int:
    return int(np.bitwise_count(bits).sum())


def _sizes(bits: Bits) -> np.ndarray:
    return np.bitwise_count(bits).sum(axis=1, dtype="i8")
