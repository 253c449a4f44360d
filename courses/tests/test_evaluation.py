from datetime import timedelta

import pytest

from courses import evaluation, learning
from courses.models import (
    Completion,
    EvaluationAnswer,
    EvaluationResponse,
)
from courses.tests.factories import CourseFactory, EnrollmentFactory, SessionFactory
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


def test_the_evaluation_asks_of_objectives_instructors_the_standard_set_and_the_courses_own():
    course = CourseFactory()
    course.evaluation_questions.create(ask="The cases resembled my practice.")

    asked = [question.asked for question in evaluation.questions_of(course)]

    assert asked == [
        "I can now: Name the moments that ask for consent anew.",
        "Ada Moreno knew the subject and made it clear.",
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


def test_a_session_that_is_still_to_come_cannot_be_evaluated(noon):
    session = SessionFactory(starts_at=noon - timedelta(minutes=30))
    held = EnrollmentFactory(course=session.course, session=session)

    message = refusal(evaluation.hand_in, enrollment=held, answers={}, at=noon)

    assert message == "The evaluation opens when the session is over."
    assert not evaluation.has_something_to_evaluate(held, at=session.ends_at - timedelta(seconds=1))
    assert evaluation.has_something_to_evaluate(held, at=session.ends_at)
