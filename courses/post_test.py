"""The post-test: chances, beginning, saving answers, handing in, grading."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Prefetch, Q

from ce_portal import formats
from courses import answer_key, completion, learning
from courses.models import Attempt, Choice, Course, Enrollment, Question

# Choices taken, by the id of the question: what a page or a file of answers comes to.
Answers = Mapping[int, Collection[int]]


STILL_DUE = (
    "People are enrolled who must pass the post-test of this course. Leave it a question, or apply "
    "an edit that asks for no post-test to open enrollments first."
)


class UnansweredError(learning.LearningError):
    """The test is not complete; ``questions`` are the ids of those without an answer."""

    def __init__(self, questions: list[int]) -> None:
        self.questions = questions
        count = "One question is" if len(questions) == 1 else f"{len(questions)} questions are"
        super().__init__(f"{count} still open. Your answers are saved.")


@dataclass(frozen=True)
class Chances:
    """Graded attempts at the post-test: how many were used, how many are left (None: no limit),
    from when the next may begin (None: at once)."""

    used: int
    left: int | None
    again_from: datetime | None = None


def chances(enrollment: Enrollment) -> Chances:
    """Counts the attempts of all of the learner's enrollments in the course, withdrawn ones too,
    but not of those that are completed: a course that may be repeated gives its attempts anew."""
    figures = (
        Attempt.objects.filter(
            enrollment__learner=enrollment.learner_id,
            enrollment__course=enrollment.course_id,
            submitted_at__isnull=False,
        )
        .filter(Q(enrollment=enrollment) | Q(enrollment__completed_at__isnull=True))
        .aggregate(used=Count("pk"), last=Max("submitted_at"))
    )
    rule = enrollment.requirements.get("post_test", {})
    allowed, wait = rule.get("attempts"), rule.get("retake_after_minutes", 0)
    return Chances(
        used=figures["used"],
        left=None if allowed is None else max(0, allowed - figures["used"]),
        again_from=figures["last"] + timedelta(minutes=wait) if figures["used"] and wait else None,
    )


@transaction.atomic
def begin(*, enrollment: Enrollment, at: datetime) -> Attempt:
    """Open an attempt with the questions of now, in an order of its own. If one is open already, it
    is given back as it is.

    Locks the enrollment, so two tabs cannot open two attempts.
    Raises LearningError if no post-test is asked for or it is passed, if a lesson is unread, if no
    attempt is left, or before the waiting time is over.
    """
    enrollment = learning.locked_in_time(enrollment, at=at)
    open_one = enrollment.attempts.filter(submitted_at__isnull=True).first()
    if open_one:
        return open_one
    if "post_test" not in enrollment.requirements:
        raise learning.LearningError("This course asks no post-test of you.")
    if any(attempt.passed for attempt in enrollment.attempts.all()):
        raise learning.LearningError("You have passed this post-test.")
    learning.require(enrollment, completion.Step.LESSONS)
    had = chances(enrollment)
    if had.left == 0:
        raise learning.LearningError("You have used all attempts at this post-test.")
    if had.again_from and at < had.again_from:
        opens = formats.show_moment(had.again_from, enrollment.learner.tz)
        raise learning.LearningError(f"You can take the post-test again from {opens}.")
    shown = _shuffled(enrollment.course)
    if not shown:
        raise learning.LearningError("The post-test has no questions at the moment. Try later.")
    last = enrollment.attempts.aggregate(last=Max("number"))["last"] or 0
    return Attempt.objects.create(
        enrollment=enrollment,
        number=last + 1,
        started_at=at,
        asked=len(shown),
        needed=completion.right_answers_needed(
            enrollment.requirements["post_test"]["pass_mark"], len(shown)
        ),
        shown=shown,
        rationales=enrollment.course.rationales,
    )


def _shuffled(course: Course) -> list[dict[str, Any]]:
    """The questions as an attempt keeps them, in a new order; so their choices, but for "true" and
    "false", which stand as they were written."""
    questions = list(
        Question.objects.filter(course=course)
        .order_by("position", "pk")
        .prefetch_related(Prefetch("choices", Choice.objects.order_by("position", "pk")))
    )
    chance = secrets.SystemRandom()
    chance.shuffle(questions)
    shown = []
    for question in questions:
        choices = list(question.choices.all())
        if question.kind != Question.Kind.TRUE_FALSE:
            chance.shuffle(choices)
        shown.append(
            {
                "question": question.pk,
                "kind": question.kind,
                "ask": question.ask,
                "rationale": question.rationale,
                "choices": [
                    {"choice": choice.pk, "text": choice.text, "is_right": choice.is_right}
                    for choice in choices
                ],
            }
        )
    return shown


@transaction.atomic
def save_answers(*, attempt: Attempt, chosen: Answers, at: datetime) -> Attempt:
    """Keep what was chosen for some questions; the others stay as they were. No choice at all takes
    the answer back.

    Locks the enrollment, so nothing is saved into an attempt that is being graded.
    Raises LearningError if the attempt is graded, or for a question or choice it does not show.
    """
    attempt = _locked(attempt, at=at)
    if not attempt.is_open:
        raise learning.LearningError("This attempt is handed in; its answers stay as they were.")
    _save(attempt, chosen, at=at)
    return attempt


def hand_in(*, attempt: Attempt, chosen: Answers, at: datetime) -> Attempt:
    """Save what came with the form, then grade the attempt. Handing in twice keeps the first
    grading.

    Locks the enrollment.
    Raises UnansweredError, with what was chosen saved, if a question is open; and LearningError as
    ``save_answers`` does.
    """
    with transaction.atomic():
        attempt = _locked(attempt, at=at)
        if not attempt.is_open:
            return attempt
        if chosen:
            _save(attempt, chosen, at=at)
        unanswered = [
            question["question"]
            for question in attempt.shown
            if not attempt.chosen.get(str(question["question"]))
        ]
        if not unanswered:
            attempt.right = right_answers(attempt.shown, attempt.chosen)
            attempt.submitted_at = max(at, attempt.started_at)
            attempt.save(update_fields=["right", "submitted_at"])
            if attempt.passed:
                learning.complete_if_possible(attempt.enrollment, at=at)
    # After the commit, which keeps the answers.
    if unanswered:
        raise UnansweredError(unanswered)
    return attempt


def right_answers(shown: list[dict[str, Any]], chosen: Mapping[str, Collection[int]]) -> int:
    """How many of the questions shown were answered with exactly the right choices."""
    return sum(
        answer_key.is_answered_rightly(
            chosen.get(str(question["question"]), []),
            [choice["choice"] for choice in question["choices"] if choice["is_right"]],
        )
        for question in shown
    )


def _locked(attempt: Attempt, *, at: datetime) -> Attempt:
    enrollment = learning.locked_in_time(attempt.enrollment, at=at)
    return enrollment.attempts.select_related("enrollment").get(pk=attempt.pk)


def _save(attempt: Attempt, chosen: Answers, *, at: datetime) -> None:
    shown = {question["question"]: question for question in attempt.shown}
    for question_id, choices in chosen.items():
        question = shown.get(question_id)
        taken = set(choices)
        if question is None or not taken <= {each["choice"] for each in question["choices"]}:
            raise learning.LearningError("Choose one of the answers shown.")
        if question["kind"] != Question.Kind.MULTIPLE and len(taken) > 1:
            raise learning.LearningError("Choose one answer, not several.")
        attempt.chosen[str(question_id)] = sorted(taken)
    attempt.saved_at = at
    attempt.save(update_fields=["chosen", "saved_at"])


def is_due(course: Course) -> bool:
    """Is somebody learning who must still pass the test of this course?"""
    return (
        Enrollment.objects.in_progress()
        .filter(course=course, requirements__has_key="post_test")
        .exists()
    )
