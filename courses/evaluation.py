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


def questions_of(course: Course) -> list[AskedQuestion]:
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
def hand_in(
    *, enrollment: Enrollment, answers: dict[AskedQuestion, Any], at: datetime
) -> Completion | None:
    """Keep the evaluation without a name, and complete the course if nothing else is outstanding.

    Handing in twice keeps the first one. If credit cannot be given the evaluation is kept all the
    same, and the course room says why.
    Locks the enrollment.
    Raises LearningError if the learner has withdrawn or has not passed the post-test.
    """
    enrollment = learning.locked_in_time(enrollment, at=at)
    if enrollment.evaluated_at is None:
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
