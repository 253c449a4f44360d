"""Names and licenses, changed by two at once, on both databases.

The first two fail without their lock; a reminder is once by its key, too.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from accounts import licenses, people
from accounts.models import License, LicenseVersion, NameChange, OutgoingMail, User
from accounts.tests.factories import LicenseFactory, UserFactory
from courses.tests.test_races import at_the_same_time

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_changes_of_a_name_follow_each_other(noon):
    person = UserFactory(legal_name="Maya Okafor")

    def rename(name):
        return lambda: people.rename(
            person=User.objects.get(pk=person.pk), legal_name=name, by=person, at=noon
        )

    at_the_same_time(rename("Maya Brandt"), rename("Maya Stone"))

    assert list(NameChange.objects.order_by("pk").values_list("old_name", "new_name")) == [
        ("Maya Okafor", "Maya Brandt"),
        ("Maya Brandt", "Maya Stone"),
    ]


def test_two_corrections_of_a_license_keep_both(noon):
    held = LicenseFactory(number="AB-1")

    at_the_same_time(
        lambda: licenses.correct(license_=held, by=held.holder, at=noon, number="AB-2"),
        lambda: licenses.correct(
            license_=held, by=held.holder, at=noon, expires_on=date(2030, 1, 31)
        ),
    )

    assert License.objects.values_list("number", "expires_on").get() == ("AB-2", date(2030, 1, 31))
    assert list(LicenseVersion.objects.order_by("pk").values_list("number", "expires_on")) == [
        ("AB-2", None),
        ("AB-2", date(2030, 1, 31)),
    ]


def test_two_workers_remind_once():
    held = LicenseFactory(expires_on=date(2026, 12, 31))
    at = datetime(2026, 12, 24, 17, 0, tzinfo=UTC)

    def remind():
        licenses.remind(license_id=str(held.pk), at=at)

    at_the_same_time(remind, remind)

    assert OutgoingMail.objects.count() == 1
