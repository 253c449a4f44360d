"""Steps of the story that several tests start from, taken through the story functions."""

from __future__ import annotations

from datetime import timedelta

from accounts.tests.factories import UserFactory
from courses import attendance, evaluation, lessons, listing, post_test
from courses.models import Attempt, Enrollment, Lesson
from courses.tests.factories import EnrollmentFactory


def answers_to(attempt: Attempt, *, right: int | None = None) -> dict[int, list[int]]:
    """Answers to every question of an attempt, of which the first ``right`` by their ids are right
    (None: all)."""
    answers = {}
    for index, question in enumerate(sorted(attempt.shown, key=lambda each: each["question"])):
        is_right = right is None or index < right
        keys = [choice["choice"] for choice in question["choices"] if choice["is_right"]]
        others = [choice["choice"] for choice in question["choices"] if not choice["is_right"]]
        answers[question["question"]] = keys if is_right else others[:1]
    return answers


def take_post_test(enrollment: Enrollment, at, *, right: int | None = None) -> Attempt:
    """Begin an attempt, or go on with the open one, and hand it in."""
    attempt = post_test.begin(enrollment=enrollment, at=at)
    return post_test.hand_in(attempt=attempt, chosen=answers_to(attempt, right=right), at=at)


def ratings(course) -> dict:
    return {
        question: 5 if question.kind == evaluation.RATING else "Keep it."
        for question in evaluation.questions_of(course)
    }


def read(enrollment: Enrollment, lesson: Lesson, at) -> None:
    """Open a lesson, and mark it as read an hour later, at that moment."""
    lessons.open_lesson(enrollment=enrollment, lesson=lesson, at=at - timedelta(hours=1))
    lessons.mark_read(enrollment=enrollment, lesson=lesson, at=at)


def read_lessons(enrollment: Enrollment, at) -> None:
    for lesson in Lesson.objects.filter(course=enrollment.course):
        read(enrollment, lesson, at)


def pass_post_test(enrollment: Enrollment, at) -> None:
    take_post_test(enrollment, at)


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


def ready_but_for_the_evaluation(at, *, right: int | None = None, **facts) -> Enrollment:
    """An enrollment whose only outstanding requirement is the evaluation; and the post-test, if
    fewer answers than needed are ``right``."""
    enrollment = EnrollmentFactory(**facts)
    read_lessons(enrollment, at)
    if enrollment.course.questions.exists():
        take_post_test(enrollment, at, right=right)
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
