"""What a board, an employer or a machine gets to see of a certificate, and what it never does."""

import hashlib
import json
from base64 import urlsafe_b64decode
from datetime import date
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.tests.factories import LicenseFactory, UserFactory
from transcripts import certificates, keys, ledger, tasks, verification
from transcripts.models import Certificate
from transcripts.tests.factories import (
    LONG_AGO,
    CertificateFactory,
    CreditEntryFactory,
    make_line,
)
from transcripts.verification import Standing

pytestmark = pytest.mark.django_db

FREE_CODE = "CEP-0000-0000-0000-0000"


def page_of(certificate):
    return reverse("transcripts:verification", args=[certificate.code])


@pytest.fixture
def certificate():
    holder = UserFactory(legal_name="Maya Okafor", email="maya@private.example")
    LicenseFactory(holder=holder, state="NY", license_type="LCSW", number="SECRET-77")
    return CertificateFactory(entry=CreditEntryFactory(holder=holder))


@pytest.fixture
def drawn(certificate):
    """The certificate with its real document."""
    tasks.draw_certificate_pdf(certificate_id=certificate.pk)
    certificate.refresh_from_db()
    return certificate


def correct(certificate, at, **facts):
    return certificates.reissue(
        entry=certificate.entry,
        correction=ledger.Correction(**facts),
        reason_class="name",
        reason="A private matter.",
        by=UserFactory(legal_name="Ingrid Solheim"),
        at=at,
    )


def test_the_ledger_says_how_a_certificate_stands(noon, certificate):
    last = correct(correct(certificate, noon, holder_name="First"), noon, holder_name="Second")
    undone = CertificateFactory()
    ledger.reverse(
        entry=undone.entry, reason_class="cause", reason="Private.", by=UserFactory(), at=noon
    )

    standings = [
        verification.standing(verification.find(each.code)) for each in (certificate, undone, last)
    ]

    assert standings == [
        Standing("superseded", date(2026, 3, 2), "Name correction", last.code),
        Standing("reversed", date(2026, 3, 2), "Revoked for cause", ""),
        Standing("valid"),
    ]


def test_the_words_and_the_author_of_a_correction_are_not_for_everyone(client, noon, certificate):
    new = correct(certificate, noon, holder_name="Maya Brandt")

    pages = [
        client.get(reverse("transcripts:verification", args=[each.code])).content.decode()
        for each in (certificate, new)
    ]

    assert [new.code in page for page in pages] == [True, True]
    for page in pages:
        assert "A private matter" not in page
        assert "Ingrid Solheim" not in page


def stands(monkeypatch, **facts):
    monkeypatch.setattr(verification, "standing", lambda certificate: Standing(**facts))


# --- What is shown ---


def test_anyone_sees_what_a_board_compares(client, certificate):
    answer = client.get(page_of(certificate))

    page = answer.content.decode()
    wanted = [
        '<h2 class="mb-1" id="verdict">Valid</h2>',
        "Maya Okafor",
        "Informed Consent as a Conversation",
        "Jan 5, 2026, text-based; begun Jan 4, 2026",
        'ASWB ACE: Ethics, Text-based, <span class="nowrap">1.5 h</span>',
        "Hollow Reed Institute",
        certificate.code,
    ]
    assert answer.status_code == 200
    assert [words for words in wanted if words not in page] == []


def test_neither_page_nor_json_nor_badge_tells_an_e_mail_address_or_a_license(client, certificate):
    answers = [
        client.get(page_of(certificate), {"format": name}) for name in ("html", "json", "badge")
    ]

    secrets = ("private.example", "SECRET-77", "LCSW", "@")
    for answer in answers:
        text = _readable(answer)
        assert "Maya Okafor" in text
        assert [secret for secret in secrets if secret in text] == []


def _readable(answer):
    text = answer.content.decode()
    if answer.headers["Content-Type"] == "application/vc+jwt":
        payload = text.split(".")[1]
        # The context of JSON-LD is named with an @.
        return urlsafe_b64decode(payload + "==").decode().replace('"@context"', "")
    return text


