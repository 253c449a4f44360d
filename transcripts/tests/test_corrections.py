"""A holder asks for a correction once at a time; a curator decides it once, with words."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.models import OutgoingMail
from accounts.tests.factories import SupervisionFactory, UserFactory
from transcripts import certificates, corrections, ledger
from transcripts.models import CorrectionRequest, CreditEntry
from transcripts.tests.factories import CertificateFactory

pytestmark = pytest.mark.django_db

WORDS = "My license says Brandt, not Okafor."


@pytest.fixture
def certificate():
    return CertificateFactory()


@pytest.fixture
def curator():
    person = UserFactory(is_staff=True, legal_name="Ingrid Solheim")
    person.groups.add(Group.objects.get(name="Curators"))
    return person


def ask(certificate, at, **changes):
    facts = {"entry": certificate.entry, "wrong": "name", "words": WORDS, "at": at}
    return corrections.ask(**{**facts, **changes})


def reverse_it(entry, by, at):
    return ledger.reverse(entry=entry, reason_class="error", reason="Not there.", by=by, at=at)


def reissue(entry, by, at):
    return certificates.reissue(
        entry=entry,
        correction=ledger.Correction(holder_name="Maya Brandt"),
        reason_class="name",
        reason="The license says Brandt.",
        by=by,
        at=at,
    )


# --- Ask and decide ---


def test_a_second_request_waits_for_the_answer_to_the_first(noon, certificate, curator):
    first = ask(certificate, noon)

    with pytest.raises(corrections.CorrectionError) as refusal:
        ask(certificate, noon)
    corrections.decline(asked=first, answer="It says so.", by=curator, at=noon)
    second = ask(certificate, noon)

    assert str(refusal.value) == "You asked on Mar 2, 2026 already. A curator looks at it."
    assert list(CorrectionRequest.objects.open()) == [second]


def test_reversed_credit_is_not_asked_about(noon, certificate, curator):
    reversal = reverse_it(certificate.entry, curator, noon)

    for entry in (certificate.entry, reversal):
        with pytest.raises(corrections.CorrectionError, match="This credit was reversed"):
            ask(certificate, noon, entry=entry)

    assert CorrectionRequest.objects.count() == 0


def test_a_declined_request_leaves_the_credit_and_tells_the_holder_why(noon, certificate, curator):
    asked = ask(certificate, noon)

    corrections.decline(
        asked=asked, answer=" Your license says Okafor. ", by=curator, at=noon + timedelta(days=1)
    )

    asked.refresh_from_db()
    assert (asked.decision, asked.answer, asked.decided_by, asked.decided_at) == (
        "declined",
        "Your license says Okafor.",
        curator,
        noon + timedelta(days=1),
    )
    promise = OutgoingMail.objects.get()
    assert (promise.recipient, promise.kind) == (certificate.entry.holder, "credit-correction")
    assert "It stays as it is:\n\nYour license says Okafor." in promise.body
    assert CreditEntry.objects.get() == certificate.entry


@pytest.mark.parametrize("correct", [reverse_it, reissue])
def test_correcting_the_credit_grants_the_open_request(noon, certificate, curator, correct):
    asked = ask(certificate, noon)
    other = ask(CertificateFactory(), noon)

    correct(certificate.entry, curator, noon)

    asked.refresh_from_db()
    assert (asked.decision, asked.decided_by, asked.decided_at) == ("granted", curator, noon)
    assert asked.answer == CreditEntry.objects.get(reverses=certificate.entry).reason
    assert list(CorrectionRequest.objects.open()) == [other]


def test_a_request_is_decided_once(noon, certificate, curator):
    asked = ask(certificate, noon)
    reissue(certificate.entry, curator, noon)

    with pytest.raises(corrections.CorrectionError) as refusal:
        corrections.decline(asked=asked, answer="No.", by=curator, at=noon)

    asked.refresh_from_db()
    assert str(refusal.value) == "This request is decided already."
    assert asked.decision == "granted"


def test_a_request_is_not_declined_without_words(noon, certificate, curator):
    asked = ask(certificate, noon)

    with pytest.raises(corrections.CorrectionError, match="Say why"):
        corrections.decline(asked=asked, answer=" ", by=curator, at=noon)

    assert list(CorrectionRequest.objects.open()) == [asked]


def test_the_holder_of_corrected_credit_gets_one_mail_about_it(noon, certificate, curator):
    reissue(certificate.entry, curator, noon)

    promise = OutgoingMail.objects.get()
    assert (promise.recipient, promise.kind, promise.subject) == (
        certificate.entry.holder,
        "credit-correction",
        "Your credit was corrected: Informed Consent as a Conversation",
    )
    assert "was reversed: name correction." in promise.body
    assert "The license says Brandt." in promise.body


# --- What the database refuses ---


def test_the_database_refuses_a_second_open_request(noon, certificate):
    asked = ask(certificate, noon)
    asked.pk = None

    with pytest.raises(IntegrityError), transaction.atomic():
        asked.save(force_insert=True)


@pytest.mark.parametrize(
    "change",
    [
        {"decision": "declined"},
        {"answer": "No."},
        {"decision": "maybe", "answer": "No."},
        {"words": ""},
        {"wrong": "everything"},
    ],
)
def test_the_database_refuses_a_request_that_is_half_decided_or_says_nothing(
    noon, certificate, change
):
    ask(certificate, noon)

    with pytest.raises(IntegrityError, match="correction_request_"), transaction.atomic():
        CorrectionRequest.objects.update(**change)


# --- The holder's page ---


def address(certificate):
    return reverse("transcripts:correction_request", args=[certificate.code])


def test_only_the_holder_asks(client, certificate, curator):
    holder = certificate.entry.holder
    people = {
        "supervisor": SupervisionFactory(trainee=holder).supervisor,
        "curator": curator,
        "other clinician": UserFactory(),
        "stranger": None,
        "holder": holder,
    }

    statuses = {}
    for who, person in people.items():
        client.logout()
        if person:
            client.force_login(person)
        statuses[who] = (
            client.get(address(certificate)).status_code,
            client.post(address(certificate), {"wrong": "name", "words": WORDS}).status_code,
        )

    assert statuses == {
        "supervisor": (404, 404),
        "curator": (404, 404),
        "other clinician": (404, 404),
        "stranger": (302, 302),
        "holder": (200, 302),
    }
    asked = CorrectionRequest.objects.get()
    assert (asked.entry, asked.wrong, asked.words) == (certificate.entry, "name", WORDS)


@pytest.mark.parametrize(
    "answers", [{}, {"wrong": "all", "words": "x"}, {"wrong": "name", "words": " "}]
)
def test_a_request_that_says_nothing_is_asked_again(client, certificate, answers):
    client.force_login(certificate.entry.holder)

    answer = client.post(address(certificate), answers)

    assert answer.status_code == 422
    assert CorrectionRequest.objects.count() == 0


def test_too_long_a_request_is_asked_again(client, certificate):
    client.force_login(certificate.entry.holder)

    answer = client.post(address(certificate), {"wrong": "name", "words": "x" * 2001})

    assert answer.status_code == 422
    assert "Use at most 2,000 characters." in answer.text


def test_a_request_twice_says_that_it_is_being_looked_at(client, certificate):
    client.force_login(certificate.entry.holder)
    form = {"wrong": "hours", "words": "It was 2."}
    client.post(address(certificate), form)

    answer = client.post(address(certificate), form)

    assert answer.status_code == 422
    assert "A curator looks at it." in answer.text
    assert CorrectionRequest.objects.count() == 1


def test_the_transcript_leads_there_and_says_what_became_of_it(client, noon, certificate, curator):
    client.force_login(certificate.entry.holder)
    url = reverse("transcripts:transcript")
    link = f'href="{address(certificate)}"'

    before = client.get(url).text
    asked = ask(certificate, noon)
    waiting = client.get(url).text
    corrections.decline(asked=asked, answer="It is right.", by=curator, at=noon)
    declined = client.get(url).text

    assert [link in page for page in (before, waiting, declined)] == [True, False, True]
    assert "You asked for a correction on Mar 2, 2026." in waiting
    assert "Your request of Mar 2, 2026 was declined: It is right." in declined


def test_a_supervisor_who_flagged_nothing_sees_nothing_of_the_request(client, noon, certificate):
    ask(certificate, noon)
    client.force_login(SupervisionFactory(trainee=certificate.entry.holder).supervisor)

    page = client.get(reverse("transcripts:trainee", args=[certificate.entry.holder.pk])).text

    assert "asked for" not in page
    assert "curator" not in page
    assert WORDS not in page


# --- The curators' pages ---


def admin_page(name, *arguments):
    return reverse(f"admin:transcripts_correctionrequest_{name}", args=arguments)


def test_curators_see_open_requests_first_and_can_pick_them(client, noon, certificate, curator):
    client.force_login(curator)
    done = ask(certificate, noon)
    corrections.decline(asked=done, answer="No.", by=curator, at=noon)
    waiting = ask(CertificateFactory(), noon)

    everything = client.get(admin_page("changelist")).context["cl"].result_list
    picked = {
        decision: list(
            client.get(admin_page("changelist"), {"decision": decision}).context["cl"].result_list
        )
        for decision in ("open", "declined", "granted")
    }

    assert list(everything) == [waiting, done]
    assert picked == {"open": [waiting], "declined": [done], "granted": []}


def test_a_curator_reads_the_words_and_declines_with_an_answer(client, noon, certificate, curator):
    client.force_login(curator)
    asked = ask(certificate, noon)
    url = admin_page("decline", asked.pk)

    shown = client.get(url)
    empty = client.post(url, {"answer": ""})
    client.post(url, {"answer": "It is right."})

    asked.refresh_from_db()
    assert (shown.status_code, WORDS in shown.text, empty.status_code) == (200, True, 422)
    assert (asked.decision, asked.answer, asked.decided_by) == (
        "declined",
        "It is right.",
        curator,
    )


def test_a_request_leads_to_the_pages_that_grant_it(client, noon, certificate, curator):
    client.force_login(curator)
    asked = ask(certificate, noon)

    targets = [client.get(admin_page(verb, asked.pk)).url for verb in ("reissue", "reverse_entry")]
    statuses = [client.get(url).status_code for url in targets]

    assert targets == [
        reverse(f"admin:transcripts_creditentry_{verb}", args=[certificate.entry.pk])
        for verb in ("reissue", "reverse_entry")
    ]
    assert statuses == [200, 200]


def test_one_entry_is_reversed_from_its_page(client, certificate, curator):
    client.force_login(curator)

    answer = client.post(
        reverse("admin:transcripts_creditentry_reverse_entry", args=[certificate.entry.pk]),
        {"reason_class": "error", "reason": "Not there."},
    )

    assert answer.status_code == 302
    assert CreditEntry.objects.get(reverses=certificate.entry).recorded_by == curator


def test_nobody_declines_their_own_and_staff_without_the_permission_nothing(client, noon, curator):
    own = ask(CertificateFactory(entry__holder=curator), noon)
    asked = ask(CertificateFactory(), noon)

    client.force_login(curator)
    client.post(admin_page("decline", own.pk), {"answer": "No."})
    client.force_login(UserFactory(is_staff=True))
    refused = client.post(admin_page("decline", asked.pk), {"answer": "No."})

    assert refused.status_code == 403
    assert CorrectionRequest.objects.open().count() == 2


def test_the_day_of_an_open_request_is_the_holders(certificate):
    late = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)  # still March 2 in New York
    ask(certificate, late)

    with pytest.raises(corrections.CorrectionError, match="You asked on Mar 2, 2026 already"):
        ask(certificate, late)
