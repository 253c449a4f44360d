"""What each cycle still needs: the page, the form that states it, and who may."""

from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import RecordRead
from accounts.tests.factories import LicenseFactory, SupervisionFactory, UserFactory
from courses.tests.factories import CreditTypeFactory, EnrollmentFactory
from transcripts.models import TrainingPlan
from transcripts.tests.factories import CreditEntryFactory, TrainingPlanFactory

pytestmark = pytest.mark.django_db

RENEWALS = reverse("courses:renewals")
STATED = {
    "title": "New York LCSW renewal",
    "since": "2026-01-01",
    "last": "2028-12-31",
    "hours": "36",
    "live": "12",
    "type_1": "ethics",
    "hours_1": "3",
}


@pytest.fixture
def me(client):
    person = UserFactory()
    client.force_login(person)
    CreditTypeFactory()
    return person


def state(client, url=None, **changes):
    return client.post(url or reverse("courses:new_plan"), {**STATED, **changes})


def test_without_a_plan_the_page_says_that_it_cannot_tell_and_how_to_change_that(client, me):
    page = client.get(RENEWALS).content.decode()

    assert "We cannot tell yet" in page
    assert reverse("courses:new_plan") in page


def test_a_plan_is_stated_and_shown_with_what_is_earned_and_enrolled(client, me):
    held = LicenseFactory(holder=me, number="082143")

    response = state(client, license=held.pk)
    CreditEntryFactory(holder=me, hours="2", earned_on=date(2026, 2, 1))
    EnrollmentFactory(learner=me)
    page = client.get(RENEWALS).content.decode()

    assert response.status_code == 302
    plan = TrainingPlan.objects.get()
    assert (plan.until, plan.set_by, plan.license) == (date(2029, 1, 1), me, held)
    assert "New York LCSW 082143. Cycle Jan 1, 2026 to Dec 31, 2028" in page
    assert "2 of 36 hours earned, 1.5 more enrolled" in page
    assert "Short of live and ethics." in page
    assert "not a board’s rule" in page


def test_a_plan_is_changed_in_place_and_the_earlier_one_stays_to_be_seen(client, me):
    state(client)
    plan = TrainingPlan.objects.get()
    url = reverse("courses:change_plan", args=[plan.pk])

    shown = client.get(url).content.decode()
    state(client, url, hours="40")
    page = client.get(RENEWALS).content.decode()

    assert 'value="36"' in shown
    assert list(TrainingPlan.objects.current().values_list("hours", flat=True)) == [Decimal(40)]
    assert "Earlier plans (1)" in page


def test_who_changes_what_was_changed_meanwhile_is_told_and_loses_nothing(client, me):
    state(client)
    url = reverse("courses:change_plan", args=[TrainingPlan.objects.get().pk])
    state(client, url, hours="40")

    response = state(client, url, hours="44", title="My words")

    assert response.status_code == 422
    page = response.content.decode()
    assert "changed meanwhile" in page
    assert 'value="My words"' in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"title": ""}, "Fill this in."),
        ({"title": "\u202e \u200f"}, "Give the plan a name."),
        ({"title": "x" * 10_000}, "at most 120 characters"),
        ({"title": "a\x00b"}, "Null characters are not allowed."),
        ({"last": "2025-12-31"}, "The last day is before the first."),
        ({"last": "9999-12-31"}, "at most ten years"),
        ({"since": "yesterday"}, "Enter a valid date."),
        ({"hours": "0"}, "at least a quarter of an hour"),
        ({"hours": "1e9"}, "at most 999 hours"),
        ({"hours": "NaN"}, "Enter a number."),
        ({"live": "40"}, "more than the hours needed in all"),
        ({"hours_1": ""}, "Say how many hours of this type."),
        ({"type_1": ""}, "Choose the type of these hours."),
        ({"type_1": "astrology"}, "Choose one of the types shown."),
        ({"type_2": "ethics", "hours_2": "1"}, "This type stands above already."),
        ({"license": "6f2c1d3e-8a57-4c0b-9d6e-2f1b7a9c4e55"}, "a license that is on file"),
    ],
)
def test_what_makes_no_sense_is_asked_again_with_words(client, me, changes, words):
    response = state(client, **changes)

    assert response.status_code == 422
    assert words in response.content.decode()
    assert not TrainingPlan.objects.exists()


def test_markup_in_a_title_stays_text(client, me):
    state(client, title="<script>alert(1)</script>")

    for url in (RENEWALS, "/", reverse("transcripts:transcript")):
        assert "<script>alert" not in client.get(url).content.decode()


def test_a_license_of_somebody_else_is_like_none(client, me):
    response = state(client, license=LicenseFactory().pk)

    assert response.status_code == 422
    assert "Choose a license that is on file." in response.content.decode()


def test_a_supervisor_who_may_read_progress_sets_a_plan_and_sees_no_license_number(client, me):
    supervision = SupervisionFactory(supervisor=me, shares_renewal=True)
    LicenseFactory(holder=supervision.trainee, number="SECRET-1")
    url = reverse("courses:new_trainee_plan", args=[supervision.trainee_id])

    shown = client.get(url).content.decode()
    response = state(client, url)

    assert "New York LCSW<" in shown
    assert "SECRET-1" not in shown
    assert response.url == reverse("courses:trainee_plan", args=[supervision.trainee_id])
    plan = TrainingPlan.objects.get()
    assert (plan.holder, plan.set_by) == (supervision.trainee, me)
    assert "SECRET-1" not in client.get(response.url).content.decode()
    reads = RecordRead.objects.filter(person=supervision.trainee, what="plan")
    assert reads.count() == 3


