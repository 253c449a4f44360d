from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.models import OutgoingMail
from accounts.tests.factories import UserFactory
from courses import attendance, catalog, completion, enrollment, sessions
from courses.models import Enrollment
from courses.tests.factories import (
    ApprovalFactory,
    ApprovingBodyFactory,
    CourseFactory,
    EnrollmentFactory,
    SessionFactory,
    WaitlistPlaceFactory,
)
from courses.tests.stories import attend, ready_to_complete

pytestmark = pytest.mark.django_db


def refusal(**facts) -> str:
    with pytest.raises(enrollment.EnrollmentError) as refused:
        enrollment.enroll(**facts)
    return str(refused.value)


def test_enroll_gives_a_seat(noon):
    learner, course = UserFactory(), CourseFactory()

    held = enrollment.enroll(learner=learner, course=course, at=noon)

    assert (held.learner, held.course, held.enrolled_at) == (learner, course, noon)


def test_enrolling_again_gives_the_same_seat(noon):
    learner, course = UserFactory(), CourseFactory()
    first = enrollment.enroll(learner=learner, course=course, at=noon)

    second = enrollment.enroll(learner=learner, course=course, at=noon + timedelta(days=1))

    assert second == first
    assert Enrollment.objects.get().enrolled_at == noon


def test_a_learner_may_enroll_again_after_withdrawing(noon):
    learner, course = UserFactory(), CourseFactory()
    first = enrollment.enroll(learner=learner, course=course, at=noon)
    enrollment.withdraw(enrollment=first, at=noon)

    second = enrollment.enroll(learner=learner, course=course, at=noon)

    assert second != first


@pytest.mark.parametrize("state", ["draft", "retired"])
def test_enroll_refuses_a_course_that_is_not_in_the_catalog(noon, state):
    course = CourseFactory(**{state: True})

    assert refusal(learner=UserFactory(), course=course, at=noon) == (
        "This course is not open for enrollment."
    )


def test_a_learner_of_a_retired_course_keeps_the_seat(noon):
    held = EnrollmentFactory(course=CourseFactory(retired=True))

    again = enrollment.enroll(learner=held.learner, course=held.course, at=noon)

    assert again == held


def test_a_live_course_asks_for_a_session(noon):
    session = SessionFactory()

    assert refusal(learner=UserFactory(), course=session.course, at=noon) == "Choose a session."


def test_a_session_of_another_course_is_refused(noon):
    session, other = SessionFactory(), SessionFactory()

    message = refusal(learner=UserFactory(), course=session.course, session=other, at=noon)

    assert message == "This session belongs to another course."


def test_an_on_demand_course_takes_no_session(noon):
    message = refusal(
        learner=UserFactory(), course=CourseFactory(), session=SessionFactory(), at=noon
    )

    assert message == "This course has no live sessions."


def test_a_session_that_has_begun_is_refused():
    session = SessionFactory()

    message = refusal(
        learner=UserFactory(), course=session.course, session=session, at=session.starts_at
    )

    assert message == "This session has begun already. Choose a later one."


def approved(course, *, since: date, until: date) -> None:
    course.provider.approvals.update(valid_from=since, valid_to=until)


def test_enroll_refuses_a_course_that_gives_no_credit_that_day():
    course, learner = CourseFactory(), UserFactory(time_zone="America/New_York")
    approved(course, since=date(2026, 1, 1), until=date(2026, 3, 2))
    # The learner's own day counts: in New York it is still March 2.
    last_minute = datetime(2026, 3, 3, 4, 59, tzinfo=UTC)

    message = refusal(learner=learner, course=course, at=last_minute + timedelta(minutes=1))

    assert message == (
        "No approval of this course is in date today, so it would give no credit. Enrollment "
        "opens when one is."
    )
    assert enrollment.enroll(learner=learner, course=course, at=last_minute).course == course


def test_an_approval_of_another_board_or_course_opens_no_enrollment(noon):
    course = CourseFactory()
    course.provider.approvals.all().delete()
    other = ApprovingBodyFactory(slug="nbcc", name="NBCC")
    ApprovalFactory(provider=course.provider, body=other)
    ApprovalFactory(provider=course.provider, course=CourseFactory(provider=course.provider))

    assert "no credit" in refusal(learner=UserFactory(), course=course, at=noon)


