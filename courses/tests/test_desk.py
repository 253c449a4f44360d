"""A supervisor's desk: all trainees, each column within its scope, the same rows as a file."""

import csv
import importlib
import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import RecordRead
from accounts.tests.factories import SupervisionFactory, UserFactory
from courses import desk as desk_story
from courses.models import Assignment
from courses.tests.factories import (
    AssignmentFactory,
    CourseFactory,
    EnrollmentFactory,
    SessionFactory,
)
from transcripts.tests.factories import CreditEntryFactory, TrainingPlanFactory

pytestmark = pytest.mark.django_db

desk_view = importlib.import_module("courses.views.desk")  # the package has a view of that name
DESK, CSV = reverse("courses:desk"), reverse("courses:desk_csv")


@pytest.fixture
def me(client):
    person = UserFactory()
    client.force_login(person)
    return person


@pytest.fixture
def today():
    return timezone.localdate()


def trainee(supervisor, name, *, today, hours=None, lines=None, earned=None, **scopes):
    shared = {"shares_credit": True, "shares_renewal": True, **scopes}
    supervision = SupervisionFactory(supervisor=supervisor, trainee__legal_name=name, **shared)
    person = supervision.trainee
    if hours:
        TrainingPlanFactory(
            holder=person,
            hours=hours,
            since=today - timedelta(days=100),
            until=today + timedelta(days=100),
            lines=lines,
        )
    if earned:
        CreditEntryFactory(holder=person, hours=earned, earned_on=today - timedelta(days=9))
    return supervision


def names(response):
    return [row.person.legal_name for row in response.context["rows"]]


def as_rows(response):
    text = response.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_desk_shows_hours_of_needed_gaps_and_what_is_assigned(client, me, today):
    supervision = trainee(me, "Priya Raman", today=today, hours=24, lines={"ethics": 3}, earned="2")
    AssignmentFactory(supervision=supervision, due_on=today - timedelta(days=3))
    session = SessionFactory(
        starts_at=timezone.now() + timedelta(days=2), ends_at=timezone.now() + timedelta(days=3)
    )
    EnrollmentFactory(learner=supervision.trainee, course=session.course, session=session)

    page = client.get(DESK).content.decode()

    assert "2 of 24 hours earned, 1.5 more enrolled" in page
    assert "Ethics 1 h, enrolled" in page
    assert "Next live: " in page
    assert "1 open" in page
    assert "1 overdue" in page


def test_nobody_is_on_the_desk_before_after_or_outside_a_supervision(client, me, today):
    trainee(me, "Now Shown", today=today)
    trainee(me, "Ended Before", today=today, ended=True)
    trainee(me, "Not Begun", today=today, future=True)
    trainee(UserFactory(), "Of Another", today=today)

    assert names(client.get(DESK)) == ["Now Shown"]


def test_each_column_shows_only_what_the_trainee_shares(client, me, today):
    for name, scopes in (
        ("Alone Credit", {"shares_renewal": False}),
        ("Beside Progress", {"shares_credit": False}),
        ("Neither Nor", {"shares_renewal": False, "shares_credit": False}),
    ):
        supervision = trainee(me, name, today=today, hours=24, earned="2", **scopes)
        AssignmentFactory(supervision=supervision)

    rows = {row["Trainee"]: row for row in as_rows(client.get(CSV))}

    assert rows["Alone Credit"]["Hours needed"] == ""
    assert rows["Alone Credit"]["Assigned and open"] == ""
    assert rows["Alone Credit"]["Last activity"] == str(today - timedelta(days=9))
    assert rows["Beside Progress"]["Hours earned"] == "2"
    assert rows["Beside Progress"]["Assigned and open"] == "1"
    assert rows["Beside Progress"]["Last activity"] == ""
    assert rows["Beside Progress"]["Review due"] == ""
    assert set(rows["Neither Nor"].values()) == {"Neither Nor", ""}


