"""Arithmetic for components: the hour ruler, the pages of a list."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import template
from django.core.paginator import Page

register = template.Library()

MOST_TICKS = 60  # hours; closer than that, the cells turn to gray
TICK_WIDTH = Decimal("0.0022")  # of the whole bar


def _plain(number: Decimal, digits: int = 3) -> str:
    """``number`` for an SVG attribute: never in a local format, no trailing zeros."""
    text = f"{number:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text


@register.inclusion_tag("components/_hours_bar.html")
def hours_bar(
    total: Decimal | float,
    done: Decimal | float,
    planned: Decimal | float | None = None,
    *,
    label: str,
    text: str,
) -> dict[str, Any]:
    """The hour ruler: ``done`` of ``total`` hours are solid, ``planned`` hours more are hatched.

    ``label`` names the bar and ``text`` says its value in words, both for those who cannot see it.
    """
    whole = Decimal(str(total or 0))
    if whole <= 0:
        return {"total": ""}
    earned = min(max(Decimal(str(done or 0)), Decimal(0)), whole)
    reach = min(earned + max(Decimal(str(planned or 0)), Decimal(0)), whole)
    tick = TICK_WIDTH * whole
    return {
        "total": _plain(whole),
        "done": _plain(earned),
        "done_share": _plain(earned / whole * 100) if earned else "",
        "plan_from": _plain(earned / whole * 100),
        "plan_to": _plain(reach / whole * 100) if reach > earned else "",
        "has_ticks": 1 < whole <= MOST_TICKS,
        "tick": _plain(tick),
        "gap": _plain(1 - tick),
        "offset": _plain(-(1 - tick / 2)),
        "label": label,
        "text": text,
    }


@register.filter
def elided_pages(page: Page) -> Iterator[int | str]:
    """The page numbers worth a link: the ends, the neighbors, and an ellipsis between."""
    return page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
