"""The course page; enroll, move, withdraw; the waitlist."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import SignedInRequest
from ce_portal import formats
from courses import approvals, assignments, hours, repeats, seats, shelf, structured_data, waitlist
from courses import enrollment as enrollment_story
from courses.assignments import Asked
from courses.completion import right_answers_needed
from courses.forms import EnrollForm
from courses.models import (
    Approval,
    Assignment,
    Completion,
    Course,
    CourseFocusArea,
    CourseInstructor,
    Enrollment,
    Lesson,
    Session,
    ShortlistItem,
    WaitlistPlace,
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
    """A coming session, what an enrollment in it would be worth, and how one gets it now."""

    session: Session
    not_approved: list[str]  # boards of the course that give no credit on the session's day
    gives_credit: bool
    is_too_soon: bool  # the reader has had the credit, and may not have it again by then
    is_held: bool  # the reader has a seat in it
    place: WaitlistPlace | None  # the reader's own
    at: datetime

    @property
    def opens_at(self) -> datetime | None:
        """When enrollment opens, if it is not yet."""
        opens_at = self.session.enrollment_opens_at
        return opens_at if opens_at is not None and self.at < opens_at else None

    @property
    def has_closed(self) -> bool:
        closes_at = self.session.enrollment_closes_at
        return self.session.capacity == 0 or (closes_at is not None and closes_at <= self.at)

    @property
    def is_full(self) -> bool:
        return self.session.seats_left == 0

    @property
    def _takes_enrollments(self) -> bool:
        hindered = self.is_held or self.is_too_soon or self.has_closed or self.opens_at
        return self.gives_credit and not hindered

    @property
    def is_open(self) -> bool:
        return self._takes_enrollments and not self.is_full

    @property
    def can_wait(self) -> bool:
        """Full, with a waitlist that the reader is not on."""
        has_waitlist = self.is_full and seats.has_waitlist(self.session, at=self.at)
        return self._takes_enrollments and has_waitlist and self.place is None


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
    enrollment, earlier = _own_enrollment(request, shown)
    places = _own_places(request, shown)
    again_from = repeats.again_from(shown, earlier) if earlier else None
    offers = [
        _offer(
            shown,
            session,
            days[approvals.day_of(session)],
            at=now,
            enrollment=enrollment,
            place=places.get(session.pk),
            again_from=again_from,
        )
        for session in sessions
    ]
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
        "enrollment": enrollment,
        "earlier": earlier,
        "earned_on": repeats.earned_on(earlier) if earlier else None,
        "again_from": again_from,
        "may_repeat": earlier is not None
        and again_from is not None
        and (shown.is_live or today >= again_from),
        "places": list(places.values()),
        "assigned": _assigned(request, shown),
        "now": now,
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
        "can_wait": any(offer.can_wait for offer in offers),
        "interaction": INTERACTION[Course.Format(shown.format)],
        "agenda": agenda,
        "instruction_minutes": sum(item.minutes for item in agenda if item.carries_credit),
        "lessons": lessons,
        "text": _text(shown, lessons, questions),
        "questions": questions,
        "needed": right_answers_needed(shown.pass_mark, questions) if questions else 0,
        "in_part": list(
            dict.fromkeys(
                credit.body.name
                for credit, approval in credits
                if approval and credit.body.allows_partial_credit
            )
        ),
        "references": shown.references.splitlines(),
        "related": _related(shown, at=now),
        "structured_data": _structured_data(shown, objectives, instructors, valid),
        "section": "catalog",
    }
    return render(request, "courses/course.html", context)


def _offer(
    course: Course,
    session: Session,
    valid: dict[int, Approval],
    *,
    at: datetime,
    enrollment: Enrollment | None,
    place: WaitlistPlace | None,
    again_from: date | None,
) -> Offer:
    boards = {credit.body.name: credit.body_id in valid for credit in course.credits.all()}
    return Offer(
        session=session,
        not_approved=[name for name, is_approved in boards.items() if not is_approved],
        gives_credit=any(boards.values()),
        is_too_soon=again_from is not None and approvals.day_of(session) < again_from,
        is_held=enrollment is not None and enrollment.session_id == session.pk,
        place=place,
        at=at,
    )


def _own_enrollment(
    request: HttpRequest, course: Course
) -> tuple[Enrollment | None, Completion | None]:
    """The reader's enrollment that is in progress, and the last completion of the course."""
    if not request.user.is_authenticated:
        return None, None
    own = Enrollment.objects.visible_to(request.user).in_progress().filter(course=course)
    earlier = repeats.earlier_credit(learner=request.user, course=course)
    return own.select_related("session").first(), earlier


