"""Transcript and its exports, certificates, and a supervisor's exports of a trainee's."""

from __future__ import annotations

import logging
import uuid

from django.conf import settings
from django.contrib import messages
from django.http import (
    FileResponse,
    Http404,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import trace
from accounts.models import RecordRead, Scope, Supervision
from accounts.requests import SignedInRequest, active_supervision
from ce_portal import csv_files
from transcripts import codes, documents, exports, pdf, plans, signing
from transcripts import transcript as transcript_story
from transcripts.forms import PeriodForm
from transcripts.models import Certificate

logger = logging.getLogger(__name__)

What = RecordRead.What


@never_cache
@require_safe
def transcript(request: SignedInRequest) -> HttpResponse:
    """The signed-in person's own credit by year, of all time or of a period."""
    form = _period(request)
    own = _own(request, form)
    return render(
        request,
        "transcripts/transcript.html",
        {
            "transcript": own,
            "form": form,
            "is_period": bool(own.since or own.until),
            "query": f"?{request.GET.urlencode()}" if request.GET and form.is_valid() else "",
            "section": "transcript",
        },
        status=200 if form.is_valid() else 422,
    )


@never_cache
@require_safe
def export_csv(request: SignedInRequest) -> HttpResponse:
    form = _period(request)
    if not form.is_valid():
        return _back(request)
    return _as_csv(_own(request, form))


@never_cache
@require_safe
def export_json(request: SignedInRequest) -> HttpResponse:
    form = _period(request)
    if not form.is_valid():
        return _back(request)
    return _as_json(request, _own(request, form), form)


@never_cache
@require_safe
def export_pdf(request: SignedInRequest) -> HttpResponse:
    """The transcript as a signed document."""
    form = _period(request)
    if not form.is_valid():
        return _back(request)
    return _as_pdf(request, _own(request, form), form) or _back(request)


@never_cache
@require_safe
def certificates_zip(request: SignedInRequest) -> HttpResponseBase:
    """One's certificates that count, of all time or of a period, in one file."""
    form = _period(request)
    if not form.is_valid():
        return _back(request)
    return _as_zip(_own(request, form))


def _period(request: SignedInRequest) -> PeriodForm:
    return PeriodForm(request.GET, cycles=plans.cycles(request.user))


def _own(request: SignedInRequest, form: PeriodForm) -> transcript_story.Transcript:
    return transcript_story.build(
        holder=request.user, reader=request.user, at=timezone.now(), **form.period
    )


def _back(request: SignedInRequest) -> HttpResponse:
    """To the page, which says what is wrong with the period."""
    return redirect(f"{reverse('transcripts:transcript')}?{request.GET.urlencode()}")


@never_cache
@require_safe
def trainee_csv(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    supervision = _supervision(request, person_id, what=What.TRANSCRIPT_CSV)
    return _as_csv(
        transcript_story.build(holder=supervision.trainee, reader=request.user, at=timezone.now())
    )


@never_cache
@require_safe
def trainee_json(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    supervision = _supervision(request, person_id, what=What.TRANSCRIPT_JSON)
    form = PeriodForm(request.GET)
    if not form.is_valid():
        return redirect("transcripts:trainee", person_id)
    return _as_json(request, _of_trainee(request, supervision, form), form)


@never_cache
@require_safe
def trainee_pdf(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    """The document that the trainee has too; it says who asked for it."""
    supervision = _supervision(request, person_id, what=What.TRANSCRIPT_PDF)
    form = PeriodForm(request.GET)
    if not form.is_valid():
        return redirect("transcripts:trainee", person_id)
    drawn = _as_pdf(request, _of_trainee(request, supervision, form), form)
    return drawn or redirect("transcripts:trainee", person_id)


def _of_trainee(
    request: SignedInRequest, supervision: Supervision, form: PeriodForm
) -> transcript_story.Transcript:
    return transcript_story.build(
        holder=supervision.trainee, reader=request.user, at=timezone.now(), **form.period
    )


@never_cache
@require_safe
def certificate_pdf(request: SignedInRequest, code: str) -> HttpResponseBase:
    """The document, for those who may read the credit. Until it is drawn: 404 with a plain word."""
    certificate = _visible_certificate(request, code)
    now, holder = timezone.now(), certificate.entry.holder
    trace.record(
        reader=request.user,
        person=holder,
        what=What.CERTIFICATE,
        detail=certificate.code,
        at=now,
        capacity=trace.read_as(reader=request.user, person=holder, scope=Scope.CREDIT, at=now),
    )
    if not certificate.pdf:
        return render(
            request,
            "transcripts/certificate_preparing.html",
            {"certificate": certificate},
            status=404,
        )
    try:
        document = documents.opened(certificate)
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


@never_cache
@require_safe
def trainee_zip(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponseBase:
    supervision = _supervision(request, person_id, what=What.CERTIFICATES_ZIP)
    return _as_zip(
        transcript_story.build(holder=supervision.trainee, reader=request.user, at=timezone.now())
    )


def _as_zip(transcript: transcript_story.Transcript) -> StreamingHttpResponse:
    standing = [
        entry.certificate
        for entry in transcript.entries
        if not (entry.is_reversal or entry.is_reversed)
    ]
    return StreamingHttpResponse(
        documents.zipped(standing),
        content_type="application/zip",
        headers={"Content-Disposition": 'attachment; filename="certificates.zip"'},
    )


def _visible_certificate(request: SignedInRequest, code: str) -> Certificate:
    spelled = codes.normalize(code)
    if spelled is None:
        raise Http404
    visible = Certificate.objects.visible_to(request.user, at=timezone.now())
    return get_object_or_404(visible.select_related("entry__holder"), code=spelled)


def _supervision(
    request: SignedInRequest, person_id: uuid.UUID, *, what: RecordRead.What
) -> Supervision:
    """By which one reads a trainee's credit now, with the trace of reading it; else 404."""
    supervision = active_supervision(request, person_id, scope=Scope.CREDIT)
    trace.record(
        reader=request.user,
        person=supervision.trainee,
        what=what,
        at=timezone.now(),
        capacity=RecordRead.Capacity.SUPERVISOR,
    )
    return supervision


def _as_json(
    request: SignedInRequest, transcript: transcript_story.Transcript, form: PeriodForm
) -> HttpResponse:
    return JsonResponse(
        {
            **exports.as_json(transcript, at=timezone.now(), cycle=form.plan),
            "asked_by": request.user.legal_name,
        },
        headers={"Content-Disposition": 'attachment; filename="transcript.json"'},
    )


def _as_pdf(
    request: SignedInRequest, transcript: transcript_story.Transcript, form: PeriodForm
) -> HttpResponse | None:
    """The signed document; None, and a word to the reader, if it cannot be drawn.

    Drawn here: it takes some hundredths of a second. Safe in a web process because none of ours
    forks once it serves (see pdf._compiler).
    """
    now = timezone.localtime()
    try:
        drawn = pdf.draw_transcript(
            facts=exports.as_json(transcript, at=now),
            asked_by=request.user.legal_name,
            period=form.words,
            verify_at=f"{settings.SITE_URL}{reverse('transcripts:verify')}",
            at=now,
        )
    except pdf.DrawingError:
        logger.exception("The transcript of %s could not be drawn.", transcript.holder.pk)
        messages.error(
            request,
            "The PDF could not be made: a name or title has a letter that our fonts lack. "
            "The people who run the portal can see it; CSV and JSON work.",
        )
        return None
    return HttpResponse(
        signing.sign(drawn, at=now),
        content_type="application/pdf",
        headers={"Content-Disposition": 'attachment; filename="transcript.pdf"'},
    )


def _as_csv(transcript: transcript_story.Transcript) -> HttpResponse:
    return csv_files.response(exports.csv_rows(transcript), filename="transcript.csv")
