"""Attendance as people see it: in the course room, on the host's screen, in the admin."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import UserFactory
from courses import check_in_codes, tasks
from courses.models import AttendanceInterval, AttendanceUpload, Completion
from courses.tests.factories import EnrollmentFactory, SessionFactory
from courses.tests.stories import all_but_attend, attend

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def session(now):
    """Began half an hour ago; an hour is left, and 80 minutes are asked."""
    return SessionFactory(starts_at=now - timedelta(minutes=30))


@pytest.fixture
def past(now):
    """Was yesterday."""
    return SessionFactory(starts_at=now - timedelta(days=1))


@pytest.fixture
def held(session, client):
    held = EnrollmentFactory(course=session.course, session=session)
    client.force_login(held.learner)
    return held


@pytest.fixture
def curator(client):
    user = UserFactory(is_staff=True)
    user.groups.add(Group.objects.get(name="Curators"))
    client.force_login(user)
    return user


def code_of(session, at) -> str:
    return check_in_codes.code_at(key=session.check_in_key, session_id=session.pk, at=at)


def room(name, held):
    return reverse(f"courses:{name}", args=[held.pk])


def words(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


# --- In the course room -----------------------------------------------------


def test_a_learner_checks_in_and_out_by_the_code(client, held, now):
    typed = code_of(held.session, now).lower()

    in_page = client.post(room("check_in", held), {"code": f" {typed} "}, follow=True)
    out_page = client.post(
        room("check_out", held), {"code": code_of(held.session, timezone.now())}, follow=True
    )

    assert "You are checked in." in words(in_page)
    assert "The minutes count when you check out." in in_page.text
    assert room("check_out", held) in in_page.text
    assert "You are checked out." in words(out_page)
    assert room("check_in", held) in out_page.text
    assert held.attendance.get().ends_at is not None


def test_the_field_for_the_code_suits_a_phone(client, held):
    field = re.search(r'<input[^>]*name="code"[^>]*>', client.get(room("session", held)).text)[0]

    assert all(
        said in field
        for said in ('autocapitalize="characters"', 'autocomplete="one-time-code"', "inputmode=")
    )


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "Type the code that the host shows."),
        ("AAAAAA", "That is not the code."),
        ("x" * 41, "at most 40 characters"),
    ],
)
def test_a_wrong_code_is_told_at_the_field_with_status_422(client, held, typed, message):
    response = client.post(room("check_in", held), {"code": typed})

    assert response.status_code == 422
    assert message in response.text
    assert "Error · Live session" in response.text
    assert not AttendanceInterval.objects.exists()


def test_checking_in_twice_says_since_when(client, held, now):
    client.post(room("check_in", held), {"code": code_of(held.session, now)})

    again = client.post(room("check_in", held), {"code": code_of(held.session, now)})

    assert again.status_code == 422
    assert "You are checked in already, since" in again.text


def test_before_the_session_the_page_says_when_check_in_opens_and_shows_no_field(client, now):
    coming = SessionFactory(starts_at=now + timedelta(days=2))
    held = EnrollmentFactory(course=coming.course, session=coming)
    client.force_login(held.learner)

    text = client.get(room("session", held)).text

    assert "You can check in from" in text
    assert 'name="code"' not in text


def test_the_page_tells_minutes_times_and_sources_and_links_from_the_room(client, past):
    held = EnrollmentFactory(course=past.course, session=past)
    client.force_login(held.learner)
    attend(held, timezone.now(), minutes=20)
    taken_back = attend(held, timezone.now(), minutes=90)
    taken_back.voided_at, taken_back.voided_by = timezone.now(), taken_back.recorded_by
    taken_back.void_reason = "Wrong person"
    taken_back.save()

    text = client.get(room("session", held)).text

    assert "20 minutes attended" in text
    assert "The course asks for 80." in text
    assert text.count("Recorded by a curator") == 1
    assert room("session", held) in client.get(room("room", held)).text


def test_the_live_session_of_another_and_of_a_course_without_one_is_not_found(client, held):
    on_demand = EnrollmentFactory(learner=held.learner)
    other = EnrollmentFactory(course=held.course, session=held.session)

    statuses = [
        client.get(room("session", on_demand)).status_code,
        client.get(room("session", other)).status_code,
        client.post(room("check_in", other), {"code": "A"}).status_code,
        client.post(room("check_out", other), {"code": "A"}).status_code,
        client.get(room("check_in", held)).status_code,
    ]

    assert statuses == [404, 404, 404, 404, 405]


def test_the_page_asks_as_often_for_many_times_as_for_one(client, past):
    held = EnrollmentFactory(course=past.course, session=past)
    client.force_login(held.learner)

    def queries():
        attend(held, timezone.now(), minutes=5)
        with CaptureQueriesContext(connection) as asked:
            client.get(room("session", held))
        return len(asked)

    assert queries() == queries() == queries()


# --- The host's screen ------------------------------------------------------


def host(session) -> str:
    return reverse("courses:host_session", args=[session.pk])


def test_the_host_sees_the_code_and_how_many_are_in(client, curator, session, now):
    here, gone, _absent = (
        EnrollmentFactory(course=session.course, session=session) for _ in range(3)
    )
    facts = {"source": "code", "recorded_at": now}
    AttendanceInterval.objects.create(
        enrollment=here, recorded_by=here.learner, starts_at=now, **facts
    )
    AttendanceInterval.objects.create(
        enrollment=gone,
        recorded_by=gone.learner,
        starts_at=session.starts_at,
        ends_at=now,
        **facts,
    )

    response = client.get(host(session))
    fragment = client.get(host(session), headers={"HX-Request": "true"})

    shown = {code_of(session, at) for at in (now, timezone.now())}
    code = response.context["code"]
    assert code in shown
    assert f"<span>{code[:3]}</span><span>{code[3:]}</span>" in response.text
    assert "<b>1</b> in now, 2 of 3 enrolled" in response.text
    assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in response.text
    assert "<html" not in fragment.text
    assert 'hx-trigger="every 10s"' in fragment.text
    assert "no-store" in response.headers["Cache-Control"]


def test_nobody_but_who_records_attendance_sees_the_code(client, session, now):
    learner = EnrollmentFactory(course=session.course, session=session).learner
    staff = UserFactory(is_staff=True)
    statuses = {}
    for name, user in {"learner": learner, "staff without the right": staff}.items():
        client.force_login(user)
        statuses[name] = client.get(host(session)).status_code
    client.logout()
    statuses["stranger"] = client.get(host(session)).status_code

    assert statuses == {"learner": 404, "staff without the right": 404, "stranger": 302}


def test_the_code_and_its_secret_are_on_no_page_of_the_learner(client, held, now):
    pages = [client.get(room(name, held)).text for name in ("room", "session")]
    secrets = {held.session.check_in_key, code_of(held.session, now)}

    assert not [secret for secret in secrets for page in pages if secret in page]


@pytest.mark.parametrize(
    ("hours", "message"),
    [
        (-3, "The session is over, and its codes are no longer taken."),
        (3, "The first code is shown"),
    ],
)
def test_outside_the_session_no_code_is_shown(client, curator, now, hours, message):
    session = SessionFactory(starts_at=now + timedelta(hours=hours))

    response = client.get(host(session))

    assert message in response.text
    assert response.context["code"] == ""


def test_a_cancelled_session_has_no_code(client, curator, session, now):
    session.cancelled_at, session.cancel_reason = now, "The host is ill."
    session.save()

    assert "This session was cancelled." in client.get(host(session)).text


# --- The enrollment in the admin --------------------------------------------


def admin_page(name, *arguments) -> str:
    return reverse(f"admin:courses_{name}", args=arguments)


def typed(start, end, reason="Sign-in sheet") -> dict:
    return {
        "starts_at_0": f"{start:%Y-%m-%d}",
        "starts_at_1": f"{start:%H:%M}",
        "ends_at_0": f"{end:%Y-%m-%d}",
        "ends_at_1": f"{end:%H:%M}",
        "reason": reason,
    }


def test_a_curator_records_attendance_in_the_sessions_zone_and_it_completes_the_course(
    client, curator, past
):
    curator.time_zone = "Pacific/Honolulu"
    curator.save()
    held = EnrollmentFactory(course=past.course, session=past)
    all_but_attend(held, past.starts_at)
    address = admin_page("enrollment_record_attendance", held.pk)
    start = past.starts_at.astimezone(past.tz).replace(second=0, microsecond=0)

    opened = client.get(address)
    response = client.post(address, typed(start, start + timedelta(minutes=85)), follow=True)

    interval = held.attendance.get()
    assert f'value="{start:%H:%M}:' in opened.text
    assert (interval.starts_at, interval.detail, interval.recorded_by) == (
        start,
        "Sign-in sheet",
        curator,
    )
    assert Completion.objects.get().enrollment == held
    assert "Sign-in sheet" in response.text
    assert "Stays: the course is completed" in response.text
    assert "Recorded attendance" in LogEntry.objects.get().get_change_message()


def test_a_record_without_reason_or_out_of_the_session_is_refused(client, curator, past):
    held = EnrollmentFactory(course=past.course, session=past)
    address = admin_page("enrollment_record_attendance", held.pk)
    start = past.starts_at.astimezone(past.tz)
    early = start - timedelta(hours=5)

    no_reason = client.post(address, typed(start, start + timedelta(minutes=5), reason=""))
    outside = client.post(address, typed(early, early + timedelta(minutes=5)))

    assert (no_reason.status_code, outside.status_code) == (422, 422)
    assert "no part of the time is" in outside.text
    assert not AttendanceInterval.objects.exists()


def test_a_curator_voids_a_time_for_a_reason_and_both_stay_to_be_seen(client, curator, past):
    held = EnrollmentFactory(course=past.course, session=past)
    interval = attend(held, timezone.now())
    page = client.get(admin_page("enrollment_change", held.pk))
    address = admin_page("enrollment_void_attendance", held.pk, interval.pk)

    without = client.post(address, {"reason": ""})
    done = client.post(address, {"reason": "Another person"}, follow=True)
    again = client.get(address)

    interval.refresh_from_db()
    assert f'href="{address}"' in page.text
    assert admin_page("enrollment_record_attendance", held.pk) in page.text
    assert "90 of 80" in page.text
    assert without.status_code == 422
    assert (interval.voided_by, interval.void_reason) == (curator, "Another person")
    assert f"Voided by {curator}" in done.text
    assert "0 of 80" in done.text
    assert again.status_code == 404


def test_attendance_in_the_admin_is_for_who_may_record_it(client, past):
    held = EnrollmentFactory(course=past.course, session=past)
    interval = attend(held, timezone.now())
    client.force_login(UserFactory(is_staff=True))

    statuses = [
        client.get(address).status_code
        for address in (
            admin_page("enrollment_record_attendance", held.pk),
            admin_page("enrollment_void_attendance", held.pk, interval.pk),
            admin_page("attendanceupload_changelist"),
            admin_page("attendanceupload_add") + f"?session={past.pk}",
        )
    ]

    assert statuses == [403, 403, 403, 403]


# --- Reports in the admin ---------------------------------------------------


def report(
    past, *rows, name="report.csv", head="Name,Email,Join Time,Leave Time"
) -> SimpleUploadedFile:
    start = past.starts_at.astimezone(past.tz)
    end = past.ends_at.astimezone(past.tz)
    lines = ["Name,Email,Join Time,Leave Time"] + [
        f"{who},{email},{start:%Y-%m-%d %H:%M:%S},{end:%Y-%m-%d %H:%M:%S}" for who, email in rows
    ]
    return SimpleUploadedFile(name, "\n".join(lines).encode())


def upload(client, past, file, zone="America/New_York"):
    address = admin_page("attendanceupload_add") + f"?session={past.pk}"
    return client.post(address, {"report": file, "time_zone": zone}, follow=True)


def test_a_report_is_uploaded_seen_applied_and_gives_credit(
    client, curator, past, django_capture_on_commit_callbacks
):
    held, other = (EnrollmentFactory(course=past.course, session=past) for _ in range(2))
    all_but_attend(held, past.starts_at)
    file = report(past, ("Maya", held.learner.email), ("=1+1", "her@home.example"))

    link = client.get(admin_page("session_change", past.pk)).text
    shown = upload(client, past, file)
    kept = AttendanceUpload.objects.get()
    address = admin_page("attendanceupload_change", kept.pk)
    before = AttendanceInterval.objects.count()
    with django_capture_on_commit_callbacks(execute=True):
        applying = client.post(address, {"person-0": str(other.pk)}, follow=True)
    tasks.apply_attendance_upload(upload_id=str(kept.pk))
    after = client.get(address)

    assert f"{admin_page('attendanceupload_add')}?session={past.pk}" in link
    assert host(past) in link
    assert "adds 1 time of presence and completes the course for 1 learner." in shown.text
    assert "Completes the course" in shown.text
    assert other.learner.email in shown.text
    assert before == 0
    assert "a worker is at it" in applying.text
    assert "2 times of presence added" in after.text
    assert Completion.objects.get().enrollment == held
    assert other.attendance.get().detail.endswith("her@home.example, assigned by hand")
    assert "Applied to" in LogEntry.objects.get().get_change_message()


def test_the_same_file_again_says_so_and_adds_nothing(client, curator, past):
    held = EnrollmentFactory(course=past.course, session=past)
    upload(client, past, report(past, ("Maya", held.learner.email)))
    kept = AttendanceUpload.objects.get()
    address = admin_page("attendanceupload_change", kept.pk)
    client.post(address)
    tasks.apply_attendance_upload(upload_id=str(kept.pk))

    again = upload(client, past, report(past, ("Maya", held.learner.email)))
    second = client.post(address)

    assert "This file was applied before. Nothing is added now." in words(again)
    assert second.status_code == 422
    assert AttendanceUpload.objects.count() == held.attendance.count() == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b"\x89PNG\r\n", "This is a picture, not a CSV file."),
        (b"name,hours\nM,1\n", "No line names the columns."),
    ],
)
def test_a_file_that_is_no_report_is_refused_at_the_field(client, curator, past, content, message):
    response = upload(client, past, SimpleUploadedFile("report.csv", content))

    assert response.status_code == 422
    assert message in response.text
    assert not AttendanceUpload.objects.exists()


def test_a_large_file_is_refused_before_it_is_read(client, curator, past, monkeypatch):
    monkeypatch.setattr("courses.forms.attendance.MAX_BYTES", 10)

    response = upload(client, past, report(past, ("Maya", "maya@example.com")))

    assert response.status_code == 422
    assert "Split it" in response.text


def test_lines_that_cannot_be_read_are_shown_and_left_out_only_when_said_so(client, curator, past):
    held = EnrollmentFactory(course=past.course, session=past)
    file = report(past, ("Maya", held.learner.email), ("<script>alert(1)</script>", ""))
    content = file.read() + b"\nSam,sam@example.com,<b>never</b>,\n"
    shown = upload(client, past, SimpleUploadedFile("report.csv", content))
    kept = AttendanceUpload.objects.get()
    address = admin_page("attendanceupload_change", kept.pk)

    refused = client.post(address)
    client.post(address, {"leaves_out_problems": "on"})

    kept.refresh_from_db()
    assert "Line 4: “&lt;b&gt;never&lt;/b&gt;” is no time that we know" in shown.text
    assert "<script>alert(1)" not in shown.text
    assert refused.status_code == 422
    assert "Say that they are left out" in refused.text
    assert kept.confirmed_by == curator


def test_the_file_comes_back_byte_for_byte_and_as_a_download(client, curator, past):
    file = report(past, ("Maya", "maya@example.com"), name="Report of “May” \u202e.csv")
    content = file.read()
    file.seek(0)
    upload(client, past, file)
    kept = AttendanceUpload.objects.get()

    response = client.get(admin_page("attendanceupload_original", kept.pk))

    assert response.content == content
    assert response.headers["Content-Disposition"].startswith("attachment; filename")
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert "\u202e" not in kept.file_name


def test_without_a_session_the_upload_page_leads_to_the_sessions(client, curator):
    statuses = [
        client.get(admin_page("attendanceupload_add") + query).status_code
        for query in ("", "?session=x", "?session=999999", "?session=²")
    ]

    assert statuses == [302, 302, 404, 302]


def test_somebody_assigned_to_a_seat_elsewhere_is_refused(client, curator, past):
    elsewhere = EnrollmentFactory()
    upload(client, past, report(past, ("Maya", "her@home.example")))
    kept = AttendanceUpload.objects.get()

    response = client.post(
        admin_page("attendanceupload_change", kept.pk), {"person-0": str(elsewhere.pk)}
    )

    assert response.status_code == 422
    kept.refresh_from_db()
    assert kept.confirmed_at is None


def test_the_preview_asks_as_often_for_many_as_for_one(client, curator, past):
    def queries(people):
        rows = []
        for _ in range(people):
            held = EnrollmentFactory(course=past.course, session=past)
            EnrollmentFactory(course=past.course, session=past)
            rows += [("Maya", held.learner.email), ("", f"{held.pk}@home.example")]
        upload(client, past, report(past, *rows))
        address = admin_page(
            "attendanceupload_change", AttendanceUpload.objects.latest("uploaded_at").pk
        )
        with CaptureQueriesContext(connection) as asked:
            assert client.get(address).status_code == 200
        return len(asked)

    assert queries(1) == queries(3)


def test_the_code_of_a_session_opens_to_staff_with_a_second_factor_alone(client, settings):
    settings.STAFF_SECOND_FACTOR = True
    curator = UserFactory(is_staff=True)
    curator.groups.add(Group.objects.get(name="Curators"))
    client.force_login(curator)

    answer = client.get(reverse("courses:host_session", args=[SessionFactory().pk]))

    assert answer.url == reverse("mfa_index")