def _own_places(request: HttpRequest, course: Course) -> dict[int, WaitlistPlace]:
    """The reader's open places on waitlists of the course, by session."""
    if not (request.user.is_authenticated and course.is_live):
        return {}
    own = WaitlistPlace.objects.visible_to(request.user).open().filter(session__course=course)
    rows = own.select_related("session").with_position().order_by("session__starts_at", "pk")
    return {row.session_id: row for row in rows}


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
    course = _course(request, slug)
    session = _chosen_session(request, course)
    try:
        held = enrollment_story.enroll(
            learner=request.user, course=course, session=session, at=timezone.now()
        )
    except enrollment_story.EnrollmentError as error:
        messages.error(request, str(error))
        return redirect(course)
    if session and held.session and held.session != session and not held.completed_at:
        messages.info(
            request,
            "You have a seat in another session of this course. You can change to this one below.",
        )
        return redirect(f"{course.get_absolute_url()}#enroll")
    messages.success(request, f"You are enrolled in {course}.")
    return redirect("courses:room", pk=held.pk)


def _course(request: SignedInRequest, slug: str) -> Course:
    return get_object_or_404(Course.objects.visible_to(request.user), slug=slug)


def _chosen_session(request: SignedInRequest, course: Course) -> Session | None:
    form = EnrollForm(request.POST, course=course)
    return form.cleaned_data["session"] if form.is_valid() else None


def _assigned(request: HttpRequest, course: Course) -> list[Asked]:
    """What supervisors of the reader ask about this course, until it is earned."""
    if not request.user.is_authenticated:
        return []
    now = timezone.now()
    received = Assignment.objects.received_by(request.user).in_force(at=now).filter(course=course)
    states = assignments.states(received.with_subject().by_due_day(), at=now)
    return [asked for asked in states if asked.is_open]


def _own_seat(request: SignedInRequest, course: Course) -> Enrollment:
    """The reader's enrollment: the one in progress, or else the last that was completed."""
    own = Enrollment.objects.visible_to(request.user).open().filter(course=course)
    held = own.order_by(F("completed_at").desc(nulls_first=True), "-enrolled_at").first()
    if held is None:
        raise Http404
    return held


@require_POST
def withdraw(request: SignedInRequest, slug: str) -> HttpResponse:
    course = _course(request, slug)
    try:
        enrollment_story.withdraw(enrollment=_own_seat(request, course), at=timezone.now())
    except enrollment_story.EnrollmentError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"You have withdrawn from {course}.")
    return redirect(course)


@require_POST
def move(request: SignedInRequest, slug: str) -> HttpResponse:
    """Change the seat for one in another session."""
    course = _course(request, slug)
    held = _own_seat(request, course)
    session = _chosen_session(request, course)
    if session is None:
        messages.error(request, "Choose a session.")
        return redirect(course)
    try:
        held = enrollment_story.move(enrollment=held, to=session, at=timezone.now())
    except enrollment_story.EnrollmentError as error:
        messages.error(request, str(error))
        return redirect(course)
    messages.success(request, f"Your seat is now in the session on {_when(session)}.")
    return redirect("courses:room", pk=held.pk)


def _when(session: Session) -> str:
    """In the reader's zone, as the page shows it."""
    return formats.show_moment(session.starts_at, timezone.get_current_timezone())


@require_POST
def join_waitlist(request: SignedInRequest, slug: str) -> HttpResponse:
    course = _course(request, slug)
    session = _chosen_session(request, course)
    if session is None:
        messages.error(request, "Choose a session.")
        return redirect(course)
    try:
        waitlist.join(learner=request.user, session=session, at=timezone.now())
    except waitlist.WaitlistError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            f"You are on the waitlist for {_when(session)}. When a seat is free, you get a mail.",
        )
    return redirect(course)


def _own_place(request: SignedInRequest, slug: str, pk: uuid.UUID) -> WaitlistPlace:
    own = WaitlistPlace.objects.visible_to(request.user).select_related("session__course")
    return get_object_or_404(own, pk=pk, session__course__slug=slug)


@require_POST
def leave_waitlist(request: SignedInRequest, slug: str, pk: uuid.UUID) -> HttpResponse:
    place = _own_place(request, slug, pk)
    try:
        waitlist.leave(place=place, at=timezone.now())
    except waitlist.WaitlistError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "You are no longer on the waitlist.")
    return redirect(place.session.course)


@require_POST
def accept_seat(request: SignedInRequest, slug: str, pk: uuid.UUID) -> HttpResponse:
    """Take the seat that is offered to one who waited."""
    place = _own_place(request, slug, pk)
    try:
        held = waitlist.accept(place=place, at=timezone.now())
    except waitlist.WaitlistError as error:
        messages.error(request, str(error))
        return redirect(place.session.course)
    messages.success(request, f"The seat is yours: {_when(place.session)}.")
    return redirect("courses:room", pk=held.pk)


@require_POST
def decline_seat(request: SignedInRequest, slug: str, pk: uuid.UUID) -> HttpResponse:
    place = _own_place(request, slug, pk)
    try:
        waitlist.decline(place=place, at=timezone.now())
    except waitlist.WaitlistError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The seat goes to the next person.")
    return redirect(place.session.course)
