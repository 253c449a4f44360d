"""One certificate for each award: issued once, asked for until drawn, corrected by a new one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerIsAway

from accounts.tests.factories import UserFactory
from transcripts import certificates, codes, ledger, tasks
from transcripts.models import Certificate, CreditEntry
from transcripts.tests.documents import DOCUMENT, draw, stored_files, wait_is_over
from transcripts.tests.factories import CertificateFactory, CreditEntryFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unsigned")]

TAKEN, FREE = "CEP-0000-0000-0000-0000", "CEP-1111-1111-1111-1111"


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
    assert certificate.state == "queued"
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
    wait_is_over(failed)

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


def test_redraw_begins_anew_with_what_failed(
    noon, no_glyph, sent_tasks, django_capture_on_commit_callbacks
):
    failed = draw(CertificateFactory())
    assert failed.state == "failed"

    with django_capture_on_commit_callbacks(execute=True):
        asked = certificates.redraw(certificate=failed, at=noon)

    failed.refresh_from_db()
    assert (asked, sent_tasks) == (True, asks(failed))
    assert (failed.state, failed.attempts, failed.failure, failed.leased_until) == (
        "queued",
        0,
        "",
        noon,
    )


def test_redraw_keeps_the_document_until_the_new_one_is_there(noon, quick_pdf, monkeypatch):
    drawn = draw(CertificateFactory())
    old = drawn.pdf.name

    assert certificates.redraw(certificate=drawn, at=noon)
    drawn.refresh_from_db()
    assert (drawn.state, drawn.pdf.name, stored_files()) == ("queued", old, {old: DOCUMENT})
    monkeypatch.setattr("transcripts.pdf.draw_certificate", lambda **facts: b"%PDF anew")
    draw(drawn)

    assert stored_files() == {old: DOCUMENT, drawn.pdf.name: b"%PDF anew"}
    assert (drawn.state, drawn.leftover) == ("issued", old)


def test_redraw_leaves_what_a_worker_is_drawing_to_it(noon, quick_pdf):
    certificate = CertificateFactory()
    Certificate.objects.update(lease="another", leased_until=noon + timedelta(seconds=1))

    assert not certificates.redraw(certificate=certificate, at=noon)
    assert certificates.redraw(certificate=certificate, at=noon + timedelta(seconds=1))


# --- Reissue ---


def reissue(entry, at, **changes):
    facts = {
        "correction": ledger.Correction(holder_name="Maya Brandt"),
        "reason_class": "name",
        "reason": "The license says Brandt.",
        "by": UserFactory(),
    }
    return certificates.reissue(entry=entry, at=at, **{**facts, **changes})


def test_a_reissue_gives_a_new_code_and_the_old_one_points_to_it(
    noon, sent_tasks, django_capture_on_commit_callbacks
):
    old = CertificateFactory()
    sent_tasks.clear()

    with django_capture_on_commit_callbacks(execute=True):
        new = reissue(old.entry, noon)

    found = Certificate.objects.with_status().get(pk=old.pk)
    assert (found.status, found.successor, found.reversal.reason_class) == (
        "superseded",
        new,
        "name",
    )
    assert (new.status, new.successor, new.reversal) == ("valid", None, None)
    assert (found.code, new.entry.holder_name) == (old.code, "Maya Brandt")
    assert found.code != new.code
    drawn = [sent for sent in sent_tasks if sent[0] == "transcripts.draw_certificate_pdf"]
    assert drawn == asks(new)


def test_a_reissue_that_corrects_nothing_leaves_the_award_as_it_was(noon):
    old = CertificateFactory()

    with pytest.raises(ledger.LedgerError):
        reissue(old.entry, noon, correction=ledger.Correction())

    assert (Certificate.objects.get(), CreditEntry.objects.get()) == (old, old.entry)
    assert old.status == "valid"


def test_a_reissue_of_a_reissue_keeps_the_whole_way(noon):
    first = CertificateFactory()
    second = reissue(first.entry, noon)
    third = reissue(second.entry, noon, correction=ledger.Correction(holder_name="Maya O. Brandt"))

    codes_of = [first, second, third]
    assert [certificates.current(certificate) for certificate in codes_of] == [third] * 3
    assert [
        Certificate.objects.with_status().get(pk=certificate.pk).status for certificate in codes_of
    ] == ["superseded", "superseded", "valid"]


def test_a_superseded_certificate_is_not_reissued_again(noon):
    old = CertificateFactory()
    reissue(old.entry, noon)

    with pytest.raises(ledger.LedgerError, match="reversed already"):
        reissue(old.entry, noon, correction=ledger.Correction(holder_name="Another"))

    assert Certificate.objects.count() == 2


def test_a_reversed_certificate_says_when_and_why_and_keeps_its_code_and_document(noon, quick_pdf):
    certificate = draw(CertificateFactory())
    ledger.reverse(
        entry=certificate.entry,
        reason_class="cause",
        reason="Another person sat the test.",
        by=UserFactory(),
        at=noon,
    )

    found = Certificate.objects.with_status().get(code=certificate.code)

    assert (found.status, found.successor) == ("reversed", None)
    assert (found.reversal.recorded_at, found.reversal.get_reason_class_display()) == (
        noon,
        "Revoked for cause",
    )
    assert found.pdf == certificate.pdf


def test_the_status_is_read_in_one_query(noon, django_assert_num_queries):
    old = CertificateFactory()
    reissue(old.entry, noon)
    CertificateFactory()

    with django_assert_num_queries(1):
        statuses = [
            (row.status, row.successor, row.reversal)
            for row in Certificate.objects.with_status().order_by("pk")[:2]
        ]

    assert [status for status, _, _ in statuses] == ["superseded", "valid"]
