"""A holder's private note on what they earned."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.requests import SignedInRequest
from transcripts import certificates, codes, reflections
from transcripts.forms import ReflectionForm
from transcripts.models import Certificate, Reflection


@require_http_methods(["GET", "HEAD", "POST"])
def reflection(request: SignedInRequest, code: str) -> HttpResponse:
    """The note on one entry, by the number of its certificate. Nobody's but the holder's.

    The number of a certificate that was issued anew leads to the note on what stands in its place.
    """
    spelled = codes.normalize(code)
    if spelled is None:
        raise Http404
    own = Certificate.objects.filter(entry__holder=request.user).select_related("entry")
    certificate = certificates.current(get_object_or_404(own, code=spelled))
    entry = certificate.entry
    kept = Reflection.objects.filter(entry=entry).first()
    form = ReflectionForm(request.POST if request.method == "POST" else None, reflection=kept)
    if request.method == "POST" and form.is_valid():
        written = reflections.write(entry=entry, **form.cleaned_data, at=timezone.now())
        if written:
            messages.success(request, f"Your note on {entry.title} is kept.")
        elif kept:
            messages.success(request, f"Your note on {entry.title} is gone.")
        return redirect("transcripts:transcript")
    return render(
        request,
        "transcripts/reflection.html",
        {"form": form, "entry": entry, "certificate": certificate, "section": "transcript"},
        status=422 if form.errors else 200,
    )
