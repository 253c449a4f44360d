"""A holder records training taken elsewhere. Reading and deciding it is ``transcripts``' part; the
form is here because it offers the approving bodies and credit types of the catalog."""

from __future__ import annotations

import uuid

from allauth.core.internal import ratelimit  # the public one knows the limits of allauth only
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.requests import SignedInRequest
from ce_portal.uploads import has_dropped_a_file, limit_uploads
from courses.forms import OutsideCreditForm
from transcripts import evidence, outside
from transcripts.models import Evidence, OutsideCredit


def _largest() -> int:
    return settings.EVIDENCE_MAX_BYTES


@limit_uploads(_largest)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def add_outside(request: SignedInRequest) -> HttpResponse:
    """Record training, with the proof of it."""
    return _form(request, None)


@limit_uploads(_largest)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change_outside(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Change what one recorded, until somebody decides on it."""
    own = OutsideCredit.objects.filter(holder=request.user).with_state()
    credit = get_object_or_404(own, pk=pk)
    if credit.state != OutsideCredit.State.RECORDED:
        messages.error(request, "This does not change any more. Withdraw it and record it anew.")
        return redirect(credit)
    return _form(request, credit)


def _form(request: SignedInRequest, credit: OutsideCredit | None) -> HttpResponse:
    is_sent = request.method == "POST"
    form = OutsideCreditForm(
        request.POST if is_sent else None,
        request.FILES if is_sent else None,
        credit=credit,
        needs_file=credit is None
        and not request.POST.get("kept")
        and not has_dropped_a_file(request),
        limit=filesizeformat(settings.EVIDENCE_MAX_BYTES),
    )
    if is_sent:
        used = _used(request)
        if used is not None and credit is None:
            messages.info(request, "This is recorded already.")
            return redirect(used)
        form.is_valid()
        chosen = _evidence(request, form)
        form.evidence = chosen or form.evidence
        if form.evidence is None and "file" not in form.errors:
            form.add_error("file", "Choose the certificate, as a PDF or a picture.")
        if form.is_valid() and form.evidence is not None:
            kept = _keep(request, form, credit, chosen, form.evidence)
            if kept is not None:
                return redirect(kept)
    return render(
        request,
        "courses/outside_form.html",
        {"form": form, "credit": credit, "section": "transcript"},
        status=422 if form.errors or form.found else 200,
    )


def _keep(
    request: SignedInRequest,
    form: OutsideCreditForm,
    credit: OutsideCredit | None,
    chosen: Evidence | None,
    proof: Evidence,
) -> OutsideCredit | None:
    """One call, and its refusal in words."""
    now = timezone.now()
    is_no_duplicate = form.cleaned_data["is_no_duplicate"]
    try:
        if credit is None:
            kept = outside.record(
                holder=request.user,
                facts=form.facts,
                lines=form.lines,
                evidence=proof,
                is_no_duplicate=is_no_duplicate,
                at=now,
            )
            messages.success(request, f"{kept.title} is recorded. It counts as outside credit.")
        else:
            kept = outside.change(
                credit=credit,
                facts=form.facts,
                lines=form.lines,
                evidence=chosen,
                is_no_duplicate=is_no_duplicate,
                at=now,
            )
            messages.success(request, f"{kept.title} is changed.")
    except outside.DuplicateError as error:
        form.found = error.found
        return None
    except outside.OutsideError as error:
        form.add_error(None, str(error))
        return None
    return kept


def _evidence(request: SignedInRequest, form: OutsideCreditForm) -> Evidence | None:
    """The file that came with the form, or came with it before; what is wrong with it is said."""
    file = request.FILES.get("file")
    if has_dropped_a_file(request):
        form.add_error("file", evidence.too_large())
    elif file is not None and "file" not in form.errors:
        if not _is_within_limits(request):
            form.add_error("file", "These were many files. Wait a minute, and choose it again.")
            return None
        try:
            return evidence.keep(
                owner=request.user, name=file.name or "", content=file.read(), at=timezone.now()
            )
        except evidence.EvidenceError as error:
            form.add_error("file", str(error))
    return evidence.loose(owner=request.user, evidence_id=request.POST.get("kept", ""))


def _is_within_limits(request: SignedInRequest) -> bool:
    """Whether the person uploads so often in a minute as anybody may (``EVIDENCE_RATE_LIMITS``)."""
    usage = ratelimit.consume(
        request,
        app="courses",
        action="evidence",
        config=settings.EVIDENCE_RATE_LIMITS,
        user=request.user,
    )
    return usage is not None


def _used(request: SignedInRequest) -> OutsideCredit | None:
    """What the kept file proves since the form was sent the first time."""
    try:
        key = uuid.UUID(request.POST.get("kept", ""))
    except ValueError:
        return None
    return OutsideCredit.objects.filter(holder=request.user, evidence=key).first()
