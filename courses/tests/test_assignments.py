"""What a supervisor assigns: how far it is comes from enrollment and credit, never from a tick."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from accounts import supervision as supervision_story
from accounts.models import OutgoingMail
from accounts.tests.factories import SupervisionFactory, UserFactory
from courses import assignments, enrollment, lessons, tasks
from courses.assignments import AssignmentError, State
from courses.models import Assignment, FocusArea, Topic
from courses.tests.factories import (
    AssignmentFactory,
    CourseFactory,
    EnrollmentFactory,
    FocusAreaFactory,
    SessionFactory,
    WaitlistPlaceFactory,
)
from courses.tests.stories import ready_to_complete
from transcripts import ledger
from transcripts.tests.factories import CreditEntryFactory

pytestmark = pytest.mark.django_db

DUE = date(2026, 4, 1)


@pytest.fixture
def supervision():
    return SupervisionFactory(
        trainee__legal_name="Priya Raman",
        supervisor__legal_name="Helena Brandt",
        shares_credit=False,
        shares_renewal=True,
    )


def assign(supervision, subject, at, *, hours=None, due_on=DUE, note=""):
    return assignments.assign(
        supervision=supervision, subject=subject, hours=hours, due_on=due_on, note=note, at=at
    )


def asked(assignment, at):
    rows = Assignment.objects.filter(pk=assignment.pk).with_subject()
    return assignments.states(rows, at=at)[0]


def earn(learner, course, hours="1.5", on=date(2026, 3, 3)):
    return CreditEntryFactory(
        holder=learner, hours=hours, earned_on=on, activity={"key": course.key}
    )


# --- Assign ---


def test_the_trainee_is_told_what_is_assigned_by_when_and_why(noon, supervision):
    course = CourseFactory(title="Consent, Part One")

    assign(supervision, course, noon, note="We spoke about it on Monday.")

    mail = OutgoingMail.objects.get()
    assert (mail.recipient, mail.kind) == (supervision.trainee, "assignment")
    assert mail.subject == "Helena Brandt assigned you “Consent, Part One”"
    assert "asks you to complete “Consent, Part One” by Apr 1, 2026." in mail.body
    assert "We spoke about it on Monday." in mail.body
    assert course.get_absolute_url() in mail.body


def test_it_is_withdrawn_in_the_moment_it_was_made_by_a_clock_that_is_behind(noon, supervision):
    made = assign(supervision, CourseFactory(), noon)

    assignments.withdraw(assignment=made, at=noon - timedelta(seconds=1))

    made.refresh_from_db()
    assert made.withdrawn_at == noon


def test_hours_of_a_topic_lead_to_its_courses(noon, supervision):
    area = FocusAreaFactory()

    assign(supervision, area.topic, noon, hours=Decimal(3))
    assign(supervision, area, noon, hours=Decimal(1))

    subjects = set(OutgoingMail.objects.values_list("subject", flat=True))
    assert subjects == {
        "Helena Brandt assigned you 3 h of Ethics",
        "Helena Brandt assigned you 1 h of Ethics › Informed consent",
    }


def test_the_same_course_is_assigned_once_until_it_is_withdrawn(noon, supervision):
    course = CourseFactory()
    first = assign(supervision, course, noon)

    with pytest.raises(AssignmentError, match="to Priya already. To change it, withdraw"):
        assign(supervision, course, noon, due_on=DUE + timedelta(days=1))
    assignments.withdraw(assignment=first, at=noon)
    assign(supervision, course, noon)

    assert Assignment.objects.count() == 2


def test_hours_of_a_topic_may_be_asked_again_for_another_day(noon, supervision):
    topic = FocusAreaFactory().topic
    assign(supervision, topic, noon, hours=Decimal(3))

    with pytest.raises(AssignmentError, match="already"):
        assign(supervision, topic, noon, hours=Decimal(2))
    assign(supervision, topic, noon, hours=Decimal(3), due_on=DUE + timedelta(days=90))

    assert Assignment.objects.count() == 2


@pytest.mark.parametrize("due_on", [date(2026, 3, 1), date(2031, 3, 20), date.max])
def test_a_day_that_is_past_or_too_far_is_refused(noon, supervision, due_on):
    with pytest.raises(AssignmentError, match="from today on, within five years"):
        assign(supervision, CourseFactory(), noon, due_on=due_on)


def test_a_course_that_is_not_offered_or_was_earned_is_refused(noon, supervision):
    with pytest.raises(AssignmentError, match="not offered any more"):
        assign(supervision, CourseFactory(retired=True), noon)
    held = ready_to_complete(noon, learner=supervision.trainee)
    from courses import completion

    completion.complete(enrollment=held, at=noon)

    with pytest.raises(AssignmentError, match="^Priya has earned the credit of this course, and"):
        assign(supervision, held.course, noon)


@pytest.mark.parametrize("changes", [{"ended": True}, {"future": True}, {"shares_renewal": False}])
def test_nothing_is_assigned_without_a_supervision_that_shares_progress(noon, changes):
    link = SupervisionFactory(**{"shares_renewal": True, **changes})

    with pytest.raises(AssignmentError, match="do not supervise this person any more"):
        assign(link, CourseFactory(), noon)


@pytest.mark.parametrize(
    "facts",
    [
        {"course": None},
        {"hours": 3},
        {"course": None, "topic": True},
        {"course": None, "topic": True, "hours": 0},
        {"course": None, "topic": True, "focus": True, "hours": 3},
        {"topic": True},
    ],
)
def test_the_database_asks_for_one_course_or_for_hours_of_one_thing(facts):
    area = FocusAreaFactory()
    if facts.get("topic"):
        facts = {**facts, "topic": area.topic}
    if facts.pop("focus", None):
        facts = {**facts, "focus_area": area}

    with pytest.raises(IntegrityError, match="assignment_asks"), transaction.atomic():
        AssignmentFactory(**facts)


# --- How far it is ---


def test_a_course_goes_from_open_to_earned_by_what_the_trainee_does(noon, supervision):
    course = CourseFactory()
    made = assign(supervision, course, noon)
    said = [asked(made, noon).words]

    held = enrollment.enroll(learner=supervision.trainee, course=course, at=noon)
    said.append(asked(made, noon).words)
    lessons.open_lesson(enrollment=held, lesson=course.lessons.first(), at=noon)
    said.append(asked(made, noon).words)
    entry = earn(supervision.trainee, course)
    said.append(asked(made, noon).words)
    ledger.reverse(
        entry=entry, reason_class="error", reason="Not there.", by=UserFactory(), at=noon
    )
    said.append(asked(made, noon).words)

    assert said == [
        "Not enrolled yet",
        "Enrolled",
        "In progress",
        "Earned on Mar 3, 2026",
        "In progress",
    ]


def test_who_waits_for_a_seat_is_on_the_waitlist(noon, supervision):
    session = SessionFactory()
    made = assign(supervision, session.course, noon)
    WaitlistPlaceFactory(session=session, learner=supervision.trainee)

    assert asked(made, noon).state == State.WAITING


def test_hours_of_a_topic_count_each_course_once_and_only_since_then(noon, supervision):
    course = CourseFactory()
    topic = Topic.objects.get()
    course.course_focus_areas.create(focus_area=FocusAreaFactory(slug="other"), position=1)
    elsewhere = CourseFactory()
    elsewhere.course_focus_areas.all().delete()
    made = assign(supervision, topic, noon, hours=Decimal(3))
    of_area = assign(supervision, FocusArea.objects.get(slug="other"), noon, hours=Decimal(1))
    earn(supervision.trainee, course, "1.5")
    earn(supervision.trainee, course, "9", on=date(2026, 3, 1))
    earn(supervision.trainee, elsewhere, "9")
    earn(UserFactory(), course, "9")

    assert asked(made, noon).words == "1.5 of 3 h earned"
    assert asked(made, noon).state == State.BEGUN
    assert asked(of_area, noon).state == State.EARNED


def test_credit_of_an_earlier_session_that_is_given_later_counts(noon, supervision):
    course = CourseFactory()
    made = AssignmentFactory(
        supervision=supervision,
        course=course,
        assigned_at=CreditEntryFactory().recorded_at,
        counts_from=date(2026, 3, 2),
    )
    earn(supervision.trainee, course, on=date(2026, 3, 1))

    assert asked(made, noon).state == State.EARNED


def test_overdue_is_the_day_after_in_the_trainees_zone(noon, supervision):
    made = assign(supervision, CourseFactory(), noon, due_on=date(2026, 3, 2))
    evening = noon + timedelta(hours=16)  # March 3 in London, the 2nd in New York

    assert not asked(made, evening).is_overdue
    assert asked(made, evening).due_words == "Due today, Mar 2, 2026"
    assert asked(made, noon + timedelta(days=2)).due_words == "Due Mar 2, 2026, 2 days overdue"


def test_it_ends_with_the_supervision_and_stays_to_be_seen_by_the_trainee(noon, supervision):
    made = assign(supervision, CourseFactory(), noon)

    supervision_story.end(supervision=supervision, by=supervision.supervisor, at=noon)

    later = noon + timedelta(seconds=1)
    assert asked(made, later).words == "Ended with the supervision"
    assert not Assignment.objects.in_force(at=later).exists()
    assert not Assignment.objects.given_by(supervision.supervisor, at=later).exists()
    assert list(Assignment.objects.received_by(supervision.trainee)) == [made]


def test_what_is_withdrawn_before_the_mail_went_is_not_mailed(noon, supervision):
    made = assign(supervision, CourseFactory(), noon)

    assignments.withdraw(assignment=made, at=noon)
    assignments.withdraw(assignment=made, at=noon + timedelta(days=1))

    made.refresh_from_db()
    assert made.withdrawn_at == noon
    assert OutgoingMail.objects.get().dropped_because == "The assignment was withdrawn."


# --- Reminders ---


def remind(at):
    for pk in assignments.due(at=at, limit=100):
        assignments.remind(assignment_id=pk, at=at)


def reminders():
    mail = OutgoingMail.objects.filter(kind="assignment-reminder").order_by("created_at")
    return list(mail.values_list("subject", flat=True))


def test_reminders_come_14_and_3_days_before_and_once_when_it_is_overdue(noon, supervision):
    course = CourseFactory(title="Consent")
    assign(supervision, course, noon, due_on=DUE)

    for day in range(60):
        remind(noon + timedelta(days=day))

    assert reminders() == ["Due in 14 days: Consent", "Due in 3 days: Consent", "Overdue: Consent"]


def test_who_was_just_told_is_not_reminded_of_what_is_near(noon, supervision):
    assign(supervision, CourseFactory(title="Consent"), noon, due_on=date(2026, 3, 12))

    for day in range(10):
        remind(noon + timedelta(days=day))

    assert reminders() == ["Due in 3 days: Consent"]


def test_after_an_outage_one_reminder_makes_up_for_all(noon, supervision):
    assign(supervision, CourseFactory(title="Consent"), noon)

    remind(noon + timedelta(days=28))
    remind(noon + timedelta(days=28))

    assert reminders() == ["Due in 2 days: Consent"]


def test_nobody_is_reminded_of_what_is_earned_withdrawn_or_ended(noon, supervision):
    course = CourseFactory()
    topic = Topic.objects.get()
    assign(supervision, course, noon)
    assign(supervision, topic, noon, hours=Decimal("1.5"))
    earn(supervision.trainee, course)
    gone = assign(supervision, CourseFactory(), noon)
    assignments.withdraw(assignment=gone, at=noon)
    AssignmentFactory(supervision=SupervisionFactory(ended=True, shares_renewal=True), due_on=DUE)
    near = noon + timedelta(days=29)

    assert assignments.due(at=near, limit=100) == []
    for made in Assignment.objects.all():
        assignments.remind(assignment_id=made.pk, at=near)
    assert reminders() == []


def test_the_sweep_promises_what_is_due(supervision):
    from django.utils import timezone

    now = timezone.now()
    assign(supervision, CourseFactory(), now, due_on=now.date() + timedelta(days=20))
    Assignment.objects.update(due_on=now.date() + timedelta(days=5))

    tasks.remind_of_assignments()
    tasks.remind_of_assignments()

    assert len(reminders()) == 1


def test_many_are_looked_at_with_one_question(noon, supervision, django_assert_num_queries):
    for _ in range(12):
        assign(supervision, CourseFactory(), noon)
    EnrollmentFactory(learner=supervision.trainee)
    rows = Assignment.objects.with_subject().by_due_day()

    for count in (1, 12):
        with django_assert_num_queries(1):
            assert len(assignments.states(rows[:count], at=noon)) == count
