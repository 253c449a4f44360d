"""The evaluation: what is asked, and handing it in without a name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from courses import completion, learning
from courses.models import (
    Completion,
    Course,
    Enrollment,
    EvaluationAnswer,
    EvaluationQuestion,
    EvaluationResponse,
)

RATING, TEXT = EvaluationQuestion.Kind.RATING, EvaluationQuestion.Kind.TEXT

# What ACE, NBCC, APA and NAADAC ask an evaluation to cover (provider handbooks).
STANDARD_QUESTIONS = [
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


def questions_of(course: Course) -> list[AskedQuestion]:
    """Each objective, each instructor, the standard questions, then the course's own.

    APA and NBCC ask for the rating of every objective and of every instructor by itself.
    """
    objectives = course.objectives.order_by("position", "pk")
    taught_by = course.course_instructors.select_related("instructor").order_by("position", "pk")
    own = course.evaluation_questions.order_by("position", "pk")
    return [
        *(
            AskedQuestion(f"objective-{row.pk}", f"I can now: {row.text}", RATING)
            for row in objectives
        ),
        *(
            AskedQuestion(
                f"instructor-{row.instructor_id}",
                f"{row.instructor.name} knew the subject and made it clear.",
                RATING,
            )
            for row in taught_by
        ),
        *(AskedQuestion(code, asked, kind) for code, asked, kind in STANDARD_QUESTIONS),
        *(AskedQuestion(f"own-{row.pk}", row.ask, row.kind) for row in own),
    ]


@transaction.atomic
def hand_in(
    *, enrollment: Enrollment, answers: dict[AskedQuestion, Any], at: datetime
) -> Completion | None:
    """Keep the evaluation without a name, and complete the course if nothing else is outstanding.

    Handing in twice keeps the first one. If credit cannot be given the evaluation is kept all the
    same, and the course room says why.
    Locks the enrollment.
    Raises LearningError if the enrollment is over, if the session is still to come, or if the
    post-test is not passed.
    """
    enrollment = learning.locked_in_time(enrollment, at=at)
    if enrollment.evaluated_at is None:
        if not has_something_to_evaluate(enrollment, at=at):
            raise learning.LearningError("The evaluation opens when the session is over.")
        learning.require(enrollment, completion.Step.LESSONS, completion.Step.POST_TEST)
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
    return learning.complete_if_possible(enrollment, at=at)


def has_something_to_evaluate(enrollment: Enrollment, *, at: datetime) -> bool:
    """Is the live session over? On demand: always."""
    return enrollment.session is None or enrollment.session.ends_at <= at
