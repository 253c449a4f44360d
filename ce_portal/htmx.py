"""How a page and its fragment share a view."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers


def page_or_fragment(
    request: HttpRequest, page: str, fragment: str, context: dict[str, Any]
) -> HttpResponse:
    """Render ``fragment`` for an htmx request, ``page`` for every other.

    A history restore is an htmx request that needs the whole page. ``Vary`` keeps a
    browser from showing a cached fragment as if it were the page.
    """
    wants_fragment = request.htmx and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    response = render(request, fragment if wants_fragment else page, context)
    patch_vary_headers(response, ["HX-Request"])
    return response