def test_last_activity_is_the_latest_of_credit_enrolling_and_learning(client, me, today):
    supervision = trainee(me, "Priya Raman", today=today, earned="2")
    EnrollmentFactory(learner=supervision.trainee, enrolled_at=timezone.now())

    assert client.get(DESK).context["rows"][0].days_since_activity in {0, 1}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["Ada", "Ben", "Cy", "Di"]),
        ({"sort": "name"}, ["Ada", "Ben", "Cy", "Di"]),
        ({"sort": "hours"}, ["Di", "Ada", "Ben", "Cy"]),
        ({"sort": "activity"}, ["Cy", "Ben", "Di", "Ada"]),
        ({"q": "b"}, ["Ben"]),
        ({"q": "  BEN "}, ["Ben"]),
        ({"hours": "behind"}, ["Ada", "Di"]),
        ({"hours": "met"}, ["Ben"]),
        ({"hours": "gaps"}, ["Ada", "Di"]),
        ({"hours": "no-plan"}, ["Cy"]),
        ({"review": "overdue"}, ["Ada", "Ben", "Cy", "Di"]),
        ({"review": "soon"}, ["Ada", "Ben", "Cy", "Di"]),
        ({"review": "none"}, []),
        ({"track": "LMSW toward LCSW"}, ["Ada", "Ben", "Di"]),
    ],
)
def test_trainees_are_found_and_sorted(client, me, today, query, found):
    facts = (("Ada", 24, "2"), ("Ben", 4, "4"), ("Cy", None, None), ("Di", 40, "1"))
    for name, hours, earned in facts:
        trainee(me, name, today=today, hours=hours, earned=earned)
    ada = client.get(DESK, {"q": "ada"}).context["rows"][0].person
    CreditEntryFactory(holder=ada, hours="1", earned_on=today - timedelta(days=1))

    assert names(client.get(DESK, query)) == found
    assert [row["Trainee"] for row in as_rows(client.get(CSV, query))] == found


def test_nonsense_in_the_address_is_left_out_and_named(client, me, today):
    trainee(me, "Priya Raman", today=today)

    response = client.get(
        DESK, {"sort": "color", "review": "\x00", "track": "x" * 9000, "page": "9" * 40}
    )

    assert names(response) == ["Priya Raman"]
    page = response.content.decode()
    assert "Left out, since it makes no sense here: Plan, Review due, Sort by." in page
    assert client.get(CSV, {"sort": "color"}).status_code == 200


def test_a_search_that_finds_nobody_says_so_and_leads_back(client, me, today):
    trainee(me, "Priya Raman", today=today)

    page = client.get(DESK, {"q": "<script>"}).content.decode()

    assert "No trainee is like that" in page
    assert "<script>&quot;" not in page


def test_who_has_no_trainee_is_led_to_people_and_invitations(client, me):
    nobody = client.get(DESK).content.decode()
    SupervisionFactory(trainee=me)
    supervised = client.get(DESK).content.decode()

    assert "Invite a trainee" in nobody
    assert "You supervise nobody" in supervised
    assert all(reverse("accounts:supervision") in page for page in (nobody, supervised))


def test_pages_keep_what_is_asked(client, me, today, monkeypatch):
    monkeypatch.setattr(desk_view, "PAGE_SIZE", 2)
    for name in ("Ada One", "Ben One", "Cy One"):
        trainee(me, name, today=today)

    second = client.get(DESK, {"q": "one", "sort": "name", "page": 2})

    assert names(second) == ["Cy One"]
    assert "?q=one&amp;sort=name&amp;page=1" in second.content.decode()
    assert len(as_rows(client.get(CSV, {"q": "one", "page": 2}))) == 3


def test_a_name_that_is_a_formula_is_text_in_the_file(client, me, today):
    trainee(me, "=cmd|' /C calc'!A0", today=today)

    assert as_rows(client.get(CSV))[0]["Trainee"].startswith("'=")


def test_everybody_who_is_shown_has_it_in_their_trace(client, me, today, monkeypatch):
    monkeypatch.setattr(desk_view, "PAGE_SIZE", 2)
    for name in ("Ada", "Ben", "Cy"):
        trainee(me, name, today=today)

    client.get(DESK)
    client.get(CSV, {"q": "Cy"})

    reads = RecordRead.objects.order_by("person__legal_name")
    assert list(reads.values_list("person__legal_name", "what")) == [
        ("Ada", "desk"),
        ("Ben", "desk"),
        ("Cy", "desk-csv"),
    ]


def many(supervisor, count, *, today):
    course = CourseFactory()
    session = SessionFactory(
        starts_at=timezone.now() + timedelta(days=2), ends_at=timezone.now() + timedelta(days=3)
    )
    for n in range(count):
        supervision = trainee(
            supervisor, f"Person {n}", today=today, hours=24, lines={"": 8, "ethics": 3}, earned="2"
        )
        AssignmentFactory(supervision=supervision, course=course)
        EnrollmentFactory(learner=supervision.trainee, course=session.course, session=session)


