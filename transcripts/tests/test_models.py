"""What the database itself refuses about credit, above all that it changes or disappears."""

from contextlib import contextmanager
from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from accounts.models import User
from accounts.tests.factories import UserFactory
from transcripts import certificates
from transcripts.models import Certificate, CreditEntry, CreditLine
from transcripts.tests.factories import (
    LONG_AGO,
    CertificateFactory,
    CreditEntryFactory,
    make_line,
)

pytestmark = pytest.mark.django_db

APPEND_ONLY = "Credit is append-only"
ENTRY_RULE = "A reversal takes back exactly what one award gave."
REPLACE_RULE = "A correction replaces an award that was reversed."
LINE_RULE = "A line gives hours, or takes back exactly what the reversed award gave."


@contextmanager
def refused(constraint, *, columns=""):
    """The database refuses by this constraint. SQLite names the columns of a plain unique one."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        yield
    name = columns if columns and connection.vendor == "sqlite" else constraint
    assert name in str(refusal.value)


def everything(model):
    """All rows of a table with all their columns."""
    return list(model.objects.order_by("pk").values())


def run(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


def delete_behind_djangos_back(user):
    User.objects.filter(pk=user.pk)._raw_delete("default")
    connection.check_constraints()


# --- Constraints ---


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("credit_entry_gives_or_takes_back", {"hours": 0}),
        ("credit_entry_gives_or_takes_back", {"hours": Decimal("-1.5")}),
        ("credit_entry_names_its_facts", {"title": ""}),
        ("credit_entry_names_its_facts", {"holder_name": ""}),
    ],
)
def test_the_database_refuses_an_entry_that_says_nothing(constraint, change):
    copy = CreditEntryFactory()
    copy.pk = None
    for column, value in change.items():
        setattr(copy, column, value)

    with refused(constraint):
        copy.save(force_insert=True)


@pytest.mark.parametrize(
    ("hours", "rule"), [(0, "credit_line_has_hours"), (Decimal("-0.25"), LINE_RULE)]
)
def test_the_database_refuses_an_award_with_a_line_that_gives_nothing(hours, rule):
    line = CreditEntryFactory().lines.get()
    line.pk, line.credit_type, line.hours = None, "general", hours

    with refused(rule):
        line.save(force_insert=True)


def twin_of(entry, **change):
    """The same row again, with what a test changes, not saved."""
    twin = CreditEntry.objects.get(pk=entry.pk)
    twin.pk = None
    for column, value in change.items():
        setattr(twin, column, value)
    return twin


def reversal_of(entry, **change):
    """A reversal as the ledger would write it, not saved."""
    facts = {
        "reverses": entry,
        "hours": -entry.hours,
        "reason_class": "error",
        "reason": "Recorded for the wrong person.",
        "recorded_by": UserFactory(),
    }
    return twin_of(entry, **{**facts, **change})


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        (ENTRY_RULE, {"hours": Decimal("-1.25")}),
        (ENTRY_RULE, {"hours": Decimal("-2")}),
        (ENTRY_RULE, {"activity": "another"}),
        (ENTRY_RULE, {"earned_on": date(2026, 1, 6)}),
        ("credit_entry_correction_has_reason_and_author", {"reason": ""}),
        ("credit_entry_correction_has_reason_and_author", {"reason_class": ""}),
        ("credit_entry_correction_has_reason_and_author", {"reason_class": "whim"}),
        ("credit_entry_correction_has_reason_and_author", {"recorded_by": None}),
    ],
)
def test_the_database_refuses_a_reversal_that_does_not_match_or_does_not_say_why(rule, change):
    wrong = reversal_of(CreditEntryFactory(), **change)

    with refused(rule):
        wrong.save(force_insert=True)


def test_the_database_refuses_a_reversal_of_another_persons_award():
    wrong = reversal_of(CreditEntryFactory(), holder=UserFactory())

    with refused(ENTRY_RULE):
        wrong.save(force_insert=True)


def test_the_database_refuses_a_second_reversal():
    entry = CreditEntryFactory()
    reversal_of(entry).save(force_insert=True)

    with refused("reverses_id", columns="transcripts_creditentry.reverses_id"):
        reversal_of(entry).save(force_insert=True)


def test_the_database_refuses_a_reversal_of_a_reversal():
    reversal = reversal_of(CreditEntryFactory())
    reversal.save(force_insert=True)

    for hours in (reversal.hours, -reversal.hours):
        with refused(""):
            reversal_of(reversal, hours=hours).save(force_insert=True)


def test_the_database_refuses_that_somebody_corrects_their_own_credit():
    entry = CreditEntryFactory()

    with refused("credit_entry_corrected_by_somebody_else"):
        reversal_of(entry, recorded_by=entry.holder).save(force_insert=True)


@pytest.mark.parametrize(
    "change", [{"hours": Decimal("-1.25")}, {"hours": Decimal("1.5")}, {"credit_type": "general"}]
)
def test_the_database_refuses_a_line_that_takes_back_what_was_not_given(change):
    entry = CreditEntryFactory()
    reversal = reversal_of(entry)
    reversal.save(force_insert=True)
    line = entry.lines.get()
    line.pk, line.entry, line.hours = None, reversal, -line.hours
    for column, value in change.items():
        setattr(line, column, value)

    with refused(LINE_RULE):
        line.save(force_insert=True)


def correction_of(entry, **change):
    facts = {
        "replaces": entry,
        "reason_class": "name",
        "reason": "Married.",
        "recorded_by": UserFactory(),
    }
    return twin_of(entry, **{**facts, **change})


def test_the_database_refuses_to_replace_an_award_that_stands():
    with refused(REPLACE_RULE):
        correction_of(CreditEntryFactory()).save(force_insert=True)


def test_the_database_refuses_a_second_replacement_and_one_for_somebody_else():
    entry = CreditEntryFactory()
    reversal_of(entry).save(force_insert=True)
    with refused(REPLACE_RULE):
        correction_of(entry, holder=UserFactory()).save(force_insert=True)
    with refused(REPLACE_RULE):
        correction_of(entry, activity="another").save(force_insert=True)
    correction_of(entry).save(force_insert=True)

    with refused("replaces_id", columns="transcripts_creditentry.replaces_id"):
        correction_of(entry).save(force_insert=True)


def test_the_database_refuses_an_entry_that_reverses_and_replaces():
    entry = CreditEntryFactory()
    reversal_of(entry).save(force_insert=True)
    other = CreditEntryFactory(holder=entry.holder)

    with refused("credit_entry_reverses_or_replaces"):
        reversal_of(other, replaces=entry).save(force_insert=True)


def test_the_database_refuses_a_certificate_of_a_reversal():
    reversal = reversal_of(CreditEntryFactory())
    reversal.save(force_insert=True)

    with refused("A certificate is of an award, not of a reversal."):
        certificates.issue(entry=reversal, at=LONG_AGO)


def test_the_database_refuses_a_second_line_of_one_body_and_type():
    line = CreditEntryFactory().lines.get()
    line.pk, line.position = None, 1

    with refused("credit_line_once_per_body_and_type", columns="transcripts_creditline.entry_id"):
        line.save(force_insert=True)


def test_the_database_refuses_a_second_certificate_of_one_entry():
    first = CertificateFactory()

    with refused("transcripts_certificate_entry_id", columns="transcripts_certificate.entry_id"):
        Certificate.objects.create(
            entry=first.entry,
            code="CEP-0000-0000-0000-0000",
            issued_at=LONG_AGO,
            next_attempt_at=LONG_AGO,
            leased_until=LONG_AGO,
        )


def test_the_database_refuses_a_code_that_is_taken():
    first, entry = CertificateFactory(), CreditEntryFactory()

    with refused("transcripts_certificate_code", columns="transcripts_certificate.code"):
        Certificate.objects.create(
            entry=entry,
            code=first.code,
            issued_at=LONG_AGO,
            next_attempt_at=LONG_AGO,
            leased_until=LONG_AGO,
        )


@pytest.mark.parametrize("change", [{"pdf": "a.pdf"}, {"drawn_at": LONG_AGO}])
def test_the_database_refuses_a_certificate_that_is_half_drawn(change):
    certificate = CertificateFactory()

    with refused("certificate_drawn_when_it_has_a_pdf"):
        Certificate.objects.filter(pk=certificate.pk).update(**change)


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("certificate_is_queued_or_has_a_pdf_or_says_why_not", {"state": "issued"}),
        ("certificate_is_queued_or_has_a_pdf_or_says_why_not", {"state": "failed"}),
        ("certificate_is_queued_or_has_a_pdf_or_says_why_not", {"state": "lost"}),
        (
            "certificate_leased_while_queued",
            {"state": "failed", "failure": "No room.", "lease": "a"},
        ),
    ],
)
def test_the_database_refuses_a_state_that_the_row_does_not_bear_out(rule, change):
    certificate = CertificateFactory()

    with refused(rule):
        Certificate.objects.filter(pk=certificate.pk).update(**change)


def test_the_database_keeps_the_holder_of_credit():
    holder = CreditEntryFactory().holder
    holder.emailaddress_set.all().delete()

    with pytest.raises(ProtectedError):
        holder.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        delete_behind_djangos_back(holder)

    assert User.objects.filter(pk=holder.pk).exists()


# --- The ledger is append-only ---


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Something Else"},
        {"holder_name": "Somebody Else"},
        {"hours": 99},
        {"record": {}},
        {"title": "Informed Consent as a Conversation"},  # even to what it says already
    ],
)
def test_the_database_refuses_an_update_of_credit_entries(change):
    CreditEntryFactory()
    before = everything(CreditEntry)

    with refused(APPEND_ONLY):
        CreditEntry.objects.update(**change)

    assert everything(CreditEntry) == before


def test_the_database_refuses_an_update_of_credit_lines():
    CreditEntryFactory()
    before = everything(CreditLine)

    with refused(APPEND_ONLY):
        CreditLine.objects.update(hours=99)

    assert everything(CreditLine) == before


def test_the_database_refuses_to_save_an_entry_again():
    entry = CreditEntryFactory()
    entry.title = "Something Else"

    with refused(APPEND_ONLY):
        entry.save()

    entry.refresh_from_db()
    assert entry.title == "Informed Consent as a Conversation"


def test_the_database_refuses_to_give_credit_to_another_holder():
    entry, thief = CreditEntryFactory(), UserFactory()

    with refused(APPEND_ONLY):
        CreditEntry.objects.filter(pk=entry.pk).update(holder=thief)


def test_the_database_refuses_to_delete_credit_lines():
    CreditEntryFactory()
    before = everything(CreditLine)

    with refused(APPEND_ONLY):
        CreditLine.objects.all().delete()

    assert everything(CreditLine) == before


def test_the_database_refuses_to_delete_an_entry_even_one_that_nothing_points_to():
    bare = CreditEntryFactory()
    bare.pk = None
    bare.save(force_insert=True)
    before = everything(CreditEntry)

    with refused(APPEND_ONLY):
        bare.delete()

    assert everything(CreditEntry) == before


@pytest.mark.parametrize("table", ["transcripts_creditentry", "transcripts_creditline"])
@pytest.mark.parametrize(
    ("only_on", "statement"),
    [
        ("", "UPDATE {table} SET hours = hours + 1"),
        ("", "UPDATE {table} SET hours = hours"),
        ("", "DELETE FROM {table}"),
        ("", "DELETE FROM {table} WHERE hours > 0"),
        (
            "",
            "INSERT INTO {table} SELECT * FROM {table} WHERE true "
            "ON CONFLICT (id) DO UPDATE SET hours = 99",
        ),
        ("sqlite", "INSERT OR REPLACE INTO {table} SELECT * FROM {table}"),
        ("postgresql", "TRUNCATE {table} CASCADE"),
    ],
)
def test_the_database_refuses_statements_from_outside_the_portal(only_on, statement, table):
    if only_on not in {"", connection.vendor}:
        pytest.skip(f"a statement of {only_on}")
    CreditEntryFactory()
    connection.check_constraints()  # PostgreSQL empties no table with checks still to do
    before = (everything(CreditEntry), everything(CreditLine))

    with refused(APPEND_ONLY):
        run(statement.format(table=table))

    assert (everything(CreditEntry), everything(CreditLine)) == before


def test_new_credit_is_still_written_after_a_refusal():
    first = CreditEntryFactory()
    with refused(APPEND_ONLY):
        CreditEntry.objects.update(hours=99)

    second = CreditEntryFactory(holder=first.holder)

    assert set(first.holder.credit_entries.all()) == {first, second}


# --- Clauses ---


def test_earned_between_includes_the_first_day_and_not_the_last():
    holder = UserFactory()
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1)]
    for day in days:
        CreditEntryFactory(holder=holder, earned_on=day)
    since, until = date(2026, 1, 1), date(2027, 1, 1)

    found = {
        (start, end): [
            entry.earned_on
            for entry in CreditEntry.objects.earned_between(start, end).order_by("earned_on")
        ]
        for start, end in [(since, until), (since, None), (None, until), (None, None)]
    }

    assert found == {
        (since, until): days[1:3],
        (since, None): days[1:],
        (None, until): days[:3],
        (None, None): days,
    }


def test_newest_first_puts_the_later_written_of_one_day_first():
    first = CreditEntryFactory(earned_on=date(2026, 1, 5))
    second = CreditEntryFactory(earned_on=date(2026, 1, 5))
    earlier = CreditEntryFactory(earned_on=date(2026, 1, 4))

    assert list(CreditEntry.objects.newest_first()) == [second, first, earlier]


def test_the_lines_of_an_entry_may_be_of_several_bodies_and_types():
    entry = CreditEntryFactory(
        lines=[
            make_line(),
            make_line(credit_type="general", credit_type_name="General"),
            make_line(body="apa", body_name="APA"),
        ]
    )

    assert entry.lines.count() == 3
