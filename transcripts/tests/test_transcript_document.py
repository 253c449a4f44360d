"""The transcript as a document and as JSON, of all time or of a period: the figures of the page."""

import csv
import io
import json
import re
from datetime import date
from decimal import Decimal

import page
import pikepdf
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import RecordRead, Supervision
from accounts.tests.factories import SupervisionFactory, UserFactory
from transcripts import exports, ledger, pdf, signing, transcript
from transcripts.tests.factories import CertificateFactory, CreditEntryFactory, make_line
from transcripts.tests.test_pdf import missing_glyphs, text_of, words_outside_the_frame
from transcripts.tests.test_profiles import STRICTER
from transcripts.tests.test_signing import pdfsig

pytestmark = pytest.mark.django_db

PERIOD = {"since": "2026-01-01", "through": "2026-12-31"}


@pytest.fixture
def holder(client):
    """Two courses, one of them in 2026; signed in."""
    holder = UserFactory(legal_name="Maya Okafor")
    make(holder, "Consent", date(2026, 1, 5), hours=Decimal("1.25"))
    make(
        holder,
        "Law in Practice",
        date(2025, 12, 31),
        hours=Decimal(3),
        lines=[
            make_line(hours=Decimal(3)),
            make_line(
                body="nysed",
                body_name="NYSED",
                credit_type="law",
                credit_type_name="Law",
                hours=Decimal("3.6"),
            ),
        ],
    )
    client.force_login(holder)
    return holder


def make(holder, title, day, **facts):
    entry = CreditEntryFactory(holder=holder, title=title, earned_on=day, **facts)
    return CertificateFactory(entry=entry)


def fetch(client, name, **query):
    return client.get(reverse(f"transcripts:{name}"), query)


def test_the_pdf_says_what_the_page_says(client, holder, settings):
    answer = fetch(client, "export_pdf")

    text = text_of(answer.content, "-raw")
    wanted = [
        "Continuing education transcript Maya Okafor All time",
        "4.25 hours in 2 courses.",
        "ASWB ACE Ethics 4.25",
        "NYSED Law 3.6",
        "Jan 5, 2026 Consent",
        "Dec 31, 2025 Law in Practice",
        "NYSED: Law, 3.6 h",
        f"Verify each certificate at {settings.SITE_URL}/verify/",
        "Page 1 of 1",
    ]
    assert answer.headers["Content-Type"] == "application/pdf"
    assert [words for words in wanted if words not in text] == []
    codes = [entry.certificate.code for entry in holder.credit_entries.all()]
    assert [code for code in codes if code not in text] == []


def test_the_pdf_is_tagged_signed_and_fit_for_archives(client, holder, tmp_path):
    document = fetch(client, "export_pdf").content

    with pikepdf.open(io.BytesIO(document)) as file, file.open_metadata() as metadata:
        assert metadata["dc:title"] == "Transcript of Maya Okafor"
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


def test_every_export_keeps_to_the_period(client, holder):
    shown = fetch(client, "transcript", **PERIOD).content.decode()
    as_pdf = text_of(fetch(client, "export_pdf", **PERIOD).content, "-raw")
    as_csv = fetch(client, "export_csv", **PERIOD).content.decode()
    as_json = fetch(client, "export_json", **PERIOD).json()

    for text in (shown, as_pdf, as_csv, json.dumps(as_json)):
        assert "Consent" in text
        assert "Law in Practice" not in text
    assert "Jan 1, 2026 through Dec 31, 2026" in as_pdf
    assert (as_json["since"], as_json["through"]) == ("2026-01-01", "2026-12-31")
    assert f"{reverse('transcripts:export_pdf')}?since=2026-01-01&amp;through=2026-12-31" in shown


def test_the_last_day_of_a_period_is_in_it(client, holder):
    titles = [
        entry["title"]
        for entry in fetch(client, "export_json", through="2025-12-31").json()["entries"]
    ]

    assert titles == ["Law in Practice"]


def test_a_period_that_makes_no_sense_is_explained_and_exports_nothing(client, holder):
    nonsense = {"since": "2026-02-01", "through": "2026-01-01"}

    answer = fetch(client, "transcript", **nonsense)
    exports_ = [fetch(client, f"export_{kind}", **nonsense) for kind in ("csv", "json", "pdf")]

    assert answer.status_code == 422
    assert "The last day is before the first." in answer.content.decode()
    assert [export.status_code for export in exports_] == [302, 302, 302]
    assert exports_[0].url == "/transcript/?since=2026-02-01&through=2026-01-01"
    for odd in ("x", "9999-12-31", "0000-00-00", "\0"):
        assert fetch(client, "transcript", through=odd).status_code == 422
        assert fetch(client, "export_pdf", through=odd).status_code == 302


