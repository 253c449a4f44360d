"""A license comes on a profile once, is corrected, goes off it, and leaves its history."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts import licenses, mail, reminders
from accounts.models import License, LicenseVersion, OutgoingMail
from accounts.tests.factories import LicenseFactory, UserFactory

pytestmark = pytest.mark.django_db


def add(holder, at, **changes):
    facts = {"state": "NY", "license_type": "LCSW", "number": "AB-1", **changes}
    return licenses.add(holder=holder, at=at, **facts)


def test_add_keeps_the_license_as_it_was_given(noon):
    holder = UserFactory()

    added = add(holder, noon)

    assert License.objects.values_list(
        "pk", "holder", "state", "license_type", "number", "added_at"
    ).get() == (added.pk, holder.pk, "NY", "LCSW", "AB-1", noon)


@pytest.mark.parametrize("changes", [{}, {"license_type": "lcsw"}, {"number": "ab-1"}])
def test_add_refuses_a_license_that_is_there_already(noon, changes):
    first = add(UserFactory(), noon)

    with pytest.raises(licenses.LicenseError) as refusal:
        add(first.holder, noon, **changes)

    assert str(refusal.value) == "This license is on your profile already."
    assert list(License.objects.all()) == [first]


def test_add_gives_two_people_licenses_that_look_alike(noon):
    add(UserFactory(), noon)

    add(UserFactory(), noon)

    assert License.objects.count() == 2


def versions(license_):
    return list(
        LicenseVersion.objects.filter(license=license_)
        .order_by("pk")
        .values_list("number", "expires_on", "recorded_by", "recorded_at")
    )


def test_add_keeps_the_first_version(noon):
    added = add(UserFactory(), noon, expires_on=date(2027, 1, 31))

    assert versions(added) == [("AB-1", date(2027, 1, 31), added.holder_id, noon)]


def test_add_refuses_a_last_day_before_the_first(noon):
    with pytest.raises(licenses.LicenseError) as refusal:
        add(UserFactory(), noon, issued_on=date(2027, 1, 2), expires_on=date(2027, 1, 1))

    assert str(refusal.value) == "A license expires after it is issued. Check the two days."


def test_correct_changes_the_license_and_keeps_what_it_said(noon):
    added = add(UserFactory(), noon)
    later = noon + timedelta(days=1)

    for _ in range(2):
        licenses.correct(license_=added, by=added.holder, at=later, number="AB-2")

    added.refresh_from_db()
    assert (added.number, added.state) == ("AB-2", "NY")
    assert versions(added) == [
        ("AB-1", None, added.holder_id, noon),
        ("AB-2", None, added.holder_id, later),
    ]


def test_correct_refuses_what_another_license_says_and_changes_nothing(noon):
    first = add(UserFactory(), noon)
    second = add(first.holder, noon, number="AB-2")

    with pytest.raises(licenses.LicenseError, match="on your profile already"):
        licenses.correct(license_=second, by=second.holder, at=noon, number="ab-1")

    assert [each[0] for each in versions(second)] == ["AB-2"]


def test_correct_refuses_a_license_that_was_removed(noon):
    added = add(UserFactory(), noon)
    licenses.remove(license_=added, at=noon)

    with pytest.raises(licenses.LicenseError) as refusal:
        licenses.correct(license_=added, by=added.holder, at=noon, number="AB-2")

    assert str(refusal.value) == "This license is off your profile. Add it anew."


def test_remove_takes_off_that_license_and_no_other_and_keeps_its_history(noon):
    mine = add(UserFactory(), noon)
    other = LicenseFactory(holder=mine.holder, state="NJ")
    somebody_elses = LicenseFactory(license_type=mine.license_type, number=mine.number)

    licenses.remove(license_=mine, at=noon)
    licenses.remove(license_=mine, at=noon + timedelta(days=1))

    assert set(License.objects.on_file()) == {other, somebody_elses}
    mine.refresh_from_db()
    assert mine.removed_at == noon
    assert len(versions(mine)) == 1


def test_a_license_that_was_removed_can_be_added_again(noon):
    first = add(UserFactory(), noon)
    licenses.remove(license_=first, at=noon)

    again = add(first.holder, noon)

    assert list(License.objects.on_file()) == [again]


def test_the_database_refuses_to_change_or_remove_a_version(noon):
    version = add(UserFactory(), noon).versions.get()

    for change in (lambda: version.delete(), lambda: version.save()):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


@pytest.mark.parametrize(
    "facts",
    [
        {"issued_on": date(2026, 1, 2), "expires_on": date(2026, 1, 2)},
        {"reminded_days": 30, "expires_on": None},
    ],
)
def test_the_database_refuses_days_that_cannot_be(facts):
    with pytest.raises(IntegrityError), transaction.atomic():
        LicenseFactory(**facts)


# --- Reminders ---

LAST_DAY = date(2026, 12, 31)


@pytest.fixture
def held(noon):
    holder = UserFactory(legal_name="Maya Okafor", time_zone="America/New_York")
    return add(holder, noon, expires_on=LAST_DAY)


def sweep(monkeypatch, days_left, *, hour=17):
    """One run of the hourly sweep, that many days before the last day."""
    day = LAST_DAY - timedelta(days=days_left)
    now = datetime(day.year, day.month, day.day, hour, 0, tzinfo=UTC)
    monkeypatch.setattr("accounts.reminders.timezone.now", lambda: now)
    reminders.remind_of_expiring_licenses()


def subjects():
    return list(OutgoingMail.objects.order_by("created_at").values_list("subject", flat=True))


def told(*days):
    return [f"Your New York LCSW license expires in {left} days" for left in days]


def test_reminders_come_180_90_30_and_7_days_before_once_each(held, monkeypatch):
    for left in (200, 181, 180, 180, 179, 91, 90, 89, 31, 30, 8, 7, 7, 1, 0, -1):
        sweep(monkeypatch, left)

    assert subjects() == told(180, 90, 30, 7)
    assert "in 180 days." in OutgoingMail.objects.order_by("created_at").first().body


@pytest.mark.parametrize(
    ("first_run", "days"), [(100, 100), (20, 20), (3, 3)], ids=["two weeks", "months", "almost"]
)
def test_an_outage_is_made_up_by_one_mail_that_says_what_is_left(
    held, monkeypatch, first_run, days
):
    sweep(monkeypatch, first_run)
    sweep(monkeypatch, first_run)

    assert subjects() == told(days)


def test_a_renewed_license_is_reminded_of_anew(held, monkeypatch):
    sweep(monkeypatch, 7)
    renewed_at = datetime(2026, 12, 25, 17, 0, tzinfo=UTC)

    licenses.correct(
        license_=held, by=held.holder, at=renewed_at, expires_on=LAST_DAY + timedelta(days=100)
    )
    for left in (6, 5, -9, -10, -11):
        sweep(monkeypatch, left)

    # The holder knows that 106 days are left: they have just typed it.
    assert subjects() == told(7, 90)


def test_nobody_is_reminded_of_what_was_removed_or_of_a_closed_account(held, noon, monkeypatch):
    licenses.remove(license_=held, at=noon)
    closed = UserFactory(is_active=False)
    LicenseFactory(holder=closed, expires_on=LAST_DAY)

    sweep(monkeypatch, 7)

    assert subjects() == []


def test_the_day_is_that_of_the_holder(held, monkeypatch):
    """At 3:00 in London it is still the day before in New York."""
    sweep(monkeypatch, 180, hour=3)
    early = subjects()
    sweep(monkeypatch, 180, hour=6)

    assert early == []
    assert subjects() == told(180)


def test_who_turned_the_reminders_off_gets_none(held, noon, monkeypatch):
    mail.opt_out(person=held.holder, kind="license-expiring", at=noon)

    sweep(monkeypatch, 7)

    assert subjects() == []
