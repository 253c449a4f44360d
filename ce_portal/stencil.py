"""A template that is rendered once, and then filled by joining strings.

A page that repeats a small template a hundred times spends its time in the template engine. A
stencil renders such a template a single time, with a mark in the place of each *hole*, and keeps
the text between the marks. Filling it costs about as much as formatting a string::

    choice = Stencil("courses/_choice.html", holes=("name", "label"))
    choice.fill(name="format", label="In person")

In the template a hole is a variable like any other, in text or in a quoted attribute, also as an
argument of ``{% url %}`` or as ``csrf_token``. What a template decides (``{% if %}``) or computes
(a filter) it decides and computes once, from ``context``: a hole is only ever put in its place. So
there is one stencil for each kind of card, and a kind may have no place for some of the holes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from html import escape
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

# A slug, so that a hole may stand in an address.
MARK = "stencil-{}-hole"


class Stencil:
    """One template, for one context, with holes."""

    def __init__(
        self, template: str, *, holes: Iterable[str], context: Mapping[str, Any] | None = None
    ) -> None:
        self.template = template
        self.holes = tuple(holes)
        self.context = dict(context or {})

    @cached_property
    def _text(self) -> str:
        """The rendered template as a format string. Not made before it is needed."""
        marks = {hole: SafeString(MARK.format(hole)) for hole in self.holes}
        text = render_to_string(self.template, {**self.context, **marks}).strip()
        text = text.replace("%", "%%")
        for hole, mark in marks.items():
            text = text.replace(mark, f"%({hole})s")
        return text

    def fill(self, **values: object) -> SafeString:
        """The template with each hole filled; what is not marked as safe is escaped."""
        return SafeString(self._text % _escaped(values))

    def part(self, **values: object) -> Stencil:
        """A stencil in which these holes are filled already."""
        rest = tuple(hole for hole in self.holes if hole not in values)
        part = Stencil(self.template, holes=rest, context=self.context)
        filled = {hole: text.replace("%", "%%") for hole, text in _escaped(values).items()}
        filled.update((hole, f"%({hole})s") for hole in rest)
        part._text = self._text.replace("%%", "%%%%") % filled
        return part


def _escaped(values: dict[str, object]) -> dict[str, str]:
    """As Django's ``conditional_escape``, without its detour for lazy translations."""
    return {
        hole: value if isinstance(value, SafeString) else escape(str(value))
        for hole, value in values.items()
    }
