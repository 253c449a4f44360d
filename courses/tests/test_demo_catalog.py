"""What the demonstration promises, and the reference data that it stands on."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db.models import Max, Min

from accounts.models import License, User
from accounts.tests.factories import UserFactory
from courses import course_files, demo, hours, reference_data
from courses.course_files import Catalog, CourseFile, CourseFormat, Level
from courses.models import Course, Enrollment, FocusArea, Topic
from courses.permissions import can_curate
from courses.tests.factories import CourseFactory
from transcripts.models import Certificate, CreditEntry

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TODAY = NOON.date()


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return course_files.read(course_files.find_files([demo.CATALOG]))


def questions_of(file: CourseFile) -> list[course_files.Question]:
    return file.head.post_test.questions if file.head.post_test else []


def words_of(file: CourseFile) -> int:
    return sum(hours.count_words(lesson.body) for lesson in file.lessons)


# --- The files --------------------------------------------------------------


def test_there_are_at_least_forty_five_courses(catalog):
    assert len([file for file in catalog.courses if file.head.status == "published"]) >= 45


def test_every_focus_area_has_a_course(catalog):
    offered = {slug for file in catalog.courses for slug in file.head.focus_areas}
    topics = reference_data._read("topics.yaml")["topics"]

    assert offered == {area["slug"] for topic in topics for area in topic["focus_areas"]}


def test_every_format_and_every_level_is_offered(catalog):
    assert {file.head.format for file in catalog.courses} == set(CourseFormat)
    assert {file.head.level for file in catalog.courses} == set(Level)


def test_at_least_six_bodies_give_credit(catalog):
    assert len({credit.body for file in catalog.courses for credit in file.head.credits}) >= 6


def test_at_least_eight_text_based_courses_are_complete(catalog):
    complete = [
        file.head.id
        for file in catalog.courses
        if file.head.format is CourseFormat.TEXT
        and words_of(file) >= 1_500
        and len(questions_of(file)) >= 8
        and all(question.why.strip() for question in questions_of(file))
        and len(file.head.references) >= 5
    ]

    assert len(complete) >= 8, complete


def test_every_live_course_has_a_session_to_come(catalog):
    assert [
        file.head.id
        for file in catalog.courses
        if file.head.format.is_live
        and not any(
            course_files.resolve(session.day, today=TODAY) > TODAY for session in file.head.sessions
        )
    ] == []


def test_no_course_asks_the_same_twice(catalog):
    assert [
        (file.head.id, ask)
        for file in catalog.courses
        for ask, times in Counter(
            " ".join(question.ask.casefold().split()) for question in questions_of(file)
        ).items()
        if times > 1
    ] == []


def test_no_one_passes_by_choosing_always_the_same_place(catalog):
    passing = []
    for file in catalog.courses:
        places = Counter(
            [is_right for _, is_right in question.answers].index(True)
            for question in questions_of(file)
        )
        for place, right in places.items():
            if right * 100 >= file.head.post_test.pass_mark * places.total():
                passing.append((file.head.id, place))

    assert passing == []


def test_right_answers_stand_in_all_four_places_about_equally_often(catalog):
    places = Counter(
        [is_right for _, is_right in question.answers].index(True)
        for file in catalog.courses
        for question in questions_of(file)
    )

    assert {place: 0.15 < times / places.total() < 0.35 for place, times in places.items()} == {
        0: True,
        1: True,
        2: True,
        3: True,
    }


def test_the_right_answer_is_the_longest_in_less_than_half_of_the_questions(catalog):
    longest = Counter(
        max(len(text) for text, _ in question.answers)
        == next(len(text) for text, is_right in question.answers if is_right)
        for file in catalog.courses
        for question in questions_of(file)
    )

    assert longest[True] / longest.total() < 0.5


# --- The portal that they fill ----------------------------------------------


@pytest.mark.django_db
def test_the_demonstration_fills_an_empty_portal_and_only_an_empty_one(catalog):
    first = demo.load(at=NOON, today=TODAY)
    filled = _counts()
    second = demo.load(at=NOON, today=TODAY)

    assert (first, second) == (True, False)
    assert _counts() == filled
    assert Course.objects.published().count() == len(catalog.courses)
    assert not FocusArea.objects.filter(courses=None).exists()
    assert Course.objects.aggregate(least=Min("hours"), most=Max("hours")) == {
        "least": Decimal("0.5"),
        "most": Decimal(12),
    }


def _counts() -> dict[str, int]:
    return {
        model._meta.label: model._default_manager.count()
        for label in ("accounts", "account", "courses", "transcripts", "auth")
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
    }


@pytest.mark.django_db
@pytest.mark.parametrize("factory", [UserFactory, CourseFactory])
def test_the_demonstration_leaves_a_portal_in_use_alone(factory):
    factory()
    before = _counts()

    assert demo.load(at=NOON, today=TODAY) is False
    assert _counts() == before


@pytest.fixture
def people(db, catalog, monkeypatch) -> dict[str, User]:
    """The accounts of a demonstration that has only the courses which they have begun, or shall."""
    begun = {key for _, key, _ in (*demo.HISTORY, *demo.IN_PROGRESS)}
    begun |= {slug for _, slug, *_ in demo.ASSIGNMENTS}
    courses = [file for file in catalog.courses if file.head.id in begun]
    few = Catalog(courses, catalog.providers, catalog.instructors)
    monkeypatch.setattr("courses.importing.read", lambda paths: few)
    assert demo.load(at=NOON, today=TODAY)
    return {user.email.partition("@")[0]: user for user in User.objects.all()}


def test_only_the_curator_of_the_demonstration_curates_and_nobody_rules(people):
    assert {
        name: (user.is_staff, user.is_superuser, can_curate(user), _groups(user))
        for name, user in people.items()
    } == {
        "clinician": (False, False, False, []),
        "supervisor": (False, False, False, []),
        "trainee": (False, False, False, []),
        "curator": (True, False, True, ["Curators"]),
    }


def test_everybody_in_the_demonstration_may_sign_in(people):
    assert [
        authenticate(request=None, email=user.email, password=demo.PASSWORD)
        for user in people.values()
    ] == list(people.values())
    assert list(
        EmailAddress.objects.filter(verified=True, primary=True)
        .order_by("user")
        .values_list("email", flat=True)
    ) == [user.email for user in sorted(people.values(), key=lambda user: user.pk)]


def test_the_clinicians_of_the_demonstration_hold_licenses(people):
    assert sorted(License.objects.values_list("holder__email", "state", "license_type")) == [
        ("clinician@example.com", "NJ", "LCSW"),
        ("clinician@example.com", "NY", "LCSW"),
        ("supervisor@example.com", "NY", "LCSW-R"),
        ("trainee@example.com", "NY", "LMSW"),
    ]


def test_the_demonstration_has_credit_with_certificates_and_a_course_under_way(people):
    earned = CreditEntry.objects.values_list("holder__email", "activity", "earned_on")

    assert set(earned) == {
        (email, key, (NOON - timedelta(days=days)).date()) for email, key, days in demo.HISTORY
    }
    assert Certificate.objects.count() == len(demo.HISTORY)
    assert [
        (held.learner, held.course.key, held.lesson_progress.count())
        for held in Enrollment.objects.in_progress()
    ] == [(people["clinician"], "pacing-grounding-attunement", 2)]


def test_the_supervisor_of_the_demonstration_reads_the_trainees_credit_alone(people):
    read = {
        name: set(
            CreditEntry.objects.visible_to(people[name], at=NOON).values_list(
                "holder__email", flat=True
            )
        )
        for name in ("clinician", "supervisor", "trainee")
    }

    assert read == {
        "clinician": {"clinician@example.com"},
        "supervisor": {"trainee@example.com"},
        "trainee": {"trainee@example.com"},
    }


def _groups(user: User) -> list[str]:
    return [group.name for group in user.groups.all()]


@pytest.mark.django_db
def test_the_command_keeps_the_demonstration_out_of_production(settings):
    settings.EMBEDDED = False

    with pytest.raises(CommandError, match="never exist in production"):
        call_command("load_demo")

    assert not User.objects.exists()


@pytest.mark.django_db
def test_the_command_says_that_a_portal_in_use_was_left_alone(settings):
    settings.EMBEDDED = True
    UserFactory()
    out = StringIO()

    call_command("load_demo", stdout=out)

    assert out.getvalue() == "This portal has people or courses already; nothing was loaded.\n"


# --- Reference data ---------------------------------------------------------


@pytest.mark.django_db
def test_reference_data_loaded_again_changes_nothing():
    rows = reference_data.load()
    before = _reference()

    again = reference_data.load()

    assert (again, _reference()) == (rows, before)
    assert rows == sum(map(len, before.values()))


def _reference() -> dict[str, list]:
    return {
        name: list(apps.get_model("courses", name).objects.order_by("pk").values())
        for name in (
            *("Topic", "FocusArea", "Profession", "ApprovingBody", "CreditType"),
            "TeachingMethod",
        )
    }


@pytest.mark.django_db
def test_reference_data_takes_back_a_renamed_topic_and_leaves_other_rows():
    reference_data.load()
    Topic.objects.filter(slug="ethics").update(name="Morals")
    Topic.objects.create(slug="our-own", name="Our own", marker="t-ethics")

    reference_data.load()

    assert list(
        Topic.objects.filter(slug__in=["ethics", "our-own"])
        .order_by("slug")
        .values_list("name", flat=True)
    ) == ["Ethics and professional boundaries", "Our own"]


@pytest.mark.django_db
def test_the_command_counts_the_reference_rows():
    out = StringIO()

    call_command("load_reference", stdout=out)

    assert out.getvalue() == f"{sum(map(len, _reference().values()))} rows of reference data.\n"
