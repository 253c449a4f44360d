"""How the questions of a post-test do: how hard, how telling, how often each choice is taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean, pstdev
from typing import Any

from courses import answer_key
from courses.models import Attempt, Course, Question

# With fewer people a figure says little: one person more would change it by points.
FEW = 30


@dataclass(frozen=True)
class ChoiceRow:
    text: str
    is_right: bool
    taken: int
    share: float | None


@dataclass(frozen=True)
class Item:
    """One question: how often it was asked, the share that had it right, and how well it tells
    those who know from those who do not (None: cannot be told)."""

    question: int
    ask: str
    is_asked_now: bool
    asked: int
    difficulty: float | None
    discrimination: float | None
    choices: list[ChoiceRow]

    @property
    def is_few(self) -> bool:
        return self.asked < FEW


@dataclass
class _Tally:
    """What is gathered of a question: its words as last shown, and for each time it was asked
    whether it was right and the share of the other questions that were."""

    shown: dict[str, Any] = field(default_factory=dict)
    results: list[tuple[bool, float | None]] = field(default_factory=list)
    taken: Counter[int] = field(default_factory=Counter)


def of_course(course: Course, *, first_only: bool = True) -> list[Item]:
    """Figures of the questions that the course asks now, in their order, then of those it asked
    before. By default only the first attempt of each person counts: who repeats has seen them."""
    tallies: dict[int, _Tally] = {}
    seen = set()
    graded = (
        Attempt.objects.filter(enrollment__course=course, submitted_at__isnull=False)
        .order_by("submitted_at", "pk")
        .values_list("enrollment__learner", "shown", "chosen")
    )
    for learner, shown, chosen in graded.iterator():
        if first_only and learner in seen:
            continue
        seen.add(learner)
        _count(tallies, shown, chosen)
    now = {
        question.pk: question
        for question in Question.objects.filter(course=course)
        .order_by("position", "pk")
        .prefetch_related("choices")
    }
    items = [_item(pk, tallies.get(pk, _Tally()), question) for pk, question in now.items()]
    return items + [_item(pk, tally, None) for pk, tally in tallies.items() if pk not in now]


def _count(tallies: dict[int, _Tally], shown: list[dict[str, Any]], chosen: dict[str, Any]) -> None:
    taken = {each["question"]: chosen.get(str(each["question"]), []) for each in shown}
    is_right = {
        each["question"]: answer_key.is_answered_rightly(
            taken[each["question"]],
            [choice["choice"] for choice in each["choices"] if choice["is_right"]],
        )
        for each in shown
    }
    right, others = sum(is_right.values()), len(shown) - 1
    for each in shown:
        pk = each["question"]
        tally = tallies.setdefault(pk, _Tally())
        rest = (right - is_right[pk]) / others if others else None
        tally.shown = each
        tally.results.append((is_right[pk], rest))
        tally.taken.update(taken[pk])


def _item(pk: int, tally: _Tally, question: Question | None) -> Item:
    asked = len(tally.results)
    if question:
        choices = sorted(question.choices.all(), key=lambda each: (each.position, each.pk))
        words = [(choice.pk, choice.text, choice.is_right) for choice in choices]
    else:
        words = [
            (choice["choice"], choice["text"], choice["is_right"])
            for choice in sorted(tally.shown["choices"], key=lambda each: each["choice"])
        ]
    return Item(
        question=pk,
        ask=question.ask if question else tally.shown["ask"],
        is_asked_now=question is not None,
        asked=asked,
        difficulty=fmean(is_right for is_right, _ in tally.results) if asked else None,
        discrimination=discrimination(tally.results),
        choices=[
            ChoiceRow(
                text, is_right, tally.taken[choice], tally.taken[choice] / asked if asked else None
            )
            for choice, text, is_right in words
        ],
    )


def discrimination(results: Sequence[tuple[bool, float | None]]) -> float | None:
    """The corrected point-biserial correlation of an item with the rest of the test:

        r = (M1 - M0) / s * sqrt(p * (1 - p))

    where M1 and M0 are the mean rest scores (the share of the other questions that were right) of
    those who had the item right and wrong, s the standard deviation of all rest scores, and p the
    share that had it right. None if all had it right or wrong, or all rest scores are the same.

    Source: L. Crocker, J. Algina, Introduction to Classical and Modern Test Theory (1986), chapter
    14; the item is taken out of the total after S. Henrysson, Psychometrika 28 (1963), 211-218.
    """
    known = [(is_right, rest) for is_right, rest in results if rest is not None]
    right = [rest for is_right, rest in known if is_right]
    wrong = [rest for is_right, rest in known if not is_right]
    if not right or not wrong:
        return None
    spread = pstdev(rest for _, rest in known)
    if not spread:
        return None
    share = len(right) / len(known)
    return (fmean(right) - fmean(wrong)) / spread * (share * (1 - share)) ** 0.5


def csv_rows(items: list[Item]) -> Iterator[list[str]]:
    yield [
        "Question",
        "Asked now",
        "Times asked",
        "Difficulty (share right)",
        "Discrimination (point-biserial)",
        f"Fewer than {FEW}",
        "Choice",
        "Right",
        "Times taken",
        "Share",
    ]
    for item in items:
        for choice in item.choices:
            yield [
                item.ask,
                _yes_no(item.is_asked_now),
                str(item.asked),
                _figure(item.difficulty),
                _figure(item.discrimination),
                _yes_no(item.is_few),
                choice.text,
                _yes_no(choice.is_right),
                str(choice.taken),
                _figure(choice.share),
            ]


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
