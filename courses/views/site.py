"""For search engines: sitemaps, and what to stay out of."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.sitemaps import views as django_views
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from courses.sitemaps import sitemaps

HOUR = 60 * 60  # seconds

# Whoever is not signed in finds nothing there but the sign-in page.
CLOSED = (
    "/admin/",
    "/accounts/",
    "/learn/",
    "/transcript/",
    "/certificates/",
    "/supervision/",
    "/courses/suggest/",
)


@login_not_required
@require_safe
@cache_control(public=True, max_age=HOUR)
def sitemap_index(request: HttpRequest) -> HttpResponse:
    """Every page of every sitemap. Django's own view would take the host from the request."""
    pages = []
    for section, section_map in sitemaps(on=_today()).items():
        address = settings.SITE_URL + reverse("sitemap", args=[section])
        last_mod = section_map.get_latest_lastmod()
        pages += [
            {"location": address if page == 1 else f"{address}?p={page}", "last_mod": last_mod}
            for page in section_map.paginator.page_range
        ]
    return TemplateResponse(
        request, "sitemap_index.xml", {"sitemaps": pages}, content_type="application/xml"
    )


@login_not_required
@require_safe
@cache_control(public=True, max_age=HOUR)
def sitemap(request: HttpRequest, section: str) -> HttpResponse:
    return django_views.sitemap(request, {**sitemaps(on=_today())}, section=section)


def _today() -> date:
    """In the portal's own zone, whoever asks."""
    return timezone.localdate(timezone=ZoneInfo(settings.DEFAULT_USER_TIME_ZONE))


@login_not_required
@require_safe
@cache_control(public=True, max_age=HOUR)
def robots(request: HttpRequest) -> HttpResponse:
    lines = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in CLOSED),
        "",
        f"Sitemap: {settings.SITE_URL}{reverse('sitemap_index')}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
