"""Whatever dies, however often a message comes: one document, one mail, nothing half-written."""

import re
from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.files.base import ContentFile
from django.db import OperationalError
from django.utils import timezone

from accounts.models import OutgoingMail
from accounts.tests.factories import UserFactory
from transcripts import certificates, drawing, ledger, records, tasks
from transcripts.models import Certificate, certificate_storage
from transcripts.tests.documents import DOCUMENT, draw, stored_files, wait_is_over
from transcripts.tests.factories import CertificateFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unsigned")]

MOST = Certificate.MOST_ATTEMPTS


class Killed(BaseException):
    """The worker is gone: nothing of ours runs any more."""


@pytest.fixture
def drawings(monkeypatch):
    """The facts of every drawing that was begun."""
    begun = []
    monkeypatch.setattr(
        "transcripts.pdf.draw_certificate", lambda **facts: begun.append(facts) or DOCUMENT
    )
    return begun


def test_draw_stores_the_document_and_says_when(quick_pdf):
    before = timezone.now()

    certificate = draw(CertificateFactory())

    name = rf"certificates/2026/01/{certificate.code}-[0-9a-f]{{16}}\.pdf"
    assert stored_files() == {certificate.pdf.name: DOCUMENT}
    assert re.fullmatch(name, certificate.pdf.name)
    assert before <= certificate.drawn_at <= timezone.now()
    assert (certificate.state, certificate.attempts, certificate.failure) == ("issued", 1, "")
    assert (certificate.lease, certificate.leftover) == ("", "")


def test_draw_hands_over_the_frozen_record_and_nothing_else(drawings, settings):
    certificate = draw(CertificateFactory())

    assert drawings == [
        {
            "record": certificate.entry.record,
            "attachment": records.canonical(certificate.entry.record),
            "code": certificate.code,
            "verify_url": f"{settings.SITE_URL}/verify/{certificate.code}/",
            "issued_at": certificate.issued_at,
        }
    ]


def test_a_thousand_messages_draw_once_and_write_one_mail(drawings):
    certificate = draw(CertificateFactory())
    drawn_at, files = certificate.drawn_at, stored_files()

    for _ in range(1000):
        tasks.draw_certificate_pdf(certificate_id=certificate.pk)

    certificate.refresh_from_db()
    assert (certificate.drawn_at, stored_files(), len(drawings)) == (drawn_at, files, 1)
    assert OutgoingMail.objects.count() == 1


def test_messages_that_come_while_a_worker_draws_draw_nothing(monkeypatch):
    certificate = CertificateFactory()
    begun = []

    def draw_while_more_messages_come(**facts):
        begun.append(facts)
        for _ in range(20):
            tasks.draw_certificate_pdf(certificate_id=certificate.pk)
        return DOCUMENT

    monkeypatch.setattr("transcripts.pdf.draw_certificate", draw_while_more_messages_come)

    draw(certificate)

    assert len(begun) == 1
    assert list(stored_files().values()) == [DOCUMENT]


def test_a_message_that_was_read_before_another_worker_drew_it_draws_nothing(drawings, monkeypatch):
    certificate = CertificateFactory()
    token = drawing.secrets.token_hex

    def draw_all_of_it_first(size):
        monkeypatch.setattr(drawing.secrets, "token_hex", token)
        draw(certificate)
        # Queued anew, the row says again all that it said, but for the file.
        at = timezone.now()
        drawing.queue_again(certificate_id=certificate.pk, at=at, next_attempt_at=at)
        return token(size)

    monkeypatch.setattr(drawing.secrets, "token_hex", draw_all_of_it_first)

    draw(certificate)

    assert len(drawings) == 1
    assert (certificate.state, certificate.leftover) == ("queued", "")
    assert stored_files() == {certificate.pdf.name: DOCUMENT}


def test_messages_that_come_after_a_failure_do_not_use_up_its_attempts(no_glyph, full_disk):
    certificate = CertificateFactory()

    for _ in range(50):
        draw(certificate)

    assert certificate.attempts == 1


