"""What curators read of evaluations, and what they cannot."""

from __future__ import annotations

import csv
import io
import itertools
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.tests.factories import UserFactory
from courses import evaluation_reports as reports
from courses.models import EvaluationAnswer, EvaluationResponse
from courses.tests.factories import CourseFactory, SessionFactory

pytestmark = pytest.mark.django_db

RELEVANCE = "What I learned is relevant to my practice."


def evaluate(course, *ratings, session=None, comment="", question="relevance", asked=RELEVANCE):
    """One evaluation for each rating, each with the comment."""
    for rating in ratings:
        response = EvaluationResponse.objects.create(
            course=course, session=session, submitted_on=date(2026, 3, 2)
        )
        EvaluationAnswer.objects.create(
            response=response, question=question, asked=asked, rating=rating
        )
        if comment:
            EvaluationAnswer.objects.create(
                response=response, question="comment", asked="What should stay?", text=comment
            )


@pytest.fixture
def curator(client):
    user = UserFactory(is_staff=True)
    user.groups.add(Group.objects.get(name="Curators"))
    client.force_login(user)
    return user


def page(course, **query):
    return reverse("admin:courses_evaluation_report", args=[course.pk]), query


def test_ratings_are_counted_with_their_mean_and_shares():
    course = CourseFactory()
    evaluate(course, 5, 5, 4, 2)

    (found,) = reports.build(course=course).ratings

    assert (found.asked, found.count, str(found.mean)) == (RELEVANCE, 4, "4.00")
    assert [(bar.rating, bar.count, str(bar.share)) for bar in found.bars] == [
        (1, 0, "0.00"),
        (2, 1, "25.00"),
        (3, 0, "0.00"),
        (4, 1, "25.00"),
        (5, 2, "50.00"),
    ]


def test_another_wording_is_another_question():
    course = CourseFactory()
    evaluate(course, 5, 5, 5)
    evaluate(course, 1, 1, 1, asked="It will be of use.")

    found = reports.build(course=course).ratings

    assert [(item.asked, str(item.mean)) for item in found] == [
        ("It will be of use.", "1.00"),
        (RELEVANCE, "5.00"),
    ]


def test_objectives_come_first_and_the_courses_own_questions_last():
    course = CourseFactory()
    for code in ("own-2", "comment", "instructor-3", "objective-10", "objective-9", "relevance"):
        evaluate(course, 5, 5, 5, question=code, asked=code)

    found = [item.code for item in reports.build(course=course).ratings]

    assert found == [
        "objective-9", "objective-10", "instructor-3", "relevance", "comment", "own-2",
    ]  # fmt: skip


def test_other_courses_do_not_count():
    course = CourseFactory()
    evaluate(course, 5, 5, 5)
    evaluate(CourseFactory(), 1, 1, 1)

    assert reports.build(course=course).responses == 3


def test_two_evaluations_are_withheld_and_three_are_shown():
    course = CourseFactory()
    evaluate(course, 5, 5, comment="Only we two were there.")
    before = reports.build(course=course)
    evaluate(course, 4)
    after = reports.build(course=course)

    assert (before.is_withheld, before.ratings, before.comments) == (True, [], [])
    assert (after.is_withheld, after.ratings[0].count) == (False, 3)


def test_a_question_that_too_few_answered_is_withheld():
    course = CourseFactory()
    evaluate(course, 5, 5, 5)
    evaluate(course, 1, asked="A question of the course's own.", question="own-1")

    assert [item.asked for item in reports.build(course=course).ratings] == [RELEVANCE]


def sessions_with(course, *counts):
    made = []
    for number, count in enumerate(counts):
        session = SessionFactory(course=course)
        session.starts_at += timedelta(days=number)
        session.ends_at += timedelta(days=number)
        session.save()
        evaluate(course, *[5] * count, session=session)
        made.append(session)
    return made


def shown(course):
    lines = reports.session_lines(course)
    return {line.responses for line in lines if line.is_shown}


