from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses import answer_key, completion, enrollment, learning, post_test
from courses.models import Attempt, Choice, Course, Question
from courses.tests.factories import CourseFactory, EnrollmentFactory
from courses.tests.stories import (
    answers_to,
    read_lessons,
    ready_to_complete,
    take_post_test,
)

pytestmark = pytest.mark.django_db


def refusal(call, *facts, **named) -> str:
    with pytest.raises(learning.LearningError) as refused:
        call(*facts, **named)
    return str(refused.value)


@pytest.fixture
def held(noon):
    """A learner who has read every lesson."""
    held = EnrollmentFactory()
    read_lessons(held, noon)
    return held


@pytest.fixture
def begun(held, noon):
    return post_test.begin(enrollment=held, at=noon)


def reload(attempt) -> Attempt:
    return Attempt.objects.select_related("enrollment").get(pk=attempt.pk)


# --- Beginning --------------------------------------------------------------


def test_beginning_again_gives_the_open_attempt_back(held, begun, noon):
    again = post_test.begin(enrollment=held, at=noon + timedelta(hours=1))

    assert (again, again.started_at, again.shown) == (begun, noon, begun.shown)


def test_every_question_is_shown_with_every_choice(begun):
    questions = Question.objects.prefetch_related("choices")

    assert {
        (each["question"], each["kind"], each["ask"], each["rationale"]): sorted(
            (choice["choice"], choice["text"], choice["is_right"]) for choice in each["choices"]
        )
        for each in begun.shown
    } == {
        (each.pk, each.kind, each.ask, each.rationale): sorted(
            each.choices.values_list("pk", "text", "is_right")
        )
        for each in questions
    }


def test_the_order_is_shuffled_for_each_attempt(noon):
    course = CourseFactory(parts__questions=8)
    orders = set()
    for _ in range(4):
        held = EnrollmentFactory(course=course)
        read_lessons(held, noon)
        shown = post_test.begin(enrollment=held, at=noon).shown
        orders.add(tuple(each["question"] for each in shown))
        orders.add(tuple(choice["text"] for each in shown for choice in each["choices"]))

    # Two the same by chance: less than once in 6,000 runs.
    assert len(orders) == 8


def test_true_and_false_stand_as_they_were_written(held, noon):
    for question in held.course.questions.all():
        question.kind = "true_false"
        question.save()
        question.choices.all().delete()
        for place, text in enumerate(["True", "False"]):
            Choice.objects.create(question=question, position=place, text=text, is_right=not place)

    shown = post_test.begin(enrollment=held, at=noon).shown

    assert {tuple(choice["text"] for choice in each["choices"]) for each in shown} == {
        ("True", "False")
    }


def test_the_post_test_opens_after_the_lessons(noon):
    held = EnrollmentFactory()

    assert refusal(post_test.begin, enrollment=held, at=noon) == (
        "This opens later. First: 0 of 2 lessons read."
    )


def test_a_course_without_a_test_has_none_to_begin(noon):
    held = EnrollmentFactory(course=CourseFactory(parts__questions=0))
    read_lessons(held, noon)

    assert refusal(post_test.begin, enrollment=held, at=noon) == (
        "This course asks no post-test of you."
    )


def test_a_passed_test_is_not_begun_again(held, noon):
    take_post_test(held, noon)

    assert refusal(post_test.begin, enrollment=held, at=noon) == ("You have passed this post-test.")


def test_a_test_without_questions_opens_no_attempt(held, noon):
    held.course.questions.all().delete()

    assert refusal(post_test.begin, enrollment=held, at=noon) == (
        "The post-test has no questions at the moment. Try later."
    )
    assert Attempt.objects.count() == 0


# --- Chances ----------------------------------------------------------------


def test_attempts_are_limited_also_across_a_new_enrollment(noon):
    held = EnrollmentFactory(course=CourseFactory(attempts_allowed=2))
    read_lessons(held, noon)
    take_post_test(held, noon, right=0)
    take_post_test(held, noon, right=0)
    enrollment.withdraw(enrollment=held, at=noon)
    again = enrollment.enroll(learner=held.learner, course=held.course, at=noon)
    read_lessons(again, noon)

    words = "You have used all attempts at this post-test."

    assert refusal(post_test.begin, enrollment=again, at=noon) == words
    assert post_test.chances(again) == post_test.Chances(used=2, left=0)


def test_an_open_attempt_uses_no_chance(noon):
    held = EnrollmentFactory(course=CourseFactory(attempts_allowed=1))
    read_lessons(held, noon)

    post_test.begin(enrollment=held, at=noon)

    assert post_test.chances(held) == post_test.Chances(used=0, left=1)


