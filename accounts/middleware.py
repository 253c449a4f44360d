"""Times are shown in the reader's zone."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone


class TimeZoneMiddleware:
    """Activate the signed-in person's time zone, or the default one, for this request alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.default = ZoneInfo(settings.DEFAULT_USER_TIME_ZONE)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Health checks must not touch the session: the database may be what is away.
        zone = self.default
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            zone = request.user.tz
        with timezone.override(zone):
            return self.get_response(request)
