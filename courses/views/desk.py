"""A supervisor's desk, one trainee's plan and assignments, and what is assigned to the reader."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import trace
from accounts.models import RecordRead, Scope, Supervision
from accounts.requests import SignedInRequest, active_supervision
from ce_portal import csv_files
from ce_portal.formats import show_hours, show_moment
from courses import assignments as assignments_story
from courses import coming
from courses import desk as desk_story
from courses.assignments import Asked
from courses.desk import Row
from courses.forms import AssignedFromForm, AssignForm, DeskForm
from courses.models import Assignment
from courses.models.assignments import AssignmentQuerySet

PAGE_SIZE = 25
HEADER = [
    "Trainee",
    "Plan",
    "License",
    "First day",
    "Last day",
    "Hours earned",
    "Hours needed",
    "Hours enrolled",
    "Answer",
    "Gaps",
    "Behind the plan",
    "Next live session",
    "Last activity",
    "Review due",
    "Assigned and open",
    "Assigned and overdue",
]


@never_cache
@require_safe
def desk(request: SignedInRequest) -> HttpResponse:
    """All trainees of the reader, as far as they share it."""
    found = desk_story.rows(supervisor=request.user, at=timezone.now(), on=timezone.localdate())
    form = DeskForm(request.GET, tracks=desk_story.tracks(found))
    chosen = desk_story.choose(found, form.wanted)
    page = Paginator(chosen, PAGE_SIZE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    desk_story.fill(shown, supervisor=request.user, at=timezone.now())
    _record(request, shown, RecordRead.What.DESK)
    today = timezone.localdate()
    context = {
        "rows": shown,
        "page": page,
        "form": form,
        "total": len(found),
        "overdue": sum(row.review_due is not None and row.review_due < today for row in found),
        "soon": sum(_is_soon(row) for row in found),
        "has_supervisors": not found and _is_supervised(request),
        "today": today,
        "section": "supervision",
    }
    return render(request, "courses/desk.html", context)


def _record(request: SignedInRequest, rows: Sequence[Row], what: str) -> None:
    """Everybody of whom something is shown, in one INSERT."""
    people = [row.person for row in rows]
    trace.record_many(
        reader=request.user,
        people=people,
        what=what,
        at=timezone.now(),
        capacity=RecordRead.Capacity.SUPERVISOR,
    )


def _is_soon(row: Row) -> bool:
    left = row.days_to_review
    return left is not None and timedelta(0) <= timedelta(days=left) <= desk_story.SOON


def _is_supervised(request: SignedInRequest) -> bool:
    return Supervision.objects.open(at=timezone.now()).filter(trainee=request.user).exists()


@never_cache
@require_safe
def desk_csv(request: SignedInRequest) -> HttpResponse:
    """The rows of the desk, those that are asked for, on all its pages."""
    found = desk_story.rows(supervisor=request.user, at=timezone.now(), on=timezone.localdate())
    form = DeskForm(request.GET, tracks=desk_story.tracks(found))
    chosen = desk_story.choose(found, form.wanted)
    desk_story.fill(chosen, supervisor=request.user, at=timezone.now())
    _record(request, chosen, RecordRead.What.DESK_CSV)
    return csv_files.response(_csv_rows(chosen), filename="trainees.csv")


def _csv_rows(rows: Sequence[Row]) -> Iterator[list[str]]:
    yield HEADER
    for row in rows:
        plan, progress, session = row.plan, row.progress, row.next_live and row.next_live.session
        license_ = plan.license if plan else None
        yield [
            row.person.legal_name,
            plan.title if plan else "",
            f"{license_.get_state_display()} {license_.license_type}" if license_ else "",
            plan.since.isoformat() if plan else "",
            plan.last_day.isoformat() if plan else "",
            show_hours(progress.total.earned) if progress else "",
            show_hours(progress.total.needed) if progress else "",
            show_hours(progress.total.enrolled or 0) if progress else "",
            progress.answer.capitalize() if progress else "",
            row.gaps,
            ("yes" if progress.is_behind else "no") if progress else "",
            show_moment(session.starts_at, timezone.get_current_timezone()) if session else "",
            row.last_activity.isoformat() if row.last_activity else "",
            row.review_due.isoformat() if row.review_due else "",
            str(len(row.assigned)) if row.shares_progress else "",
            str(row.overdue) if row.shares_progress else "",
        ]


# --- One trainee ------------------------------------------------------------


@never_cache
@require_safe
def trainee_plan(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    """How far a trainee is in their plans, and what the reader assigned to them."""
    supervision = active_supervision(request, person_id, scope=Scope.RENEWAL)
    course = AssignedFromForm(request.GET).chosen
    form = AssignForm(today=_today(supervision), initial={"course": course})
    return _trainee_page(request, supervision, form)


@never_cache
@require_POST
def assign(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    supervision = active_supervision(request, person_id, scope=Scope.RENEWAL)
    form = AssignForm(request.POST, today=_today(supervision))
    if form.is_valid():
        try:
            made = assignments_story.assign(
                supervision=supervision, at=timezone.now(), **form.facts
            )
        except assignments_story.AssignmentError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{made.subject} is assigned. {_short(supervision)} is told.")
            return redirect("courses:trainee_plan", person_id)
    return _trainee_page(request, supervision, form)


def _trainee_page(
    request: SignedInRequest, supervision: Supervision, form: AssignForm
) -> HttpResponse:
    now, today = timezone.now(), timezone.localdate()
    trace.record(
        reader=request.user,
        person=supervision.trainee,
        what=RecordRead.What.PLAN,
        at=now,
        capacity=RecordRead.Capacity.SUPERVISOR,
    )
    given = Assignment.objects.given_by(request.user, at=now).filter(supervision=supervision)
    context = {
        "trainee": supervision.trainee,
        "cycles": coming.progress_of(supervision.trainee, at=now, on=today),
        "given": _states(given),
        "form": form,
        "section": "supervision",
    }
    return render(request, "courses/trainee_plan.html", context, status=422 if form.errors else 200)


def _today(supervision: Supervision) -> date:
    return timezone.now().astimezone(supervision.trainee.tz).date()


def _short(supervision: Supervision) -> str:
    return supervision.trainee.get_short_name()


def _states(rows: AssignmentQuerySet) -> list[Asked]:
    return assignments_story.states(rows.with_subject().by_due_day(), at=timezone.now())


@require_POST
def withdraw_assignment(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    given = Assignment.objects.given_by(request.user, at=timezone.now()).with_subject()
    assignment = get_object_or_404(given, pk=pk)
    assignments_story.withdraw(assignment=assignment, at=timezone.now())
    messages.success(request, f"{assignment.subject} is no longer assigned.")
    return redirect("courses:trainee_plan", assignment.trainee.pk)


# --- The trainee's side -----------------------------------------------------


@never_cache
@require_safe
def assignments(request: SignedInRequest) -> HttpResponse:
    """What supervisors ask of the reader, what of it is earned, and what they asked once."""
    received = _states(Assignment.objects.received_by(request.user))
    context = {
        "open": [asked for asked in received if asked.is_open],
        "earned": [asked for asked in received if not asked.is_open and not asked.is_over],
        "over": [asked for asked in received if asked.is_over],
        "section": "home",
    }
    return render(request, "courses/assignments.html", context)