def test_a_course_that_is_repeated_gives_its_attempts_anew(noon):
    course = CourseFactory(attempts_allowed=1, repeat_after_days=30)
    done = ready_to_complete(noon, course=course)
    completion.complete(enrollment=done, at=noon)
    later = noon + timedelta(days=31)
    again = enrollment.enroll(learner=done.learner, course=course, at=later)
    read_lessons(again, later)

    assert post_test.chances(again) == post_test.Chances(used=0, left=1)
    assert take_post_test(again, later).passed


def test_the_next_attempt_waits(noon):
    held = EnrollmentFactory(course=CourseFactory(retake_after_minutes=90))
    read_lessons(held, noon)
    take_post_test(held, noon, right=0)
    opens = noon + timedelta(minutes=90)

    words = refusal(post_test.begin, enrollment=held, at=opens - timedelta(seconds=1))

    assert words == "You can take the post-test again from Mon, Mar 2, 8:30 AM EST."
    assert post_test.chances(held) == post_test.Chances(used=1, left=None, again_from=opens)
    assert post_test.begin(enrollment=held, at=opens).number == 2


def test_the_wait_is_the_one_that_was_pinned(noon):
    held = EnrollmentFactory()
    read_lessons(held, noon)
    take_post_test(held, noon, right=0)
    Course.objects.update(retake_after_minutes=90)

    assert post_test.begin(enrollment=held, at=noon).number == 2


# --- Saving -----------------------------------------------------------------


def test_answers_are_saved_one_by_one_and_can_be_taken_back(begun, noon):
    (one, first), (two, second), *_ = answers_to(begun).items()
    post_test.save_answers(attempt=begun, chosen={one: first}, at=noon)
    post_test.save_answers(attempt=begun, chosen={two: second}, at=noon)
    later = noon + timedelta(minutes=1)

    post_test.save_answers(attempt=begun, chosen={one: []}, at=later)

    saved = reload(begun)
    assert (saved.chosen, saved.answered, saved.saved_at) == (
        {str(one): [], str(two): second},
        1,
        later,
    )


@pytest.mark.parametrize("forged", ["choice", "question", "several"])
def test_what_the_attempt_does_not_show_is_refused(begun, noon, forged):
    first, second = begun.shown[:2]
    own = [choice["choice"] for choice in first["choices"]]
    chosen, words = {
        "choice": (
            {first["question"]: [second["choices"][0]["choice"]]},
            "Choose one of the answers shown.",
        ),
        "question": ({0: own[:1]}, "Choose one of the answers shown."),
        "several": ({first["question"]: own[:2]}, "Choose one answer, not several."),
    }[forged]

    assert refusal(post_test.save_answers, attempt=begun, chosen=chosen, at=noon) == words
    assert reload(begun).chosen == {}


def test_nothing_is_saved_after_grading_withdrawal_or_the_end(held, begun, noon):
    answers = answers_to(begun)
    one = dict([next(iter(answers.items()))])
    graded = post_test.hand_in(attempt=begun, chosen=answers, at=noon)

    assert refusal(post_test.save_answers, attempt=begun, chosen=one, at=noon) == (
        "This attempt is handed in; its answers stay as they were."
    )
    enrollment.withdraw(enrollment=held, at=noon)
    assert refusal(post_test.save_answers, attempt=begun, chosen=one, at=noon) == (
        "You withdrew from this course. Enroll again to go on."
    )
    held.withdrawn_at, held.expires_at, held.expired_at = None, noon, noon
    held.save()
    for verb in (post_test.save_answers, post_test.hand_in):
        assert refusal(verb, attempt=begun, chosen=one, at=noon) == (
            "Your time for this course is over. Enroll again to go on."
        )
    assert reload(begun).chosen == graded.chosen


# --- Handing in -------------------------------------------------------------


@pytest.mark.parametrize(("right", "passed"), [(4, True), (3, True), (2, False), (0, False)])
def test_the_post_test_is_graded_by_the_pass_mark(held, noon, right, passed):
    graded = take_post_test(held, noon, right=right)

    assert (graded.right, graded.asked, graded.needed, graded.passed) == (right, 4, 3, passed)


def test_an_incomplete_test_is_not_graded_and_keeps_what_came(begun, noon):
    (one, first), (two, second), *_ = answers_to(begun).items()
    post_test.save_answers(attempt=begun, chosen={one: first}, at=noon)

    with pytest.raises(post_test.UnansweredError) as refused:
        post_test.hand_in(attempt=begun, chosen={two: second}, at=noon)

    saved = reload(begun)
    assert saved.is_open
    assert saved.chosen == {str(one): first, str(two): second}
    assert refused.value.questions == [
        each["question"] for each in begun.shown if each["question"] not in (one, two)
    ]
    assert str(refused.value) == "2 questions are still open. Your answers are saved."


