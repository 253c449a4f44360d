"""Enrollments whose time is over: they end, once, and nothing is handed in after it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import OutgoingMail
from accounts.tests.factories import UserFactory
from courses import (
    completion,
    enrollment,
    evaluation,
    learning,
    lessons,
    post_test,
    sessions,
    tasks,
)
from courses.models import Enrollment, Lesson
from courses.tests.factories import CourseFactory, EnrollmentFactory, SessionFactory
from courses.tests.stories import (
    ratings,
    read_lessons,
    ready_but_for_the_evaluation,
    ready_to_complete,
)

pytestmark = pytest.mark.django_db

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def expire(held: Enrollment, at) -> Enrollment:
    enrollment.expire(enrollment=held, at=at)
    held.refresh_from_db()
    return held


def test_an_enrollment_ends_when_its_time_is_over_and_the_learner_is_told_once(noon):
    held = EnrollmentFactory(expires_at=noon)

    ends = [expire(held, at).expired_at for at in (noon - SECOND, noon, noon + DAY)]

    assert ends == [None, noon, noon]
    assert [mail.kind for mail in OutgoingMail.objects.all()] == ["enrollment-expired"]


@pytest.mark.parametrize("end", ["withdrawn_at", "completed_at"])
def test_what_has_ended_already_does_not_end_again(noon, end):
    held = EnrollmentFactory(expires_at=noon, **{end: noon - DAY})

    assert expire(held, noon).expired_at is None
    assert OutgoingMail.objects.count() == 0


def test_an_enrollment_without_a_limit_never_ends(noon):
    assert expire(EnrollmentFactory(), noon + 4000 * DAY).expired_at is None


def test_time_that_was_prolonged_meanwhile_counts(noon):
    held = EnrollmentFactory(expires_at=noon)
    Enrollment.objects.update(expires_at=noon + DAY)

    assert expire(held, noon).expired_at is None


def test_who_has_done_everything_keeps_the_enrollment_and_can_still_be_given_the_credit(noon):
    """Such as when no approval was in date at first, and a curator mends that."""
    held = ready_to_complete(noon - DAY, expires_at=noon)

    assert expire(held, noon).expired_at is None
    assert completion.complete(enrollment=held, at=noon + DAY)


def test_who_waits_for_the_hosts_record_keeps_the_enrollment(noon):
    held = EnrollmentFactory(expires_at=noon)
    Enrollment.objects.update(requirements={"version": 1, "attendance": {"minutes": 60}})

    assert expire(held, noon).expired_at is None


def test_a_seat_that_ends_is_free(noon):
    session = SessionFactory(capacity=1, starts_at=noon + 9 * DAY)
    EnrollmentFactory(course=session.course, session=session, expires_at=noon)
    facts = {"learner": UserFactory(), "course": session.course, "session": session}

    with pytest.raises(enrollment.EnrollmentError):
        enrollment.enroll(**facts, at=noon)
    enrollment.expire(enrollment=Enrollment.objects.get(), at=noon)

    assert enrollment.enroll(**facts, at=noon).session == session


def test_the_learner_may_enroll_again_with_time_of_its_own(noon):
    course = CourseFactory(access_days=30)
    first = enrollment.enroll(learner=UserFactory(), course=course, at=noon)
    expire(first, noon + 30 * DAY)

    again = enrollment.enroll(learner=first.learner, course=course, at=noon + 31 * DAY)

    assert again.pk != first.pk
    assert (again.expired_at, again.expires_at) == (None, noon + 61 * DAY)


def test_a_session_that_is_put_off_gives_more_time_and_one_put_forward_takes_none(noon):
    session = SessionFactory(starts_at=noon + 9 * DAY)
    held = EnrollmentFactory(
        course=session.course, session=session, expires_at=session.ends_at + 7 * DAY
    )

    ends = []
    for days in (30, -20):
        session.starts_at += days * DAY
        session.ends_at += days * DAY
        sessions.save(session=session, at=noon)
        held.refresh_from_db()
        ends.append(held.expires_at)

    assert ends == [noon + 46 * DAY + timedelta(minutes=90)] * 2


# --- The last moment --------------------------------------------------------


def test_the_last_step_in_the_last_second_completes(noon):
    held = ready_but_for_the_evaluation(noon - DAY, expires_at=noon)

    evaluation.hand_in(enrollment=held, answers=ratings(held.course), at=noon - SECOND)

    assert expire(held, noon).completed_at == noon - SECOND


def test_nothing_is_handed_in_after_the_time_though_no_sweep_has_come(noon):
    read = EnrollmentFactory(expires_at=noon)
    tested = EnrollmentFactory(expires_at=noon)
    read_lessons(tested, noon - DAY)
    evaluated = ready_but_for_the_evaluation(noon - DAY, expires_at=noon)
    lesson = Lesson.objects.filter(course=read.course).first()

    steps = [
        lambda: lessons.mark_read(enrollment=read, lesson=lesson, at=noon),
        lambda: post_test.begin(enrollment=tested, at=noon),
        lambda: evaluation.hand_in(
            enrollment=evaluated, answers=ratings(evaluated.course), at=noon
        ),
    ]

    for step in steps:
        with pytest.raises(learning.LearningError, match="Your time for this course is over"):
            step()
    assert Enrollment.objects.filter(completed_at__isnull=False).count() == 0


# --- Sweep and page ---------------------------------------------------------


def test_the_sweep_ends_what_is_over_and_nothing_else(noon, monkeypatch, sent_tasks):
    over = EnrollmentFactory(expires_at=noon)
    EnrollmentFactory(expires_at=noon + SECOND)
    EnrollmentFactory(expires_at=noon, withdrawn_at=noon)
    EnrollmentFactory()
    monkeypatch.setattr("django.utils.timezone.now", lambda: noon)

    for _ in range(2):
        tasks.expire_enrollments()
        for name, facts in list(sent_tasks):
            if name == "courses.expire_enrollment":
                tasks.expire_enrollment(**facts)

    ended = Enrollment.objects.filter(expired_at__isnull=False)
    assert list(ended) == [over]
    assert OutgoingMail.objects.count() == 1


def test_home_says_by_when_a_course_must_be_finished(client, noon):
    held = EnrollmentFactory(expires_at=noon)
    client.force_login(held.learner)

    assert "Finish before Mar 2, 2026, 7:00 AM EST." in client.get(reverse("home")).text
