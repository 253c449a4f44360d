"""The content security policy where it is wider than ours: in the admin, and for videos.

Unfold's pages are built with Alpine, which evaluates expressions from attributes, and set sizes by
inline styles; both measured in a browser, and both for ``/admin/`` alone.
"""

from __future__ import annotations

from collections.abc import Callable

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

ADMIN_POLICY = {
    "script-src": [SELF, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
}


def allow_media(response: HttpResponse) -> None:
    """Let this page play videos of ours; no other page may."""
    response._csp_update = {"media-src": [SELF]}  # type: ignore[attr-defined]  # noqa: SLF001


class AdminPolicyMiddleware:
    """Marks the admin's responses; the CSP middleware above writes the header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith(reverse("admin:index")):
            response._csp_replace = ADMIN_POLICY  # type: ignore[attr-defined]  # noqa: SLF001
        return response
