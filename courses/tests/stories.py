"""Steps of the story that several tests start from, taken through the story functions."""

from __future__ import annotations

from datetime import timedelta

from accounts.tests.factories import UserFactory
from courses import attendance, evaluation, lessons, listing, post_test
from courses.models import Enrollment, Lesson
from courses.tests.factories import EnrollmentFactory


def chosen(course, *, right: int | None = None) -> dict:
    """One choice for each question, of which the first ``right`` are right (None: all)."""
    answers = {}
    for index, question in enumerate(
        course.questions.order_by("position").prefetch_related("choices")
    ):
        is_right = right is None or index < right
        answers[question] = next(c.pk for c in question.choices.all() if c.is_right == is_right)
    return answers


def ratings(course) -> dict:
    return {
        question: 5 if question.kind == evaluation.RATING else "Keep it."
        for question in evaluation.questions_of(course)
    }


def read_lessons(enrollment: Enrollment, at) -> None:
    for lesson in Lesson.objects.filter(course=enrollment.course):
        lessons.mark_read(enrollment=enrollment, lesson=lesson, at=at)


def pass_post_test(enrollment: Enrollment, at) -> None:
    post_test.hand_in(enrollment=enrollment, number=1, chosen=chosen(enrollment.course), at=at)


def attend(enrollment: Enrollment, at, *, minutes: int = 90, by=None):
    """Present from the start of the session, as a curator records it."""
    starts_at = enrollment.session.starts_at
    return attendance.record(
        enrollment=enrollment,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
        reason="sign-in sheet",
        by=by or UserFactory(),
        at=at,
    )


def all_but_attend(enrollment: Enrollment, at) -> None:
    """Lessons, post-test and evaluation are done, whenever the session is."""
    read_lessons(enrollment, at)
    pass_post_test(enrollment, at)
    enrollment.evaluated_at = at
    enrollment.save(update_fields=["evaluated_at"])


def ready_but_for_the_evaluation(at, **facts) -> Enrollment:
    """An enrollment whose only outstanding requirement is the evaluation."""
    enrollment = EnrollmentFactory(**facts)
    read_lessons(enrollment, at)
    if enrollment.course.questions.exists():
        pass_post_test(enrollment, at)
    return enrollment


def ready_to_complete(at, **facts) -> Enrollment:
    """Every requirement holds, and credit was not given yet (as after a lapsed approval)."""
    enrollment = ready_but_for_the_evaluation(at, **facts)
    Enrollment.objects.filter(pk=enrollment.pk).update(evaluated_at=at)
    enrollment.refresh_from_db()
    return enrollment


def list_in_catalog(*courses) -> None:
    """As publishing does it, for courses that a factory made."""
    listing.relist([course.pk for course in courses])
    listing.relabel()
