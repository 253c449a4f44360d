"""Who looks at outside credit decides on it once; what was uploaded never runs in a browser."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from django.utils import timezone

from accounts.models import OutgoingMail, RecordRead
from accounts.tests.factories import SupervisionFactory, UserFactory
from transcripts import evidence, exports, outside, transcript
from transcripts.models import Evidence, OutsideCredit, OutsideDecision
from transcripts.tests.factories import (
    EvidenceFactory,
    OutsideCreditFactory,
    OutsideDecisionFactory,
)

pytestmark = pytest.mark.django_db

ASKED_LONG_AGO = "2020-01-01T12:00:00+00:00"


@pytest.fixture
def credit():
    return OutsideCreditFactory(holder__legal_name="Priya Raman")


@pytest.fixture
def supervisor(credit):
    link = SupervisionFactory(
        trainee=credit.holder, supervisor__legal_name="Helena Brandt", shares_evidence=True
    )
    return link.supervisor


def decide(client, credit, verdict="confirmed", **changes):
    form = {"verdict": verdict, "reason": "", "as_of": credit.changed_at.isoformat(), **changes}
    return client.post(credit.get_absolute_url(), form)


def download(client, credit):
    """The file of the evidence, read to its end, which closes it."""
    answer = client.get(reverse("transcripts:evidence", args=[credit.pk]))
    if answer.streaming:
        list(answer)
    return answer


def test_a_supervisor_in_scope_confirms_and_the_holder_is_told(client, credit, supervisor):
    client.force_login(supervisor)

    page = client.get(credit.get_absolute_url())
    answer = decide(client, credit, reason="I saw it.")

    assert "Confirm or refuse" in page.text
    assert answer.url == credit.get_absolute_url()
    decision = OutsideDecision.objects.get()
    assert (decision.verdict, decision.decided_by_name, decision.capacity, decision.reason) == (
        "confirmed",
        "Helena Brandt",
        "supervisor",
        "I saw it.",
    )
    promise = OutgoingMail.objects.get()
    assert (promise.recipient, promise.subject) == (
        credit.holder,
        "Your outside credit was confirmed: EMDR Basic Training, Part One",
    )
    assert "Helena Brandt looked at what you recorded" in promise.body
    assert "Confirm or refuse" not in client.get(credit.get_absolute_url()).text


def test_a_refusal_needs_a_reason(client, credit, supervisor):
    client.force_login(supervisor)

    assert decide(client, credit, "refused").status_code == 422
    assert decide(client, credit, "refused", reason="Not you.").status_code == 302
    assert OutsideCredit.objects.get().state == "refused"


def test_what_was_changed_since_it_was_seen_is_not_decided(client, credit, supervisor):
    client.force_login(supervisor)
    OutsideCredit.objects.update(changed_at=credit.changed_at + timedelta(seconds=1))

    answer = decide(client, credit)

    assert answer.status_code == 422
    assert "It was changed since you opened this page." in answer.text
    assert not OutsideDecision.objects.exists()
    assert decide(client, credit, as_of=answer.context["form"]["as_of"].value()).status_code == 302


@pytest.mark.parametrize("as_of", ["", "yesterday", "2026-01-01", "x" * 10_000])
def test_a_form_that_is_not_ours_is_asked_again(client, credit, supervisor, as_of):
    client.force_login(supervisor)

    assert decide(client, credit, as_of=as_of).status_code == 422
    assert not OutsideDecision.objects.exists()


def test_who_decides_and_who_sees_the_file(client, credit):
    holder = credit.holder
    people = {
        "supervisor": SupervisionFactory(trainee=holder, shares_evidence=True).supervisor,
        "of evidence alone": SupervisionFactory(
            trainee=holder, shares_evidence=True, shares_credit=False
        ).supervisor,
        "of credit alone": SupervisionFactory(trainee=holder).supervisor,
        "past": SupervisionFactory(trainee=holder, shares_evidence=True, ended=True).supervisor,
        "other": UserFactory(),
        "holder": holder,
    }

    found = {}
    for who, person in people.items():
        client.force_login(person)
        found[who] = (
            client.get(credit.get_absolute_url()).status_code,
            download(client, credit).status_code,
            decide(client, credit, "nonsense").status_code,
        )

    assert found == {
        "supervisor": (200, 200, 422),
        "of evidence alone": (200, 200, 422),
        "of credit alone": (404, 404, 404),
        "past": (404, 404, 404),
        "other": (404, 404, 404),
        "holder": (200, 200, 403),
    }


def test_the_way_back_leads_supervisors_to_their_trainee_and_staff_nowhere(
    client, credit, supervisor
):
    way_back = reverse("transcripts:trainee", args=[credit.holder_id])
    staff = UserFactory(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_outsidecredit"))

    client.force_login(supervisor)
    assert way_back in client.get(credit.get_absolute_url()).text
    client.force_login(staff)
    page = client.get(credit.get_absolute_url())

    assert "Priya Raman" in page.text
    assert way_back not in page.text


def test_outside_credit_that_alone_is_shared_is_listed_on_the_trainees_page(client, credit):
    link = SupervisionFactory(trainee=credit.holder, shares_evidence=True, shares_credit=False)
    client.force_login(link.supervisor)

    page = client.get(reverse("transcripts:trainee", args=[credit.holder_id]))

    assert credit.get_absolute_url() in page.text
    assert RecordRead.objects.get().person == credit.holder


def test_a_file_leaves_as_a_download_that_runs_nothing(client):
    proof = EvidenceFactory(name='a"\r\nX: y<script>.pdf')
    credit = OutsideCreditFactory(holder=proof.owner, evidence=proof)
    client.force_login(credit.holder)

    answer = client.get(reverse("transcripts:evidence", args=[credit.pk]))

    assert b"".join(answer.streaming_content).startswith(b"%PDF-")
    assert answer["Content-Type"] == "application/pdf"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Content-Disposition"] == (
        f'attachment; filename="evidence-{proof.sha256[:12]}.pdf"'
    )
    assert "no-store" in answer["Cache-Control"]
    preview = client.get(reverse("transcripts:evidence_preview", args=[credit.pk]))
    assert preview.status_code == 404


def test_a_picture_is_shown_as_one_drawn_anew(client):
    credit = OutsideCreditFactory(evidence__media_type="image/png")
    client.force_login(credit.holder)

    answer = client.get(reverse("transcripts:evidence_preview", args=[credit.pk]))

    assert b"".join(answer.streaming_content)
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_what_a_camera_wrote_stays_in_the_file_and_not_in_the_picture():
    import io

    from PIL import Image

    exif = Image.Exif()
    exif[0x010E] = "Taken at home"
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "navy").save(out, "JPEG", exif=exif)

    kept = evidence.keep(
        owner=UserFactory(), name="a.jpg", content=out.getvalue(), at=timezone.now()
    )

    with kept.file.open() as file:
        assert file.read() == out.getvalue()
    with kept.preview.open() as file:
        picture = file.read()
    assert b"Taken at home" not in picture
    assert Image.open(io.BytesIO(picture)).size == (40, 30)


def test_reading_by_others_is_traced(client, credit, supervisor):
    client.force_login(supervisor)
    client.get(credit.get_absolute_url())
    download(client, credit)
    client.force_login(credit.holder)
    client.get(credit.get_absolute_url())

    assert list(
        RecordRead.objects.order_by("pk").values_list("reader", "person", "what", "detail")
    ) == [
        (supervisor.pk, credit.holder_id, "outside", credit.title),
        (supervisor.pk, credit.holder_id, "evidence", credit.title),
    ]


def test_the_holder_withdraws_and_only_they(client, credit, supervisor):
    url = reverse("transcripts:withdraw_outside", args=[credit.pk])
    client.force_login(supervisor)
    assert client.post(url).status_code == 404
    client.force_login(credit.holder)

    client.post(url)
    first = OutsideCredit.objects.get().withdrawn_at
    client.post(url)

    assert first is not None
    assert OutsideCredit.objects.get().withdrawn_at == first
    client.force_login(supervisor)
    assert decide(client, credit).status_code == 404


@pytest.mark.parametrize(("is_decided", "status"), [(False, 404), (True, 200)])
def test_what_was_withdrawn_undecided_is_its_holders_again(
    client, credit, supervisor, is_decided, status
):
    if is_decided:
        OutsideDecisionFactory(credit=credit)
    client.force_login(credit.holder)
    client.post(reverse("transcripts:withdraw_outside", args=[credit.pk]))
    assert client.get(credit.get_absolute_url()).status_code == 200
    assert download(client, credit).status_code == 200

    client.force_login(supervisor)

    assert client.get(credit.get_absolute_url()).status_code == status
    assert download(client, credit).status_code == status


def test_staff_decide_in_the_admin_and_see_who_else_has_the_file(client, credit):
    curator = UserFactory(is_staff=True, legal_name="Ingrid Solheim")
    curator.groups.add(Group.objects.get(name="Curators"))
    with credit.evidence.file.open() as file:
        content = file.read()
    other = OutsideCreditFactory(
        holder__legal_name="Somebody Else",
        evidence__content=content,
    )
    client.force_login(curator)

    page = client.get(reverse("admin:transcripts_outsidecredit_change", args=[credit.pk]))
    traced = list(RecordRead.objects.values_list("person", "capacity", "what", "detail"))
    form = {"verdict": "refused", "reason": "Twice.", "as_of": credit.changed_at.isoformat()}
    client.post(reverse("admin:transcripts_outsidecredit_decide", args=[credit.pk]), form)

    assert "Somebody Else" in page.text
    assert sorted(traced) == sorted(
        (person, "staff", "admin", "Outside credit")
        for person in (credit.holder_id, other.holder_id)
    )
    decision = OutsideDecision.objects.get()
    assert (decision.credit, decision.capacity) == (credit, "staff")
    client.force_login(other.holder)
    assert "Priya Raman" not in client.get(other.get_absolute_url()).text


def test_what_changed_while_staff_wrote_their_reason_is_asked_again_with_it(client, credit):
    curator = UserFactory(is_staff=True)
    curator.groups.add(Group.objects.get(name="Curators"))
    client.force_login(curator)
    address = reverse("admin:transcripts_outsidecredit_decide", args=[credit.pk])
    form = {"verdict": "refused", "reason": "The day is not on it.", "as_of": ASKED_LONG_AGO}

    answer = client.post(address, form)

    assert answer.status_code == 422
    assert "It was changed since you opened this page" in answer.text
    assert "The day is not on it." in answer.text
    assert not OutsideDecision.objects.exists()
    form["as_of"] = answer.context["form"]["as_of"].value()
    assert client.post(address, form).status_code == 302
    assert OutsideDecision.objects.get().reason == "The day is not on it."


def test_files_of_unfinished_forms_go_after_a_day(noon):
    fresh = EvidenceFactory(uploaded_at=noon)
    old = EvidenceFactory(uploaded_at=noon - timedelta(days=2))
    used = OutsideCreditFactory(evidence__uploaded_at=noon - timedelta(days=2)).evidence
    storage, name = old.file.storage, old.file.name

    assert evidence.forget_loose(at=noon, limit=10) == 1

    assert set(Evidence.objects.all()) == {fresh, used}
    assert not storage.exists(name)


def test_of_many_files_that_wait_for_a_form_the_oldest_go(noon, monkeypatch):
    monkeypatch.setattr(evidence, "examine", lambda _: evidence.Examined("application/pdf", 1, b""))
    owner = UserFactory()
    used = OutsideCreditFactory(holder=owner, evidence__owner=owner).evidence
    others = EvidenceFactory(uploaded_at=noon - timedelta(hours=9))
    first, second, *rest = [
        EvidenceFactory(owner=owner, uploaded_at=noon - timedelta(hours=1) + timedelta(minutes=n))
        for n in range(11)
    ]

    newest = evidence.keep(owner=owner, name="letter.pdf", content=b"%PDF-", at=noon)

    assert set(Evidence.objects.all()) == {used, others, *rest, newest}
    assert len([*rest, newest]) == evidence.MOST_LOOSE
    for gone in (first, second):
        assert not gone.file.storage.exists(gone.file.name)
    assert newest.file.storage.exists(newest.file.name)


def test_a_decision_on_ones_own_is_refused(noon, credit):
    with pytest.raises(outside.OutsideError, match="Nobody decides on their own"):
        outside.decide(
            credit=credit,
            verdict="confirmed",
            reason="",
            by=credit.holder,
            capacity="staff",
            as_of=credit.changed_at,
            at=noon,
        )


def test_a_line_of_more_than_all_hours_is_refused(noon, credit):
    said = {name: getattr(credit, name) for name in outside.Facts.__dataclass_fields__}
    line = outside.Line("", "", "", "", "ethics", "Ethics", credit.hours + 1)

    with pytest.raises(outside.OutsideError, match="more than the hours in all"):
        outside.change(
            credit=credit,
            facts=outside.Facts(**said),
            lines=[line],
            evidence=None,
            is_no_duplicate=True,
            at=noon,
        )


def test_who_waited_for_their_turn_changes_and_withdraws_with_an_earlier_moment(noon):
    credit = OutsideCreditFactory(recorded_at=noon, changed_at=noon)
    early = noon - timedelta(seconds=1)
    facts = outside.Facts(
        **{name: getattr(credit, name) for name in outside.Facts.__dataclass_fields__}
    )

    outside.change(
        credit=credit,
        facts=facts,
        lines=[outside.Line("apa", "APA", "", "", "ethics", "Ethics", credit.hours)],
        evidence=None,
        is_no_duplicate=True,
        at=early,
    )
    outside.withdraw(credit=credit, at=early)

    credit.refresh_from_db()
    assert credit.changed_at > noon
    assert credit.withdrawn_at == noon


def test_the_day_of_a_decision_is_the_holders(noon):
    late = datetime(2026, 1, 6, 2, 0, tzinfo=UTC)  # still January 5 in New York
    credit = OutsideDecisionFactory(decided_at=late).credit
    read = transcript.build(holder=credit.holder, reader=credit.holder, at=noon)

    with pytest.raises(outside.OutsideError, match="this on Jan 5, 2026"):
        outside.decide(
            credit=credit,
            verdict="confirmed",
            reason="",
            by=UserFactory(),
            capacity="staff",
            as_of=credit.changed_at,
            at=noon,
        )
    (entry,) = exports.as_json(read, at=noon)["outside"]["entries"]
    assert entry["decision"]["on"] == date(2026, 1, 5)


def test_a_decided_one_offers_no_change(client):
    credit = OutsideDecisionFactory().credit
    client.force_login(credit.holder)

    page = client.get(credit.get_absolute_url())

    assert "Change it" not in page.text
    assert "Withdraw it" in page.text
