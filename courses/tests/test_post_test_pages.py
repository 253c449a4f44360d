"""The post-test as the browser sees it: nothing that was answered is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import UserFactory
from courses import completion, enrollment
from courses.models import Attempt, Choice, Course, Enrollment, Question
from courses.tests.factories import CourseFactory, EnrollmentFactory
from courses.tests.stories import answers_to, read_lessons

pytestmark = pytest.mark.django_db

PASSWORD = "a quiet winter morning"
HTMX = {"HTTP_HX_REQUEST": "true"}


def in_room(held: Enrollment, page: str, *arguments) -> str:
    return reverse(f"courses:{page}", args=[held.pk, *arguments])


@pytest.fixture
def tested(client, noon):
    """A learner who has read every lesson, signed in."""
    held = EnrollmentFactory()
    read_lessons(held, noon)
    client.force_login(held.learner)
    return held


def page_of(client, held, *, right=None) -> dict:
    """Open the test and fill it in so that the first ``right`` answers are right (None: all)."""
    attempt = client.get(in_room(held, "post_test")).context["attempt"]
    chosen = answers_to(attempt, right=right)
    return {"attempt": attempt.number, **{f"question-{key}": ids for key, ids in chosen.items()}}


def hand_in(client, held, answers, **facts):
    return client.post(in_room(held, "post_test"), answers, **facts)


def save(client, held, answers, *, question="", **facts):
    address = in_room(held, "save_answers") + (f"?question={question}" if question else "")
    return client.post(address, answers, **facts)


def saved() -> dict:
    return Attempt.objects.get().chosen


def ticked(response) -> dict:
    """The choices that the page shows as chosen, by question."""
    form = response.context["form"]
    shown = {}
    for field, _several in form.rows:
        chosen = [int(option.data["value"]) for option in field if option.data["selected"]]
        if chosen:
            shown[field.name] = chosen
    return shown


# --- Handing in -------------------------------------------------------------


def test_opening_the_page_twice_shows_one_attempt(client, tested):
    first = client.get(in_room(tested, "post_test"))
    second = client.get(in_room(tested, "post_test"))

    assert first.context["attempt"].shown == second.context["attempt"].shown
    assert Attempt.objects.count() == 1


def test_a_missing_answer_is_asked_for_and_the_others_are_saved(client, tested):
    answers = page_of(client, tested)
    missing = list(answers)[-1]
    del answers[missing]

    response = hand_in(client, tested, answers)

    assert response.status_code == 422
    assert response.context["form"].errors == {missing: ["Choose an answer."]}
    kept = {name: value for name, value in answers.items() if name != "attempt"}
    assert ticked(response) == kept
    # Also after a crash: the page that is opened anew shows the same.
    assert ticked(client.get(in_room(tested, "post_test"))) == kept
    assert Attempt.objects.get().is_open


@pytest.mark.parametrize("value", ["0", "-1", "nonsense", "9" * 30, "\0", "1.0"])
def test_a_foreign_answer_is_refused_and_the_others_are_saved(client, tested, value):
    answers = page_of(client, tested)
    forged = list(answers)[-1]
    answers[forged] = value

    response = hand_in(client, tested, answers)

    assert response.status_code == 422
    assert response.context["form"].errors == {forged: ["Choose one of the answers shown."]}
    assert len(saved()) == 3
    assert Attempt.objects.get().is_open


def test_a_choice_of_another_question_is_refused(client, tested):
    answers = page_of(client, tested)
    first, second = list(answers)[1:3]
    answers[first] = answers[second]

    response = hand_in(client, tested, answers)

    assert response.context["form"].errors == {first: ["Choose one of the answers shown."]}
    assert Attempt.objects.get().is_open


def test_two_answers_to_one_question_are_refused(client, tested):
    answers = page_of(client, tested)
    question = tested.course.questions.first()
    name = f"question-{question.pk}"
    answers[name] = [choice.pk for choice in question.choices.all()[:2]]

    response = hand_in(client, tested, answers)

    assert response.context["form"].errors == {name: ["Choose one answer, not several."]}
    assert Attempt.objects.get().is_open


@pytest.mark.parametrize("attempt", ["", "0", "-1", "x", "99999999", "2", "٢"])
def test_a_forged_attempt_number_leads_back_to_the_page(client, tested, attempt):
    answers = page_of(client, tested) | {"attempt": attempt}

    response = hand_in(client, tested, answers, follow=True)

    assert "That page was of an earlier attempt." in response.text
    assert Attempt.objects.get().is_open


def test_answers_to_questions_that_are_not_asked_change_nothing(client, tested):
    answers = page_of(client, tested) | {"question-999999": "1", "right": "4"}

    hand_in(client, tested, answers)

    assert (Attempt.objects.get().asked, len(saved())) == (4, 4)


def test_the_same_page_from_two_tabs_leads_to_one_attempt(client, tested):
    answers = page_of(client, tested, right=1)
    first = hand_in(client, tested, answers)

    second = hand_in(client, tested, answers | page_of(client, tested, right=4))
    third = hand_in(client, tested, answers)

    assert third.url == first.url
    assert (second.status_code, Attempt.objects.get(number=1).right) == (302, 1)


def test_a_tab_that_is_behind_takes_no_answer_of_the_other_away(client, tested):
    several = tested.course.questions.first()
    Question.objects.filter(pk=several.pk).update(kind="multiple")
    answers = page_of(client, tested)
    # The other tab answered everything; this one was opened before that and is handed in.
    save(client, tested, answers)

    response = hand_in(client, tested, {"attempt": answers["attempt"]})

    assert response.status_code == 302
    assert Attempt.objects.get().right == 4


def test_boxes_that_are_cleared_on_the_page_are_cleared(client, tested):
    several = tested.course.questions.first()
    Question.objects.filter(pk=several.pk).update(kind="multiple")
    answers = page_of(client, tested)
    save(client, tested, answers)
    page = client.get(in_room(tested, "post_test"))
    assert page.text.count("had-") == 1
    del answers[f"question-{several.pk}"]

    response = hand_in(client, tested, answers | {f"had-{several.pk}": "1"})

    assert response.context["form"].errors == {f"question-{several.pk}": ["Choose an answer."]}


def test_handing_in_after_withdrawal_is_refused_with_words(client, tested):
    answers = page_of(client, tested)
    enrollment.withdraw(enrollment=tested, at=timezone.now())

    response = hand_in(client, tested, answers, follow=True)

    assert "You withdrew from this course." in response.text
    assert Attempt.objects.get().is_open


def test_a_passed_test_leads_to_its_result(client, tested):
    url = hand_in(client, tested, page_of(client, tested)).url

    assert client.get(in_room(tested, "post_test")).url == url


# --- Saving -----------------------------------------------------------------


def test_each_answer_is_saved_as_it_is_given(client, tested):
    answers = page_of(client, tested)
    name = list(answers)[2]
    pk = name.removeprefix("question-")

    response = save(client, tested, {"attempt": 1, name: answers[name]}, question=pk, **HTMX)

    assert response.status_code == 200
    assert 'id="saved" role="status" hx-swap-oob="true"' in response.text
    assert "1 of 4 answered, saved" in response.text
    assert saved() == {pk: answers[name]}


def test_an_answer_that_is_taken_back_is_saved_so(client, tested):
    several = tested.course.questions.first()
    Question.objects.filter(pk=several.pk).update(kind="multiple")
    answers = page_of(client, tested)
    save(client, tested, answers)

    save(client, tested, {"attempt": 1}, question=several.pk, **HTMX)

    assert saved()[str(several.pk)] == []
    assert Attempt.objects.get().answered == 3


def test_the_button_saves_all_without_javascript(client, tested):
    answers = page_of(client, tested)
    del answers[list(answers)[-1]]

    response = save(client, tested, answers, follow=True)

    assert "Your answers are saved." in response.text
    assert "3 of 4 answered" in response.text
    assert len(ticked(response)) == len(saved()) == 3


@pytest.mark.parametrize("question", ["x", "-1", "9" * 30, "\0"])
def test_a_forged_question_saves_nothing(client, tested, question):
    answers = page_of(client, tested)

    save(client, tested, answers, question=question, **HTMX)

    assert saved() == {}


def test_an_answer_after_grading_is_refused_with_words(client, tested):
    answers = page_of(client, tested, right=1)
    hand_in(client, tested, answers)
    before = saved()

    response = save(client, tested, answers, **HTMX)
    page = save(client, tested, answers, follow=True)

    assert response.status_code == 422
    words = "This attempt is handed in; its answers stay as they were."
    assert f"Not saved: {words}" in response.text
    assert words in page.text
    assert Attempt.objects.get(number=1).chosen == before


# --- A session that ends ----------------------------------------------------


@pytest.fixture
def gone(client, tested):
    """Somebody who can sign in again, with the password below."""
    tested.learner.set_password(PASSWORD)
    tested.learner.save()
    client.force_login(tested.learner)
    return tested


def sign_in(client, held, page):
    """By the sign-in page that the answer leads to."""
    return client.post(page, {"login": held.learner.email, "password": PASSWORD}, follow=True)


def lose_session(client):
    """The session has ended; the cookie that forms need is still there."""
    del client.cookies[settings.SESSION_COOKIE_NAME]


def test_what_is_handed_in_without_a_session_is_kept_until_one_is_back(client, gone):
    answers = page_of(client, gone)
    lose_session(client)

    asked = hand_in(client, gone, answers)
    assert saved() == {}
    back = sign_in(client, gone, asked.url)

    assert back.request["PATH_INFO"] == in_room(gone, "post_test")
    assert "The answers you gave while signed out are saved." in back.text
    assert ticked(back) == {name: ids for name, ids in answers.items() if name != "attempt"}
    assert Attempt.objects.get().is_open
    # Nothing lingers: the next visit is as any other.
    assert "while signed out" not in client.get(in_room(gone, "post_test")).text
    assert hand_in(client, gone, answers).url == in_room(gone, "attempt", 1)


def test_each_answer_given_without_a_session_is_kept(client, gone):
    answers = page_of(client, gone)
    lose_session(client)

    for name, ids in list(answers.items())[1:]:
        note = save(
            client,
            gone,
            {"attempt": 1, name: ids},
            question=name.removeprefix("question-"),
            **HTMX,
        )
    assert "You are signed out. Your answers are kept" in note.text
    sign_in(client, gone, f"{reverse('account_login')}?next={in_room(gone, 'post_test')}")

    assert {f"question-{key}": ids for key, ids in saved().items()} == {
        name: ids for name, ids in answers.items() if name != "attempt"
    }


def test_what_was_kept_for_somebody_else_or_another_test_is_dropped(client, gone):
    answers = page_of(client, gone)
    other = EnrollmentFactory(learner=gone.learner)
    read_lessons(other, timezone.now())
    lose_session(client)
    hand_in(client, other, answers)

    sign_in(client, gone, f"{reverse('account_login')}?next={in_room(gone, 'post_test')}")

    assert saved() == {}


def test_a_stranger_learns_nothing_and_leaves_nothing(client, tested):
    page_of(client, tested)
    stranger = Client()

    answers = {
        held: (
            stranger.post(in_room(held, "post_test"), {"attempt": 1, "question-1": "1"}).url,
            stranger.get(in_room(held, "post_test")).url,
        )
        for held in (tested, Enrollment())
    }

    for held, (posted, opened) in answers.items():
        assert posted == opened == f"{reverse('account_login')}?next={in_room(held, 'post_test')}"
    assert saved() == {}


def test_a_huge_page_without_a_session_is_not_kept(client, tested):
    stranger = Client()

    stranger.post(in_room(tested, "post_test"), {"question-1": "1" * 30_000})

    assert "post_test_answers" not in stranger.session


def test_a_form_of_before_signing_in_again_elsewhere_is_refused_and_saves_nothing(tested):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(tested.learner)

    response = strict.post(in_room(tested, "save_answers"), {"attempt": 1})

    # The script of the page sends the token that holds now, from the cookie.
    assert response.status_code == 403


# --- The result -------------------------------------------------------------


def test_right_answers_to_what_was_missed_are_shown_after_passing_only(client, tested):
    failed = hand_in(client, tested, page_of(client, tested, right=2)).url
    before = client.get(failed)
    hand_in(client, tested, page_of(client, tested))
    after = client.get(failed)

    assert (before.context["shows_all"], after.context["shows_all"]) == (False, True)
    assert before.text.count("The answer is shown once you pass.") == 2
    assert before.text.count("Because the risk changed.") == 2
    assert "The answer is shown once you pass." not in after.text


def test_right_answers_are_shown_when_no_attempt_is_left(client, tested):
    Course.objects.update(attempts_allowed=1)
    completion.apply_edit(enrollment=tested, at=timezone.now())

    failed = hand_in(client, tested, page_of(client, tested, right=2)).url

    assert client.get(failed).context["shows_all"]
    assert "All attempts at the post-test are used" in client.get(in_room(tested, "room")).text


@pytest.mark.parametrize(
    ("policy", "failed", "passed"),
    [
        ("attempt", (True, 4), (True, 4)),
        ("end", (False, 2), (True, 4)),
        ("never", (False, 0), (False, 0)),
    ],
)
def test_rationales_are_shown_by_the_policy_of_the_beginning(
    client, tested, policy, failed, passed
):
    Course.objects.update(rationales=policy)
    results = []
    for right in (2, 4):
        answers = page_of(client, tested, right=right)
        # A later change of the policy is for later attempts.
        Course.objects.update(rationales="never" if policy == "attempt" else "attempt")
        page = client.get(hand_in(client, tested, answers).url)
        Course.objects.update(rationales=policy)
        results.append((page.context["shows_all"], page.text.count("Because the risk changed.")))

    assert results == [failed, passed]


def test_an_attempt_that_is_open_has_no_result(client, tested):
    page_of(client, tested)

    assert client.get(in_room(tested, "attempt", 1)).status_code == 404


def test_the_wait_is_told_on_the_result_the_room_and_the_page(client, tested):
    Course.objects.update(retake_after_minutes=90)
    completion.apply_edit(enrollment=tested, at=timezone.now())

    result = client.get(hand_in(client, tested, page_of(client, tested, right=0)).url)
    page = client.get(in_room(tested, "post_test"), follow=True)

    assert "You can try again from" in result.text
    assert "Try again</a>" not in result.text
    assert "You can take the post-test again from" in page.text
    assert "The post-test opens again later" in page.text


def test_several_right_answers_are_asked_for_and_shown(client, tested):
    several = tested.course.questions.order_by("position").first()
    Question.objects.filter(pk=several.pk).update(kind="multiple")
    Choice.objects.filter(question=several, text="A signature").update(is_right=True)
    page = client.get(in_room(tested, "post_test"))
    assert page.text.count('type="checkbox"') == 3
    assert page.text.count("Choose every answer that is right.") == 1
    answers = page_of(client, tested)

    result = client.get(hand_in(client, tested, answers).url)

    shown = next(each for each in result.context["answers"] if each["asked"] == several.ask)
    assert (shown["is_right"], set(shown["chosen"])) == (True, {"A conversation", "A signature"})


def test_the_pages_ask_as_often_for_one_question_as_for_many(
    client, noon, django_assert_max_num_queries
):
    counts = {}
    for questions in (1, 12):
        held = EnrollmentFactory(course=CourseFactory(parts__questions=questions))
        read_lessons(held, noon)
        client.force_login(held.learner)
        answers = page_of(client, held)
        counts[questions] = []
        for ask in (
            lambda held=held: client.get(in_room(held, "post_test")),
            lambda held=held, answers=answers: save(client, held, answers, **HTMX),
            lambda held=held, answers=answers: hand_in(client, held, answers),
            lambda held=held: client.get(in_room(held, "attempt", 1)),
        ):
            with django_assert_max_num_queries(40) as counted:
                ask()
            counts[questions].append(len(counted))

    assert counts[1] == counts[12]


def test_somebody_else_saves_nothing(client, tested):
    answers = page_of(client, tested)
    client.force_login(UserFactory())

    assert save(client, tested, answers).status_code == 404
    assert saved() == {}


def test_the_time_that_is_over_is_told(client, tested):
    answers = page_of(client, tested)
    past = timezone.now() - timedelta(minutes=1)
    Enrollment.objects.filter(pk=tested.pk).update(expires_at=past, expired_at=timezone.now())

    response = hand_in(client, tested, answers, follow=True)

    assert "Your time for this course is over." in response.text
    assert Attempt.objects.get().is_open
