"""The whole portal in one test: read this first."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from accounts import tasks as account_tasks
from accounts.models import Supervision, User
from accounts.tests.factories import UserFactory
from courses.models import Completion, Enrollment
from courses.tests.factories import CourseFactory
from courses.tests.stories import answers_to, list_in_catalog
from transcripts import tasks as transcript_tasks
from transcripts.models import Certificate, CreditEntry

PASSWORD = "a quiet winter morning"


@pytest.mark.django_db
def test_a_clinician_learns_earns_and_proves_it(
    client, sent_tasks, django_capture_on_commit_callbacks
):
    course = CourseFactory(
        title="Informed Consent as a Conversation", slug="consent", key="consent"
    )
    list_in_catalog(course)

    # She creates an account, and confirms her address by the mail's link.
    client.post(
        reverse("account_signup"),
        {
            "legal_name": "Maya Okafor",
            "email": "Maya@Example.com",
            "time_zone": "America/New_York",
            "password1": PASSWORD,
            "password2": PASSWORD,
        },
    )
    link = next(word for word in mail.outbox[-1].body.split() if "/confirm-email/" in word)
    client.post(link)
    client.post(reverse("account_login"), {"login": "maya@example.com", "password": PASSWORD})
    clinician = User.objects.get(email="maya@example.com")
    # A license goes on the profile once she has shown again that it is her.
    asked = client.post(
        reverse("accounts:licenses"), {"state": "NY", "license_type": "LCSW", "number": "000000"}
    )
    client.post(asked.url, {"password": PASSWORD, "next": reverse("accounts:licenses")})
    assert str(clinician.licenses.get()) == "New York LCSW 000000"

    # She finds the course, reads what it gives, and enrolls.
    catalog = client.get(reverse("courses:catalog"), {"q": "consent", "topic": "ethics"})
    assert "Informed <mark>Consent</mark> as a Conversation" in catalog.text
    assert "ASWB ACE" in client.get(course.get_absolute_url()).text
    client.post(reverse("courses:enroll", args=["consent"]))
    enrollment = Enrollment.objects.get(learner=clinician)

    # She reads the lessons; the last one leads to the post-test.
    for lesson in course.lessons.order_by("position"):
        assert "conversation" in client.get(_in_room(enrollment, "lesson", lesson.key)).text
        _look_back(enrollment, minutes=10)
        answer = client.post(_in_room(enrollment, "read", lesson.key))
    assert answer.url == _in_room(enrollment, "post_test")

    # The first attempt fails, the second passes and shows why.
    answer = client.post(answer.url, _answers(client, enrollment, right=2))
    assert "Not yet: 2 of 4" in client.get(answer.url).text
    post_test = _in_room(enrollment, "post_test")
    answer = client.post(post_test, _answers(client, enrollment, right=4))
    assert "Because the risk changed." in client.get(answer.url).text

    # The evaluation is the last step: it gives credit and a certificate in one go.
    form = client.get(_in_room(enrollment, "evaluation")).context["form"]
    ratings = {name: 5 for name, field in form.fields.items() if hasattr(field, "choices")}
    with django_capture_on_commit_callbacks(execute=True):
        client.post(_in_room(enrollment, "evaluation"), ratings)
    completion = Completion.objects.get(enrollment=enrollment)
    entry = CreditEntry.objects.get(holder=clinician)
    assert completion.credit_entry == entry
    certificate = Certificate.objects.get(entry=entry)
    assert "Preparing" in client.get(_in_room(enrollment, "room")).text

    # The worker draws the certificate; the page turns into a link, the link into a document.
    (name, arguments) = sent_tasks[-1]
    assert name == "transcripts.draw_certificate_pdf"
    transcript_tasks.draw_certificate_pdf(**arguments)
    document = reverse("transcripts:certificate_pdf", args=[certificate.code])
    assert document in client.get(_in_room(enrollment, "room")).text
    assert _fetch(client, document) == (200, b"%PDF-")

    # The credit stands in the transcript, on the page and in the CSV.
    assert (
        "Informed Consent as a Conversation" in client.get(reverse("transcripts:transcript")).text
    )
    assert "ASWB ACE" in client.get(reverse("transcripts:export_csv")).text

    # A supervisor invites, sees nothing, is let in, reads, and sees nothing after the end.
    supervisor = UserFactory(legal_name="Helena Brandt")
    page = reverse("transcripts:trainee", args=[clinician.pk])
    client.force_login(supervisor)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(
            reverse("accounts:supervision"),
            {"trainee-email": "maya@example.com", "trainee-scopes": ["credit"]},
        )
    account_tasks.send_mail(**sent_tasks[-1][1])
    assert mail.outbox[-1].to == ["maya@example.com"]
    assert client.get(page).status_code == 404
    invitation = re.search(r"/supervision/invitations/\S+", mail.outbox[-1].body)[0]

    client.force_login(clinician)
    client.post(invitation, {"scopes": ["credit"]})
    supervision = Supervision.objects.get()

    client.force_login(supervisor)
    assert "Informed Consent as a Conversation" in client.get(page).text
    assert _fetch(client, document) == (200, b"%PDF-")

    client.force_login(clinician)
    client.post(reverse("accounts:end_supervision", args=[supervision.pk]))

    client.force_login(supervisor)
    assert client.get(page).status_code == 404
    assert client.get(document).status_code == 404

    # A year later the course is renamed and retired; the record says what it said.
    course.title, course.hours = "Something Else", 3
    course.status, course.retired_at = "retired", timezone.now() + timedelta(days=365)
    course.save()
    client.force_login(clinician)
    assert "Something Else" not in client.get(reverse("transcripts:transcript")).text


def _fetch(client, url: str) -> tuple[int, bytes]:
    """Status and first bytes of a file."""
    response = client.get(url)
    return response.status_code, response.getvalue()[:5]


def _in_room(enrollment: Enrollment, page: str, *arguments: str) -> str:
    return reverse(f"courses:{page}", args=[enrollment.pk, *arguments])


def _look_back(enrollment: Enrollment, *, minutes: int) -> None:
    """As if what was opened had been opened earlier."""
    earlier = timezone.now() - timedelta(minutes=minutes)
    enrollment.lesson_progress.filter(read_at__isnull=True).update(
        opened_at=earlier, seen_at=earlier
    )


def _answers(client, enrollment: Enrollment, *, right: int) -> dict[str, object]:
    """Open the post-test, and answer it so that the first ``right`` answers are right."""
    attempt = client.get(_in_room(enrollment, "post_test")).context["attempt"]
    chosen = answers_to(attempt, right=right)
    return {"attempt": attempt.number, **{f"question-{key}": ids for key, ids in chosen.items()}}
