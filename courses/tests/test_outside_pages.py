"""A holder records training taken elsewhere: what is typed is kept, what is hostile is not."""

import io
import zlib

import pikepdf
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from PIL import Image

from accounts.tests.factories import UserFactory
from courses.tests.factories import ApprovingBodyFactory, CreditTypeFactory
from transcripts.models import Evidence, OutsideCredit
from transcripts.tests.factories import OutsideCreditFactory, OutsideDecisionFactory

pytestmark = pytest.mark.django_db

ADD = reverse("courses:add_outside")
TYPED = {
    "title": "EMDR® Basic Training, Part One",
    "provider": "Tamarack Trauma Institute",
    "provider_contact": "12 Elm Street\r\nTroy, NY",
    "instructors": "Ada Moreno, PhD",
    "format": "in-person",
    "location": "Albany, NY",
    "started_on": "2025-05-01",
    "earned_on": "2025-05-03",
    "hours": "20",
    "certificate_number": "TTI-77",
    "body_0": "nbcc-acep",
    "number_0": "ACEP No. 0000",
    "statement_0": "Tamarack is approved\nby NBCC.",
    "type_0": "ethics",
    "line_hours_0": "2",
    "body_1": "other",
    "body_name_1": "Oregon BLSW",
    "type_1": "ethics",
    "body_2": "none",
    "type_2": "ethics",
}


def pdf(pages=1):
    document = pikepdf.new()
    for _ in range(pages):
        document.add_blank_page()
    out = io.BytesIO()
    document.save(out, deterministic_id=True)
    return out.getvalue()


def picture(kind="JPEG"):
    out = io.BytesIO()
    image = Image.new("RGB", (40, 30), "navy")
    exif = Image.Exif()
    exif[0x010E] = "Taken at home"
    image.save(out, kind, exif=exif)
    return out.getvalue()


def uploaded(content, name="certificate.pdf", content_type="application/pdf"):
    return SimpleUploadedFile(name, content, content_type=content_type)


@pytest.fixture(autouse=True)
def _vocabulary():
    ApprovingBodyFactory(slug="nbcc-acep", name="NBCC ACEP")
    CreditTypeFactory(slug="ethics", name="Ethics")


@pytest.fixture
def holder(client):
    person = UserFactory()
    client.force_login(person)
    return person


def send(client, content=None, address=ADD, name="certificate.pdf", **changes):
    typed = {**TYPED, **changes}
    if content is not None:
        typed["file"] = uploaded(content, name)
    return client.post(address, typed)


def test_all_that_is_typed_is_recorded_with_the_file_as_it_came(client, holder):
    content = pdf(2)

    answer = send(client, content)

    credit = OutsideCredit.objects.get()
    assert answer.url == credit.get_absolute_url()
    assert (credit.holder, credit.title, str(credit.started_on), str(credit.earned_on)) == (
        holder,
        "EMDR® Basic Training, Part One",
        "2025-05-01",
        "2025-05-03",
    )
    assert credit.provider_contact == "12 Elm Street\nTroy, NY"
    assert list(
        credit.lines.order_by("position").values_list(
            "body", "body_name", "approval_number", "credit_type_name", "hours"
        )
    ) == [
        ("nbcc-acep", "NBCC ACEP", "ACEP No. 0000", "Ethics", 2),
        ("", "Oregon BLSW", "", "Ethics", 20),
        ("", "", "", "Ethics", 20),
    ]
    kept = credit.evidence
    assert (kept.media_type, kept.pages, kept.size) == ("application/pdf", 2, len(content))
    with kept.file.open() as file:
        assert file.read() == content
    assert "certificate" not in kept.file.name


def test_a_form_that_is_asked_again_keeps_what_was_typed_and_the_file(client, holder):
    answer = send(client, pdf(), hours="", body_1="")

    assert answer.status_code == 422
    assert "EMDR® Basic Training, Part One" in answer.text
    assert "Oregon BLSW" in answer.text
    assert "Kept: certificate.pdf" in answer.text
    kept = Evidence.objects.get()
    assert f'name="kept" value="{kept.pk}"' in answer.text
    second = send(client, kept=str(kept.pk))
    assert second.status_code == 302
    assert OutsideCredit.objects.get().evidence == kept


def test_a_line_of_more_than_all_hours_is_asked_again(client, holder):
    answer = send(client, pdf(), hours="2", line_hours_0="50")

    assert answer.status_code == 422
    assert answer.context["form"].errors == {
        "line_hours_0": ["This is more than the hours in all. Change one of the two."]
    }
    assert not OutsideCredit.objects.exists()


