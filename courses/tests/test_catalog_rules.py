"""Into the catalog through the gate, and out of it; which approval holds on which day."""

from __future__ import annotations

import importlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from courses import approvals, catalog
from courses.models import AgendaItem, Approval, Course, CourseCredit
from courses.models.catalog import check_slug
from courses.tests.factories import (
    LONG_AGO,
    ApprovalFactory,
    ApprovingBodyFactory,
    CourseFactory,
    CreditTypeFactory,
    LessonFactory,
    ProviderFactory,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TODAY = NOON.date()
LATER = NOON + timedelta(days=30)


def live_course(**changes) -> Course:
    """A live course with 90 minutes of agenda and a lunch."""
    course = CourseFactory(live=True, parts__lessons=0, parts__questions=0, **changes)
    AgendaItem.objects.create(course=course, part="Practice", minutes=90)
    AgendaItem.objects.create(course=course, part="Lunch", minutes=60, carries_credit=False)
    return course


def gate(course: Course, *, on: date = TODAY) -> list[str]:
    return catalog.gate(Course.objects.get(pk=course.pk), on=on)


# --- The gate ---------------------------------------------------------------


@pytest.mark.parametrize("make", [CourseFactory, live_course])
def test_the_gate_is_open_for_a_complete_course(make):
    assert gate(make()) == []


@pytest.mark.parametrize(
    ("field", "label"),
    [
        ("summary", "summary"),
        ("about", "about"),
        ("audience", "audience"),
        ("conflict_of_interest", "conflicts of interest"),
        ("commercial_support", "commercial support"),
        ("content_statement", "accuracy, limits and risks of the content"),
        ("system_requirements", "system requirements"),
    ],
)
@pytest.mark.parametrize("nothing", ["", " \n"])
def test_the_gate_names_the_disclosure_that_is_missing(field, label, nothing):
    course = CourseFactory(**{field: nothing})

    assert gate(course) == [f"Fill in “{label}”."]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("objectives", "Write at least one learning objective."),
        ("course_instructors", "Name at least one instructor."),
        ("course_focus_areas", "Choose at least one focus area."),
        ("credits", "Give credit with at least one approving body."),
        ("questions", "Write the post-test: without an instructor present it is required."),
    ],
)
def test_the_gate_names_the_part_that_is_missing(rows, sentence):
    # Difficult enough that it makes a quarter hour without its questions.
    course = CourseFactory(difficulty=5)

    getattr(course, rows).all().delete()

    assert gate(course) == [sentence]


def test_the_gate_asks_a_course_without_an_instructor_present_for_lessons():
    course = CourseFactory(difficulty=5)

    course.lessons.all().delete()

    assert gate(course) == ["Write at least one lesson."]


def test_the_gate_asks_a_text_based_course_for_its_difficulty():
    course = CourseFactory(difficulty=None, parts__questions=20)

    assert gate(course) == ["State the difficulty: the hours are computed with it."]


def test_the_gate_asks_a_live_course_for_its_minutes_of_attendance():
    assert gate(live_course(attendance_minutes=None)) == [
        "State the minutes, or the percent of the session, that one must attend."
    ]


def test_the_gate_asks_a_live_course_for_no_post_test():
    course = live_course()

    assert (course.questions.count(), course.lessons.count(), gate(course)) == (0, 0, [])


def test_the_gate_asks_for_an_agenda_that_carries_credit():
    course = live_course()

    course.agenda.filter(carries_credit=True).delete()

    assert gate(course) == [
        "The agenda or the lessons make less than a quarter hour.",
        "Write the agenda with its minutes.",
    ]


@pytest.mark.parametrize(("minutes", "missing"), [(15, []), (14, ["less than a quarter hour"])])
def test_the_gate_asks_for_a_quarter_hour(minutes, missing):
    course = live_course()

    course.agenda.filter(carries_credit=True).update(minutes=minutes)

    assert gate(course) == [f"The agenda or the lessons make {words}." for words in missing]


def test_the_gate_names_the_question_without_a_right_choice():
    course = CourseFactory()
    second = course.questions.order_by("position")[1]

    second.choices.update(is_right=False)

    assert gate(course) == [
        "Question 2: A question needs two choices or more, exactly one of them right."
    ]


def test_the_gate_names_the_question_with_one_choice():
    course = CourseFactory()
    first = course.questions.order_by("position")[0]

    first.choices.filter(is_right=False).delete()

    assert gate(course) == [
        "Question 1: A question needs two choices or more, exactly one of them right."
    ]