def test_draw_of_a_certificate_that_does_not_exist_fails_and_stores_nothing(quick_pdf):
    with pytest.raises(Certificate.DoesNotExist):
        tasks.draw_certificate_pdf(certificate_id=0)

    assert stored_files() == {}


# --- Failures ---


def test_a_full_disk_keeps_the_promise(quick_pdf, full_disk):
    before = timezone.now()

    certificate = draw(CertificateFactory())

    assert (certificate.state, certificate.pdf.name, certificate.attempts) == ("queued", "", 1)
    assert certificate.failure == "OSError: [Errno 28] No space left on device"
    assert certificate.next_attempt_at >= before + timedelta(seconds=drawing.FIRST_WAIT)
    assert (stored_files(), OutgoingMail.objects.count()) == ({}, 0)


def test_each_failure_waits_longer_and_the_last_is_shown_to_curators(quick_pdf, full_disk):
    certificate = CertificateFactory()
    waits, states = [], []

    for _ in range(MOST):
        draw(certificate)
        wait = certificate.next_attempt_at - timezone.now()
        waits.append(round(wait.total_seconds() / 60))
        states.append(certificate.state)
        wait_is_over(certificate)

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert states == ["queued"] * (MOST - 1) + ["failed"]
    assert certificate.failure == "OSError: [Errno 28] No space left on device"
    assert draw(certificate).attempts == MOST


def test_the_document_comes_when_the_disk_has_room_again(quick_pdf, full_disk):
    certificate = draw(CertificateFactory())
    full_disk.undo()
    wait_is_over(certificate)

    draw(certificate)

    assert list(stored_files().values()) == [DOCUMENT]
    assert (certificate.state, certificate.failure, certificate.attempts) == ("issued", "", 2)


@pytest.mark.parametrize(
    ("error", "failure", "state"),
    [
        (drawing.pdf.DrawingError("no glyph"), "DrawingError: no glyph", "failed"),
        (SoftTimeLimitExceeded(), "SoftTimeLimitExceeded: SoftTimeLimitExceeded()", "queued"),
        (OSError("x" * 5000), "OSError: " + "x" * 1991, "queued"),
        (KeyError("lines"), "KeyError: 'lines'", "queued"),
    ],
)
def test_why_a_document_could_not_be_drawn_is_kept(monkeypatch, error, failure, state):
    def fail(**facts):
        raise error

    monkeypatch.setattr("transcripts.pdf.draw_certificate", fail)

    certificate = draw(CertificateFactory())

    assert (certificate.failure, certificate.state, certificate.attempts) == (failure, state, 1)


def test_a_failed_redraw_leaves_the_document_that_is_there(noon, quick_pdf, full_disk):
    full_disk.undo()
    certificate = draw(CertificateFactory())
    name = certificate.pdf.name
    certificates.redraw(certificate=certificate, at=noon)
    full_disk.setattr("django.core.files.storage.FileSystemStorage._save", lambda *args: 1 / 0)

    draw(certificate)

    assert (certificate.state, certificate.pdf.name) == ("queued", name)
    assert stored_files() == {name: DOCUMENT}


def test_one_bad_record_does_not_hold_up_the_next(monkeypatch):
    def draw_all_but_one(*, code, **facts):
        if code == bad.code:
            raise ValueError("not a record")
        return DOCUMENT

    bad, good = CertificateFactory(), CertificateFactory()
    monkeypatch.setattr("transcripts.pdf.draw_certificate", draw_all_but_one)

    assert [draw(bad).state, draw(good).state] == ["queued", "issued"]


# --- Killed workers ---


def kill_in(target):
    """The next worker dies when it comes to ``target``."""
    patch = pytest.MonkeyPatch()

    def die(*args, **kwargs):
        patch.undo()
        raise Killed

    patch.setattr(target, die)


