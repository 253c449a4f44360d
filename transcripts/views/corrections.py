"""A holder asks for a correction of their own credit."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.requests import SignedInRequest
from transcripts import codes, corrections
from transcripts.forms import CorrectionRequestForm
from transcripts.models import Certificate


@require_http_methods(["GET", "HEAD", "POST"])
def correction_request(request: SignedInRequest, code: str) -> HttpResponse:
    """What is wrong with it. Only the holder asks: not a supervisor, not staff."""
    spelled = codes.normalize(code)
    if spelled is None:
        raise Http404
    own = Certificate.objects.filter(entry__holder=request.user).select_related("entry")
    certificate = get_object_or_404(own, code=spelled)
    form = CorrectionRequestForm(request.POST if request.method == "POST" else None)
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
