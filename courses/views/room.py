"""The course room: where the learner stands and what is next. Nobody's but the learner's."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from courses import attestation as attestation_story
from courses import completion, learning
from courses import evaluation as evaluation_story
from courses import post_test as post_test_story
from courses.completion import Requirement, Step
from courses.forms import EvaluationForm
from courses.models import Course, Enrollment, Lesson, LessonProgress, WaitlistPlace
from transcripts import ledger
from transcripts.models import CreditEntry

PAGES = {
    Step.POST_TEST: "courses:post_test",
    Step.EVALUATION: "courses:evaluation",
    Step.ATTESTATION: "courses:attestation",
}


@dataclass(frozen=True)
class LessonRow:
    lesson: Lesson
    progress: LessonProgress | None

    @property
    def is_read(self) -> bool:
        return self.progress is not None and self.progress.read_at is not None

    @property
    def is_begun(self) -> bool:
        return self.progress is not None and self.progress.read_at is None


@dataclass(frozen=True)
class Room:
    """What the rail beside every page of the room shows."""

    enrollment: Enrollment
    lessons: list[LessonRow]
    requirements: list[Requirement]
    can_evaluate: bool  # a session that is to come cannot be evaluated

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
        waits for nothing, and of the others those wait for it that are about it: the evaluation,
        and the attestation, which is of everything."""
        if self.enrollment.is_over:
            return set()
        unmet = [item.step for item in self.requirements if not item.is_met]
        in_turn = [step for step in unmet if step != Step.SESSION]
        if Step.SESSION in unmet and in_turn[:1] == [Step.ATTESTATION]:
            in_turn = []
        if in_turn[:1] == [Step.EVALUATION] and not self.can_evaluate:
            in_turn = []
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
        unread = next((row.lesson for row in self.lessons if not row.is_read), None)
        if self.current == Step.LESSONS and unread:
            return reverse("courses:lesson", args=[pk, unread.key])
        page = next((PAGES[step] for step in PAGES if step in self.open_steps), "courses:room")
        return reverse(page, args=[pk])

    @property
    def left(self) -> LessonRow | None:
        """The lesson that the learner was in last and has not read to the end."""
        begun = [row for row in self.lessons if row.is_begun]
        return max(begun, key=lambda row: row.progress.seen_at, default=None)  # type: ignore[union-attr]

    @property
    def resume_url(self) -> str:
        """Where the learner left: the place in a lesson, or else what is next."""
        if self.current != Step.LESSONS or self.left is None:
            return self.next_url
        page = reverse("courses:lesson", args=[self.enrollment.pk, self.left.lesson.key])
        return f"{page}#resume"


def own_enrollment(request: HttpRequest, pk: uuid.UUID) -> Enrollment:
    own = Enrollment.objects.visible_to(request.user).with_course()
    return get_object_or_404(own, pk=pk)


def room_of(enrollment: Enrollment) -> Room:
    progress = {row.lesson_id: row for row in LessonProgress.objects.filter(enrollment=enrollment)}
    shown = enrollment.course.lessons.order_by("position", "pk").defer("body")
    return Room(
        enrollment,
        [LessonRow(lesson, progress.get(lesson.pk)) for lesson in shown],
        completion.requirements(enrollment),
        evaluation_story.has_something_to_evaluate(enrollment, at=timezone.now()),
    )


def render_in_room(
    request: HttpRequest, template: str, room: Room, *, status: int = 200, **context: Any
) -> HttpResponse:
    context = {"room": room, "enrollment": room.enrollment, "course": room.course, **context}
    context = {"now": timezone.now(), "section": "home", **context}
    return render(request, template, context, status=status)


def refused(request: HttpRequest, pk: uuid.UUID, error: Exception) -> HttpResponse:
    messages.error(request, str(error))
    return redirect("courses:room", pk=pk)


@require_safe
def room(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Where the learner stands, what is next, and at the end the certificate."""
    found = room_of(own_enrollment(request, pk))
    chances = post_test_story.chances(found.enrollment)
    offered = WaitlistPlace.objects.visible_to(request.user).current_offers(at=timezone.now())
    offered = offered.filter(session__course=found.course).select_related("session__course")
    return render_in_room(request, "courses/room.html", found, chances=chances, offered=offered)


@require_http_methods(["GET", "HEAD", "POST"])
def evaluation(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    enrollment = own_enrollment(request, pk)
    form = EvaluationForm(
        request.POST if request.method == "POST" else None,
        questions=evaluation_story.questions_of(enrollment.course),
    )
    if request.method == "POST" and form.is_valid():
        try:
            evaluation_story.hand_in(enrollment=enrollment, answers=form.answers, at=timezone.now())
        except learning.LearningError as error:
            return refused(request, pk, error)
        return redirect("courses:room", pk=pk)
    found = room_of(enrollment)
    if request.method != "POST":
        if enrollment.evaluated_at is not None:
            return redirect("courses:room", pk=pk)
        if Step.EVALUATION not in found.open_steps:
            messages.info(
                request,
                "The evaluation opens when you have passed the post-test."
                if found.can_evaluate
                else "The evaluation opens when the session is over.",
            )
            return redirect("courses:room", pk=pk)
    return render_in_room(
        request, "courses/evaluation.html", found, form=form, status=422 if form.errors else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
def attestation(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The words to confirm, and one button."""
    enrollment = own_enrollment(request, pk)
    if "attestation" not in enrollment.requirements:
        raise Http404
    if request.method == "POST":
        try:
            attestation_story.attest(enrollment=enrollment, at=timezone.now())
        except learning.LearningError as error:
            return refused(request, pk, error)
        return redirect("courses:room", pk=pk)
    found = room_of(enrollment)
    if Step.ATTESTATION not in found.open_steps:
        if enrollment.attested_at is None and not enrollment.is_over:
            messages.info(request, "This opens when every other step is done.")
        return redirect("courses:room", pk=pk)
    return render_in_room(request, "courses/attestation.html", found)


@require_POST
def complete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask for the credit again, when all is done and it could not be given before."""
    try:
        completion.complete(enrollment=own_enrollment(request, pk), at=timezone.now())
    except completion.CompletionError as error:
        messages.error(request, str(error))
    return redirect("courses:room", pk=pk)
