"""A trainee's page of their log, and the supervisor's who confirms weeks of it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import RecordRead
from accounts.tests.factories import SupervisionFactory, UserFactory
from transcripts import practice
from transcripts.models import PracticeConfirmation, PracticeEntry

pytestmark = pytest.mark.django_db

OWN = reverse("transcripts:practice")
TYPED = {"worked_on": "2026-02-23", "kind": "direct", "hours": "1.25", "note": "Intake, group room"}


@pytest.fixture
def trainee():
    return UserFactory(legal_name="Priya Raman")


@pytest.fixture
def supervisor(trainee):
    link = SupervisionFactory(trainee=trainee, shares_practice=True)
    return link.supervisor


def log(client, trainee, **changes):
    client.force_login(trainee)
    return client.post(OWN, {**TYPED, **changes})


def of(trainee, name="trainee_practice"):
    return reverse(f"transcripts:{name}", args=[trainee.pk])


def test_logged_hours_stand_on_the_page_and_in_the_csv(client, trainee):
    answer = log(client, trainee)

    page = client.get(OWN)
    assert answer.url == OWN
    assert "Intake, group room" in page.text
    assert "Feb 23, 2026 to Mar 1, 2026" in page.text
    text = client.get(reverse("transcripts:practice_csv")).content.decode("utf-8-sig")
    assert "2026-02-23,2026-02-23,Direct client contact,1.25," in text


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("hours", "0.1", "Hours go by quarters"),
        ("hours", "25", "Hours go by quarters"),
        ("hours", "NaN", "Enter a number"),
        ("hours", "-1", "Hours go by quarters"),
        ("hours", "9" * 10_000, "Ensure that there are no more than"),
        ("worked_on", "2999-01-01", "still to come"),
        ("worked_on", "0001-01-01", "four digits"),
        ("worked_on", "", "Fill this in"),
        ("kind", "nap", "valid choice"),
        ("note", "x" * 10_000, "at most 500 characters"),
        ("note", "a\x00b", "Null characters"),
    ],
)
def test_what_makes_no_sense_is_asked_again(client, trainee, field, value, words):
    answer = log(client, trainee, **{field: value})

    assert answer.status_code == 422
    assert words in answer.text
    assert not PracticeEntry.objects.exists()


def test_scripts_and_marks_of_direction_in_a_note_stay_text(client, trainee):
    log(client, trainee, note="<script>alert(1)</script>\u202e\n=cmd()")

    assert PracticeEntry.objects.get().note == "<script>alert(1)</script> =cmd()"
    assert "<script>alert" not in client.get(OWN).text


def test_an_entry_is_taken_back_by_its_trainee_alone(client, trainee, supervisor):
    log(client, trainee)
    url = reverse("transcripts:reverse_practice", args=[PracticeEntry.objects.get().key])
    client.force_login(supervisor)
    assert client.post(url).status_code == 404

    client.force_login(trainee)
    client.post(url)
    client.post(url)

    assert sorted(PracticeEntry.objects.values_list("quarter_hours", flat=True)) == [-5, 5]


def test_a_supervisor_confirms_a_week_as_it_was_shown(client, trainee, supervisor):
    log(client, trainee)
    client.force_login(supervisor)
    seen = client.get(of(trainee)).context["weeks"][0]
    form = {"week": seen.monday, "last_seen": seen.last.key}
    log(client, trainee, hours="1")
    client.force_login(supervisor)

    late = client.post(of(trainee), form)
    last = client.get(of(trainee)).context["weeks"][0].last
    done = client.post(of(trainee), {**form, "last_seen": last.key})

    assert late.status_code == 422
    assert "changed since you opened it" in late.text
    assert done.url == of(trainee)
    assert PracticeConfirmation.objects.get().last_entry == last
    log(client, trainee, hours="0.5")
    assert "1 since confirmed" in client.get(OWN).text


@pytest.mark.parametrize(
    "form", [{}, {"week": "x", "last_seen": "y"}, {"week": "2026-02-23", "last_seen": "\x00"}]
)
def test_a_form_that_is_not_ours_is_asked_again(client, trainee, supervisor, form):
    log(client, trainee)
    client.force_login(supervisor)

    assert client.post(of(trainee), form).status_code == 422
    assert not PracticeConfirmation.objects.exists()


def test_who_reads_a_log(client, trainee, supervisor):
    log(client, trainee)
    people = {
        "supervisor": supervisor,
        "of credit alone": SupervisionFactory(trainee=trainee).supervisor,
        "past": SupervisionFactory(trainee=trainee, shares_practice=True, ended=True).supervisor,
        "other": UserFactory(),
        "trainee": trainee,
    }

    found = {}
    for who, person in people.items():
        client.force_login(person)
        found[who] = (
            client.get(of(trainee)).status_code,
            client.get(of(trainee, "trainee_practice_csv")).status_code,
            client.post(of(trainee), {}).status_code,
        )

    nothing = (404, 404, 404)
    assert found == {
        "supervisor": (200, 200, 422),
        "of credit alone": nothing,
        "past": nothing,
        "other": nothing,
        "trainee": nothing,
    }
    assert set(RecordRead.objects.values_list("reader", "person", "what")) == {
        (supervisor.pk, trainee.pk, "practice"),
        (supervisor.pk, trainee.pk, "practice-csv"),
    }


def test_a_log_of_eight_weeks_asks_the_database_as_often_as_one_of_one(client, trainee, supervisor):
    at = timezone.now()

    def add(weeks):
        for number in range(weeks):
            day = timezone.localdate(at, trainee.tz) - timedelta(days=7 * number)
            for kind in ("direct", "group"):
                practice.log(
                    trainee=trainee, worked_on=day, kind=kind, hours=Decimal(1), note="", at=at
                )

    def count(person, address):
        client.force_login(person)
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        return len(queries)

    add(1)
    one = count(trainee, OWN), count(supervisor, of(trainee))
    add(8)

    assert (count(trainee, OWN), count(supervisor, of(trainee))) == one
