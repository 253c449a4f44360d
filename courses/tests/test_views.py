from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import UserFactory
from courses import completion
from courses.models import Completion, Enrollment, EvaluationResponse
from courses.tests.factories import CourseFactory, EnrollmentFactory, SessionFactory
from courses.tests.stories import (
    ready_but_for_the_evaluation,
    ready_to_complete,
)
from transcripts import certificates, ledger

pytestmark = pytest.mark.django_db


def in_room(held: Enrollment, page: str, *arguments) -> str:
    return reverse(f"courses:{page}", args=[held.pk, *arguments])


# --- Course page ------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "statuses"),
    [
        ({}, {"stranger": 200, "clinician": 200, "curator": 200}),
        ({"retired": True}, {"stranger": 200, "clinician": 200, "curator": 200}),
        ({"draft": True}, {"stranger": 404, "clinician": 404, "curator": 200}),
    ],
)
def test_a_draft_is_seen_by_curators_alone(client, state, statuses):
    from django.contrib.auth.models import Permission

    course = CourseFactory(**state)
    curator = UserFactory(is_staff=True)
    curator.user_permissions.add(Permission.objects.get(codename="change_course"))

    seen = {"stranger": client.get(course.get_absolute_url()).status_code}
    for who, user in {"clinician": UserFactory(), "curator": curator}.items():
        client.force_login(user)
        seen[who] = client.get(course.get_absolute_url()).status_code

    assert seen == statuses


def test_the_course_page_discloses_everything(client):
    course = CourseFactory(
        prerequisites="A license.", accessibility="Large print.", references="Rogers (1957)."
    )
    approval = course.provider.approvals.get()

    text = client.get(course.get_absolute_url()).text

    for disclosed in [
        course.title,
        course.about,
        course.audience,
        course.prerequisites,
        "Introductory",
        "Text-based",
        "$36",
        "Name the moments that ask for consent anew.",
        "Ada Moreno",
        "PhD, LCSW",
        "Private practice",
        "ASWB ACE",
        approval.number,
        approval.statement,
        "90 minutes at 60 an hour",
        course.conflict_of_interest,
        course.commercial_support,
        course.content_statement,
        course.system_requirements,
        course.accessibility,
        course.references,
        course.provider.refund_policy,
        course.provider.accommodation_policy,
        course.provider.grievance_policy,
        course.provider.email,
        course.provider.phone,
        "3 of 4",
        "Jan 1, 2026",
    ]:
        assert disclosed in text, disclosed


def test_hostile_text_of_a_curator_is_text(client):
    course = CourseFactory(title="<script>alert(1)</script>", about="<img src=x onerror=y>")

    text = client.get(course.get_absolute_url()).text

    assert "<script>alert" not in text
    assert "<img src=x" not in text


# --- Enroll, withdraw -------------------------------------------------------


def test_a_stranger_is_asked_to_sign_in_before_enrolling(client):
    course = CourseFactory()

    response = client.post(reverse("courses:enroll", args=[course.slug]))

    assert response.url.startswith(reverse("account_login"))
    assert Enrollment.objects.count() == 0


@pytest.mark.parametrize("session", ["", "nonsense", "999999", "-1", "1e9"])
def test_a_session_that_does_not_exist_is_refused_with_words(client, session):
    course = SessionFactory(starts_at=timezone.now() + timedelta(days=5)).course
    client.force_login(UserFactory())

    response = client.post(
        reverse("courses:enroll", args=[course.slug]), {"session": session}, follow=True
    )

    assert "Choose a session." in response.text
    assert Enrollment.objects.count() == 0


def test_enrolling_leads_into_the_room_and_withdrawing_out_of_it(client):
    course = CourseFactory()
    client.force_login(UserFactory())

    client.post(reverse("courses:enroll", args=[course.slug]))
    held = Enrollment.objects.get()
    client.post(reverse("courses:withdraw", args=[course.slug]))
    again = client.post(reverse("courses:withdraw", args=[course.slug]))

    held.refresh_from_db()
    assert held.withdrawn_at is not None
    assert again.status_code == 404


@pytest.mark.parametrize("page", ["enroll", "withdraw"])
def test_what_changes_something_is_not_a_get(client, page):
    client.force_login(UserFactory())

    response = client.get(reverse(f"courses:{page}", args=[CourseFactory().slug]))

    assert response.status_code == 405


def test_a_form_from_elsewhere_is_refused():
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory())

    response = client.post(reverse("courses:enroll", args=[CourseFactory().slug]))

    assert response.status_code == 403
    assert Enrollment.objects.count() == 0


# --- The room is the learner's own ------------------------------------------


def room_addresses(held: Enrollment) -> dict[str, tuple[str, str]]:
    key = held.course.lessons.first().key
    return {
        "room": ("get", in_room(held, "room")),
        "lesson": ("get", in_room(held, "lesson", key)),
        "read": ("post", in_room(held, "read", key)),
        "post-test": ("get", in_room(held, "post_test")),
        "hand in": ("post", in_room(held, "post_test")),
        "attempt": ("get", in_room(held, "attempt", 1)),
        "evaluation": ("get", in_room(held, "evaluation")),
        "evaluate": ("post", in_room(held, "evaluation")),
        "complete": ("post", in_room(held, "complete")),
        "attestation": ("get", in_room(held, "attestation")),
        "attest": ("post", in_room(held, "attestation")),
        "save answers": ("post", in_room(held, "save_answers")),
        "progress": ("post", in_room(held, "progress", key)),
        "file": ("get", in_room(held, "lesson_file", key)),
        "captions": ("get", in_room(held, "lesson_captions", key)),
        "print": ("get", in_room(held, "print_lessons")),
    }


