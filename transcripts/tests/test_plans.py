"""A plan says what a cycle asks; it is replaced, never edited, and says who set it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from accounts.models import OutgoingMail
from accounts.tests.factories import LicenseFactory, SupervisionFactory, UserFactory
from transcripts import plans
from transcripts.models import PlanLine, TrainingPlan
from transcripts.tests.factories import TrainingPlanFactory

pytestmark = pytest.mark.django_db

ETHICS = plans.Needed("ethics", "Ethics", Decimal(3))
LIVE = plans.Needed("", "Live", Decimal(8))


def write(holder, at, **changes):
    facts = {
        "holder": holder,
        "by": holder,
        "title": "LMSW toward LCSW",
        "license_": None,
        "since": date(2026, 1, 1),
        "until": date(2027, 1, 1),
        "hours": Decimal(24),
        "lines": [LIVE, ETHICS],
        "at": at,
    }
    return plans.write(**{**facts, **changes})


def test_a_plan_keeps_its_lines_in_order(noon):
    plan = write(UserFactory(), noon)

    assert list(plan.lines.order_by("position").values_list("credit_type", "name", "hours")) == [
        ("", "Live", Decimal(8)),
        ("ethics", "Ethics", Decimal(3)),
    ]


def test_the_same_words_again_change_nothing(noon):
    holder = UserFactory()
    first = write(holder, noon)

    assert write(holder, noon + timedelta(hours=1)) == first
    assert write(holder, noon + timedelta(hours=1), replaces=first) == first
    assert TrainingPlan.objects.count() == 1


def test_a_new_plan_takes_the_place_of_the_one_for_the_same_license(noon):
    held = LicenseFactory()
    first = write(held.holder, noon, license_=held, title="Renewal")
    later = noon + timedelta(days=1)

    second = write(held.holder, later, license_=held, title="Renewal, once more")

    first.refresh_from_db()
    assert (first.superseded_at, second.superseded_at) == (later, None)


def test_without_a_license_the_title_is_the_track_whatever_its_case(noon):
    holder = UserFactory()
    first = write(holder, noon)

    second = write(holder, noon, title="lmsw toward lcsw", hours=Decimal(30))

    assert list(TrainingPlan.objects.current()) == [second]
    assert first != second


def test_plans_of_two_licenses_stand_beside_each_other(noon):
    held = LicenseFactory()
    other = LicenseFactory(holder=held.holder, state="NJ")
    write(held.holder, noon, license_=held)

    write(held.holder, noon, license_=other)

    assert TrainingPlan.objects.current().count() == 2


def test_a_change_of_what_was_changed_meanwhile_is_refused_with_words(noon):
    holder = UserFactory()
    first = write(holder, noon)
    second = write(holder, noon, replaces=first, title="Toward LCSW")

    with pytest.raises(plans.PlanError, match="changed meanwhile"):
        write(holder, noon, replaces=first, title="Another")

    assert list(TrainingPlan.objects.current()) == [second]


def test_a_plan_names_no_license_of_somebody_else(noon):
    with pytest.raises(plans.PlanError, match="license of the person"):
        write(UserFactory(), noon, license_=LicenseFactory())


def test_nobody_has_more_plans_than_a_page_holds(noon, monkeypatch):
    monkeypatch.setattr(plans, "MOST_CURRENT", 2)
    holder = UserFactory()
    first = write(holder, noon, title="One")
    write(holder, noon, title="Two")

    with pytest.raises(plans.PlanError, match="2 plans already"):
        write(holder, noon, title="Three")
    write(holder, noon, title="Three", replaces=first)

    assert TrainingPlan.objects.current().count() == 2


def test_the_holder_is_told_what_a_supervisor_sets_and_not_what_they_set_themselves(noon):
    link = SupervisionFactory(supervisor__legal_name="Helena Brandt", shares_renewal=True)
    holder = link.trainee
    own = write(holder, noon)

    write(holder, noon, by=link.supervisor, replaces=own, hours=Decimal(30))

    mail = OutgoingMail.objects.get()
    assert (mail.recipient, mail.kind) == (holder, "plan-set")
    assert mail.subject == "Helena Brandt set your training plan: LMSW toward LCSW"
    assert "Jan 1, 2026 through Dec 31, 2026: 30 hours, of them at least 8 h live and 3 h ethics."


@pytest.mark.parametrize(
    "shared", [{}, {"shares_renewal": True, "ended": True}], ids=["not shared", "ended"]
)
def test_who_may_not_read_the_progress_sets_no_plan(noon, shared):
    link = SupervisionFactory(**shared)

    with pytest.raises(plans.SupervisionEnded, match="not shared with you any more"):
        write(link.trainee, noon, by=link.supervisor)

    assert not TrainingPlan.objects.exists()


def test_who_waited_for_their_turn_comes_with_an_earlier_moment(noon):
    holder = UserFactory()
    first = write(holder, noon)

    second = write(holder, noon - timedelta(seconds=1), hours=Decimal(36))
    plans.drop(plan=second, at=noon - timedelta(seconds=2))

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.superseded_at, second.superseded_at) == (noon, second.set_at)


def test_a_dropped_plan_stays_among_the_earlier_ones(noon):
    plan = write(UserFactory(), noon)

    plans.drop(plan=plan, at=noon)
    plans.drop(plan=plan, at=noon + timedelta(days=1))

    plan.refresh_from_db()
    assert plan.superseded_at == noon


def test_cycles_are_the_last_word_on_each_period_the_latest_first(noon):
    held = LicenseFactory()
    for days, hours in (
        ((date(2024, 1, 1), date(2026, 1, 1)), 30),
        ((date(2024, 1, 1), date(2026, 1, 1)), 36),
        ((date(2026, 1, 1), date(2028, 1, 1)), 36),
    ):
        since, until = days
        write(held.holder, noon, license_=held, since=since, until=until, hours=Decimal(hours))
        noon += timedelta(days=1)

    assert [(plan.since.year, plan.hours) for plan in plans.cycles(held.holder)] == [
        (2026, Decimal(36)),
        (2024, Decimal(36)),
    ]


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"until": date(2026, 1, 1)}, "training_plan_ends_after_it_begins"),
        ({"hours": Decimal(0)}, "training_plan_needs_hours"),
        ({"title": ""}, "training_plan_has_a_title"),
    ],
)
def test_the_database_refuses_a_plan_that_makes_no_sense(facts, name):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        TrainingPlanFactory(**facts)


def test_the_database_keeps_one_current_plan_for_a_license_and_for_a_title():
    held = LicenseFactory()
    TrainingPlanFactory(holder=held.holder, license=held)
    TrainingPlanFactory(holder=held.holder)

    with pytest.raises(IntegrityError), transaction.atomic():
        TrainingPlanFactory(holder=held.holder, license=held, title="Another")
    with pytest.raises(IntegrityError), transaction.atomic():
        TrainingPlanFactory(holder=held.holder, title="LMSW TOWARD LCSW")


def test_the_database_refuses_a_line_twice_or_without_hours():
    plan = TrainingPlanFactory(lines={"ethics": 3})

    for credit_type, hours in (("ethics", 1), ("clinical", 0)):
        with pytest.raises(IntegrityError), transaction.atomic():
            PlanLine.objects.create(
                plan=plan, position=9, credit_type=credit_type, name="X", hours=hours
            )
