"""What each cycle still needs, and the plans that say so."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import trace
from accounts.models import RecordRead, Scope, User
from accounts.requests import SignedInRequest, active_supervision
from courses import coming
from courses.forms import PlanForm
from transcripts import plans as plans_story
from transcripts.models import TrainingPlan


@never_cache
@require_safe
def renewals(request: SignedInRequest) -> HttpResponse:
    """How far the reader is in each of their cycles, and what of it is enrolled."""
    own = TrainingPlan.objects.filter(holder=request.user)
    earlier = own.filter(superseded_at__isnull=False).with_lines().order_by("-superseded_at")
    context = {
        "cycles": coming.progress_of(request.user, at=timezone.now(), on=timezone.localdate()),
        "earlier": earlier,
        "section": "transcript",
    }
    return render(request, "courses/renewals.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_plan(request: SignedInRequest) -> HttpResponse:
    return _write(request, holder=request.user, plan=None)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change_plan(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    own = TrainingPlan.objects.filter(holder=request.user).with_lines()
    return _write(request, holder=request.user, plan=get_object_or_404(own, pk=pk))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_trainee_plan(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    return _write(request, holder=_trainee(request, person_id), plan=None)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change_trainee_plan(
    request: SignedInRequest, person_id: uuid.UUID, pk: uuid.UUID
) -> HttpResponse:
    trainee = _trainee(request, person_id)
    theirs = TrainingPlan.objects.filter(holder=trainee).with_lines()
    return _write(request, holder=trainee, plan=get_object_or_404(theirs, pk=pk))


@require_POST
def drop_plan(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """The holder alone drops a plan; a supervisor replaces it."""
    plan = get_object_or_404(TrainingPlan.objects.filter(holder=request.user), pk=pk)
    plans_story.drop(plan=plan, at=timezone.now())
    messages.success(request, f"You follow the plan “{plan}” no more. It stays below.")
    return redirect("courses:renewals")


def _trainee(request: SignedInRequest, person_id: uuid.UUID) -> User:
    """Somebody who shares their progress with the reader now."""
    return active_supervision(request, person_id, scope=Scope.RENEWAL).trainee


def _write(request: SignedInRequest, *, holder: User, plan: TrainingPlan | None) -> HttpResponse:
    is_own = holder == request.user
    trace.record(
        reader=request.user,
        person=holder,
        what=RecordRead.What.PLAN,
        at=timezone.now(),
        capacity=RecordRead.Capacity.SUPERVISOR,
    )
    data = request.POST if request.method == "POST" else None
    form = PlanForm(data, holder=holder, is_own=is_own, plan=plan)
    if request.method == "POST" and form.is_valid():
        try:
            kept = plans_story.write(
                holder=holder, by=request.user, replaces=plan, at=timezone.now(), **form.facts
            )
        except plans_story.SupervisionEnded:
            raise Http404 from None
        except plans_story.PlanError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"The plan “{kept}” is kept.")
            if is_own:
                return redirect("courses:renewals")
            return redirect("courses:trainee_plan", holder.pk)
    context = {
        "form": form,
        "holder": holder,
        "is_own": is_own,
        "plan": plan,
        "section": "transcript" if is_own else "supervision",
    }
    return render(request, "courses/plan.html", context, status=422 if form.errors else 200)
