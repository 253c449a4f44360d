from datetime import timedelta

import pytest

from accounts.tests.factories import UserFactory
from courses import enrollment, learning
from courses.models import (
    Attempt,
    Attendance,
    Completion,
    EvaluationAnswer,
    EvaluationResponse,
    LessonProgress,
)
from courses.tests.factories import CourseFactory, EnrollmentFactory, SessionFactory
from courses.tests.stories import (
    chosen,
    pass_post_test,
    ratings,
    read_lessons,
    ready_but_for_the_evaluation,
)

pytestmark = pytest.mark.django_db


def hand_in(held, at, *, number=1, right=None):
    return learning.hand_in_post_test(
        enrollment=held, number=number, chosen=chosen(held.course, right=right), at=at
    )


def refusal(call, **facts) -> str:
    with pytest.raises(learning.LearningError) as refused:
        call(**facts)
    return str(refused.value)


# --- Lessons ----------------------------------------------------------------


def test_reading_a_lesson_again_keeps_the_first_moment(noon):
    held = EnrollmentFactory()
    lesson = held.course.lessons.first()
    learning.mark_read(enrollment=held, lesson=lesson, at=noon)

    learning.mark_read(enrollment=held, lesson=lesson, at=noon + timedelta(days=1))

    assert LessonProgress.objects.get().read_at == noon


def test_nothing_is_noted_after_withdrawal(noon):
    held = ready_but_for_the_evaluation(noon, course=CourseFactory(parts__questions=0))
    enrollment.withdraw(enrollment=held, at=noon)
    lesson = held.course.lessons.first()
    words = "You withdrew from this course. Enroll again to go on."

    assert refusal(learning.mark_read, enrollment=held, lesson=lesson, at=noon) == words
    assert refusal(hand_in, held=held, at=noon) == words
    assert refusal(learning.hand_in_evaluation, enrollment=held, answers={}, at=noon) == words
    assert EvaluationResponse.objects.count() == 0


# --- Post-test --------------------------------------------------------------


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
    assert learning.chances(again) == learning.Chances(used=2, left=0)


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


# --- Evaluation -------------------------------------------------------------


def test_the_evaluation_asks_each_objective_the_standard_set_and_the_courses_own():
    course = CourseFactory()
    course.evaluation_questions.create(ask="The cases resembled my practice.")

    asked = [question.asked for question in learning.evaluation_questions(course)]

    assert asked == [
        "I can now: Name the moments that ask for consent anew.",
        *(words for _, words, _ in learning.STANDARD_QUESTIONS),
        "The cases resembled my practice.",
    ]


def test_an_evaluation_cannot_be_matched_with_a_person(noon):
    held = ready_but_for_the_evaluation(noon)

    learning.hand_in_evaluation(enrollment=held, answers=ratings(held.course), at=noon)

    response = EvaluationResponse.objects.values().get()
    assert set(response) == {"id", "course_id", "session_id", "submitted_on"}
    assert EvaluationAnswer.objects.count() == len(ratings(held.course))


def test_handing_the_evaluation_in_twice_keeps_one(noon):
    held = ready_but_for_the_evaluation(noon)
    learning.hand_in_evaluation(enrollment=held, answers=ratings(held.course), at=noon)

    learning.hand_in_evaluation(enrollment=held, answers=ratings(held.course), at=noon)

    assert EvaluationResponse.objects.count() == 1
    assert Completion.objects.count() == 1


def test_the_evaluation_opens_after_the_post_test(noon):
    held = EnrollmentFactory()
    read_lessons(held, noon)

    message = refusal(learning.hand_in_evaluation, enrollment=held, answers={}, at=noon)

    assert message == "This opens later. First: 4 questions, 3 to pass."
    assert EvaluationResponse.objects.count() == 0


# --- Attendance -------------------------------------------------------------


def test_attendance_adds_up_and_completes_the_course(noon):
    session = SessionFactory(starts_at=noon - timedelta(hours=3))
    held = EnrollmentFactory(course=session.course, session=session)
    curator = UserFactory()
    read_lessons(held, noon)
    pass_post_test(held, noon)
    learning.hand_in_evaluation(enrollment=held, answers={}, at=noon)

    outcomes = []
    for minutes in (60, 25, -10, 5):
        learning.record_attendance(
            enrollment=held, minutes=minutes, source="sign-in sheet", by=curator, at=noon
        )
        outcomes.append((held.attendance.minutes(), Completion.objects.count()))

    assert outcomes == [(60, 0), (85, 1), (75, 1), (80, 1)]


def test_attendance_before_the_session_is_refused(noon):
    session = SessionFactory()
    held = EnrollmentFactory(course=session.course, session=session)

    message = refusal(
        learning.record_attendance,
        enrollment=held,
        minutes=80,
        source="sheet",
        by=UserFactory(),
        at=noon,
    )

    assert message == "The session has not begun."
    assert Attendance.objects.count() == 0