def test_the_gate_names_each_body_without_an_approval_in_date():
    course = CourseFactory()
    for slug, name in (("nbcc-acep", "NBCC ACEP"), ("apa", "APA")):
        _credit(course, ApprovingBodyFactory(slug=slug, name=name))
    ApprovalFactory(provider=course.provider, body__slug="apa", valid_to=TODAY - timedelta(days=1))

    assert gate(course) == [
        "Hollow Reed Institute has no approval in date with APA.",
        "Hollow Reed Institute has no approval in date with NBCC ACEP.",
    ]


def test_the_gate_names_everything_at_once():
    course = CourseFactory(summary="", about="", attendance_minutes=None, live=True)
    course.objectives.all().delete()

    assert gate(course, on=date(2029, 1, 1)) == [
        "Fill in “summary”.",
        "Fill in “about”.",
        "Write at least one learning objective.",
        "Hollow Reed Institute has no approval in date with ASWB ACE.",
        "The agenda or the lessons make less than a quarter hour.",
        "State the minutes, or the percent of the session, that one must attend.",
        "Write the agenda with its minutes.",
    ]


# --- Hours ------------------------------------------------------------------


def test_a_live_course_counts_the_minutes_of_its_agenda_that_carry_credit():
    assert catalog.credit_hours(live_course()) == Decimal("1.50")


def test_a_course_never_counts_more_than_one_body_gives():
    course = live_course()
    course.credits.update(hours=Decimal("1.25"))

    assert catalog.credit_hours(course) == Decimal("1.25")


def test_the_credit_types_of_one_body_are_added_and_bodies_are_not():
    course = live_course()
    course.credits.update(hours=Decimal("0.50"))
    ace = ApprovingBodyFactory()
    _credit(course, ace, credit_type=CreditTypeFactory(slug="clinical"), hours="0.25")
    _credit(course, ApprovingBodyFactory(slug="apa"), hours="0.50")

    assert catalog.credit_hours(course) == Decimal("0.75")


def test_a_text_based_course_counts_by_the_mergener_formula():
    course = CourseFactory(difficulty=4, parts__lessons=0, parts__questions=10)
    LessonFactory(course=course, body="word " * 2_000)

    # 0.9 x (-22.3 + 4.18 + 27.8 + 62) = 64.5 minutes
    assert catalog.credit_hours(course) == Decimal("1.00")


def test_hours_follow_the_agenda():
    course = live_course()
    course.agenda.filter(carries_credit=True).update(minutes=45)

    catalog.update_hours(course=course)

    assert Course.objects.get().hours == Decimal("0.75")


@pytest.mark.parametrize(
    ("trait", "kept"), [("draft", Decimal("0.00")), ("retired", Decimal("1.50"))]
)
def test_only_a_draft_may_come_to_no_hours(trait, kept):
    """The database refuses others; the gate says what is wrong with them."""
    course = live_course(**{trait: True})
    course.agenda.all().delete()

    catalog.update_hours(course=course)

    assert Course.objects.get().hours == kept


# --- Publish and retire -----------------------------------------------------


def test_publish_puts_a_draft_into_the_catalog_with_its_hours():
    course = live_course(draft=True, hours=0)

    catalog.publish(course=course, at=NOON, on=TODAY)

    course.refresh_from_db()
    assert (course.status, course.published_at, course.retired_at, course.hours) == (
        "published",
        NOON,
        None,
        Decimal("1.50"),
    )
    assert list(Course.objects.published()) == [course]


def test_publish_refuses_what_the_gate_refuses_and_changes_nothing():
    course = live_course(draft=True, summary="", about="", hours=0)

    with pytest.raises(catalog.CatalogError) as refused:
        catalog.publish(course=course, at=NOON, on=TODAY)

    assert refused.value.missing == ["Fill in “summary”.", "Fill in “about”."]
    assert str(refused.value) == "Fill in “summary”. Fill in “about”."
    course.refresh_from_db()
    assert (course.status, course.published_at, course.hours) == ("draft", None, 0)


def test_publish_needs_approvals_in_date_on_the_given_day():
    course = live_course(draft=True)
    Approval.objects.update(valid_to=TODAY)

    with pytest.raises(catalog.CatalogError, match="no approval in date with ASWB ACE"):
        catalog.publish(course=course, at=NOON, on=TODAY + timedelta(days=1))

    catalog.publish(course=course, at=NOON, on=TODAY)
    assert Course.objects.get().is_published


