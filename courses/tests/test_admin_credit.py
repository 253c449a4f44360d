"""Credit is corrected under the approvals, and the rule of repeating, that courses know."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.tests.factories import UserFactory
from courses import completion
from courses.models import Approval, Course
from courses.tests.factories import ApprovalFactory, ProviderFactory
from courses.tests.stories import ready_to_complete
from transcripts import certificates, ledger
from transcripts.models import CreditEntry

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


def correct_dates(client, entry, started_on, earned_on, *, verb="reissue"):
    return client.post(
        reverse(f"admin:transcripts_creditentry_{verb}", args=[entry.pk]),
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


def test_a_record_of_another_provider_takes_no_approval_of_the_one_of_today(client, curator, entry):
    """The course went to another provider since, whose approval is in date on that day."""
    other = ProviderFactory(slug="salt-marsh", name="Salt Marsh Institute")
    Approval.objects.filter(number="1").update(provider=other)
    Course.objects.update(provider=other)

    page = correct_dates(client, entry, "2026-02-01", "2026-02-28")

    assert page.status_code == 422
    assert "ASWB ACE had no approval in date on Feb 28, 2026." in page.text
    assert CreditEntry.objects.count() == 1


# --- Credit twice ---


@pytest.fixture
def twice(noon):
    """Credit of one course of October 3, 2025 and of March 2, 2026; it may be repeated after 90
    days."""
    earlier = noon - timedelta(days=150)
    held = ready_to_complete(earlier)
    Course.objects.update(repeat_after_days=90)
    first = completion.complete(enrollment=held, at=earlier).credit_entry
    again = ready_to_complete(noon, learner=held.learner, course=held.course)
    return first, completion.complete(enrollment=again, at=noon).credit_entry


def take_back(entry, at):
    return ledger.reverse(
        entry=entry, reason_class="error", reason="Not there.", by=UserFactory(), at=at
    )


@pytest.mark.parametrize("verb", ["reissue", "restore"])
def test_no_date_is_corrected_to_one_too_near_to_other_credit_of_the_course(
    client, curator, twice, noon, verb
):
    _, last = twice
    if verb == "restore":
        take_back(last, noon)
    count = CreditEntry.objects.count()

    too_near = correct_dates(client, last, "2025-12-01", "2025-12-31", verb=verb)
    unwritten = CreditEntry.objects.count()
    far_enough = correct_dates(client, last, "2025-12-01", "2026-01-01", verb=verb)

    assert too_near.status_code == 422
    assert (
        "This course gave its credit on Oct 3, 2025 too, and gives it again after 90 days."
    ) in too_near.text
    assert unwritten == count
    assert far_enough.status_code == 302
    last.refresh_from_db()
    assert ledger.current(last).earned_on == date(2026, 1, 1)


def test_credit_nearer_than_a_new_rule_allows_may_get_its_true_date(client, curator, twice):
    """The rule is longer by now; the correction does not bring the two nearer."""
    Course.objects.update(repeat_after_days=365)
    _, last = twice

    pages = [
        correct_dates(client, last, "2026-02-01", day).status_code
        for day in ("2026-03-01", "2026-03-03")
    ]

    assert pages == [422, 302]


def test_a_correction_of_other_credit_keeps_none_from_being_awarded_anew(
    client, curator, twice, noon
):
    first, last = twice
    take_back(last, noon)
    certificates.reissue(
        entry=first,
        correction=ledger.Correction(holder_name="Maya Brandt"),
        reason_class="name",
        reason="Married.",
        by=curator,
        at=noon + timedelta(days=1),
    )

    page = correct_dates(client, last, "2026-02-01", "2026-03-02", verb="restore")

    assert page.status_code == 302
    assert CreditEntry.objects.standing().count() == 2


def test_credit_earned_again_by_a_clock_that_is_behind_is_seen_all_the_same(
    client, curator, entry, noon
):
    take_back(entry, noon + timedelta(minutes=5))
    again = ready_to_complete(noon, learner=entry.holder, course=entry.completion.enrollment.course)
    completion.complete(enrollment=again, at=noon)

    page = correct_dates(client, entry, "2026-02-01", "2026-03-02", verb="restore")

    assert page.status_code == 422
    assert "It would count twice." in page.text
    assert CreditEntry.objects.standing().count() == 1
