"""One certificate for each award, whatever dies: issued once, drawn in the end, never redrawn."""

import errno
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerIsAway

from transcripts import certificates, codes, ledger, tasks
from transcripts.models import Certificate
from transcripts.tests.factories import CertificateFactory, CreditEntryFactory

pytestmark = pytest.mark.django_db

TAKEN, FREE = "CEP-0000-0000-0000-0000", "CEP-1111-1111-1111-1111"
DOCUMENT = b"%PDF-1.7 the document"


@pytest.fixture(autouse=True)
def _unsigned(monkeypatch):
    """What these tests draw is no PDF; test_signing.py signs real ones."""
    monkeypatch.setattr("transcripts.signing.sign", lambda document, *, at: document)


@pytest.fixture
def quick_pdf(monkeypatch):
    """Drawing gives a few bytes at once; test_pdf.py draws real ones."""
    monkeypatch.setattr("transcripts.pdf.draw_certificate", lambda **facts: DOCUMENT)


@pytest.fixture
def full_disk(monkeypatch):
    """The storage has no room until the test says ``full_disk.undo()``."""
    patch = pytest.MonkeyPatch()

    def no_room(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    patch.setattr("django.core.files.storage.FileSystemStorage._save", no_room)
    yield patch
    patch.undo()


def draw(certificate):
    """What the worker does with the message; the row as it is afterwards."""
    tasks.draw_certificate_pdf(certificate_id=certificate.pk)
    certificate.refresh_from_db()
    return certificate


def stored_files():
    """Every file below the storage's folder for certificates, with its bytes."""
    root = default_storage.path("certificates")
    found = {}
    for year in default_storage.listdir(root)[0] if default_storage.exists("certificates") else []:
        for month in default_storage.listdir(f"certificates/{year}")[0]:
            for name in default_storage.listdir(f"certificates/{year}/{month}")[1]:
                path = f"certificates/{year}/{month}/{name}"
                with default_storage.open(path) as file:
                    found[path] = file.read()
    return found


def asks(*wanted):
    """The messages that ask a worker for these certificates."""
    return [
        ("transcripts.draw_certificate_pdf", {"certificate_id": certificate.pk})
        for certificate in wanted
    ]


# --- Issue ---


def test_issue_promises_a_pdf_and_asks_for_it_after_the_commit(
    noon, sent_tasks, django_capture_on_commit_callbacks
):
    entry = CreditEntryFactory()
    with django_capture_on_commit_callbacks(execute=True):
        certificate = certificates.issue(entry=entry, at=noon)
        before_commit = list(sent_tasks)

    assert before_commit == []
    assert sent_tasks == asks(certificate)
    assert (certificate.entry, certificate.issued_at, certificate.pdf.name) == (entry, noon, "")
    assert codes.normalize(certificate.code) == certificate.code


def test_issue_twice_gives_the_first_certificate_back_and_asks_once(
    noon, sent_tasks, django_capture_on_commit_callbacks
):
    entry = CreditEntryFactory()

    with django_capture_on_commit_callbacks(execute=True):
        first = certificates.issue(entry=entry, at=noon)
        second = certificates.issue(entry=entry, at=noon + timedelta(days=1))

    assert (second, second.code, second.issued_at) == (first, first.code, noon)
    assert (Certificate.objects.count(), sent_tasks) == (1, asks(first))


@pytest.mark.django_db(transaction=True)
def test_two_who_issue_at_once_get_the_same_certificate(noon):
    entry = CreditEntryFactory()

    def issue():
        try:
            return certificates.issue(entry=entry, at=noon)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as pool:
        with transaction.atomic():
            first = certificates.issue(entry=entry, at=noon)
            second = pool.submit(issue)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.3)

        assert second.result(timeout=10) == first
    assert Certificate.objects.count() == 1


def test_issue_tries_another_code_when_one_is_taken(noon, monkeypatch):
    drawn = iter([TAKEN, TAKEN, TAKEN, FREE])
    monkeypatch.setattr(codes, "new", lambda: next(drawn))
    first = certificates.issue(entry=CreditEntryFactory(), at=noon)

    second = certificates.issue(entry=CreditEntryFactory(), at=noon)

    assert (first.code, second.code) == (TAKEN, FREE)


def test_issue_gives_up_after_five_taken_codes_and_leaves_nothing_behind(
    noon, monkeypatch, sent_tasks, django_capture_on_commit_callbacks
):
    tries = []
    monkeypatch.setattr(codes, "new", lambda: tries.append(TAKEN) or TAKEN)
    certificates.issue(entry=CreditEntryFactory(), at=noon)
    tries.clear()

    entry = CreditEntryFactory()
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(IntegrityError):
        certificates.issue(entry=entry, at=noon)

    assert len(tries) == 5
    assert (Certificate.objects.filter(entry=entry).count(), sent_tasks) == (0, [])


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_at_the_commit_breaks_nothing_and_the_sweep_asks_later(
    noon, monkeypatch, sent_tasks
):
    entry = CreditEntryFactory()
    with monkeypatch.context() as away:

        def refuse(*args, **kwargs):
            raise BrokerIsAway("connection refused")

        away.setattr("ce_portal.celery.PortalTask.apply_async", refuse)
        certificate = certificates.issue(entry=entry, at=noon)

    tasks.draw_missing_certificate_pdfs()

    assert Certificate.objects.get() == certificate
    assert sent_tasks == asks(certificate)