def test_publishing_twice_keeps_the_first_moment():
    course = live_course(draft=True)

    catalog.publish(course=course, at=NOON, on=TODAY)
    catalog.publish(course=course, at=LATER, on=TODAY)

    assert Course.objects.get().published_at == NOON


def test_retire_takes_a_course_out_of_the_catalog():
    course = CourseFactory()

    catalog.retire(course=course, at=NOON)

    course.refresh_from_db()
    assert (course.status, course.published_at, course.retired_at) == ("retired", LONG_AGO, NOON)
    assert not Course.objects.published().exists()


def test_retiring_twice_keeps_the_first_day():
    course = CourseFactory()

    catalog.retire(course=course, at=NOON)
    catalog.retire(course=course, at=LATER)

    assert Course.objects.get().retired_at == NOON


def test_retire_refuses_a_draft():
    course = CourseFactory(draft=True)

    with pytest.raises(catalog.CatalogError) as refused:
        catalog.retire(course=course, at=NOON)

    assert refused.value.missing == ["A draft is not in the catalog."]
    assert Course.objects.get().status == "draft"


def test_a_retired_course_may_be_published_again():
    course = live_course(retired=True)

    catalog.publish(course=course, at=NOON, on=TODAY)

    course.refresh_from_db()
    assert (course.status, course.published_at, course.retired_at) == ("published", LONG_AGO, None)


def test_publish_looks_at_the_row_and_not_at_the_copy_in_hand():
    course = live_course(draft=True)
    Course.objects.update(summary="")

    with pytest.raises(catalog.CatalogError, match="Fill in “summary”."):
        catalog.publish(course=course, at=NOON, on=TODAY)


# --- What the database itself refuses ---------------------------------------


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("course_has_hours", {"hours": 0}),
        ("course_has_hours", {"hours": -1, "status": "draft"}),
        ("course_price_is_not_negative", {"price": -1}),
        ("course_pass_mark_is_percent", {"pass_mark": 0}),
        ("course_pass_mark_is_percent", {"pass_mark": 101}),
        ("course_allows_an_attempt", {"attempts_allowed": 0}),
        ("course_difficulty_is_1_to_5", {"difficulty": Decimal("0.5")}),
        ("course_difficulty_is_1_to_5", {"difficulty": Decimal("5.5")}),
        ("course_out_of_draft_was_published", {"published_at": None}),
        ("course_retired_on_a_day", {"status": "retired"}),
    ],
)
def test_the_database_refuses_an_impossible_course(constraint, values):
    CourseFactory()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Course.objects.update(**values)


@pytest.mark.parametrize("hours", [0, -1])
def test_the_database_refuses_credit_without_hours(hours):
    CourseFactory()

    with pytest.raises(IntegrityError, match="course_credit_has_hours"), transaction.atomic():
        CourseCredit.objects.update(hours=hours)


def test_the_database_refuses_one_body_and_type_twice_in_a_course():
    course = CourseFactory()

    with pytest.raises(IntegrityError), transaction.atomic():
        _credit(course, ApprovingBodyFactory())

    assert course.credits.count() == 1


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("approval_ends_after_it_begins", {"valid_to": date(2025, 8, 31)}),
        ("approval_has_number_and_statement", {"number": ""}),
        ("approval_has_number_and_statement", {"statement": ""}),
    ],
)
def test_the_database_refuses_an_impossible_approval(constraint, values):
    ApprovalFactory()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Approval.objects.update(**values)


@pytest.mark.parametrize("minutes", [29, 61])
def test_the_database_refuses_an_hour_of_too_few_or_too_many_minutes(minutes):
    with pytest.raises(IntegrityError, match="30_to_60"), transaction.atomic():
        ApprovingBodyFactory(minutes_per_hour=minutes)


# --- Approvals --------------------------------------------------------------


def chosen(course: Course, *, on: date = TODAY) -> list[str]:
    return sorted(approval.number for approval in approvals.in_date(course, on=on).values())