@pytest.mark.parametrize("who", ["clinician", "curator", "supervisor"])
def test_nobody_else_comes_into_a_room(client, noon, who):
    from accounts.tests.factories import SupervisionFactory

    held = ready_but_for_the_evaluation(noon)
    other = {
        "clinician": lambda: UserFactory(),
        "curator": lambda: UserFactory(is_staff=True, is_superuser=True),
        "supervisor": lambda: SupervisionFactory(trainee=held.learner).supervisor,
    }[who]()
    client.force_login(other)

    statuses = {
        name: getattr(client, verb)(address).status_code
        for name, (verb, address) in room_addresses(held).items()
    }

    assert set(statuses.values()) == {404}
    assert Completion.objects.count() == 0


def test_a_room_that_does_not_exist_looks_the_same_as_somebody_elses(client):
    client.force_login(UserFactory())

    response = client.get(reverse("courses:room", args=[uuid.uuid4()]))

    assert response.status_code == 404


def test_a_lesson_of_another_course_is_not_here(client):
    held = EnrollmentFactory()
    foreign = CourseFactory().lessons.first()
    client.force_login(held.learner)

    assert client.get(in_room(held, "lesson", foreign.key)).status_code == 404
    assert client.post(in_room(held, "read", foreign.key)).status_code == 404


# --- Evaluation -------------------------------------------------------------


@pytest.mark.parametrize("rating", ["", "0", "6", "five", "4.5"])
def test_a_rating_outside_the_scale_is_refused_and_the_words_are_kept(client, noon, rating):
    held = ready_but_for_the_evaluation(noon)
    client.force_login(held.learner)
    form = client.get(in_room(held, "evaluation")).context["form"]
    answers = {name: 5 for name, field in form.fields.items() if hasattr(field, "choices")}
    answers |= {"relevance": rating, "comment": "Keep the second case."}

    response = client.post(in_room(held, "evaluation"), answers)

    assert response.status_code == 422
    assert "Keep the second case." in response.text
    assert EvaluationResponse.objects.count() == 0


def test_asking_for_the_credit_says_why_it_cannot_be_given(client, noon):
    held = ready_to_complete(noon)
    held.course.provider.approvals.all().delete()
    client.force_login(held.learner)

    room = client.get(in_room(held, "room"))
    asked = client.post(in_room(held, "complete"), follow=True)

    assert "Ask for the credit" in room.text
    assert "No approval of this course was in date" in asked.text


def test_the_room_says_preparing_until_the_certificate_is_drawn(client, noon):
    held = ready_to_complete(noon)
    completion.complete(enrollment=held, at=noon)
    client.force_login(held.learner)

    assert "Preparing your certificate" in client.get(in_room(held, "room")).text


# --- Home -------------------------------------------------------------------


def test_home_shows_what_is_mine_and_nothing_of_others(client, noon):
    held = EnrollmentFactory(course=CourseFactory(title="Mine, in progress"))
    done = ready_to_complete(noon, learner=held.learner, course=CourseFactory(title="Mine, done"))
    completion.complete(enrollment=done, at=noon)
    EnrollmentFactory(course=CourseFactory(title="Theirs, in progress"))
    other = ready_to_complete(noon, course=CourseFactory(title="Theirs, done"))
    completion.complete(enrollment=other, at=noon)
    client.force_login(held.learner)

    text = client.get(reverse("home")).text

    assert {
        title: title in text
        for title in ("Mine, in progress", "Mine, done", "Theirs, in progress", "Theirs, done")
    } == {
        "Mine, in progress": True,
        "Mine, done": True,
        "Theirs, in progress": False,
        "Theirs, done": False,
    }


def test_home_asks_as_often_for_one_enrollment_as_for_three(
    client, noon, django_assert_max_num_queries
):
    learner = UserFactory()
    client.force_login(learner)

    def queries() -> int:
        with django_assert_max_num_queries(30) as counted:
            client.get(reverse("home"))
        return len(counted)

    def add():
        EnrollmentFactory(learner=learner)
        completion.complete(enrollment=ready_to_complete(noon, learner=learner), at=noon)

    add()
    queries()
    for_one = queries()
    add()
    add()

    assert queries() == for_one


def test_the_room_shows_the_credit_that_stands_in_the_place_of_a_corrected_one(client, noon):
    held = ready_to_complete(noon)
    entry = completion.complete(enrollment=held, at=noon).credit_entry
    client.force_login(held.learner)
    address = reverse("courses:room", args=[held.pk])
    curator = UserFactory()

    reissued = certificates.reissue(
        entry=entry,
        correction=ledger.Correction(clock_hours=Decimal("1.25")),
        reason_class="wrong_hours",
        reason="The break counted.",
        by=curator,
        at=noon,
    )
    corrected = client.get(address).text
    ledger.reverse(
        entry=reissued.entry, reason_class="cause", reason="Not there.", by=curator, at=noon
    )
    reversed_for_good = client.get(address).text

    assert "1.25 hours, earned Mar 2, 2026, are on your transcript." in corrected
    assert "The credit of this course was reversed" in reversed_for_good
    assert "On Mar 2, 2026, revoked for cause: Not there." in reversed_for_good
    assert "are on your transcript" not in reversed_for_good
