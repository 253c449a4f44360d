"""Verification for anyone: by code, by file, by machine. No account, no cookie, nothing kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.core.internal import ratelimit  # the public one lets every GET pass
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from transcripts import codes, credentials, keys
from transcripts import verification as verification_story
from transcripts.forms import LARGEST_FILE, TOO_LARGE, FileForm
from transcripts.models import Certificate

HOUR = 60 * 60  # seconds
HTML, JSON, BADGE = "text/html", "application/json", credentials.MEDIA_TYPE
FORMATS = {"html": HTML, "json": JSON, "badge": BADGE}
FORM_FRAME = 64 * 1024  # bytes that a form may have around its file

View = Callable[..., HttpResponse]


def limited(action: str) -> Callable[[View], View]:
    """So often in a minute may one address ask (``VERIFY_RATE_LIMITS``); then 429 and a word."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            within = ratelimit.consume(
                request,
                app="transcripts",
                action=action,
                config=settings.VERIFY_RATE_LIMITS,
                limit_get=True,
            )
            if within is not None:
                return view(request, *args, **kwargs)
            response = render(request, "429.html", status=429)
            response.headers["Retry-After"] = "60"
            return response

        return guarded

    return decorate


@login_not_required
@require_safe
def verify(request: HttpRequest) -> HttpResponse:
    """The page to type a code or choose a file; a typed code leads to its own page."""
    typed = request.GET.get("code")
    if typed is None:
        return _page(request)
    if not typed.strip():
        return _page(request, typed="", is_blank=True, status=422)
    code = codes.normalize(typed)
    if code is None:
        return _page(request, typed=typed[:100], is_unknown=True, status=404)
    return redirect("transcripts:verification", code=code)


@login_not_required
@require_safe
@never_cache
@limited("verify")
def verification(request: HttpRequest, code: str) -> HttpResponse:
    """What anyone may know of one certificate: as a page, as JSON, or as a signed credential."""
    wanted = FORMATS.get(request.GET.get("format", "")) or request.get_preferred_type(
        [HTML, JSON, BADGE]
    )
    certificate = verification_story.find(code)
    if wanted == JSON:
        response = _as_json(certificate)
    elif wanted == BADGE:
        response = _as_badge(certificate)
    elif certificate is None:
        response = _page(request, typed=code[:100], is_unknown=True, status=404)
    else:
        response = _page(
            request, typed=certificate.code, facts=verification_story.public_record(certificate)
        )
    # Names stay out of search engines. Not by robots.txt: who may not read cannot read this either.
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    patch_vary_headers(response, ["Accept"])
    return response


@login_not_required
@csrf_exempt  # nothing is changed; so a body that is too large is refused before it is read
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@limited("check_file")
def check_file(request: HttpRequest) -> HttpResponse:
    """Whether a file is ours, whole and current. The file is read and forgotten."""
    if request.method != "POST":
        return redirect("transcripts:verify")
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_FILE + FORM_FRAME:
        form = FileForm({})
        form.errors["file"] = form.error_class([TOO_LARGE])
        return _page(request, form=form, status=422)
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form=form, status=422)
    check = verification_story.examine_file(form.cleaned_data["file"].read())
    facts = verification_story.public_record(check.certificate) if check.certificate else None
    return _page(request, facts=facts, finding=check.finding.name, is_stored=check.is_stored)


@login_not_required
@require_safe
@cache_control(public=True, max_age=HOUR)
def issuer(request: HttpRequest) -> HttpResponse:
    """The profile that credentials name as their issuer."""
    return JsonResponse(
        {"@context": credentials.CONTEXT, **credentials.issuer()},
        headers={"Access-Control-Allow-Origin": "*"},
    )


@login_not_required
@require_safe
@cache_control(public=True, max_age=HOUR)
def public_keys(request: HttpRequest) -> HttpResponse:
    """The keys that sign here and that signed before, as a JSON Web Key Set."""
    return JsonResponse(
        {"keys": [key.jwk for key in keys.trusted()]},
        content_type="application/jwk-set+json",
        headers={"Access-Control-Allow-Origin": "*"},
    )


@login_not_required
@require_safe
@cache_control(public=True, max_age=HOUR)
def public_key(request: HttpRequest, kid: str) -> HttpResponse:
    """One of them, under the address that credentials give as their ``kid``."""
    for key in keys.trusted():
        if key.jwk["kid"] == kid:
            return JsonResponse(
                key.jwk,
                content_type="application/jwk+json",
                headers={"Access-Control-Allow-Origin": "*"},
            )
    raise Http404


@login_not_required
@require_safe
@cache_control(public=True, max_age=HOUR)
def public_certificates(request: HttpRequest) -> HttpResponse:
    """The certificates of all keys, for programs that check the signature of a PDF."""
    return HttpResponse(keys.published_certificates(), content_type="application/x-pem-file")


def _as_json(certificate: Certificate | None) -> HttpResponse:
    if certificate is None:
        return JsonResponse({"status": "not found"}, status=404)
    return JsonResponse(verification_story.public_record(certificate))


def _as_badge(certificate: Certificate | None) -> HttpResponse:
    if certificate is None:
        return HttpResponse("No certificate has this code.", status=404, content_type="text/plain")
    try:
        token = credentials.signed(certificate)
    except credentials.CredentialError as error:
        return HttpResponse(str(error), status=410, content_type="text/plain")
    return HttpResponse(token, content_type=BADGE)


def _page(request: HttpRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    return render(
        request,
        "transcripts/verify.html",
        {
            "section": "verify",
            "form": FileForm(),
            "checked_at": timezone.now(),
            "is_development": settings.SIGNING_KEY_IS_DEVELOPMENT,
            **context,
        },
        status=status,
    )
