"""Training taken elsewhere: its page, the file that proves it, and a supervisor's decision.

A file of somebody else leaves as a download or as a picture that was drawn anew, and never as
something that a browser runs.
"""

from __future__ import annotations

import logging
import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import trace
from accounts.models import RecordRead, Scope
from accounts.requests import SignedInRequest
from transcripts import outside as outside_story
from transcripts.forms import DecideForm
from transcripts.models import Evidence, OutsideCredit
from transcripts.permissions import can_decide_as_supervisor

logger = logging.getLogger(__name__)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def outside(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """What was recorded and what became of it. A supervisor who may read the evidence decides."""
    now = timezone.now()
    visible = OutsideCredit.objects.visible_to(request.user, at=now).with_state()
    credit = get_object_or_404(visible.select_related("holder"), pk=pk)
    supervises = can_decide_as_supervisor(request.user, credit, at=now)
    may_decide = credit.state == OutsideCredit.State.RECORDED and supervises
    form = None
    if request.method == "POST":
        if not supervises:
            raise PermissionDenied
        form = DecideForm(request.POST)
        if form.is_valid():
            try:
                decision = outside_story.decide(
                    credit=credit,
                    verdict=form.cleaned_data["verdict"],
                    reason=form.cleaned_data["reason"],
                    by=request.user,
                    capacity=outside_story.Capacity.SUPERVISOR,
                    as_of=form.cleaned_data["as_of"],
                    at=now,
                )
            except outside_story.SupervisionEnded:
                raise Http404 from None
            except outside_story.OutsideError as error:
                form.ask_again(str(error), as_of=credit.changed_at)
            else:
                messages.success(request, f"{credit.title} is {decision.verdict}.")
                return redirect(credit)
    elif may_decide:
        form = DecideForm(initial={"as_of": credit.changed_at.isoformat()})
    trace.record(
        reader=request.user,
        person=credit.holder,
        what=RecordRead.What.OUTSIDE,
        detail=credit.title,
        at=now,
        capacity=trace.read_as(
            reader=request.user, person=credit.holder, scope=Scope.EVIDENCE, at=now
        ),
    )
    context = {
        "credit": credit,
        "lines": credit.lines.order_by("position"),
        "is_own": credit.holder_id == request.user.pk,
        "shows_evidence": Evidence.objects.visible_to(request.user, at=now)
        .filter(pk=credit.evidence_id)
        .exists(),
        "supervises": supervises,
        "form": form,
        "found": outside_story.duplicates_of(credit) if may_decide else [],
        "section": "transcript" if credit.holder_id == request.user.pk else "supervision",
    }
    status = 422 if form is not None and form.errors else 200
    return render(request, "transcripts/outside.html", context, status=status)


@require_POST
def withdraw_outside(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    credit = get_object_or_404(OutsideCredit, holder=request.user, pk=pk)
    outside_story.withdraw(credit=credit, at=timezone.now())
    messages.success(request, f"{credit.title} is withdrawn. It counts no more.")
    return redirect("transcripts:transcript")


@never_cache
@require_safe
def evidence(request: SignedInRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The file as it was uploaded, to be saved; never shown by us."""
    kept = _visible_evidence(request, pk)
    response = _send(kept.file, media_type=kept.media_type)
    response.headers["Content-Disposition"] = (
        f'attachment; filename="evidence-{kept.sha256[:12]}{kept.suffix}"'
    )
    _trace(request, kept)
    return response


@never_cache
@require_safe
def evidence_preview(request: SignedInRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The picture drawn anew, for the page: without place, camera or whatever else was in it."""
    kept = _visible_evidence(request, pk)
    if not kept.preview:
        raise Http404
    response = _send(kept.preview, media_type="image/jpeg")
    _trace(request, kept)
    return response


def _visible_evidence(request: SignedInRequest, pk: uuid.UUID) -> Evidence:
    visible = Evidence.objects.visible_to(request.user, at=timezone.now())
    return get_object_or_404(visible.select_related("owner", "credit"), credit=pk)


def _trace(request: SignedInRequest, kept: Evidence) -> None:
    now = timezone.now()
    trace.record(
        reader=request.user,
        person=kept.owner,
        what=RecordRead.What.EVIDENCE,
        detail=kept.credit.title,
        at=now,
        capacity=trace.read_as(
            reader=request.user, person=kept.owner, scope=Scope.EVIDENCE, at=now
        ),
    )


def _send(file: FieldFile, *, media_type: str) -> FileResponse:
    """The file as what it is, with nothing in it that may run or load."""
    try:
        opened = file.open("rb")
    except FileNotFoundError:
        logger.exception("The evidence %s is gone from the storage.", file.name)
        raise Http404 from None
    response = FileResponse(opened, content_type=media_type)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
