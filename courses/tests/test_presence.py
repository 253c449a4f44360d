from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses import presence

BEGIN = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
END = BEGIN + timedelta(minutes=90)


def at(minute: float) -> datetime:
    return BEGIN + timedelta(minutes=minute)


@pytest.mark.parametrize(
    ("spans", "minutes"),
    [
        ([], 0),
        ([(0, 90)], 90),
        ([(-30, 120)], 90),  # early and late
        ([(-30, 0), (90, 120)], 0),  # outside, to the very edge
        ([(0, 30), (30, 60)], 60),  # one after the other
        ([(0, 30), (10, 20)], 30),  # one within the other
        ([(0, 30), (20, 50)], 50),  # two devices
        ([(20, 50), (0, 30), (0, 30)], 50),  # in any order, twice
        ([(0, 10), (80, 90)], 20),
        ([(0, 79.99)], 79),  # a minute that is not over is none
        ([(0, 0.5), (10, 10.5)], 1),  # rounded once, at the end
    ],
)
def test_minutes_are_the_union_inside_the_session(spans, minutes):
    found = presence.minutes([(at(start), at(end)) for start, end in spans], since=BEGIN, until=END)

    assert found == minutes


spans_of_whole_minutes = st.lists(
    st.tuples(st.integers(-60, 160), st.integers(0, 60)).map(
        lambda drawn: (drawn[0], drawn[0] + drawn[1])
    ),
    max_size=30,
)


@given(spans_of_whole_minutes)
def test_minutes_agree_with_counting_each_minute(spans):
    counted = sum(any(start <= minute < end for start, end in spans) for minute in range(90))

    found = presence.minutes([(at(start), at(end)) for start, end in spans], since=BEGIN, until=END)

    assert found == counted


@given(spans_of_whole_minutes)
def test_merged_spans_are_in_order_apart_and_inside(spans):
    found = presence.merged([(at(start), at(end)) for start, end in spans], since=BEGIN, until=END)

    edges = [edge for span in found for edge in span]
    assert edges == sorted(set(edges))
    assert all(BEGIN <= edge <= END for edge in edges)