@pytest.mark.parametrize(
    ("step", "files_left"),
    [
        ("transcripts.pdf.draw_certificate", 0),
        ("django.core.files.storage.FileSystemStorage._save", 0),
        ("transcripts.drawing._switch", 1),
    ],
)
def test_a_killed_workers_certificate_is_drawn_by_the_next_and_nothing_is_left_behind(
    quick_pdf, sent_tasks, step, files_left
):
    certificate = CertificateFactory()
    kill_in(step)
    with pytest.raises(Killed):
        draw(certificate)
    assert len(stored_files()) == files_left

    draw(certificate)  # the broker gives the message again while the lease holds
    still_queued = certificate.state
    tasks.draw_missing_certificate_pdfs()
    asked_too_early = list(sent_tasks)
    wait_is_over(certificate)
    tasks.draw_missing_certificate_pdfs()
    draw(certificate)

    assert (still_queued, asked_too_early) == ("queued", [])
    assert [name for name, _ in sent_tasks] == ["transcripts.draw_certificate_pdf"]
    assert (certificate.state, stored_files()) == ("issued", {certificate.pdf.name: DOCUMENT})
    assert OutgoingMail.objects.count() == 1


def test_half_a_file_is_not_forgotten_when_the_next_worker_is_killed_too(quick_pdf):
    certificate = CertificateFactory()
    for step in ("transcripts.drawing._switch", "transcripts.drawing.remove_file"):
        kill_in(step)
        with pytest.raises(Killed):
            draw(certificate)
        wait_is_over(certificate)

    draw(certificate)

    assert (certificate.state, stored_files()) == ("issued", {certificate.pdf.name: DOCUMENT})


def test_half_a_file_is_not_forgotten_when_the_worker_that_failed_is_killed(monkeypatch, quick_pdf):
    certificate = CertificateFactory()
    with monkeypatch.context() as broken:
        broken.setattr("transcripts.drawing._switch", lambda *args, **facts: 1 / 0)
        kill_in("transcripts.drawing._is_used")
        with pytest.raises(Killed):
            draw(certificate)
    wait_is_over(certificate)

    draw(certificate)

    assert (certificate.state, stored_files()) == ("issued", {certificate.pdf.name: DOCUMENT})


@pytest.mark.parametrize("is_the_last", [True, False])
def test_half_a_file_that_the_storage_keeps_is_removed_when_it_lets_go(
    monkeypatch, quick_pdf, is_the_last
):
    certificate = CertificateFactory()
    with monkeypatch.context() as read_only:
        read_only.setattr("django.core.files.storage.FileSystemStorage.delete", lambda *args: 1 / 0)
        read_only.setattr("transcripts.drawing._switch", lambda *args, **facts: 1 / 0)
        for _ in range(MOST if is_the_last else 2):
            draw(certificate)
            wait_is_over(certificate)
    kept = len(stored_files())

    if is_the_last:
        tasks.remove_leftover_files()
    else:
        draw(certificate)

    certificate.refresh_from_db()
    state, files = ("failed", {}) if is_the_last else ("issued", {certificate.pdf.name: DOCUMENT})
    assert kept == 1
    assert (certificate.state, stored_files(), certificate.leftover) == (state, files, "")


def test_a_worker_whose_clock_is_behind_draws_what_was_just_queued(quick_pdf):
    certificate = CertificateFactory()
    ahead = timezone.now() + timedelta(minutes=1)
    Certificate.objects.filter(pk=certificate.pk).update(leased_until=ahead, next_attempt_at=ahead)

    draw(certificate)

    assert certificate.state == "issued"


