import pytest

from courses import evaluation, learning
from courses.models import (
    Completion,
    EvaluationAnswer,
    EvaluationResponse,
)
from courses.tests.factories import CourseFactory, EnrollmentFactory
from courses.tests.stories import (
    ratings,
    read_lessons,
    ready_but_for_the_evaluation,
)

pytestmark = pytest.mark.django_db


def refusal(call, **facts) -> str:
    with pytest.raises(learning.LearningError) as refused:
        call(**facts)
    return str(refused.value)


def test_the_evaluation_asks_each_objective_the_standard_set_and_the_courses_own():
    course = CourseFactory()
    course.evaluation_questions.create(ask="The cases resembled my practice.")

    asked = [question.asked for question in evaluation.questions_of(course)]

    assert asked == [
        "I can now: Name the moments that ask for consent anew.",
        *(words for _, words, _ in evaluation.STANDARD_QUESTIONS),
        "The cases resembled my practice.",
    ]


def test_an_evaluation_cannot_be_matched_with_a_person(noon):
    held = ready_but_for_the_evaluation(noon)

    evaluation.hand_in(enrollment=held, answers=ratings(held.course), at=noon)

    response = EvaluationResponse.objects.values().get()
    assert set(response) == {"id", "course_id", "session_id", "submitted_on"}
    assert EvaluationAnswer.objects.count() == len(ratings(held.course))


def test_handing_the_evaluation_in_twice_keeps_one(noon):
    held = ready_but_for_the_evaluation(noon)
    evaluation.hand_in(enrollment=held, answers=ratings(held.course), at=noon)

    evaluation.hand_in(enrollment=held, answers=ratings(held.course), at=noon)

    assert EvaluationResponse.objects.count() == 1
    assert Completion.objects.count() == 1


def test_the_evaluation_opens_after_the_post_test(noon):
    held = EnrollmentFactory()
    read_lessons(held, noon)

    message = refusal(evaluation.hand_in, enrollment=held, answers={}, at=noon)

    assert message == "This opens later. First: 4 questions, 3 to pass."
    assert EvaluationResponse.objects.count() == 0
