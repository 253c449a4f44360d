"""A changed name leaves what it was."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts import people
from accounts.models import NameChange, User
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_rename_keeps_who_changed_it_when_and_from_what(noon):
    person, staff = UserFactory(legal_name="Maya Okafor"), UserFactory()

    for _ in range(2):
        people.rename(person=person, legal_name="Maya Brandt", by=staff, at=noon)

    assert User.objects.get(pk=person.pk).legal_name == "Maya Brandt"
    assert list(
        NameChange.objects.values_list("person", "old_name", "new_name", "changed_by", "changed_at")
    ) == [(person.pk, "Maya Okafor", "Maya Brandt", staff.pk, noon)]


def test_rename_goes_by_what_is_kept_and_not_by_what_the_caller_holds(noon):
    person = UserFactory(legal_name="Maya Okafor")
    stale = User.objects.get(pk=person.pk)
    people.rename(person=person, legal_name="Maya Brandt", by=person, at=noon)

    people.rename(person=stale, legal_name="Maya Stone", by=person, at=noon)

    assert list(NameChange.objects.order_by("pk").values_list("old_name", "new_name")) == [
        ("Maya Okafor", "Maya Brandt"),
        ("Maya Brandt", "Maya Stone"),
    ]


def test_the_database_refuses_to_change_or_remove_a_name_change(noon):
    person = UserFactory(legal_name="Maya Okafor")
    people.rename(person=person, legal_name="Maya Brandt", by=person, at=noon)
    change = NameChange.objects.get()

    for verb in (change.delete, change.save):
        with pytest.raises(IntegrityError), transaction.atomic():
            verb()


def test_the_database_refuses_a_change_that_changes_nothing(noon):
    person = UserFactory()

    with pytest.raises(IntegrityError), transaction.atomic():
        NameChange.objects.create(
            person=person, old_name="Same", new_name="Same", changed_by=person, changed_at=noon
        )


def test_staff_rename_by_the_same_verb(client):
    staff = UserFactory(is_staff=True, is_superuser=True)
    person = UserFactory(email="maya@example.com", legal_name="Maya Okafor")
    client.force_login(staff)
    none = {
        f"{name}-{part}": 0
        for name in ("licenses", "name_changes")
        for part in ("TOTAL_FORMS", "INITIAL_FORMS")
    }

    answer = client.post(
        reverse("admin:accounts_user_change", args=[person.pk]),
        {
            "email": "maya@example.com",
            "legal_name": "Maya Brandt",
            "preferred_name": "May",
            "time_zone": "America/Chicago",
            "is_active": "on",
            **none,
        },
    )

    assert answer.status_code == 302, answer.context["errors"]
    change = NameChange.objects.get()
    assert (change.old_name, change.new_name, change.changed_by) == (
        "Maya Okafor",
        "Maya Brandt",
        staff,
    )
    person.refresh_from_db()
    assert (person.legal_name, person.preferred_name) == ("Maya Brandt", "May")