def test_a_lease_of_a_clock_that_was_a_day_ahead_does_not_last_a_day(quick_pdf, sent_tasks):
    certificate = CertificateFactory()
    tomorrow = timezone.now() + timedelta(days=1)
    kill_in("transcripts.drawing._switch")
    with pytest.raises(Killed):
        drawing.draw(certificate_id=certificate.pk, at=tomorrow)

    tasks.draw_missing_certificate_pdfs()
    draw(certificate)

    assert [name for name, _ in sent_tasks] == ["transcripts.draw_certificate_pdf"]
    assert (certificate.state, stored_files()) == ("issued", {certificate.pdf.name: DOCUMENT})


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(hours=1)])
def test_a_lease_of_a_clock_that_was_a_little_ahead_is_over_too(quick_pdf, sent_tasks, ahead):
    certificate = CertificateFactory()
    kill_in("transcripts.drawing._switch")
    with pytest.raises(Killed):
        drawing.draw(certificate_id=certificate.pk, at=timezone.now() + ahead)

    tasks.draw_missing_certificate_pdfs()
    tasks.draw_missing_certificate_pdfs()
    draw(certificate)

    assert [name for name, _ in sent_tasks] == ["transcripts.draw_certificate_pdf"]
    assert (certificate.state, stored_files()) == ("issued", {certificate.pdf.name: DOCUMENT})


def test_a_lease_of_a_clock_a_minute_ahead_holds(quick_pdf, sent_tasks):
    certificate = CertificateFactory()
    drawing._claim(certificate.pk, at=timezone.now() + timedelta(minutes=1))

    tasks.draw_missing_certificate_pdfs()
    draw(certificate)

    assert (certificate.state, certificate.attempts, sent_tasks) == ("queued", 1, [])


def test_a_pause_after_a_failure_may_be_longer_than_a_lease(monkeypatch):
    monkeypatch.setattr("transcripts.pdf.draw_certificate", lambda **facts: 1 / 0)
    certificate = CertificateFactory()
    Certificate.objects.filter(pk=certificate.pk).update(attempts=5)
    draw(certificate)  # now it waits for 32 minutes

    draw(certificate)

    assert certificate.attempts == 6


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=1)])
def test_a_curator_may_ask_anew_for_what_a_wrong_clock_took(quick_pdf, ahead):
    certificate = CertificateFactory()
    drawing._claim(certificate.pk, at=timezone.now() + ahead)

    assert certificates.redraw(certificate=certificate, at=timezone.now())


def test_what_kills_every_worker_is_given_up_and_says_so(quick_pdf):
    certificate = CertificateFactory()
    for _ in range(MOST):
        kill_in("transcripts.drawing._switch")
        with pytest.raises(Killed):
            draw(certificate)
        wait_is_over(certificate)
        assert len(stored_files()) == 1

    tasks.draw_missing_certificate_pdfs()
    tasks.remove_leftover_files()

    certificate.refresh_from_db()
    assert (certificate.state, certificate.failure) == (
        "failed",
        "The worker was stopped in each of 8 attempts.",
    )
    assert stored_files() == {}


def test_a_worker_that_outlives_its_lease_removes_its_own_file_and_no_other(monkeypatch):
    certificate = CertificateFactory()

    def outlive_the_lease(**facts):
        monkeypatch.setattr("transcripts.pdf.draw_certificate", lambda **facts: b"%PDF other")
        wait_is_over(certificate)
        tasks.draw_certificate_pdf(certificate_id=certificate.pk)
        return DOCUMENT

    monkeypatch.setattr("transcripts.pdf.draw_certificate", outlive_the_lease)

    draw(certificate)

    assert stored_files() == {certificate.pdf.name: b"%PDF other"}
    assert (certificate.state, certificate.failure, certificate.lease) == ("issued", "", "")


def test_a_late_failure_does_not_touch_a_certificate_that_another_worker_drew(monkeypatch):
    certificate = CertificateFactory()

    def fail_after_the_other(**facts):
        monkeypatch.setattr("transcripts.pdf.draw_certificate", lambda **facts: b"%PDF other")
        wait_is_over(certificate)
        tasks.draw_certificate_pdf(certificate_id=certificate.pk)
        raise OSError("too late")

    monkeypatch.setattr("transcripts.pdf.draw_certificate", fail_after_the_other)

    draw(certificate)

    assert stored_files() == {certificate.pdf.name: b"%PDF other"}
    assert (certificate.state, certificate.failure) == ("issued", "")


