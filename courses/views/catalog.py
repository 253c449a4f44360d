"""The catalog and the course page; enroll, withdraw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import SignedInRequest
from ce_portal.htmx import page_or_fragment
from courses import approvals
from courses import enrollment as enrollment_story
from courses.completion import right_answers_needed
from courses.forms import CatalogFilter, EnrollForm
from courses.models import Course, Enrollment, Session, Topic

PAGE_SIZE = 24


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the query string without it."""

    facet: str
    label: str
    query: str


@login_not_required
@require_safe
def catalog(request: HttpRequest) -> HttpResponse:
    """Published courses, narrowed as the visitor asks. The query string is the whole state."""
    now = timezone.now()
    topics = list(Topic.objects.tree())
    published = Course.objects.published()
    filtered = CatalogFilter(request.GET, published.with_next_session(at=now), topics=topics)
    page = Paginator(filtered.qs.with_cards(at=now), PAGE_SIZE).get_page(request.GET.get("page"))
    _add_own_state(page, request)
    chips = _chips(filtered, request.GET)
    context = {
        "filter": filtered,
        "wanted": filtered.wanted,
        "sort_by": filtered.sort_by,
        "topics": topics,
        "page": page,
        "chips": chips,
        "query": _query_without(request.GET, "page"),
        "total": published.count(),
        "section": "catalog",
    }
    return page_or_fragment(
        request, "courses/catalog.html", "courses/_catalog_results.html", context
    )


def _add_own_state(page: Page[Course], request: HttpRequest) -> None:
    """Adds ``held`` to each course of the page: the signed-in person's enrollment, or None."""
    held: dict[int, Enrollment] = {}
    if request.user.is_authenticated:
        own = Enrollment.objects.visible_to(request.user).open()
        own = own.filter(course__in=[course.pk for course in page])
        held = {row.course_id: row for row in own.select_related("session", "completion")}
    for course in page:
        course.held = held.get(course.pk)  # type: ignore[attr-defined]


def _query_without(query: QueryDict, name: str, value: str | None = None) -> str:
    """The query string without a parameter, or without one value of it; always from page one."""
    rest = query.copy()
    rest.pop("page", None)
    if value is None:
        rest.pop(name, None)
    else:
        rest.setlist(name, [item for item in rest.getlist(name) if item != value])
    return rest.urlencode()


def _chips(filtered: CatalogFilter, query: QueryDict) -> list[Chip]:
    wanted: dict[str, Any] = filtered.wanted
    chips = []
    if wanted.get("q"):
        chips.append(Chip("Words", wanted["q"], _query_without(query, "q")))
    for name in ("topic", "focus", "format"):
        labels = dict(filtered.form.fields[name].widget.choices)
        chips.extend(
            Chip(
                str(filtered.form.fields[name].label),
                labels[value],
                _query_without(query, name, value),
            )
            for value in wanted.get(name) or []
        )
    return chips


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
