"""An award is a frozen copy of the facts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.db.models import Sum

from accounts import licenses
from accounts.models import User
from accounts.tests.factories import LicenseFactory, UserFactory
from transcripts import ledger, records
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
        "version": 3,
        "kind": "award",
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
            "edition": "5d41402abc4b2a76",
            "description": "Consent as a thread picked up in session after session.",
            "objectives": ["Name the moments that ask for consent anew."],
            "format": "text",
            "format_name": "Text-based",
            "level": "Introductory",
            "language": "English",
            "location": "Online, on demand",
            "clock_hours": "1.50",
            "started_on": "2026-01-04",
            "ended_on": "2026-01-05",
            "started_at": None,
            "ended_at": None,
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
                "format_name": "Text-based",
                "hours": "1.50",
                "minutes_per_hour": 60,
                "basis": "90 minutes of instruction at 60 an hour",
                "approval_of": "provider",
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
        "correction": None,
    }
    assert entry.record_sha256 == records.digest(entry.record)


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
    assert records.digest(after.record) == after.record_sha256


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
    assert records.digest(stored.record) == entry.record_sha256


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
def test_the_headline_is_the_most_that_one_body_gives_within_the_clock(
    noon, clock_hours, lines, hours
):
    credited = [
        make_line(body=body, credit_type=credit_type, hours=Decimal(given))
        for body, credit_type, given in lines
    ]

    entry = award(UserFactory(), noon, lines=credited, clock_hours=Decimal(clock_hours))

    assert entry.hours == Decimal(hours)


# --- Reversal ---


def reverse(entry, at, **changes):
    facts = {
        "entry": entry,
        "reason_class": "error",
        "reason": "Recorded for the wrong session.",
        "by": changes.pop("by", None) or UserFactory(legal_name="Ingrid Solheim"),
        "at": at + timedelta(days=9),
    }
    return ledger.reverse(**{**facts, **changes})


def test_a_reversal_takes_back_exactly_what_the_award_gave_and_leaves_it_as_it_was(noon):
    lines = [
        make_line(hours=Decimal("1.25")),
        make_line(body="apa", body_name="APA", hours=Decimal(1)),
    ]
    entry = award(UserFactory(), noon, lines=lines)
    before = CreditEntry.objects.values().get()
    curator = UserFactory()

    reversal = reverse(entry, noon, by=curator)

    written = CreditEntry.objects.get(pk=reversal.pk)
    assert (
        written.reverses,
        written.holder,
        written.hours,
        written.earned_on,
        written.recorded_at,
        written.reason_class,
        written.reason,
        written.recorded_by,
    ) == (
        entry,
        entry.holder,
        Decimal("-1.25"),
        MARCH_2,
        noon + timedelta(days=9),
        "error",
        "Recorded for the wrong session.",
        curator,
    )
    assert list(written.lines.order_by("position").values_list("body", "credit_type", "hours")) == [
        ("aswb-ace", "ethics", Decimal("-1.25")),
        ("apa", "ethics", Decimal("-1.00")),
    ]
    assert CreditEntry.objects.values().get(pk=entry.pk) == before
    for model in (CreditEntry, CreditLine):
        assert model.objects.aggregate(sum=Sum("hours"))["sum"] == 0


def test_the_record_of_a_reversal_says_of_which_record_why_and_by_whom(noon):
    entry = award(UserFactory(), noon)

    record = reverse(entry, noon).record

    assert (record["kind"], record["hours"], record["lines"][0]["hours"]) == (
        "reversal",
        "-1.50",
        "-1.50",
    )
    assert record["correction"] == {
        "of_sha256": entry.record_sha256,
        "reason_class": "error",
        "reason": "Recorded for the wrong session.",
        "by": "Ingrid Solheim",
    }
    assert record["activity"] == entry.record["activity"]
    assert record["recorded_at"] == "2026-03-11T12:00:00+00:00"
    assert CreditEntry.objects.get(reverses=entry).record_sha256 == records.digest(record)


def test_an_award_of_version_1_can_be_reversed(noon):
    entry = award(UserFactory(), noon)
    old = {**entry.record, "version": 1}
    del old["kind"], old["correction"]
    entry.pk, entry.record, entry.record_sha256 = None, old, records.digest(old)
    entry.save(force_insert=True)
    CreditLine.objects.create(
        entry=entry,
        position=0,
        body="aswb-ace",
        body_name="ASWB ACE",
        credit_type="ethics",
        credit_type_name="Ethics",
        hours=entry.hours,
    )

    record = reverse(entry, noon).record

    assert (record["version"], record["kind"], record["hours"]) == (3, "reversal", "-1.50")
    assert record["correction"]["of_sha256"] == records.digest(old)


def test_an_award_is_reversed_once(noon):
    entry = award(UserFactory(), noon)
    reverse(entry, noon)

    with pytest.raises(ledger.LedgerError) as refusal:
        reverse(entry, noon)

    assert str(refusal.value) == "This credit was reversed already, on Mar 11, 2026."
    assert CreditEntry.objects.count() == 2


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_reversal_without_words_is_refused(noon, reason):
    entry = award(UserFactory(), noon)

    with pytest.raises(ledger.LedgerError) as refusal:
        reverse(entry, noon, reason=reason)

    assert str(refusal.value) == "Say why: the reason stays with the record."
    assert CreditEntry.objects.get() == entry


def test_a_reversal_is_not_reversed(noon):
    reversal = reverse(award(UserFactory(), noon), noon)

    with pytest.raises(ledger.LedgerError) as refusal:
        reverse(reversal, noon)

    assert str(refusal.value).startswith("This is a reversal.")
    assert CreditEntry.objects.count() == 2


def test_standing_credit_is_neither_reversed_nor_a_reversal(noon):
    holder = UserFactory()
    kept, undone = award(holder, noon), award(holder, noon)
    reverse(undone, noon)

    assert list(CreditEntry.objects.standing()) == [kept]


# --- Correction ---


def test_a_correction_repeats_the_facts_but_those_that_were_wrong(noon):
    holder = UserFactory(legal_name="Maya Okafor")
    lines = [
        make_line(hours=Decimal("1.5")),
        make_line(body="apa", body_name="APA", hours=Decimal("1.5")),
    ]
    entry = award(holder, noon, lines=lines)
    curator = UserFactory(legal_name="Ingrid Solheim")
    reverse(entry, noon, by=curator, reason_class="wrong_hours", reason="The break counted.")

    corrected = ledger.replace(
        entry=entry,
        correction=ledger.Correction(
            holder_name="Maya Brandt",
            clock_hours=Decimal("1.25"),
            hours={("aswb-ace", "ethics"): Decimal("1.25"), ("apa", "ethics"): Decimal(0)},
        ),
        by=curator,
        at=noon + timedelta(days=9),
    )

    written = CreditEntry.objects.get(pk=corrected.pk)
    assert (
        written.replaces,
        written.holder_name,
        written.hours,
        written.activity,
        written.earned_on,
        written.reason_class,
        written.reason,
        written.recorded_by,
    ) == (
        entry,
        "Maya Brandt",
        Decimal("1.25"),
        "consent",
        MARCH_2,
        "wrong_hours",
        "The break counted.",
        curator,
    )
    assert list(written.lines.values_list("body", "hours")) == [("aswb-ace", Decimal("1.25"))]
    unchanged = {"holder", "activity", "lines", "hours", "kind", "recorded_at", "correction"}
    assert {key: written.record[key] for key in written.record.keys() - unchanged} == {
        key: entry.record[key] for key in entry.record.keys() - unchanged
    }
    assert written.record["kind"] == "correction"
    assert written.record["correction"]["of_sha256"] == entry.record_sha256
    assert written.record_sha256 == records.digest(written.record)
    assert CreditEntry.objects.aggregate(sum=Sum("hours"))["sum"] == Decimal("1.25")


def test_a_correction_can_take_todays_licenses(noon):
    holder = UserFactory()
    entry = award(holder, noon)
    LicenseFactory(holder=holder, state="NY", license_type="LCSW", number="77")
    LicenseFactory(holder=holder, number="REMOVED", removed_at=noon)
    LicenseFactory(holder=holder, number="NOT-YET", issued_on=date(2026, 3, 3))
    LicenseFactory(holder=holder, number="EXPIRED-LATER", expires_on=MARCH_2)
    reverse(entry, noon)

    corrected = ledger.replace(
        entry=entry,
        correction=ledger.Correction(licenses_as_today=True),
        by=UserFactory(),
        at=noon,
    )

    named = {held["number"] for held in corrected.record["holder"]["licenses"]}
    assert named == {"77", "EXPIRED-LATER"}


@pytest.mark.parametrize(
    ("is_reversed", "correction", "words"),
    [
        (
            False,
            ledger.Correction(holder_name="Maya Brandt"),
            "Reverse this credit before it is awarded anew.",
        ),
        (
            True,
            ledger.Correction(holder_name="Maya Okafor", clock_hours=Decimal("1.50")),
            "Nothing is different. Change what is wrong, or reverse the credit.",
        ),
        (
            True,
            ledger.Correction(hours={("aswb-ace", "ethics"): Decimal(0)}),
            "Nothing would be left. Reverse the credit instead.",
        ),
    ],
)
def test_replace_refuses_what_is_no_correction(noon, is_reversed, correction, words):
    entry = award(UserFactory(legal_name="Maya Okafor"), noon)
    if is_reversed:
        reverse(entry, noon)

    with pytest.raises(ledger.LedgerError) as refusal:
        ledger.replace(entry=entry, correction=correction, by=UserFactory(), at=noon)

    assert str(refusal.value) == words
    assert not CreditEntry.objects.filter(replaces=entry).exists()


@pytest.mark.parametrize("ends_at", [datetime(2026, 3, 2, 6, 0), datetime(2026, 3, 2, 3, 0)])
def test_a_session_over_midnight_is_not_corrected_to_one_day(noon, ends_at):
    """From 22:00 in New York to 1:00, and to its own beginning on the clock."""
    entry = award(
        UserFactory(),
        noon,
        started_on=date(2026, 3, 1),
        ended_on=MARCH_2,
        started_at=datetime(2026, 3, 2, 3, 0, tzinfo=UTC),
        ended_at=ends_at.replace(tzinfo=UTC),
    )
    reverse(entry, noon)

    def correct(started_on, earned_on):
        return ledger.replace(
            entry=entry,
            correction=ledger.Correction(started_on=started_on, earned_on=earned_on),
            by=UserFactory(),
            at=noon,
        )

    with pytest.raises(ledger.LedgerError, match="would end before it begins"):
        correct(date(2026, 3, 1), date(2026, 3, 1))
    corrected = correct(date(2026, 2, 28), date(2026, 3, 1))

    assert corrected.record["activity"]["started_at"] == "2026-02-28T22:00:00-05:00"
    assert corrected.earned_on == date(2026, 3, 1)


def test_an_award_is_replaced_once_and_its_correction_can_be_corrected(noon):
    entry = award(UserFactory(), noon)
    names = iter(["First", "Second", "Third"])

    def correct(wrong):
        return ledger.replace(
            entry=wrong,
            correction=ledger.Correction(holder_name=next(names)),
            by=UserFactory(),
            at=noon,
        )

    reverse(entry, noon)
    first = correct(entry)
    with pytest.raises(ledger.LedgerError, match="awarded anew already"):
        correct(entry)
    reverse(first, noon)
    last = correct(first)

    assert [ledger.current(link) for link in (entry, first, last)] == [last, last, last]
    assert list(CreditEntry.objects.standing()) == [last]
