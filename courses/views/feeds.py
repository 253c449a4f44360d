"""For programs that people subscribe with: new courses as Atom, live sessions as iCalendar.

Each takes the catalog's query string. A reader sends no cookie and sits in no time zone: whoever
asks gets the same, in days of the portal's own zone. Who subscribed to a search must never get more
than it asked for: where a filter is no longer known there is nothing, and the feed says why.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape
from django.utils.text import Truncator
from django.views.decorators.http import require_safe

from ce_portal import formats
from courses import calendars, saved, shelf
from courses.forms import CatalogQuery
from courses.models import (
    Approval,
    CatalogState,
    Course,
    CourseCredit,
    CourseFocusArea,
    Session,
)

COURSES = 50
SESSIONS = 200
FEW = 500  # courses whose sessions are asked for by name; of more, all sessions are gone through
LIVE: frozenset[str] = frozenset(Course.LIVE_FORMATS)
MAX_AGE = 5 * 60  # seconds
FOR_ALL = {"public": True, "max_age": MAX_AGE}
CALENDAR = "text/calendar; charset=utf-8"
MAX_TITLE = 120  # characters

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
STAMPS = re.compile(rb"DTSTAMP:[^\r\n]*")


@login_not_required
@require_safe
def feed(request: HttpRequest) -> HttpResponse:
    """The newest courses of a search."""
    asked = CatalogQuery(request.GET)
    now = timezone.now()
    why_nothing = _why_nothing(request, asked, at=now)
    query = _query(request, asked, is_understood=not why_nothing)
    course_ids = [] if why_nothing else _newest(asked.wanted, at=now, limit=COURSES)
    atom = Atom1Feed(
        title=_title("New courses at CE Portal", asked),
        link=_address("courses:catalog", query),
        description="",
        subtitle=why_nothing
        or "Continuing education for behavioral health, as it comes into the catalog.",
        language="en-us",
        author_name="CE Portal",
        feed_url=_address("courses:feed", query),
        feed_guid=_address("courses:feed", query),
    )
    for course in _in_order(course_ids):
        _add(atom, course)
    body = atom.writeString("utf-8").encode()
    return answer(request, body, content_type=atom.content_type, same_if=body)


@login_not_required
@require_safe
def session_calendar(request: HttpRequest) -> HttpResponse:
    """The coming live sessions of a search, soonest first."""
    asked = CatalogQuery(request.GET)
    now = timezone.now()
    why_nothing = _why_nothing(request, asked, at=now)

    def body_now() -> bytes:
        return calendars.of_sessions(
            [] if why_nothing else _sessions(asked.wanted, at=now),
            name=_title("Live sessions at CE Portal", asked),
            about=why_nothing,
            site=settings.SITE_URL,
            at=now,
        )

    # It is the same for everybody; the version moves with every change of the catalog.
    key = _key(_query(request, asked, is_understood=not why_nothing), at=now)
    body: bytes = body_now() if why_nothing else cache.get_or_set(key, body_now, MAX_AGE)  # type: ignore[assignment]
    response = answer(
        request,
        body,
        content_type=CALENDAR,
        # All but the moment at which it was made.
        same_if=STAMPS.sub(b"", body),
    )
    response.headers["Content-Disposition"] = 'inline; filename="sessions.ics"'
    return response


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.DEFAULT_USER_TIME_ZONE)


def _why_nothing(request: HttpRequest, asked: CatalogQuery, *, at: datetime) -> str:
    return saved.why_nothing(request.GET, asked, on=at.astimezone(_zone()).date())


def _query(request: HttpRequest, asked: CatalogQuery, *, is_understood: bool) -> str:
    """What is asked, in the shortest form. These pages have an order of their own.

    As it came if it is not understood: without the filter that was lost it would ask for more.
    """
    if not is_understood:
        return request.GET.urlencode()
    return urlencode([pair for pair in asked.pairs if pair[0] != "sort"])


def _key(query: str, *, at: datetime) -> str:
    """Under which an answer is kept: until the catalog changes, and no longer than its hour."""
    states = CatalogState.objects.values_list("rebuilt", "version", "labels_version")
    asked = repr((query, states.first(), f"{at:%Y-%m-%d %H}", settings.SITE_URL))
    return f"courses.sessions:{hashlib.sha256(asked.encode()).hexdigest()}"


def _address(page: str, query: str) -> str:
    return settings.SITE_URL + reverse(page) + (f"?{query}" if query else "")


def _title(start: str, asked: CatalogQuery) -> str:
    labels = ", ".join(chip.label for chip in asked.chips)
    return Truncator(_plain(f"{start}: {labels}" if labels else start)).chars(MAX_TITLE)


def _plain(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_IN_XML.sub("", text)


def _in_order(course_ids: list[int]) -> list[Course]:
    courses = (
        Course.objects.select_related("provider")
        .prefetch_related(
            Prefetch(
                "course_focus_areas",
                CourseFocusArea.objects.select_related("focus_area__topic").order_by("position"),
            )
        )
        .in_bulk(course_ids)
    )
    return [courses[pk] for pk in course_ids if pk in courses]


def _add(atom: Atom1Feed, course: Course) -> None:
    published_at: datetime = course.published_at  # type: ignore[assignment]  # it is published
    hours = formats.show_hours(course.hours)
    facts = (
        f"{hours} hour{pluralize(course.hours)} of credit. {course.get_format_display()}, "
        f"{course.get_level_display().lower()}."
    )
    areas = [row.focus_area for row in course.course_focus_areas.all()]
    atom.add_item(
        title=_plain(course.title),
        link=settings.SITE_URL + course.get_absolute_url(),
        # Atom1Feed declares a summary as HTML.
        description=escape(_plain(f"{course.summary} {facts}")),
        # By the key and the first publication, neither of which changes.
        unique_id=f"tag:{urlsplit(settings.SITE_URL).hostname},{published_at:%Y-%m-%d}:{course.key}",
        pubdate=published_at,
        updateddate=published_at,
        author_name=_plain(course.provider.name),
        categories=[
            *dict.fromkeys(_plain(area.topic.name) for area in areas),
            *(_plain(area.name) for area in areas),
        ],
    )


def _newest(wanted: shelf.Wanted, *, at: datetime, limit: int) -> list[int]:
    wanted = replace(wanted, sort="newest")
    return shelf.find(wanted, at=at, zone=_zone(), limit=limit, most=1).course_ids


def _sessions(wanted: shelf.Wanted, *, at: datetime) -> list[Session]:
    zone = _zone()
    live = wanted.chosen.get("format", LIVE) & LIVE
    if not live:
        return []
    courses = set(
        _newest(
            replace(wanted, chosen={**wanted.chosen, "format": live}),
            at=at,
            limit=saved.EVERYTHING,
        )
    )
    coming = Session.objects.coming(at=at)
    if wanted.live_from:
        coming = coming.filter(starts_at__gte=_begins(wanted.live_from, zone))
    if wanted.live_until:
        coming = coming.filter(starts_at__lt=_begins(wanted.live_until + timedelta(days=1), zone))
    if len(courses) <= FEW:
        coming = coming.filter(course__in=courses)
    # Read until there are enough: of a large catalog most sessions are left unread.
    pairs = coming.soonest_first().values_list("pk", "course").iterator(chunk_size=SESSIONS)
    chosen = list(islice((pk for pk, course_id in pairs if course_id in courses), SESSIONS))
    approvals = Approval.objects.filter(
        Q(course__isnull=True) | Q(course__sessions__in=chosen)
    ).distinct()
    credits = CourseCredit.objects.order_by("position", "pk")
    return list(
        Session.objects.filter(pk__in=chosen)
        .select_related("course__provider")
        .only(
            *("starts_at", "ends_at", "time_zone", "place", "join_url"),
            *("course__slug", "course__title", "course__format", "course__hours"),
            "course__provider__name",
        )
        .prefetch_related(
            Prefetch(
                "course__credits",
                credits.select_related("body").only("course", "body__name"),
            ),
            Prefetch(
                "course__provider__approvals",
                approvals.only("provider", "body", "course", "valid_from", "valid_to"),
            ),
        )
        .soonest_first()
    )


def _begins(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)


def answer(
    request: HttpRequest,
    body: bytes,
    *,
    content_type: str,
    same_if: bytes,
    cache: Mapping[str, Any] = FOR_ALL,
) -> HttpResponse:
    """The body, or that nothing changed for one who has it."""
    etag = f'W/"{hashlib.sha256(same_if).hexdigest()[:32]}"'
    response = HttpResponse(body, content_type=content_type, headers={"ETag": etag})
    patch_cache_control(response, **cache)
    return get_conditional_response(request, etag=etag, response=response) or response
