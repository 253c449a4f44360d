"""A made-up catalog: valid in every row, the same again, and only in an empty database."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from random import Random

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Q

from courses import made_catalog, words
from courses.models import (
    Approval,
    CatalogEntry,
    Course,
    CourseCredit,
    CourseFocusArea,
    CourseInstructor,
    CreditType,
    FocusArea,
    Instructor,
    Lesson,
    Objective,
    Provider,
    Session,
)
from courses.tests.factories import CourseFactory, InstructorFactory, ProviderFactory

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TODAY = NOON.date()


def fill(courses, *, seed=1, **options):
    made_catalog.fill(courses, seed=seed, today=TODAY, at=NOON, **options)


def all_rows():
    return [
        row
        for model in apps.get_app_config("courses").get_models(include_auto_created=True)
        for row in model._default_manager.order_by("pk")
    ]


def snapshot(courses, **options):
    """The rows that a fill would write. Those of the reference data are named by their slugs."""
    with transaction.atomic():
        fill(courses, **options)
        rows = [
            list(model._default_manager.order_by("pk").values_list(*columns))
            for model, columns in {
                Provider: [],
                Instructor: [],
                Course: [],
                Session: [],
                Objective: [],
                Approval: ["provider", "body__slug", "course", "number", "valid_from", "valid_to"],
                CourseCredit: ["course", "body__slug", "credit_type__slug", "hours", "position"],
                CourseFocusArea: ["course", "focus_area__slug", "position"],
                CourseInstructor: ["course", "instructor", "position"],
                Course.teaching_methods.through: ["course", "teachingmethod__slug"],
            }.items()
        ]
        transaction.set_rollback(True)
    return rows


def sizes():
    return {model: model.objects.count() for model in (Course, Provider, Instructor, Approval)}


# --- Rows -------------------------------------------------------------------


def test_every_row_is_valid(db):
    fill(60)

    connection.check_constraints()
    for row in all_rows():
        row.clean_fields()
        row.clean()
    assert Course.objects.count() == 60


def test_the_database_keeps_the_values_as_django_writes_them(db):
    fill(60)

    columns = ("published_at", "retired_at", "last_reviewed_on", "price", "hours", "difficulty")
    for course in Course.objects.values("pk", *columns):
        assert Course.objects.filter(**course).exists()
    for session in Session.objects.values("pk", "starts_at", "ends_at"):
        assert Session.objects.filter(**session).exists()
    for approval in Approval.objects.values("pk", "valid_from", "valid_to"):
        assert Approval.objects.filter(**approval).exists()


def test_saving_a_course_again_changes_nothing_in_the_database(db):
    fill(60)
    columns = "published_at, last_reviewed_on, price, hours, difficulty"

    def kept():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id, {columns} FROM courses_course ORDER BY id")
            return cursor.fetchall()

    before = kept()
    for course in Course.objects.all():
        course.save()

    assert kept() == before


def test_the_next_rows_get_primary_keys_that_are_free(db):
    fill(60)

    course = CourseFactory(key="one-more")

    assert course.pk == 61
    assert Objective.objects.filter(course=course).count() == 1


def test_each_status_format_and_language_has_its_share(db):
    fill(1000)

    def shares(field):
        return Counter(Course.objects.values_list(field, flat=True))

    statuses, formats, languages = map(shares, ("status", "format", "language"))
    assert set(statuses) == set(Course.Status.values)
    assert statuses["published"] == pytest.approx(940, abs=25)
    assert set(formats) == set(Course.Format.values)
    assert formats["text"] == pytest.approx(400, abs=50)
    assert languages["English"] == pytest.approx(950, abs=25)
    assert Course.objects.filter(price=0).count() == pytest.approx(100, abs=30)


def test_dates_are_counted_from_the_day_of_making(db):
    fill(1000)

    five_years = timedelta(days=5 * 365)
    published = Course.objects.exclude(status="draft")
    assert not published.exclude(published_at__range=(NOON - five_years, NOON)).exists()
    assert published.filter(published_at__lt=NOON - five_years / 2).exists()
    assert not Course.objects.filter(retired_at__gt=NOON).exists()
    days = [session.starts_at.astimezone(session.tz).date() for session in Session.objects.all()]
    assert min(days) >= TODAY - timedelta(days=60)
    assert max(days) <= TODAY + timedelta(days=300)
    general = Approval.objects.filter(course=None)
    in_date = general.in_date(on=TODAY).count()
    assert general.count() * 0.6 < in_date < general.count()


def test_approvals_are_also_lapsed_or_yet_to_come_or_for_one_course(db):
    call_command("load_reference", stdout=StringIO())
    tables = made_catalog._Tables()

    maker = made_catalog._Maker(40_000, chance=Random(1), today=TODAY, at=NOON, tables=tables)
    for _ in range(1000):
        maker.add_course()

    approvals = tables.rows[Approval]
    assert any(approval["valid_to"] and approval["valid_to"] < TODAY for approval in approvals)
    assert any(approval["valid_to"] is None for approval in approvals)
    assert any(approval["valid_from"] > TODAY for approval in approvals)
    assert any(approval["course_id"] for approval in approvals)


def test_live_courses_have_sessions_and_the_others_one_lesson(db):
    fill(60)

    for course in Course.objects.all():
        sessions = Session.objects.filter(course=course).count()
        lessons = Lesson.objects.filter(course=course).count()
        assert lessons == (not course.is_live)
        assert 1 <= sessions <= 4 if course.is_live else sessions == 0


def test_credit_is_given_with_bodies_that_approved_the_provider_or_the_course(db):
    fill(1000)

    approved = set()
    for provider, body, course in Approval.objects.values_list("provider", "body", "course"):
        approved.add((provider, body, course))
    given = Counter()
    for course, provider, body in CourseCredit.objects.values_list(
        "course", "course__provider", "body"
    ):
        given[course] += 1
        assert (provider, body, None) in approved or (provider, body, course) in approved
    assert set(given) == set(Course.objects.values_list("pk", flat=True))
    assert set(given.values()) == {2, 3, 4}


def test_hours_of_a_course_are_those_of_the_clock(db):
    fill(60)

    for credit in CourseCredit.objects.select_related("course"):
        assert Decimal("0.5") <= credit.course.hours <= credit.hours
        assert credit.course.hours % Decimal("0.25") == 0


def test_some_instructors_are_asked_far_more_often_than_others(db):
    fill(1000)

    asked = sorted(Counter(Course.objects.values_list("instructors", flat=True)).values())
    assert Instructor.objects.count() == 50
    assert asked[-1] > 4 * asked[0]


# --- Again ------------------------------------------------------------------


def test_the_same_seed_makes_the_same_catalog(db):
    assert snapshot(60) == snapshot(60)


def test_another_seed_makes_another_catalog(db):
    one, other = snapshot(60), snapshot(60, seed=2)

    assert all(rows != others for rows, others in zip(one, other, strict=True))


def test_the_catalog_is_the_same_whatever_is_written_at_once(db, monkeypatch):
    at_once = snapshot(60)
    written = []

    monkeypatch.setattr(made_catalog, "CHUNK", 25)

    assert snapshot(60, on_progress=written.append) == at_once
    assert written == [25, 25, 10]


@pytest.mark.parametrize("factory", [CourseFactory, ProviderFactory, InstructorFactory])
def test_fill_refuses_a_database_that_is_not_empty(db, factory):
    factory()
    before = sizes()

    with pytest.raises(made_catalog.NotEmptyError, match="nothing was written"):
        fill(60)

    assert sizes() == before


# --- Words ------------------------------------------------------------------


def test_each_focus_area_has_themes_and_credit_types_that_exist(db):
    call_command("load_reference", stdout=StringIO())
    areas = made_catalog._read()["focus_areas"]

    assert set(areas) == set(FocusArea.objects.values_list("slug", flat=True))
    types = set(CreditType.objects.values_list("slug", flat=True))
    assert {slug for area in areas.values() for slug in area["credit_types"]} <= types


@pytest.mark.parametrize(
    ("name", "model", "column"),
    [
        ("titles", Course, "title"),
        ("summaries", Course, "summary"),
        ("objectives", Objective, "text"),
    ],
)
def test_the_longest_sentence_fits_its_column(name, model, column):
    read = made_catalog._read()
    themes = [theme for area in read["focus_areas"].values() for theme in area["themes"]]
    longest = {name: max(terms, key=len) for name, terms in read["terms"].items()}
    longest["theme"] = max(themes, key=len)
    longest |= {name.capitalize(): term for name, term in longest.items()}

    room = model._meta.get_field(column).max_length

    assert max(len(text.format_map(longest)) for text in read[name]) <= room


def test_titles_begin_with_a_capital_and_keep_small_words_small():
    assert made_catalog._both("trauma-informed care in the home") == (
        "trauma-informed care in the home",
        "Trauma-Informed Care in the Home",
    )


def test_queries_are_one_or_two_words_and_the_same_again():
    queries = made_catalog.queries(1, 500)

    assert queries == made_catalog.queries(1, 500)
    assert queries != made_catalog.queries(2, 500)
    assert Counter(len(query.split()) for query in queries).keys() == {1, 2}
    assert all(words.parse(query).wanted for query in queries)
    assert "CBT" in queries


def test_some_queries_are_typed_far_more_often_than_others():
    queries = Counter(made_catalog.queries(1, 2000))

    assert queries.most_common(1)[0][1] > 20
    assert len(queries) > 500


def test_most_queries_find_something(db):
    fill(1000)
    found = set()
    for texts in Course.objects.values_list("title", "summary"):
        found.update(words.lexemes(" ".join(texts)))
    for text in Objective.objects.values_list("text", flat=True):
        found.update(words.lexemes(text))

    queries = [query for query in made_catalog.queries(1, 500) if " " not in query]

    hits = [query for query in queries if found & set(words.lexemes(query))]
    assert len(hits) > 0.7 * len(queries)


# --- The command ------------------------------------------------------------


def test_make_catalog_writes_the_courses_and_lists_them(db):
    out = StringIO()

    call_command("make_catalog", "--courses", "60", stdout=out)

    published = Course.objects.filter(~Q(status="draft"))
    assert set(CatalogEntry.objects.values_list("course", flat=True)) == set(
        published.values_list("pk", flat=True)
    )
    assert out.getvalue() == (
        f"Made 60 courses; {published.count()} of them have been published.\n"
    )


def test_make_catalog_takes_a_seed(db):
    call_command("make_catalog", "--courses", "20", "--seed", "2", stdout=StringIO())
    titles = list(Course.objects.order_by("pk").values_list("title", flat=True))

    CatalogEntry.objects.all().delete()
    for model in (Session, Approval, Course, Instructor, Provider):
        model.objects.all().delete()
    fill(20, seed=2)

    assert list(Course.objects.order_by("pk").values_list("title", flat=True)) == titles


def test_make_catalog_refuses_a_database_with_courses(db):
    CourseFactory()

    with pytest.raises(CommandError, match="courses, providers or instructors already"):
        call_command("make_catalog", "--courses", "60")

    assert Course.objects.count() == 1


def test_make_catalog_refuses_to_make_none(db):
    with pytest.raises(CommandError, match="one course at least"):
        call_command("make_catalog", "--courses", "0")

    assert not Provider.objects.exists()