@pytest.mark.parametrize("url", [DESK, CSV])
def test_fifty_trainees_take_as_many_questions_as_one(client, me, today, url, monkeypatch):
    monkeypatch.setattr(desk_view, "PAGE_SIZE", 100)
    many(me, 1, today=today)
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as one:
        client.get(url)
    many(me, 49, today=today)

    with CaptureQueriesContext(connection) as fifty:
        response = client.get(url)

    assert response.content.count(b"Person ") >= 50
    assert len(fifty) == len(one)


# --- Assigning, on the page ---


def test_a_course_is_assigned_on_the_page_and_the_trainee_sees_it_at_home(client, me, today):
    supervision = trainee(me, "Priya Raman", today=today)
    course = CourseFactory(title="Consent, Part One")
    due_on = today + timedelta(days=20)

    response = client.post(
        reverse("courses:assign", args=[supervision.trainee_id]),
        {"kind": "course", "course": course.pk, "due_on": due_on, "note": "<b>Read it</b>"},
    )
    page = client.get(response.url).content.decode()
    client.force_login(supervision.trainee)
    home = client.get("/").content.decode()
    own = client.get(reverse("courses:assignments")).content.decode()
    shown = client.get(course.get_absolute_url()).content.decode()

    assert "Consent, Part One" in page
    assert "Withdraw" in page
    for text in (home, own):
        assert "Consent, Part One" in text
        assert "&lt;b&gt;Read it&lt;/b&gt;" in text
        assert reverse("courses:enroll", args=[course.slug]) in text
    assert "assigned this course to you" in shown


def test_the_page_of_a_course_leads_to_the_form_with_it_chosen(client, me, today):
    supervision = trainee(me, "Priya Raman", today=today)
    course = CourseFactory()

    page = client.get(
        reverse("courses:trainee_plan", args=[supervision.trainee_id]), {"course": course.slug}
    )

    assert f'<option value="{course.pk}" selected>' in page.text


@pytest.mark.parametrize("slug", ["\0", "nothing-of-ours", "x" * 10_000, "' OR 1=1", "\u202e"])
def test_a_course_in_the_address_that_is_none_is_left_out(client, me, today, slug):
    supervision = trainee(me, "Priya Raman", today=today)

    page = client.get(
        reverse("courses:trainee_plan", args=[supervision.trainee_id]), {"course": slug}
    )

    assert page.status_code == 200
    assert "Choose a course" in page.text


def test_hours_of_a_topic_are_assigned_on_the_page(client, me, today):
    supervision = trainee(me, "Priya Raman", today=today)
    topic = CourseFactory().course_focus_areas.get().focus_area.topic

    client.post(
        reverse("courses:assign", args=[supervision.trainee_id]),
        {"kind": "hours", "topic": f"topic:{topic.slug}", "hours": "3", "due_on": today},
    )

    made = Assignment.objects.get()
    assert (made.topic, made.hours, made.course) == (topic, Decimal(3), None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": ""}, "Choose an answer."),
        ({"course": ""}, "Choose the course."),
        ({"course": "0"}, "Choose a course that is offered."),
        ({"kind": "hours"}, "Choose the topic."),
        ({"kind": "hours", "topic": "topic:nothing"}, "Choose one of the topics shown."),
        ({"due_on": "2020-01-01"}, "from today on, within five years"),
        ({"due_on": "9999-12-31"}, "from today on, within five years"),
        ({"note": "x" * 1001}, "at most 1000 characters"),
    ],
)
def test_what_cannot_be_assigned_is_asked_again(client, me, today, changes, words):
    supervision = trainee(me, "Priya Raman", today=today)
    given = {"kind": "course", "course": CourseFactory().pk, "due_on": today, "note": "Kept"}

    response = client.post(
        reverse("courses:assign", args=[supervision.trainee_id]), {**given, **changes}
    )

    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Assignment.objects.exists()


def test_the_same_twice_says_how_to_change_it(client, me, today):
    made = AssignmentFactory(supervision=trainee(me, "Priya Raman", today=today))

    response = client.post(
        reverse("courses:assign", args=[made.trainee.pk]),
        {"kind": "course", "course": made.course_id, "due_on": today},
    )

    assert response.status_code == 422
    assert "to Priya already. To change it, withdraw that first." in response.content.decode()


