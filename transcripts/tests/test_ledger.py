"""An award is a frozen copy of the facts."""

import json
from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError

from accounts import licenses
from accounts.models import User
from accounts.tests.factories import LicenseFactory, UserFactory
from transcripts import ledger
from transcripts.models import CreditEntry, CreditLine
from transcripts.tests.factories import make_activity, make_line

pytestmark = pytest.mark.django_db

MARCH_2 = date(2026, 3, 2)


def award(holder, at, *, lines=None, **changes):
    return ledger.award(
        holder=holder,
        activity=make_activity(**changes),
        lines=[make_line()] if lines is None else lines,
        earned_on=MARCH_2,
        time_zone="America/New_York",
        at=at,
    )


def test_award_writes_the_entry_and_its_lines_in_order(noon):
    holder = UserFactory(legal_name="Maya Okafor")
    lines = [
        make_line(hours=Decimal("1.25")),
        make_line(credit_type="general", credit_type_name="General", hours=Decimal("0.25")),
        make_line(body="apa", body_name="APA", hours=Decimal(1)),
    ]

    entry = award(holder, noon, lines=lines)

    written = CreditEntry.objects.get()
    assert written == entry
    assert (
        written.holder,
        written.holder_name,
        written.activity,
        written.title,
        written.format,
        written.hours,
        written.earned_on,
        written.recorded_at,
    ) == (
        holder,
        "Maya Okafor",
        "consent",
        "Informed Consent as a Conversation",
        "text",
        Decimal("1.5"),
        MARCH_2,
        noon,
    )
    assert list(
        CreditLine.objects.order_by("position").values_list(
            "entry", "position", "body_name", "credit_type_name", "hours"
        )
    ) == [
        (entry.pk, 0, "ASWB ACE", "Ethics", Decimal("1.25")),
        (entry.pk, 1, "ASWB ACE", "General", Decimal("0.25")),
        (entry.pk, 2, "APA", "Ethics", Decimal("1.00")),
    ]


def test_award_freezes_every_fact_of_the_day(noon):
    holder = UserFactory(legal_name="Maya Okafor")
    LicenseFactory(holder=holder, state="NY", license_type="LCSW", number="AB-1")
    LicenseFactory(holder=holder, state="NJ", license_type="LCSW", number="7")
    LicenseFactory()

    entry = award(holder, noon, lines=[make_line(approval_valid_to=None)])

    entry.refresh_from_db()
    assert entry.record == {
        "version": 1,
        "holder": {
            "legal_name": "Maya Okafor",
            "licenses": [
                {"state": "NJ", "state_name": "New Jersey", "type": "LCSW", "number": "7"},
                {"state": "NY", "state_name": "New York", "type": "LCSW", "number": "AB-1"},
            ],
        },
        "activity": {
            "key": "consent",
            "title": "Informed Consent as a Conversation",
            "description": "Consent as a thread picked up in session after session.",
            "objectives": ["Name the moments that ask for consent anew."],
            "format": "text",
            "format_name": "Text-based",
            "level": "Introductory",
            "language": "English",
            "location": "Online, on demand",
            "clock_hours": "1.50",
            "started_on": "2026-01-04",
            "instructors": [{"name": "Ada Moreno", "credentials": "PhD, LCSW"}],
            "provider": {
                "name": "Hollow Reed Institute",
                "address": "118 Canal Street\nTroy, NY 12180",
                "email": "office@hollowreed.example",
                "phone": "(518) 555-0142",
                "director": "Ingrid Solheim, LCSW",
                "director_title": "Director of Continuing Education",
            },
            "disclosures": {
                "conflict_of_interest": "Nothing to disclose.",
                "commercial_support": "No commercial support was received.",
            },
            "evidence": {"lessons_read": 2, "evaluation": "submitted"},
        },
        "lines": [
            {
                "body": "aswb-ace",
                "body_name": "ASWB ACE",
                "credit_type": "ethics",
                "credit_type_name": "Ethics",
                "hours": "1.50",
                "minutes_per_hour": 60,
                "basis": "90 minutes of instruction at 60 an hour",
                "approval_number": "0000",
                "approval_statement": "Hollow Reed Institute, no. 0000, is approved by ASWB ACE.",
                "approval_valid_from": "2025-09-01",
                "approval_valid_to": None,
            }
        ],
        "hours": "1.50",
        "earned_on": "2026-03-02",
        "time_zone": "America/New_York",
        "recorded_at": "2026-03-02T12:00:00+00:00",
    }
    assert entry.record_sha256 == ledger.digest(entry.record)


