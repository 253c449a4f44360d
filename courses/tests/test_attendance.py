from __future__ import annotations

import importlib
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group

from accounts.tests.factories import UserFactory
from courses import attendance, check_in_codes, completion, learning
from courses.models import AttendanceInterval, Completion
from courses.tests.factories import EnrollmentFactory, SessionFactory
from courses.tests.stories import all_but_attend, attend
from transcripts.models import CreditEntry

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def held(noon):
    """A seat in a session from noon for 90 minutes, of which one must attend 80."""
    session = SessionFactory(starts_at=noon)
    return EnrollmentFactory(course=session.course, session=session)


def code(held, at) -> str:
    session = held.session
    return check_in_codes.code_at(key=session.check_in_key, session_id=session.pk, at=at)


def check_in(held, at, *, typed=None):
    return attendance.check_in(enrollment=held, code=typed or code(held, at), at=at)


def check_out(held, at, *, typed=None):
    return attendance.check_out(enrollment=held, code=typed or code(held, at), at=at)


def record(held, since, until, *, at, by=None, reason="sheet"):
    return attendance.record(
        enrollment=held,
        starts_at=since,
        ends_at=until,
        reason=reason,
        by=by or UserFactory(),
        at=at,
    )


def void(interval, at, *, reason="Wrong person"):
    attendance.void(interval=interval, reason=reason, by=UserFactory(), at=at)


def refusal(call, *arguments, **facts) -> str:
    with pytest.raises(learning.LearningError) as refused:
        call(*arguments, **facts)
    return str(refused.value)


# --- Checking in and out ----------------------------------------------------


def test_minutes_are_from_check_in_to_check_out_and_complete_the_course(held, noon):
    all_but_attend(held, noon)

    check_in(held, noon + 10 * MINUTE)
    while_in = completion.attended_minutes(held)
    check_out(held, noon + 92 * MINUTE)

    interval = AttendanceInterval.objects.get()
    assert (while_in, completion.attended_minutes(held)) == (0, 80)
    assert (interval.source, interval.recorded_by) == ("code", held.learner)
    assert Completion.objects.get().enrollment == held


def test_a_click_is_not_attendance(held, noon):
    """Failure mode 34: present at the moment of joining, and credited for the day."""
    all_but_attend(held, noon)

    check_in(held, noon)

    assert completion.attended_minutes(held) == 0
    assert not Completion.objects.exists()


def test_who_comes_early_and_leaves_late_has_the_minutes_of_the_session(held, noon):
    check_in(held, noon - 15 * MINUTE)
    check_out(held, noon + 104 * MINUTE)

    assert completion.attended_minutes(held) == 90


def test_who_leaves_and_comes_back_has_the_minutes_of_both_times(held, noon):
    for start, end in ((0, 30), (40, 80)):
        check_in(held, noon + start * MINUTE)
        check_out(held, noon + end * MINUTE)

    assert completion.attended_minutes(held) == 70


def test_each_thing_out_of_turn_is_refused_in_plain_words(held, noon):
    words = [refusal(check_in, held, noon - 16 * MINUTE), refusal(check_out, held, noon)]
    check_in(held, noon)
    words += [
        refusal(check_in, held, noon + MINUTE),
        refusal(check_out, held, noon),
        refusal(check_in, held, noon + 90 * MINUTE),
        refusal(check_out, held, noon + 105 * MINUTE),
    ]

    assert words == [
        "Check-in opens on Mon, Mar 2, 6:45 AM EST.",
        "You are not checked in.",
        "You are checked in already, since Mon, Mar 2, 7:00 AM EST.",
        "You checked in this very moment. Try again.",
        "The session is over. You can still check out, not in.",
        "The session is over, and its codes are no longer taken. Ask the host to record when you "
        "were there.",
    ]
    assert AttendanceInterval.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"withdrawn_at": True}, "You withdrew from this course. Enroll again to go on."),
        (
            {"expired_at": True, "expires_at": True},
            "Your time for this course is over. Enroll again to go on.",
        ),
        (
            {"completed_at": True},
            "This course is completed. Its attendance stays as it was on that day.",
        ),
        ({"session": None}, "This course has no live session to attend."),
    ],
)
def test_an_enrollment_that_has_ended_is_attended_no_more(held, noon, change, message):
    for name, value in change.items():
        setattr(held, name, noon if value else None)
    held.save()
    session = SessionFactory(starts_at=noon)
    typed = check_in_codes.code_at(key=session.check_in_key, session_id=session.pk, at=noon)

    words = {
        refusal(check_in, held, noon, typed=typed),
        refusal(check_out, held, noon, typed=typed),
        refusal(record, held, noon, noon + MINUTE, at=noon + MINUTE),
    }

    assert words == {message}
    assert not AttendanceInterval.objects.exists()


def test_a_cancelled_session_is_not_attended(held, noon):
    held.session.cancelled_at, held.session.cancel_reason = noon, "The host is ill."
    held.session.save()

    words = {
        refusal(check_in, held, noon),
        refusal(check_out, held, noon),
        refusal(record, held, noon, noon + MINUTE, at=noon + MINUTE),
    }

    assert words == {"This session was cancelled."}


def test_wrong_codes_are_few_and_counted_for_each_person(held, noon):
    other = EnrollmentFactory(course=held.course, session=held.session)
    words = [refusal(check_in, held, noon, typed="AAAAAA") for _ in range(5)]

    locked_out = refusal(check_in, held, noon)
    check_in(other, noon)

    assert set(words) == {
        "That is not the code. It changes every two minutes: type the one on the screen now."
    }
    assert locked_out == (
        "Too many wrong codes. Wait five minutes, or ask the host to record that you are here."
    )


