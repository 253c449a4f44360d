from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tests.factories import UserFactory
from courses import attendance, attendance_import, attendance_uploads, completion, tasks
from courses.attendance_uploads import AttendanceUploadError
from courses.models import (
    Approval,
    AttendanceInterval,
    AttendanceUpload,
    Completion,
    CourseCredit,
    Enrollment,
)
from courses.tests.factories import EnrollmentFactory, SessionFactory
from courses.tests.stories import all_but_attend, attend, pass_post_test, read_lessons

pytestmark = pytest.mark.django_db

HEAD = "Name,Email,Join Time,Leave Time\n"


@pytest.fixture
def session(noon):
    """From noon UTC (7:00 AM in New York) for 90 minutes, of which one must attend 80."""
    return SessionFactory(starts_at=noon)


@pytest.fixture
def after(noon):
    return noon + timedelta(hours=3)


def seat(session, email=None, *, done=False, **facts) -> Enrollment:
    learner = UserFactory(**({"email": email} if email else {}))
    held = EnrollmentFactory(course=session.course, session=session, learner=learner, **facts)
    if done:
        all_but_attend(held, session.starts_at)
    return held


def verify(learner, address, *, verified=True):
    EmailAddress.objects.create(user=learner, email=address, verified=verified)


def row(email, start="07:00", end="08:30", name="") -> str:
    return f"{name},{email},2026-03-02 {start},2026-03-02 {end}\n"


def keep(session, text, at, **facts) -> AttendanceUpload:
    facts = {"file_name": "report.csv", "time_zone": "America/New_York", **facts}
    return attendance_uploads.keep(
        session=session, content=text.encode(), by=UserFactory(), at=at, **facts
    )


def confirm(upload, at, *, assigned=None, leaves_out_problems=False, by=None):
    return attendance_uploads.confirm(
        upload=upload,
        assigned=assigned or {},
        leaves_out_problems=leaves_out_problems,
        by=by or UserFactory(),
        at=at,
    )


def apply(upload, at, **facts) -> AttendanceUpload:
    """Confirmed and applied, and nobody has credit by it yet."""
    attendance_import.apply(upload=confirm(upload, at, **facts), at=at)
    upload.refresh_from_db()
    return upload


def settle(upload, at):
    last = attendance_import.settle(upload=upload, after=None, at=at)
    while last is not None:
        last = attendance_import.settle(upload=upload, after=last, at=at)


def refusal(call, *arguments, **facts) -> str:
    with pytest.raises(AttendanceUploadError) as refused:
        call(*arguments, **facts)
    return str(refused.value)


# --- Keeping ----------------------------------------------------------------


def test_a_report_is_kept_byte_for_byte_and_counts_for_nothing_yet(session, after):
    held = seat(session)
    text = "\ufeff" + HEAD + row(held.learner.email)

    upload = keep(session, text, after)

    upload.refresh_from_db()
    assert bytes(upload.content) == text.encode()
    assert (upload.applied_at, upload.added) == (None, None)
    assert completion.attended_minutes(held) == 0


def test_the_same_file_is_the_one_that_was_kept_unless_its_zone_is_another(session, after):
    text = HEAD + row("maya@example.com")

    first, again = keep(session, text, after), keep(session, text, after, file_name="copy.csv")
    other = keep(session, text, after, time_zone="America/Chicago")

    assert first == again
    assert AttendanceUpload.objects.count() == 2 and other != first  # noqa: PT018


def test_what_is_no_report_or_too_early_is_not_kept(session, noon, after):
    words = [
        refusal(keep, session, "", after),
        refusal(keep, session, "hours\n3\n", after),
        refusal(keep, session, HEAD + row("m@example.com"), noon - timedelta(minutes=1)),
    ]
    session.cancelled_at, session.cancel_reason = noon, "The host is ill."
    session.save()
    words.append(refusal(keep, session, HEAD + row("m@example.com"), after))

    assert words[0] == "The file is empty."
    assert words[1].startswith("No line names the columns.")
    assert words[2:] == ["The session has not begun.", "This session was cancelled."]
    assert not AttendanceUpload.objects.exists()


# --- The preview ------------------------------------------------------------


