"""Curators correct credit with a reason, and never their own."""

from datetime import date
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.models import OutgoingMail
from accounts.tests.factories import UserFactory
from transcripts import ledger
from transcripts.models import Certificate, CreditEntry
from transcripts.tests.factories import CertificateFactory, CreditEntryFactory

pytestmark = pytest.mark.django_db

LIST = "admin:transcripts_creditentry_changelist"


@pytest.fixture
def curator(client):
    person = UserFactory(is_staff=True, legal_name="Ingrid Solheim")
    person.groups.add(Group.objects.get(name="Curators"))
    client.force_login(person)
    return person


def ask_to_reverse(client, *entries, **answers):
    return client.post(
        reverse(LIST),
        {
            "action": "reverse_selected",
            "_selected_action": [entry.pk for entry in entries],
            **answers,
        },
        follow=True,
    )


def said(page):
    return [str(message) for message in page.context["messages"]]


def test_reversing_asks_for_the_reason_first_and_writes_nothing_yet(client, curator):
    entry = CreditEntryFactory()

    page = ask_to_reverse(client, entry)

    assert page.status_code == 200
    assert [str(row) for row in page.context["entries"]] == [str(entry)]
    assert "Shown to whoever verifies the certificate." in page.text
    assert CreditEntry.objects.get() == entry


@pytest.mark.parametrize(
    "answers",
    [
        {"reason_class": "", "reason": "Why"},
        {"reason_class": "whim", "reason": "Why"},
        {"reason_class": "error", "reason": "  "},
    ],
)
def test_a_reversal_without_class_or_words_is_asked_again(client, curator, answers):
    entry = CreditEntryFactory()

    page = ask_to_reverse(client, entry, apply="yes", **answers)

    assert page.status_code == 422
    assert CreditEntry.objects.get() == entry


def test_the_selected_credit_is_reversed_each_by_itself(client, curator):
    done_before, own, entry = (
        CreditEntryFactory(),
        CreditEntryFactory(holder=curator),
        CreditEntryFactory(),
    )
    ledger.reverse(
        entry=done_before,
        reason_class="error",
        reason="Twice.",
        by=curator,
        at=done_before.recorded_at,
    )

    page = ask_to_reverse(
        client,
        done_before,
        own,
        entry,
        apply="yes",
        reason_class="duplicate",
        reason="Imported twice.",
    )

    assert said(page) == [
        f"{done_before}: This credit was reversed already, on Jan 5, 2026.",
        f"{own}: nobody corrects their own credit.",
        "Reversed 1.",
    ]
    reversal = CreditEntry.objects.get(reverses=entry)
    assert (reversal.reason_class, reversal.reason, reversal.recorded_by) == (
        "duplicate",
        "Imported twice.",
        curator,
    )
    assert not CreditEntry.objects.filter(reverses=own).exists()


def reissue_form(entry, **changes):
    facts = {
        "holder_name": entry.holder_name,
        "clock_hours": "1.5",
        "started_on": entry.record["activity"]["started_on"],
        "earned_on": entry.record["earned_on"],
        "hours_0": "1.5",
        "reason_class": "name",
        "reason": "The license says Brandt.",
    }
    return {**facts, **changes}


def test_a_reissue_corrects_the_facts_and_leads_to_the_new_entry(client, curator):
    old = CertificateFactory()
    address = reverse("admin:transcripts_creditentry_reissue", args=[old.entry.pk])
    assert f'value="{old.entry.holder_name}"' in client.get(address).text

    answer = client.post(
        address, reissue_form(old.entry, holder_name="Maya Brandt", hours_0="1.25")
    )

    new = Certificate.objects.exclude(pk=old.pk).get()
    assert answer.url == reverse("admin:transcripts_creditentry_change", args=[new.entry_id])
    assert (new.entry.replaces, new.entry.holder_name, new.entry.hours) == (
        old.entry,
        "Maya Brandt",
        Decimal("1.25"),
    )
    assert client.get(answer.url).status_code == 200


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Nothing is different. Change what is wrong, or reverse the credit."),
        ({"hours_0": "0"}, "Nothing would be left. Reverse the credit instead."),
        ({"holder_name": " "}, ""),
        ({"hours_0": "-1"}, ""),
        ({"hours_0": "NaN"}, ""),
        ({"reason": ""}, ""),
    ],
)
def test_a_reissue_that_corrects_nothing_is_asked_again_and_writes_nothing(
    client, curator, changes, words
):
    old = CertificateFactory()

    page = client.post(
        reverse("admin:transcripts_creditentry_reissue", args=[old.entry.pk]),
        reissue_form(old.entry, **changes),
    )

    assert page.status_code == 422
    assert words in page.text
    assert (CreditEntry.objects.get(), Certificate.objects.get()) == (old.entry, old)


