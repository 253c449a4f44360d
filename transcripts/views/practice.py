"""The log of supervised practice: the trainee's page, and the supervisor's who confirms weeks."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import trace
from accounts.models import RecordRead, Scope, User
from accounts.requests import SignedInRequest, active_supervision
from ce_portal import csv_files
from transcripts import practice as practice_story
from transcripts.forms import ConfirmWeekForm, PracticeForm
from transcripts.models import PracticeEntry

PAGE_SIZE = 8  # weeks


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def practice(request: SignedInRequest) -> HttpResponse:
    """One's own log, and the form that adds to it."""
    now = timezone.now()
    is_sent = request.method == "POST"
    today = timezone.localdate(now)
    form = PracticeForm(request.POST if is_sent else None, initial={"worked_on": today})
    if is_sent and form.is_valid():
        try:
            entry = practice_story.log(trainee=request.user, at=now, **form.cleaned_data)
        except practice_story.PracticeError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{entry.get_kind_display()} is logged.")
            return redirect("transcripts:practice")
    context = {"form": form, "section": "practice", **_log(request, request.user)}
    status = 422 if form.errors else 200
    return render(request, "transcripts/practice.html", context, status=status)


@require_POST
def reverse_practice(request: SignedInRequest, key: uuid.UUID) -> HttpResponse:
    """Take one entry of one's own back."""
    own = PracticeEntry.objects.filter(trainee=request.user).select_related("trainee")
    entry = get_object_or_404(own, key=key)
    try:
        practice_story.reverse(entry=entry, note="", at=timezone.now())
    except practice_story.PracticeError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The hours are taken back. Log them again if they were wrong.")
    return redirect("transcripts:practice")


@never_cache
@require_safe
def practice_csv(request: SignedInRequest) -> HttpResponse:
    return _as_csv(request, request.user)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def trainee_practice(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    """A trainee's log, for a supervisor in scope; posting confirms one week as it was shown."""
    trainee = active_supervision(request, person_id, scope=Scope.PRACTICE).trainee
    now = timezone.now()
    form = ConfirmWeekForm(request.POST) if request.method == "POST" else None
    problem = ""
    if form is not None and form.is_valid():
        try:
            practice_story.confirm(
                trainee=trainee,
                week=form.cleaned_data["week"],
                last_seen=form.cleaned_data["last_seen"],
                by=request.user,
                at=now,
            )
        except practice_story.SupervisionEnded:
            raise Http404 from None
        except practice_story.PracticeError as error:
            problem = str(error)
        else:
            messages.success(request, "The week is confirmed.")
            return redirect("transcripts:trainee_practice", person_id)
    elif form is not None:
        problem = "Choose a week of this page and confirm it again."
    _trace(request, trainee, RecordRead.What.PRACTICE)
    context = {
        "trainee": trainee,
        "problem": problem,
        "section": "supervision",
        **_log(request, trainee),
    }
    status = 422 if problem else 200
    return render(request, "transcripts/trainee_practice.html", context, status=status)


@never_cache
@require_safe
def trainee_practice_csv(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    trainee = active_supervision(request, person_id, scope=Scope.PRACTICE).trainee
    _trace(request, trainee, RecordRead.What.PRACTICE_CSV)
    return _as_csv(request, trainee)


def _trace(request: SignedInRequest, trainee: User, what: RecordRead.What) -> None:
    trace.record(
        reader=request.user,
        person=trainee,
        what=what,
        at=timezone.now(),
        capacity=RecordRead.Capacity.SUPERVISOR,
    )


def _log(request: SignedInRequest, trainee: User) -> dict[str, Any]:
    """Totals of all, and the weeks of one page."""
    now = timezone.now()
    mondays = practice_story.mondays(trainee=trainee, reader=request.user, at=now)
    page: Page[date] = Paginator(mondays, PAGE_SIZE).get_page(request.GET.get("page"))
    return {
        "page": page,
        "weeks": practice_story.weeks(
            trainee=trainee, reader=request.user, mondays=list(page), at=now
        ),
        "totals": practice_story.totals(trainee=trainee, reader=request.user, at=now),
    }


def _as_csv(request: SignedInRequest, trainee: User) -> HttpResponse:
    rows = practice_story.csv_rows(trainee=trainee, reader=request.user, at=timezone.now())
    return csv_files.response(rows, filename="practice-log.csv")
