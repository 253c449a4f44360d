"""The course page; enroll, withdraw."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import SignedInRequest
from courses import approvals, hours, shelf, structured_data
from courses import enrollment as enrollment_story
from courses.completion import right_answers_needed
from courses.forms import EnrollForm
from courses.models import (
    Approval,
    Course,
    CourseFocusArea,
    CourseInstructor,
    Enrollment,
    Lesson,
    Session,
    ShortlistItem,
)

RELATED = 4
CANDIDATES = 100  # newest courses that share a focus area, of which those that share most are taken

INTERACTION = {
    Course.Format.IN_PERSON: "Synchronous, in person",
    Course.Format.LIVE_WEBINAR: "Synchronous, by video",
    Course.Format.HYBRID: "Part synchronous, part at your own pace",
    Course.Format.RECORDED: "Asynchronous, at your own pace",
    Course.Format.TEXT: "Asynchronous, at your own pace",
}


@dataclass(frozen=True)
class Offer:
    """A coming session, and what an enrollment in it would be worth."""

    session: Session
    not_approved: list[str]  # boards of the course that give no credit on the session's day
    gives_credit: bool

    @property
    def is_open(self) -> bool:
        return self.gives_credit and self.session.seats_left != 0


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
    today = timezone.localdate()
    sessions: list[Session] = shown.coming_sessions  # type: ignore[attr-defined]
    days = approvals.by_day(shown, [today, *map(approvals.day_of, sessions)])
    valid = days[today]
    offers = [_offer(shown, session, days) for session in sessions]
    credits = [(credit, valid.get(credit.body_id)) for credit in shown.credits.all()]
    objectives = list(shown.objectives.order_by("position", "pk").values_list("text", flat=True))
    instructors = list(
        shown.course_instructors.select_related("instructor").order_by("position", "pk")
    )
    questions = shown.questions.count()
    agenda = list(shown.agenda.order_by("position", "pk"))
    lessons = _lessons(shown)
    context = {
        "course": shown,
        "address": settings.SITE_URL + shown.get_absolute_url(),
        "enrollment": _own_enrollment(request, shown),
        "is_kept": _is_kept(request, shown),
        "objectives": objectives,
        "instructors": instructors,
        "credits": credits,
        # Two credit lines of one body stand under one approval.
        "statements": {approval.pk: approval for _, approval in credits if approval}.values(),
        "offers": offers,
        "is_open": any(offer.is_open for offer in offers)
        if shown.is_live
        else any(approval for _, approval in credits),
        "interaction": INTERACTION[Course.Format(shown.format)],
        "agenda": agenda,
        "instruction_minutes": sum(item.minutes for item in agenda if item.carries_credit),
        "lessons": lessons,
        "text": _text(shown, lessons, questions),
        "questions": questions,
        "needed": right_answers_needed(shown.pass_mark, questions) if questions else 0,
        "references": shown.references.splitlines(),
        "related": _related(shown, at=now),
        "structured_data": _structured_data(shown, objectives, instructors, valid),
        "section": "catalog",
    }
    return render(request, "courses/course.html", context)


def _offer(course: Course, session: Session, days: dict[date, dict[int, Approval]]) -> Offer:
    valid = days[approvals.day_of(session)]
    boards = {credit.body.name: credit.body_id in valid for credit in course.credits.all()}
    return Offer(
        session=session,
        not_approved=[name for name, is_approved in boards.items() if not is_approved],
        gives_credit=any(boards.values()),
    )


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


def _is_kept(request: HttpRequest, course: Course) -> bool:
    if not request.user.is_authenticated:
        return False
    return ShortlistItem.objects.visible_to(request.user).filter(course=course).exists()


def _lessons(course: Course) -> list[Lesson]:
    """The lessons; their text only where the page says how many words it has."""
    lessons = course.lessons.order_by("position", "pk")
    if course.format == Course.Format.TEXT:
        return list(lessons.only("title", "minutes", "course", "body"))
    return list(lessons.only("title", "minutes", "course"))


# Bodies of lessons change seldom; 256 of them are some megabytes.
_count_words = lru_cache(maxsize=256)(hours.count_words)


def _text(course: Course, lessons: list[Lesson], questions: int) -> dict[str, Any] | None:
    """What the formula for text-based courses goes by, and what it makes; None for the others."""
    if course.format != Course.Format.TEXT or course.difficulty is None:
        return None
    words = sum(_count_words(lesson.body) for lesson in lessons)
    minutes = hours.mergener_minutes(words=words, questions=questions, difficulty=course.difficulty)
    return {"words": f"{words:,}", "minutes": f"{minutes:.0f}"}


def _related(course: Course, *, at: datetime) -> list[Course]:
    """Courses that share most focus areas, then others of its topics; the newest first."""
    areas = [row.focus_area for row in course.course_focus_areas.all()]
    zone = timezone.get_current_timezone()

    def newest(facet: str, slugs: frozenset[str], limit: int) -> list[int]:
        if not slugs:
            return []
        wanted = shelf.Wanted(chosen={facet: slugs}, sort="newest")
        return shelf.find(wanted, at=at, zone=zone, limit=limit, most=0).course_ids

    near = newest("focus", frozenset(area.slug for area in areas), CANDIDATES)
    shared = Counter(
        CourseFocusArea.objects.filter(course__in=near, focus_area__in=areas).values_list(
            "course", flat=True
        )
    )
    near.sort(key=lambda course_id: -shared[course_id])
    # Enough that some are left without this course and those that are near already.
    wider = newest("topic", frozenset(area.topic.slug for area in areas), 2 * RELATED + 1)
    chosen = [pk for pk in dict.fromkeys([*near, *wider]) if pk != course.pk][:RELATED]
    rows = Course.objects.only("slug", "title", "hours", "format").in_bulk(chosen)
    return [rows[pk] for pk in chosen if pk in rows]


def _structured_data(
    course: Course,
    objectives: list[str],
    instructors: list[CourseInstructor],
    valid: dict[int, Approval],
) -> SafeString:
    """For search engines: the way here, and the course while it is offered."""
    steps = [("Catalog", reverse("courses:catalog"))]
    if areas := course.course_focus_areas.all():
        topic = areas[0].focus_area.topic
        steps.append((topic.name, reverse("courses:topic", args=[topic.slug])))
    steps.append((course.title, course.get_absolute_url()))
    things = [structured_data.breadcrumbs(steps, site=settings.SITE_URL)]
    if course.is_published:
        bodies = {credit.body_id: credit.body for credit in course.credits.all()}
        things.append(
            structured_data.course(
                course,
                objectives=objectives,
                instructors=[row.instructor for row in instructors],
                bodies=[body for pk, body in bodies.items() if pk in valid],
                site=settings.SITE_URL,
            )
        )
    return structured_data.as_json(*things)


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
