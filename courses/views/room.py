"""The course room: lessons, post-test, evaluation, certificate. Nobody's but the learner's."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from courses import completion, learning, markdown
from courses.completion import Requirement, Step
from courses.forms import EvaluationForm, PostTestForm
from courses.models import Attempt, Choice, Course, Enrollment, Lesson, LessonProgress, Question
from transcripts import ledger
from transcripts.models import CreditEntry


@dataclass(frozen=True)
class LessonRow:
    lesson: Lesson
    is_read: bool


@dataclass(frozen=True)
class Room:
    """What the rail beside every page of the room shows."""

    enrollment: Enrollment
    lessons: list[LessonRow]
    requirements: list[Requirement]

    @property
    def course(self) -> Course:
        return self.enrollment.course

    @property
    def lessons_read(self) -> int:
        return sum(row.is_read for row in self.lessons)

    @property
    def current(self) -> Step | None:
        """The first step that is still to be done."""
        return next((item.step for item in self.requirements if not item.is_met), None)

    @property
    def open_steps(self) -> set[Step]:
        """What can be done now. The steps follow each other, but the session has its own day: it
        waits for nothing, and neither the post-test nor the evaluation waits for it."""
        if self.enrollment.withdrawn_at is not None:
            return set()
        unmet = [item.step for item in self.requirements if not item.is_met]
        in_turn = [step for step in unmet if step != Step.SESSION]
        return set(in_turn[:1]) | (set(unmet) & {Step.SESSION})

    @property
    def is_completed(self) -> bool:
        return hasattr(self.enrollment, "completion")

    @cached_property
    def credit(self) -> CreditEntry:
        """The award of the completion, or the correction that stands in its place."""
        return ledger.current(self.enrollment.completion.credit_entry)

    @property
    def next_url(self) -> str:
        """Where the learner goes on."""
        pk = self.enrollment.pk
        match self.current:
            case Step.LESSONS:
                unread = next(row.lesson for row in self.lessons if not row.is_read)
                return reverse("courses:lesson", args=[pk, unread.key])
            case Step.POST_TEST:
                return reverse("courses:post_test", args=[pk])
            case Step.EVALUATION:
                return reverse("courses:evaluation", args=[pk])
            case _:
                return reverse("courses:room", args=[pk])


def _enrollment(request: HttpRequest, pk: uuid.UUID) -> Enrollment:
    own = Enrollment.objects.visible_to(request.user).with_course()
    return get_object_or_404(own, pk=pk)


def _room(enrollment: Enrollment) -> Room:
    read = set(
        LessonProgress.objects.filter(enrollment=enrollment).values_list("lesson", flat=True)
    )
    lessons = enrollment.course.lessons.order_by("position", "pk").defer("body")
    return Room(
        enrollment,
        [LessonRow(lesson, lesson.pk in read) for lesson in lessons],
        completion.requirements(enrollment),
    )


def _render(
    request: HttpRequest, template: str, room: Room, *, status: int = 200, **context: Any
) -> HttpResponse:
    context = {"room": room, "enrollment": room.enrollment, "course": room.course, **context}
    context |= {"now": timezone.now(), "section": "home"}
    return render(request, template, context, status=status)


def _refused(request: HttpRequest, pk: uuid.UUID, error: Exception) -> HttpResponse:
    messages.error(request, str(error))
    return redirect("courses:room", pk=pk)


@require_safe
def room(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Where the learner stands, what is next, and at the end the certificate."""
    found = _room(_enrollment(request, pk))
    chances = learning.chances(found.enrollment)
    return _render(request, "courses/room.html", found, chances=chances)


@require_safe
def lesson(request: HttpRequest, pk: uuid.UUID, key: str) -> HttpResponse:
    found = _room(_enrollment(request, pk))
    keys = [row.lesson.key for row in found.lessons]
    if key not in keys:
        raise Http404
    index = keys.index(key)
    shown = found.lessons[index]
    return _render(
        request,
        "courses/lesson.html",
        found,
        lesson=shown.lesson,
        is_read=shown.is_read,
        body=markdown.render(shown.lesson.body),
        number=index + 1,
        previous=found.lessons[index - 1].lesson if index else None,
        following=found.lessons[index + 1].lesson if index + 1 < len(keys) else None,
    )