def test_a_period_without_credit_says_so(client, holder):
    answer = fetch(client, "transcript", since="2030-01-01")
    document = fetch(client, "export_pdf", since="2030-01-01").content

    assert "Nothing earned in this period" in answer.content.decode()
    assert "0 hours in 0 courses." in text_of(document, "-raw")


def test_the_json_has_these_names_and_keeps_them(client, holder):
    answer = fetch(client, "export_json", **PERIOD)

    found = answer.json()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="transcript.json"'
    assert found.pop("made_at")
    assert found == {
        "version": 1,
        "asked_by": "Maya Okafor",
        "holder": "Maya Okafor",
        "since": "2026-01-01",
        "through": "2026-12-31",
        "cycle": None,
        "hours": "1.25",
        "credit": [{"body": "ASWB ACE", "type": "Ethics", "hours": "1.25"}],
        "entries": [
            {
                "completed_on": "2026-01-05",
                "title": "Consent",
                "format": "Text-based",
                "provider": "Hollow Reed Institute",
                "hours": "1.25",
                "holder": "Maya Okafor",
                "certificate": holder.credit_entries.get(title="Consent").certificate.code,
                "entry": "award",
                "reason": "",
                "credit": [
                    {
                        "body": "ASWB ACE",
                        "approval_number": "0000",
                        "type": "Ethics",
                        "hours": "1.25",
                    }
                ],
            }
        ],
        "hours_together": "1.25",
        "outside": {"hours_confirmed": "0", "hours_recorded": "0", "entries": []},
    }