def test_a_commit_that_held_although_its_answer_was_lost_keeps_the_file(monkeypatch, quick_pdf):
    switch = drawing._switch

    def switch_and_lose_the_answer(certificate, **facts):
        switch(certificate, **facts)
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(drawing, "_switch", switch_and_lose_the_answer)

    certificate = draw(CertificateFactory())

    assert certificate.state == "issued"
    assert stored_files() == {certificate.pdf.name: DOCUMENT}


# --- Files that were replaced ---


def test_a_replaced_file_goes_when_nobody_can_be_reading_it_any_more(noon, quick_pdf):
    certificate = draw(CertificateFactory())
    old = certificate.pdf.name
    certificates.redraw(certificate=certificate, at=noon)
    draw(certificate)

    tasks.remove_leftover_files()
    while_it_may_be_read = set(stored_files())
    Certificate.objects.update(drawn_at=timezone.now() - tasks.GRACE)
    tasks.remove_leftover_files()

    certificate.refresh_from_db()
    assert while_it_may_be_read == {old, certificate.pdf.name}
    assert (set(stored_files()), certificate.leftover) == ({certificate.pdf.name}, "")


def test_a_file_that_cannot_be_removed_is_tried_again(noon, quick_pdf, monkeypatch):
    certificate = draw(CertificateFactory())
    certificates.redraw(certificate=certificate, at=noon)
    draw(certificate)
    Certificate.objects.update(drawn_at=timezone.now() - tasks.GRACE)
    with monkeypatch.context() as read_only:
        read_only.setattr("django.core.files.storage.FileSystemStorage.delete", lambda *args: 1 / 0)
        tasks.remove_leftover_files()
    kept = len(stored_files())

    tasks.remove_leftover_files()

    certificate.refresh_from_db()
    assert (kept, set(stored_files())) == (2, {certificate.pdf.name})


def test_a_second_redraw_removes_what_the_first_replaced(noon, quick_pdf):
    certificate = draw(CertificateFactory())
    for _ in range(3):
        certificates.redraw(certificate=certificate, at=noon)
        before = certificate.pdf.name
        draw(certificate)

    assert set(stored_files()) == {before, certificate.pdf.name}


def test_files_of_others_are_never_removed(monkeypatch):
    monkeypatch.setattr("transcripts.pdf.draw_certificate", lambda **facts: facts["code"].encode())
    mine, theirs = draw(CertificateFactory()), draw(CertificateFactory())
    certificate_storage().save("certificates/2026/01/unknown.pdf", ContentFile(b"%PDF"))
    Certificate.objects.update(drawn_at=timezone.now() - tasks.GRACE)

    tasks.remove_leftover_files()

    assert set(stored_files()) == {
        mine.pdf.name,
        theirs.pdf.name,
        "certificates/2026/01/unknown.pdf",
    }


# --- Mail ---


def test_the_holder_gets_one_mail_even_when_the_document_is_drawn_again(noon, quick_pdf):
    certificate = CertificateFactory(entry__holder__legal_name="Maya Okafor")
    draw(certificate)
    certificates.redraw(certificate=certificate, at=noon)
    draw(certificate)

    promise = OutgoingMail.objects.get()
    assert (promise.recipient, promise.kind, promise.key) == (
        certificate.entry.holder,
        "certificate-ready",
        f"certificate-ready:{certificate.pk}",
    )
    assert promise.subject == "Your certificate: Informed Consent as a Conversation"
    assert "is ready: 1.5 hours, completed Jan 5, 2026." in promise.body
    assert f"/certificates/{certificate.code}.pdf" in promise.body


def test_the_document_of_reversed_credit_is_drawn_without_a_mail(noon, quick_pdf):
    certificate = CertificateFactory()
    ledger.reverse(
        entry=certificate.entry,
        reason_class="error",
        reason="Not there.",
        by=UserFactory(),
        at=noon,
    )

    assert draw(certificate).state == "issued"
    assert not OutgoingMail.objects.filter(kind="certificate-ready").exists()
