"""The CSV of a transcript: a row for each line, the figures of the page, nothing that runs."""

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.tests.factories import UserFactory
from ce_portal import csv_files
from transcripts import certificates, exports, ledger, transcript
from transcripts.tests.factories import (
    LONG_AGO,
    CertificateFactory,
    make_activity,
    make_line,
)

pytestmark = pytest.mark.django_db


def rows_of(holder, at):
    """The rows of the file after the header, by column."""
    shown = transcript.build(holder=holder, reader=holder, at=at)
    file = csv_files.response(exports.csv_rows(shown), filename="transcript.csv")
    text = file.content.decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    return [dict(zip(header, row, strict=True)) for row in rows]


def award(holder, lines, **changes):
    """An award of any wording, with its certificate."""
    entry = ledger.award(
        holder=holder,
        activity=make_activity(**changes),
        lines=lines,
        earned_on=date(2026, 1, 5),
        time_zone="America/New_York",
        at=LONG_AGO,
    )
    return certificates.issue(entry=entry, at=LONG_AGO)


def test_each_line_of_an_entry_is_a_row(noon):
    holder = UserFactory(legal_name="Maya Okafor")
    certificate = award(
        holder,
        [
            make_line(hours=Decimal("1.25")),
            make_line(
                body="nysed",
                body_name="NYSED",
                approval_number="SW-0033",
                credit_type="law",
                credit_type_name="Law",
                hours=Decimal("1.5"),
            ),
        ],
    )

    rows = rows_of(holder, noon)

    entry = {
        "Completed on": "2026-01-05",
        "Title": "Informed Consent as a Conversation",
        "Format": "Text-based",
        "Provider": "Hollow Reed Institute",
        "Hours": "1.5",
        "Holder": "Maya Okafor",
        "Certificate": certificate.code,
        "Entry": "Award",
        "Reason": "",
        "Source": "CE Portal",
        "Outside credit": "",
        "Hours as recorded": "",
        "SHA-256 of the evidence": "",
    }
    assert rows == [
        {
            **entry,
            "Approving body": "ASWB ACE",
            "Approval number": "0000",
            "Credit type": "Ethics",
            "Hours with this body and type": "1.25",
        },
        {
            **entry,
            "Approving body": "NYSED",
            "Approval number": "SW-0033",
            "Credit type": "Law",
            "Hours with this body and type": "1.5",
        },
    ]


def test_a_reversal_is_a_row_of_figures_that_takes_its_award_back(noon):
    holder = UserFactory()
    certificate = award(holder, [make_line(hours=Decimal("1.5"))])
    ledger.reverse(
        entry=certificate.entry,
        reason_class="cause",
        reason="=found to be another person",
        by=UserFactory(),
        at=noon,
    )

    rows = rows_of(holder, noon)

    assert [
        (row["Entry"], row["Reason"], row["Hours"], row["Certificate"], row["Completed on"])
        for row in rows
    ] == [
        ("Reversal", "Revoked for cause", "-1.5", certificate.code, "2026-01-05"),
        ("Award", "", "1.5", certificate.code, "2026-01-05"),
    ]
    assert sum(Decimal(row["Hours with this body and type"]) for row in rows) == 0


def test_a_transcript_without_credit_is_a_header(noon):
    CertificateFactory()

    assert rows_of(UserFactory(), noon) == []


def test_the_rows_stand_in_the_order_of_the_page(noon):
    holder = UserFactory()
    for day in (date(2025, 5, 1), date(2026, 1, 1), date(2024, 5, 1)):
        CertificateFactory(entry__holder=holder, entry__earned_on=day)

    assert [row["Completed on"] for row in rows_of(holder, noon)] == [
        "2026-01-01",
        "2025-05-01",
        "2024-05-01",
    ]


def test_the_holder_is_named_as_on_the_day_of_the_award(noon):
    holder = UserFactory(legal_name="Maya Okafor")
    CertificateFactory(entry__holder=holder)
    holder.legal_name = "Maya Brandt"
    holder.save()

    assert [row["Holder"] for row in rows_of(holder, noon)] == ["Maya Okafor"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(noon, start):
    hostile = f'{start}cmd|" /C calc"!A1'
    holder = UserFactory(legal_name=hostile)
    provider = {**make_activity().provider, "name": hostile}
    lines = [
        make_line(body_name=hostile, approval_number=hostile, credit_type_name=hostile),
    ]
    award(holder, lines, title=hostile, format_name=hostile, provider=provider)

    (row,) = rows_of(holder, noon)

    hostile_columns = {
        "Title",
        "Format",
        "Provider",
        "Approving body",
        "Approval number",
        "Credit type",
        "Holder",
    }
    assert {name for name, cell in row.items() if cell == f"'{hostile}"} == hostile_columns
    assert [cell for cell in row.values() if cell.startswith(start)] == []


def test_the_file_is_utf_8_with_a_mark_for_excel_and_reads_back_as_it_was(client):
    title = 'Consent, "again"\nand Nguyễn’s; 李'
    holder = UserFactory()
    award(holder, [make_line()], title=title)
    client.force_login(holder)

    answer = client.get(reverse("transcripts:export_csv"))

    assert answer.content.startswith(b"\xef\xbb\xbfCompleted on,Title,")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="transcript.csv"'
    header, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert header == exports.HEADER
    assert row[1] == title


def test_the_hours_add_up_to_the_total_of_the_page(client):
    holder = UserFactory()
    for hours in ("1.25", "0.1", "2.75"):
        award(
            holder,
            [
                make_line(hours=Decimal(hours)),
                make_line(body="apa", body_name="APA", hours=Decimal(hours)),
            ],
            clock_hours=Decimal(hours),
        )
    client.force_login(holder)

    page = client.get(reverse("transcripts:transcript"))
    text = client.get(reverse("transcripts:export_csv")).content.decode("utf-8-sig")

    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    by_certificate = {row["Certificate"]: Decimal(row["Hours"]) for row in rows}
    assert len(rows) == 6
    assert sum(by_certificate.values()) == page.context["transcript"].hours == Decimal("4.10")
