"""Hours of credit: the formulas, and that nothing is ever rounded up."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courses import hours

QUARTER = Fraction(1, 4)
DIFFICULTIES = st.integers(2, 10).map(lambda halves: Decimal(halves) / 2)


def exact_mergener_minutes(words: int, questions: int, difficulty: Decimal) -> Fraction:
    """The formula in fractions, straight from the paper."""
    minutes = Fraction(9, 10) * (
        Fraction(-223, 10)
        + Fraction(209, 100_000) * words
        + Fraction(278, 100) * questions
        + Fraction(155, 10) * Fraction(difficulty)
    )
    return max(minutes, Fraction(0))


# --- The Mergener formula ---------------------------------------------------


def test_mergener_gives_the_published_worked_example():
    minutes = hours.mergener_minutes(words=3_774, questions=16, difficulty=Decimal("2.5"))

    assert minutes == Decimal("61.94")


def test_mergener_is_never_below_zero():
    assert hours.mergener_minutes(words=0, questions=0, difficulty=Decimal(1)) == Decimal(0)


@pytest.mark.parametrize(
    ("minutes_per_hour", "given"),
    [(60, Decimal("1.00")), (50, Decimal("1.00")), (45, Decimal("1.25"))],
)
def test_a_text_gives_hours_by_the_minutes_of_the_body(minutes_per_hour, given):
    text = hours.from_text(
        method=hours.MERGENER,
        words=3_774,
        questions=16,
        difficulty=Decimal("2.5"),
        minutes_per_hour=minutes_per_hour,
    )

    assert text == hours.TextHours(
        hours=given,
        minutes=Decimal("61.94"),
        basis=(
            "Mergener formula: 3,774 words, 16 questions, difficulty 2.5 of 5, "
            f"62 minutes at {minutes_per_hour} an hour"
        ),
    )


def test_clock_hours_of_a_text_use_sixty_minutes():
    given = hours.clock_hours_of_text(words=3_774, questions=16, difficulty=Decimal("2.5"))

    assert given == Decimal("1.00")


# --- Words per hour ---------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (6_000, Decimal("1.00")),
        (5_999, Decimal("0.75")),
        (1_500, Decimal("0.25")),
        (1_499, Decimal("0.00")),
        (15_000, Decimal("2.50")),
    ],
)
def test_six_thousand_words_make_an_hour(words, given):
    text = hours.from_text(
        method=hours.WORDS,
        words=words,
        questions=16,
        difficulty=Decimal(5),
        minutes_per_hour=60,
    )

    assert (text.hours, text.basis) == (given, f"{words:,} words at 6,000 words an hour")


def test_words_method_says_how_long_the_words_are():
    text = hours.from_text(
        method=hours.WORDS, words=3_774, questions=0, difficulty=Decimal(1), minutes_per_hour=60
    )

    assert text.minutes == Decimal("37.74")


# --- Minutes of instruction -------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "minutes_per_hour", "given"),
    [
        (60, 60, Decimal("1.00")),
        (59, 60, Decimal("0.75")),
        (15, 60, Decimal("0.25")),
        (14, 60, Decimal("0.00")),
        (50, 50, Decimal("1.00")),
        (49, 50, Decimal("0.75")),
        (60, 50, Decimal("1.00")),
        (63, 50, Decimal("1.25")),
        (480, 60, Decimal("8.00")),
        (480, 50, Decimal("9.50")),
        (0, 60, Decimal("0.00")),
    ],
)
def test_minutes_of_instruction_make_hours_of_fifty_or_sixty(minutes, minutes_per_hour, given):
    assert hours.from_minutes(minutes, minutes_per_hour=minutes_per_hour) == given


# --- Rounding ---------------------------------------------------------------


@settings(deadline=None)
@given(st.decimals(0, 1_000, places=6))
def test_rounding_down_loses_less_than_a_quarter_hour(exact):
    rounded = hours.round_down(exact)

    assert (rounded % hours.QUARTER_HOUR, 0 <= exact - rounded < hours.QUARTER_HOUR) == (0, True)


@settings(deadline=None)
@given(st.integers(0, 600_000), st.integers(30, 60))
def test_minutes_are_never_rounded_up_nor_a_quarter_hour_away(minutes, minutes_per_hour):
    given = Fraction(hours.from_minutes(minutes, minutes_per_hour=minutes_per_hour))

    assert 0 <= Fraction(minutes, minutes_per_hour) - given < QUARTER


@settings(deadline=None)
@given(
    st.sampled_from([hours.MERGENER, hours.WORDS]),
    st.integers(0, 200_000),
    st.integers(0, 200),
    DIFFICULTIES,
    st.integers(30, 60),
)
def test_a_text_is_never_rounded_up_nor_a_quarter_hour_away(
    method, words, questions, difficulty, minutes_per_hour
):
    if method == hours.MERGENER:
        exact = exact_mergener_minutes(words, questions, difficulty) / minutes_per_hour
    else:
        exact = Fraction(words, 6_000)

    text = hours.from_text(
        method=method,
        words=words,
        questions=questions,
        difficulty=difficulty,
        minutes_per_hour=minutes_per_hour,
    )

    assert 0 <= exact - Fraction(text.hours) < QUARTER


def test_minutes_that_look_whole_to_the_hundredth_are_not_rounded_up():
    """59.995404 minutes read 60.00, and are still less than an hour."""
    words, questions, difficulty = 5_484, 0, Decimal(5)

    exact = exact_mergener_minutes(words, questions, difficulty)
    shown = hours.mergener_minutes(words=words, questions=questions, difficulty=difficulty)
    given = hours.clock_hours_of_text(words=words, questions=questions, difficulty=difficulty)

    assert (exact < 60, shown, given) == (True, Decimal("60.00"), Decimal("0.75"))


# --- Counting words ---------------------------------------------------------


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("", 0),
        ("Consent is a conversation.", 4),
        ("## Consent is\n\na *conversation*.", 4),
        ("**Un**broken *trust*, always.", 3),
        ("One\ntwo  \nthree", 3),
        ("Read [the code](https://example.com/a/very/long/address 'its title') first.", 4),
        ("See <https://example.com>.", 2),
        ("- one\n- two\n\n1. three", 3),
        ("> quoted words", 2),
        ("| Head | Two |\n|------|-----|\n| cell | b |", 4),
        ("`a signature` counts", 3),
        ("```python\nprint this\n```", 2),
        ("A <b class='soft'>bold</b> word", 3),
        ("one <br> two", 2),
        ("one\n\n---\n\ntwo", 2),
        ("[one]\n\n[one]: https://example.com 'never shown'", 1),
        ("fish &amp; chips", 3),
    ],
)
def test_only_words_that_a_reader_sees_are_counted(markdown, words):
    assert hours.count_words(markdown) == words


@pytest.mark.parametrize(("words", "minutes"), [(0, 1), (1, 1), (200, 1), (201, 2), (2_000, 10)])
def test_reading_takes_a_minute_for_two_hundred_words(words, minutes):
    assert hours.reading_minutes(words) == minutes
