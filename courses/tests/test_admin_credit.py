"""A date is corrected under the approvals that courses know."""

from datetime import date

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.tests.factories import UserFactory
from courses import completion
from courses.models import Approval
from courses.tests.factories import ApprovalFactory
from courses.tests.stories import ready_to_complete
from transcripts import ledger

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry(noon):
    """Of March 2, 2026, under an approval that began the day before, after one that ended then."""
    held = ready_to_complete(noon)
    Approval.objects.update(valid_from=date(2026, 3, 1), statement="New words.", number="2")
    ApprovalFactory(valid_to=date(2026, 2, 28), statement="Old words.", number="1")
    return completion.complete(enrollment=held, at=noon).credit_entry


@pytest.fixture
def curator(client):
    person = UserFactory(is_staff=True)
    person.groups.add(Group.objects.get(name="Curators"))
    client.force_login(person)
    return person


def correct_dates(client, entry, started_on, earned_on):
    return client.post(
        reverse("admin:transcripts_creditentry_reissue", args=[entry.pk]),
        {
            "holder_name": entry.holder_name,
            "clock_hours": "1.5",
            "started_on": started_on,
            "earned_on": earned_on,
            "hours_0": "1.5",
            "reason_class": "date",
            "reason": "The log says so.",
        },
    )


def approval_of(entry):
    (line,) = entry.record["lines"]
    return {
        name: line[f"approval_{name}"] for name in ("number", "statement", "valid_from", "valid_to")
    }


@pytest.mark.parametrize(("day", "number"), [("2026-02-28", "1"), ("2026-03-01", "2")])
def test_the_approval_printed_is_the_one_that_was_in_date_on_the_day_corrected_to(
    client, curator, entry, day, number
):
    assert approval_of(entry)["statement"] == "New words."

    page = correct_dates(client, entry, "2026-02-01", day)

    assert page.status_code == 302
    entry.refresh_from_db()
    new = ledger.current(entry)
    assert new.earned_on == date.fromisoformat(day)
    assert approval_of(new) == (
        {
            "number": "1",
            "statement": "Old words.",
            "valid_from": "2025-09-01",
            "valid_to": "2026-02-28",
        }
        if number == "1"
        else approval_of(entry)
    )


def test_a_day_without_an_approval_is_refused(client, curator, entry):
    page = correct_dates(client, entry, "2025-08-01", "2025-08-31")

    assert page.status_code == 422
    assert "ASWB ACE had no approval in date on Aug 31, 2025." in page.text
    entry.refresh_from_db()
    assert ledger.current(entry) == entry
