"""Transcript, its CSV, certificates, and a supervisor's read of a trainee's transcript."""

from __future__ import annotations

import logging
import uuid

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Supervision
from accounts.requests import SignedInRequest
from ce_portal import csv_files
from transcripts import codes, exports, reflections
from transcripts import transcript as transcript_story
from transcripts.forms import ReflectionForm
from transcripts.models import Certificate, Reflection

logger = logging.getLogger(__name__)


@require_safe
def transcript(request: SignedInRequest) -> HttpResponse:
    """The signed-in person's own credit by year."""
    own = transcript_story.build(holder=request.user, reader=request.user, at=timezone.now())
    return render(
        request, "transcripts/transcript.html", {"transcript": own, "section": "transcript"}
    )


@require_safe
def export_csv(request: SignedInRequest) -> HttpResponse:
    own = transcript_story.build(holder=request.user, reader=request.user, at=timezone.now())
    return _as_csv(own)


@require_safe
def trainee(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    """A trainee's transcript, for a supervisor whom they let read it, while they do."""
    supervision = _active_supervision(request, person_id)
    read = transcript_story.build(
        holder=supervision.trainee, reader=request.user, at=timezone.now()
    )
    return render(
        request,
        "transcripts/trainee.html",
        {"transcript": read, "supervision": supervision, "section": "supervision"},
    )


@require_safe
def trainee_csv(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    supervision = _active_supervision(request, person_id)
    return _as_csv(
        transcript_story.build(holder=supervision.trainee, reader=request.user, at=timezone.now())
    )


@never_cache
@require_safe
def certificate_pdf(request: SignedInRequest, code: str) -> HttpResponseBase:
    """The document, for those who may read the credit. Until it is drawn: 404 with a plain word."""
    certificate = _visible_certificate(request, code)
    if not certificate.pdf:
        return render(
            request,
            "transcripts/certificate_preparing.html",
            {"certificate": certificate},
            status=404,
        )
    try:
        document = certificate.pdf.open("rb")
    except FileNotFoundError:
        logger.exception("The file of certificate %s is gone.", certificate.code)
        return render(
            request,
            "transcripts/certificate_preparing.html",
            {"certificate": certificate, "is_lost": True},
            status=503,
        )
    return FileResponse(
        document,
        content_type="application/pdf",
        filename=f"certificate-{certificate.code}.pdf",
    )


@never_cache
@require_safe
def certificate_link(request: SignedInRequest, code: str) -> HttpResponse:
    """The fragment that says "preparing" until it is a link; htmx asks for it again and again."""
    certificate = _visible_certificate(request, code)
    return render(request, "transcripts/_certificate_link.html", {"certificate": certificate})


@require_http_methods(["GET", "HEAD", "POST"])
def reflection(request: SignedInRequest, code: str) -> HttpResponse:
    """The holder's private note on one entry, by the number of its certificate."""
    certificate = _visible_certificate(request, code)
    entry = certificate.entry
    if entry.holder_id != request.user.pk:
        raise Http404
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


def _visible_certificate(request: SignedInRequest, code: str) -> Certificate:
    spelled = codes.normalize(code)
    if spelled is None:
        raise Http404
    visible = Certificate.objects.visible_to(request.user, at=timezone.now())
    return get_object_or_404(visible.select_related("entry"), code=spelled)


def _active_supervision(request: SignedInRequest, person_id: uuid.UUID) -> Supervision:
    return get_object_or_404(
        Supervision.objects.active(at=timezone.now()).select_related("trainee"),
        supervisor=request.user,
        trainee=person_id,
    )


def _as_csv(transcript: transcript_story.Transcript) -> HttpResponse:
    return csv_files.response(exports.csv_rows(transcript), filename="transcript.csv")
