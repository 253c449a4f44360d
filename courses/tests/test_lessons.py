from datetime import timedelta

import pytest

from courses import enrollment, evaluation, learning, lessons, post_test
from courses.models import (
    EvaluationResponse,
    LessonProgress,
)
from courses.tests.factories import CourseFactory, EnrollmentFactory
from courses.tests.stories import (
    chosen,
    ready_but_for_the_evaluation,
)

pytestmark = pytest.mark.django_db


def hand_in(held, at, *, number=1, right=None):
    return post_test.hand_in(
        enrollment=held, number=number, chosen=chosen(held.course, right=right), at=at
    )


def refusal(call, **facts) -> str:
    with pytest.raises(learning.LearningError) as refused:
        call(**facts)
    return str(refused.value)


def test_reading_a_lesson_again_keeps_the_first_moment(noon):
    held = EnrollmentFactory()
    lesson = held.course.lessons.first()
    lessons.mark_read(enrollment=held, lesson=lesson, at=noon)

    lessons.mark_read(enrollment=held, lesson=lesson, at=noon + timedelta(days=1))

    assert LessonProgress.objects.get().read_at == noon


def test_nothing_is_noted_after_withdrawal(noon):
    held = ready_but_for_the_evaluation(noon, course=CourseFactory(parts__questions=0))
    enrollment.withdraw(enrollment=held, at=noon)
    lesson = held.course.lessons.first()
    words = "You withdrew from this course. Enroll again to go on."

    assert refusal(lessons.mark_read, enrollment=held, lesson=lesson, at=noon) == words
    assert refusal(hand_in, held=held, at=noon) == words
    assert refusal(evaluation.hand_in, enrollment=held, answers={}, at=noon) == words
    assert EvaluationResponse.objects.count() == 0
