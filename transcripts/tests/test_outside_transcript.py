"""Outside credit on the transcript: what it is stands beside it everywhere; nothing is mixed."""

import subprocess
from datetime import date
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import SupervisionFactory, UserFactory
from transcripts import exports, transcript
from transcripts.models import OutsideCredit
from transcripts.tests.factories import (
    CertificateFactory,
    OutsideCreditFactory,
    OutsideDecisionFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def holder():
    """1.5 h of ours; elsewhere 1 h recorded, 2 h confirmed, 4 h refused, 8 h withdrawn, 16 h
    withdrawn after somebody had confirmed them."""
    person = UserFactory(legal_name="Maya Okafor")
    CertificateFactory(entry__holder=person)

    def make(title, hours, **facts):
        return OutsideCreditFactory(holder=person, title=title, hours=Decimal(hours), **facts)

    judge = UserFactory(legal_name="Helena Brandt")
    make("Recorded", 1, earned_on=date(2025, 6, 1))
    OutsideDecisionFactory(credit=make("Confirmed", 2), decided_by=judge)
    OutsideDecisionFactory(credit=make("Refused", 4), decided_by=judge, refused=True)
    make("Withdrawn", 8, withdrawn=True)
    late = OutsideDecisionFactory(credit=make("Withdrawn late", 16), decided_by=judge).credit
    OutsideCredit.objects.filter(pk=late.pk).update(withdrawn_at=late.recorded_at)
    OutsideCreditFactory()  # another person's
    return person


def built(holder, reader=None, **period):
    return transcript.build(holder=holder, reader=reader or holder, at=timezone.now(), **period)


def test_hours_of_ours_and_of_others_stand_apart_and_only_together_when_it_says_so(holder):
    shown = built(holder)

    assert shown.hours == Decimal("1.5")
    assert (shown.outside_confirmed, shown.outside_recorded) == (2, 1)
    assert shown.hours_together == Decimal("4.5")
    assert [credit.body_name for credit in shown.credit] == ["ASWB ACE"]
    assert [(year.year, year.hours, year.outside_hours) for year in shown.years] == [
        (2026, Decimal("1.5"), 2),
        (2025, 0, 1),
    ]
    assert {row.title: str(row.state) for row in shown.outside} == {
        "Recorded": "recorded",
        "Confirmed": "confirmed",
        "Refused": "refused",
        "Withdrawn late": "withdrawn",
    }


def test_a_period_takes_outside_credit_of_its_days(holder):
    shown = built(holder, since=date(2025, 1, 1), until=date(2026, 1, 1))

    assert [row.title for row in shown.outside] == ["Recorded"]


def test_nothing_of_outside_credit_is_told_to_those_who_may_read_credit_alone(client, holder):
    with_evidence = SupervisionFactory(trainee=holder, shares_evidence=True).supervisor
    without = SupervisionFactory(trainee=holder).supervisor
    staff = UserFactory()
    staff.user_permissions.set(
        Permission.objects.filter(codename__in=["view_outsidecredit", "view_creditentry"])
    )

    offered = {
        reader: {row.shows_evidence for row in built(holder, reader).outside}
        for reader in (holder, with_evidence, without, staff)
    }
    shown = built(holder, without)
    client.force_login(without)
    told = [
        client.get(reverse(f"transcripts:{name}", args=[holder.pk]))
        for name in ("trainee", "trainee_csv", "trainee_json")
    ]

    assert offered == {holder: {True}, with_evidence: {True}, without: set(), staff: {False}}
    assert shown.hours_together == shown.hours == Decimal("1.5")
    assert [answer.status_code for answer in told] == [200, 200, 200]
    for answer in told:
        for words in ("EMDR", "Recorded", "Confirmed", "Refused", "4.5"):
            assert words not in answer.text


def test_the_csv_adds_up_to_what_counts_and_says_what_each_row_is(holder):
    header, *rows = exports.csv_rows(built(holder))
    rows = [dict(zip(header, row, strict=True)) for row in rows]

    assert header[:13] == [
        "Completed on",
        "Title",
        "Format",
        "Provider",
        "Hours",
        "Approving body",
        "Approval number",
        "Credit type",
        "Hours with this body and type",
        "Holder",
        "Certificate",
        "Entry",
        "Reason",
    ]
    assert sorted(
        (row["Title"], row["Source"], row["Outside credit"], row["Hours"], row["Hours as recorded"])
        for row in rows
    ) == [
        ("Confirmed", "Outside credit", "Confirmed", "2", "2"),
        ("Informed Consent as a Conversation", "CE Portal", "", "1.5", ""),
        ("Recorded", "Outside credit", "Recorded", "1", "1"),
        ("Refused", "Outside credit", "Refused", "0", "4"),
        ("Withdrawn late", "Outside credit", "Withdrawn", "0", "16"),
    ]
    assert sum(Decimal(row["Hours"]) for row in rows) == built(holder).hours_together
    refused = next(row for row in rows if row["Title"] == "Refused")
    assert refused["Reason"] == "The name is another person’s."


def test_the_json_keeps_what_we_gave_apart(holder):
    found = exports.as_json(built(holder), at=timezone.now())

    assert (found["hours"], len(found["entries"])) == ("1.5", 1)
    assert found["hours_together"] == "4.5"
    outside = found["outside"]
    assert (outside["hours_confirmed"], outside["hours_recorded"]) == ("2", "1")
    confirmed = next(row for row in outside["entries"] if row["title"] == "Confirmed")
    credit = OutsideCredit.objects.get(title="Confirmed")
    assert confirmed == {
        "id": str(credit.pk),
        "state": "confirmed",
        "counts": True,
        "completed_on": date(2026, 1, 10),
        "begun_on": date(2026, 1, 10),
        "title": "Confirmed",
        "format": "In person",
        "location": "",
        "provider": "Tamarack Trauma Institute",
        "provider_contact": "",
        "instructors": "",
        "hours": "2",
        "certificate_number": "",
        "credit": [
            {
                "body": "NBCC ACEP",
                "approval_number": "ACEP No. 0000",
                "approval_statement": "",
                "type": "Ethics",
                "hours": "2",
            }
        ],
        "evidence_sha256": credit.evidence.sha256,
        "decision": {
            "by": "Helena Brandt",
            "as": "supervisor",
            "on": date(2026, 1, 5),
            "reason": "",
        },
    }


def test_the_pdf_says_of_each_that_it_is_not_of_our_issue(client, holder):
    client.force_login(holder)

    document = client.get(reverse("transcripts:export_pdf")).content

    text = subprocess.run(
        ["pdftotext", "-raw", "-", "-"], input=document, capture_output=True, check=True
    ).stdout.decode()
    text = " ".join(text.split())
    assert "1.5 hours in 1 course." in text
    assert (
        "Earned elsewhere: 2 h confirmed, 1 h recorded and not yet confirmed. "
        "Together with CE Portal: 4.5 h."
    ) in text
    assert "not issued by CE Portal" in text
    assert "Outside credit, confirmed by Helena Brandt (supervisor) on Jan 5, 2026" in text
    assert "0 (of 4)" in text


def test_outside_credit_of_five_asks_the_database_as_often_as_that_of_two(client):
    holder = UserFactory()
    OutsideCreditFactory(holder=holder)
    OutsideDecisionFactory(credit__holder=holder)
    client.force_login(holder)

    def count():
        with CaptureQueriesContext(connection) as queries:
            for name in ("transcript", "export_csv", "export_json"):
                client.get(reverse(f"transcripts:{name}"))
        return len(queries)

    count()
    two = count()
    OutsideCreditFactory.create_batch(2, holder=holder)
    OutsideDecisionFactory(credit__holder=holder)

    assert count() == two
