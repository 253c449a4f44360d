"""The catalog, and suggestions while typing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

from ce_portal.htmx import page_or_fragment
from courses import cards, facets, search, shelf, tallies, words
from courses.forms import CatalogQuery
from courses.forms.catalog import Chip

PAGE_SIZE = 24
MAX_PAGES = 500
FEW = 3  # courses; of fewer than that, the words may be mistyped
NEAREST = 4
MOST_WAYS_OUT = 20  # filters that the empty page tries to do without
MOST_MEANT = 4  # choices that the words may be the name of

# What words may name that is none of a course's words, and how it is offered.
MEANT = {
    "language": "in {}",
    "board": "with credit for {}",
    "format": "in the format “{}”",
    "type": "with {} credit",
    "provider": "of {}",
    "instructor": "taught by {}",
}


@dataclass(frozen=True)
class Answer:
    """What is shown for a question: what it asks for, or what it seems to mean."""

    wanted: shelf.Wanted
    found: shelf.Found
    page: Page[int]
    corrected: str | None = None  # other words that find more
    is_replaced: bool = False  # they are shown, since the words asked for find nothing


@dataclass(frozen=True)
class WayOut:
    """A filter, and how many courses there are without it."""

    chip: Chip
    total: int


@dataclass(frozen=True)
class Meant:
    """A choice of a facet that goes by the words that were typed."""

    name: str
    query: str
    total: int


@login_not_required
@require_safe
def catalog(request: HttpRequest) -> HttpResponse:
    """The courses that a visitor asks for. The query string is the whole state."""
    at, zone = timezone.now(), timezone.get_current_timezone()
    htmx = request.htmx  # type: ignore[attr-defined]
    is_return = htmx.history_restore_request
    asked = CatalogQuery(request.GET)
    if not htmx and _only_empties_are_left_out(asked, request.GET):
        return redirect(_address(asked.address_pairs))
    answer = _answer(asked, at=at, zone=zone)
    wanted, found = answer.wanted, answer.found
    if asked.page == 1 and not is_return:
        tallies.note(
            asked.wanted.query,
            asked.wanted.chosen,
            typed=asked.q,
            total=0 if answer.is_replaced else found.total,
            at=at,
        )
    rows = facets.rows(asked, found)
    context = {
        "asked": asked,
        "answer": answer,
        "found": found,
        "page": answer.page,
        "cards": _cards(request, found.course_ids, wanted, at=at, zone=zone),
        "rows": rows,
        "filters": lambda: facets.form(asked, rows, total=found.total),
        "is_cut": found.total > MAX_PAGES * PAGE_SIZE,
        "corrected_query": _with_words(asked, answer.corrected) if answer.corrected else "",
        "title": _title(asked, answer.page),
        "address": settings.SITE_URL + reverse("courses:catalog"),
        "section": "catalog",
    }
    if not found.total:
        nearest = shelf.nearest(wanted, at=at, zone=zone, limit=NEAREST)
        context["nearest"] = _cards(request, nearest, wanted, at=at, zone=zone)
        context["ways_out"] = _ways_out(asked, at=at, zone=zone)
        if len(asked.chips) == 1 and wanted.query.wanted:
            context["topics"] = asked.vocabulary.topics
    if answer.is_replaced or not found.total:
        context["meant"] = _meant(asked, at=at, zone=zone)
    response = page_or_fragment(
        request, "courses/catalog.html", "courses/_catalog_results.html", context
    )
    if htmx and not is_return:
        number = answer.page.number
        page = [("page", str(number))] if number > 1 else []
        push_url(response, _address([*asked.pairs, *page]))
    return response


def _answer(asked: CatalogQuery, *, at: datetime, zone: tzinfo) -> Answer:
    wanted = asked.wanted
    found, page = _find(wanted, asked.page, at=at, zone=zone)
    if found.total >= FEW or not wanted.query.wanted:
        return Answer(wanted, found, page)
    corrected = search.correction(wanted, asked.q, at=at, zone=zone)
    if corrected and not found.total and search.may_replace(asked.q, corrected):
        better = replace(wanted, query=words.parse(corrected))
        found_better, page_better = _find(better, asked.page, at=at, zone=zone)
        if found_better.total:
            return Answer(better, found_better, page_better, corrected, is_replaced=True)
    return Answer(wanted, found, page, corrected)


def _find(
    wanted: shelf.Wanted, number: int, *, at: datetime, zone: tzinfo
) -> tuple[shelf.Found, Page[int]]:
    """The page of that number, or the last one."""
    number = min(number, MAX_PAGES)
    while True:
        found = shelf.find(
            wanted,
            at=at,
            zone=zone,
            offset=(number - 1) * PAGE_SIZE,
            limit=PAGE_SIZE,
            most=facets.MOST_NAMED,
        )
        shown = range(min(found.total, MAX_PAGES * PAGE_SIZE))
        page = Paginator(shown, PAGE_SIZE).get_page(number)
        if page.number == number:
            return found, page
        number = page.number


def _cards(
    request: HttpRequest,
    course_ids: list[int],
    wanted: shelf.Wanted,
    *,
    at: datetime,
    zone: tzinfo,
) -> list[SafeString]:
    return cards.render(
        course_ids,
        user=request.user,
        at=at,
        zone=zone,
        query=wanted.query,
        chosen=wanted.chosen,
        csrf_token=get_token(request) if request.user.is_authenticated else "",
        next_page=request.get_full_path(),
    )


def _only_empties_are_left_out(asked: CatalogQuery, query: QueryDict) -> bool:
    """Is the query string what is understood of it, but for empty fields of a form?"""
    pairs = [(name, value) for name, values in query.lists() for value in values]
    full = [pair for pair in pairs if pair[1]]
    return (
        len(full) < len(pairs) and not asked.notes and sorted(full) == sorted(asked.address_pairs)
    )


def _address(pairs: list[tuple[str, str]]) -> str:
    """The address of the catalog in its one form, whatever order the browser put its parts in."""
    here = reverse("courses:catalog")
    return f"{here}?{urlencode(pairs)}" if pairs else here


def _with_words(asked: CatalogQuery, typed: str) -> str:
    """The same question with other words."""
    return urlencode([("q", typed), *(pair for pair in asked.pairs if pair[0] != "q")])


def _ways_out(asked: CatalogQuery, *, at: datetime, zone: tzinfo) -> list[WayOut]:
    """What to drop so that something is found, most courses first."""
    ways = []
    # To drop the only filter is to clear all.
    chips = asked.chips if len(asked.chips) > 1 else []
    for chip in [*_single_words(asked), *chips][:MOST_WAYS_OUT]:
        without = CatalogQuery(QueryDict(chip.query), asked.vocabulary).wanted
        if total := shelf.count(without, at=at, zone=zone):
            ways.append(WayOut(chip, total))
    return sorted(ways, key=lambda way: -way.total)


def _single_words(asked: CatalogQuery) -> list[Chip]:
    """Of several words each one, and the question without it."""
    query = asked.wanted.query
    if len(query.wanted) < 2:
        return []
    unwanted = [f"-{group.typed}" for group in query.unwanted]
    return [
        Chip(
            "Words",
            dropped.typed,
            _with_words(
                asked,
                " ".join([group.typed for group in query.wanted if group != dropped] + unwanted),
            ),
        )
        for dropped in query.wanted
    ]


def _meant(asked: CatalogQuery, *, at: datetime, zone: tzinfo) -> list[Meant]:
    """Choices that go by the words, if they find something instead of them."""
    if asked.wanted.query.unwanted:
        return []
    typed, lexemes = asked.q.casefold(), set(words.lexemes(asked.q))
    found: list[Meant] = []
    for facet, phrase in MEANT.items():
        for slug, label in asked.vocabulary.labels[facet].items():
            is_named = typed in {slug, label.casefold()}
            if typed and (is_named or (lexemes and lexemes <= set(words.lexemes(label)))):
                others = [pair for pair in asked.pairs if pair[0] not in {"q", facet}]
                query = urlencode([*others, (facet, slug)])
                wanted = CatalogQuery(QueryDict(query), asked.vocabulary).wanted
                if total := shelf.count(wanted, at=at, zone=zone):
                    found.append(Meant(phrase.format(label), query, total))
                if len(found) == MOST_MEANT:
                    return found
    return found


def _title(asked: CatalogQuery, page: Page[Any]) -> str:
    words_asked = f"“{asked.q}” · " if asked.wanted.query else ""
    number = f", page {page.number}" if page.number > 1 else ""
    return f"{words_asked}Catalog{number} · CE Portal"


@login_not_required
@require_safe
def suggest(request: HttpRequest) -> HttpResponse:
    """What may be meant by the beginning of some words: the list under the search box."""
    typed = request.GET.get("q", "")[: words.MAX_LENGTH]
    found = search.suggest(typed, at=timezone.now(), zone=timezone.get_current_timezone())
    here = reverse("courses:catalog")
    groups = {
        "Courses": [
            (title, reverse("courses:course", args=[slug])) for title, slug in found.courses
        ],
        "Topics and focus areas": [
            (name, f"{here}?{urlencode({facet: slug})}") for name, facet, slug in found.places
        ],
        "Instructors": [
            (name, f"{here}?{urlencode({'instructor': slug})}") for name, slug in found.instructors
        ],
    }
    context = {"groups": groups, "total": len(found), "typed": typed.strip()}
    return render(request, "courses/_suggestions.html", context)
