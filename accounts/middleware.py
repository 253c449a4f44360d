"""Times are shown in the reader's zone; the admin opens to staff with a second factor."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import urlencode

FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


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


class StaffSecondFactorMiddleware:
    """Lets nobody into what is staff's alone whose session was not opened, or proved since, by two
    factors.

    Below the admin's own door, so it never opens anything that is closed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # The path first: other pages need not know who is asking.
        if (
            settings.STAFF_SECOND_FACTOR
            and request.path.startswith(settings.STAFF_PATHS)
            and request.user.is_authenticated
            and request.user.is_staff
        ):
            # Recovery codes that are left over are no factor of their own.
            if not is_mfa_enabled(request.user, types=FACTORS):
                messages.warning(request, "The admin opens once you have set up a second factor.")
                return redirect("mfa_index")
            records = get_authentication_records(request, request.user)
            if not any(record["method"] == "mfa" for record in records):
                ways = get_adapter().get_reauthentication_methods(request.user)
                url = next(way["url"] for way in ways if way["id"].startswith("mfa_"))
                return redirect(f"{url}?{urlencode({'next': request.get_full_path()})}")
        return self.get_response(request)
