"""A review as a document: what was signed, fit for archives, with its record inside."""

import hashlib
import io
import json
from datetime import date

import page
import pikepdf
import pytest
from django.urls import reverse

from accounts.tests.factories import LicenseFactory, SupervisionFactory
from transcripts import pdf, records, signing
from transcripts.models import Review
from transcripts.tests.documents import draw_long_review
from transcripts.tests.test_pdf import missing_glyphs, text_of, words_outside_the_frame
from transcripts.tests.test_profiles import STRICTER
from transcripts.tests.test_reviews import earn, sign, take_back
from transcripts.tests.test_signing import pdfsig

pytestmark = pytest.mark.django_db


@pytest.fixture
def supervision():
    supervision = SupervisionFactory(
        supervisor__legal_name="Helena Brandt", trainee__legal_name="Priya Raman"
    )
    LicenseFactory(
        holder=supervision.supervisor, license_type="LCSW-R", state="NY", number="000123"
    )
    return supervision


def test_a_long_review_keeps_within_its_page_and_its_scripts():
    text = text_of(draw_long_review(), "-raw")

    assert "Outside credit, confirmed by Helena Brandt (supervisor) on Feb 1, 2026" in text
    assert "Earned elsewhere: 1.5 h confirmed, 0 h recorded and not yet confirmed." in text
    assert words_outside_the_frame(draw_long_review(), width=612, height=792, edge=24) == []


def fetch(client, review):
    client.force_login(review.holder)
    return client.get(reverse("transcripts:review_pdf", args=[review.pk]))


def test_the_document_says_what_was_signed(client, noon, supervision):
    earn(supervision.trainee, "Consent")
    reversed_one = earn(supervision.trainee, "Law in Practice", date(2026, 2, 2))
    take_back(reversed_one, noon)
    review = sign(supervision, noon, decision="condition", words="Three hours of ethics.\nBy June.")

    answer = fetch(client, review)

    text = text_of(answer.content, "-raw")
    wanted = [
        "Review of a transcript Priya Raman Jan 1, 2026 through Feb 28, 2026",
        "Approved, with a condition",
        "Condition",
        "Three hours of ethics. By June.",
        "Signed on Mar 2, 2026, 7:00 AM EST by Helena Brandt, LCSW-R",
        "New York LCSW-R 000123",
        "I supervised this trainee in the period above and have read the transcript.",
        "1.5 hours.",
        "ASWB ACE Ethics 1.5",
        "Jan 5, 2026 Consent",
        "Law in Practice (reversal: Issued in error)",
        "Page 1 of 1",
    ]
    assert answer.headers["Content-Type"] == "application/pdf"
    assert [words for words in wanted if words not in text] == []
    assert review.record_sha256 in text.replace(" ", "")


def test_the_record_travels_inside_and_hashes_to_what_is_printed(client, noon, supervision):
    earn(supervision.trainee)
    review = sign(supervision, noon)
    document = fetch(client, review).content

    with pikepdf.open(io.BytesIO(document)) as file:
        attached = file.attachments["record.json"].get_file().read_bytes()

    assert hashlib.sha256(attached).hexdigest() == review.record_sha256
    record = json.loads(attached)
    assert records.digest(record["seen"]) == record["seen_sha256"]
    assert record == Review.objects.get().record


def test_the_document_is_tagged_signed_and_fit_for_archives(client, noon, supervision, tmp_path):
    earn(supervision.trainee)
    document = fetch(client, sign(supervision, noon, words="Well chosen.")).content

    with pikepdf.open(io.BytesIO(document)) as file, file.open_metadata() as metadata:
        assert metadata["dc:title"] == "Review of the transcript of Priya Raman"
        assert str(file.Root.Lang) == "en-US"
    broken = [
        failure.rule_id
        for profile in ("3a", "ua1")
        for failure in page.validate_pdf_bytes(document, profile=profile).failures
    ]
    assert set(broken) <= STRICTER
    assert signing.examine(document) is signing.Finding.OURS
    assert "Signature is Valid." in pdfsig(document, tmp_path)
    assert missing_glyphs(document) == 0


def test_the_document_stays_as_signed_whatever_is_earned_renamed_or_reversed(
    client, noon, supervision
):
    entry = earn(supervision.trainee)
    review = sign(supervision, noon)
    before = text_of(fetch(client, review).content, "-raw")

    take_back(entry, noon)
    earn(supervision.trainee, "Law")
    for person in (supervision.supervisor, supervision.trainee):
        person.legal_name = "Somebody Else"
        person.save()

    assert text_of(fetch(client, review).content, "-raw") == before


def test_words_that_no_font_has_are_left_to_the_attachment(client, noon, supervision):
    review = sign(supervision, noon, words="Well done \U0001f33f")

    document = fetch(client, review).content

    assert "Not printed here, for a letter that our fonts lack" in text_of(document)
    with pikepdf.open(io.BytesIO(document)) as file:
        attached = file.attachments["record.json"].get_file().read_bytes()
    assert json.loads(attached)["words"] == "Well done \U0001f33f"


def test_a_title_that_no_font_has_is_a_word_on_the_page(client, noon, supervision, monkeypatch):
    def fail(**facts):
        raise pdf.DrawingError("no glyph")

    monkeypatch.setattr("transcripts.pdf.draw_review", fail)
    review = sign(supervision, noon)

    answer = fetch(client, review)

    assert answer.url == review.get_absolute_url()
    assert "The PDF could not be made" in client.get(answer.url).text


def test_a_period_without_credit_and_a_long_one_are_drawn(client, noon, supervision):
    empty = sign(supervision, noon)
    for number in range(40):
        earn(supervision.trainee, f"Course {number} " + "very long " * 15)
    full = sign(supervision, noon)

    assert "No credit was earned in this period." in text_of(fetch(client, empty).content)
    text = text_of(fetch(client, full).content, "-raw")
    assert "Course 39 very long" in text
    assert "60 hours" in text