def test_nobody_reissues_their_own(client, curator):
    own = CertificateFactory(entry__holder=curator)

    page = client.post(
        reverse("admin:transcripts_creditentry_reissue", args=[own.entry.pk]),
        reissue_form(own.entry, holder_name="Somebody Else"),
        follow=True,
    )

    assert said(page) == ["Nobody corrects their own credit."]
    assert CreditEntry.objects.get() == own.entry


def test_staff_without_the_permission_correct_nothing(client):
    entry = CertificateFactory().entry
    client.force_login(UserFactory(is_staff=True))

    ask_to_reverse(client, entry, apply="yes", reason_class="error", reason="Why")
    answer = client.post(
        reverse("admin:transcripts_creditentry_reissue", args=[entry.pk]),
        reissue_form(entry, holder_name="Somebody Else"),
    )

    assert answer.status_code == 403
    assert CreditEntry.objects.get() == entry


@pytest.mark.parametrize("kind", ["", "standing", "reversed", "reversal"])
def test_the_ledger_can_be_read_by_kind(client, curator, kind):
    kept, undone = CreditEntryFactory(), CreditEntryFactory()
    reversal = ledger.reverse(
        entry=undone, reason_class="error", reason="Why.", by=curator, at=undone.recorded_at
    )
    expected = {
        "": {kept, undone, reversal},
        "standing": {kept},
        "reversed": {undone},
        "reversal": {reversal},
    }

    page = client.get(reverse(LIST), {"kind": kind} if kind else {})

    assert set(page.context["cl"].result_list) == expected[kind]


# --- A date ---


def correct_dates(client, entry, **changes):
    """Submit the form of a reissue; the page, and what stands in place of the entry then."""
    page = client.post(
        reverse("admin:transcripts_creditentry_reissue", args=[entry.pk]),
        reissue_form(entry, reason_class="date", reason="The log says so.", **changes),
    )
    entry = CreditEntry.objects.get(pk=entry.pk)
    return page, ledger.current(entry)


def test_a_wrong_date_is_corrected_and_the_verify_page_says_so(client, curator):
    old = CertificateFactory()

    page, new = correct_dates(client, old.entry, started_on="2026-01-02", earned_on="2026-01-03")

    assert page.status_code == 302
    assert (new.earned_on, new.reason_class) == (date(2026, 1, 3), "date")
    activity = new.record["activity"]
    assert (activity["started_on"], activity["ended_on"], new.record["earned_on"]) == (
        "2026-01-02",
        "2026-01-03",
        "2026-01-03",
    )
    facts = client.get(reverse("transcripts:verification", args=[new.certificate.code])).text
    assert "Jan 3, 2026, text-based; begun Jan 2, 2026" in facts
    earlier = client.get(reverse("transcripts:verification", args=[old.code])).text
    assert "Jan 5, 2026, text-based" in earlier
    assert "Wrong date" in earlier
    assert new.certificate.code in earlier


