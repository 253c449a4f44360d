"""Reminders: to whom, when, once, and made up after an outage while they are of use."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import mail
from accounts import tasks as mail_tasks
from accounts.models import OutgoingMail
from accounts.tests.factories import UserFactory
from courses import notices, reminders, tasks
from courses.models import Enrollment, Lesson, Session
from courses.tests.factories import CourseFactory, EnrollmentFactory, SessionFactory
from courses.tests.stories import (
    read,
    read_lessons,
    ready_but_for_the_evaluation,
    take_post_test,
)

pytestmark = pytest.mark.django_db

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _site(settings):
    settings.SITE_URL = "https://portal.example.org"


def sweep(at, kind=None) -> list[str]:
    """One round of the beat and of the workers; gives the keys of the reminders promised by it."""
    before = set(OutgoingMail.objects.values_list("pk", flat=True))
    for each in [kind] if kind else reminders.REMINDERS:
        for enrollment_id in reminders.due(kind=each, at=at, limit=100):
            reminders.remind(enrollment_id=enrollment_id, kind=each, at=at)
    new = OutgoingMail.objects.exclude(pk__in=before)
    return sorted(new.values_list("kind", flat=True))


def live(*, starts_at, **facts) -> Enrollment:
    session = SessionFactory(starts_at=starts_at, course__title="Consent")
    learner = UserFactory(time_zone="America/Los_Angeles")
    return EnrollmentFactory(
        **{"learner": learner, "course": session.course, "session": session, **facts}
    )


# --- Session tomorrow -------------------------------------------------------


def test_a_session_is_remembered_a_day_before_once(noon):
    held = live(starts_at=noon)

    rounds = [sweep(noon - ago) for ago in (DAY + MINUTE, DAY, DAY, HOUR)]

    assert rounds == [[], ["session-reminder"], [], []]
    promise = OutgoingMail.objects.get()
    assert (promise.recipient, promise.until) == (held.learner, noon)
    assert promise.subject == "Reminder, Mon, Mar 2, 4:00 AM PST: Consent"
    assert "Where the host is: Mon, Mar 2, 7:00 AM EST" in promise.body
    assert "To join: https://meet.example/consent" in promise.body


def test_after_an_outage_it_is_remembered_until_it_begins(noon):
    live(starts_at=noon)
    live(starts_at=noon + HOUR)

    # The beat comes back when one has begun.
    assert sweep(noon) == ["session-reminder"]


def test_a_reminder_that_a_worker_comes_to_after_the_start_is_not_sent(noon, mailoutbox):
    live(starts_at=noon)  # long ago by the clock of the worker

    sweep(noon - HOUR)
    mail_tasks.send_mail(mail_id=str(OutgoingMail.objects.get().pk))

    assert mailoutbox == []
    assert OutgoingMail.objects.get().dropped_because == "It would have come too late."


@pytest.mark.parametrize(
    "facts",
    [
        {"enrolled_at": timedelta(hours=-23)},
        {"withdrawn_at": timedelta(hours=-30)},
        {"completed_at": timedelta(hours=-30)},
    ],
)
def test_who_enrolled_within_a_day_or_left_is_not_reminded(noon, facts):
    live(starts_at=noon, **{name: noon + ago for name, ago in facts.items()})

    assert sweep(noon - HOUR) == []


def test_a_cancelled_session_is_not_remembered(noon):
    live(starts_at=noon)
    Session.objects.update(cancelled_at=noon - 2 * DAY, cancel_reason="The host is ill.")

    assert sweep(noon - HOUR) == []


def test_who_was_told_of_a_change_within_a_day_is_not_reminded_again(noon):
    live(starts_at=noon)
    Session.objects.update(sequence=1, changed_at=noon - 20 * HOUR)

    assert sweep(noon - HOUR) == []


def test_a_session_that_is_put_off_is_remembered_again(noon):
    live(starts_at=noon)
    sweep(noon - HOUR)
    Session.objects.update(
        starts_at=noon + 7 * DAY, ends_at=noon + 7 * DAY + HOUR, changed_at=noon - HOUR
    )

    assert sweep(noon + 6 * DAY + HOUR) == ["session-reminder"]


def test_who_moves_on_the_last_day_has_been_told_by_that(noon):
    held = live(starts_at=noon)
    left = SessionFactory(course=held.course, starts_at=noon + 9 * DAY)
    notices.moved(enrollment=held, left=left, at=noon - 2 * HOUR)

    assert sweep(noon - HOUR) == []


# --- Unfinished course ------------------------------------------------------


def test_a_course_without_a_step_for_two_weeks_is_remembered_once(noon):
    held = EnrollmentFactory(enrolled_at=noon, course__title="Consent")
    first, *_ = Lesson.objects.filter(course=held.course)
    read(held, first, noon + 10 * DAY)

    rounds = [sweep(noon + days * DAY) for days in (14, 23, 24, 25, 40, 400)]

    assert rounds == [[], [], ["unfinished-course"], [], [], []]
    body = OutgoingMail.objects.get().body
    assert "Still to do: the lessons, the post-test and the evaluation." in body
    assert f"https://portal.example.org/learn/{held.pk}/" in body


def test_after_a_month_nobody_is_reminded_any_more(noon):
    EnrollmentFactory(enrolled_at=noon)

    assert sweep(noon + 44 * DAY) == []
    assert sweep(noon + 44 * DAY - MINUTE) == ["unfinished-course"]


def test_a_live_course_is_not_unfinished_before_two_weeks_after_its_session(noon):
    held = live(starts_at=noon)

    assert sweep(noon - 3 * DAY, "unfinished-course") == []
    assert sweep(held.session.ends_at + 14 * DAY - MINUTE, "unfinished-course") == []
    assert sweep(held.session.ends_at + 14 * DAY, "unfinished-course") == ["unfinished-course"]


def test_who_has_no_attempt_left_is_not_asked_to_go_on(noon):
    held = EnrollmentFactory(course=CourseFactory(attempts_allowed=1), enrolled_at=noon - DAY)
    read_lessons(held, noon)
    take_post_test(held, noon, right=0)

    assert sweep(noon + 15 * DAY) == []


def test_who_waits_for_the_hosts_record_is_not_asked_to_go_on(noon):
    held = live(starts_at=noon - DAY)
    Enrollment.objects.update(requirements={"version": 1, "attendance": {"minutes": 60}})

    assert sweep(held.session.ends_at + 15 * DAY) == []


# --- Evaluation missing -----------------------------------------------------


def test_only_the_evaluation_missing_since_a_day_is_remembered_once(noon):
    held = ready_but_for_the_evaluation(noon)

    rounds = [sweep(noon + after) for after in (DAY - MINUTE, DAY, 2 * DAY, 15 * DAY)]

    assert rounds == [[], ["evaluation-missing"], [], []]
    promise = OutgoingMail.objects.get()
    assert promise.subject == f"One step to your credit: {held.course.title}"
    assert "It takes about four minutes" in promise.body


def test_who_lacks_more_than_the_evaluation_is_not_told_that_it_is_the_last_step(noon):
    held = EnrollmentFactory(enrolled_at=noon - DAY)
    read_lessons(held, noon)

    assert sweep(noon + 2 * DAY) == []


def test_what_was_pinned_at_enrollment_decides_what_is_missing(noon):
    held = ready_but_for_the_evaluation(noon)
    CourseFactory._meta.model.objects.filter(pk=held.course_id).update(requires_evaluation=False)

    assert sweep(noon + DAY) == ["evaluation-missing"]


def test_an_evaluation_that_is_in_is_not_missing(noon):
    ready_but_for_the_evaluation(noon)
    Enrollment.objects.update(evaluated_at=noon)

    assert sweep(noon + DAY) == []


# --- Time nearly over -------------------------------------------------------


def test_the_end_of_the_time_is_announced_a_week_before_once(noon):
    held = EnrollmentFactory(enrolled_at=noon - 30 * DAY, expires_at=noon, course__title="Consent")
    kind = "enrollment-expiring"

    rounds = [sweep(noon - ago, kind) for ago in (7 * DAY + MINUTE, 7 * DAY, DAY, -MINUTE)]

    assert rounds == [[], [kind], [], []]
    promise = OutgoingMail.objects.get()
    assert (promise.recipient, promise.until) == (held.learner, noon)
    assert promise.subject == "Finish before Mon, Mar 2, 7:00 AM EST: Consent"


def test_who_enrolled_within_the_week_knows_the_end(noon):
    EnrollmentFactory(enrolled_at=noon - 6 * DAY, expires_at=noon)

    assert sweep(noon - DAY) == []


def test_the_end_is_not_announced_before_the_session(noon):
    held = live(starts_at=noon)
    Enrollment.objects.update(expires_at=held.session.ends_at + 2 * DAY)

    assert sweep(noon - 2 * DAY) == []
    assert sweep(held.session.ends_at) == ["enrollment-expiring"]


def test_time_that_was_prolonged_ends_anew(noon):
    EnrollmentFactory(enrolled_at=noon - 30 * DAY, expires_at=noon)
    sweep(noon - DAY)
    Enrollment.objects.update(expires_at=noon + 20 * DAY)

    assert sweep(noon + 19 * DAY, "enrollment-expiring") == ["enrollment-expiring"]


# --- All --------------------------------------------------------------------


def one_of_each(noon, learner=None) -> None:
    """Four enrollments, each due for another reminder at noon."""
    learner = learner or UserFactory()
    session = SessionFactory(starts_at=noon + HOUR)
    EnrollmentFactory(learner=learner, course=session.course, session=session)
    EnrollmentFactory(learner=learner, enrolled_at=noon - 20 * DAY)
    ready_but_for_the_evaluation(noon - 2 * DAY, learner=learner)
    EnrollmentFactory(learner=learner, enrolled_at=noon - 9 * DAY, expires_at=noon + DAY)


ALL = ["enrollment-expiring", "evaluation-missing", "session-reminder", "unfinished-course"]


def test_each_learner_gets_what_is_due(noon):
    one_of_each(noon)

    assert sweep(noon) == ALL


@pytest.mark.parametrize("kind", reminders.REMINDERS)
def test_who_turned_a_kind_off_is_left_out_of_the_question(noon, kind):
    learner = UserFactory()
    one_of_each(noon, learner)
    mail.opt_out(person=learner, kind=kind, at=noon)

    assert reminders.due(kind=kind, at=noon, limit=100) == []
    assert sweep(noon) == [each for each in ALL if each != kind]


def test_a_closed_account_is_left_out_of_the_question(noon):
    one_of_each(noon, UserFactory(is_active=False))

    assert sweep(noon) == []


def test_every_reminder_can_be_turned_off_in_one_press(noon):
    one_of_each(noon)
    sweep(noon)

    stops = OutgoingMail.objects.values_list("stop_url", flat=True)
    assert [url.startswith("https://portal.example.org/") for url in stops] == [True] * 4


def test_two_beats_at_the_same_moment_remind_once(noon):
    one_of_each(noon)
    asked = {kind: reminders.due(kind=kind, at=noon, limit=9) for kind in reminders.REMINDERS}

    # Both have asked before either reminds.
    for _ in range(2):
        for kind, enrollment_ids in asked.items():
            for enrollment_id in enrollment_ids:
                reminders.remind(enrollment_id=enrollment_id, kind=kind, at=noon)

    assert OutgoingMail.objects.count() == 4


def test_what_ends_between_question_and_answer_is_not_remembered(noon):
    one_of_each(noon)
    asked = {kind: reminders.due(kind=kind, at=noon, limit=9) for kind in reminders.REMINDERS}
    Enrollment.objects.update(withdrawn_at=noon)

    for kind, enrollment_ids in asked.items():
        for enrollment_id in enrollment_ids:
            reminders.remind(enrollment_id=enrollment_id, kind=kind, at=noon)

    assert OutgoingMail.objects.count() == 0


@pytest.mark.parametrize("kind", reminders.REMINDERS)
def test_a_sweep_asks_as_often_for_thirty_as_for_one(noon, kind):
    asked, found = [], []
    for more in (1, 29):
        for _ in range(more):
            one_of_each(noon)
        with CaptureQueriesContext(connection) as captured:
            found.append(len(reminders.due(kind=kind, at=noon, limit=100)))
        asked.append(len(captured))

    assert asked == [2, 2]
    # The course that ends soon and the one without evaluation are idle as well.
    assert found[1] == 30 * found[0]


def test_a_sweep_asks_for_so_many_and_the_next_for_the_rest(noon):
    for _ in range(5):
        EnrollmentFactory(enrolled_at=noon - 20 * DAY)

    def round_of_two():
        found = reminders.due(kind="unfinished-course", at=noon, limit=2)
        for enrollment_id in found:
            reminders.remind(enrollment_id=enrollment_id, kind="unfinished-course", at=noon)
        return len(found)

    assert [round_of_two() for _ in range(4)] == [2, 2, 1, 0]


def test_more_candidates_than_one_question_holds_are_asked_for_in_parts(noon, monkeypatch):
    monkeypatch.setattr(reminders, "ASKED_AT_ONCE", 2)
    for _ in range(5):
        EnrollmentFactory(enrolled_at=noon - 20 * DAY)

    assert len(reminders.due(kind="unfinished-course", at=noon, limit=100)) == 5


def test_the_beat_sends_a_task_for_each_and_forgets_it_in_time(noon, monkeypatch, sent_tasks):
    one_of_each(noon)
    monkeypatch.setattr("django.utils.timezone.now", lambda: noon)

    tasks.remind_learners()
    for name, facts in list(sent_tasks):
        assert name == "courses.remind"
        tasks.remind(**facts)

    assert sorted(OutgoingMail.objects.values_list("kind", flat=True)) == ALL
