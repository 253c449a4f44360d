"""Clocks of several hosts differ, and one that was wrong is set right while waits are running."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

FURTHEST = timedelta(hours=2)  # no pause of ours reaches further


def is_over(column: str, *, at: datetime) -> Q:
    """The wait until this moment is over; or it is so far off that a wrong clock has written it."""
    return Q(**{f"{column}__lte": at}) | Q(**{f"{column}__gt": at + FURTHEST})


def lease_is_over(column: str, *, at: datetime, length: timedelta) -> Q:
    """The same of a row with a ``lease``: while somebody has it, a wait of twice that length or
    more is of a wrong clock already. Without one, the wait is a pause."""
    return is_over(column, at=at) | (~Q(lease="") & Q(**{f"{column}__gt": at + 2 * length}))