@pytest.mark.parametrize(
    "changes",
    [{}, {"ended": True, "shares_renewal": True}, {"future": True, "shares_renewal": True}],
)
def test_without_that_scope_there_is_no_plan_to_see_or_set(client, me, changes):
    supervision = SupervisionFactory(supervisor=me, **changes)
    plan = TrainingPlanFactory(holder=supervision.trainee, title="Hidden plan")
    person = supervision.trainee_id

    assert client.get(reverse("courses:new_trainee_plan", args=[person])).status_code == 404
    url = reverse("courses:change_trainee_plan", args=[person, plan.pk])
    assert state(client, url).status_code == 404
    assert client.get(reverse("courses:trainee_plan", args=[person])).status_code == 404


def test_a_plan_of_another_person_is_not_reached_by_way_of_ones_trainee(client, me):
    supervision = SupervisionFactory(supervisor=me, shares_renewal=True)
    other = TrainingPlanFactory()

    url = reverse("courses:change_trainee_plan", args=[supervision.trainee_id, other.pk])

    assert client.get(url).status_code == 404


def test_the_holder_drops_a_plan_and_keeps_it_among_the_earlier_ones(client, me):
    plan = TrainingPlanFactory(holder=me)

    client.post(reverse("courses:drop_plan", args=[plan.pk]))

    page = client.get(RENEWALS).content.decode()
    assert "We cannot tell yet" in page
    assert "Earlier plans (1)" in page


def test_three_plans_take_as_many_questions_as_one(client, me, django_assert_max_num_queries):
    TrainingPlanFactory(holder=me, lines={"": 8, "ethics": 3})
    EnrollmentFactory(learner=me)
    client.get(RENEWALS)
    with django_assert_max_num_queries(30) as one:
        client.get(RENEWALS)
    TrainingPlanFactory(holder=me, title="Second", lines={"ethics": 3})
    TrainingPlanFactory(holder=me, title="Third", license=LicenseFactory(holder=me))
    EnrollmentFactory(learner=me)

    with django_assert_max_num_queries(len(one)):
        client.get(RENEWALS)


# --- The transcript of a cycle ---


def earn_in_and_out(holder, plan):
    CreditEntryFactory(holder=holder, title="Within the cycle", earned_on=plan.since)
    CreditEntryFactory(holder=holder, title="After the cycle", earned_on=plan.until)


def test_the_transcript_and_its_exports_take_a_cycle_instead_of_days(client, me):
    from transcripts import certificates
    from transcripts.models import CreditEntry

    held = LicenseFactory(holder=me, number="082143")
    plan = TrainingPlanFactory(holder=me, title="New York renewal", license=held)
    earn_in_and_out(me, plan)
    for entry in CreditEntry.objects.all():
        certificates.issue(entry=entry, at=plan.set_at)

    asked = {"cycle": plan.pk}
    page = client.get(reverse("transcripts:transcript"), asked)
    csv = client.get(reverse("transcripts:export_csv"), asked).content.decode()
    json = client.get(reverse("transcripts:export_json"), asked).json()
    pdf = client.get(reverse("transcripts:export_pdf"), asked)

    for text in (page.content.decode(), csv):
        assert "Within the cycle" in text
        assert "After the cycle" not in text
    words = "New York renewal (New York LCSW 082143), Jan 1, 2026 through Dec 31, 2026"
    assert words in page.content.decode()
    assert f"export.pdf?cycle={plan.pk}" in page.content.decode()
    assert (json["since"], json["through"]) == ("2026-01-01", "2026-12-31")
    assert json["cycle"] == {"title": "New York renewal", "license": "New York LCSW 082143"}
    assert pdf.status_code == 200


def test_the_pdf_says_the_cycle_by_its_name_and_license(client, me, monkeypatch):
    from transcripts.views import credit

    plan = TrainingPlanFactory(holder=me)
    said = {}
    monkeypatch.setattr(credit.pdf, "draw_transcript", lambda **facts: said.update(facts) or b"")
    monkeypatch.setattr(credit.signing, "sign", lambda drawn, at: drawn)

    client.get(reverse("transcripts:export_pdf"), {"cycle": plan.pk})

    assert said["period"] == "LMSW toward LCSW, Jan 1, 2026 through Dec 31, 2026"


@pytest.mark.parametrize("cycle", ["someone", "nonsense", "\x00"])
def test_a_cycle_that_is_not_ones_own_is_like_nonsense(client, me, cycle):
    if cycle == "someone":
        cycle = str(TrainingPlanFactory().pk)

    response = client.get(reverse("transcripts:transcript"), {"cycle": cycle})

    assert response.status_code == 422
    assert "Choose one of your cycles." in response.content.decode()
    for name in ("export_csv", "export_json", "export_pdf", "certificates_zip"):
        assert client.get(reverse(f"transcripts:{name}"), {"cycle": cycle}).status_code == 302
