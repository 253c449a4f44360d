"""The catalog's filters as HTML: more than a hundred choices, filled into stencils."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils.safestring import SafeString

from ce_portal import formats
from ce_portal.stencil import Stencil
from courses import shelf
from courses.forms import CatalogQuery

MOST_NAMED = 8  # providers and instructors, besides those chosen
CLOSED = ("method", "language", "access", "provider", "instructor")  # unless one is chosen
FIELDS = ("hours_from", "hours_to", "live_from", "live_until")

Rows = dict[str, SafeString]

_CHOICE = Stencil(
    "courses/_choice.html",
    holes=("facet", "slug", "label", "marker", "count", "plural", "state", "quiet"),
)
_TOPIC = Stencil("courses/_topic_choice.html", holes=("slug", "name", "choice", "areas", "is_open"))
_FORM = Stencil(
    "courses/_filters.html",
    holes=(
        *(facet for facet in shelf.FACETS if facet != "focus"),
        *(f"{facet}_is_open" for facet in CLOSED),
        *("on_demand", *FIELDS, "total", "plural"),
    ),
)
_NOTHING = SafeString()
_CHECKED, _MIXED = SafeString(" checked"), SafeString(" data-indeterminate")
_OPEN, _QUIET, _PLURAL = SafeString(" open"), SafeString(" choice-quiet"), SafeString("s")


def rows(asked: CatalogQuery, found: shelf.Found) -> Rows:
    """For each facet its choices, each with its count; focus areas are within "topic".

    A choice without a course stays. But of providers and instructors, who are many, only those that
    were counted are there.
    """
    row = _Row(asked.vocabulary)
    made = {}
    for facet in shelf.FACETS:
        if facet not in {"topic", "focus"}:
            counts, chosen = found.counts[facet], asked.chosen.get(facet, ())
            slugs = counts if facet in shelf.NUMEROUS else asked.vocabulary.labels[facet]
            made[facet] = _join(
                row.fill(facet, slug, counts.get(slug, 0), is_checked=slug in chosen)
                for slug in slugs
            )
    made["topic"] = _tree(asked, found, row)
    made["on_demand"] = row.fill(
        "on_demand", "yes", found.on_demand, is_checked=asked.wanted.on_demand
    )
    return made


def form(asked: CatalogQuery, rows: Rows, *, total: int) -> SafeString:
    """The whole form. What was typed into its fields is in them again."""
    return _FORM.fill(
        **rows,
        **asked.typed,
        **{f"{facet}_is_open": _OPEN if facet in asked.chosen else _NOTHING for facet in CLOSED},
        total=formats.show_count(total),
        plural=_plural(total),
    )


class _Row:
    """Rows of the names in one vocabulary. The names are filled in once and kept with it."""

    _kept: tuple[shelf.Vocabulary | None, dict[tuple[str, str], Stencil]] = (None, {})

    def __init__(self, vocabulary: shelf.Vocabulary) -> None:
        kept = _Row._kept
        if kept[0] is not vocabulary:
            kept = _Row._kept = (vocabulary, {})
        self.labels: Mapping[str, Mapping[str, str]] = vocabulary.labels
        self.markers = {topic.slug: f"topic {topic.marker}" for topic in vocabulary.topics}
        self.named = kept[1]

    def fill(
        self, facet: str, slug: str, count: int, *, is_checked: bool, is_mixed: bool = False
    ) -> SafeString:
        """A box to tick, a name, and the number of courses."""
        named = self.named.get((facet, slug))
        if named is None:
            named = self.named[facet, slug] = self._name(facet, slug)
        return named.fill(
            count=SafeString(formats.show_count(count)),
            plural=_plural(count),
            state=_CHECKED if is_checked else _MIXED if is_mixed else _NOTHING,
            quiet=_NOTHING if count or is_checked else _QUIET,
        )

    def _name(self, facet: str, slug: str) -> Stencil:
        label = "Include on demand" if facet == "on_demand" else self.labels[facet].get(slug, slug)
        marker = self.markers.get(slug, "") if facet == "topic" else ""
        return _CHOICE.part(facet=facet, slug=slug, label=label, marker=marker)


def _tree(asked: CatalogQuery, found: shelf.Found, row: _Row) -> SafeString:
    """Topics, each with its focus areas; open where an area is chosen."""
    topics, areas = asked.chosen.get("topic", ()), asked.chosen.get("focus", ())
    mixed = {asked.vocabulary.topic_of[area] for area in areas}
    branches = []
    for topic in asked.vocabulary.topics:
        slug = topic.slug
        own = [
            row.fill(
                "focus",
                area.slug,
                found.counts["focus"].get(area.slug, 0),
                is_checked=area.slug in areas,
            )
            for area in topic.focus_areas.all()
        ]
        branches.append(
            _TOPIC.fill(
                slug=slug,
                name=topic.name,
                choice=row.fill(
                    "topic",
                    slug,
                    found.counts["topic"].get(slug, 0),
                    is_checked=slug in topics,
                    is_mixed=slug in mixed,
                ),
                areas=_join(f"<li>{each}</li>" for each in own),
                is_open=_OPEN if slug in mixed else _NOTHING,
            )
        )
    return _join(branches)


def _plural(count: int) -> SafeString:
    return _NOTHING if count == 1 else _PLURAL


def _join(parts: Iterable[str]) -> SafeString:
    """Of what stencils gave, so it is safe."""
    return SafeString("".join(parts))
