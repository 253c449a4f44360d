"""Saved searches and their weekly mail; the shortlist."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.core.signing import BadSignature
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from accounts.requests import SignedInRequest
from courses import cards, saved, shelf
from courses.forms import CatalogQuery
from courses.models import Course, SavedSearch, ShortlistItem

PAGE_SIZE = 24

# --- Saved searches ---------------------------------------------------------


@require_safe
def saved_searches(request: SignedInRequest) -> HttpResponse:
    """What I look for, in words, and whether I am mailed about it."""
    searches = list(SavedSearch.objects.visible_to(request.user).newest_first())
    vocabulary = shelf.vocabulary() if searches else None
    rows = []
    for search in searches:
        asked = saved.reading(search, vocabulary)
        rows.append(
            {
                "search": search,
                "chips": asked.chips,
                "why_nothing": saved.why_nothing(
                    QueryDict(search.query), asked, on=timezone.localdate()
                ),
            }
        )
    return render(request, "courses/saved_searches.html", {"rows": rows, "most": saved.MOST})


@require_POST
def save_search(request: SignedInRequest) -> HttpResponse:
    asked = CatalogQuery(QueryDict(request.POST.get("query", "")))
    at = timezone.now()
    try:
        search = saved.save(
            owner=request.user,
            asked=asked,
            name=request.POST.get("name", ""),
            wants_mail="wants_mail" in request.POST,
            at=at,
        )
    except saved.SavedError as error:
        messages.error(request, str(error))
    else:
        is_new = search.created_at == at
        start = "Saved" if is_new else "You already saved this"
        messages.success(request, f"{start} as “{search.name}”.")
    return _back(request, f"{reverse('courses:catalog')}?{asked.query_string}")


@require_POST
def change_saved_search(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Mail on, mail off, or a new name."""
    search = get_object_or_404(SavedSearch.objects.visible_to(request.user), pk=pk)
    match request.POST.get("mail"):
        case "on":
            saved.mail_weekly(search=search, at=timezone.now())
            messages.success(
                request,
                f"What is new in “{search.name}” comes to {request.user.email} once a week.",
            )
        case "off":
            saved.stop_mail(search=search, at=timezone.now())
            messages.success(request, f"No more mail about “{search.name}”.")
        case _:
            try:
                saved.rename(search=search, name=request.POST.get("name", ""))
            except saved.SavedError as error:
                messages.error(request, str(error))
            else:
                messages.success(request, f"The search is now called “{search.name}”.")
    return redirect("courses:saved_searches")


@require_POST
def forget_saved_search(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    search = get_object_or_404(SavedSearch.objects.visible_to(request.user), pk=pk)
    saved.forget(search=search, at=timezone.now())
    messages.success(request, f"“{search.name}” is forgotten.")
    return redirect("courses:saved_searches")


# The token is the permission: mail programs post here by themselves, without a cookie (RFC 8058).
@login_not_required
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop_mail(request: HttpRequest, token: str) -> HttpResponse:
    """One button that stops the mail of one search; looking at the page stops nothing."""
    try:
        search = saved.of_token(token)
    except BadSignature:
        raise Http404 from None
    if request.method == "POST":
        if search:
            saved.stop_mail(search=search, at=timezone.now())
        if request.POST.get("List-Unsubscribe") == "One-Click":
            return HttpResponse("The mail is stopped.", content_type="text/plain")
        return redirect("courses:stop_mail", token)
    context = {"search": search, "is_wanted": bool(search and search.wants_mail)}
    return render(request, "courses/stop_mail.html", context)


# --- Shortlist --------------------------------------------------------------


@require_safe
def shortlist(request: SignedInRequest) -> HttpResponse:
    """The courses kept for later, the most recent first. One that was retired since says so."""
    kept = ShortlistItem.objects.visible_to(request.user).latest_first()
    page = Paginator(kept.values_list("course_id", flat=True), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    context = {
        "page": page,
        "cards": cards.render(
            list(page),
            user=request.user,
            at=timezone.now(),
            zone=request.user.tz,
            csrf_token=get_token(request),
            next_page=request.get_full_path(),
        ),
    }
    return render(request, "courses/shortlist.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def keep(request: SignedInRequest, slug: str) -> HttpResponse:
    course = get_object_or_404(Course.objects.visible_to(request.user), slug=slug)
    if request.method != "POST":
        return redirect(course)  # back from signing in: the button is there
    try:
        saved.keep(owner=request.user, course=course, at=timezone.now())
    except saved.SavedError as error:
        messages.error(request, str(error))
        is_htmx = bool(request.htmx)  # type: ignore[attr-defined]
        return HttpResponseClientRefresh() if is_htmx else _back(request, course.get_absolute_url())
    return _toggled(request, course, is_kept=True)


@require_http_methods(["GET", "HEAD", "POST"])
def drop(request: SignedInRequest, slug: str) -> HttpResponse:
    course = get_object_or_404(Course.objects.visible_to(request.user), slug=slug)
    if request.method != "POST":
        return redirect(course)
    saved.drop(owner=request.user, course=course)
    return _toggled(request, course, is_kept=False)


def _toggled(request: SignedInRequest, course: Course, *, is_kept: bool) -> HttpResponse:
    """The button as it is now; without htmx the page again, with a message."""
    if request.htmx:  # type: ignore[attr-defined]
        context: dict[str, object] = {
            "course_slug": course.slug,
            "course_title": course.title,
            "is_kept": is_kept,
            "next": request.POST.get("next", ""),
        }
        here = request.htmx.current_url_abs_path or ""  # type: ignore[attr-defined]
        if urlsplit(here).path == reverse("courses:shortlist"):
            context["kept"] = ShortlistItem.objects.visible_to(request.user).count()
        return render(request, "courses/_kept.html", context)
    side = "on" if is_kept else "off"
    messages.success(request, f"“{course.title}” is {side} your shortlist.")
    return _back(request, course.get_absolute_url())


def _back(request: SignedInRequest, otherwise: str) -> HttpResponseRedirect:
    """To the page that the form names, or else stands on, if it is one of ours."""
    for target in (request.POST.get("next", ""), request.headers.get("Referer", "")):
        if url_has_allowed_host_and_scheme(
            target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        ):
            return HttpResponseRedirect(target)
    return HttpResponseRedirect(otherwise)