def test_the_preview_says_who_is_there_who_is_not_known_who_is_absent_and_what_changes(
    session, after
):
    maya = seat(session, "maya@example.com", done=True)
    priya = seat(session, "priya@example.com")
    seat(session, "absent@example.com")
    attend(priya, after, minutes=20)
    text = HEAD + (
        row("MAYA@example.com", "07:00", "08:00")
        + row("maya@example.com", "07:50", "08:25")
        + row("priya@example.com", "06:00", "07:30")
        + row("priya@example.com", "05:00", "06:30")
        + row("stranger@example.com", "07:00", "07:10", "Sam Stranger")
        + row("", "07:00", "07:10", "Guest")
        + row("stranger@example.com", "never")
    )

    found = attendance_import.preview(keep(session, text, after))

    assert {
        learner.enrollment: (learner.before, learner.after, len(learner.new), learner.outcome)
        for learner in found.present
    } == {
        maya: (0, 85, 2, "Completes the course"),
        priya: (20, 30, 1, "Not yet: 30 of 80 minutes"),
    }
    assert [learner.enrollment.learner.email for learner in found.absent] == ["absent@example.com"]
    assert [(person.name, person.email, person.minutes) for person in found.unmatched] == [
        ("Sam Stranger", "stranger@example.com", 10),
        ("Guest", "", 10),
    ]
    assert (found.new, found.completing, found.outside) == (3, 1, 1)
    assert [problem.line for problem in found.report.problems] == [8]
    assert not AttendanceInterval.objects.filter(source="import").exists()


def test_people_are_matched_by_any_address_that_they_have_verified_and_by_no_other(session, after):
    held = seat(session, "maya@example.com")
    verify(held.learner, "maya@clinic.example")
    verify(held.learner, "not-hers@example.com", verified=False)
    UserFactory(email="other@example.com")
    text = HEAD + "".join(
        row(email) for email in ("maya@clinic.example", "not-hers@example.com", "other@example.com")
    )

    found = attendance_import.preview(keep(session, text, after))

    assert [learner.enrollment for learner in found.present] == [held]
    assert [person.email for person in found.unmatched] == [
        "not-hers@example.com",
        "other@example.com",
    ]


def test_who_left_or_has_completed_is_shown_and_stays_as_they_are(session, after):
    done, gone = seat(session, done=True), seat(session)
    attend(done, after)
    gone.withdrawn_at = after
    gone.save()
    text = HEAD + row(done.learner.email) + row(gone.learner.email)
    upload = keep(session, text, after)

    found = attendance_import.preview(upload)
    applied = apply(upload, after)

    assert {learner.enrollment: learner.outcome for learner in found.present} == {
        done: "Completed already; stays as it is",
        gone: "Not enrolled any more; nothing is added",
    }
    assert (found.new, applied.added, found.absent) == (0, 0, [])


def test_a_report_of_somebody_who_enrolled_again_is_for_the_seat_they_hold_now(session, after):
    left = seat(session, "maya@example.com", withdrawn_at=session.starts_at)
    held = EnrollmentFactory(course=session.course, session=session, learner=left.learner)

    apply(keep(session, HEAD + row("maya@example.com"), after), after)

    assert (held.attendance.count(), left.attendance.count()) == (1, 0)


def test_what_is_ready_of_a_session_agrees_with_what_is_outstanding_of_each(session, after):
    course = session.course
    course.attestation = "I did this work myself."
    course.save()
    steps = {
        "nothing": (),
        "lessons": ("lessons",),
        "test": ("lessons", "test"),
        "evaluation": ("lessons", "test", "evaluation"),
        "all": ("lessons", "test", "evaluation", "attestation"),
        "withdrawn": ("lessons", "test", "evaluation", "attestation"),
    }
    seats = {}
    for name, done in steps.items():
        held = seats[name] = seat(session)
        if "lessons" in done:
            read_lessons(held, after)
        if "test" in done:
            pass_post_test(held, after)
        Enrollment.objects.filter(pk=held.pk).update(
            evaluated_at=after if "evaluation" in done else None,
            attested_at=after if "attestation" in done else None,
            withdrawn_at=after if name == "withdrawn" else None,
        )
    # What is asked was pinned; a lesson that is gone is asked no more.
    course.lessons.create(key="new", position=99, title="New", body="New", minutes=5)
    Enrollment.objects.filter(pk=seats["lessons"].pk).update(requirements={"version": 1})

    agreeing = {
        held.pk
        for held in Enrollment.objects.in_progress().filter(session=session)
        if {item.step for item in completion.outstanding(held)} <= {completion.Step.SESSION}
    }

    assert completion.ready_but_for_attendance(session) == agreeing
    assert agreeing == {seats["all"].pk, seats["lessons"].pk}


