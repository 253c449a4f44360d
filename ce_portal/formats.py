"""How figures and days are written: one way each, on pages, in CSV and on documents."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo


def show_hours(hours: Decimal | int) -> str:
    """Credit hours without a trailing zero: 3, 1.5, 0.75."""
    text = f"{Decimal(hours):.2f}"
    return text.rstrip("0").rstrip(".")


def show_count(number: int) -> str:
    """How many: 9, 1,204."""
    return f"{number:,}"


def show_price(price: Decimal) -> str:
    """US dollars: $84, $19.50, or Free."""
    if not price:
        return "Free"
    return f"${price:.0f}" if price == price.to_integral_value() else f"${price:.2f}"


def show_seats(left: int | None) -> str:
    """Seats that are left: 9 seats left, or Full; nothing where there is no limit."""
    if left is None:
        return ""
    return f"{left} seat{'' if left == 1 else 's'} left" if left else "Full"


def show_minutes(minutes: int) -> str:
    """A length of time: 45 minutes, 1 hour, 2 hours 30 minutes, 2 days."""
    days, rest = divmod(minutes, 24 * 60)
    hours, rest = divmod(rest, 60)
    parts = [(days, "day"), (hours, "hour"), (rest, "minute")]
    said = [f"{number} {name}{'' if number == 1 else 's'}" for number, name in parts if number]
    return " ".join(said) or "0 minutes"


def show_day(day: date) -> str:
    """A calendar day: Feb 2, 2027."""
    return f"{day:%b} {day.day}, {day.year}"


def show_period(since: date | None, until: date | None) -> str:
    """Days from ``since`` to before ``until``: Jan 1, 2025 through Dec 31, 2026; or All time."""
    through = until - timedelta(days=1) if until else None
    if since and through:
        return f"{show_day(since)} through {show_day(through)}"
    if since:
        return f"Since {show_day(since)}"
    return f"Through {show_day(through)}" if through else "All time"


def show_clock(moment: datetime) -> str:
    """The time of day of an aware moment in its own zone: 12:00 PM."""
    return f"{moment.hour % 12 or 12}:{moment:%M %p}"


def show_moment(moment: datetime, zone: tzinfo) -> str:
    """An aware moment in ``zone``, the zone always written: Tue, Feb 2, 12:00 PM EST."""
    there = moment.astimezone(zone)
    return f"{there:%a, %b} {there.day}, {show_clock(there)} {there:%Z}"


def show_moment_in_year(moment: datetime, zone: tzinfo) -> str:
    """An aware moment in ``zone``, for what may be far away: Feb 2, 2027, 12:00 PM EST."""
    there = moment.astimezone(zone)
    return f"{show_day(there)}, {show_clock(there)} {there:%Z}"


def show_span(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """From start to end in ``zone``: 12:00 to 3:15 PM EST; with the day if it ends on another."""
    first, last = start.astimezone(zone), end.astimezone(zone)
    if first.date() != last.date():
        return f"{show_clock(first)} to {last:%a, %b} {last.day}, {show_clock(last)} {last:%Z}"
    opening = show_clock(first)
    if first.utcoffset() != last.utcoffset():
        opening += f" {first:%Z}"
    elif f"{first:%p}" == f"{last:%p}":
        opening = opening.rsplit(" ", 1)[0]
    return f"{opening} to {show_clock(last)} {last:%Z}"


# What a browser calls itself names its forebears too, so the first match counts.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS": "Firefox",
    "Chrome/": "Chrome",
    "CriOS": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "iPhone": "an iPhone",
    "iPad": "an iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "a Mac",
    "CrOS": "a Chromebook",
    "Linux": "Linux",
}


def show_browser(user_agent: str) -> str:
    """Which browser on which system, as far as it says so: Firefox on Windows."""
    browser = next((name for mark, name in _BROWSERS.items() if mark in user_agent), "A browser")
    system = next((name for mark, name in _SYSTEMS.items() if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser
