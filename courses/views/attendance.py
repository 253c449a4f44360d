"""The live session: the learner's step in the room, and the host's page with the code."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from ce_portal.htmx import page_or_fragment
from courses import attendance, check_in_codes, learning
from courses.completion import Step, attended_minutes
from courses.forms import CheckInForm
from courses.models import AttendanceInterval, Session
from courses.permissions import can_record_attendance
from courses.views.room import own_enrollment, render_in_room, room_of


@require_safe
def session(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """When and where, checking in and out, the minutes so far, and why they are not enough yet."""
    return _page(request, pk, CheckInForm())


@require_POST
def check_in(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _by_code(request, pk, attendance.check_in, "You are checked in.")


@require_POST
def check_out(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _by_code(request, pk, attendance.check_out, "You are checked out.")


def _by_code(
    request: HttpRequest, pk: uuid.UUID, verb: Callable[..., Any], done: str
) -> HttpResponse:
    form = CheckInForm(request.POST)
    if form.is_valid():
        try:
            verb(
                enrollment=own_enrollment(request, pk),
                code=form.cleaned_data["code"],
                at=timezone.now(),
            )
        except learning.LearningError as error:
            form.add_error("code", str(error))
        else:
            messages.success(request, done)
            return redirect("courses:session", pk=pk)
    return _page(request, pk, form)


def _page(request: HttpRequest, pk: uuid.UUID, form: CheckInForm) -> HttpResponse:
    enrollment = own_enrollment(request, pk)
    if enrollment.session is None:
        raise Http404
    room = room_of(enrollment)
    now = timezone.now()
    times = list(enrollment.attendance.standing().order_by("starts_at", "pk"))
    return render_in_room(
        request,
        "courses/session.html",
        room,
        status=422 if form.errors else 200,
        form=form,
        session=enrollment.session,
        times=times,
        checked_in=next((each for each in times if each.ends_at is None), None),
        minutes=attended_minutes(enrollment),
        requirement=next((item for item in room.requirements if item.step == Step.SESSION), None),
        opens_at=enrollment.session.starts_at - attendance.GRACE,
        is_open=attendance.is_open(enrollment.session, at=now)
        and not enrollment.is_over
        and enrollment.completed_at is None,
        is_over=enrollment.session.ends_at <= now,
    )


@never_cache
@require_safe
def host_session(request: HttpRequest, pk: int) -> HttpResponse:
    """The code of the moment, to be read from the back of a room, and how many are in."""
    if not can_record_attendance(request.user):
        raise Http404
    shown = get_object_or_404(Session.objects.select_related("course"), pk=pk)
    now = timezone.now()
    is_in = Q(ends_at__isnull=True)
    present = AttendanceInterval.objects.standing().filter(enrollment__session=shown)
    counts = present.aggregate(
        now_in=Count("enrollment", filter=is_in, distinct=True),
        been_in=Count("enrollment", distinct=True),
    )
    code = ""
    if attendance.is_open(shown, at=now):
        code = check_in_codes.code_at(key=shown.check_in_key, session_id=shown.pk, at=now)
    context = {
        "session": shown,
        "code": code,
        "changes_at": check_in_codes.changes_at(now),
        "opens_at": shown.starts_at - attendance.GRACE,
        "is_over": shown.ends_at + attendance.GRACE <= now,
        "enrolled": shown.enrollments.open().count(),
        **counts,
    }
    return page_or_fragment(
        request, "courses/host_session.html", "courses/_host_code.html", context
    )
