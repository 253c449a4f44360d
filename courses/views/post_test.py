"""The post-test in the course room: answering, saving, handing in, the result.

The pages that take answers are open to strangers, because a session may end while one answers: what
arrives without a session is kept in a new one, nothing else is looked at, and it is saved when the
learner has signed in and is back on the page.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from courses import answer_key, learning
from courses import post_test as post_test_story
from courses.completion import Step
from courses.forms import PostTestForm, question_name
from courses.models import Attempt, Course, Enrollment
from courses.views.room import Room, own_enrollment, refused, render_in_room, room_of

KEPT = "post_test_answers"
MOST_KEPT = 20_000  # characters

OUT_OF_DATE = "That page was of an earlier attempt. Here is the current one."


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def post_test(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The questions of the open attempt, which is begun here; handing in leads to the result."""
    if not request.user.is_authenticated:
        return _ask_to_sign_in(request, pk)
    enrollment = own_enrollment(request, pk)
    if request.method == "POST":
        return _hand_in(request, enrollment)
    found = room_of(enrollment)
    asked = {item.step: item for item in found.requirements}
    if Step.POST_TEST not in asked:
        raise Http404
    if asked[Step.POST_TEST].is_met:
        passed = max(enrollment.attempts.order_by("number"), key=lambda each: each.passed)
        return redirect("courses:attempt", pk=pk, number=passed.number)
    if Step.POST_TEST not in found.open_steps:
        if not enrollment.is_over:
            messages.info(request, "The post-test opens when you have read every lesson.")
        return redirect("courses:room", pk=pk)
    try:
        attempt = post_test_story.begin(enrollment=enrollment, at=timezone.now())
    except learning.LearningError as error:
        return refused(request, pk, error)
    attempt = _save_kept(request, attempt)
    return _page(request, found, attempt, PostTestForm.of_saved(attempt))


def _page(request: HttpRequest, found: Room, attempt: Attempt, form: PostTestForm) -> HttpResponse:
    return render_in_room(
        request,
        "courses/post_test.html",
        found,
        attempt=attempt,
        form=form,
        chances=post_test_story.chances(found.enrollment),
        status=422 if form.errors else 200,
    )


def _hand_in(request: HttpRequest, enrollment: Enrollment) -> HttpResponse:
    attempt = _attempt_of_page(request, enrollment)
    if attempt is None:
        messages.info(request, OUT_OF_DATE)
        return redirect("courses:post_test", pk=enrollment.pk)
    form = PostTestForm(request.POST, attempt=attempt)
    errors = {name: " ".join(map(str, texts)) for name, texts in form.errors.items()}
    try:
        if errors:
            # The good answers are saved all the same.
            attempt = post_test_story.save_answers(
                attempt=attempt, chosen=form.chosen, at=timezone.now()
            )
        else:
            graded = post_test_story.hand_in(attempt=attempt, chosen=form.chosen, at=timezone.now())
            return redirect("courses:attempt", pk=enrollment.pk, number=graded.number)
    except post_test_story.UnansweredError as error:
        attempt = enrollment.attempts.get(pk=attempt.pk)
        errors = {question_name(question): "Choose an answer." for question in error.questions}
    except learning.LearningError as error:
        return refused(request, enrollment.pk, error)
    form = PostTestForm.of_saved(attempt, errors)
    return _page(request, room_of(enrollment), attempt, form)


