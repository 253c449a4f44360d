"""A learner's own sessions, for their calendar program."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import SignedInRequest
from courses import calendars
from courses import personal_calendar as personal_calendar_story
from courses.models import CalendarFeed, Enrollment
from courses.views.feeds import CALENDAR, STAMPS, answer


@require_safe
def session_file(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The session of an enrollment. Who has given the seat back has no link to join any more."""
    live = Enrollment.objects.visible_to(request.user).open().filter(session__isnull=False)
    enrollment = get_object_or_404(live.select_related("session__course", "learner"), pk=pk)
    response = HttpResponse(
        calendars.of_enrollment(enrollment, at=timezone.now()), content_type=CALENDAR
    )
    response.headers["Content-Disposition"] = 'attachment; filename="session.ics"'
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@login_not_required
@require_safe
def personal_feed(request: HttpRequest, token: str) -> HttpResponse:
    """The sessions of whoever made this address, for whoever knows it."""
    feed = personal_calendar_story.of_token(token)
    if feed is None:
        raise Http404
    body = personal_calendar_story.write(owner=feed.owner, at=timezone.now())
    response = answer(
        request,
        body,
        content_type=CALENDAR,
        # All but the moment at which it was made.
        same_if=STAMPS.sub(b"", body),
        cache={"private": True, "no_cache": True},
    )
    response.headers["Content-Disposition"] = 'inline; filename="my-sessions.ics"'
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@require_safe
def personal_calendar(request: SignedInRequest) -> HttpResponse:
    """The address, how to subscribe with it, and how to be rid of it."""
    feed = CalendarFeed.objects.filter(owner=request.user).first()
    address = ""
    if feed:
        address = settings.SITE_URL + reverse("courses:personal_feed", args=[feed.token])
    context = {
        "feed": feed,
        "address": address,
        # Programs that know this scheme subscribe instead of fetching once.
        "subscribe_url": f"webcal:{address.partition(':')[2]}",
        "section": "home",
    }
    return render(request, "courses/personal_calendar.html", context)


@require_POST
def make_personal_feed(request: SignedInRequest) -> HttpResponse:
    had_one = CalendarFeed.objects.filter(owner=request.user).exists()
    personal_calendar_story.make(owner=request.user, at=timezone.now())
    words = "Your calendar has an address now."
    if had_one:
        words = "Your calendar has a new address. The old one no longer works."
    messages.success(request, words)
    return redirect("courses:personal_calendar")


@require_POST
def stop_personal_feed(request: SignedInRequest) -> HttpResponse:
    personal_calendar_story.stop(owner=request.user)
    messages.success(request, "The address of your calendar no longer works.")
    return redirect("courses:personal_calendar")
