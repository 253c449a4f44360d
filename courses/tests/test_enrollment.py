from datetime import timedelta

import pytest

from accounts.tests.factories import UserFactory
from courses import completion, enrollment
from courses.models import Enrollment
from courses.tests.factories import CourseFactory, EnrollmentFactory, SessionFactory
from courses.tests.stories import ready_to_complete

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


@pytest.mark.parametrize(("capacity", "taken"), [(None, 3), (2, 1)])
def test_a_session_takes_learners_while_it_has_seats(noon, capacity, taken):
    session = SessionFactory(capacity=capacity)
    EnrollmentFactory.create_batch(taken, course=session.course, session=session)

    held = enrollment.enroll(learner=UserFactory(), course=session.course, session=session, at=noon)

    assert held.session == session


@pytest.mark.parametrize(("capacity", "taken"), [(2, 2), (0, 0)])
def test_a_full_session_is_refused_and_no_seats_is_not_no_limit(noon, capacity, taken):
    session = SessionFactory(capacity=capacity)
    EnrollmentFactory.create_batch(taken, course=session.course, session=session)

    message = refusal(learner=UserFactory(), course=session.course, session=session, at=noon)

    assert message == "This session is full. Choose another one."


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
