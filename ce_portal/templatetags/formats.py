"""The formats of ``ce_portal.formats`` as filters: one way to write a figure, a day, a moment."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django import template
from django.utils import timezone

from ce_portal import formats

register = template.Library()


@register.filter
def hours(value: Decimal) -> str:
    """3, 1.5, 0.75"""
    return formats.show_hours(value)


@register.filter
def count(number: int) -> str:
    """9, 1,204"""
    return formats.show_count(number)


@register.filter
def minutes(value: int) -> str:
    """45 minutes, 2 hours 30 minutes"""
    return formats.show_minutes(value)


@register.filter
def day(value: date) -> str:
    """Feb 2, 2027; a moment becomes the day it is in the reader's zone."""
    if isinstance(value, datetime):
        value = timezone.localdate(value)
    return formats.show_day(value)


@register.filter
def iso_day(text: str) -> str:
    """Feb 2, 2027, of 2027-02-02 as JSON has it."""
    return formats.show_day(date.fromisoformat(text))


@register.filter
def period(since: date | None, until: date | None) -> str:
    """Jan 1, 2025 through Dec 31, 2026; or All time."""
    return formats.show_period(since, until)


@register.filter
def moment(value: datetime, zone: str = "") -> str:
    """Tue, Feb 2, 12:00 PM EST, in ``zone`` or in the reader's."""
    return formats.show_moment(value, _zone(zone))


@register.filter
def clock(value: datetime) -> str:
    """12:00 PM, in the reader's zone, which the page says once."""
    return formats.show_clock(value.astimezone(_zone("")))


@register.filter
def moment_in_year(value: datetime) -> str:
    """Feb 2, 2027, 12:00 PM EST, in the reader's zone."""
    return formats.show_moment_in_year(value, _zone(""))


@register.simple_tag
def span(start: datetime, end: datetime, zone: str = "") -> str:
    """12:00 to 3:15 PM EST, in ``zone`` or in the reader's."""
    return formats.show_span(start, end, _zone(zone))


@register.filter
def price(value: Decimal) -> str:
    """$84, $19.50, or Free."""
    return formats.show_price(value)


@register.filter
def seats(left: int | None) -> str:
    """9 seats left, Full, or nothing where there is no limit."""
    return formats.show_seats(left)


@register.filter
def browser(user_agent: str) -> str:
    """Firefox on Windows"""
    return formats.show_browser(user_agent)


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name) if name else ZoneInfo(timezone.get_current_timezone_name())
