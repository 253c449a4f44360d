"""Curators correct credit with a reason, and never their own."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

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
