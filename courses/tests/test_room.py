"""The course room: lessons with their rule, where one left, what is open, the attestation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from courses import attestation, completion, enrollment, learning, lessons
from courses.models import Completion, Enrollment, LessonProgress
from courses.tests.factories import CourseFactory, EnrollmentFactory, SessionFactory
from courses.tests.stories import attend, read, ready_but_for_the_evaluation, ready_to_complete

pytestmark = pytest.mark.django_db


def in_room(held: Enrollment, page: str, *arguments) -> str:
    return reverse(f"courses:{page}", args=[held.pk, *arguments])


@pytest.fixture
def held(client):
    held = EnrollmentFactory(course=CourseFactory(parts__lessons=3))
    client.force_login(held.learner)
    return held


@pytest.fixture
def keys(held):
    return list(held.course.lessons.order_by("position").values_list("key", flat=True))


def look_back(held, **time):
    """As if all that was opened had been opened earlier."""
    earlier = timezone.now() - timedelta(**time)
    held.lesson_progress.filter(read_at__isnull=True).update(opened_at=earlier, seen_at=earlier)


# --- Lessons ----------------------------------------------------------------


def test_opening_a_lesson_is_noted_and_reads_nothing(client, held, keys):
    client.head(in_room(held, "lesson", keys[0]))
    assert LessonProgress.objects.count() == 0

    client.get(in_room(held, "lesson", keys[0]))

    progress = LessonProgress.objects.get()
    assert (progress.lesson.key, progress.read_at) == (keys[0], None)


def test_marking_too_soon_is_refused_with_the_moment(client, held, keys):
    page = client.get(in_room(held, "lesson", keys[0]))
    response = client.post(in_room(held, "read", keys[0]))

    assert "no sooner than 2 minutes after you first opened it" in page.text
    assert response.status_code == 422
    assert "You can mark “Lesson" in response.text
    assert LessonProgress.objects.get().read_at is None


def test_marking_after_the_time_leads_to_the_next(client, held, keys):
    page = client.get(in_room(held, "lesson", keys[0]))
    assert "For this one that is" in page.text
    look_back(held, minutes=2)
    later = client.get(in_room(held, "lesson", keys[0]))

    response = client.post(in_room(held, "read", keys[0]))

    assert "For this one that is" not in later.text
    assert response.url == in_room(held, "lesson", keys[1])


def test_a_short_lesson_can_be_marked_at_once(client, held, keys):
    held.course.lessons.update(minutes=3)

    response = client.post(in_room(held, "read", keys[0]))

    assert response.url == in_room(held, "lesson", keys[1])


@pytest.mark.parametrize(
    ("data", "status", "figures"),
    [
        ({"position": 40, "seconds": 20}, 204, (40, 20)),
        ({"position": 100, "seconds": 80_000}, 204, (100, 60)),
        ({"position": 101, "seconds": 5}, 422, (0, 0)),
        ({"position": -1, "seconds": 5}, 422, (0, 0)),
        ({"position": "x", "seconds": 5}, 422, (0, 0)),
        ({"position": 5}, 422, (0, 0)),
        ({}, 422, (0, 0)),
    ],
)
def test_the_page_reports_how_far_one_came(client, held, keys, data, status, figures):
    client.get(in_room(held, "lesson", keys[0]))
    look_back(held, seconds=60)

    response = client.post(in_room(held, "progress", keys[0]), data)

    progress = LessonProgress.objects.get()
    assert response.status_code == status
    assert (progress.position, progress.seconds) == figures


def test_no_report_is_taken_when_the_course_is_over(client, held, keys):
    client.get(in_room(held, "lesson", keys[0]))
    enrollment.withdraw(enrollment=held, at=timezone.now())

    response = client.post(in_room(held, "progress", keys[0]), {"position": 9, "seconds": 1})
    page = client.get(in_room(held, "lesson", keys[1]))

    assert (response.status_code, page.status_code) == (404, 200)
    assert LessonProgress.objects.count() == 1
    assert "Mark as read" not in page.text
    assert "data-progress" not in page.text


def test_one_continues_where_one_left(client, held, keys, noon):
    rows = {lesson.key: lesson for lesson in held.course.lessons.all()}
    read(held, rows[keys[0]], noon)
    lessons.open_lesson(enrollment=held, lesson=rows[keys[1]], at=noon)
    lessons.open_lesson(enrollment=held, lesson=rows[keys[2]], at=noon + timedelta(minutes=1))
    there = f"{in_room(held, 'lesson', keys[2])}#resume"

    room = client.get(in_room(held, "room"))
    home = client.get(reverse("home"))

    assert room.context["room"].resume_url == there
    assert f'href="{there}">Continue where you left' in room.text
    assert f'href="{there}">Continue where you left' in home.text
    assert "1 of 3 lessons read" in home.text


def test_all_lessons_stand_on_one_page_to_print(client, held):
    page = client.get(in_room(held, "print_lessons"))

    assert page.text.count("Consent is a <em>conversation</em>.") == 3
    assert "data-print" in page.text


def test_a_course_without_lessons_has_nothing_to_print(client):
    held = EnrollmentFactory(course=CourseFactory(parts__lessons=0))
    client.force_login(held.learner)

    assert client.get(in_room(held, "print_lessons")).status_code == 404


def test_the_room_asks_as_often_for_one_lesson_as_for_thirty(
    client, noon, django_assert_max_num_queries
):
    counts = {}
    for number in (1, 30):
        held = EnrollmentFactory(course=CourseFactory(parts__lessons=number))
        client.force_login(held.learner)
        key = held.course.lessons.first().key
        for lesson in held.course.lessons.all():
            lessons.open_lesson(enrollment=held, lesson=lesson, at=noon)
        counts[number] = {}
        for page, arguments in {"room": [], "lesson": [key], "print_lessons": []}.items():
            with django_assert_max_num_queries(30) as counted:
                client.get(in_room(held, page, *arguments))
            counts[number][page] = len(counted)

    assert counts[1] == counts[30]


# --- The end of the time ----------------------------------------------------


def test_a_room_whose_time_is_over_says_so_and_takes_nothing(client, held, keys):
    now = timezone.now()
    Enrollment.objects.update(expires_at=now - timedelta(days=1), expired_at=now)

    room = client.get(in_room(held, "room"))
    answer = client.post(in_room(held, "read", keys[0]), follow=True)

    assert "Your time for this course is over" in room.text
    assert room.context["room"].open_steps == set()
    assert "Your time for this course is over. Enroll again to go on." in answer.text
    assert client.get(in_room(held, "lesson", keys[0])).status_code == 200
    assert LessonProgress.objects.count() == 0


# --- Attestation ------------------------------------------------------------

WORDS = "I did this work myself."


def refusal(held, at) -> str:
    with pytest.raises(learning.LearningError) as refused:
        attestation.attest(enrollment=held, at=at)
    return str(refused.value)


def test_confirming_is_the_last_step_and_completes_the_course(client, noon):
    held = ready_to_complete(noon, course=CourseFactory(attestation=WORDS))
    held.course.attestation = "Something else."
    held.course.save()
    client.force_login(held.learner)

    room = client.get(in_room(held, "room"))
    page = client.get(in_room(held, "attestation"))
    client.post(in_room(held, "attestation"))

    assert "One step left: the attestation" in room.text
    # The words of then, not of now.
    assert WORDS in page.text
    entry = Completion.objects.get(enrollment=held).credit_entry
    assert entry.record["activity"]["evidence"]["attestation"] == WORDS


def test_confirming_twice_keeps_the_first_moment(noon):
    held = ready_to_complete(noon, course=CourseFactory(attestation=WORDS))
    first = attestation.attest(enrollment=held, at=noon)

    second = attestation.attest(enrollment=held, at=noon + timedelta(days=1))

    held.refresh_from_db()
    assert (second, held.attested_at) == (first, noon)


def test_confirming_before_all_else_is_done_is_refused(client, noon):
    held = ready_but_for_the_evaluation(noon, course=CourseFactory(attestation=WORDS))
    client.force_login(held.learner)

    assert refusal(held, noon) == "This opens later. First: about four minutes."
    assert client.get(in_room(held, "attestation")).url == in_room(held, "room")
    held.refresh_from_db()
    assert held.attested_at is None


def test_confirming_waits_for_the_session_too(client, noon):
    course = CourseFactory(live=True, attestation=WORDS)
    session = SessionFactory(course=course, starts_at=noon - timedelta(hours=3))
    held = ready_to_complete(noon, course=course, session=session)
    client.force_login(held.learner)

    before = client.get(in_room(held, "room")).context["room"].open_steps
    assert "80 minutes to attend" in refusal(held, noon)
    attend(held, noon)
    after = client.get(in_room(held, "room")).context["room"].open_steps

    assert (before, after) == ({completion.Step.SESSION}, {completion.Step.ATTESTATION})


def test_a_course_that_asks_for_no_confirmation_has_no_such_page(client, noon):
    held = ready_to_complete(noon)
    client.force_login(held.learner)

    assert client.get(in_room(held, "attestation")).status_code == 404
    assert refusal(held, noon) == "This course asks you to confirm nothing."


def test_nothing_is_confirmed_after_withdrawal(noon):
    held = ready_to_complete(noon, course=CourseFactory(attestation=WORDS))
    enrollment.withdraw(enrollment=held, at=noon)

    assert refusal(held, noon) == "You withdrew from this course. Enroll again to go on."
