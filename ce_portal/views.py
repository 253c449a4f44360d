"""Pages of no app: health, appearance."""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ce_portal.celery import app as celery_app
from ce_portal.context import THEMES

logger = logging.getLogger(__name__)

THEME_COOKIE_AGE = 60 * 60 * 24 * 365  # seconds


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is up."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Database and broker answer: 200, or 503 with the name of what does not."""
    away = []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:
        logger.warning("The database does not answer.", exc_info=True)
        away.append("database")
    try:
        with celery_app.connection_for_read(connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=0, timeout=2)
    except Exception:
        logger.warning("The broker does not answer.", exc_info=True)
        away.append("broker")
    if away:
        return HttpResponse(f"not ready: {', '.join(away)}", status=503, content_type="text/plain")
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@require_safe
def appearance(request: HttpRequest) -> HttpResponse:
    """Keep the chosen theme in a cookie and go back. Anything else follows the system."""
    target = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = "/"
    response = HttpResponseRedirect(target)
    theme = request.GET.get("theme", "")
    if theme in THEMES:
        response.set_cookie("theme", theme, max_age=THEME_COOKIE_AGE, samesite="Lax")
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response