def test_preview_and_apply_ask_as_often_for_many_as_for_one(session, after):
    def queries(people):
        held = [seat(session) for _ in range(people)]
        upload = keep(session, HEAD + "".join(row(each.learner.email) for each in held), after)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            attendance_import.preview(
                AttendanceUpload.objects.select_related("session__course").get(pk=upload.pk)
            )
            apply(upload, after)
        return len(asked)

    assert queries(1) == queries(4)


# --- Applying ---------------------------------------------------------------


def test_applying_adds_the_minutes_then_credit_and_a_task_promises_it(
    session, after, sent_tasks, django_capture_on_commit_callbacks
):
    maya, priya = seat(session, "maya@example.com", done=True), seat(session, "priya@example.com")
    upload = keep(session, HEAD + row("maya@example.com") + row("priya@example.com"), after)
    by = UserFactory()

    with django_capture_on_commit_callbacks(execute=True):
        apply(upload, after, by=by)
    before_settling = Completion.objects.count()
    settle(upload, after)

    assert ("courses.apply_attendance_upload", {"upload_id": str(upload.pk)}) in sent_tasks
    assert [completion.attended_minutes(held) for held in (maya, priya)] == [90, 90]
    assert before_settling == 0
    assert [done.enrollment for done in Completion.objects.all()] == [maya]
    interval = maya.attendance.get()
    assert (interval.source, interval.detail, interval.upload, interval.recorded_by) == (
        "import",
        "report.csv, line 2",
        upload,
        by,
    )
    upload.refresh_from_db()
    assert (upload.added, upload.confirmed_by, upload.settled_at) == (2, by, after)


def test_a_report_applied_twice_says_so_and_adds_nothing(session, after):
    held = seat(session)
    upload = keep(session, HEAD + row(held.learner.email), after)
    by = UserFactory()
    apply(upload, after, by=by)

    message = refusal(confirm, upload, after)
    attendance_import.apply(upload=upload, at=after)

    assert message == (
        f"{by} applied this report on Mon, Mar 2, 10:00 AM EST. Nothing is added now."
    )
    assert held.attendance.count() == 1


def test_an_overlapping_report_adds_what_is_new_and_no_minute_counts_twice(session, after):
    held = seat(session, "maya@example.com")
    first = HEAD + row("maya@example.com", "07:00", "07:40")
    longer = first + row("maya@example.com", "07:30", "08:00") * 2

    apply(keep(session, first, after), after)
    second = apply(keep(session, longer, after), after)

    assert (second.added, held.attendance.count()) == (1, 2)
    assert completion.attended_minutes(held) == 60


def test_a_curator_assigns_the_same_person_under_two_mails(session, after):
    held = seat(session, "maya@example.com")
    text = (
        HEAD
        + row("maya@example.com", "07:00", "07:40")
        + row("maya@home.example", "07:40", "08:20")
        + row("", "08:20", "08:30", "Maya's iPad")
    )
    upload = keep(session, text, after)

    assigned = {"maya@home.example": str(held.pk), "name: maya's ipad": str(held.pk)}
    applied = apply(upload, after, assigned=assigned)

    assert completion.attended_minutes(held) == 90
    assert applied.assigned == assigned
    assert sorted(held.attendance.values_list("detail", flat=True)) == [
        "report.csv, line 2",
        "report.csv, line 3: maya@home.example, assigned by hand",
        "report.csv, line 4: Maya's iPad, assigned by hand",
    ]


def test_nobody_is_assigned_to_a_seat_of_another_session(session, after):
    seat(session)
    elsewhere = seat(SessionFactory(course=session.course, starts_at=session.starts_at))
    upload = keep(session, HEAD + row("maya@home.example"), after)

    for wrong in (str(elsewhere.pk), "nonsense"):
        message = refusal(confirm, upload, after, assigned={"maya@home.example": wrong})
        assert message == "Choose learners who are enrolled in this session."

    assert not AttendanceInterval.objects.exists()


