"""Attendance, two at once, in the manner of ``test_races``: each fails without its lock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.tests.factories import UserFactory
from courses import (
    attendance,
    attendance_import,
    attendance_uploads,
    check_in_codes,
    enrollment,
    evaluation,
)
from courses.models import AttendanceInterval, AttendanceUpload, Completion
from courses.tests.factories import EnrollmentFactory, SessionFactory
from courses.tests.stories import all_but_attend, attend, pass_post_test, ratings, read_lessons
from courses.tests.test_races import at_the_same_time

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def held(noon):
    session = SessionFactory(starts_at=noon)
    return EnrollmentFactory(course=session.course, session=session)


@pytest.fixture
def after(noon):
    return noon + timedelta(hours=3)


def kept(held, after) -> AttendanceUpload:
    content = (
        "email,join time,leave time\n"
        f"{held.learner.email},2026-03-02T12:00:00Z,2026-03-02T13:30:00Z\n"
    )
    return attendance_uploads.keep(
        session=held.session,
        file_name="report.csv",
        content=content.encode(),
        time_zone="UTC",
        by=UserFactory(),
        at=after,
    )


def confirm(upload, after):
    by = UserFactory()

    def call():
        try:
            attendance_uploads.confirm(
                upload=upload, assigned={}, leaves_out_problems=False, by=by, at=after
            )
        except attendance_uploads.AttendanceUploadError as error:
            return str(error)
        return by

    return call


def test_two_check_ins_at_once_are_one(held, noon):
    code = check_in_codes.code_at(
        key=held.session.check_in_key, session_id=held.session.pk, at=noon
    )

    def check_in():
        return attendance.check_in(enrollment=held, code=code, at=noon)

    _first, second = at_the_same_time(check_in, check_in)

    assert second == "You are checked in already, since Mon, Mar 2, 7:00 AM EST."
    assert AttendanceInterval.objects.count() == 1


def test_two_who_confirm_a_report_at_once_are_one(held, after):
    upload = kept(held, after)

    first, second = at_the_same_time(confirm(upload, after), confirm(upload, after))

    upload.refresh_from_db()
    assert upload.confirmed_by == first
    assert (
        second == f"{first} applied this report on Mon, Mar 2, 10:00 AM EST. Nothing is added now."
    )


def test_two_workers_who_apply_a_report_at_once_add_it_once(held, after):
    upload = kept(held, after)
    confirm(upload, after)()

    def apply():
        return attendance_import.apply(upload=upload, at=after)

    at_the_same_time(apply, apply)

    upload.refresh_from_db()
    assert (AttendanceInterval.objects.count(), upload.added) == (1, 1)


def test_two_reports_with_the_same_line_applied_at_once_add_it_once(held, after):
    upload = kept(held, after)
    other = AttendanceUpload.objects.get(pk=upload.pk)
    other.pk, other.time_zone, other._state.adding = None, "America/New_York", True
    other.id = AttendanceUpload._meta.pk.get_default()
    other.save()
    for each in (upload, other):
        confirm(each, after)()

    at_the_same_time(
        lambda: attendance_import.apply(upload=upload, at=after),
        lambda: attendance_import.apply(upload=other, at=after),
    )

    added = AttendanceUpload.objects.order_by("added").values_list("added", flat=True)
    assert list(added) == [0, 1]
    assert AttendanceInterval.objects.count() == 1


def test_what_is_voided_while_the_course_is_completed_by_it_stays(held, after):
    interval = attend(held, after)
    read_lessons(held, after)
    pass_post_test(held, after)

    _first, second = at_the_same_time(
        lambda: evaluation.hand_in(enrollment=held, answers=ratings(held.course), at=after),
        lambda: attendance.void(interval=interval, reason="Wrong", by=UserFactory(), at=after),
    )

    assert second.startswith("The course is completed")
    assert Completion.objects.count() == 1
    assert AttendanceInterval.objects.standing().count() == 1


def test_a_course_is_not_completed_by_what_is_voided_meanwhile(held, after):
    interval = attend(held, after)
    read_lessons(held, after)
    pass_post_test(held, after)
    by = UserFactory()

    at_the_same_time(
        lambda: attendance.void(interval=interval, reason="Wrong", by=by, at=after),
        lambda: evaluation.hand_in(enrollment=held, answers=ratings(held.course), at=after),
    )

    held.refresh_from_db()
    assert held.evaluated_at is not None
    assert Completion.objects.count() == 0


def test_a_report_adds_nothing_to_what_is_completed_at_that_moment(held, after):
    upload = kept(held, after)
    confirm(upload, after)()
    attend(held, after, minutes=80)
    read_lessons(held, after)
    pass_post_test(held, after)

    at_the_same_time(
        lambda: evaluation.hand_in(enrollment=held, answers=ratings(held.course), at=after),
        lambda: attendance_import.apply(upload=upload, at=after),
    )

    upload.refresh_from_db()
    assert (upload.added, Completion.objects.count()) == (0, 1)


def test_who_withdraws_while_a_report_is_applied_keeps_the_times_and_gets_no_credit(held, after):
    all_but_attend(held, after)
    upload = kept(held, after)
    confirm(upload, after)()

    at_the_same_time(
        lambda: attendance_import.apply(upload=upload, at=after),
        lambda: enrollment.withdraw(enrollment=held, at=after),
    )
    upload.refresh_from_db()
    attendance_import.settle(upload=upload, after=None, at=after)

    assert (AttendanceInterval.objects.count(), Completion.objects.count()) == (1, 0)