@login_not_required
@require_POST
def save_answers(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Save the answers of the page; with ``?question=`` only that one, as it is now."""
    if not request.user.is_authenticated:
        return _ask_to_sign_in(request, pk)
    enrollment = own_enrollment(request, pk)
    attempt = _attempt_of_page(request, enrollment)
    try:
        if attempt is None:
            raise learning.LearningError(OUT_OF_DATE)
        form = PostTestForm(_answers_in(request), attempt=attempt)
        for texts in form.errors.values():
            raise learning.LearningError(" ".join(map(str, texts)))
        attempt = post_test_story.save_answers(
            attempt=attempt, chosen=form.chosen, at=timezone.now()
        )
    except learning.LearningError as error:
        if request.htmx:  # type: ignore[attr-defined]
            return _note(request, attempt, status=422, problem=error)
        messages.error(request, str(error))
        return redirect("courses:post_test", pk=pk)
    if request.htmx:  # type: ignore[attr-defined]
        return _note(request, attempt)
    messages.success(request, "Your answers are saved.")
    return redirect("courses:post_test", pk=pk)


def _note(
    request: HttpRequest, attempt: Attempt | None, *, status: int = 200, **context: Any
) -> HttpResponse:
    context = {"attempt": attempt, "is_swapped": True, **context}
    return render(request, "courses/_saved.html", context, status=status)


def _attempt_of_page(request: HttpRequest, enrollment: Enrollment) -> Attempt | None:
    """The attempt that the page was made for; with its enrollment."""
    number = request.POST.get("attempt", "")
    if not (number.isascii() and number.isdecimal() and len(number) <= 5):
        return None
    own = enrollment.attempts.select_related("enrollment__course")
    return own.filter(number=int(number)).first()


def _answers_in(request: HttpRequest) -> QueryDict:
    """The answers of the page. One question alone is sent as it is now: no choice, no answer."""
    question = request.GET.get("question", "")
    if not question:
        return request.POST
    data = QueryDict(mutable=True)
    data.setlist(question_name(question), request.POST.getlist(question_name(question)))
    data[f"had-{question}"] = "1"
    return data


# --- Without a session ------------------------------------------------------


def _ask_to_sign_in(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Keep the answers that came, if any, until the learner is back."""
    page = reverse("courses:post_test", args=[pk])
    if request.method == "POST":
        kept = _kept_of(request, pk)
        for name, values in _answers_in(request).lists():
            if name.startswith(("question-", "had-")):
                kept.setlist(name, values)
        kept["attempt"] = request.POST.get("attempt", "")
        if len(encoded := kept.urlencode()) <= MOST_KEPT:
            request.session[KEPT] = {"enrollment": str(pk), "answers": encoded}
    sign_in = redirect_to_login(page)
    if request.htmx:  # type: ignore[attr-defined]
        return _note(request, None, sign_in=sign_in.url)
    return sign_in


def _kept_of(request: HttpRequest, pk: uuid.UUID) -> QueryDict:
    kept = request.session.get(KEPT, {})
    own = kept.get("answers", "") if kept.get("enrollment") == str(pk) else ""
    return QueryDict(own, mutable=True)


def _save_kept(request: HttpRequest, attempt: Attempt) -> Attempt:
    """Save the answers that arrived while nobody was signed in."""
    data = _kept_of(request, attempt.enrollment_id)
    request.session.pop(KEPT, None)
    if data.get("attempt") != str(attempt.number):
        return attempt
    form = PostTestForm(data, attempt=attempt)
    form.is_valid()
    if form.chosen:
        attempt = post_test_story.save_answers(
            attempt=attempt, chosen=form.chosen, at=timezone.now()
        )
        messages.success(request, "The answers you gave while signed out are saved.")
    return attempt


# --- The result -------------------------------------------------------------


@require_safe
def attempt(request: HttpRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    """A graded attempt; what it shows of right answers is what held when it was begun."""
    enrollment = own_enrollment(request, pk)
    graded = get_object_or_404(
        Attempt, enrollment=enrollment, number=number, submitted_at__isnull=False
    )
    found = room_of(enrollment)
    chances = post_test_story.chances(enrollment)
    has_passed = any(item.step == Step.POST_TEST and item.is_met for item in found.requirements)
    return render_in_room(
        request,
        "courses/attempt.html",
        found,
        attempt=graded,
        answers=[_answer(question, graded) for question in graded.shown],
        chances=chances,
        has_passed=has_passed,
        shows_all=graded.rationales == Course.Rationales.EVERY_ATTEMPT
        or (
            graded.rationales == Course.Rationales.AT_THE_END and (has_passed or chances.left == 0)
        ),
    )


def _answer(question: dict[str, Any], graded: Attempt) -> dict[str, Any]:
    """One question of the result: what was chosen, what is right."""
    taken = graded.chosen.get(str(question["question"]), [])
    right = [each for each in question["choices"] if each["is_right"]]
    return {
        "asked": question["ask"],
        "rationale": question["rationale"],
        "is_right": answer_key.is_answered_rightly(taken, [each["choice"] for each in right]),
        "chosen": [each["text"] for each in question["choices"] if each["choice"] in taken],
        "right": [each["text"] for each in right],
    }