def test_the_form_says_that_another_day_prints_the_licenses_of_the_old_one(client, curator):
    old = CertificateFactory()

    page = client.get(reverse("admin:transcripts_creditentry_reissue", args=[old.entry.pk]))

    assert "The licenses printed stay those of the day that was wrong unless" in page.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"started_on": "2026-01-06"},
            "The first day is after the completion date.",
        ),
        ({"earned_on": "2999-01-01"}, "The completion date is in the future."),
        (
            {"started_on": "2025-08-01", "earned_on": "2025-08-31"},
            "ASWB ACE had no approval in date on Aug 31, 2025.",
        ),
        ({"earned_on": "soon"}, "Enter a valid date."),
        ({"earned_on": ""}, "This field is required."),
    ],
)
def test_a_date_that_cannot_be_is_asked_again_and_writes_nothing(client, curator, changes, words):
    old = CertificateFactory()

    page, new = correct_dates(client, old.entry, **changes)

    assert page.status_code == 422
    assert words in page.text
    assert new == old.entry
    assert CreditEntry.objects.count() == 1


# --- Awarded anew ---


def withdrawn(curator, **facts):
    """A certificate whose credit was reversed, and nothing put in its place."""
    certificate = CertificateFactory(**facts)
    ledger.reverse(
        entry=certificate.entry,
        reason_class="duplicate",
        reason="Taken for a duplicate.",
        by=curator,
        at=certificate.entry.recorded_at,
    )
    return certificate


def award_anew(client, entry, **changes):
    facts = reissue_form(entry, **{"reason": "It was none.", **changes})
    del facts["reason_class"]
    address = reverse("admin:transcripts_creditentry_restore", args=[entry.pk])
    return client.post(address, facts, follow=True)


def test_credit_that_was_reversed_by_mistake_is_awarded_anew_as_it_was(client, curator):
    old = withdrawn(curator)
    before = list(CreditEntry.objects.values())

    page = award_anew(client, old.entry)

    new = Certificate.objects.exclude(pk=old.pk).get()
    assert said(page) == [f"Awarded anew as {new.code}."]
    assert (new.entry.replaces, new.entry.hours, new.entry.earned_on) == (
        old.entry,
        old.entry.hours,
        old.entry.earned_on,
    )
    assert (new.entry.reason_class, new.entry.reason, new.entry.recorded_by) == (
        "restored",
        "It was none.",
        curator,
    )
    assert list(CreditEntry.objects.exclude(pk=new.entry.pk).values()) == before
    assert [
        client.get(reverse("transcripts:verification", args=[code]), {"format": "json"}).json()[
            "status"
        ]
        for code in (old.code, new.code)
    ] == ["superseded", "valid"]
    told = OutgoingMail.objects.get(key=f"credit-restored:{old.entry.pk}")
    assert told.recipient == old.entry.holder
    assert "It is awarded anew:\n\nIt was none." in told.body


def test_credit_that_stands_or_was_awarded_anew_is_not_awarded_anew(client, curator):
    standing, old = CertificateFactory(), withdrawn(curator)
    award_anew(client, old.entry)
    count = CreditEntry.objects.count()

    pages = [award_anew(client, entry) for entry in (standing.entry, old.entry)]

    words = "Only credit that was reversed, and not awarded anew, is awarded anew here."
    assert [said(page) for page in pages] == [[words], [words]]
    assert CreditEntry.objects.count() == count


def test_awarding_anew_needs_words(client, curator):
    old = withdrawn(curator)

    page = award_anew(client, old.entry, reason=" ")

    assert page.status_code == 422
    assert CreditEntry.objects.count() == 2


def test_nobody_awards_themselves_anew(client, curator):
    own = withdrawn(UserFactory(), entry__holder=curator)

    page = award_anew(client, own.entry)

    assert said(page) == ["Nobody corrects their own credit."]
    assert CreditEntry.objects.count() == 2


def test_credit_that_was_earned_again_is_not_awarded_anew(client, curator):
    old = withdrawn(curator)
    CreditEntryFactory(holder=old.entry.holder)

    page = award_anew(client, old.entry)

    assert page.status_code == 422
    assert "This course gave its credit on Jan 5, 2026 too, and gives it once." in page.text
    assert CreditEntry.objects.count() == 3
