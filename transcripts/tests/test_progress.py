"""Hours earned of hours needed: what counts, what may count, and what nobody can tell."""

from datetime import date
from decimal import Decimal

import pytest

from accounts.tests.factories import UserFactory
from transcripts import certificates, ledger, progress
from transcripts.models import TrainingPlan
from transcripts.progress import Answer, Coming
from transcripts.tests.factories import (
    CreditEntryFactory,
    OutsideCreditFactory,
    OutsideDecisionFactory,
    TrainingPlanFactory,
    make_line,
)

pytestmark = pytest.mark.django_db


def progress_of(plan, on=date(2026, 6, 1), **more):
    more = {"coming": {}, **more}
    with_lines = TrainingPlan.objects.with_lines().get(pk=plan.pk)
    return progress.of_plans([with_lines], on=on, **more)[plan.pk]


def earn(holder, hours, on=date(2026, 2, 1), format="text", lines=None):
    return CreditEntryFactory(
        holder=holder, hours=hours, earned_on=on, activity={"format": format}, lines=lines
    )


def by_name(found):
    return {part.name: part for part in found.parts}


def test_hours_count_from_the_first_day_of_the_cycle_through_its_last():
    plan = TrainingPlanFactory(since=date(2026, 1, 1), until=date(2027, 1, 1))
    for hours, day in (
        ("1", date(2025, 12, 31)),
        ("2", date(2026, 1, 1)),
        ("4", date(2026, 12, 31)),
        ("8", date(2027, 1, 1)),
    ):
        earn(plan.holder, hours, on=day)

    assert progress_of(plan).total.earned == Decimal(6)
    assert progress.totals([plan], on=date(2026, 6, 1))[plan.pk].total.earned == Decimal(6)


def test_nobody_elses_hours_count():
    plan = TrainingPlanFactory()
    earn(UserFactory(), "5")

    assert progress_of(plan).total.earned == 0


def test_what_was_reversed_does_not_count_and_what_was_corrected_counts_as_corrected(noon):
    plan = TrainingPlanFactory(lines={"ethics": 3})
    curator = UserFactory()
    gone, wrong = (certificates.issue(entry=earn(plan.holder, h), at=noon) for h in ("2", "4"))
    ledger.reverse(entry=gone.entry, reason_class="error", reason="No.", by=curator, at=noon)
    certificates.reissue(
        entry=wrong.entry,
        correction=ledger.Correction(clock_hours=Decimal(3)),
        reason_class="wrong_hours",
        reason="Three.",
        by=curator,
        at=noon,
    )

    found = by_name(progress_of(plan))

    assert found["All hours"].earned == Decimal(3)
    assert found["Ethics"].earned == Decimal(3)


def test_live_hours_are_those_in_person_and_in_webinars():
    plan = TrainingPlanFactory(lines={"": 8})
    earn(plan.holder, "3", format="in-person")
    earn(plan.holder, "2", format="live-webinar")
    earn(plan.holder, "6", format="recorded")

    live = by_name(progress_of(plan))["Live"]

    assert (live.earned, live.answer) == (Decimal(5), Answer.NOT_MET)
    assert live.reason == "3 h short, nothing enrolled"


def test_a_hybrid_course_that_would_decide_it_leaves_the_live_hours_open():
    plan = TrainingPlanFactory(lines={"": 8})
    earn(plan.holder, "5", format="in-person")
    earn(plan.holder, "4", format="hybrid")

    live = by_name(progress_of(plan))["Live"]

    assert live.answer == Answer.CANNOT_TELL
    assert live.reason.startswith("Cannot tell: between 5 and 9 of 8 hours count. Hybrid courses")


def test_hours_of_a_credit_type_are_never_added_up_over_bodies():
    plan = TrainingPlanFactory(lines={"ethics": 3})
    lines = [
        make_line(hours=Decimal(2)),
        make_line(body="nbcc-acep", body_name="NBCC ACEP", hours=Decimal(2)),
        make_line(credit_type="general", credit_type_name="General", hours=Decimal(4)),
    ]
    earn(plan.holder, "4", lines=lines)

    ethics = by_name(progress_of(plan))["Ethics"]

    assert (ethics.earned, ethics.possible, ethics.answer) == (2, 2, Answer.NOT_MET)


def test_bodies_that_count_differently_leave_it_open_where_that_decides_it():
    plan = TrainingPlanFactory(lines={"ethics": 3})
    lines = [
        make_line(hours=Decimal("2.5")),
        make_line(body="nysed-sw", body_name="NYSED Social Work", hours=Decimal(3)),
    ]
    earn(plan.holder, "2.5", lines=lines)

    ethics = by_name(progress_of(plan))["Ethics"]

    assert ethics.answer == Answer.CANNOT_TELL
    assert ethics.reason == (
        "Cannot tell: between 2.5 and 3 of 3 hours count. Approving bodies count some of these "
        "courses differently."
    )


