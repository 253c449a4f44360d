"""Transcripts and certificates through the browser's door: who gets what, and nothing of others."""

import io
import re
import uuid
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.tests.factories import InvitationFactory, SupervisionFactory, UserFactory
from transcripts import certificates, codes, documents, ledger, tasks
from transcripts.models import Certificate, certificate_storage
from transcripts.tests.factories import CertificateFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unsigned")]

TITLE = "A Title That Nobody Else May Read"
DOCUMENT = b"%PDF-1.7 the document"


@pytest.fixture
def certificate():
    """Drawn, of an entry with a title that no other page holds."""
    return mark_as_drawn(CertificateFactory(entry__title=TITLE))


def mark_as_drawn(certificate):
    name = default_storage.save(f"certificates/{certificate.code}.pdf", ContentFile(DOCUMENT))
    Certificate.objects.filter(pk=certificate.pk).update(
        pdf=name, drawn_at=timezone.now(), state="issued"
    )
    certificate.refresh_from_db()
    return certificate


def open_page(client, url):
    """Status and body. Reading a file to its end closes it."""
    answer = client.get(url)
    return answer.status_code, answer.getvalue().decode(errors="replace")


def open_page_without_key(client, name, key):
    """Status and body, without what the page repeats of its own address and of the request."""
    status, body = open_page(client, reverse(f"transcripts:{name}", args=[key]))
    return status, re.sub(r'value="\w{64}"', "", body).replace(str(key), "")


def status_of(client, url):
    return open_page(client, url)[0]


def count_queries(client, url):
    with CaptureQueriesContext(connection) as queries:
        assert status_of(client, url) == 200
    return len(queries)


# --- Who ---


def test_who_gets_what(client, certificate):
    holder = certificate.entry.holder
    curator = UserFactory(is_staff=True)
    curator.user_permissions.set(
        Permission.objects.filter(codename__in=["view_creditentry", "view_certificate"])
    )
    people = {
        "holder": holder,
        "supervisor": SupervisionFactory(trainee=holder).supervisor,
        "past supervisor": SupervisionFactory(trainee=holder, ended=True).supervisor,
        "waiting supervisor": InvitationFactory(email=holder.email).inviter,
        "declined supervisor": InvitationFactory(email=holder.email, declined=True).inviter,
        "the holder's own trainee": SupervisionFactory(supervisor=holder).trainee,
        "other clinician": UserFactory(),
        "curator": curator,
        "stranger": None,
    }
    urls = [
        reverse("transcripts:transcript"),
        reverse("transcripts:export_csv"),
        reverse("transcripts:trainee", args=[holder.pk]),
        reverse("transcripts:trainee_csv", args=[holder.pk]),
        reverse("transcripts:certificate_pdf", args=[certificate.code]),
        reverse("transcripts:certificate_link", args=[certificate.code]),
        reverse("transcripts:certificates_zip"),
        reverse("transcripts:trainee_zip", args=[holder.pk]),
    ]

    statuses, leaks = {}, {}
    for who, person in people.items():
        client.logout()
        if person:
            client.force_login(person)
        answers = [open_page(client, url) for url in urls]
        statuses[who] = [status for status, _ in answers]
        leaks[who] = [TITLE in body or DOCUMENT.decode() in body for _, body in answers]

    yes, no = True, False
    assert statuses == {
        # own transcript and CSV, trainee's page and CSV, document, link, own ZIP, trainee's ZIP
        "holder": [200, 200, 404, 404, 200, 200, 200, 404],
        "supervisor": [200, 200, 200, 200, 200, 200, 200, 200],
        "past supervisor": [200, 200, 404, 404, 404, 404, 200, 404],
        "waiting supervisor": [200, 200, 404, 404, 404, 404, 200, 404],
        "declined supervisor": [200, 200, 404, 404, 404, 404, 200, 404],
        "the holder's own trainee": [200, 200, 404, 404, 404, 404, 200, 404],
        "other clinician": [200, 200, 404, 404, 404, 404, 200, 404],
        "curator": [200, 200, 404, 404, 200, 200, 200, 404],
        "stranger": [302] * 8,
    }
    assert leaks == {
        "holder": [yes, yes, no, no, yes, yes, yes, no],
        "supervisor": [no, no, yes, yes, yes, yes, no, yes],
        "past supervisor": [no] * 8,
        "waiting supervisor": [no] * 8,
        "declined supervisor": [no] * 8,
        "the holder's own trainee": [no] * 8,
        "other clinician": [no] * 8,
        "curator": [no, no, no, no, yes, yes, no, no],
        "stranger": [no] * 8,
    }


