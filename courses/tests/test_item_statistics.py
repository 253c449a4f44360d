"""How questions do: the figures against ones worked out by hand, and who sees them."""

from __future__ import annotations

import csv
import io

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts.tests.factories import UserFactory
from courses import item_statistics, post_test
from courses.models import Choice
from courses.tests.factories import CourseFactory, EnrollmentFactory
from courses.tests.stories import read_lessons, take_post_test

pytestmark = pytest.mark.django_db


def taken(course, noon, rights: str, *, learner=None):
    """An attempt whose questions, in the order of the course, are right (1) or wrong (0): of the
    wrong choices always the first."""
    held = EnrollmentFactory(course=course, **({"learner": learner} if learner else {}))
    read_lessons(held, noon)
    return take_again(held, noon, rights)


def take_again(held, noon, rights: str):
    attempt = post_test.begin(enrollment=held, at=noon)
    questions = held.course.questions.order_by("position")
    chosen = {
        question.pk: list(
            question.choices.filter(is_right=each == "1")
            .order_by("position")
            .values_list("pk", flat=True)[:1]
        )
        for question, each in zip(questions, rights, strict=True)
    }
    return post_test.hand_in(attempt=attempt, chosen=chosen, at=noon)


@pytest.fixture
def course(noon):
    """Four people, three questions: one tells well, one not at all, one is had right by all."""
    course = CourseFactory(parts__questions=3)
    for rights in ("111", "101", "011", "001"):
        taken(course, noon, rights)
    return course


def test_difficulty_is_the_share_that_had_it_right(course):
    figures = [(item.asked, item.difficulty) for item in item_statistics.of_course(course)]

    assert figures == [(4, 0.5), (4, 0.5), (4, 1.0)]


def test_a_question_that_all_had_right_tells_nothing(course):
    last = item_statistics.of_course(course)[2]

    assert last.discrimination is None


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        # M1 = 0.75, M0 = 0.25, s = 0.25, p = 0.5: (0.5 / 0.25) * 0.5
        ([(True, 0.75), (True, 0.75), (False, 0.25), (False, 0.25)], 1.0),
        ([(True, 0.25), (True, 0.25), (False, 0.75), (False, 0.75)], -1.0),
        ([(True, 1.0), (True, 0.0), (False, 1.0), (False, 0.0)], 0.0),
        # M1 = 2/3, M0 = 0, s = 0.5, p = 0.75: (2/3 / 0.5) * sqrt(0.1875)
        ([(True, 1.0), (True, 1.0), (True, 0.0), (False, 0.0)], 0.57735),
        ([(True, 0.5), (False, 0.5)], None),
        ([(True, 0.5), (True, 1.0)], None),
        ([(True, None), (False, None)], None),
        ([], None),
    ],
)
def test_discrimination_is_the_point_biserial_correlation(results, expected):
    found = item_statistics.discrimination(results)

    assert found == (expected if expected is None else pytest.approx(expected, abs=1e-5))


def test_how_often_each_choice_was_taken(course):
    first = item_statistics.of_course(course)[0]

    assert [(row.text, row.is_right, row.taken, row.share) for row in first.choices] == [
        ("A conversation", True, 2, 0.5),
        ("A signature", False, 2, 0.5),
        ("Nothing", False, 0, 0.0),
    ]


def test_only_first_attempts_count_by_default(course, noon):
    again = taken(course, noon, "000").enrollment
    take_again(again, noon, "111")

    first = item_statistics.of_course(course)[0]
    every = item_statistics.of_course(course, first_only=False)[0]

    assert (first.asked, first.difficulty, every.asked, every.difficulty) == (5, 0.4, 6, 0.5)


def test_an_open_attempt_does_not_count(course, noon):
    held = EnrollmentFactory(course=course)
    read_lessons(held, noon)
    post_test.begin(enrollment=held, at=noon)

    assert item_statistics.of_course(course)[0].asked == 4


def test_a_question_that_is_gone_keeps_its_figures(course):
    gone = course.questions.order_by("position").first()
    gone_pk, gone_ask = gone.pk, gone.ask
    gone.delete()
    course.questions.create(ask="New?", rationale="New.", position=32_000)

    items = item_statistics.of_course(course)

    assert [(item.asked, item.is_asked_now) for item in items] == [
        (4, True),
        (4, True),
        (0, True),
        (4, False),
    ]
    assert (items[-1].question, items[-1].ask, items[-1].difficulty) == (gone_pk, gone_ask, 0.5)
    assert (items[2].difficulty, items[2].discrimination) == (None, None)


@pytest.mark.parametrize(("people", "is_few"), [(29, True), (30, False)])
def test_small_numbers_are_marked(people, is_few):
    item = item_statistics.Item(1, "?", True, people, 0.5, None, [])

    assert item.is_few == is_few


# --- The page ---------------------------------------------------------------


def page(course, name="item_statistics"):
    return reverse(f"admin:courses_{name}", args=[course.pk])


def viewer(*codenames):
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def test_the_figures_are_for_those_who_see_questions(client, course):
    statuses = {}
    for who, user in {
        "curator": viewer("view_question"),
        "other staff": viewer("view_course"),
        "clinician": UserFactory(),
    }.items():
        client.force_login(user)
        statuses[who] = [
            client.get(page(course, name)).status_code
            for name in ("item_statistics", "item_statistics_csv")
        ]

    assert statuses == {
        "curator": [200, 200],
        "other staff": [403, 403],
        "clinician": [302, 302],
    }


def test_the_page_shows_the_figures_and_marks_what_is_few(client, course):
    client.force_login(viewer("view_question"))

    text = " ".join(client.get(page(course)).text.split())

    assert "Asked 4 times (few). Difficulty 0.50. Discrimination 0.00." in text
    assert "Difficulty 1.00. Discrimination cannot be told." in text


def test_the_csv_has_a_line_for_each_choice_and_no_formula(client, course):
    client.force_login(viewer("view_question"))
    Choice.objects.filter(text="Nothing").update(text="=1+1")

    text = client.get(page(course, "item_statistics_csv") + "?attempts=all").content.decode(
        "utf-8-sig"
    )

    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 1 + 9
    assert rows[1][1:] == ["yes", "4", "0.50", "0.00", "yes", "A conversation", "yes", "2", "0.50"]
    assert rows[3][6] == "'=1+1"


def test_the_page_asks_as_often_for_one_question_as_for_many(
    client, noon, django_assert_max_num_queries
):
    client.force_login(viewer("view_question"))
    counts = []
    for questions, people in ((1, 1), (6, 4)):
        course = CourseFactory(parts__questions=questions)
        for _ in range(people):
            held = EnrollmentFactory(course=course)
            read_lessons(held, noon)
            take_post_test(held, noon)
        with django_assert_max_num_queries(20) as counted:
            client.get(page(course))
        counts.append(len(counted))

    assert counts[0] == counts[1]