def test_an_award_names_the_licenses_that_are_in_force_on_the_day_of_completion(noon):
    holder = UserFactory()
    facts = {
        "LAST-DAY": {"expires_on": MARCH_2},
        "FIRST-DAY": {"issued_on": MARCH_2},
        "NO-DAYS": {},
        "EXPIRED": {"expires_on": date(2026, 3, 1)},
        "NOT-YET": {"issued_on": date(2026, 3, 3)},
        "REMOVED": {"removed_at": noon},
    }
    for number, days in facts.items():
        LicenseFactory(holder=holder, number=number, **days)

    entry = award(holder, noon)

    named = {license_["number"] for license_ in entry.record["holder"]["licenses"]}
    assert named == {"LAST-DAY", "FIRST-DAY", "NO-DAYS"}


def test_an_award_stays_as_it_was_when_the_person_and_the_licenses_change(noon):
    holder = UserFactory(legal_name="Maya Okafor")
    kept, removed = LicenseFactory.create_batch(2, holder=holder)
    before = award(holder, noon)

    User.objects.filter(pk=holder.pk).update(legal_name="Maya Brandt", email="new@example.com")
    kept.number = "CHANGED"
    kept.save()
    licenses.remove(license_=removed, at=noon)
    LicenseFactory(holder=holder, state="CA")

    after = CreditEntry.objects.get(pk=before.pk)
    assert (after.holder_name, after.record, after.record_sha256) == (
        "Maya Okafor",
        before.record,
        before.record_sha256,
    )
    assert ledger.digest(after.record) == after.record_sha256


def test_the_digest_holds_after_the_database_has_stored_the_record(noon):
    holder = UserFactory(legal_name="محمد Nguyễn “Mo” O'Brien \\ 李小龍 🎓")
    odd = {
        "z": [1, {"b": None, "a": True}],
        "a": {"ß": "\u2028 \t\n"},
        "figure": 0.1,
        "big": 10**20,
    }

    entry = award(holder, noon, evidence=odd)

    stored = CreditEntry.objects.get(pk=entry.pk)
    assert stored.record == entry.record
    assert ledger.digest(stored.record) == entry.record_sha256


@pytest.mark.parametrize(
    ("facts", "changes", "words"),
    [
        ({"is_active": False}, {}, "This account is closed."),
        ({}, {"lines": []}, "No approval of this course is in date."),
    ],
)
def test_award_refuses_and_writes_nothing(noon, facts, changes, words):
    holder = UserFactory(**facts)

    with pytest.raises(ledger.LedgerError) as refusal:
        award(holder, noon, **changes)

    assert str(refusal.value) == words
    assert CreditEntry.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_award_writes_the_entry_with_all_its_lines_or_not_at_all(noon):
    holder = UserFactory()

    with pytest.raises(IntegrityError):
        award(holder, noon, lines=[make_line(), make_line()])

    assert (CreditEntry.objects.count(), CreditLine.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("clock_hours", "lines", "hours"),
    [
        # Hours of one body are added up, those of two bodies never.
        ("3", [("aswb", "ethics", "1"), ("aswb", "general", "2")], "3"),
        ("3", [("aswb", "ethics", "3"), ("apa", "ethics", "3")], "3"),
        ("3", [("aswb", "ethics", "2.5"), ("apa", "general", "2")], "2.5"),
        # No more than the clock says, though a body with short hours counts more.
        ("1.5", [("nysed", "ethics", "1.8")], "1.5"),
        ("1.5", [("nysed", "ethics", "0.9"), ("nysed", "general", "0.9")], "1.5"),
        ("0.75", [("aswb", "ethics", "0.5")], "0.5"),
    ],
)
def test_the_headline_is_the_most_that_one_body_gives_within_the_clock(clock_hours, lines, hours):
    activity = make_activity(clock_hours=Decimal(clock_hours))
    credited = [
        make_line(body=body, credit_type=credit_type, hours=Decimal(given))
        for body, credit_type, given in lines
    ]

    assert ledger.headline_hours(activity, credited) == Decimal(hours)


def test_canonical_does_not_depend_on_the_order_of_keys():
    record = {"b": 1, "a": {"d": [2, 1], "c": "Nguyễn"}}
    shuffled = {"a": {"c": "Nguyễn", "d": [2, 1]}, "b": 1}

    assert ledger.canonical(record) == ledger.canonical(shuffled)
    assert ledger.canonical(record) == '{"a":{"c":"Nguyễn","d":[2,1]},"b":1}'.encode()


def test_the_digest_of_a_record_never_changes_between_releases():
    record = json.loads('{"version": 1, "holder": {"legal_name": "Nguyễn Thị Ánh"}, "lines": []}')

    assert ledger.digest(record) == (
        "b42057075411b14a3ba2593f42b639c88a8135d4decfcd857cf7bde101cb3ef5"
    )


@pytest.mark.parametrize(
    ("one", "other"), [("1.50", "1.5"), ([1, 2], [2, 1]), (None, ""), ("Maya", "Maya ")]
)
def test_records_that_differ_have_different_digests(one, other):
    assert ledger.digest({"fact": one}) != ledger.digest({"fact": other})


def test_canonical_refuses_what_is_not_json():
    with pytest.raises(ValueError, match="not JSON compliant"):
        ledger.canonical({"hours": float("nan")})
