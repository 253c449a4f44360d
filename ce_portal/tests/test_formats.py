"""Figures, days and moments are written one way."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ce_portal import formats

NEW_YORK = ZoneInfo("America/New_York")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")
KOLKATA = ZoneInfo("Asia/Kolkata")


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (Decimal(3), "3"),
        (Decimal("3.00"), "3"),
        (Decimal("1.50"), "1.5"),
        (Decimal("0.75"), "0.75"),
        (Decimal("0.10"), "0.1"),
        (Decimal("10.00"), "10"),
        (Decimal(100), "100"),
        (Decimal("100.05"), "100.05"),
        (Decimal("1E+2"), "100"),
        (Decimal(0), "0"),
        (Decimal("0.00"), "0"),
        (3, "3"),
        (0, "0"),
        (20, "20"),
    ],
)
def test_hours_have_no_trailing_zero_and_lose_no_digit(hours, text):
    assert formats.show_hours(hours) == text


def test_a_day_is_written_without_a_leading_zero():
    assert formats.show_day(date(2027, 2, 2)) == "Feb 2, 2027"


@pytest.mark.parametrize(
    ("hour", "text"),
    [(0, "12:05 AM"), (1, "1:05 AM"), (11, "11:05 AM"), (12, "12:05 PM"), (23, "11:05 PM")],
)
def test_the_clock_has_twelve_hours_and_no_zero(hour, text):
    assert formats.show_clock(utc(2026, 3, 2, hour, 5)) == text


@pytest.mark.parametrize(
    ("moment", "zone", "text"),
    [
        # Clocks in New York go forward on March 8, 2026, and back on November 1.
        (utc(2026, 3, 7, 17, 0), NEW_YORK, "Sat, Mar 7, 12:00 PM EST"),
        (utc(2026, 3, 8, 6, 59), NEW_YORK, "Sun, Mar 8, 1:59 AM EST"),
        (utc(2026, 3, 8, 7, 0), NEW_YORK, "Sun, Mar 8, 3:00 AM EDT"),
        (utc(2026, 3, 8, 16, 0), NEW_YORK, "Sun, Mar 8, 12:00 PM EDT"),
        (utc(2026, 11, 1, 5, 30), NEW_YORK, "Sun, Nov 1, 1:30 AM EDT"),
        (utc(2026, 11, 1, 6, 30), NEW_YORK, "Sun, Nov 1, 1:30 AM EST"),
        (utc(2026, 3, 2, 3, 0), LOS_ANGELES, "Sun, Mar 1, 7:00 PM PST"),
        (utc(2026, 3, 2, 12, 0), KOLKATA, "Mon, Mar 2, 5:30 PM IST"),
    ],
)
def test_a_moment_is_written_in_the_zone_and_names_it(moment, zone, text):
    assert formats.show_moment(moment, zone) == text


@pytest.mark.parametrize(
    ("start", "end", "zone", "text"),
    [
        (utc(2026, 2, 2, 17, 0), utc(2026, 2, 2, 20, 15), NEW_YORK, "12:00 to 3:15 PM EST"),
        (utc(2026, 2, 2, 14, 0), utc(2026, 2, 2, 15, 30), NEW_YORK, "9:00 to 10:30 AM EST"),
        # Over noon: both halves of the day are named.
        (utc(2026, 2, 2, 16, 0), utc(2026, 2, 2, 17, 30), NEW_YORK, "11:00 AM to 12:30 PM EST"),
        # Over midnight, of the day that it is there: the second day is named.
        (
            utc(2026, 2, 3, 4, 0),
            utc(2026, 2, 3, 5, 30),
            NEW_YORK,
            "11:00 PM to Tue, Feb 3, 12:30 AM EST",
        ),
        (utc(2026, 2, 3, 4, 0), utc(2026, 2, 3, 5, 30), LOS_ANGELES, "8:00 to 9:30 PM PST"),
        (
            utc(2026, 2, 2, 17, 0),
            utc(2026, 2, 3, 17, 0),
            NEW_YORK,
            "12:00 PM to Tue, Feb 3, 12:00 PM EST",
        ),
        # A day with a change of clocks, after the change.
        (utc(2026, 3, 8, 13, 0), utc(2026, 3, 8, 14, 0), NEW_YORK, "9:00 to 10:00 AM EDT"),
    ],
)
def test_a_span_is_written_once_for_what_start_and_end_share(start, end, zone, text):
    assert formats.show_span(start, end, zone) == text


@pytest.mark.parametrize(
    ("user_agent", "text"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
            "Safari on an iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/142.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        ("<script>", "A browser"),
        ("", "A browser"),
    ],
)
def test_a_browser_is_named_as_people_know_it(user_agent, text):
    assert formats.show_browser(user_agent) == text


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (0, "0 minutes"),
        (1, "1 minute"),
        (45, "45 minutes"),
        (60, "1 hour"),
        (150, "2 hours 30 minutes"),
        (24 * 60, "1 day"),
        (2 * 24 * 60 + 61, "2 days 1 hour 1 minute"),
    ],
)
def test_a_length_of_time_is_written_in_words(minutes, text):
    assert formats.show_minutes(minutes) == text
