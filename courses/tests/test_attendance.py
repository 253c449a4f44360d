from datetime import timedelta

import pytest

from accounts.tests.factories import UserFactory
from courses import attendance, evaluation, learning, post_test
from courses.models import (
    Attendance,
    Completion,
)
from courses.tests.factories import EnrollmentFactory, SessionFactory
from courses.tests.stories import (
    chosen,
    pass_post_test,
    read_lessons,
)

pytestmark = pytest.mark.django_db


def hand_in(held, at, *, number=1, right=None):
    return post_test.hand_in(
        enrollment=held, number=number, chosen=chosen(held.course, right=right), at=at
    )


def refusal(call, **facts) -> str:
    with pytest.raises(learning.LearningError) as refused:
        call(**facts)
    return str(refused.value)


def test_attendance_adds_up_and_completes_the_course(noon):
    session = SessionFactory(starts_at=noon - timedelta(hours=3))
    held = EnrollmentFactory(course=session.course, session=session)
    curator = UserFactory()
    read_lessons(held, noon)
    pass_post_test(held, noon)
    evaluation.hand_in(enrollment=held, answers={}, at=noon)

    outcomes = []
    for minutes in (60, 25, -10, 5):
        attendance.record(
            enrollment=held, minutes=minutes, source="sign-in sheet", by=curator, at=noon
        )
        outcomes.append((held.attendance.minutes(), Completion.objects.count()))

    assert outcomes == [(60, 0), (85, 1), (75, 1), (80, 1)]


def test_attendance_before_the_session_is_refused(noon):
    session = SessionFactory()
    held = EnrollmentFactory(course=session.course, session=session)

    message = refusal(
        attendance.record,
        enrollment=held,
        minutes=80,
        source="sheet",
        by=UserFactory(),
        at=noon,
    )

    assert message == "The session has not begun."
    assert Attendance.objects.count() == 0