def test_the_code_of_another_session_is_wrong(held, noon):
    other = SessionFactory(course=held.course, starts_at=noon)
    typed = check_in_codes.code_at(key=other.check_in_key, session_id=other.pk, at=noon)

    assert "That is not the code." in refusal(check_in, held, noon, typed=typed)


# --- What curators record and take back -------------------------------------


def test_what_a_curator_records_adds_up_with_the_rest_and_completes_the_course(held, noon):
    all_but_attend(held, noon)
    after = noon + 100 * MINUTE
    check_in(held, noon)
    check_out(held, noon + 60 * MINUTE)

    outcomes = []
    for start, end in ((50, 70), (70, 79), (79, 90)):
        record(held, noon + start * MINUTE, noon + end * MINUTE, at=after)
        outcomes.append((completion.attended_minutes(held), Completion.objects.count()))

    assert outcomes == [(70, 0), (79, 0), (90, 1)]


def test_what_a_curator_records_has_a_reason_and_is_of_the_session(held, noon):
    after = noon + 60 * MINUTE

    words = [
        refusal(record, held, noon, after, at=after, reason=" "),
        refusal(record, held, noon, after, at=after, by=held.learner),
        refusal(record, held, noon, noon + MINUTE, at=noon - MINUTE),
        refusal(record, held, noon, noon, at=after),
        refusal(record, held, noon, after + MINUTE, at=after),
        refusal(record, held, noon - MINUTE, noon, at=after),
    ]

    assert words == [
        "Say how you know that the learner was there.",
        "Somebody else must record your attendance.",
        "The session has not begun.",
        "The time ends before it begins.",
        "The time is not over yet.",
        "The session was on Mar 2, 2026, 7:00 to 8:30 AM EST: no part of the time is.",
    ]
    assert not AttendanceInterval.objects.exists()


def test_what_is_voided_stays_to_be_seen_and_counts_no_more(held, noon):
    interval = attend(held, noon + 100 * MINUTE)
    void(interval, noon)
    void(interval, noon + MINUTE, reason="Again")

    interval.refresh_from_db()
    assert (interval.voided_at, interval.void_reason) == (noon, "Wrong person")
    assert completion.attended_minutes(held) == 0


def test_voiding_has_a_reason(held, noon):
    interval = attend(held, noon + 100 * MINUTE)

    assert refusal(void, interval, noon, reason=" ") == "Say why this time does not count."


def test_what_a_course_was_completed_by_is_not_voided(held, noon):
    all_but_attend(held, noon)
    interval = attend(held, noon + 100 * MINUTE)

    assert refusal(void, interval, noon) == (
        "The course is completed, and what it was completed by stays as it is. If the credit "
        "is wrong, reverse it in the ledger."
    )
    assert completion.attended_minutes(held) == 90


def test_the_evidence_of_presence_is_frozen_with_the_credit(held, noon):
    all_but_attend(held, noon)
    check_in(held, noon - MINUTE)
    check_out(held, noon + 30 * MINUTE)
    record(held, noon + 20 * MINUTE, noon + 85 * MINUTE, at=noon + 95 * MINUTE)

    evidence = CreditEntry.objects.get().record["activity"]["evidence"]

    assert evidence["minutes_attended"] == 85
    assert evidence["minutes_needed"] == 80
    assert evidence["present"] == [["2026-03-02T12:00:00+00:00", "2026-03-02T13:25:00+00:00"]]
    assert evidence["present_by"] == ["code", "curator"]


# --- What was recorded before -----------------------------------------------


class OldRows:
    """Rows of the table that there was, as the migration reads them."""

    def __init__(self, rows):
        self.rows = rows

    def exclude(self, *_, **__):
        return self

    annotate = order_by = exclude

    def __iter__(self):
        return iter(self.rows)


def test_minutes_recorded_before_become_a_time_from_the_start_of_the_session(held, noon):
    step = importlib.import_module("courses.migrations.0017_move_attendance_minutes")
    by, other = UserFactory(), EnrollmentFactory(course=held.course, session=held.session)

    class Row:
        def __init__(self, enrollment, minutes, source):
            self.enrollment_id, self.minutes, self.source = enrollment.pk, minutes, source
            self.session_starts_at, self.enrolled_at = noon, noon
            self.recorded_by_id, self.recorded_at = by.pk, noon

    class Apps:
        @staticmethod
        def get_model(label, name):
            if name == "AttendanceInterval":
                return AttendanceInterval
            rows = [Row(held, 60, "sheet"), Row(held, -10, "left early"), Row(other, 5, "sheet")]
            return type("Old", (), {"objects": OldRows([*rows, Row(other, -5, "not there")])})

    step.move_minutes(Apps, None)

    moved = held.attendance.get()
    assert (moved.starts_at, moved.ends_at) == (noon, noon + 50 * MINUTE)
    assert moved.detail == "sheet (+60 minutes); left early (-10 minutes)"
    assert (moved.source, moved.recorded_by) == ("curator", by)
    assert (completion.attended_minutes(held), completion.attended_minutes(other)) == (50, 0)
    assert other.attendance.get().void_reason == "No minutes in sum. not there"


def test_curators_may_record_attendance_and_keep_no_right_to_what_is_gone():
    rights = Group.objects.get(name="Curators").permissions.filter(
        content_type__app_label="courses", codename__contains="attendance"
    )

    assert sorted(rights.values_list("codename", flat=True)) == [
        "add_attendanceinterval",
        "add_attendanceupload",
        "view_attendanceinterval",
        "view_attendanceupload",
    ]
