"""The log of supervised practice adds up, never changes, and is confirmed as it was seen."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from accounts.tests.factories import SupervisionFactory, UserFactory
from transcripts import practice
from transcripts.models import PracticeConfirmation, PracticeEntry

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 2, 23)
SUNDAY = date(2026, 3, 1)


@pytest.fixture
def trainee():
    return UserFactory(legal_name="Priya Raman")


def log(trainee, at, hours="1.5", **facts):
    facts = {"worked_on": MONDAY, "kind": "direct", "note": "", **facts}
    return practice.log(trainee=trainee, hours=Decimal(hours), at=at, **facts)


def supervisor_of(trainee):
    link = trainee.supervisions_received.first() or SupervisionFactory(
        trainee=trainee, supervisor__legal_name="Helena Brandt", shares_practice=True
    )
    return link.supervisor


def confirm(trainee, at, last, **facts):
    by = facts.pop("by", None) or supervisor_of(trainee)
    facts = {"week": MONDAY, "last_seen": str(last.key), **facts}
    return practice.confirm(trainee=trainee, by=by, at=at, **facts)


def week_of(trainee, at):
    (week,) = practice.weeks(trainee=trainee, reader=trainee, mondays=[MONDAY], at=at)
    return week


def totals(trainee, at):
    rows = practice.totals(trainee=trainee, reader=trainee, at=at)
    return {row.label: (row.confirmed, row.waiting) for row in rows}


# --- Hours ---


def test_hours_add_up_by_kind(trainee, noon):
    log(trainee, noon, "1.25")
    log(trainee, noon, "0.5")
    log(trainee, noon, "1", kind="group")
    log(UserFactory(), noon, "9")

    assert totals(trainee, noon) == {
        "Direct client contact": (0, Decimal("1.75")),
        "Other practice": (0, 0),
        "Individual supervision": (0, 0),
        "Group supervision": (0, 1),
        "All kinds": (0, Decimal("2.75")),
    }


@pytest.mark.parametrize("hours", ["0", "-1", "0.1", "24.25", "1.30"])
def test_hours_go_by_quarters_of_a_day(trainee, noon, hours):
    with pytest.raises(practice.PracticeError, match="Hours go by quarters"):
        log(trainee, noon, hours)


def test_a_day_has_24_hours_of_all_kinds_together(trainee, noon):
    log(trainee, noon, "16")
    full = log(trainee, noon, "8", kind="other")

    with pytest.raises(practice.PracticeError, match="has 24 h already"):
        log(trainee, noon, "0.25", kind="group")
    practice.reverse(entry=full, note="", at=noon)
    log(trainee, noon, "8", kind="group")

    assert totals(trainee, noon)["All kinds"] == (0, 24)


def test_the_day_is_the_trainees_own_and_not_to_come(noon):
    in_tokyo = UserFactory(time_zone="Asia/Tokyo")
    in_new_york = UserFactory(time_zone="America/New_York")
    late = noon.replace(hour=20)  # the 3rd in Tokyo, the 2nd in New York

    log(in_tokyo, late, worked_on=date(2026, 3, 3))
    with pytest.raises(practice.PracticeError, match="still to come"):
        log(in_new_york, late, worked_on=date(2026, 3, 3))
    with pytest.raises(practice.PracticeError, match="four digits"):
        log(in_new_york, late, worked_on=date(26, 3, 2))


def test_a_week_goes_from_monday_through_sunday(trainee, noon):
    weeks = {
        day: log(trainee, noon, worked_on=day).week
        for day in (MONDAY - timedelta(days=1), MONDAY, SUNDAY, SUNDAY + timedelta(days=1))
    }

    assert list(weeks.values()) == [
        MONDAY - timedelta(days=7),
        MONDAY,
        MONDAY,
        MONDAY + timedelta(days=7),
    ]


def test_an_entry_is_taken_back_once_by_a_line_below_zero(trainee, noon):
    entry = log(trainee, noon)

    reversal = practice.reverse(entry=entry, note="It was 2.", at=noon)

    assert (reversal.hours, reversal.kind, reversal.worked_on) == (
        Decimal("-1.5"),
        "direct",
        MONDAY,
    )
    assert totals(trainee, noon)["All kinds"] == (0, 0)
    with pytest.raises(practice.PracticeError, match="taken back already"):
        practice.reverse(entry=entry, note="", at=noon)
    with pytest.raises(practice.PracticeError, match="takes hours back"):
        practice.reverse(entry=reversal, note="", at=noon)


# --- Confirmation ---


def test_what_comes_after_a_confirmation_waits_for_a_new_one(trainee, noon):
    first = log(trainee, noon)
    second = log(trainee, noon, "2", kind="individual", worked_on=SUNDAY)
    confirm(trainee, noon, second)
    assert week_of(trainee, noon).is_confirmed
    assert totals(trainee, noon)["All kinds"] == (Decimal("3.5"), 0)

    reversal = practice.reverse(entry=first, note="", at=noon)
    corrected = log(trainee, noon, "1")

    week = week_of(trainee, noon)
    assert week.is_changed_since
    assert week.since == [corrected, reversal]
    assert totals(trainee, noon)["Direct client contact"] == (0, 1)
    assert totals(trainee, noon)["All kinds"] == (2, 1)

    confirm(trainee, noon, corrected)
    assert week_of(trainee, noon).is_confirmed
    assert totals(trainee, noon)["All kinds"] == (3, 0)


def test_confirmed_hours_that_are_taken_back_are_confirmed_no_more(trainee, noon):
    entry = log(trainee, noon, "5")
    confirm(trainee, noon, log(trainee, noon, "2", worked_on=SUNDAY))

    practice.reverse(entry=entry, note="", at=noon)

    assert totals(trainee, noon)["All kinds"] == (2, 0)


def test_a_confirmation_is_of_one_week(trainee, noon):
    last = log(trainee, noon, worked_on=SUNDAY + timedelta(days=1))
    entry = log(trainee, noon)

    confirm(trainee, noon, entry)

    week = last.week
    (other,) = practice.weeks(trainee=trainee, reader=trainee, mondays=[week], at=noon)
    assert not other.is_confirmed


def test_a_week_is_confirmed_only_as_it_was_seen(trainee, noon):
    seen = log(trainee, noon)
    log(trainee, noon)

    with pytest.raises(practice.PracticeError, match="changed since you opened it"):
        confirm(trainee, noon, seen)

    assert not PracticeConfirmation.objects.exists()


def test_a_week_is_confirmed_once_as_it_stands(trainee, noon):
    last = log(trainee, noon)
    confirm(trainee, noon, last)

    with pytest.raises(practice.PracticeError) as refusal:
        confirm(trainee, noon, last)

    assert str(refusal.value) == "Helena Brandt confirmed this week on Mar 2, 2026 already."


def test_nobody_confirms_their_own_or_an_empty_week(trainee, noon):
    last = log(trainee, noon)

    with pytest.raises(practice.PracticeError, match="their own"):
        confirm(trainee, noon, last, by=trainee)
    with pytest.raises(practice.PracticeError, match="Nothing is logged"):
        confirm(trainee, noon, last, week=MONDAY - timedelta(days=7))


# --- Who reads it ---


def test_who_reads_a_practice_log(trainee, noon):
    log(trainee, noon)
    log(UserFactory(), noon)
    readers = {
        "trainee": trainee,
        "supervisor": SupervisionFactory(trainee=trainee, shares_practice=True).supervisor,
        "of credit alone": SupervisionFactory(trainee=trainee).supervisor,
        "past": SupervisionFactory(trainee=trainee, shares_practice=True, ended=True).supervisor,
        "other": UserFactory(),
        "stranger": AnonymousUser(),
    }

    assert {
        who: PracticeEntry.objects.visible_to(reader, at=noon).count()
        for who, reader in readers.items()
    } == {
        "trainee": 1,
        "supervisor": 1,
        "of credit alone": 0,
        "past": 0,
        "other": 0,
        "stranger": 0,
    }


def test_the_csv_adds_up_to_the_totals_and_says_what_is_confirmed(trainee, noon):
    entry = log(trainee, noon, note="=cmd()")
    confirm(trainee, noon, entry)
    practice.reverse(entry=entry, note="", at=noon)

    header, *rows = practice.csv_rows(trainee=trainee, reader=trainee, at=noon)

    rows = [dict(zip(header, row, strict=True)) for row in rows]
    assert [
        (row["Day"], row["Hours"], row["Entry"], row["Confirmed"], row["Confirmed by"])
        for row in rows
    ] == [
        ("2026-02-23", "-1.5", "Reversal", "No", ""),
        ("2026-02-23", "1.5", "Taken back", "Yes", "Helena Brandt"),
    ]


# --- What the database refuses ---


def test_the_database_refuses_to_change_the_log(trainee, noon):
    entry = log(trainee, noon)
    confirm(trainee, noon, entry)

    for change in (
        lambda: PracticeEntry.objects.update(quarter_hours=40),
        lambda: PracticeEntry.objects.filter(pk=entry.pk)._raw_delete("default"),
        lambda: PracticeConfirmation.objects.update(supervisor_name="Other"),
        lambda: PracticeConfirmation.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()

    assert PracticeEntry.objects.get() == entry


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quarter_hours": 0}, "practice_entry_is_at_most_a_day"),
        ({"quarter_hours": 97}, "practice_entry_is_at_most_a_day|A day has 24 hours"),
        ({"quarter_hours": 91}, "A day has 24 hours"),
        ({"kind": "nap"}, "practice_entry_has_a_known_kind"),
        ({"week": SUNDAY}, "An entry is of the week"),
        ({"week": MONDAY - timedelta(days=7)}, "An entry is of the week"),
    ],
)
def test_the_database_refuses_an_entry_that_makes_no_sense(trainee, noon, change, words):
    log(trainee, noon)
    facts = {
        "trainee": trainee,
        "worked_on": MONDAY,
        "week": MONDAY,
        "kind": "direct",
        "quarter_hours": 4,
        "recorded_at": noon,
    }

    with pytest.raises(IntegrityError, match=words), transaction.atomic():
        PracticeEntry.objects.create(**{**facts, **change})


@pytest.mark.parametrize(
    "change",
    [{"quarter_hours": -5}, {"kind": "group"}, {"worked_on": MONDAY + timedelta(days=1)}],
)
def test_the_database_refuses_a_reversal_that_is_not_of_its_entry(trainee, noon, change):
    entry = log(trainee, noon)
    facts = {
        "trainee": trainee,
        "worked_on": MONDAY,
        "week": MONDAY,
        "kind": "direct",
        "quarter_hours": -6,
        "recorded_at": noon,
        "reverses": entry,
    }

    with pytest.raises(IntegrityError, match="takes back exactly"), transaction.atomic():
        PracticeEntry.objects.create(**{**facts, **change})


def test_the_database_refuses_a_confirmation_of_another_week_or_person(trainee, noon):
    entry = log(trainee, noon)
    other = UserFactory()
    facts = {
        "trainee": trainee,
        "supervisor": other,
        "supervisor_name": "Helena Brandt",
        "week": MONDAY,
        "last_entry": entry,
        "confirmed_at": noon,
    }

    for change, words in (
        ({"week": MONDAY + timedelta(days=7)}, "up to an entry of its week"),
        ({"trainee": UserFactory()}, "up to an entry of its week"),
        ({"supervisor": trainee}, "practice_confirmation_is_by_somebody_else"),
    ):
        with pytest.raises(IntegrityError, match=words), transaction.atomic():
            PracticeConfirmation.objects.create(**{**facts, **change})


def test_the_day_of_a_confirmation_is_the_trainees(trainee, noon):
    late = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)  # still March 2 in New York
    last = log(trainee, noon)
    confirm(trainee, late, last)

    with pytest.raises(practice.PracticeError, match="confirmed this week on Mar 2, 2026 already"):
        confirm(trainee, late, last)
