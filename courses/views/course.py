"""The course page; enroll, withdraw."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import SignedInRequest
from courses import approvals
from courses import enrollment as enrollment_story
from courses.completion import right_answers_needed
from courses.forms import EnrollForm
from courses.models import Course, Enrollment, Session


@login_not_required
@require_safe
def course(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything about a course that must be known before enrolling."""
    now = timezone.now()
    shown = get_object_or_404(
        Course.objects.visible_to(request.user)
        .select_related("provider")
        .with_cards(at=now)
        .prefetch_related("teaching_methods"),
        slug=slug,
    )
    valid = approvals.in_date(shown, on=timezone.localdate())
    questions = shown.questions.count()
    agenda = list(shown.agenda.order_by("position", "pk"))
    context = {
        "course": shown,
        "enrollment": _own_enrollment(request, shown),
        "objectives": shown.objectives.order_by("position", "pk"),
        "instructors": shown.course_instructors.select_related("instructor").order_by(
            "position", "pk"
        ),
        "credits": [(credit, valid.get(credit.body_id)) for credit in shown.credits.all()],
        "agenda": agenda,
        "instruction_minutes": sum(item.minutes for item in agenda if item.carries_credit),
        "lessons": shown.lessons.order_by("position", "pk").only("title", "minutes", "course"),
        "questions": questions,
        "needed": right_answers_needed(shown, questions) if questions else 0,
        "references": shown.references.splitlines(),
        "section": "catalog",
    }
    return render(request, "courses/course.html", context)


def _own_enrollment(request: HttpRequest, course: Course) -> Enrollment | None:
    if not request.user.is_authenticated:
        return None
    return (
        Enrollment.objects.visible_to(request.user)
        .open()
        .filter(course=course)
        .select_related("session", "completion__credit_entry")
        .first()
    )


@require_POST
def enroll(request: SignedInRequest, slug: str) -> HttpResponse:
    course = get_object_or_404(Course.objects.visible_to(request.user), slug=slug)
    form = EnrollForm(request.POST, course=course)
    session: Session | None = form.cleaned_data["session"] if form.is_valid() else None
    try:
        held = enrollment_story.enroll(
            learner=request.user, course=course, session=session, at=timezone.now()
        )
    except enrollment_story.EnrollmentError as error:
        messages.error(request, str(error))
        return redirect(course)
    messages.success(request, f"You are enrolled in {course}.")
    return redirect("courses:room", pk=held.pk)


@require_POST
def withdraw(request: SignedInRequest, slug: str) -> HttpResponse:
    course = get_object_or_404(Course.objects.visible_to(request.user), slug=slug)
    held = get_object_or_404(Enrollment.objects.visible_to(request.user).open(), course=course)
    try:
        enrollment_story.withdraw(enrollment=held, at=timezone.now())
    except enrollment_story.EnrollmentError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"You have withdrawn from {course}.")
    return redirect(course)