def test_page_csv_json_and_pdf_add_up_alike(client, holder):
    text = fetch(client, "export_csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    by_body = {}
    for row in rows:
        key = (row["Approving body"], row["Credit type"])
        hours = Decimal(row["Hours with this body and type"])
        by_body[key] = by_body.get(key, Decimal(0)) + hours

    found = fetch(client, "export_json").json()

    sums = {(item["body"], item["type"]): Decimal(item["hours"]) for item in found["credit"]}
    assert sums == by_body
    assert Decimal(found["hours"]) == sum(
        {row["Certificate"]: Decimal(row["Hours"]) for row in rows}.values()
    )
    assert f"{found['hours']} hours" in text_of(fetch(client, "export_pdf").content, "-raw")


def test_nobody_exports_what_is_not_theirs(client, holder):
    client.force_login(UserFactory(legal_name="Somebody Else"))

    for kind in ("pdf", "json", "csv"):
        answer = fetch(client, f"export_{kind}")
        text = text_of(answer.content) if kind == "pdf" else answer.content.decode()
        assert "Consent" not in text


def test_a_letter_without_a_glyph_is_said_and_csv_still_works(client, holder):
    make(holder, "Course 𒀀", date(2026, 1, 6))

    answer = client.get(reverse("transcripts:export_pdf"), follow=True)

    assert answer.redirect_chain == [("/transcript/?", 302)]
    assert "a letter that our fonts lack" in answer.content.decode()
    assert fetch(client, "export_csv").status_code == 200


def test_the_same_transcript_gives_the_same_bytes_before_signing(holder, noon):
    def drawn():
        own = transcript.build(holder=holder, reader=holder, at=noon)
        return pdf.draw_transcript(
            facts=exports.as_json(own, at=noon), period="All time", verify_at="x", at=noon
        )

    assert drawn() == drawn()


def test_many_entries_of_long_words_run_over_pages_and_stay_inside(noon):
    facts = {
        "holder": ("Maya Ijeoma Okafor " * 8)[:150],
        "hours": "120",
        "credit": [{"body": "B" * 80, "type": "T" * 80, "hours": "120"}] * 10,
        "entries": [
            {
                "completed_on": date(2026, 1, 5),
                "title": "W" * 200,
                "format": "Text-based",
                "provider": "Hollow Reed Institute",
                "hours": "1",
                "certificate": "CEP-7Q4M-2XKD-91HV-0ZRT",
                "entry": "award",
                "reason": "",
                "credit": [{"body": "B" * 80, "type": "T" * 80, "hours": "1"}],
            }
        ]
        * 120,
        "hours_together": "160",
        "outside": {
            "hours_confirmed": "20",
            "hours_recorded": "20",
            "entries": [
                {
                    "state": "refused",
                    "counts": False,
                    "completed_on": date(2026, 1, 5),
                    "title": "W" * 200,
                    "format": "Text-based",
                    "provider": "P" * 200,
                    "hours": "100.25",
                    "certificate_number": "N" * 80,
                    "credit": [{"body": "B" * 80, "type": "T" * 80, "hours": "100.25"}],
                    "decision": {
                        "by": "D" * 150,
                        "as": "supervisor",
                        "on": date(2026, 1, 6),
                    },
                }
            ]
            * 20,
        },
    }

    document = pdf.draw_transcript(facts=facts, period="All time", verify_at="x" * 60, at=noon)

    assert words_outside_the_frame(document, width=612, height=792, edge=24) == []
    assert "Page 2 of" in text_of(document, "-raw")


def test_the_exports_of_three_ask_the_database_as_often_as_those_of_two(client, holder):
    def count():
        with CaptureQueriesContext(connection) as queries:
            for kind in ("pdf", "json"):
                fetch(client, f"export_{kind}")
        return len(queries)

    two = count()
    make(holder, "Third", date(2026, 1, 7))

    assert count() == two


def test_a_reversal_is_an_entry_of_the_document_that_says_what_it_is(noon):
    certificate = CertificateFactory()
    ledger.reverse(
        entry=certificate.entry,
        reason_class="error",
        reason="Not there.",
        by=UserFactory(),
        at=noon,
    )
    holder = certificate.entry.holder

    facts = exports.as_json(transcript.build(holder=holder, reader=holder, at=noon), at=noon)

    assert [
        (entry["entry"], entry["reason"], entry["hours"], entry["certificate"])
        for entry in facts["entries"]
    ] == [
        ("reversal", "Issued in error", "-1.5", certificate.code),
        ("award", "", "1.5", certificate.code),
    ]
    assert (facts["hours"], facts["credit"]) == ("0", [])
    document = pdf.draw_transcript(
        facts=facts,
        period="All time",
        verify_at="https://testserver/verify/",
        at=noon,
    )
    assert document.startswith(b"%PDF-")


# --- A supervisor's ---


@pytest.fixture
def supervisor(client, holder):
    person = SupervisionFactory(
        trainee=holder, supervisor=UserFactory(legal_name="Sam Lee")
    ).supervisor
    client.force_login(person)
    return person


def fetch_of(client, holder, name, **query):
    return client.get(reverse(f"transcripts:{name}", args=[holder.pk]), query)


def test_a_supervisor_has_the_same_document_and_it_says_who_asked(client, holder, supervisor):
    theirs = fetch_of(client, holder, "trainee_pdf").content
    client.force_login(holder)
    own = fetch(client, "export_pdf").content

    line = re.compile(r"Asked for by Sam Lee, who may read it as a supervisor, on \w+ \d+, \d+\. ")
    read = text_of(theirs, "-raw")
    assert line.search(read)
    assert line.sub("", read) == text_of(own, "-raw")
    assert "Asked for by" not in text_of(own, "-raw")
    assert signing.examine(theirs) is signing.Finding.OURS
    assert {
        failure.rule_id
        for profile in ("3a", "ua1")
        for failure in page.validate_pdf_bytes(theirs, profile=profile).failures
    } <= STRICTER


def test_a_supervisor_has_the_same_json_and_it_says_who_asked(client, holder, supervisor):
    theirs = fetch_of(client, holder, "trainee_json").json()
    client.force_login(holder)
    own = fetch(client, "export_json").json()

    assert (theirs.pop("asked_by"), own.pop("asked_by")) == ("Sam Lee", "Maya Okafor")
    assert theirs.pop("made_at")
    assert own.pop("made_at")
    assert theirs == own


def test_a_supervisors_exports_keep_to_the_period_and_send_back_one_that_makes_no_sense(
    client, holder, supervisor
):
    found = fetch_of(client, holder, "trainee_json", **PERIOD).json()
    read = text_of(fetch_of(client, holder, "trainee_pdf", **PERIOD).content, "-raw")
    back = fetch_of(client, holder, "trainee_pdf", since="2026-02-01", through="2026-01-01")

    assert {entry["completed_on"][:4] for entry in found["entries"]} == {"2026"}
    assert "Law in Practice" not in read
    assert back.url == reverse("transcripts:trainee", args=[holder.pk])


@pytest.mark.parametrize("name", ["trainee_pdf", "trainee_json"])
def test_a_supervisors_export_leaves_its_trace_and_ends_with_the_supervision(
    client, holder, supervisor, name
):
    answered = fetch_of(client, holder, name)
    traced = RecordRead.objects.values_list("reader", "person", "what").get()
    Supervision.objects.update(shares_credit=False)
    unshared = fetch_of(client, holder, name)
    Supervision.objects.update(shares_credit=True, ended_at=timezone.now(), ended_by=holder)
    ended = fetch_of(client, holder, name)

    assert [answer.status_code for answer in (answered, unshared, ended)] == [200, 404, 404]
    assert traced == (supervisor.pk, holder.pk, name.replace("trainee_", "transcript-"))
