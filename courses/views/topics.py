"""Topics: the entrance for people who browse."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from courses import cards, shelf, structured_data
from courses.models import Course

SHOWN = 12


@login_not_required
@require_safe
def topics(request: HttpRequest) -> HttpResponse:
    """The seven topics: what each covers, and how many courses it has."""
    found = shelf.find(
        shelf.Wanted(),
        at=timezone.now(),
        zone=timezone.get_current_timezone(),
        limit=0,
        most=0,
    )
    known = shelf.vocabulary().topics
    address = reverse("courses:topics")
    context = {
        "address": settings.SITE_URL + address,
        "topics": [(topic, found.counts["topic"].get(topic.slug, 0)) for topic in known],
        "listed": found.listed,
        "structured_data": structured_data.as_json(
            structured_data.breadcrumbs(
                [("Catalog", reverse("courses:catalog")), ("Topics", address)],
                site=settings.SITE_URL,
            ),
            structured_data.item_list(
                "Topics", [_address(topic.slug) for topic in known], site=settings.SITE_URL
            ),
        ),
        "section": "catalog",
    }
    return render(request, "courses/topics.html", context)


@login_not_required
@require_safe
def topic(request: HttpRequest, slug: str) -> HttpResponse:
    """What a topic covers, its focus areas, and the newest of its courses."""
    shown = next((topic for topic in shelf.vocabulary().topics if topic.slug == slug), None)
    if shown is None:
        raise Http404
    now, zone = timezone.now(), timezone.get_current_timezone()
    found = shelf.find(
        shelf.Wanted(chosen={"topic": frozenset({slug})}, sort="newest"),
        at=now,
        zone=zone,
        limit=SHOWN,
        most=0,
    )
    context = {
        "topic": shown,
        "address": settings.SITE_URL + _address(slug),
        "areas": [
            (area, found.counts["focus"].get(area.slug, 0)) for area in shown.focus_areas.all()
        ],
        "total": found.total,
        "cards": cards.render(
            found.course_ids,
            user=request.user,
            at=now,
            zone=zone,
            # Only who is signed in has something to send; a stranger gets no cookie.
            csrf_token=get_token(request) if request.user.is_authenticated else "",
        ),
        "structured_data": structured_data.as_json(
            structured_data.breadcrumbs(
                [
                    ("Catalog", reverse("courses:catalog")),
                    ("Topics", reverse("courses:topics")),
                    (shown.name, _address(slug)),
                ],
                site=settings.SITE_URL,
            ),
            structured_data.item_list(
                shown.name, _course_addresses(found.course_ids), site=settings.SITE_URL
            ),
        ),
        "section": "catalog",
    }
    return render(request, "courses/topic.html", context)


def _address(slug: str) -> str:
    return reverse("courses:topic", args=[slug])


def _course_addresses(course_ids: list[int]) -> list[str]:
    courses = Course.objects.only("slug").in_bulk(course_ids)
    return [courses[pk].get_absolute_url() for pk in course_ids if pk in courses]