def test_who_shares_progress_alone_is_assigned_courses(client, me, today):
    person = trainee(me, "Priya Raman", today=today, shares_credit=False).trainee
    given = {"kind": "course", "course": CourseFactory().pk, "due_on": today, "note": ""}

    client.post(reverse("courses:assign", args=[person.pk]), given)

    assert Assignment.objects.get().trainee == person
    assert "1 open" in client.get(DESK).text


def test_who_shares_credit_alone_has_no_plan_page_and_is_assigned_nothing(client, me, today):
    person = trainee(me, "Priya Raman", today=today, shares_renewal=False).trainee
    page = reverse("courses:trainee_plan", args=[person.pk])

    assert client.get(page).status_code == 404
    assert client.post(reverse("courses:assign", args=[person.pk]), {}).status_code == 404
    assert page not in client.get(DESK).text
    assert page not in client.get(reverse("transcripts:trainee", args=[person.pk])).text


@pytest.mark.parametrize("shares_credit", [True, False])
def test_the_page_of_a_trainee_leads_to_the_plan_that_is_shared(client, me, today, shares_credit):
    person = trainee(me, "Priya Raman", today=today, shares_credit=shares_credit).trainee

    page = client.get(reverse("transcripts:trainee", args=[person.pk])).text

    assert reverse("courses:trainee_plan", args=[person.pk]) in page


def test_the_page_of_a_trainee_says_nothing_of_what_is_enrolled(client, me, today):
    person = trainee(me, "Priya Raman", today=today, hours=24, lines={"": 2}).trainee
    EnrollmentFactory(learner=person)

    plan = client.get(reverse("courses:trainee_plan", args=[person.pk])).text
    page = client.get(reverse("transcripts:trainee", args=[person.pk])).text

    assert "1.5 h enrolled, 22.5 h left to find" in plan
    assert "Not met yet: 24 h short." in page
    assert "enrolled" not in page
    assert "left to find" not in page


def test_what_was_withdrawn_or_has_ended_stays_with_the_trainee_alone(client, me, today):
    made = AssignmentFactory(supervision=trainee(me, "Priya Raman", today=today))
    page = reverse("courses:trainee_plan", args=[made.trainee.pk])

    client.post(reverse("courses:withdraw_assignment", args=[made.pk]))
    assert "withdrawn on" in client.get(page).content.decode()
    client.force_login(made.trainee)
    own = client.get(reverse("courses:assignments")).content.decode()

    assert "Was assigned" in own
    assert made.course.title in own
    assert made.course.title not in client.get("/").content.decode()


def test_the_rows_are_summed_up_with_few_questions(me, today, django_assert_num_queries):
    many(me, 3, today=today)

    with django_assert_num_queries(5):
        rows = desk_story.rows(supervisor=me, at=timezone.now(), on=today)
    with django_assert_num_queries(8):
        desk_story.fill(rows, supervisor=me, at=timezone.now())


def test_staff_who_supervise_leave_the_trace_of_a_supervisor(client):
    link = SupervisionFactory(supervisor__is_staff=True, shares_renewal=True)
    client.force_login(link.supervisor)

    for address in (
        reverse("courses:desk"),
        reverse("courses:desk_csv"),
        reverse("courses:trainee_plan", args=[link.trainee_id]),
        reverse("courses:new_trainee_plan", args=[link.trainee_id]),
    ):
        client.get(address)

    assert list(RecordRead.objects.values_list("capacity", flat=True)) == ["supervisor"] * 4


def test_no_cache_keeps_a_page_or_file_of_a_record(client):
    link = SupervisionFactory(shares_renewal=True, shares_practice=True)
    own = [
        "courses:desk",
        "courses:desk_csv",
        "courses:renewals",
        "courses:new_plan",
        "courses:assignments",
        "transcripts:transcript",
        "transcripts:export_csv",
        "transcripts:export_json",
        "transcripts:practice",
        "transcripts:practice_csv",
    ]
    theirs = [
        "courses:trainee_plan",
        "courses:new_trainee_plan",
        "transcripts:trainee",
        "transcripts:trainee_csv",
        "transcripts:trainee_json",
        "transcripts:trainee_practice",
        "transcripts:trainee_practice_csv",
    ]
    addresses = [reverse(name) for name in own]
    addresses += [reverse(name, args=[link.trainee_id]) for name in theirs]
    client.force_login(link.supervisor)

    kept = []
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        if "no-store" not in answer.headers.get("Cache-Control", ""):
            kept.append(address)

    assert kept == []