@pytest.mark.parametrize(
    ("since", "until", "is_open"),
    [
        (date(2026, 5, 1), date(2026, 12, 31), True),  # begins after enrolling
        (date(2026, 6, 1), date(2026, 6, 1), True),
        (date(2026, 1, 1), date(2026, 5, 31), False),
        (date(2026, 6, 2), date(2026, 12, 31), False),
    ],
)
def test_the_credit_of_a_live_course_is_judged_on_the_day_of_its_session(
    noon, since, until, is_open
):
    # 10 PM on June 1 in New York, which is June 2 in UTC.
    session = SessionFactory(starts_at=datetime(2026, 6, 2, 2, 0, tzinfo=UTC))
    approved(session.course, since=since, until=until)
    asked = {"course": session.course, "session": session, "at": noon}

    if is_open:
        assert enrollment.enroll(learner=UserFactory(), **asked).session == session
    else:
        assert refusal(learner=UserFactory(), **asked) == (
            "No approval of this course is in date on the day of this session, so it would give "
            "no credit."
        )


def test_a_learner_of_a_course_whose_approval_lapsed_keeps_the_seat(noon):
    held = EnrollmentFactory()
    held.course.provider.approvals.all().delete()

    assert enrollment.enroll(learner=held.learner, course=held.course, at=noon) == held


@pytest.mark.parametrize(("capacity", "taken"), [(None, 3), (2, 1)])
def test_a_session_takes_learners_while_it_has_seats(noon, capacity, taken):
    session = SessionFactory(capacity=capacity)
    EnrollmentFactory.create_batch(taken, course=session.course, session=session)

    held = enrollment.enroll(learner=UserFactory(), course=session.course, session=session, at=noon)

    assert held.session == session


@pytest.mark.parametrize(
    ("capacity", "taken", "words"),
    [
        (2, 2, "This session is full. Join its waitlist, or choose another one."),
        (0, 0, "This session takes no enrollments. Choose another one."),
    ],
)
def test_a_full_session_is_refused_and_no_seats_is_not_no_limit(noon, capacity, taken, words):
    session = SessionFactory(capacity=capacity)
    EnrollmentFactory.create_batch(taken, course=session.course, session=session)

    message = refusal(learner=UserFactory(), course=session.course, session=session, at=noon)

    assert message == words


def test_a_seat_given_back_can_be_taken(noon):
    session = SessionFactory(capacity=1)
    held = EnrollmentFactory(course=session.course, session=session)
    enrollment.withdraw(enrollment=held, at=noon)

    seated = enrollment.enroll(
        learner=UserFactory(), course=session.course, session=session, at=noon
    )

    assert seated.session == session


def test_withdrawing_twice_keeps_the_first_moment(noon):
    held = EnrollmentFactory()
    enrollment.withdraw(enrollment=held, at=noon)

    enrollment.withdraw(enrollment=held, at=noon + timedelta(days=1))

    assert Enrollment.objects.get().withdrawn_at == noon


def test_a_completed_course_cannot_be_withdrawn_from(noon):
    held = ready_to_complete(noon)
    completion.complete(enrollment=held, at=noon)

    with pytest.raises(enrollment.EnrollmentError):
        enrollment.withdraw(enrollment=held, at=noon)

    assert Enrollment.objects.get().withdrawn_at is None


# --- Another session --------------------------------------------------------


def two_sessions(**facts):
    """An enrollment in the first session, and another one a week later, of 120 minutes."""
    first = SessionFactory(course=CourseFactory(live=True, **facts), capacity=1)
    later = first.starts_at + timedelta(days=7)
    second = SessionFactory(
        course=first.course, starts_at=later, ends_at=later + timedelta(minutes=120), capacity=1
    )
    return EnrollmentFactory(course=first.course, session=first), second


def refused_move(**facts) -> str:
    with pytest.raises(enrollment.EnrollmentError) as refused:
        enrollment.move(**facts)
    return str(refused.value)


def test_moving_changes_the_session_and_what_is_asked_of_it(noon):
    held, second = two_sessions(attendance_minutes=None, attendance_percent=80, access_days=30)
    first = held.session
    Enrollment.objects.update(expires_at=first.ends_at + timedelta(days=30))

    moved = enrollment.move(enrollment=held, to=second, at=noon)

    held.refresh_from_db()
    assert (moved, held.session) == (held, second)
    assert held.requirements == {**moved.requirements, "attendance": {"minutes": 96}}
    assert held.expires_at == second.ends_at + timedelta(days=30)
    assert kinds() == ["session-moved"]


def test_moving_to_the_same_session_changes_nothing(noon):
    held, second = two_sessions()
    enrollment.move(enrollment=held, to=second, at=noon)

    enrollment.move(enrollment=held, to=second, at=noon + timedelta(days=1))

    assert kinds() == ["session-moved"]


