"""Hours of credit from minutes of instruction, or from the words of a text-based course.

Everything is `Decimal`; a result is rounded *down* to a quarter hour, because a board may refuse
credit that was rounded up and never refuses credit that was rounded down.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from markdown_it import MarkdownIt
from markdown_it.token import Token

QUARTER_HOUR = Decimal("0.25")
HUNDREDTH = Decimal("0.01")
WORDS_PER_HOUR = 6000
READING_WORDS_PER_MINUTE = 200

MERGENER = "mergener"
WORDS = "words"

_PLAIN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class TextHours:
    """Hours of a text-based course for one approving body, and the sentence that says why."""

    hours: Decimal
    minutes: Decimal
    basis: str


def count_words(markdown: str) -> int:
    """Count the words a reader sees: no markup, no link targets, no code fences' language."""
    text: list[str] = []
    for token in _PLAIN.parse(markdown):
        if token.type == "inline":
            # “*Never*.” is one word: only a line's end parts words that touch.
            text.append("".join(_seen(child) for child in token.children or []))
        elif token.type in {"fence", "code_block"}:
            text.append(token.content)
    return len(" ".join(text).split())


def _seen(token: Token) -> str:
    if token.type in {"softbreak", "hardbreak"}:
        return " "
    return "" if token.type == "html_inline" else token.content


def reading_minutes(words: int) -> int:
    """Minutes that a careful reader needs, at 200 words a minute, at least 1."""
    return max(1, -(-words // READING_WORDS_PER_MINUTE))


def mergener_minutes(*, words: int, questions: int, difficulty: Decimal) -> Decimal:
    """Minutes to complete a text-based course by the Mergener formula, never below zero.

    0.9 x (-22.3 + 0.00209 x words + 2.78 x questions + 15.5 x difficulty), difficulty 1 to 5.
    Source: Canadian Council on Continuing Education in Pharmacy, "Mergener formula"; words leave
    out the title, the authors and the references. Worked example there: 3,774 words, 16 questions
    and difficulty 2.5 give 61.94 minutes.
    """
    return _exact_mergener(words, questions, difficulty).quantize(HUNDREDTH)


def _exact_mergener(words: int, questions: int, difficulty: Decimal) -> Decimal:
    # Hours are computed from this: minutes rounded to a hundredth may have been rounded up.
    minutes = Decimal("0.9") * (
        Decimal("-22.3")
        + Decimal("0.00209") * words
        + Decimal("2.78") * questions
        + Decimal("15.5") * difficulty
    )
    return max(minutes, Decimal(0))


def round_down(hours: Decimal) -> Decimal:
    """The largest whole number of quarter hours in ``hours``."""
    return (hours / QUARTER_HOUR).to_integral_value(ROUND_DOWN) * QUARTER_HOUR


def from_minutes(minutes: int, *, minutes_per_hour: int) -> Decimal:
    """Hours for that many minutes of instruction, by a body's minutes per hour."""
    return round_down(Decimal(minutes) / minutes_per_hour)


def clock_hours_of_text(*, words: int, questions: int, difficulty: Decimal) -> Decimal:
    """Clock hours (60 minutes) of a text-based course by the Mergener formula."""
    return round_down(_exact_mergener(words, questions, difficulty) / 60)


def from_text(
    *, method: str, words: int, questions: int, difficulty: Decimal, minutes_per_hour: int
) -> TextHours:
    """Hours of a text-based course by a body's method: the Mergener formula or words per hour."""
    if method == WORDS:
        minutes = Decimal(words) / WORDS_PER_HOUR * 60
        hours = round_down(Decimal(words) / WORDS_PER_HOUR)
        basis = f"{words:,} words at {WORDS_PER_HOUR:,} words an hour"
    else:
        minutes = _exact_mergener(words, questions, difficulty)
        hours = round_down(minutes / minutes_per_hour)
        basis = (
            f"Mergener formula: {words:,} words, {questions} questions, difficulty {difficulty} "
            f"of 5, {minutes:.0f} minutes at {minutes_per_hour} an hour"
        )
    return TextHours(hours=hours, minutes=minutes.quantize(HUNDREDTH), basis=basis)