def test_the_json_has_these_facts_and_no_others(client, certificate, settings):
    answer = client.get(page_of(certificate), {"format": "json"})

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "code": certificate.code,
        "address": f"{settings.SITE_URL}/verify/{certificate.code}/",
        "status": "valid",
        "status_since": None,
        "status_reason": None,
        "superseded_by": None,
        "issued_on": "2026-01-05",
        "holder": {"name": "Maya Okafor"},
        "course": {
            "title": "Informed Consent as a Conversation",
            "format": "Text-based",
            "provider": "Hollow Reed Institute",
        },
        "started_on": "2026-01-04",
        "completed_on": "2026-01-05",
        "hours": "1.5",
        "credit": [{"body": "ASWB ACE", "type": "Ethics", "format": "Text-based", "hours": "1.5"}],
    }


# What a record holds and the public does not see. A new fact of the record belongs either here or
# into ``verification.public_record``: decide it.
WITHHELD = {
    "version",
    "recorded_at",
    "time_zone",
    "holder.licenses.state",
    "holder.licenses.state_name",
    "holder.licenses.type",
    "holder.licenses.number",
    "kind",
    "correction",
    "activity.key",
    "activity.edition",
    "activity.ended_on",
    "activity.started_at",
    "activity.ended_at",
    "activity.description",
    "activity.objectives",
    "activity.format",
    "activity.level",
    "activity.language",
    "activity.location",
    "activity.clock_hours",
    "activity.instructors.name",
    "activity.instructors.credentials",
    "activity.provider.address",
    "activity.provider.email",
    "activity.provider.phone",
    "activity.provider.director",
    "activity.provider.director_title",
    "activity.disclosures.conflict_of_interest",
    "activity.disclosures.commercial_support",
    "activity.evidence.lessons_read",
    "activity.evidence.evaluation",
    "lines.body",
    "lines.credit_type",
    "lines.minutes_per_hour",
    "lines.basis",
    "lines.approval_of",
    "lines.approval_number",
    "lines.approval_statement",
    "lines.approval_valid_from",
    "lines.approval_valid_to",
}
SHOWN = {
    "holder.legal_name",
    "activity.title",
    "activity.format_name",
    "activity.started_on",
    "activity.provider.name",
    "lines.body_name",
    "lines.credit_type_name",
    "lines.format_name",
    "lines.hours",
    "hours",
    "earned_on",
}


