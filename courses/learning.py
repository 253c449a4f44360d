"""Taking a course: read lessons, hand in the post-test and the evaluation, attend."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from accounts.models import User
from courses import completion
from courses.models import (
    Attempt,
    Attendance,
    Completion,
    Course,
    Enrollment,
    EvaluationAnswer,
    EvaluationQuestion,
    EvaluationResponse,
    Lesson,
    LessonProgress,
    Question,
)

logger = logging.getLogger(__name__)


class LearningError(Exception):
    """Why this step cannot be taken, in a sentence for the learner."""


def _locked(enrollment: Enrollment) -> Enrollment:
    enrollment = (
        Enrollment.objects.select_for_update(of=["self"])
        .select_related("course", "learner", "session")
        .get(pk=enrollment.pk)
    )
    if enrollment.withdrawn_at is not None:
        raise LearningError("You withdrew from this course. Enroll again to go on.")
    return enrollment


def _require(enrollment: Enrollment, *steps: completion.Step) -> None:
    for requirement in completion.outstanding(enrollment):
        if requirement.step in steps:
            raise LearningError(f"This opens later. First: {requirement.note.lower()}.")


# --- Lessons ----------------------------------------------------------------


@transaction.atomic
def mark_read(*, enrollment: Enrollment, lesson: Lesson, at: datetime) -> None:
    """Note that the learner has read a lesson. Reading it again keeps the first moment.

    Raises LearningError if the learner has withdrawn.
    """
    enrollment = _locked(enrollment)
    LessonProgress.objects.get_or_create(
        enrollment=enrollment, lesson=lesson, defaults={"read_at": at}
    )


# --- Post-test --------------------------------------------------------------


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
    allowed = enrollment.course.attempts_allowed
    return Chances(used, None if allowed is None else max(0, allowed - used))


@transaction.atomic
def hand_in_post_test(
    *, enrollment: Enrollment, number: int, chosen: dict[Question, int], at: datetime
) -> Attempt:
    """Grade the post-test and keep what was asked, answered and right.

    ``number`` is the attempt that the page was made for: handing the same page in twice gives the
    first grading back, and so does handing in after a pass. ``chosen`` is the id of one choice for
    each question of the course.
    Locks the enrollment, so two tabs cannot use one attempt twice.
    Raises LearningError if a lesson is unread, if no attempt is left, or if the page is stale.
    """
    enrollment = _locked(enrollment)
    earlier = enrollment.attempts.filter(Q(number=number) | Q(right__gte=F("needed"))).order_by(
        "-right", "number"
    )
    if earlier:
        return next((a for a in earlier if a.number == number), earlier[0])
    _require(enrollment, completion.Step.LESSONS)
    if chances(enrollment).left == 0:
        raise LearningError("You have used all attempts at this post-test.")
    if number != enrollment.attempts.count() + 1:
        raise LearningError("This page is out of date. Here is the current one.")

    answers = [_graded(question, choice_id) for question, choice_id in chosen.items()]
    return Attempt.objects.create(
        enrollment=enrollment,
        number=number,
        submitted_at=at,
        right=sum(answer["is_right"] for answer in answers),
        asked=len(answers),
        needed=completion.right_answers_needed(enrollment.course, len(answers)),
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


# --- Evaluation -------------------------------------------------------------

RATING, TEXT = EvaluationQuestion.Kind.RATING, EvaluationQuestion.Kind.TEXT

# What ACE, NBCC, APA and NAADAC ask an evaluation to cover (provider handbooks).
STANDARD_QUESTIONS = [
    ("instructor", "The instructor knew the subject and made it clear.", RATING),
    ("relevance", "What I learned is relevant to my practice.", RATING),
    ("level", "The course was at the level it announced.", RATING),
    ("format", "The format and the materials helped me learn.", RATING),
    ("accessibility", "I could take part fully; the course was accessible to me.", RATING),
    ("comment", "What should stay, and what should change?", TEXT),
]


@dataclass(frozen=True)
class AskedQuestion:
    """A question of the evaluation as it is shown; ``code`` names it in reports."""

    code: str
    asked: str
    kind: str


def evaluation_questions(course: Course) -> list[AskedQuestion]:
    """Each objective, then the standard questions, then the course's own."""
    objectives = course.objectives.order_by("position", "pk")
    own = course.evaluation_questions.order_by("position", "pk")
    return [
        *(
            AskedQuestion(f"objective-{row.pk}", f"I can now: {row.text}", RATING)
            for row in objectives
        ),
        *(AskedQuestion(code, asked, kind) for code, asked, kind in STANDARD_QUESTIONS),
        *(AskedQuestion(f"own-{row.pk}", row.ask, row.kind) for row in own),
    ]


@transaction.atomic
def hand_in_evaluation(
    *, enrollment: Enrollment, answers: dict[AskedQuestion, Any], at: datetime
) -> Completion | None:
    """Keep the evaluation without a name, and complete the course if nothing else is outstanding.

    Handing in twice keeps the first one. If credit cannot be given the evaluation is kept all the
    same, and the course room says why.
    Locks the enrollment.
    Raises LearningError if the learner has withdrawn or has not passed the post-test.
    """
    enrollment = _locked(enrollment)
    if enrollment.evaluated_at is None:
        _require(enrollment, completion.Step.LESSONS, completion.Step.POST_TEST)
        response = EvaluationResponse.objects.create(
            course=enrollment.course,
            session=enrollment.session,
            submitted_on=at.astimezone(enrollment.learner.tz).date(),
        )
        EvaluationAnswer.objects.bulk_create(
            EvaluationAnswer(
                response=response,
                question=question.code,
                asked=question.asked[:500],
                rating=answer if question.kind == RATING else None,
                text=answer if question.kind == TEXT else "",
            )
            for question, answer in answers.items()
        )
        enrollment.evaluated_at = at
        enrollment.save(update_fields=["evaluated_at"])
    return _complete_if_possible(enrollment, at=at)


# --- Attendance -------------------------------------------------------------


@transaction.atomic
def record_attendance(
    *, enrollment: Enrollment, minutes: int, source: str, by: User, at: datetime
) -> Attendance:
    """Add minutes that the learner was present (below zero: a correction), and complete the course
    if nothing else is outstanding.

    Locks the enrollment.
    Raises LearningError if the learner has withdrawn or the session has not begun.
    """
    enrollment = _locked(enrollment)
    if enrollment.session is None or enrollment.session.starts_at > at:
        raise LearningError("The session has not begun.")
    attendance = Attendance.objects.create(
        enrollment=enrollment, minutes=minutes, source=source, recorded_by=by, recorded_at=at
    )
    _complete_if_possible(enrollment, at=at)
    return attendance


def _complete_if_possible(enrollment: Enrollment, *, at: datetime) -> Completion | None:
    try:
        with transaction.atomic():
            return completion.complete_if_ready(enrollment=enrollment, at=at)
    except completion.CompletionError:
        logger.warning("Enrollment %s cannot be completed.", enrollment.pk, exc_info=True)
        return None