def test_who_uploads_too_often_is_asked_to_wait_and_keeps_what_was_typed(client, holder, settings):
    settings.EVIDENCE_RATE_LIMITS = {"evidence": "2/m/user"}
    for _ in range(2):
        send(client, pdf(), hours="")

    answer = send(client, pdf())

    assert answer.status_code == 422
    assert "Wait a minute, and choose it again." in answer.text
    assert "EMDR® Basic Training, Part One" in answer.text
    assert Evidence.objects.count() == 2
    other = Client()
    other.force_login(UserFactory())
    assert send(other, pdf()).status_code == 302


def test_the_same_form_sent_again_leads_to_what_is_recorded(client, holder):
    send(client, pdf(), hours="")
    kept = str(Evidence.objects.get().pk)

    first, second = send(client, kept=kept), send(client, kept=kept)

    assert first.url == second.url
    assert OutsideCredit.objects.count() == 1


def test_the_file_of_another_person_is_not_taken_for_ones_own(client, holder):
    other = Client()
    other.force_login(UserFactory())
    send(other, pdf(), hours="")
    stolen = str(Evidence.objects.get().pk)

    answer = send(client, kept=stolen)

    assert answer.status_code == 422
    assert "Choose the certificate" in answer.text
    assert not OutsideCredit.objects.exists()


@pytest.mark.parametrize("kept", ["", "x" * 36, "../../etc/passwd", "\x00"])
def test_without_a_file_nothing_is_recorded(client, holder, kept):
    answer = send(client, kept=kept)

    assert answer.status_code == 422
    assert not OutsideCredit.objects.exists()


def bomb_of_a_picture():
    """30,000 by 30,000 pixels in some kilobytes of PNG."""

    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4) + body + zlib.crc32(body).to_bytes(4)

    size = (30_000).to_bytes(4) * 2
    pixels = zlib.compress(bytes(1_000_000))
    header = chunk(b"IHDR", size + bytes([8, 2, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def bomb_of_a_document():
    """A PDF whose table of objects is more than a gigabyte of zeros."""
    deflate = zlib.compressobj(1)
    zeros = bytes(1 << 20)
    table = b"".join(deflate.compress(zeros) for _ in range(1200)) + deflate.flush()
    size = f"/Index [0 299999999] /Size 299999999 /Length {len(table)}"
    head = f"1 0 obj\n<< /Type /XRef /W [1 4 2] {size} /Root 1 0 R /Filter /FlateDecode >>\n"
    end = b"\nendstream\nendobj\nstartxref\n9\n%%EOF\n"
    return b"%PDF-1.7\n" + head.encode() + b"stream\n" + table + end


def locked_document():
    document = pikepdf.open(io.BytesIO(pdf()))
    out = io.BytesIO()
    document.save(out, encryption=pikepdf.Encryption(owner="a", user="b"))
    return out.getvalue()


HTML = b"<!doctype html><script>alert(1)</script>"


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (lambda: HTML, "certificate.pdf", "This is no PDF, JPEG or PNG file"),
        (lambda: b"PK\x03\x04", "certificate.png", "This is no PDF, JPEG or PNG file"),
        (lambda: b"GIF89a", "certificate.gif", "This is no PDF, JPEG or PNG file"),
        (lambda: b"%PDF-1.7\n" + HTML, "certificate.pdf", "This file is damaged"),
        (lambda: picture()[:300], "photo.jpg", "This file is damaged"),
        (lambda: b"", "certificate.pdf", "This file is empty"),
        (locked_document, "certificate.pdf", "This PDF asks for a password"),
        (lambda: pdf(501), "certificate.pdf", "or more than 500"),
        (bomb_of_a_picture, "certificate.png", "too many pixels"),
        (bomb_of_a_document, "certificate.pdf", "This file is damaged"),
    ],
    ids=[
        "HTML",
        "ZIP",
        "GIF",
        "HTML after a PDF's first line",
        "cut off",
        "empty",
        "locked",
        "a book",
        "bomb of a picture",
        "bomb of a document",
    ],
)
def test_what_is_no_evidence_is_refused_in_words_and_not_kept(client, holder, content, name, words):
    answer = send(client, content(), name=name)

    assert answer.status_code == 422
    assert words in answer.text
    assert "Tamarack Trauma Institute" in answer.text
    assert not Evidence.objects.exists()


def test_a_file_that_is_too_large_is_dropped_while_it_arrives(client, holder, settings, tmp_path):
    settings.EVIDENCE_MAX_BYTES = 100_000
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path

    answer = send(client, b"%PDF-" + bytes(5_000_000))

    assert answer.status_code == 422
    assert "This file is larger than 97.7" in answer.text
    assert "Tamarack Trauma Institute" in answer.text
    assert list(tmp_path.iterdir()) == []
    assert not Evidence.objects.exists()


def test_a_form_from_elsewhere_is_refused(holder):
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(holder)

    assert send(careful, pdf()).status_code == 403
    assert not Evidence.objects.exists()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/cron.d/x.pdf", "x.pdf"),
        ("C:\\Users\\Maya\\proof.pdf", "proof.pdf"),
        ("<script>alert(1)</script>.pdf", "script>.pdf"),
        ("gpj.\u202efdp.exe", "gpj.fdp.exe"),
        ("x" * 10_000 + ".pdf", "x" * 100 + "….pdf"),
    ],
)
def test_a_name_is_only_shown_and_says_nothing_about_where_the_file_lies(
    client, holder, name, shown
):
    send(client, pdf(), name=name)

    kept = Evidence.objects.get()
    assert kept.name == shown
    assert kept.file.name.startswith("evidence/")
    assert len(kept.file.name) == len("evidence/") + 32 + len(".pdf")
    page = client.get(OutsideCredit.objects.get().get_absolute_url())
    assert "<script>alert" not in page.text


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("title", "x" * 10_000, "at most 200 characters"),
        ("title", "\u202e\u200f", "Fill this in"),
        ("title", "Grief 😀", "We cannot print"),
        ("statement_0", "x" * 10_000, "at most 1000 characters"),
        ("hours", "-1", "greater than or equal"),
        ("hours", "NaN", "Enter a number"),
        ("hours", "99999", "no more than"),
        ("earned_on", "2999-01-01", "still to come"),
        ("earned_on", "0025-01-01", "four digits"),
        ("started_on", "2025-06-01", "The first day is after the last"),
        ("format", "telepathy", "valid choice"),
        ("body_0", "nobody", "valid choice"),
        ("body_name_1", "", "Say which body it is"),
        ("type_1", "", "Choose one"),
        ("body_2", "nbcc-acep", "Two lines name the same body"),
    ],
)
def test_what_makes_no_sense_is_asked_again(client, holder, field, value, words):
    answer = send(client, pdf(), **{field: value})

    assert answer.status_code == 422
    assert words in answer.text
    assert not OutsideCredit.objects.exists()


