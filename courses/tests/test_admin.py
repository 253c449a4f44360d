"""Where curators work, through the real admin pages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.forms import FileField
from django.urls import reverse

from accounts.tests.factories import SupervisionFactory, UserFactory
from courses import completion
from courses.models import Choice, Completion, Course, Question, Session
from courses.tests.factories import CourseFactory, EnrollmentFactory, SessionFactory
from courses.tests.stories import ready_to_complete
from transcripts.models import Certificate, CreditEntry, Job
from transcripts.tests.factories import CertificateFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def curator(client):
    user = UserFactory(is_staff=True)
    user.groups.add(Group.objects.get(name="Curators"))
    client.force_login(user)
    return user


@pytest.fixture
def superuser(client):
    user = UserFactory(is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def page(name: str, *arguments) -> str:
    return reverse(f"admin:{name}", args=arguments)


def words(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def form_data(response) -> dict:
    """What a browser would send back of an admin form that nobody touched."""
    data = {}
    forms = [response.context["adminform"].form]
    for formset in response.context["inline_admin_formsets"]:
        forms.append(formset.formset.management_form)
        forms += formset.formset.forms
    for form in forms:
        for bound in form:
            value = bound.value()
            if bound.html_name.endswith("DELETE") or value is None or value is False:
                continue
            if isinstance(bound.field, FileField):
                continue
            if hasattr(bound.field.widget, "decompress"):
                parts = bound.field.widget.decompress(value)
                data |= {
                    f"{bound.html_name}_{i}": str(part) for i, part in enumerate(parts) if part
                }
            else:
                data[bound.html_name] = value
    return data


def test_curators_may_just_what_curating_needs(client, curator):
    held = EnrollmentFactory()
    link = SupervisionFactory()
    entry = "transcripts_creditentry"

    statuses = {
        name: client.get(address).status_code
        for name, address in {
            "courses": page("courses_course_changelist"),
            "add a course": page("courses_course_add"),
            "enrollment": page("courses_enrollment_change", held.pk),
            "ledger": page(f"{entry}_changelist"),
            "add to the ledger": page(f"{entry}_add"),
            "people": page("accounts_user_changelist"),
            "a person": page("accounts_user_change", held.learner.pk),
            "supervisions": page("accounts_supervision_change", link.pk),
            "groups": page("auth_group_changelist"),
            "approving bodies": page("courses_approvingbody_changelist"),
            "add a body": page("courses_approvingbody_add"),
        }.items()
    }

    assert statuses == {
        "courses": 200,
        "add a course": 200,
        "enrollment": 200,
        "ledger": 200,
        "add to the ledger": 403,
        "people": 403,
        "a person": 403,
        "supervisions": 403,
        "groups": 403,
        "approving bodies": 200,
        "add a body": 403,
    }


def test_nobody_but_staff_comes_into_the_admin(client):
    client.force_login(UserFactory())

    assert client.get(page("index")).status_code == 302


def test_every_list_and_form_of_the_admin_opens(client, superuser, noon):
    """A wrong field name in a list, filter or search is a 500 that nothing else finds."""
    session = SessionFactory()
    held = ready_to_complete(noon)
    completion.complete(enrollment=held, at=noon)
    SupervisionFactory()
    EnrollmentFactory(course=session.course, session=session)

    faults = []
    for model in admin.site._registry:
        base = f"{model._meta.app_label}_{model._meta.model_name}"
        addresses = [page(f"{base}_changelist") + query for query in ("", "?q=a")]
        row = model._default_manager.first()
        if row is not None:
            addresses.append(page(f"{base}_change", row.pk))
        faults += [a for a in addresses if client.get(a).status_code != 200]

    assert faults == []


def test_a_curator_edits_a_course_and_the_catalog_shows_it(client, curator):
    course = CourseFactory(title="Before")
    address = page("courses_course_change", course.pk)
    data = form_data(client.get(address))

    response = client.post(address, data | {"title": "After"})

    assert response.status_code == 302, response.context["errors"]
    course.refresh_from_db()
    assert (course.title, course.key, course.lessons.count()) == ("After", course.key, 2)
    assert "After" in client.get(reverse("courses:catalog")).text


def test_a_published_course_that_is_edited_below_the_gate_is_warned_about(client, curator):
    course = CourseFactory()
    address = page("courses_course_change", course.pk)
    data = form_data(client.get(address)) | {"difficulty": ""}

    response = client.post(address, data, follow=True)

    assert "State the difficulty" in words(response)


def test_publish_and_retire_are_actions_that_say_what_is_missing(client, curator):
    ready = CourseFactory(draft=True, title="Ready", difficulty=5, parts__questions=20)
    lacking = CourseFactory(draft=True, title="Lacking", summary=" ")

    def act(action, *courses):
        return client.post(
            page("courses_course_changelist"),
            {"action": action, "_selected_action": [course.pk for course in courses]},
            follow=True,
        )

    published = act("publish_selected", ready, lacking)
    retired = act("retire_selected", ready, lacking)

    assert "Published: 1." in words(published)
    assert "Lacking: Fill in “summary”." in words(published)
    assert "Retired: 1." in words(retired)
    assert list(Course.objects.order_by("title").values_list("status", flat=True)) == [
        "draft",
        "retired",
    ]


def test_publishing_needs_the_right_to_change_courses(client):
    from django.contrib.auth.models import Permission

    viewer = UserFactory(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_course"))
    client.force_login(viewer)
    course = CourseFactory()

    client.post(
        page("courses_course_changelist"),
        {"action": "retire_selected", "_selected_action": [course.pk]},
    )

    course.refresh_from_db()
    assert course.status == "published"


def test_a_course_that_was_published_cannot_be_deleted(client, superuser):
    course = CourseFactory()

    response = client.post(page("courses_course_delete", course.pk), {"post": "yes"})

    assert response.status_code == 403
    assert Course.objects.count() == 1


def test_a_question_keeps_exactly_one_right_choice(client, curator):
    question = CourseFactory().questions.first()
    address = page("courses_question_change", question.pk)
    data = form_data(client.get(address))
    data = {name: value for name, value in data.items() if not name.endswith("is_right")}

    response = client.post(address, data)

    assert response.status_code == 200
    assert "exactly one of them right" in response.text
    assert Choice.objects.filter(question=question, is_right=True).count() == 1
    assert Question.objects.count() == 4


def test_the_ledger_is_a_window(client, superuser, noon):
    held = ready_to_complete(noon)
    entry = completion.complete(enrollment=held, at=noon).credit_entry
    before = CreditEntry.objects.values().get()

    for verb, data in (("change", {"title": "Forged"}), ("delete", {"post": "yes"})):
        client.post(page(f"transcripts_creditentry_{verb}", entry.pk), data)

    assert CreditEntry.objects.values().get() == before


def test_a_failed_certificate_can_be_asked_for_again(
    client, curator, noon, sent_tasks, django_capture_on_commit_callbacks
):
    held = ready_to_complete(noon)
    certificate = completion.complete(enrollment=held, at=noon).credit_entry.certificate
    Certificate.objects.update(attempts=9, failure="OSError: disk full")

    with django_capture_on_commit_callbacks(execute=True):
        client.post(
            page("transcripts_certificate_changelist"),
            {"action": "draw_again", "_selected_action": [certificate.pk]},
        )

    assert sent_tasks == [("transcripts.draw_certificate_pdf", {"certificate_id": certificate.pk})]


# Of the lists below a session, which are only read.
NO_ROWS = {
    f"{rows}-{figure}": "0"
    for rows in ("enrollments", "waitlist")
    for figure in ("TOTAL_FORMS", "INITIAL_FORMS")
}


def test_the_times_of_a_session_are_those_of_its_own_zone(client, curator):
    client.force_login(curator)
    course = CourseFactory(live=True)
    form = {
        "course": course.pk,
        "key": "first",
        "starts_at_0": "2027-01-13",
        "starts_at_1": "12:00:00",
        "ends_at_0": "2027-01-13",
        "ends_at_1": "13:30:00",
        "time_zone": "America/Los_Angeles",
        "join_url": "https://meet.example/first",
    }

    assert client.post(page("courses_session_add"), form).status_code == 302

    session = Session.objects.get()
    assert session.starts_at == datetime(2027, 1, 13, 20, 0, tzinfo=UTC)
    shown = client.get(page("courses_session_change", session.pk))
    assert 'value="12:00:00"' in shown.text
    # Saved again as it stands, it stays.
    form |= NO_ROWS
    assert client.post(page("courses_session_change", session.pk), form).status_code == 302
    session.refresh_from_db()
    assert session.starts_at == datetime(2027, 1, 13, 20, 0, tzinfo=UTC)


def test_the_certificates_of_a_session_are_drawn_again_as_a_job(client, curator, noon):
    client.force_login(curator)
    course = CourseFactory(live=True)
    session, other = SessionFactory.create_batch(2, course=course)
    certificates = [
        CertificateFactory(entry__holder=EnrollmentFactory(session=each, course=course).learner)
        for each in (session, session, other)
    ]
    for certificate in certificates:
        Completion.objects.create(
            enrollment=certificate.entry.holder.enrollments.get(),
            learner=certificate.entry.holder,
            course=course,
            credit_entry=certificate.entry,
            completed_at=noon,
        )

    def ask(*sessions):
        return client.post(
            page("courses_session_changelist"),
            {
                "action": "draw_certificates_again",
                "_selected_action": [each.pk for each in sessions],
            },
        )

    answer = ask(session)
    nothing = client.get(ask(SessionFactory(course=course)).url)

    job = Job.objects.get()
    assert answer.url == page("transcripts_job_change", job.pk)
    assert [item.certificate for item in job.items.order_by("pk")] == certificates[:2]
    assert words(nothing) == "There is no certificate to draw."


# --- Questions and lessons --------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "right", "status"),
    [
        ("single", [0], 302),
        ("single", [0, 1], 200),
        ("multiple", [0, 1], 302),
        ("multiple", [], 200),
        ("true_false", [0], 200),
    ],
)
def test_the_choices_fit_the_kind_of_the_question(client, curator, kind, right, status):
    question = CourseFactory().questions.first()
    address = page("courses_question_change", question.pk)
    data = form_data(client.get(address)) | {"kind": kind}
    data = {name: value for name, value in data.items() if not name.endswith("is_right")}

    response = client.post(address, data | {f"choices-{n}-is_right": "on" for n in right})

    question.refresh_from_db()
    assert (response.status_code, question.kind == kind) == (
        status,
        status == 302 or kind == "single",
    )


@pytest.mark.parametrize("is_due", [True, False])
def test_the_last_question_stays_while_somebody_must_pass_the_test(client, curator, is_due):
    course = CourseFactory(parts__questions=1)
    question = course.questions.get()
    if is_due:
        EnrollmentFactory(course=course)
    words = "People are enrolled who must pass the post-test"

    address = page("courses_course_change", course.pk)
    inline = form_data(client.get(address)) | {"questions-0-DELETE": "on"}
    edited = client.post(address, inline).content.decode() if is_due else words
    alone = client.post(page("courses_question_delete", question.pk), {"post": "yes"})
    kept = Question.objects.count()
    if is_due:
        several = client.post(
            page("courses_question_changelist"),
            {"action": "delete_selected", "_selected_action": [question.pk], "post": "yes"},
        )
        assert words in several.text
        assert words in alone.text

    assert words in edited
    assert (kept, Question.objects.count()) == ((1, 1) if is_due else (0, 0))


def test_one_of_two_questions_may_go(client, curator):
    course = CourseFactory(parts__questions=2)
    EnrollmentFactory(course=course)

    client.post(page("courses_question_delete", course.questions.first().pk), {"post": "yes"})

    assert course.questions.count() == 1


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("video", b"\x00\x00\x00\x20ftypisom", ""),
        ("document", b"%PDF-1.7", ""),
        ("document", b"\x00\x00\x00\x20ftypisom", "This file is not of the kind chosen above."),
        ("video", b"<html>", "This is no MP4 or WebM video and no PDF document."),
        ("text", b"%PDF-1.7", "A text has no file, link or captions."),
    ],
)
def test_a_curator_uploads_the_file_of_a_lesson(client, curator, kind, content, words):
    course = CourseFactory()
    address = page("courses_course_change", course.pk)
    file = SimpleUploadedFile("upload", content)

    response = client.post(
        address, form_data(client.get(address)) | {"lessons-0-kind": kind, "lessons-0-file": file}
    )

    lesson = course.lessons.order_by("position").first()
    if words:
        assert (response.status_code, lesson.kind) == (200, "text")
        assert words in response.text
    else:
        assert (response.status_code, lesson.kind) == (302, kind)
        door = page("courses_lesson_file", lesson.file.name.partition("/")[2])
        assert door in client.get(address).text


@pytest.mark.parametrize(
    "address",
    [
        "/admin/courses/enrollment/x/record-attendance/",
        "/admin/courses/enrollment/x/give-partial-credit/",
        "/admin/courses/session/x/cancel/",
        "/admin/courses/session/99999999999999999999/cancel/",
        "/admin/transcripts/creditentry/x/reverse/",
    ],
)
def test_an_id_that_is_none_is_not_found(client, curator, address):
    assert client.get(address).status_code == 404
