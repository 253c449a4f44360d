"""The post-test: chances, handing in, grading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from courses import completion, learning
from courses.models import Attempt, Enrollment, Question


@dataclass(frozen=True)
class Chances:
    """Attempts at the post-test: how many were used, how many are left (None: no limit)."""

    used: int
    left: int | None


def chances(enrollment: Enrollment) -> Chances:
    """Counts the attempts of all of the learner's enrollments in the course, withdrawn ones too."""
    used = Attempt.objects.filter(
        enrollment__learner=enrollment.learner_id, enrollment__course=enrollment.course_id
    ).count()
    allowed = enrollment.requirements.get("post_test", {}).get("attempts")
    return Chances(used, None if allowed is None else max(0, allowed - used))


@transaction.atomic
def hand_in(
    *, enrollment: Enrollment, number: int, chosen: dict[Question, int], at: datetime
) -> Attempt:
    """Grade the post-test and keep what was asked, answered and right.

    ``number`` is the attempt that the page was made for: handing the same page in twice gives the
    first grading back, and so does handing in after a pass. ``chosen`` is the id of one choice for
    each question of the course.
    Locks the enrollment, so two tabs cannot use one attempt twice.
    Raises LearningError if a lesson is unread, if no attempt is left, or if the page is stale.
    """
    enrollment = learning.locked_in_time(enrollment, at=at)
    earlier = enrollment.attempts.filter(Q(number=number) | Q(right__gte=F("needed"))).order_by(
        "-right", "number"
    )
    if earlier:
        return next((a for a in earlier if a.number == number), earlier[0])
    learning.require(enrollment, completion.Step.LESSONS)
    if chances(enrollment).left == 0:
        raise learning.LearningError("You have used all attempts at this post-test.")
    if number != enrollment.attempts.count() + 1:
        raise learning.LearningError("This page is out of date. Here is the current one.")

    answers = [_graded(question, choice_id) for question, choice_id in chosen.items()]
    return Attempt.objects.create(
        enrollment=enrollment,
        number=number,
        submitted_at=at,
        right=sum(answer["is_right"] for answer in answers),
        asked=len(answers),
        needed=completion.right_answers_needed(
            enrollment.requirements["post_test"]["pass_mark"], len(answers)
        ),
        answers=answers,
    )


def _graded(question: Question, choice_id: int) -> dict[str, Any]:
    choices = list(question.choices.all())
    right = next(choice for choice in choices if choice.is_right)
    chosen = next(choice for choice in choices if choice.pk == choice_id)
    return {
        "question": question.pk,
        "asked": question.ask,
        "choices": [choice.text for choice in choices],
        "chosen": chosen.text,
        "right": right.text,
        "is_right": chosen.pk == right.pk,
        "rationale": question.rationale,
    }