def test_lines_that_cannot_be_read_hold_the_report_back_until_somebody_leaves_them_out(
    session, after
):
    held = seat(session)
    upload = keep(session, HEAD + row(held.learner.email) + row("m@example.com", "never"), after)

    message = refusal(confirm, upload, after)
    nothing = held.attendance.count()
    apply(upload, after, leaves_out_problems=True)

    assert message.startswith("Some lines cannot be read.")
    assert (nothing, held.attendance.count()) == (0, 1)


def test_one_completion_that_fails_takes_nothing_from_the_others(session, after, monkeypatch):
    held = [seat(session, done=True) for _ in range(3)]
    upload = keep(session, HEAD + "".join(row(each.learner.email) for each in held), after)
    apply(upload, after)
    closed = held[1].learner
    closed.is_active = False  # the ledger refuses a closed account
    closed.save()
    monkeypatch.setattr(attendance_import, "SETTLED_AT_ONCE", 2)

    settle(upload, after)

    assert {done.enrollment for done in Completion.objects.all()} == {held[0], held[2]}
    assert AttendanceInterval.objects.count() == 3
    upload.refresh_from_db()
    assert upload.settled_at == after


def test_minutes_stay_where_no_approval_is_in_date_and_the_credit_can_be_asked_for_later(
    session, after
):
    held = seat(session, done=True)
    Approval.objects.update(valid_to=session.starts_at.date() - timedelta(days=1))

    upload = apply(keep(session, HEAD + row(held.learner.email), after), after)
    settle(upload, after)

    assert completion.attended_minutes(held) == 90
    assert not Completion.objects.exists()
    assert CourseCredit.objects.exists()


def test_a_lost_message_is_made_up_by_the_sweep_and_a_second_one_harmless(
    session, after, sent_tasks
):
    held = seat(session, done=True)
    upload = confirm(keep(session, HEAD + row(held.learner.email), after), after)
    keep(session, HEAD + row("x@example.com"), after)
    sent_tasks.clear()

    tasks.apply_confirmed_attendance_uploads()
    assert sent_tasks == [("courses.apply_attendance_upload", {"upload_id": str(upload.pk)})]

    tasks.apply_attendance_upload(upload_id=str(upload.pk))
    tasks.apply_attendance_upload(upload_id=str(upload.pk))
    sent_tasks.clear()
    tasks.apply_confirmed_attendance_uploads()

    assert (Completion.objects.count(), held.attendance.count()) == (1, 1)
    assert sent_tasks == []


def test_a_report_that_nobody_confirmed_is_never_applied(session, after):
    held = seat(session, done=True)
    upload = keep(session, HEAD + row(held.learner.email), after)

    tasks.apply_attendance_upload(upload_id=str(upload.pk))

    upload.refresh_from_db()
    assert (upload.applied_at, upload.settled_at) == (None, None)
    assert not AttendanceInterval.objects.exists()


def test_the_task_goes_on_where_a_batch_ended(session, after, sent_tasks, monkeypatch):
    monkeypatch.setattr(attendance_import, "SETTLED_AT_ONCE", 1)
    held = sorted((seat(session, done=True) for _ in range(2)), key=lambda each: each.pk)
    upload = apply(
        keep(session, HEAD + "".join(row(each.learner.email) for each in held), after), after
    )
    sent_tasks.clear()

    tasks.apply_attendance_upload(upload_id=str(upload.pk))

    assert (
        "courses.apply_attendance_upload",
        {"upload_id": str(upload.pk), "after": str(held[0].pk)},
    ) in sent_tasks
    assert [done.enrollment for done in Completion.objects.all()] == [held[0]]


def test_what_a_curator_took_back_does_not_come_back_with_the_next_report(session, after):
    held = seat(session, "maya@example.com")
    apply(keep(session, HEAD + row("maya@example.com"), after), after)
    attendance.void(
        interval=held.attendance.get(), reason="Somebody else sat there", by=UserFactory(), at=after
    )

    again = keep(session, HEAD + row("maya@example.com") + row("x@example.com"), after)
    apply(again, after)

    assert completion.attended_minutes(held) == 0
