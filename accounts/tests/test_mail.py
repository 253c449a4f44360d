"""A mail is promised once, goes out once, and not to those who do not want it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail as django_mail
from django.db import transaction

from accounts import mail, tasks
from accounts.models import OutgoingMail
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"


@pytest.fixture(autouse=True)
def words(settings, tmp_path):
    """Two templates of a mail, as an app would bring them: (subject, matter) may be set anew."""
    folder = tmp_path / "templates" / "emails"
    folder.mkdir(parents=True)
    settings.SITE_URL = "https://portal.example.org"
    settings.TEMPLATES = [
        {**engine, "DIRS": [*engine["DIRS"], tmp_path / "templates"]}
        for engine in settings.TEMPLATES
    ]

    def write(subject, matter):
        (folder / "example.subject.txt").write_text(subject)
        (folder / "example.txt").write_text(matter)

    write("About {{ title }}\n", "{{ title }} begins.\n")
    return write


def post(*, at, **facts):
    given = {
        "kind": "session-cancelled",
        "key": "example:1",
        "template": "example",
        "context": {"title": "Consent"},
    }
    if "recipient" not in facts:
        given["recipient"] = UserFactory()
    return mail.post(**{**given, **facts}, at=at)


def send(promise):
    """The mails that the worker sends for a promise."""
    before = len(django_mail.outbox)
    tasks.send_mail(mail_id=str(promise.pk))
    return django_mail.outbox[before:]


def state(promise):
    """Waiting, sent, given up, or why it was dropped."""
    row = OutgoingMail.objects.get(pk=promise.pk)
    if row.sent_at:
        return "sent"
    if row.given_up_at:
        return "given up"
    return row.dropped_because or "waiting"


def refuse(monkeypatch, error):
    """The mail server answers every mail with this error."""

    def send(self):
        raise error

    monkeypatch.setattr("django.core.mail.EmailMessage.send", send)


# --- Post -------------------------------------------------------------------


def test_post_promises_a_mail_and_the_worker_sends_it(
    noon, sent_tasks, django_capture_on_commit_callbacks
):
    recipient = UserFactory(legal_name="Maya Okafor")
    with django_capture_on_commit_callbacks(execute=True):
        promise = post(recipient=recipient, at=noon)
        before_commit = list(sent_tasks)

    (sent,) = send(promise)

    assert before_commit == []
    assert sent_tasks == [("accounts.send_mail", {"mail_id": str(promise.pk)})]
    assert (sent.to, sent.subject) == ([recipient.email], "About Consent")
    assert sent.body == (
        "Hello Maya,\n"
        "\n"
        "Consent begins.\n"
        "\n"
        "This mail comes when a session of yours is cancelled. "
        "It belongs to your account and cannot be turned off.\n"
        "\n"
        "CE Portal\n"
    )
    assert state(promise) == "sent"


def test_post_again_gives_the_first_promise_and_sends_nothing(
    noon, sent_tasks, django_capture_on_commit_callbacks
):
    recipient = UserFactory()
    first = post(recipient=recipient, at=noon)
    send(first)
    sent_tasks.clear()

    with django_capture_on_commit_callbacks(execute=True):
        again = post(recipient=recipient, context={"title": "Other"}, at=noon + DAY)

    assert (again, sent_tasks) == (first, [])
    assert OutgoingMail.objects.get().subject == "About Consent"
    assert send(again) == []


def test_post_promises_nothing_if_its_transaction_is_rolled_back(
    noon, sent_tasks, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        post(at=noon)
        transaction.set_rollback(True)

    assert (OutgoingMail.objects.count(), sent_tasks) == (0, [])


def test_post_says_moments_in_the_recipients_zone(noon, words):
    words("{% load formats %}On {{ at|moment }}", "{% load formats %}{{ at|moment }}")
    recipient = UserFactory(time_zone="America/Denver")

    promise = post(recipient=recipient, context={"at": noon}, at=noon)

    assert promise.subject == "On Mon, Mar 2, 5:00 AM MST"
    assert "\nMon, Mar 2, 5:00 AM MST\n" in promise.body


def test_post_escapes_nothing(noon):
    promise = post(context={"title": "Helena O'Brien <& Co.>"}, at=noon)

    assert promise.subject == "About Helena O'Brien <& Co.>"
    assert "Helena O'Brien <& Co.> begins." in promise.body


@pytest.mark.parametrize("bad", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\u2028", "\x85"])
def test_a_title_cannot_add_a_header(noon, bad):
    title = f"Consent{bad}Bcc: everybody@example.com"

    promise = post(context={"title": title}, at=noon)
    OutgoingMail.objects.filter(pk=promise.pk).update(body="x")
    (sent,) = send(promise)

    assert sent.subject == "About Consent Bcc: everybody@example.com"
    assert sent.message()["Bcc"] is None
    assert sent.recipients() == [promise.recipient.email]


def test_a_subject_that_is_too_long_is_cut(noon):
    promise = post(context={"title": "x" * 400}, at=noon)

    assert promise.subject == "About " + "x" * 243 + "…"


def test_post_refuses_a_kind_that_nobody_knows(noon):
    with pytest.raises(KeyError):
        post(kind="nonsense", at=noon)


def test_post_refuses_a_calendar_without_its_method(noon):
    with pytest.raises(ValueError, match="states its METHOD"):
        post(calendar="BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", at=noon)


@pytest.mark.parametrize(
    ("kind", "stop_url"), [("new-courses", ""), ("session-cancelled", "https://x/")]
)
def test_post_wants_a_stop_url_just_where_the_kind_has_a_page_of_its_own(noon, kind, stop_url):
    with pytest.raises(ValueError, match="page of its own"):
        post(kind=kind, stop_url=stop_url, at=noon)