def test_a_page_that_is_not_yours_answers_like_one_that_does_not_exist(client, certificate):
    client.force_login(UserFactory())
    pairs = {
        "trainee": (certificate.entry.holder.pk, uuid.uuid4()),
        "certificate_pdf": (certificate.code, codes.new()),
        "certificate_link": (certificate.code, codes.new()),
    }

    answers = {
        name: [open_page_without_key(client, name, key) for key in keys]
        for name, keys in pairs.items()
    }

    assert [name for name, (theirs, nothing) in answers.items() if theirs != nothing] == []
    assert {theirs[0] for theirs, _ in answers.values()} == {404}


@pytest.mark.parametrize("verb", ["post", "put", "delete"])
def test_credit_is_only_read(client, certificate, verb):
    client.force_login(certificate.entry.holder)
    urls = [
        reverse("transcripts:transcript"),
        reverse("transcripts:certificate_pdf", args=[certificate.code]),
    ]

    assert [getattr(client, verb)(url).status_code for url in urls] == [405, 405]


@pytest.mark.parametrize("over", ["its last moment", "an end by the trainee"])
def test_a_supervisor_opens_every_page_to_the_second_from_the_first_moment_to_the_last(
    client, certificate, monkeypatch, over
):
    now, second = timezone.now().replace(microsecond=0), timedelta(seconds=1)
    begin, end = now + timedelta(hours=1), now + timedelta(hours=2)
    holder = certificate.entry.holder
    facts = {"ends_at": end}
    if over == "an end by the trainee":
        facts = {"ended_at": end, "ended_by": holder}
    link = SupervisionFactory(trainee=holder, accepted_at=now, begins_at=begin, **facts)
    client.force_login(link.supervisor)
    pages = ["trainee", "trainee_csv", "trainee_json", "trainee_zip"]
    urls = [reverse(f"transcripts:{name}", args=[holder.pk]) for name in pages]
    urls += [
        reverse(f"transcripts:{name}", args=[certificate.code])
        for name in ("certificate_pdf", "certificate_link")
    ]

    statuses = {}
    for moment in (now, begin - second, begin, end - second, end, end + second):
        monkeypatch.setattr("django.utils.timezone.now", lambda moment=moment: moment)
        statuses[moment] = {status_of(client, url) for url in urls}

    assert statuses == {
        now: {404},
        begin - second: {404},
        begin: {200},
        end - second: {200},
        end: {404},
        end + second: {404},
    }


def test_a_supervisor_opens_nothing_of_credit_that_is_not_shared(client, certificate):
    holder = certificate.entry.holder
    link = SupervisionFactory(trainee=holder, shares_credit=False)
    client.force_login(link.supervisor)

    statuses = [
        status_of(client, reverse(f"transcripts:{name}", args=[key]))
        for name, key in [
            ("trainee_csv", holder.pk),
            ("trainee_json", holder.pk),
            ("trainee_zip", holder.pk),
            ("certificate_pdf", certificate.code),
        ]
    ]
    page = client.get(reverse("transcripts:trainee", args=[holder.pk]))

    assert statuses == [404] * 4
    assert TITLE not in page.text


def test_a_supervisors_page_names_the_trainee_and_shows_no_one_elses_credit(client, certificate):
    supervisor = SupervisionFactory(
        trainee=certificate.entry.holder, trainee__legal_name="Maya Okafor"
    ).supervisor
    CertificateFactory(entry__holder=supervisor, entry__title="The Supervisor's Own")
    CertificateFactory(
        entry__holder=SupervisionFactory(supervisor=supervisor).trainee,
        entry__title="The Other Trainee's",
    )
    client.force_login(supervisor)

    page = client.get(reverse("transcripts:trainee", args=[certificate.entry.holder.pk]))

    assert [entry.title for entry in page.context["transcript"].entries] == [TITLE]
    assert certificate.entry.holder.legal_name in page.text


# --- Documents ---


def test_the_document_is_served_private_and_under_its_own_name(client, certificate):
    client.force_login(certificate.entry.holder)

    answer = client.get(reverse("transcripts:certificate_pdf", args=[certificate.code]))

    assert answer.getvalue() == DOCUMENT
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'inline; filename="certificate-{certificate.code}.pdf"'
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]


@pytest.mark.parametrize(
    "spell",
    [
        str.lower,
        lambda code: code.replace("-", ""),
        lambda code: code.replace("-", "").lower(),
        lambda code: code.removeprefix("CEP-"),
        lambda code: f" {code} ".replace("-", " – "),
        lambda code: code.replace("0", "O").replace("1", "l"),
    ],
)
@pytest.mark.parametrize("page", ["certificate_pdf", "certificate_link"])
def test_a_code_works_however_it_is_spelled(client, monkeypatch, page, spell):
    monkeypatch.setattr(codes, "new", lambda: "CEP-0A1B-2C3D-4E5F-0101")
    certificate = mark_as_drawn(CertificateFactory())
    client.force_login(certificate.entry.holder)

    url = reverse(f"transcripts:{page}", args=[spell(certificate.code)])

    assert status_of(client, url) == 200