@pytest.mark.parametrize(
    ("counts", "are_shown"),
    [
        ((10, 4), {10, 4}),
        ((10, 2), set()),  # 12 minus 10 would tell of the two
        ((10, 6, 2), {10}),  # 18 minus 10 tells of eight
        ((10, 2, 1), {10}),
        ((3,), {3}),
        ((2,), set()),
    ],
)
def test_a_small_session_cannot_be_reckoned_from_the_others(counts, are_shown):
    course = CourseFactory(live=True)
    sessions_with(course, *counts)

    assert shown(course) == are_shown


def test_what_is_hidden_together_is_none_or_enough_for_every_division():
    for counts in itertools.product(range(6), repeat=3):
        withheld = reports._withheld(dict(enumerate(counts)))
        hidden = sum(counts[key] for key in withheld)
        is_small = 0 < sum(counts) < reports.SHOWN_FROM
        assert hidden == 0 or hidden >= reports.SHOWN_FROM or is_small, counts
        assert all(counts[key] >= reports.SHOWN_FROM for key in range(3) if key not in withheld
                   and counts[key])  # fmt: skip


def test_a_session_has_a_summary_of_its_own():
    course = CourseFactory(live=True)
    first, second = sessions_with(course, 3, 3)
    evaluate(course, 1, session=second)

    report = reports.build(course=course, session=second)

    assert (report.responses, str(report.ratings[0].mean)) == (4, "4.00")
    assert reports.build(course=course, session=first).responses == 3


def test_the_csv_has_a_row_for_each_question_and_each_comment(client, curator):
    course = CourseFactory(key="consent")
    evaluate(course, 5, 4, 3, comment="=HYPERLINK(1)")

    response = client.get(reverse("admin:courses_evaluation_csv", args=[course.pk]))

    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert rows[0] == list(reports.CSV_HEAD)
    assert rows[1] == ["relevance", RELEVANCE, "rating", "3", "4.00", "0", "0", "1", "1", "1", ""]
    comment = ["comment", "What should stay?", "text", *[""] * 7, "'=HYPERLINK(1)"]
    assert rows[2:] == [comment] * 3
    assert "evaluation-consent.csv" in response["Content-Disposition"]


def test_curators_read_the_summary_and_others_do_not(client, curator):
    course = CourseFactory()
    evaluate(course, 5, 5, 4, comment="The pauses helped.")
    address, _ = page(course)

    report = client.get(address)
    listed = client.get(reverse("admin:courses_evaluationresponse_changelist"))

    assert report.text.count("The pauses helped.") == 3
    assert "Mean 4.67" in report.text
    assert course.title in listed.text
    client.force_login(UserFactory(is_staff=True))
    assert client.get(address).status_code == 403
    client.force_login(UserFactory())
    assert client.get(address).status_code == 302


@pytest.mark.parametrize("session", ["x", "0", "-1", "99999999999999999999", "1.5"])
def test_a_session_that_is_none_is_404(client, curator, session):
    course = CourseFactory()
    address, _ = page(course)

    assert client.get(address, {"session": session}).status_code == 404


def test_a_session_of_another_course_is_404(client, curator):
    address, _ = page(CourseFactory())

    assert client.get(address, {"session": SessionFactory().pk}).status_code == 404


def test_what_is_withheld_is_on_no_page_and_in_no_file(client, curator):
    course = CourseFactory(live=True)
    (session,) = sessions_with(course, 2)
    EvaluationAnswer.objects.update(asked="A question for two")

    for address in (
        page(course)[0],
        f"{page(course)[0]}?session={session.pk}",
        reverse("admin:courses_evaluation_csv", args=[course.pk]),
    ):
        assert "A question for two" not in client.get(address).text
    assert "too few" in client.get(page(course)[0]).text


def test_the_pages_take_the_same_queries_for_one_and_for_many(
    client, curator, django_assert_max_num_queries
):
    course = CourseFactory(live=True)
    sessions_with(course, 3)
    evaluate(course, 5, 5, 5, comment="Good.")

    def queries():
        counted = []
        for address in (page(course)[0], reverse("admin:courses_evaluationresponse_changelist")):
            with django_assert_max_num_queries(60) as captured:
                client.get(address)
            counted.append(len(captured))
        return counted

    few = queries()
    sessions_with(course, 3, 4, 5)
    for number in range(5):
        evaluate(course, 1, 2, 3, question=f"own-{number}", asked=f"Own {number}", comment="More.")
        evaluate(CourseFactory(), 5)

    assert queries() == few