# --- Draw ---


def test_draw_stores_the_document_and_says_when(quick_pdf):
    before = timezone.now()

    certificate = draw(CertificateFactory())

    name = rf"certificates/2026/01/{certificate.code}-[0-9a-f]{{8}}\.pdf"
    assert stored_files() == {certificate.pdf.name: DOCUMENT}
    assert re.fullmatch(name, certificate.pdf.name)
    assert before <= certificate.drawn_at <= timezone.now()
    assert (certificate.attempts, certificate.failure) == (0, "")


def test_draw_hands_over_the_frozen_record_and_nothing_else(monkeypatch, settings):
    handed = {}
    monkeypatch.setattr(
        "transcripts.pdf.draw_certificate", lambda **facts: handed.update(facts) or DOCUMENT
    )
    certificate = CertificateFactory()

    draw(certificate)

    assert handed == {
        "record": certificate.entry.record,
        "attachment": ledger.canonical(certificate.entry.record),
        "code": certificate.code,
        "issued_at": certificate.issued_at,
        "verify_url": f"{settings.SITE_URL}/verify/{certificate.code}/",
    }


def test_draw_twice_draws_once_and_does_not_touch_the_file(monkeypatch):
    drawings = []
    monkeypatch.setattr(
        "transcripts.pdf.draw_certificate", lambda **facts: drawings.append(facts) or DOCUMENT
    )
    first = draw(CertificateFactory())
    drawn_at, files = first.drawn_at, stored_files()

    again = draw(first)

    assert (again.drawn_at, stored_files(), len(drawings)) == (drawn_at, files, 1)


def test_draw_of_a_certificate_that_does_not_exist_fails_and_stores_nothing(quick_pdf):
    with pytest.raises(Certificate.DoesNotExist):
        tasks.draw_certificate_pdf(certificate_id=0)

    assert stored_files() == {}


def test_a_full_disk_keeps_the_promise(quick_pdf, full_disk):
    before = timezone.now()

    certificate = draw(CertificateFactory())

    assert (certificate.pdf.name, certificate.drawn_at, certificate.attempts) == ("", None, 1)
    assert certificate.failure == "OSError: [Errno 28] No space left on device"
    assert certificate.next_attempt_at >= before + timedelta(seconds=tasks.PATIENCE)
    assert stored_files() == {}


def test_each_failure_waits_longer_up_to_an_hour(quick_pdf, full_disk):
    certificate = CertificateFactory()
    waits = []

    for _ in range(9):
        draw(certificate)
        wait = certificate.next_attempt_at - timezone.now()
        waits.append(round(wait.total_seconds() / 60))

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert certificate.attempts == 9


def test_the_document_comes_when_the_disk_has_room_again(quick_pdf, full_disk):
    certificate = draw(CertificateFactory())
    full_disk.undo()

    draw(certificate)

    assert list(stored_files().values()) == [DOCUMENT]
    assert (bool(certificate.pdf), certificate.failure, certificate.attempts) == (True, "", 1)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (tasks.pdf.DrawingError("no glyph for U+12000"), "DrawingError: no glyph for U+12000"),
        (SoftTimeLimitExceeded(), "SoftTimeLimitExceeded: SoftTimeLimitExceeded()"),
        (OSError("x" * 5000), "OSError: " + "x" * 1991),
    ],
)
def test_why_a_document_could_not_be_drawn_is_kept(monkeypatch, error, failure):
    def fail(**facts):
        raise error

    monkeypatch.setattr("transcripts.pdf.draw_certificate", fail)

    certificate = draw(CertificateFactory())

    assert (certificate.failure, certificate.attempts) == (failure, 1)


def test_a_late_failure_does_not_touch_a_certificate_that_another_worker_drew(monkeypatch):
    certificate = CertificateFactory()

    def fail_after_the_other_worker(**facts):
        win(certificate)
        raise OSError("too late")

    monkeypatch.setattr("transcripts.pdf.draw_certificate", fail_after_the_other_worker)

    draw(certificate)

    assert (certificate.pdf.name, certificate.failure, certificate.attempts) == (WON, "", 0)


def test_the_worker_that_loses_the_race_removes_its_own_file_and_no_other(monkeypatch):
    certificate = CertificateFactory()

    def draw_after_the_other_worker(**facts):
        win(certificate)
        return DOCUMENT

    monkeypatch.setattr("transcripts.pdf.draw_certificate", draw_after_the_other_worker)

    draw(certificate)

    assert certificate.pdf.name == WON
    assert stored_files() == {WON: b"%PDF the other worker's"}


