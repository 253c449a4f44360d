"""Times are shown in the reader's zone; staff act as staff with a second factor."""

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

SAFE = {"GET", "HEAD"}
REFUSALS = {403, 404}
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
    """Staff have the power of staff only in a session that was opened, or proved since, by two
    factors.

    What is staff's alone does not open without; elsewhere (``User.has_perm``) they are anybody, and
    if that is why they are refused, they are asked for the factor. Below the admin's own door, so
    it never opens anything that is closed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not (
            settings.STAFF_SECOND_FACTOR
            # Health checks must not touch the session, and strangers have no power to lose.
            and settings.SESSION_COOKIE_NAME in request.COOKIES
            and request.user.is_authenticated
            and request.user.is_staff
            and not _has_used_the_factor(request)
        ):
            return self.get_response(request)
        if request.path.startswith(settings.STAFF_PATHS):
            return _ask_for_the_factor(request)
        request.user.lacks_second_factor = True
        response = self.get_response(request)
        is_asked = request.method in SAFE and response.status_code in REFUSALS
        if is_asked and request.user.missed_power:
            return _ask_for_the_factor(request)
        return response


def _has_used_the_factor(request: HttpRequest) -> bool:
    records = get_authentication_records(request, request.user)
    return any(record["method"] == "mfa" for record in records) and _has_a_factor(request)


def _has_a_factor(request: HttpRequest) -> bool:
    """Recovery codes that are left over are no factor of their own."""
    return is_mfa_enabled(request.user, types=FACTORS)


def _ask_for_the_factor(request: HttpRequest) -> HttpResponse:
    """To prove it, and then back here; or to set one up."""
    if not _has_a_factor(request):
        messages.warning(request, "What is for staff opens once you have set up a second factor.")
        return redirect("mfa_index")
    ways = get_adapter().get_reauthentication_methods(request.user)
    url = next(way["url"] for way in ways if way["id"].startswith("mfa_"))
    return redirect(f"{url}?{urlencode({'next': request.get_full_path()})}")