def test_a_type_never_has_more_hours_for_certain_than_its_course_has():
    plan = TrainingPlanFactory(lines={"ethics": 3})
    earn(plan.holder, "2.5", lines=[make_line(hours=Decimal(3))])

    ethics = by_name(progress_of(plan))["Ethics"]

    assert (ethics.earned, ethics.possible) == (Decimal("2.5"), Decimal(3))


def test_a_plan_is_met_when_everything_in_it_is():
    plan = TrainingPlanFactory(hours=3, lines={"ethics": 3})
    earn(plan.holder, "3")

    found = progress_of(plan)

    assert (found.answer, found.gaps) == (Answer.MET, [])
    assert found.summary == "Met, all of it."


def test_what_is_enrolled_counts_apart_and_by_what_it_will_be():
    plan = TrainingPlanFactory(hours=10, lines={"": 2, "ethics": 3})
    other = make_line(credit_type="general", credit_type_name="General", hours=Decimal(3))
    earn(plan.holder, "4", lines=[make_line(hours=Decimal(1)), other])
    coming = [
        Coming(Decimal(3), "live-webinar", date(2026, 5, 1), {"ethics": Decimal("1.5")}),
        Coming(Decimal(2), "text", date(2026, 5, 1), {}),
        Coming(Decimal(9), "in-person", date(2027, 1, 1), {"ethics": Decimal(9)}),
    ]

    found = progress_of(plan, coming={plan.holder_id: coming})

    assert found.total.words == "4 of 10 hours earned, 5 more enrolled"
    assert [part.gap for part in found.gaps] == [
        "Live 2 h, enrolled",
        "Ethics 2 h, 1.5 h enrolled",
        "All hours 6 h, 5 h enrolled",
    ]
    assert found.total.left == 1


@pytest.mark.parametrize(
    ("earned", "on", "is_behind"),
    [
        ("12", date(2026, 7, 2), False),
        ("11", date(2026, 8, 1), True),
        ("0.5", date(2025, 6, 1), False),
        ("23.75", date(2030, 1, 1), True),
    ],
)
def test_behind_is_who_has_a_smaller_part_of_the_hours_than_of_the_days(earned, on, is_behind):
    plan = TrainingPlanFactory()
    earn(plan.holder, earned)

    assert progress_of(plan, on=on).is_behind is is_behind


def test_one_plan_takes_as_many_questions_as_fifty(django_assert_num_queries):
    made = TrainingPlanFactory.create_batch(50, lines={"": 8, "ethics": 3})
    for plan in made:
        earn(plan.holder, "2")
    some = list(TrainingPlan.objects.with_lines().order_by("pk"))

    for count in (1, 50):
        with django_assert_num_queries(3):
            found = progress.of_plans(some[:count], on=date(2026, 6, 1))
        assert {each.total.earned for each in found.values()} == {Decimal(2)}


def test_outside_credit_counts_once_it_is_confirmed_and_until_then_stands_apart(noon):
    plan = TrainingPlanFactory(hours=4, lines={"": 2, "ethics": 2})
    earn(plan.holder, "2", format="recorded", lines=[make_line(credit_type="x", hours=Decimal(2))])
    credit = OutsideCreditFactory(holder=plan.holder)
    OutsideCreditFactory(holder=plan.holder, withdrawn=True)
    OutsideDecisionFactory(credit=OutsideCreditFactory(holder=plan.holder), refused=True)

    before = progress_of(plan)
    OutsideDecisionFactory(credit=credit)
    after = progress_of(plan)

    assert [(part.earned, part.recorded) for part in before.parts] == [(2, 2), (0, 2), (0, 2)]
    assert before.answer == Answer.CANNOT_TELL
    assert before.summary.endswith("Nobody has confirmed some of the outside credit.")
    assert [(part.earned, part.recorded) for part in after.parts] == [(4, 0), (2, 0), (2, 0)]
    assert after.answer == Answer.MET


def test_the_summary_says_what_is_short_and_what_is_left_to_find():
    plan = TrainingPlanFactory(hours=10, lines={"": 2, "ethics": 3})
    earn(plan.holder, "4", lines=[make_line(credit_type="x", hours=Decimal(4))])

    assert progress_of(plan).summary == (
        "Not met yet: 0 h enrolled, 6 h left to find. Short of live and ethics."
    )
    assert progress_of(plan, on=date(2027, 1, 1)).summary.startswith("Not met: 0 h")


def test_where_nobody_asked_what_is_enrolled_nothing_is_said_of_it():
    plan = TrainingPlanFactory(hours=10, lines={"": 2, "ethics": 3})
    earn(plan.holder, "4", lines=[make_line(credit_type="x", hours=Decimal(4))])

    found = progress_of(plan, coming=None)

    assert found.summary == "Not met yet: 6 h short. Short of live and ethics."
    assert [part.gap for part in found.gaps] == ["Live 2 h", "Ethics 3 h", "All hours 6 h"]
    assert [part.reason for part in found.lines] == ["2 h short", "3 h short"]
    assert [part.left for part in found.parts] == [None, None, None]
    assert found.total.words == "4 of 10 hours earned"