@pytest.mark.parametrize(
    "path",
    [
        "x",
        "CEP-",
        "CEP-0000-0000-0000-000U",
        "CEP-0000-0000-0000-0000-0000",
        "A" * 5000,
        "%00",
        "%00CEP-0000-0000-0000-0000",
        "%ff%fe",
        "%F0%9F%8E%93" * 16,
        "%ED%A0%80",
        "..",
        "%2e%2e%2fsecret_key",
        "' OR 1=1 --",
        "{{7*7}}",
        "%0d%0aSet-Cookie:%20a=b",
    ],
)
def test_a_malformed_code_is_404(client, path):
    client.force_login(UserFactory())

    statuses = [
        status_of(client, f"/certificates/{path}.pdf"),
        status_of(client, f"/certificates/{path}/link/"),
    ]

    assert statuses == [404, 404]


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(code=st.text(min_size=1, max_size=60).filter(lambda text: "/" not in text))
def test_no_code_is_an_error_of_ours(client, code):
    if not client.session.get("_auth_user_id"):
        client.force_login(UserFactory())

    url = reverse("transcripts:certificate_pdf", args=[code])

    assert status_of(client, url) == 404


def test_a_document_that_is_not_drawn_yet_is_404_with_words(client):
    certificate = CertificateFactory(entry__title=TITLE)
    client.force_login(certificate.entry.holder)

    status, page = open_page(
        client, reverse("transcripts:certificate_pdf", args=[certificate.code])
    )

    assert status == 404
    assert "Your certificate is being prepared" in page
    assert f"{TITLE}, 1.5 hours on Jan 5, 2026." in page


def test_a_document_that_is_replaced_while_it_is_asked_for_is_served(
    client, certificate, monkeypatch
):
    """The row was read, then the file was replaced and removed, then it is opened."""
    client.force_login(certificate.entry.holder)
    old, open_file = certificate.pdf.name, FileSystemStorage._open

    def replace_first(self, name, mode="rb"):
        if name == old:
            storage = certificate_storage()
            new = storage.save("certificates/new.pdf", ContentFile(b"%PDF anew"))
            Certificate.objects.update(pdf=new)
            storage.delete(old)
        return open_file(self, name, mode)

    monkeypatch.setattr(FileSystemStorage, "_open", replace_first)

    answer = client.get(reverse("transcripts:certificate_pdf", args=[certificate.code]))

    assert (answer.status_code, answer.getvalue()) == (200, b"%PDF anew")


def test_a_document_is_there_at_every_moment_of_a_redraw(client, certificate, monkeypatch):
    client.force_login(certificate.entry.holder)
    url = reverse("transcripts:certificate_pdf", args=[certificate.code])
    seen = []

    def look(**facts):
        seen.append(status_of(client, url))
        return b"%PDF anew"

    monkeypatch.setattr("transcripts.pdf.draw_certificate", look)
    certificates.redraw(certificate=certificate, at=timezone.now())
    seen.append(status_of(client, url))
    tasks.draw_certificate_pdf(certificate_id=certificate.pk)
    answer = client.get(url)

    assert seen == [200, 200]
    assert answer.getvalue() == b"%PDF anew"


def test_the_link_of_a_failed_document_says_so_and_asks_no_more(client):
    certificate = CertificateFactory()
    Certificate.objects.update(state="failed", failure="DrawingError: no glyph")
    client.force_login(certificate.entry.holder)

    text = client.get(reverse("transcripts:certificate_link", args=[certificate.code])).text

    assert "This document could not be prepared." in text
    assert "hx-get" not in text
    assert "glyph" not in text


def test_the_link_says_preparing_until_there_is_a_document(client):
    certificate = CertificateFactory()
    client.force_login(certificate.entry.holder)
    url = reverse("transcripts:certificate_link", args=[certificate.code])
    document = reverse("transcripts:certificate_pdf", args=[certificate.code])

    fresh = client.get(url).text
    Certificate.objects.update(attempts=3)
    failing = client.get(url).text
    mark_as_drawn(certificate)
    drawn = client.get(url).text

    assert ["Preparing your certificate" in text for text in (fresh, failing, drawn)] == [
        True,
        True,
        False,
    ]
    assert ["It takes longer than usual" in text for text in (fresh, failing, drawn)] == [
        False,
        True,
        False,
    ]
    assert [document in text for text in (fresh, failing, drawn)] == [False, False, True]


# --- Lists ---