WON = "certificates/2026/01/won.pdf"


def win(certificate):
    """Another worker draws the certificate at this moment."""
    name = default_storage.save(WON, ContentFile(b"%PDF the other worker's"))
    Certificate.objects.filter(pk=certificate.pk).update(pdf=name, drawn_at=timezone.now())


# --- Sweep ---


def test_sweep_asks_for_what_a_lost_message_left_and_waits_for_what_is_fresh(quick_pdf, sent_tasks):
    now = timezone.now()
    lost = certificates.issue(
        entry=CreditEntryFactory(), at=now - timedelta(seconds=tasks.PATIENCE)
    )
    certificates.issue(entry=CreditEntryFactory(), at=now)
    draw(CertificateFactory())
    sent_tasks.clear()

    tasks.draw_missing_certificate_pdfs()

    assert sent_tasks == asks(lost)


def test_sweep_does_not_ask_twice_for_the_same(sent_tasks):
    lost = CertificateFactory()
    tasks.draw_missing_certificate_pdfs()

    tasks.draw_missing_certificate_pdfs()

    assert sent_tasks == asks(lost)


def test_two_sweeps_at_once_ask_once_for_each(monkeypatch):
    first, second = CertificateFactory(), CertificateFactory()
    asked = []

    def sweep_in_the_middle(self, args=None, kwargs=None, **options):
        asked.append(kwargs["certificate_id"])
        if len(asked) == 1:
            tasks.draw_missing_certificate_pdfs()

    monkeypatch.setattr("ce_portal.celery.PortalTask.apply_async", sweep_in_the_middle)

    tasks.draw_missing_certificate_pdfs()

    assert asked == [first.pk, second.pk]


def test_sweep_asks_again_when_the_second_message_is_lost_too(sent_tasks):
    lost = CertificateFactory()
    tasks.draw_missing_certificate_pdfs()
    Certificate.objects.update(next_attempt_at=timezone.now())

    tasks.draw_missing_certificate_pdfs()

    assert sent_tasks == asks(lost, lost)


def test_sweep_leaves_a_failed_one_alone_until_its_next_attempt(quick_pdf, full_disk, sent_tasks):
    failed = draw(CertificateFactory())
    tasks.draw_missing_certificate_pdfs()
    before = list(sent_tasks)
    Certificate.objects.update(next_attempt_at=timezone.now())

    tasks.draw_missing_certificate_pdfs()

    assert (before, sent_tasks) == ([], asks(failed))


def test_sweep_asks_for_the_longest_waiting_first_and_not_for_all_at_once(
    noon, monkeypatch, sent_tasks
):
    monkeypatch.setattr(tasks, "SWEEP_SIZE", 2)
    late, early, middle = (
        certificates.issue(entry=CreditEntryFactory(), at=noon + timedelta(hours=hours))
        for hours in (3, 1, 2)
    )

    tasks.draw_missing_certificate_pdfs()
    first_sweep = list(sent_tasks)
    tasks.draw_missing_certificate_pdfs()

    assert first_sweep == asks(early, middle)
    assert sent_tasks == asks(early, middle, late)


def test_sweep_finds_the_rest_after_the_broker_went_away_in_the_middle(monkeypatch, sent_tasks):
    first, second = CertificateFactory(), CertificateFactory()
    with monkeypatch.context() as away:

        def refuse(*args, **kwargs):
            raise BrokerIsAway("connection refused")

        away.setattr("ce_portal.celery.PortalTask.apply_async", refuse)
        with pytest.raises(BrokerIsAway):
            tasks.draw_missing_certificate_pdfs()
    Certificate.objects.update(next_attempt_at=timezone.now())

    tasks.draw_missing_certificate_pdfs()

    assert sorted(sent_tasks, key=str) == sorted(asks(first, second), key=str)


# --- Ask again by hand ---


def test_redraw_failed_asks_at_once(
    noon, quick_pdf, full_disk, sent_tasks, django_capture_on_commit_callbacks
):
    failed = draw(CertificateFactory())

    with django_capture_on_commit_callbacks(execute=True):
        asked = certificates.redraw_failed(certificate=failed, at=noon)

    failed.refresh_from_db()
    assert (asked, sent_tasks, failed.next_attempt_at) == (True, asks(failed), noon)


def test_redraw_failed_refuses_what_is_drawn(
    noon, quick_pdf, sent_tasks, django_capture_on_commit_callbacks
):
    drawn = draw(CertificateFactory())
    files = stored_files()

    with django_capture_on_commit_callbacks(execute=True):
        asked = certificates.redraw_failed(certificate=drawn, at=noon)

    assert (asked, sent_tasks, stored_files()) == (False, [], files)