def test_the_seat_that_is_left_goes_to_who_waits(noon):
    held, second = two_sessions()
    place = WaitlistPlaceFactory(session=held.session)

    enrollment.move(enrollment=held, to=second, at=noon)

    place.refresh_from_db()
    assert place.state == "offered"


def test_nobody_moves_into_a_full_session(noon):
    held, second = two_sessions()
    EnrollmentFactory(course=second.course, session=second)

    assert refused_move(enrollment=held, to=second, at=noon) == (
        "This session is full. Join its waitlist, or choose another one."
    )
    held.refresh_from_db()
    assert held.session != second


def test_a_seat_can_be_changed_after_its_session_was_cancelled(noon):
    held, second = two_sessions()
    sessions.cancel(session=held.session, reason="Snow", at=noon)

    moved = enrollment.move(enrollment=held, to=second, at=noon)

    assert moved.session == second


def test_a_learner_of_a_retired_course_may_still_move(noon):
    held, second = two_sessions()
    catalog.retire(course=held.course, at=noon)

    assert enrollment.move(enrollment=held, to=second, at=noon).session == second


def test_nobody_moves_after_attending_unless_it_was_recorded_by_mistake(noon):
    held, second = two_sessions()
    over, staff = held.session.ends_at, UserFactory()
    interval = attend(held, over, minutes=5, by=staff)

    assert "recorded in this session already" in refused_move(enrollment=held, to=second, at=over)
    attendance.void(interval=interval, reason="Another person", by=staff, at=over)
    assert enrollment.move(enrollment=held, to=second, at=over).session == second


def test_nobody_moves_out_of_order(noon):
    held, second = two_sessions()
    other = SessionFactory()
    on_demand = EnrollmentFactory()

    assert refused_move(enrollment=held, to=other, at=noon) == (
        "This session belongs to another course."
    )
    assert refused_move(enrollment=on_demand, to=second, at=noon) == (
        "This course has no live sessions."
    )
    assert "has begun already" in refused_move(enrollment=held, to=second, at=second.starts_at)
    enrollment.withdraw(enrollment=held, at=noon)
    assert refused_move(enrollment=held, to=second, at=noon) == (
        "You have no seat in this course any more. Enroll anew."
    )
    Enrollment.objects.filter(pk=held.pk).update(withdrawn_at=None, completed_at=noon)
    assert refused_move(enrollment=held, to=second, at=noon) == (
        "You have completed this course; its date stays as it is."
    )


def test_nobody_moves_to_a_day_that_gives_no_credit(noon):
    held, second = two_sessions()
    approved(held.course, since=date(2026, 1, 1), until=date(2026, 6, 1))

    assert "would give no credit" in refused_move(enrollment=held, to=second, at=noon)


# --- Mail -------------------------------------------------------------------


def kinds() -> list[str]:
    return sorted(OutgoingMail.objects.values_list("kind", flat=True))


def test_each_step_is_told_once(noon):
    learner, session = UserFactory(), SessionFactory()
    for _ in range(2):
        held = enrollment.enroll(learner=learner, course=session.course, session=session, at=noon)
    for _ in range(2):
        enrollment.withdraw(enrollment=held, at=noon)

    assert kinds() == ["enrollment-confirmed", "enrollment-withdrawn"]


# --- The enrollment window --------------------------------------------------


def test_enrollment_opens_and_closes_to_the_second(noon):
    session = SessionFactory(
        enrollment_opens_at=noon, enrollment_closes_at=noon + timedelta(days=1)
    )
    asked = {"course": session.course, "session": session}
    second = timedelta(seconds=1)

    too_early = refusal(learner=UserFactory(), at=noon - second, **asked)
    too_late = refusal(learner=UserFactory(), at=noon + timedelta(days=1), **asked)

    assert too_early == "Enrollment in this session opens on Mon, Mar 2, 7:00 AM EST."
    assert too_late == "Enrollment in this session has closed. Choose a later one."
    for at in (noon, noon + timedelta(days=1) - second):
        assert enrollment.enroll(learner=UserFactory(), at=at, **asked).session == session


def test_a_session_without_a_limit_takes_everybody(noon):
    session = SessionFactory(capacity=None)
    EnrollmentFactory.create_batch(3, course=session.course, session=session)

    held = enrollment.enroll(learner=UserFactory(), course=session.course, session=session, at=noon)

    assert held.session == session
