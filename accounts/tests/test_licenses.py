"""A license comes on a profile once, and goes off it."""

import pytest

from accounts import licenses
from accounts.models import License
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


def test_remove_takes_off_that_license_and_no_other():
    mine = LicenseFactory()
    other = LicenseFactory(holder=mine.holder, state="NJ")
    somebody_elses = LicenseFactory(license_type=mine.license_type, number=mine.number)

    licenses.remove(license_=mine)

    assert set(License.objects.all()) == {other, somebody_elses}


def test_a_license_that_was_removed_can_be_added_again(noon):
    first = add(UserFactory(), noon)
    licenses.remove(license_=first)

    again = add(first.holder, noon)

    assert list(License.objects.all()) == [again]