def test_scripts_and_marks_of_direction_stay_text(client, holder):
    send(client, pdf(), provider="<script>alert(1)</script>\u202e", location="a\u202eb\nc")

    credit = OutsideCredit.objects.get()
    page = client.get(credit.get_absolute_url())
    assert credit.provider == "<script>alert(1)</script>"
    assert credit.location == "a b c"
    assert "<script>alert" not in page.text


@pytest.mark.parametrize("title", [TYPED["title"], TYPED["title"].upper()])
def test_what_looks_recorded_already_is_pointed_out_and_may_be_recorded_anyway(
    client, holder, title
):
    send(client, pdf())

    warned = send(client, pdf(), title=title)

    assert warned.status_code == 422
    assert "Outside credit of this title and day, May 3, 2025" in warned.text
    assert "The same file proves" in warned.text
    kept = warned.context["form"].evidence
    anyway = send(client, title=title, kept=str(kept.pk), is_no_duplicate="on")
    assert anyway.status_code == 302
    assert OutsideCredit.objects.count() == 2


def test_nothing_is_said_about_the_file_of_another_person(client, holder):
    other = Client()
    other.force_login(UserFactory())
    send(other, pdf())

    assert send(client, pdf()).status_code == 302
    assert OutsideCredit.objects.count() == 2


def test_until_it_is_decided_the_holder_changes_it_and_then_no_more(client, holder):
    send(client, pdf())
    credit = OutsideCredit.objects.get()
    change = reverse("courses:change_outside", args=[credit.pk])
    proof = credit.evidence_id

    assert 'value="Oregon BLSW"' in client.get(change).text
    send(client, address=change, hours="18")
    credit.refresh_from_db()
    assert (credit.hours, credit.evidence_id, credit.lines.count()) == (18, proof, 3)

    send(client, picture(), name="photo.jpg", address=change)
    credit.refresh_from_db()
    assert credit.evidence.media_type == "image/jpeg"
    assert Evidence.objects.loose().get().pk == proof

    OutsideDecisionFactory(credit=credit)
    assert client.get(change).url == credit.get_absolute_url()
    assert send(client, address=change, hours="1").url == credit.get_absolute_url()
    credit.refresh_from_db()
    assert credit.hours == 20


def test_another_persons_credit_is_not_found(client, holder):
    credit = OutsideCreditFactory()
    change = reverse("courses:change_outside", args=[credit.pk])

    assert client.get(change).status_code == 404
    assert send(client, pdf(), address=change).status_code == 404
    assert connection.in_atomic_block
