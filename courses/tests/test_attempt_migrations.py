"""What the new form of attempts and progress does with rows that are there already."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from courses import migrations, post_test
from courses.models import Attempt, LessonProgress
from courses.tests.factories import EnrollmentFactory
from courses.tests.stories import read_lessons, take_post_test

pytestmark = pytest.mark.django_db(transaction=True)


def named(ending: str) -> str:
    """The migration of courses with that name, whatever its number."""
    return next(
        module.name
        for module in pkgutil.iter_modules(migrations.__path__)
        if module.name.endswith(ending)
    )


def migrate(name: str) -> None:
    MigrationExecutor(connection).migrate([("courses", name)])


@pytest.fixture
def latest():
    """Afterwards the database is as it is today."""
    leaves = MigrationExecutor(connection).loader.graph.leaf_nodes()
    yield
    MigrationExecutor(connection).migrate(leaves)


def test_attempts_and_progress_survive_the_way_back_and_forth(noon, latest):
    held = EnrollmentFactory()
    read_lessons(held, noon)
    graded = take_post_test(held, noon, right=3)
    post_test_before = {
        question["ask"]: (
            [choice["text"] for choice in question["choices"]],
            [
                choice["text"]
                for choice in question["choices"]
                if choice["choice"] in graded.chosen[str(question["question"])]
            ],
        )
        for question in graded.shown
    }

    migrate(named("_lessons_and_attempts"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT answers FROM courses_attempt")
        assert "A conversation" in str(cursor.fetchone()[0])
        # As an older portal left it: nothing but the answers.
        cursor.execute("UPDATE courses_attempt SET shown = '[]', chosen = '{}', started_at = NULL")
        cursor.execute("UPDATE courses_lessonprogress SET opened_at = NULL, seen_at = NULL")
    migrate(named("_append_only_attempts"))

    kept = Attempt.objects.get()
    assert (kept.right, kept.asked, kept.needed, kept.passed) == (3, 4, 3, True)
    assert (kept.started_at, kept.submitted_at, kept.rationales) == (noon, noon, "end")
    assert post_test.right_answers(kept.shown, kept.chosen) == 3
    assert {
        question["ask"]: (
            [choice["text"] for choice in question["choices"]],
            [
                choice["text"]
                for choice in question["choices"]
                if choice["choice"] in kept.chosen[str(question["question"])]
            ],
        )
        for question in kept.shown
    } == post_test_before
    assert [
        (row.opened_at, row.seen_at, row.read_at, row.position)
        for row in LessonProgress.objects.all()
    ] == [(noon, noon, noon, 100)] * 2


def test_a_choice_that_is_gone_gets_a_number_that_no_choice_has():
    fill = importlib.import_module(f"courses.migrations.{named('_fill_attempts_and_progress')}")
    answer = {
        "question": 7,
        "asked": "Who?",
        "choices": ["The client", "Nobody"],
        "chosen": "Nobody",
        "right": "The client",
        "is_right": False,
        "rationale": "Because.",
    }

    shown = fill._shown(answer, {"The client": 3})

    assert shown["choices"] == [
        {"choice": 3, "text": "The client", "is_right": True},
        {"choice": -2, "text": "Nobody", "is_right": False},
    ]
