"""What a visitor asks of the catalog, read from a query string and written to one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict

from ce_portal import formats
from courses import shelf, words

MAX_CHOICES = 50  # values of one facet that are read
DEFAULT_SORTS = ("newest", "relevance")  # without words, and with words

SORT_LABELS = {
    "relevance": "Relevance",
    "soonest": "Soonest live date",
    "newest": "Newest",
    "shortest": "Fewest hours",
    "longest": "Most hours",
    "title": "Title",
}
FACET_LABELS = {
    "topic": "Topic",
    "focus": "Focus area",
    "profession": "Profession",
    "board": "Board",
    "type": "Credit",
    "format": "Format",
    "method": "Method",
    "level": "Level",
    "price": "Price",
    "language": "Language",
    "access": "Access",
    "provider": "Provider",
    "instructor": "Instructor",
}

_HOURS = forms.DecimalField(required=False, min_value=0, max_value=999)
_DAY = forms.DateField(
    required=False,
    # Far off, a day has no clear beginning in every zone.
    validators=[MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2199, 12, 31))],
)
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the query string without it."""

    facet: str
    label: str
    query: str


class CatalogQuery:
    """What a visitor asks of the catalog, read from a query string. Nonsense filters nothing.

    What was not understood is left out, and ``notes`` say so in sentences. ``typed`` has the texts
    of the fields for numbers and days, as far as a field can show them again.
    """

    def __init__(self, query: QueryDict, vocabulary: shelf.Vocabulary | None = None) -> None:
        self.vocabulary = vocabulary or shelf.vocabulary()
        self.notes: list[str] = []
        self.typed = {
            name: query.get(name, "").translate(_CONTROLS).strip()[:40]
            for name in ("hours_from", "hours_to", "live_from", "live_until")
        }
        self.q, words_asked = self._words(query.get("q", ""))
        self.chosen = self._choices(query)
        hours = self._hours()
        days = self._days()
        sort = query.get("sort", "")
        self.default_sort = DEFAULT_SORTS[bool(words_asked.wanted)]
        is_known = sort in SORT_LABELS and (sort != "relevance" or bool(words_asked.wanted))
        self.sort_by = sort if is_known else self.default_sort
        self.page = _page_number(query.get("page", ""))
        self.wanted = shelf.Wanted(
            query=words_asked,
            chosen={facet: frozenset(slugs) for facet, slugs in self.chosen.items()},
            hours_from=hours[0],
            hours_to=hours[1],
            live_from=days[0],
            live_until=days[1],
            on_demand=query.get("on_demand") == "yes",
            sort=self.sort_by,
        )

    # Reading

    def _words(self, typed: str) -> tuple[str, words.Query]:
        """The text that is read, and what it asks for."""
        text = typed.translate(_CONTROLS).strip()
        is_long = len(text) > words.MAX_LENGTH
        if is_long:
            # At a blank, so that the same is read when the text comes back from the page.
            head = text[: words.MAX_LENGTH]
            text = head.rsplit(None, 1)[0]
        asked = words.parse(text)
        if is_long or asked.was_cut:
            self.notes.append(
                f"Only the first {words.MAX_GROUPS} words are searched for, and of a long text "
                f"the first {words.MAX_LENGTH} characters."
            )
        if text and not asked:
            reason = "is too common" if asked.only_stop_words else "has no word"
            self.notes.append(f"“{_short(text)}” {reason} to search for.")
        return text, asked

    def _choices(self, query: QueryDict) -> dict[str, list[str]]:
        """For each facet the known slugs that are asked for, in the order of display."""
        chosen = {}
        for facet in shelf.FACETS:
            if facet in query:
                asked = set(query.getlist(facet)[:MAX_CHOICES])
                if known := [slug for slug in self.vocabulary.labels[facet] if slug in asked]:
                    chosen[facet] = known
        return chosen

    def _hours(self) -> tuple[Decimal | None, Decimal | None]:
        least = self._clean(_HOURS, "hours_from", "a number of hours", "it")
        most = self._clean(_HOURS, "hours_to", "a number of hours", "it")
        if least is not None and most is not None and least > most:
            self.notes.append("“From” is more than “To”: the hours were left out.")
            return None, None
        return least, most

    def _days(self) -> tuple[date | None, date | None]:
        first = self._clean(_DAY, "live_from", "a date", "“Live from”")
        last = self._clean(_DAY, "live_until", "a date", "“Live until”")
        # A date field of a browser takes nothing else.
        for name, day in (("live_from", first), ("live_until", last)):
            self.typed[name] = day.isoformat() if day else ""
        if first and last and last < first:
            self.notes.append("“Live until” is before “Live from”: the dates were left out.")
            return None, None
        return first, last

    def _clean(self, field: forms.Field, name: str, kind: str, what: str) -> Any:
        typed = self.typed[name]
        if not typed:
            return None
        try:
            return field.clean(typed)
        except ValidationError as error:
            is_far = field is _DAY and error.error_list[0].code != "invalid"
            reason = "is too far off" if is_far else f"is not {kind}"
            self.notes.append(f"“{_short(typed)}” {reason}, so {what} was left out.")
            return None

    # Writing

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """Names and values of what was understood, always in the same order; no page."""
        wanted = self.wanted
        pairs = [("q", self.q)] if self.q else []
        pairs += [(facet, slug) for facet, slugs in self.chosen.items() for slug in slugs]
        pairs += [
            (name, self.typed[name])
            for name in ("hours_from", "hours_to")
            if getattr(wanted, name) is not None
        ]
        pairs += [
            (name, getattr(wanted, name).isoformat())
            for name in ("live_from", "live_until")
            if getattr(wanted, name) is not None
        ]
        if wanted.on_demand:
            pairs.append(("on_demand", "yes"))
        if self.sort_by != self.default_sort:
            pairs.append(("sort", self.sort_by))
        return pairs

    @cached_property
    def query_string(self) -> str:
        """The same question in its shortest form."""
        return urlencode(self.pairs)

    @property
    def address_pairs(self) -> list[tuple[str, str]]:
        """As ``pairs``, with the page."""
        return [*self.pairs, ("page", str(self.page))] if self.page > 1 else self.pairs

    @property
    def sorts(self) -> list[tuple[str, str, bool]]:
        """Value, name, and whether it is chosen, of each order. The default goes by no value."""
        others = [name for name in SORT_LABELS if name not in {"relevance", self.default_sort}]
        names = {"": self.default_sort} | {name: name for name in others}
        return [(value, SORT_LABELS[name], name == self.sort_by) for value, name in names.items()]

    @cached_property
    def chips(self) -> list[Chip]:
        """A chip for each filter in force, in the order of the page."""
        encoded = [(name, value, urlencode({name: value})) for name, value in self.pairs]

        def without(*names: str, value: str | None = None) -> str:
            return "&".join(
                text
                for name, own, text in encoded
                if name not in names or (value is not None and own != value)
            )

        chips = []
        if self.wanted.query:
            chips.append(Chip("Words", _short(self.q), without("q")))
        chips += [
            Chip(
                FACET_LABELS[facet],
                _short(self.vocabulary.labels[facet][slug]),
                without(facet, value=slug),
            )
            for facet, slugs in self.chosen.items()
            for slug in slugs
        ]
        if hours := self._hours_in_words():
            chips.append(Chip("Hours", hours, without("hours_from", "hours_to")))
        if days := self._days_in_words():
            chips.append(Chip("Live", days, without("live_from", "live_until", "on_demand")))
        return chips

    def _hours_in_words(self) -> str:
        least, most = self.wanted.hours_from, self.wanted.hours_to
        if least is not None and most is not None:
            return f"{formats.show_hours(least)} to {formats.show_hours(most)} h"
        if least is not None:
            return f"{formats.show_hours(least)} h or more"
        return f"up to {formats.show_hours(most)} h" if most is not None else ""

    def _days_in_words(self) -> str:
        first, last = self.wanted.live_from, self.wanted.live_until
        if first and last:
            text = f"{formats.show_day(first)} to {formats.show_day(last)}"
        elif first:
            text = f"from {formats.show_day(first)}"
        elif last:
            text = f"until {formats.show_day(last)}"
        else:
            return ""
        return f"{text}, or on demand" if self.wanted.on_demand else text


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"


def _page_number(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    return max(int(text), 1) if is_number else 1