@pytest.mark.parametrize(
    ("on", "numbers"),
    [
        (date(2026, 1, 31), []),
        (date(2026, 2, 1), ["A"]),
        (date(2026, 2, 28), ["A"]),
        (date(2026, 3, 1), []),
    ],
)
def test_an_approval_holds_from_its_first_day_through_its_last(on, numbers):
    course = _course_without_approval()
    ApprovalFactory(number="A", valid_from=date(2026, 2, 1), valid_to=date(2026, 2, 28))

    assert chosen(course, on=on) == numbers


def test_an_approval_of_one_day_holds_on_that_day():
    course = _course_without_approval()
    ApprovalFactory(number="A", valid_from=TODAY, valid_to=TODAY)

    assert chosen(course) == ["A"]


def test_an_approval_without_an_end_holds_on():
    course = _course_without_approval()
    ApprovalFactory(number="A", valid_to=None)

    assert chosen(course, on=date(2199, 1, 1)) == ["A"]


@pytest.mark.parametrize("first", ["of the course", "of the provider"])
def test_an_approval_of_the_course_goes_before_the_providers(first):
    """Whichever was written first, and even if the provider's began later."""
    course = _course_without_approval()
    makers = {
        "of the course": lambda: ApprovalFactory(
            number="COURSE", course=course, valid_from=date(2025, 1, 1)
        ),
        "of the provider": lambda: ApprovalFactory(number="PROVIDER"),
    }

    for make in (makers.pop(first), *makers.values()):
        make()

    assert chosen(course) == ["COURSE"]


def test_the_providers_approval_holds_where_the_courses_has_ended():
    course = _course_without_approval()
    ApprovalFactory(number="PROVIDER")
    ApprovalFactory(number="COURSE", course=course, valid_to=TODAY - timedelta(days=1))

    assert chosen(course) == ["PROVIDER"]


@pytest.mark.parametrize("days", [(1, 2), (2, 1)])
def test_of_several_approvals_the_latest_is_used(days):
    course = _course_without_approval()
    for day in days:
        ApprovalFactory(number=f"FROM {day}", valid_from=date(2026, 1, day))

    assert chosen(course) == ["FROM 2"]


def test_of_approvals_from_one_day_the_last_written_is_used():
    course = _course_without_approval()
    for number in ("FIRST", "SECOND"):
        ApprovalFactory(number=number)

    assert chosen(course) == ["SECOND"]


def test_a_later_approval_that_has_not_begun_is_not_used():
    course = _course_without_approval()
    ApprovalFactory(number="NOW")
    ApprovalFactory(number="SOON", valid_from=TODAY + timedelta(days=1))

    assert chosen(course) == ["NOW"]


def test_each_body_has_its_own_approval():
    course = _course_without_approval()
    ApprovalFactory(number="ACE")
    ApprovalFactory(number="APA", body__slug="apa")

    assert chosen(course) == ["ACE", "APA"]


def test_approvals_of_other_courses_and_other_providers_do_not_count():
    course = _course_without_approval()
    other = ProviderFactory(slug="open-table", name="Open Table")
    ApprovalFactory(number="OTHER COURSE", course=_course_without_approval())
    ApprovalFactory(number="OTHER PROVIDER", provider=other)
    ApprovalFactory(number="OTHER PROVIDER'S OF THIS COURSE", provider=other, course=course)

    assert chosen(course) == []


def _course_without_approval() -> Course:
    course = CourseFactory()
    Approval.objects.all().delete()
    return course


def _credit(course: Course, body, *, credit_type=None, hours: str = "1.5") -> CourseCredit:
    return CourseCredit.objects.create(
        course=course,
        body=body,
        credit_type=credit_type or CreditTypeFactory(),
        hours=Decimal(hours),
        basis="90 minutes at 60 an hour",
    )


@pytest.mark.parametrize("slug", ["saved", "shortlist", "suggest", "topics"])
def test_no_course_takes_the_address_of_another_page(db, slug):
    with pytest.raises(IntegrityError), transaction.atomic():
        CourseFactory(slug=slug)
    with pytest.raises(ValidationError, match="the address of another page"):
        check_slug(slug)


def test_a_course_at_an_address_that_became_a_page_moves(db):
    """Before the constraint, any slug was free."""
    step = importlib.import_module("courses.migrations.0008_move_reserved_addresses")
    course, other = CourseFactory(slug="grief"), CourseFactory(slug="grief-course")

    with patch.object(step, "RESERVED", ["grief"]):
        step.move_courses(apps, None)

    course.refresh_from_db()
    other.refresh_from_db()
    assert (course.slug, other.slug) == ("grief-course-2", "grief-course")
