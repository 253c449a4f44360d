"""What the evaluations of a course say together, never one by one.

Nobody is named in an evaluation, but of two answers in a small group it is easy to guess whose they
are. So nothing is told of fewer than SHOWN_FROM evaluations, and nothing from which that few could
be reckoned: a session that is withheld takes the next smallest with it if need be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from django.db.models import Count, QuerySet

from courses.models import Course, EvaluationAnswer, EvaluationQuestion, EvaluationResponse, Session

SHOWN_FROM = 3  # evaluations
RATINGS = (1, 2, 3, 4, 5)
# Objectives first, then instructors, the standard set, the course's own: as they are asked.
_ORDER = ("objective", "instructor", "relevance", "level", "format", "accessibility", "comment")


@dataclass(frozen=True)
class Bar:
    """How many gave one rating, and their share in percent for a chart."""

    rating: int
    count: int
    share: Decimal


@dataclass(frozen=True)
class Ratings:
    """A question that was answered from 1 to 5. Another wording is another question."""

    code: str
    asked: str
    bars: tuple[Bar, ...]
    count: int
    mean: Decimal


@dataclass(frozen=True)
class Comments:
    """A question that was answered in words, in an order that says nothing of who wrote when."""

    code: str
    asked: str
    texts: list[str]


@dataclass(frozen=True)
class SessionLine:
    """A session that was evaluated, and whether a summary of it alone may be shown."""

    session: Session
    responses: int
    is_shown: bool


@dataclass(frozen=True)
class Report:
    """All evaluations of a course, or of one of its sessions. Empty lists below SHOWN_FROM."""

    course: Course
    session: Session | None
    responses: int
    ratings: list[Ratings]
    comments: list[Comments]
    sessions: list[SessionLine]

    @property
    def is_withheld(self) -> bool:
        return self.responses > 0 and not self.ratings and not self.comments


def build(*, course: Course, session: Session | None = None) -> Report:
    """The summary of a course, or of one of its sessions."""
    sessions = session_lines(course)
    responses = EvaluationResponse.objects.filter(course=course)
    is_shown = True
    if session is not None:
        responses = responses.filter(session=session)
        is_shown = any(line.session.pk == session.pk and line.is_shown for line in sessions)
    count = responses.count()
    if count < SHOWN_FROM or not is_shown:
        return Report(course, session, count, [], [], sessions)
    answers = EvaluationAnswer.objects.filter(response__in=responses)
    return Report(course, session, count, _ratings(answers), _comments(answers), sessions)


def session_lines(course: Course) -> list[SessionLine]:
    """The course's sessions with evaluations, the latest first."""
    sessions = list(
        course.sessions.annotate(responses=Count("evaluation_responses"))
        .filter(responses__gt=0)
        .order_by("-starts_at", "-pk")
    )
    counts: dict[int | None, int] = {session.pk: session.responses for session in sessions}
    counts[None] = course.evaluation_responses.filter(session__isnull=True).count()
    withheld = _withheld(counts)
    return [
        SessionLine(session, session.responses, session.pk not in withheld) for session in sessions
    ]


def _withheld(counts: dict[int | None, int]) -> set[int | None]:
    """The parts that are too small, and what must go with them so that the total minus all that is
    shown does not give them away."""
    present = sorted((count, str(key), key) for key, count in counts.items() if count)
    withheld: set[int | None] = set()
    hidden = 0
    for count, _, key in present:
        if count < SHOWN_FROM or 0 < hidden < SHOWN_FROM:
            withheld.add(key)
            hidden += count
    return withheld


def _ratings(answers: QuerySet[EvaluationAnswer]) -> list[Ratings]:
    counts: dict[tuple[str, str], dict[int, int]] = {}
    rated = answers.filter(rating__isnull=False).values_list("question", "asked", "rating")
    for question, asked, rating, count in rated.annotate(count=Count("pk")).order_by():
        counts.setdefault((question, asked), dict.fromkeys(RATINGS, 0))[rating] = count
    found = [
        _rated(code, asked, by_rating)
        for (code, asked), by_rating in counts.items()
        if sum(by_rating.values()) >= SHOWN_FROM
    ]
    return sorted(found, key=lambda item: (*_place(item.code), item.asked))


def _rated(code: str, asked: str, counts: dict[int, int]) -> Ratings:
    total = sum(counts.values())
    mean = Decimal(sum(rating * count for rating, count in counts.items())) / total
    bars = tuple(
        Bar(rating, count, _rounded(Decimal(100 * count) / total))
        for rating, count in counts.items()
    )
    return Ratings(code, asked, bars, total, _rounded(mean))


def _comments(answers: QuerySet[EvaluationAnswer]) -> list[Comments]:
    texts: dict[tuple[str, str], list[str]] = {}
    # Their keys are random.
    written = answers.exclude(text="").order_by("pk")
    for question, asked, text in written.values_list("question", "asked", "text"):
        texts.setdefault((question, asked), []).append(text)
    found = [Comments(code, asked, words) for (code, asked), words in texts.items()]
    return sorted(found, key=lambda item: (*_place(item.code), item.asked))


def _place(code: str) -> tuple[int, int]:
    name, _, number = code.partition("-")
    place = _ORDER.index(name) if name in _ORDER else len(_ORDER)
    return place, int(number) if number.isdigit() else 0


def _rounded(number: Decimal) -> Decimal:
    return number.quantize(Decimal("0.01"), ROUND_HALF_UP)


CSV_HEAD = (
    "question", "asked", "kind", "answers", "mean",
    "rated 1", "rated 2", "rated 3", "rated 4", "rated 5", "comment",
)  # fmt: skip


def csv_rows(report: Report) -> Iterator[list[str]]:
    """The report as rows: one for each rated question, one for each comment."""
    yield list(CSV_HEAD)
    rating, text = EvaluationQuestion.Kind.RATING.value, EvaluationQuestion.Kind.TEXT.value
    for item in report.ratings:
        counts = [str(bar.count) for bar in item.bars]
        yield [item.code, item.asked, rating, str(item.count), str(item.mean), *counts, ""]
    for comments in report.comments:
        for words in comments.texts:
            yield [comments.code, comments.asked, text, "", "", *[""] * len(RATINGS), words]
