"""A holder asks for a correction of their own credit."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.requests import SignedInRequest
from transcripts import codes, corrections
from transcripts.forms import CorrectionRequestForm
from transcripts.models import Certificate, CorrectionRequest, CreditEntry, ReviewNote


@require_http_methods(["GET", "HEAD", "POST"])
def correction_request(request: SignedInRequest, code: str) -> HttpResponse:
    """What is wrong with it. Only the holder asks: not a supervisor, not staff.

    Where a supervisor's note on it leads here, its words are the first draft.
    """
    spelled = codes.normalize(code)
    if spelled is None:
        raise Http404
    own = Certificate.objects.filter(entry__holder=request.user).select_related("entry")
    certificate = get_object_or_404(own, code=spelled)
    draft = {} if request.method == "POST" else _draft(request, certificate.entry)
    form = CorrectionRequestForm(request.POST if request.method == "POST" else None, initial=draft)
    if request.method == "POST" and form.is_valid():
        try:
            corrections.ask(
                entry=certificate.entry,
                wrong=form.cleaned_data["wrong"],
                words=form.cleaned_data["words"],
                at=timezone.now(),
            )
        except corrections.CorrectionError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The curators have your request. You get a mail about it.")
            return redirect("transcripts:transcript")
    context = {"form": form, "certificate": certificate, "section": "transcript"}
    return render(
        request,
        "transcripts/correction_request.html",
        context,
        status=422 if form.errors else 200,
    )


def _draft(request: SignedInRequest, entry: CreditEntry) -> dict[str, str]:
    try:
        note_id = uuid.UUID(request.GET.get("note", ""))
    except ValueError:
        return {}
    visible = ReviewNote.objects.visible_to(request.user, at=timezone.now())
    note = visible.filter(pk=note_id, entry=entry).first()
    return {"wrong": CorrectionRequest.Wrong.OTHER, "words": note.words[:2000]} if note else {}