def test_the_transcript_shows_hours_days_and_what_each_board_counts(client, certificate):
    client.force_login(certificate.entry.holder)

    page = client.get(reverse("transcripts:transcript")).text

    for words in (TITLE, "Jan 5, 2026", "Text-based", "ASWB ACE: Ethics", "Hollow Reed Institute"):
        assert words in page


def test_the_transcript_shows_what_was_reversed_and_what_stands_in_its_place(client, certificate):
    holder = certificate.entry.holder
    certificates.reissue(
        entry=certificate.entry,
        correction=ledger.Correction(holder_name="Maya Brandt"),
        reason_class="name",
        reason="The license says Brandt.",
        by=UserFactory(),
        at=datetime(2026, 3, 2, 17, tzinfo=UTC),
    )
    client.force_login(holder)

    page = client.get(reverse("transcripts:transcript"))

    assert page.context["transcript"].hours == Decimal("1.5")
    for words in (
        "Reversal</span>",
        "Mar 2, 2026, name correction: The license says Brandt.",
        "Correction</span>",
        f"Mar 2, 2026, name correction. Replaces {certificate.code}.",
        "Reversed</span>",
        "Gives no credit since Mar 2, 2026.",
        '<small class="d-block">1 course</small>',
    ):
        assert words in page.text


def test_an_empty_transcript_says_what_opens_it(client):
    client.force_login(UserFactory())

    assert "Nothing earned yet" in client.get(reverse("transcripts:transcript")).text


@pytest.mark.parametrize(
    "page",
    ["transcript", "export_csv", "certificates_zip", "trainee", "trainee_csv", "trainee_zip"],
)
def test_a_page_of_six_asks_the_database_as_often_as_a_page_of_one(client, certificate, page):
    holder = certificate.entry.holder
    is_trainees = page.startswith("trainee")
    supervisor = SupervisionFactory(trainee=holder).supervisor
    client.force_login(supervisor if is_trainees else holder)
    url = reverse(f"transcripts:{page}", args=[holder.pk] if is_trainees else [])

    for_one = count_queries(client, url)
    for _ in range(2):
        CertificateFactory(entry__holder=holder)
    certificates.reissue(
        entry=CertificateFactory(entry__holder=holder).entry,
        correction=ledger.Correction(holder_name="Maya Brandt"),
        reason_class="name",
        reason="Married.",
        by=UserFactory(),
        at=timezone.now(),
    )

    assert count_queries(client, url) == for_one


# --- Many certificates in one file ---


def unzip(answer):
    """Names and contents; the archive is whole and its checksums hold."""
    with zipfile.ZipFile(io.BytesIO(answer.getvalue())) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_certificates_of_a_period_come_in_one_file(client):
    holder = UserFactory()
    for year in (2024, 2025, 2026):
        mark_as_drawn(CertificateFactory(entry__holder=holder, entry__earned_on=date(year, 5, 1)))
    client.force_login(holder)
    url = reverse("transcripts:certificates_zip")

    everything = client.get(url)
    period = client.get(url, {"since": "2025-05-01", "through": "2025-12-31"})

    assert everything.streaming
    assert everything["Content-Disposition"] == 'attachment; filename="certificates.zip"'
    assert [name[:10] for name in unzip(everything)] == ["2026-05-01", "2025-05-01", "2024-05-01"]
    (code,) = Certificate.objects.filter(entry__earned_on__year=2025).values_list("code", flat=True)
    assert unzip(period) == {f"2025-05-01 {code}.pdf": DOCUMENT}


def test_what_is_not_drawn_or_gone_is_named_in_the_file_and_what_was_reversed_is_not_in_it(
    client, certificate
):
    holder = certificate.entry.holder
    waiting = CertificateFactory(entry__holder=holder)
    gone = mark_as_drawn(CertificateFactory(entry__holder=holder))
    certificate_storage().delete(gone.pdf.name)
    undone = mark_as_drawn(CertificateFactory(entry__holder=holder))
    ledger.reverse(
        entry=undone.entry,
        reason_class="error",
        reason="Not there.",
        by=UserFactory(),
        at=timezone.now(),
    )
    client.force_login(holder)

    files = unzip(client.get(reverse("transcripts:certificates_zip")))

    assert set(files) == {f"2026-01-05 {certificate.code}.pdf", documents.MISSING}
    words = files[documents.MISSING].decode()
    assert [each.code in words for each in (waiting, gone, undone)] == [True, True, False]


def test_the_file_is_sent_in_pieces_while_it_is_made(certificate, monkeypatch):
    monkeypatch.setattr(documents, "CHUNK", 5)

    pieces = list(documents.zipped([certificate]))

    assert len(pieces) > len(DOCUMENT) / 5
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert [archive.read(name) for name in archive.namelist()] == [DOCUMENT]