def test_what_was_saved_before_needs_not_come_again(begun, noon):
    post_test.save_answers(attempt=begun, chosen=answers_to(begun), at=noon)

    assert post_test.hand_in(attempt=begun, chosen={}, at=noon).right == 4


def test_handing_in_twice_keeps_the_first_grading(begun, noon):
    first = post_test.hand_in(attempt=begun, chosen=answers_to(begun, right=2), at=noon)

    second = post_test.hand_in(
        attempt=begun, chosen=answers_to(begun, right=4), at=noon + timedelta(seconds=1)
    )

    assert (second, second.right, second.submitted_at) == (first, 2, noon)
    assert Attempt.objects.count() == 1


def test_an_edit_of_the_test_changes_neither_an_open_nor_a_graded_attempt(held, begun, noon):
    answers, shown = answers_to(begun), begun.shown
    Question.objects.update(ask="Something else?", rationale="Changed.")
    Choice.objects.update(is_right=False, text="Changed")
    held.course.questions.first().delete()
    Course.objects.update(pass_mark=100, rationales="never")

    graded = post_test.hand_in(attempt=begun, chosen=answers, at=noon)
    held.course.questions.all().delete()

    kept = reload(graded)
    assert (kept.shown, kept.right, kept.asked, kept.needed) == (shown, 4, 4, 3)
    assert kept.rationales == "end"


def test_a_question_with_several_answers_takes_exactly_the_right_ones(noon):
    course = CourseFactory(parts__questions=1)
    question = course.questions.get()
    question.kind = "multiple"
    question.save()
    one, two, three = question.choices.order_by("position")
    Choice.objects.filter(pk=two.pk).update(is_right=True)
    grades = {}
    for chosen in ([one.pk], [one.pk, two.pk], [one.pk, two.pk, three.pk], [one.pk, three.pk]):
        held = EnrollmentFactory(course=course)
        read_lessons(held, noon)
        attempt = post_test.begin(enrollment=held, at=noon)
        graded = post_test.hand_in(attempt=attempt, chosen={question.pk: chosen}, at=noon)
        grades[len(chosen), three.pk in chosen] = graded.right

    assert grades == {(1, False): 0, (2, False): 1, (3, True): 0, (2, True): 0}


@st.composite
def graded_cases(draw):
    """Questions as an attempt shows them, with answers to all or some, right or wrong."""
    shown, chosen, expected = [], {}, 0
    for number in range(1, draw(st.integers(1, 6)) + 1):
        ids = [number * 10 + place for place in range(draw(st.integers(2, 5)))]
        kind = draw(st.sampled_from(["single", "multiple"]))
        right = draw(
            st.sets(st.sampled_from(ids), min_size=1, max_size=1 if kind == "single" else None)
        )
        taken = draw(st.sets(st.sampled_from(ids), max_size=1 if kind == "single" else None))
        shown.append(
            {
                "question": number,
                "kind": kind,
                "choices": draw(
                    st.permutations([{"choice": pk, "is_right": pk in right} for pk in ids])
                ),
            }
        )
        chosen[str(number)] = draw(st.permutations(sorted(taken)))
        expected += taken == right
    return draw(st.permutations(shown)), chosen, expected


@given(graded_cases())
def test_grading_counts_the_exact_answers_whatever_the_order(case):
    shown, chosen, expected = case

    assert post_test.right_answers(shown, chosen) == expected


@pytest.mark.parametrize(
    ("kind", "rights", "is_good"),
    [
        ("single", "10", True),
        ("single", "1", False),
        ("single", "110", False),
        ("single", "000", False),
        ("multiple", "110", True),
        ("multiple", "100", True),
        ("multiple", "000", False),
        ("multiple", "1", False),
        ("true_false", "10", True),
        ("true_false", "100", False),
        ("true_false", "11", False),
        ("true_false", "00", False),
    ],
)
def test_which_choices_can_be_graded_by(kind, rights, is_good):
    assert (answer_key.fault(kind, [each == "1" for each in rights]) is None) == is_good


def test_a_test_is_due_while_somebody_must_pass_it(noon):
    held = EnrollmentFactory()
    CourseFactory()
    due = [post_test.is_due(course) for course in Course.objects.order_by("pk")]
    enrollment.withdraw(enrollment=held, at=noon)

    assert (due, post_test.is_due(held.course)) == ([True, False], False)
