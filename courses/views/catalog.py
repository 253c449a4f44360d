"""The catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.views.decorators.http import require_safe

from ce_portal.htmx import page_or_fragment
from courses.forms import CatalogFilter
from courses.models import Course, Enrollment, Topic

PAGE_SIZE = 24


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the query string without it."""

    facet: str
    label: str
    query: str


@login_not_required
@require_safe
def catalog(request: HttpRequest) -> HttpResponse:
    """Published courses, narrowed as the visitor asks. The query string is the whole state."""
    now = timezone.now()
    topics = list(Topic.objects.tree())
    published = Course.objects.published()
    filtered = CatalogFilter(request.GET, published.with_next_session(at=now), topics=topics)
    page = Paginator(filtered.qs.with_cards(at=now), PAGE_SIZE).get_page(request.GET.get("page"))
    _add_own_state(page, request)
    chips = _chips(filtered, request.GET)
    context = {
        "filter": filtered,
        "wanted": filtered.wanted,
        "sort_by": filtered.sort_by,
        "topics": topics,
        "page": page,
        "chips": chips,
        "query": _query_without(request.GET, "page"),
        "total": published.count(),
        "section": "catalog",
    }
    return page_or_fragment(
        request, "courses/catalog.html", "courses/_catalog_results.html", context
    )


def _add_own_state(page: Page[Course], request: HttpRequest) -> None:
    """Adds ``held`` to each course of the page: the signed-in person's enrollment, or None."""
    held: dict[int, Enrollment] = {}
    if request.user.is_authenticated:
        own = Enrollment.objects.visible_to(request.user).open()
        own = own.filter(course__in=[course.pk for course in page])
        held = {row.course_id: row for row in own.select_related("session", "completion")}
    for course in page:
        course.held = held.get(course.pk)  # type: ignore[attr-defined]


def _query_without(query: QueryDict, name: str, value: str | None = None) -> str:
    """The query string without a parameter, or without one value of it; always from page one."""
    rest = query.copy()
    rest.pop("page", None)
    if value is None:
        rest.pop(name, None)
    else:
        rest.setlist(name, [item for item in rest.getlist(name) if item != value])
    return rest.urlencode()


def _chips(filtered: CatalogFilter, query: QueryDict) -> list[Chip]:
    wanted: dict[str, Any] = filtered.wanted
    chips = []
    if wanted.get("q"):
        chips.append(Chip("Words", wanted["q"], _query_without(query, "q")))
    for name in ("topic", "focus", "format"):
        labels = dict(filtered.form.fields[name].widget.choices)
        chips.extend(
            Chip(
                str(filtered.form.fields[name].label),
                labels[value],
                _query_without(query, name, value),
            )
            for value in wanted.get(name) or []
        )
    return chips