@require_POST
def read(request: HttpRequest, pk: uuid.UUID, key: str) -> HttpResponse:
    """Mark a lesson as read and go on to what is next."""
    enrollment = _enrollment(request, pk)
    shown = get_object_or_404(Lesson, course=enrollment.course, key=key)
    try:
        learning.mark_read(enrollment=enrollment, lesson=shown, at=timezone.now())
    except learning.LearningError as error:
        return _refused(request, pk, error)
    return redirect(_room(enrollment).next_url)


@require_http_methods(["GET", "HEAD", "POST"])
def post_test(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The questions; handing in redirects to the graded attempt."""
    enrollment = _enrollment(request, pk)
    questions = list(
        Question.objects.filter(course=enrollment.course)
        .order_by("position", "pk")
        .prefetch_related(Prefetch("choices", Choice.objects.order_by("position", "pk")))
    )
    if not questions:
        raise Http404
    found = _room(enrollment)
    last = enrollment.attempts.order_by("-number").first()
    form = PostTestForm(
        request.POST if request.method == "POST" else None,
        questions=questions,
        attempt=last.number + 1 if last else 1,
    )
    if request.method == "POST":
        if form.is_valid():
            try:
                graded = learning.hand_in_post_test(
                    enrollment=enrollment,
                    number=form.cleaned_data["attempt"],
                    chosen=form.chosen,
                    at=timezone.now(),
                )
            except learning.LearningError as error:
                return _refused(request, pk, error)
            return redirect("courses:attempt", pk=pk, number=graded.number)
    elif last and last.passed:
        return redirect("courses:attempt", pk=pk, number=last.number)
    elif Step.POST_TEST not in found.open_steps:
        if enrollment.withdrawn_at is None:
            messages.info(request, "The post-test opens when you have read every lesson.")
        return redirect("courses:room", pk=pk)
    return _render(
        request,
        "courses/post_test.html",
        found,
        form=form,
        needed=completion.right_answers_needed(enrollment.course, len(questions)),
        chances=learning.chances(enrollment),
        status=422 if form.errors else 200,
    )


@require_safe
def attempt(request: HttpRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    """A graded attempt. Right answers to what was missed are shown after passing, or at the end."""
    enrollment = _enrollment(request, pk)
    graded = get_object_or_404(Attempt, enrollment=enrollment, number=number)
    found = _room(enrollment)
    chances = learning.chances(enrollment)
    has_passed = any(item.step == Step.POST_TEST and item.is_met for item in found.requirements)
    return _render(
        request,
        "courses/attempt.html",
        found,
        attempt=graded,
        chances=chances,
        has_passed=has_passed,
        shows_all=has_passed or chances.left == 0,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def evaluation(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    enrollment = _enrollment(request, pk)
    form = EvaluationForm(
        request.POST if request.method == "POST" else None,
        questions=learning.evaluation_questions(enrollment.course),
    )
    if request.method == "POST" and form.is_valid():
        try:
            learning.hand_in_evaluation(
                enrollment=enrollment, answers=form.answers, at=timezone.now()
            )
        except learning.LearningError as error:
            return _refused(request, pk, error)
        return redirect("courses:room", pk=pk)
    found = _room(enrollment)
    if request.method != "POST":
        if enrollment.evaluated_at is not None:
            return redirect("courses:room", pk=pk)
        if Step.EVALUATION not in found.open_steps:
            messages.info(request, "The evaluation opens when you have passed the post-test.")
            return redirect("courses:room", pk=pk)
    return _render(
        request, "courses/evaluation.html", found, form=form, status=422 if form.errors else 200
    )


@require_POST
def complete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask for the credit again, when all is done and it could not be given before."""
    try:
        completion.complete(enrollment=_enrollment(request, pk), at=timezone.now())
    except completion.CompletionError as error:
        messages.error(request, str(error))
    return redirect("courses:room", pk=pk)
