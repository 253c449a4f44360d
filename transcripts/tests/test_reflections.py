"""A private note on what was earned: the holder's, and shared by choice alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import SupervisionFactory, UserFactory
from transcripts import certificates, ledger, reflections
from transcripts.models import Reflection
from transcripts.tests.factories import CertificateFactory, CreditEntryFactory

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def certificate():
    return CertificateFactory()


def write(entry, **changes):
    words = {"learned": "To ask again.", "will_do": "Ask each month.", "is_shared": False}
    return reflections.write(entry=entry, **{**words, **changes}, at=AT)


def note_page(certificate):
    return reverse("transcripts:reflection", args=[certificate.code])


def seen_by(user, *, at=None):
    return [row.learned for row in Reflection.objects.visible_to(user, at=at or timezone.now())]


def test_a_note_is_written_changed_and_taken_away(client, certificate):
    client.force_login(certificate.entry.holder)
    page = note_page(certificate)

    client.post(page, {"learned": "To ask again.", "will_do": ""})
    written = client.get(reverse("transcripts:transcript")).text
    client.post(page, {"learned": "To ask, and to wait.", "will_do": "", "is_shared": "on"})
    changed = client.get(reverse("transcripts:transcript")).text
    client.post(page, {"learned": " ", "will_do": ""})
    gone = client.get(reverse("transcripts:transcript")).text

    assert "To ask again." in written
    assert "Your note</summary>" in written
    assert "To ask, and to wait." in changed
    assert "shared with your supervisors" in changed
    assert "Your note</summary>" not in gone
    assert "Write a note" in gone
    assert not Reflection.objects.exists()


def test_the_form_brings_back_what_was_written(client, certificate):
    write(certificate.entry, is_shared=True)
    client.force_login(certificate.entry.holder)

    form = client.get(note_page(certificate)).context["form"]

    assert form.initial == {
        "learned": "To ask again.",
        "will_do": "Ask each month.",
        "is_shared": True,
    }


def test_a_note_that_is_too_long_is_refused_and_kept_on_the_page(client, certificate):
    client.force_login(certificate.entry.holder)

    answer = client.post(note_page(certificate), {"learned": "x" * 5001})

    assert answer.status_code == 422
    assert "x" * 5001 in answer.text
    assert not Reflection.objects.exists()


def test_a_note_is_text_and_never_markup(client, certificate):
    write(certificate.entry, learned="<script>alert(1)</script>\u202e")
    client.force_login(certificate.entry.holder)

    assert "<script>alert" not in client.get(reverse("transcripts:transcript")).text


def test_only_the_holder_opens_the_page_of_a_note(client, certificate):
    write(certificate.entry, is_shared=True)
    current = SupervisionFactory(trainee=certificate.entry.holder)
    people = {
        "holder": certificate.entry.holder,
        "supervisor": current.supervisor,
        "stranger": UserFactory(),
        "superuser": UserFactory(is_staff=True, is_superuser=True),
    }

    statuses = {}
    for who, person in people.items():
        client.force_login(person)
        statuses[who] = [
            client.get(note_page(certificate)).status_code,
            client.post(note_page(certificate), {"learned": "Mine."}).status_code,
        ]

    assert statuses == {
        "holder": [200, 302],
        "supervisor": [404, 404],
        "stranger": [404, 404],
        "superuser": [404, 404],
    }


def test_a_note_is_read_by_current_supervisors_and_only_once_shared():
    entry = CreditEntryFactory()
    note = write(entry)
    now = timezone.now()
    current = SupervisionFactory(trainee=entry.holder)
    past = SupervisionFactory(trainee=entry.holder, ended_at=now, ended_by=entry.holder)
    waiting = SupervisionFactory(trainee=entry.holder, future=True)
    people = [
        entry.holder,
        current.supervisor,
        past.supervisor,
        waiting.supervisor,
        UserFactory(is_superuser=True),
    ]

    private = [bool(seen_by(person)) for person in people]
    Reflection.objects.filter(pk=note.pk).update(is_shared=True)
    shared = [bool(seen_by(person)) for person in people]

    assert private == [True, False, False, False, False]
    assert shared == [True, True, False, False, False]
    assert not seen_by(current.supervisor, at=current.accepted_at - timedelta(seconds=1))


def test_a_shared_note_is_read_only_by_supervisors_who_may_read_reflections():
    note = write(CreditEntryFactory(), is_shared=True)
    reader = SupervisionFactory(trainee=note.entry.holder, shares_reflections=False).supervisor

    assert not seen_by(reader)


def test_a_supervisor_reads_shared_notes_on_the_transcript_and_no_others(client):
    shown = CertificateFactory().entry
    hidden = CertificateFactory(entry=CreditEntryFactory(holder=shown.holder)).entry
    write(shown, learned="Shared words.", is_shared=True)
    write(hidden, learned="Private words.")
    supervision = SupervisionFactory(trainee=shown.holder)
    client.force_login(supervision.supervisor)

    text = client.get(reverse("transcripts:trainee", args=[shown.holder.pk])).text
    export = client.get(reverse("transcripts:trainee_csv", args=[shown.holder.pk])).text

    assert "Shared words." in text
    assert "Private words." not in text
    assert "Write a note" not in text
    assert "words." not in export


def test_notes_cost_one_query_however_many(client, django_assert_max_num_queries):
    holder = UserFactory()
    client.force_login(holder)

    def queries():
        with django_assert_max_num_queries(40) as captured:
            client.get(reverse("transcripts:transcript"))
        return len(captured)

    write(CertificateFactory(entry=CreditEntryFactory(holder=holder)).entry)
    one = queries()
    for _ in range(3):
        write(CertificateFactory(entry=CreditEntryFactory(holder=holder)).entry)

    assert queries() == one


def reissue(entry):
    return certificates.reissue(
        entry=entry,
        correction=ledger.Correction(holder_name=f"{entry.holder_name} Brandt"),
        reason_class="name",
        reason="Married.",
        by=UserFactory(),
        at=AT,
    )


def test_a_note_follows_its_credit_to_the_certificate_that_is_issued_anew(client, certificate):
    write(certificate.entry, is_shared=True)
    client.force_login(certificate.entry.holder)

    successor = reissue(certificate.entry)
    text = client.get(reverse("transcripts:transcript")).text

    note = Reflection.objects.get()
    assert (note.entry, note.learned, note.is_shared) == (successor.entry, "To ask again.", True)
    assert text.count("Your note, shared with your supervisors</summary>") == 1
    assert note_page(successor) in text
    assert note_page(certificate) not in text
    assert "Write a note" not in text


def test_the_page_of_an_old_certificate_keeps_the_note_of_what_stands_in_its_place(
    client, certificate
):
    successor = reissue(reissue(certificate.entry).entry)
    client.force_login(certificate.entry.holder)

    client.post(note_page(certificate), {"learned": "To ask again.", "will_do": ""})
    form = client.get(note_page(certificate)).context["form"]

    assert Reflection.objects.get().entry == successor.entry
    assert form.initial["learned"] == "To ask again."


def test_a_reversal_has_no_note_and_its_award_keeps_the_one_it_has(client, certificate):
    noted, plain = certificate.entry, CertificateFactory(entry__holder=certificate.entry.holder)
    write(noted)
    for entry in (noted, plain.entry):
        ledger.reverse(
            entry=entry, reason_class="error", reason="Not there.", by=UserFactory(), at=AT
        )
    client.force_login(noted.holder)

    text = client.get(reverse("transcripts:transcript")).text

    assert text.count("Your note</summary>") == 1
    assert Reflection.objects.get().entry == noted
    assert "Write a note" not in text


def test_the_database_refuses_an_empty_note_and_a_second_one():
    note = write(CreditEntryFactory())

    with pytest.raises(IntegrityError), transaction.atomic():
        Reflection.objects.filter(pk=note.pk).update(learned="", will_do="")
    with pytest.raises(IntegrityError), transaction.atomic():
        Reflection.objects.create(entry=note.entry, learned="Again.", changed_at=AT)