def leaves(value, path=""):
    """Every fact of a record by its path; lists count once."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for item in value:
            yield from leaves(item, path)
    else:
        yield path


def test_every_fact_of_a_record_is_either_shown_or_withheld_by_decision(certificate):
    assert set(leaves(certificate.entry.record)) == SHOWN | WITHHELD


def marked(value):
    """The record with every text made unique and findable."""
    count = iter(range(10_000))

    def mark(value):
        if isinstance(value, dict):
            return {name: mark(item) for name, item in value.items()}
        if isinstance(value, list):
            return [mark(item) for item in value]
        if isinstance(value, str) and not value[:1].isdigit() and "/" not in value:
            return f"fact{next(count)}x"
        return value

    return mark(value)


def test_what_is_withheld_is_on_no_answer(client, certificate):
    record = {**marked(certificate.entry.record), "time_zone": "America/New_York"}
    certificate.entry.record = record

    told = json.dumps(verification.public_record(certificate), default=str)

    shown = [
        fact for path, fact in _facts(record) if path in SHOWN and str(fact).startswith("fact")
    ]
    hidden = [fact for path, fact in _facts(record) if path in WITHHELD and "fact" in str(fact)]
    assert shown
    assert hidden
    assert [fact for fact in shown if fact not in told] == []
    assert [fact for fact in hidden if f'"{fact}"' in told] == []


def _facts(value, path=""):
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _facts(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            yield from _facts(item, path)
    else:
        yield path, value


def test_all_bodies_and_types_are_listed_with_their_own_hours(client):
    entry = CreditEntryFactory(
        hours="3",
        lines=[
            make_line(hours=Decimal("1.25")),
            make_line(
                body="nysed",
                body_name="NYSED",
                credit_type_name="Law",
                format_name="Self-study",
                hours=Decimal("3.5"),
            ),
        ],
    )

    credit = client.get(page_of(CertificateFactory(entry=entry)), {"format": "json"}).json()[
        "credit"
    ]

    assert credit == [
        {"body": "ASWB ACE", "type": "Ethics", "format": "Text-based", "hours": "1.25"},
        {"body": "NYSED", "type": "Law", "format": "Self-study", "hours": "3.5"},
    ]


# --- How it stands ---


def test_a_reversed_certificate_says_since_when_and_why_and_has_no_credential(
    client, certificate, monkeypatch
):
    stands(monkeypatch, status="reversed", since=date(2026, 4, 1), reason="Issued in error")

    page = client.get(page_of(certificate)).content.decode()
    badge = client.get(page_of(certificate), {"format": "badge"})

    assert ">Withdrawn</h2>" in page
    assert "It carries no credit." in page
    assert "Apr 1, 2026. Issued in error" in page
    assert "Open Badges" not in page
    assert badge.status_code == 410
    assert badge.content.decode() == "This certificate is reversed. It has no credential."


def test_a_superseded_certificate_leads_to_the_current_one(client, certificate, monkeypatch):
    current = CertificateFactory()
    stands(
        monkeypatch,
        status="superseded",
        since=date(2026, 4, 1),
        reason="Name correction",
        successor_code=current.code,
    )

    page = client.get(page_of(certificate)).content.decode()

    assert ">Superseded</h2>" in page
    assert f'<a href="{page_of(current)}">{current.code}</a>' in page
    assert "Apr 1, 2026. Name correction" in page


def test_a_portal_with_a_development_key_says_so(client, certificate, settings):
    words = "signs with a development key"
    with_it = client.get(page_of(certificate)).content.decode()
    settings.SIGNING_KEY_IS_DEVELOPMENT = False

    assert words in with_it
    assert words not in client.get(page_of(certificate)).content.decode()


def test_a_certificate_whose_document_is_not_drawn_yet_is_valid_already(client, certificate):
    assert certificate.pdf.name == ""
    assert client.get(page_of(certificate), {"format": "json"}).json()["status"] == "valid"


# --- Codes ---


def test_the_form_leads_to_the_page_of_the_code_however_it_is_typed(client, certificate):
    sloppy = certificate.code.lower().replace("-", " ").replace("0", "o").replace("1", "l")

    answer = client.get(reverse("transcripts:verify"), {"code": f"  {sloppy} "})

    assert answer.status_code == 302
    assert answer.url == page_of(certificate)


def test_a_sloppy_code_in_the_address_is_understood_too(client, certificate):
    bare = certificate.code.removeprefix("CEP-").replace("-", "").lower()

    answer = client.get(reverse("transcripts:verification", args=[bare]))

    assert answer.status_code == 200
    assert "Maya Okafor" in answer.content.decode()


def test_a_code_of_nobody_is_not_found_and_says_what_may_be_wrong(client):
    answer = client.get(reverse("transcripts:verification", args=[FREE_CODE]))
    as_json = client.get(reverse("transcripts:verification", args=[FREE_CODE]), {"format": "json"})

    assert answer.status_code == as_json.status_code == 404
    assert "No certificate has this code" in answer.content.decode()
    assert as_json.json() == {"status": "not found"}


def test_an_empty_form_asks_for_the_code(client):
    answer = client.get(reverse("transcripts:verify"), {"code": "  "})

    assert answer.status_code == 422
    assert "Type the code first." in answer.content.decode()


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=60))
def test_no_spelling_however_odd_breaks_a_page(client, text):
    cache.clear()  # of what counts how often one asks
    typed = client.get(reverse("transcripts:verify"), {"code": text})
    assert typed.status_code in {404, 422}
    if text.strip("/") and text.isprintable() and "/" not in text and text not in {".", ".."}:
        answer = client.get(reverse("transcripts:verification", args=[text]))
        assert answer.status_code == 404


def test_what_no_route_should_break_on(client):
    for text in ("%00", "..%2f", "a" * 3000, "%F0%9F%8E%93", "'--", "<script>", "%", "%FF"):
        assert client.get(f"/verify/{text}/").status_code == 404


def test_a_typed_script_is_text(client):
    page = client.get(reverse("transcripts:verify"), {"code": "<script>alert(1)</script>"})

    assert "<script>alert" not in page.content.decode()


def test_an_unknown_code_costs_the_same_queries_as_a_known_one(client, certificate):
    counts = {}
    for name, code in {
        "known": certificate.code,
        "unknown": FREE_CODE,
        "malformed": "nothing-like-a-code",
    }.items():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(reverse("transcripts:verification", args=[code]))
        counts[name] = len(queries)

    assert counts == {"known": 1, "unknown": 1, "malformed": 1}


# --- Search engines, limits, negotiation ---


def test_no_answer_about_a_code_is_for_search_engines_or_caches(client, certificate):
    for code in (certificate.code, FREE_CODE):
        for form in ("html", "json", "badge"):
            answer = client.get(reverse("transcripts:verification", args=[code]), {"format": form})
            assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
            assert "no-store" in answer.headers["Cache-Control"]

    page = client.get(page_of(certificate)).content.decode()
    assert '<meta name="robots" content="noindex, nofollow">' in page
    # Who is told to stay out by robots.txt never reads that.
    assert "/verify" not in client.get("/robots.txt").content.decode()
    assert "noindex" not in client.get(reverse("transcripts:verify")).content.decode()


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("application/vc+jwt", "application/vc+jwt"),
        ("image/png", "text/html; charset=utf-8"),
    ],
)
def test_the_answer_comes_in_the_form_that_is_asked_for(client, certificate, accept, content_type):
    answer = client.get(page_of(certificate), headers={"accept": accept})

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == content_type
    assert "Accept" in answer.headers["Vary"]


def test_who_asks_too_often_waits_a_minute_and_others_do_not(client, certificate, settings):
    settings.VERIFY_RATE_LIMITS = {"verify": "2/m/ip"}

    statuses = [client.get(page_of(certificate)).status_code for _ in range(3)]
    elsewhere = client.get(page_of(certificate), REMOTE_ADDR="198.51.100.7")
    refused = client.get(page_of(certificate))

    assert statuses == [200, 200, 429]
    assert refused.headers["Retry-After"] == "60"
    assert "Please wait a minute" in refused.content.decode()
    assert elsewhere.status_code == 200


def test_nobody_gets_a_cookie_for_asking(client, certificate):
    client.get(page_of(certificate))
    client.get(reverse("transcripts:verify"))

    assert client.cookies == {}


# --- Check a file ---


def send(client, content, name="certificate.pdf"):
    return client.post(
        reverse("transcripts:check_file"), {"file": SimpleUploadedFile(name, content)}
    )


def file_of(certificate):
    with default_storage.open(certificate.pdf.name) as file:
        return file.read()


def test_the_file_as_it_was_issued_is_ours_whole_and_current(client, drawn):
    answer = send(client, file_of(drawn))

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "byte for byte" in page
    assert drawn.code in page
    assert drawn.pdf_sha256 == hashlib.sha256(file_of(drawn)).hexdigest()


def test_the_file_of_a_withdrawn_certificate_is_whole_but_not_current(client, drawn, monkeypatch):
    stands(monkeypatch, status="reversed", since=date(2026, 4, 1), reason="Issued in error")

    page = send(client, file_of(drawn)).content.decode()

    assert ">Withdrawn</h2>" in page
    assert "byte for byte" not in page


def test_one_changed_byte_is_told(client, drawn):
    document = bytearray(file_of(drawn))
    document[1000] ^= 1

    page = send(client, bytes(document)).content.decode()

    assert "Changed after we signed it" in page
    assert "Maya Okafor" not in page


def test_a_file_of_somebody_else_is_not_ours(client, drawn):
    page = send(client, b"%PDF-1.7 of somebody else").content.decode()

    assert "Not a file of ours" in page


def test_a_file_from_before_the_document_was_drawn_anew_is_still_the_certificate(client, drawn):
    earlier = file_of(drawn)
    Certificate.objects.update(pdf_sha256="")

    page = send(client, earlier).content.decode()

    assert "it is unchanged. The document was drawn anew since" in page
    assert drawn.code in page
    assert "byte for byte" not in page


def test_a_file_that_we_signed_and_that_is_no_certificate_is_called_that(client, drawn):
    """Such as a transcript; or a certificate of a portal that shares our key, as a copy may."""
    document = file_of(drawn)
    Certificate.objects.filter(pk=drawn.pk).update(pdf_sha256="", code=FREE_CODE)

    page = send(client, document).content.decode()

    assert "Signed by us, not a certificate" in page
    assert "Maya Okafor" not in page


def test_a_stored_file_is_ours_even_if_its_key_was_forgotten(client, drawn, settings, tmp_path):
    settings.SIGNING_KEY_FILE = str(tmp_path / "another.p12")

    assert "byte for byte" in send(client, file_of(drawn)).content.decode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "This file is empty."),
        (b"GIF89a", "This is not a PDF file."),
        (b"%PDF-" + b"x" * (5 * 1024 * 1024), "larger than 5 MB"),
        (b"%PDF-" + b"x" * (6 * 1024 * 1024), "larger than 5 MB"),
    ],
)
def test_what_cannot_be_a_certificate_is_refused_in_words(client, content, words):
    answer = send(client, content)

    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_a_form_without_a_file_asks_for_it(client):
    answer = client.post(reverse("transcripts:check_file"))

    assert answer.status_code == 422
    assert "Choose the PDF file to check." in answer.content.decode()


def test_a_body_that_is_too_large_is_not_even_read(client, monkeypatch):
    def read(*args, **kwargs):
        raise AssertionError("it was read")

    monkeypatch.setattr("django.http.request.HttpRequest.parse_file_upload", read)

    assert send(client, b"%PDF-" + b"x" * (6 * 1024 * 1024)).status_code == 422


def test_files_have_a_limit_of_their_own(client, settings):
    settings.VERIFY_RATE_LIMITS = {"check_file": "1/m/ip", "verify": "9/m/ip"}

    statuses = [send(client, b"%PDF-1.7").status_code for _ in range(2)]

    assert statuses == [200, 429]


def test_the_check_works_without_a_token_and_an_address_that_is_opened_leads_to_the_form(client):
    strict = Client(enforce_csrf_checks=True)

    assert send(strict, b"%PDF-1.7").status_code == 200
    assert client.get(reverse("transcripts:check_file")).url == reverse("transcripts:verify")


def test_nothing_is_kept_of_a_file(client, drawn):
    before = sorted(default_storage.listdir("certificates/2026/01")[1])

    send(client, b"%PDF-1.7 of somebody else")

    assert sorted(default_storage.listdir("certificates/2026/01")[1]) == before
    assert default_storage.listdir("")[1] == []


def test_the_database_refuses_one_file_for_two_certificates(drawn):
    other = CertificateFactory()
    other.pdf, other.drawn_at, other.pdf_sha256 = "x.pdf", LONG_AGO, drawn.pdf_sha256

    with pytest.raises(IntegrityError, match=r"certificate_pdf_is_of_one_certificate|pdf_sha256"):
        other.save()


# --- Keys ---


def test_the_certificates_of_all_keys_are_published(client):
    answer = client.get(reverse("transcripts:public_certificates"))

    assert answer.content.decode() == keys.published_certificates()
    assert "PRIVATE" not in answer.content.decode()
