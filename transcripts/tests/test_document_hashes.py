"""Documents drawn before their SHA-256 was kept are recognized after one command."""

import hashlib
from io import StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse

from transcripts import drawing
from transcripts.management.commands import keep_document_hashes
from transcripts.models import Certificate, certificate_storage
from transcripts.tests.documents import DOCUMENT, draw
from transcripts.tests.factories import CertificateFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unsigned")]


def make_old(monkeypatch, content):
    """A certificate as it was drawn before: a file, unsigned, and no SHA-256."""
    monkeypatch.setattr("transcripts.pdf.draw_certificate", lambda **facts: content)
    certificate = draw(CertificateFactory())
    Certificate.objects.filter(pk=certificate.pk).update(pdf_sha256="")
    certificate.refresh_from_db()
    return certificate


def run():
    out, err = StringIO(), StringIO()
    call_command("keep_document_hashes", stdout=out, stderr=err)
    return out.getvalue().splitlines(), err.getvalue().splitlines()


def check(client, content):
    file = SimpleUploadedFile("it.pdf", content, content_type="application/pdf")
    return client.post(reverse("transcripts:check_file"), {"file": file}).text


def test_a_file_from_before_is_recognized_once_its_sha_256_is_kept(client, monkeypatch):
    certificate = make_old(monkeypatch, DOCUMENT)
    assert "Not a file of ours" in check(client, DOCUMENT)

    out, err = run()

    certificate.refresh_from_db()
    assert certificate.pdf_sha256 == hashlib.sha256(DOCUMENT).hexdigest()
    assert (out, err) == (["Kept the SHA-256 of 1 document."], [])
    assert "byte for byte" in check(client, DOCUMENT)
    assert certificate.code in check(client, DOCUMENT)


def test_a_second_run_changes_nothing(monkeypatch):
    make_old(monkeypatch, DOCUMENT)
    run()
    before = list(Certificate.objects.values())

    out, _ = run()

    assert out == ["Kept the SHA-256 of 0 documents."]
    assert list(Certificate.objects.values()) == before


def test_what_has_no_document_or_is_known_stays_as_it_is(quick_pdf):
    undrawn, known = CertificateFactory(), draw(CertificateFactory())
    before = list(Certificate.objects.order_by("pk").values())

    run()

    assert list(Certificate.objects.order_by("pk").values()) == before
    assert (undrawn.pdf_sha256, len(known.pdf_sha256)) == ("", 64)


def test_a_file_that_is_gone_is_named_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr(keep_document_hashes, "BATCH", 1)
    gone, *others = [make_old(monkeypatch, b"%%PDF-1.7 %d" % number) for number in range(3)]
    certificate_storage().delete(gone.pdf.name)

    out, err = run()

    assert out == [
        "Kept the SHA-256 of 2 documents.",
        "1 could not be read: draw them again in the admin.",
    ]
    assert len(err) == 1
    assert err[0].startswith(f"{gone.code} cannot be read: ")
    assert set(Certificate.objects.unknown_by_file()) == {gone}


def test_a_document_that_was_drawn_anew_meanwhile_keeps_its_own(monkeypatch):
    old = make_old(monkeypatch, DOCUMENT)
    Certificate.objects.filter(pk=old.pk).update(pdf_sha256="f" * 64)

    assert drawing.keep_sha256(certificate=old) is False

    old.refresh_from_db()
    assert old.pdf_sha256 == "f" * 64
