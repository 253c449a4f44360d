"""How long somebody was there: arithmetic on spans of time, and nothing else.

Time that is covered twice counts once, time outside the session not at all, and a minute that was
begun and not finished is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]


def merged(spans: Iterable[Span], *, since: datetime, until: datetime) -> list[Span]:
    """What the spans cover from ``since`` to ``until``, in order and without overlap."""
    found: list[Span] = []
    for start, end in sorted(spans):
        start, end = max(start, since), min(end, until)
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def whole_minutes(spans: Iterable[Span]) -> int:
    """Whole minutes of spans that do not overlap."""
    return sum((end - start for start, end in spans), timedelta()) // timedelta(minutes=1)


def minutes(spans: Iterable[Span], *, since: datetime, until: datetime) -> int:
    """Whole minutes that the spans cover of the time from ``since`` to ``until``."""
    return whole_minutes(merged(spans, since=since, until=until))
