from datetime import timedelta

import pytest

from courses import completion, enrollment, evaluation, learning, lessons, post_test
from courses.models import EvaluationResponse, LessonProgress
from courses.tests.factories import CourseFactory, EnrollmentFactory
from courses.tests.stories import read, ready_but_for_the_evaluation

pytestmark = pytest.mark.django_db


def refusal(call, **facts) -> str:
    with pytest.raises(learning.LearningError) as refused:
        call(**facts)
    return str(refused.value)


@pytest.fixture
def opened(noon):
    """A lesson of 10 minutes, opened at noon."""
    held = EnrollmentFactory()
    lesson = held.course.lessons.first()
    lessons.open_lesson(enrollment=held, lesson=lesson, at=noon)
    return {"enrollment": held, "lesson": lesson}


def test_opening_a_lesson_again_keeps_the_first_moment_and_reads_nothing(opened, noon):
    later = noon + timedelta(minutes=5)
    lessons.open_lesson(**opened, at=later)

    lessons.open_lesson(**opened, at=noon + timedelta(minutes=1))

    progress = LessonProgress.objects.get()
    assert (progress.opened_at, progress.seen_at, progress.read_at) == (noon, later, None)
    assert completion.requirements(opened["enrollment"])[0].note == "0 of 2 lessons read"


@pytest.mark.parametrize(
    ("minutes", "wait"), [(1, 0), (3, 0), (4, 1), (7, 1), (8, 2), (20, 5), (40, 10), (400, 10)]
)
def test_a_lesson_can_be_read_a_quarter_of_its_minutes_after_it_was_opened(
    opened, noon, minutes, wait
):
    lesson = opened["lesson"]
    lesson.minutes = minutes
    opens = noon + timedelta(minutes=wait)

    if wait:
        with pytest.raises(lessons.TooSoonError):
            lessons.mark_read(**opened, at=opens - timedelta(seconds=1))
    lessons.mark_read(**opened, at=opens)

    assert LessonProgress.objects.get().read_at == opens


def test_marking_too_soon_says_when(opened, noon):
    assert refusal(lessons.mark_read, **opened, at=noon) == (
        f"You can mark “{opened['lesson']}” as read from Mon, Mar 2, 7:02 AM EST: a quarter of its "
        "10 minutes, at most ten, after you first opened it."
    )


def test_a_lesson_that_was_never_opened_counts_from_the_first_try(noon):
    held = EnrollmentFactory()
    lesson = held.course.lessons.first()
    refusal(lessons.mark_read, enrollment=held, lesson=lesson, at=noon)

    lessons.mark_read(enrollment=held, lesson=lesson, at=noon + timedelta(minutes=2))

    progress = LessonProgress.objects.get()
    assert (progress.opened_at, progress.read_at) == (noon, noon + timedelta(minutes=2))


def test_reading_a_lesson_again_keeps_the_first_moment(noon):
    held = EnrollmentFactory()
    lesson = held.course.lessons.first()
    read(held, lesson, noon)
    # Longer now: what is read stays read.
    lesson.minutes = 400

    lessons.mark_read(enrollment=held, lesson=lesson, at=noon + timedelta(days=1))

    assert LessonProgress.objects.get().read_at == noon


def report(opened, at, *, position=0, seconds=0):
    lessons.note_progress(**opened, position=position, seconds=seconds, at=at)
    progress = LessonProgress.objects.get()
    return progress.position, progress.seconds


def test_the_position_never_goes_back(opened, noon):
    positions = [report(opened, noon, position=percent)[0] for percent in (30, 80, 20, 101)]

    assert positions == [30, 80, 80, 100]


def test_no_more_time_counts_than_has_passed(opened, noon):
    figures = [
        report(opened, noon + timedelta(seconds=after), seconds=claimed)[1]
        for after, claimed in [(20, 20), (20, 20), (30, 3600), (25, 30), (40, -5), (9000, 8000)]
    ]

    # Twice at once; too much; a clock that goes back; less than nothing; hours in one piece.
    assert figures == [20, 20, 30, 30, 30, 30 + lessons.MOST_SECONDS]


def test_a_report_on_a_lesson_that_was_not_opened_is_nothing(noon):
    held = EnrollmentFactory()

    lessons.note_progress(
        enrollment=held, lesson=held.course.lessons.first(), position=100, seconds=60, at=noon
    )

    assert LessonProgress.objects.count() == 0


def test_nothing_is_noted_after_withdrawal(noon):
    held = ready_but_for_the_evaluation(noon, course=CourseFactory(parts__questions=0))
    enrollment.withdraw(enrollment=held, at=noon)
    lesson = held.course.lessons.first()
    words = "You withdrew from this course. Enroll again to go on."

    assert refusal(lessons.mark_read, enrollment=held, lesson=lesson, at=noon) == words
    assert refusal(post_test.begin, enrollment=held, at=noon) == words
    assert refusal(evaluation.hand_in, enrollment=held, answers={}, at=noon) == words
    assert EvaluationResponse.objects.count() == 0
