"""A mail is promised once, goes out once, and not to those who do not want it."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from email.header import decode_header, make_header

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core import mail as django_mail
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.utils import timezone

from accounts import delivery, mail, tasks
from accounts.mail_kinds import KINDS
from accounts.models import MailOptOut, OutgoingMail
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
        "This mail comes when a session of yours is canceled. "
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


def test_a_subject_keeps_the_joiners_that_a_spelling_needs(noon):
    promise = post(context={"title": "می\u200cخواهم"}, at=noon)

    (sent,) = send(promise)

    assert sent.subject == "About می\u200cخواهم"
    assert str(make_header(decode_header(sent.message()["Subject"]))) == sent.subject


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


# --- Send -------------------------------------------------------------------


def test_a_mail_goes_to_the_address_that_its_recipient_has_by_then(noon):
    promise = post(at=noon)
    promise.recipient.email = "new@example.com"
    promise.recipient.save()

    (sent,) = send(promise)

    assert sent.to == ["new@example.com"]


def test_a_mail_goes_out_once_whatever_the_broker_repeats(noon):
    promise = post(at=noon)

    assert [len(send(promise)) for _ in range(3)] == [1, 0, 0]


def test_nothing_is_sent_for_a_promise_that_does_not_exist(noon):
    promise = post(at=noon)
    OutgoingMail.objects.all().delete()

    assert send(promise) == []


def test_a_mail_says_that_no_person_wrote_it_and_names_itself_by_its_promise(noon):
    promise = post(at=noon)

    message = send(promise)[0].message()

    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == f"<{promise.pk}@portal.example.org>"


def test_a_calendar_is_attached_with_its_method(noon):
    (sent,) = send(post(calendar=CALENDAR, at=noon))

    (part,) = [part for part in sent.message().walk() if part.get_filename()]
    assert part.get_content_type() == "text/calendar"
    assert (part.get_param("method"), part.get_param("charset")) == ("REQUEST", "utf-8")
    assert part.get_filename() == "calendar.ics"
    assert part.get_payload(decode=True).decode() == CALENDAR


def test_an_essential_mail_cannot_be_stopped_and_says_so(noon):
    message = send(post(at=noon))[0].message()

    assert (message["List-Unsubscribe"], message["List-Unsubscribe-Post"]) == (None, None)


@pytest.mark.parametrize("change", ["account", "late", "kind"])
def test_a_mail_that_must_not_go_out_any_more_is_dropped_and_says_why(noon, change):
    until = timezone.now() + (-MINUTE if change == "late" else HOUR)
    promise = post(kind="session-reminder", until=until, at=noon)
    if change == "account":
        promise.recipient.is_active = False
        promise.recipient.save()
    if change == "kind":
        mail.opt_out(person=promise.recipient, kind="session-reminder", at=noon)

    assert send(promise) == []
    assert (
        state(promise)
        == {
            "account": "The account is closed.",
            "late": "It would have come too late.",
            "kind": "Its recipient has turned this kind off.",
        }[change]
    )


def test_a_promise_of_a_kind_that_is_gone_is_still_kept(noon, monkeypatch):
    promise = post(at=noon)
    monkeypatch.delitem(KINDS, "session-cancelled")

    assert len(send(promise)) == 1


def test_take_back_drops_what_is_not_sent_and_leaves_the_rest(noon):
    sent, waiting, other = (post(key=key, at=noon) for key in ("sent", "waiting", "other"))
    send(sent)

    for key in ("sent", "waiting", "never promised"):
        mail.take_back(key=key, because="Answered.", at=noon)

    assert [state(promise) for promise in (sent, waiting, other)] == [
        "sent",
        "Answered.",
        "waiting",
    ]


# --- A mail server that is away or refuses ----------------------------------


@pytest.mark.parametrize(
    "error",
    [
        TypeError("Unforeseen"),
        ConnectionRefusedError("away"),
        TimeoutError("slow"),
        smtplib.SMTPServerDisconnected("gone"),
        smtplib.SMTPRecipientsRefused({"a@example.com": (450, b"busy")}),
        smtplib.SMTPDataError(554, b"looks like spam"),
        UnicodeEncodeError("ascii", "ü", 0, 1, "no such letter"),
        SoftTimeLimitExceeded(),
    ],
)
def test_a_mail_server_that_refuses_leaves_the_promise_for_later(noon, monkeypatch, caplog, error):
    promise = post(at=noon)
    refuse(monkeypatch, error)

    send(promise)

    promise.refresh_from_db()
    monkeypatch.undo()
    assert (state(promise), promise.attempts) == ("waiting", 1)
    assert promise.failure.startswith(type(error).__name__)
    assert promise.next_attempt_at > timezone.now() + MINUTE / 2
    name = type(error).__name__
    assert caplog.messages == [f"Mail {promise.pk} could not be sent: {name}."]
    assert len(send(promise)) == 1


def test_a_mailbox_that_does_not_exist_is_not_asked_again(noon, monkeypatch, caplog):
    promise = post(at=noon)
    error = smtplib.SMTPRecipientsRefused({promise.recipient.email: (550, b"no such user")})
    refuse(monkeypatch, error)

    send(promise)

    assert state(promise) == "There is no such mailbox."
    assert caplog.messages == [f"There is no mailbox for mail {promise.pk}."]


def test_attempts_come_less_often_and_end_after_three_days(noon, monkeypatch, caplog):
    promise = post(at=noon)
    refuse(monkeypatch, ConnectionRefusedError())
    moments, at = [], noon

    while state(promise) == "waiting":
        delivery.deliver(mail_id=str(promise.pk), at=at)
        promise.refresh_from_db()
        moments.append(at - noon)
        at = promise.next_attempt_at

    minutes = [moment // MINUTE for moment in moments[:9]]
    assert minutes == [0, 1, 3, 7, 15, 31, 63, 123, 183]
    assert (state(promise), promise.attempts, len(moments)) == ("given up", 80, 80)
    assert moments[-1] // DAY == 3
    assert caplog.messages[-1] == f"Mail {promise.pk} is given up."


def test_what_is_given_up_goes_out_when_somebody_says_so(
    noon, monkeypatch, sent_tasks, django_capture_on_commit_callbacks
):
    promise = post(at=noon)
    monkeypatch.setattr(delivery, "MOST_ATTEMPTS", 1)
    with monkeypatch.context() as away:
        refuse(away, ConnectionRefusedError())
        send(promise)
    given_up = (state(promise), send(promise))
    sent_tasks.clear()

    with django_capture_on_commit_callbacks(execute=True):
        begun = [mail.try_again(promise=promise, at=noon) for _ in range(2)]

    assert given_up == ("given up", [])
    assert begun == [True, False]
    assert sent_tasks == [("accounts.send_mail", {"mail_id": str(promise.pk)})]
    assert len(send(promise)) == 1


@pytest.mark.parametrize("then", ["sent", "dropped", "forgotten"])
def test_nothing_else_is_tried_again(noon, then, sent_tasks, django_capture_on_commit_callbacks):
    promise = post(at=noon)
    match then:
        case "sent":
            send(promise)
        case "dropped":
            mail.take_back(key=promise.key, because="Answered.", at=noon)
        case "forgotten":
            OutgoingMail.objects.update(given_up_at=noon)
            OutgoingMail.objects.all().forget_words()
    before = OutgoingMail.objects.values().get()

    with django_capture_on_commit_callbacks(execute=True):
        begun = mail.try_again(promise=promise, at=noon)

    assert (begun, sent_tasks) == (False, [])
    assert OutgoingMail.objects.values().get() == before


def test_a_worker_that_dies_leaves_the_promise_and_the_mail_keeps_its_name(noon, monkeypatch):
    promise = post(at=noon)

    def die(self, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(OutgoingMail, "save", die)  # after the mail went out, before the commit
        with pytest.raises(KeyboardInterrupt):
            send(promise)
    after_death = state(promise)
    send(promise)

    assert (after_death, state(promise)) == ("waiting", "sent")
    # It cannot be known whether the mail server took the first; who gets both can tell.
    names = [sent.message()["Message-ID"] for sent in django_mail.outbox]
    assert names == [f"<{promise.pk}@portal.example.org>"] * 2


# --- The sweep --------------------------------------------------------------


def test_the_sweep_asks_for_what_a_clock_that_was_a_day_ahead_has_promised(noon, sent_tasks):
    promise = post(recipient=UserFactory(), key="hello", at=timezone.now() + 24 * HOUR)

    tasks.send_waiting_mail()

    assert sent_tasks == [("accounts.send_mail", {"mail_id": str(promise.pk)})]


def test_the_sweep_asks_for_what_is_due_the_longest_waiting_first(noon, sent_tasks):
    now = timezone.now()
    recipient = UserFactory()
    later, first, fresh, sent, dropped, given_up = (
        post(recipient=recipient, key=key, at=at)
        for key, at in [
            ("later", noon + HOUR),
            ("first", noon),
            ("fresh", now),
            ("sent", noon),
            ("dropped", noon),
            ("given up", noon),
        ]
    )
    send(sent)
    mail.take_back(key=dropped.key, because="Answered.", at=noon)
    OutgoingMail.objects.filter(pk=given_up.pk).update(given_up_at=noon)

    for _ in range(2):
        tasks.send_waiting_mail()

    # What the first sweep asked for has a minute before the next asks again.
    assert sent_tasks == [
        ("accounts.send_mail", {"mail_id": str(promise.pk)}) for promise in (first, later)
    ]


def test_a_sweep_asks_for_so_many_and_leaves_the_rest_to_the_next(noon, sent_tasks, monkeypatch):
    monkeypatch.setattr(tasks, "SWEEP_SIZE", 2)
    recipient = UserFactory()
    keys = {str(post(recipient=recipient, key=key, at=noon).pk) for key in "abc"}

    tasks.send_waiting_mail()
    asked = len(sent_tasks)
    tasks.send_waiting_mail()

    assert asked == 2
    assert {kwargs["mail_id"] for _, kwargs in sent_tasks} == keys


# --- What a person wants ----------------------------------------------------


def test_what_is_turned_off_is_not_promised(noon):
    person, other = UserFactory.create_batch(2)
    mail.opt_out(person=person, kind="session-reminder", at=noon)

    promised = {
        who: bool(post(recipient=recipient, kind=kind, key=who, at=noon))
        for who, recipient, kind in [
            ("off", person, "session-reminder"),
            ("another kind", person, "unfinished-course"),
            ("another person", other, "session-reminder"),
        ]
    }

    assert promised == {"off": False, "another kind": True, "another person": True}
    assert OutgoingMail.objects.count() == 2


def test_opting_out_and_in_twice_is_harmless(noon):
    person = UserFactory()

    for moment in (noon, noon + DAY):
        mail.opt_out(person=person, kind="session-reminder", at=moment)
    since = MailOptOut.objects.get().opted_out_at
    for _ in range(2):
        mail.opt_in(person=person, kind="session-reminder")

    assert since == noon
    assert mail.wants(person=person, kind="session-reminder")
    assert MailOptOut.objects.count() == 0


@pytest.mark.parametrize("kind", ["session-cancelled", "new-courses"])
def test_opt_out_refuses_what_is_not_turned_off_here(noon, kind):
    with pytest.raises(mail.MailError) as refusal:
        mail.opt_out(person=UserFactory(), kind=kind, at=noon)

    assert (
        str(refusal.value) == f"Mail of the kind “{KINDS[kind].label}” cannot be turned off here."
    )
    assert MailOptOut.objects.count() == 0


@pytest.mark.parametrize("kind", ["session-cancelled", "new-courses"])
def test_a_kind_that_becomes_essential_comes_in_spite_of_an_old_opt_out(noon, kind):
    person = UserFactory()
    MailOptOut.objects.create(owner=person, kind=kind, opted_out_at=noon)

    assert mail.wants(person=person, kind=kind)


def test_an_optional_mail_can_be_stopped_with_one_request(noon, client, settings):
    promise = post(kind="session-reminder", at=noon)

    (sent,) = send(promise)

    message = sent.message()
    address = message["List-Unsubscribe"].removeprefix("<").removesuffix(">")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert sent.body.endswith(
        "This mail comes the day before a session of yours. To stop mail of this kind:\n"
        f"{address}\n"
        "\n"
        "CE Portal\n"
    )
    client.post(address.removeprefix(settings.SITE_URL), {"List-Unsubscribe": "One-Click"})
    assert not mail.wants(person=promise.recipient, kind="session-reminder")


def test_a_token_names_one_kind_of_one_person(noon, settings):
    person, other = UserFactory.create_batch(2)
    token = mail.stop_token(recipient=person, kind="session-reminder")

    found = mail.of_token(token)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-one-" * 5
    after_a_new_key = mail.of_token(token)

    assert found == after_a_new_key == (person, KINDS["session-reminder"])
    for forged in (
        "",
        "x",
        token[:-1],
        token.replace("session-reminder", "unfinished-course"),
        other.pk.hex + token[32:],
        Signer().sign(f"{person.pk.hex}.session-reminder"),
        Signer(salt="courses.saved.stop_mail").sign(f"{person.pk.hex}.session-reminder"),
    ):
        with pytest.raises(BadSignature):
            mail.of_token(forged)


def test_a_token_of_a_person_or_a_kind_that_is_gone_names_nothing():
    gone = UserFactory()
    tokens = [
        mail.stop_token(recipient=gone, kind="session-reminder"),
        mail.stop_token(recipient=UserFactory(), kind="no-such-kind"),
        mail.stop_token(recipient=UserFactory(), kind="session-cancelled"),
    ]
    gone.delete()

    assert [mail.of_token(token) for token in tokens] == [None, None, None]


# --- Old words are forgotten ------------------------------------------------


@pytest.mark.parametrize("end", ["sent_at", "dropped_at", "given_up_at"])
def test_what_a_mail_said_is_forgotten_after_ninety_days_and_it_is_still_once(noon, end):
    now = timezone.now()
    old, recent, waiting = (
        post(key=key, calendar=CALENDAR, kind="session-reminder", at=noon)
        for key in ("old", "recent", "waiting")
    )
    reason = {"dropped_because": "Answered."} if end == "dropped_at" else {}
    for promise, age in ((old, 91), (recent, 89)):
        OutgoingMail.objects.filter(pk=promise.pk).update(
            created_at=now - 200 * DAY, **{end: now - age * DAY}, **reason
        )

    for _ in range(2):
        tasks.forget_old_mail_bodies()

    words = OutgoingMail.objects.values_list("subject", "body", "calendar", "stop_url")
    assert words.get(pk=old.pk) == ("", "", "", "")
    assert words.get(pk=recent.pk)[0] == words.get(pk=waiting.pk)[0] == "About Consent"
    assert post(key="old", at=now) == old
