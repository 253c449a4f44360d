from datetime import timedelta

import pytest

from courses import enrollment, learning, post_test
from courses.models import (
    Attempt,
)
from courses.tests.factories import CourseFactory, EnrollmentFactory
from courses.tests.stories import (
    chosen,
    read_lessons,
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


@pytest.mark.parametrize(("right", "passed"), [(4, True), (3, True), (2, False), (0, False)])
def test_the_post_test_is_graded_by_the_pass_mark(noon, right, passed):
    held = EnrollmentFactory()
    read_lessons(held, noon)

    graded = hand_in(held, noon, right=right)

    assert (graded.right, graded.asked, graded.needed, graded.passed) == (right, 4, 3, passed)


def test_handing_the_same_page_in_twice_uses_one_attempt(noon):
    held = EnrollmentFactory()
    read_lessons(held, noon)
    first = hand_in(held, noon, right=2)

    second = hand_in(held, noon + timedelta(seconds=1), right=4)

    assert second == first
    assert Attempt.objects.count() == 1


def test_handing_in_after_a_pass_gives_the_passed_attempt(noon):
    held = EnrollmentFactory()
    read_lessons(held, noon)
    passed = hand_in(held, noon)

    again = hand_in(held, noon, number=2, right=0)

    assert again == passed
    assert Attempt.objects.count() == 1


def test_the_post_test_opens_after_the_lessons(noon):
    held = EnrollmentFactory()

    assert refusal(hand_in, held=held, at=noon) == ("This opens later. First: 0 of 2 lessons read.")


def test_a_skipped_attempt_number_is_refused(noon):
    held = EnrollmentFactory()
    read_lessons(held, noon)

    assert refusal(hand_in, held=held, at=noon, number=3) == (
        "This page is out of date. Here is the current one."
    )


def test_attempts_are_limited_also_across_a_new_enrollment(noon):
    held = EnrollmentFactory(course=CourseFactory(attempts_allowed=2))
    read_lessons(held, noon)
    hand_in(held, noon, number=1, right=0)
    hand_in(held, noon, number=2, right=0)
    enrollment.withdraw(enrollment=held, at=noon)
    again = enrollment.enroll(learner=held.learner, course=held.course, at=noon)
    read_lessons(again, noon)

    words = "You have used all attempts at this post-test."

    assert refusal(hand_in, held=again, at=noon) == words
    assert post_test.chances(again) == post_test.Chances(used=2, left=0)


def test_an_attempt_keeps_the_words_that_were_shown(noon):
    held = EnrollmentFactory(course=CourseFactory(parts__questions=1))
    read_lessons(held, noon)
    question = held.course.questions.get()
    hand_in(held, noon)
    question.choices.all().delete()
    question.delete()

    answer = Attempt.objects.get().answers[0]

    assert answer == {
        "question": question.pk or answer["question"],
        "asked": question.ask,
        "choices": ["A conversation", "A signature", "Nothing"],
        "chosen": "A conversation",
        "right": "A conversation",
        "is_right": True,
        "rationale": "Because the risk changed.",
    }
