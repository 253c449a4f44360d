"""Names and licenses, changed by two at once, on both databases.

The first two fail without their lock; a reminder is once by its key, too.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime

import pytest

from accounts import invitations, licenses, people, supervision
from accounts.models import (
    License,
    LicenseVersion,
    NameChange,
    OutgoingMail,
    Scope,
    Supervision,
    User,
)
from accounts.tests.factories import InvitationFactory, LicenseFactory, UserFactory
from courses import closing, data_requests, enrollment
from courses.models import DataExport, Enrollment
from courses.tests.factories import CourseFactory
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


def test_an_account_that_is_closed_twice_at_once_is_closed_once(noon):
    person = UserFactory()

    def close():
        closing.close(person=User.objects.get(pk=person.pk), at=noon)

    at_the_same_time(close, close)

    assert User.objects.get(pk=person.pk).closed_at == noon
    assert OutgoingMail.objects.filter(kind="account-closed").count() == 1


def test_of_two_superusers_who_close_at_once_one_stays(noon):
    people = [UserFactory(is_staff=True, is_superuser=True) for _ in range(2)]

    def close(person):
        def attempt():
            with suppress(closing.ClosingError):
                closing.close(person=User.objects.get(pk=person.pk), at=noon)

        return attempt

    at_the_same_time(close(people[0]), close(people[1]))

    assert User.objects.filter(is_superuser=True, is_active=True).count() == 1


def test_who_enrolls_and_closes_at_once_holds_no_seat(noon):
    person = UserFactory()
    course = CourseFactory()

    def close():
        with suppress(closing.ClosingError):
            closing.close(person=User.objects.get(pk=person.pk), at=noon)

    def enroll():
        enrollment.enroll(learner=User.objects.get(pk=person.pk), course=course, at=noon)

    at_the_same_time(close, enroll)
    closing.settle(at=noon)

    closed = User.objects.get(pk=person.pk).closed_at is not None
    holds = Enrollment.objects.in_progress().filter(learner=person).exists()
    assert closed != holds


def test_who_accepts_and_closes_at_once_is_in_no_supervision(noon):
    person = UserFactory()
    invitation = InvitationFactory(email=person.email)

    def close():
        with suppress(closing.ClosingError):
            closing.close(person=User.objects.get(pk=person.pk), at=noon)

    def accept():
        with suppress(supervision.SupervisionError):
            invitations.accept(
                invitation=invitation,
                by=User.objects.get(pk=person.pk),
                scopes=[Scope.CREDIT],
                at=noon,
            )

    at_the_same_time(close, accept)
    closing.settle(at=noon)

    closed = User.objects.get(pk=person.pk).closed_at is not None
    assert closed != Supervision.objects.open(at=noon).of(person).exists()


def test_two_who_ask_for_their_data_at_once_are_promised_one_file(noon):
    person = UserFactory()

    def ask():
        data_requests.ask(person=person, at=noon)

    at_the_same_time(ask, ask)

    assert DataExport.objects.filter(person=person).count() == 1
