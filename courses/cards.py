"""Cards of courses. What everybody sees is kept in memory; the reader's own is laid over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from ce_portal import formats
from ce_portal.stencil import Stencil
from courses import shelf, words
from courses.models import CatalogEntry, Course, Enrollment, Session, ShortlistItem

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

MOST_KEPT = 2000  # cards in memory, about 3 KB each
MOST_BOARDS = 3  # named on a card

FORMAT_ICONS = {
    Course.Format.IN_PERSON: "bi-people",
    Course.Format.LIVE_WEBINAR: "bi-camera-video",
    Course.Format.RECORDED: "bi-play-btn",
    Course.Format.TEXT: "bi-book",
    Course.Format.HYBRID: "bi-layers",
}
ON_DEMAND, ANNOUNCED, NOT_ANNOUNCED, RETIRED = "on-demand", "announced", "not-announced", "retired"


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a card says to everybody on one day."""

    title: str
    summary: str
    is_live: bool
    is_retired: bool
    has_topic: bool
    first_area: str
    areas: frozenset[str]
    texts: dict[str, SafeString]  # for the stencil, escaped once


def render(
    course_ids: Sequence[int],
    *,
    user: User | AnonymousUser,
    at: datetime,
    zone: tzinfo,
    query: words.Query = words.NOTHING,
    chosen: Mapping[str, frozenset[str]] = MappingProxyType({}),
    csrf_token: str = "",
    next_page: str = "",
) -> list[SafeString]:
    """The cards of these courses, in this order; none for a course that was never published.

    Words of ``query`` are marked. Of topics and focus areas that are ``chosen`` one is shown that
    the course has. Sessions are shown in ``zone``. A signed-in person sees what they
    have to do with each course, and with ``csrf_token`` a button that keeps it for later, which
    without JavaScript comes back to ``next_page``.
    """
    vocabulary = shelf.vocabulary()
    known = _known(course_ids, vocabulary, on=at.astimezone(zone).date())
    sought = _areas_of(chosen, vocabulary)
    sessions = _next_sessions([pk for pk, facts in known.items() if facts.is_live], at=at)
    own: dict[int, tuple[str, str]] = {}
    kept: set[int] = set()
    if user.is_authenticated:
        own = _own_states(user, course_ids, zone)
        if csrf_token:
            items = ShortlistItem.objects.visible_to(user).filter(course__in=course_ids)
            kept = set(items.values_list("course_id", flat=True))
    cards = []
    for pk in course_ids:
        if pk not in known:
            continue
        facts = known[pk]
        values: dict[str, object] = {**facts.texts}
        if facts.first_area not in sought:
            for area in [area for area in sought if area in facts.areas][:1]:
                values.update(_place(vocabulary.topic_of[area], area, vocabulary))
        values["title"] = words.highlight(facts.title, query) if query.wanted else facts.title
        values["summary"] = words.highlight(facts.summary, query) if query.wanted else facts.summary
        when = ON_DEMAND
        if facts.is_retired:
            when = RETIRED
        elif pk in sessions:
            when = ANNOUNCED
            starts_at, seats, full_at = sessions[pk]
            values["full"] = f"{_short_day(full_at, zone)} full; " if full_at else ""
            values["starts_at"] = starts_at.isoformat()
            values["moment"] = formats.show_moment(starts_at, zone)
            values["seats"] = f" · {seats}" if seats else ""
        elif facts.is_live:
            when = NOT_ANNOUNCED
        if pk in own:
            values["state_icon"], values["state"] = own[pk]
        values["keep"] = ""
        if user.is_authenticated and csrf_token:
            values["keep"] = _keep_button(is_kept=pk in kept).fill(
                course_slug=facts.texts["slug"],
                course_title=facts.title,
                csrf_token=csrf_token,
                next=next_page,
            )
        kind = _card(when=when, has_topic=facts.has_topic, has_state=pk in own)
        cards.append(kind.fill(**values))
    return cards


@cache
def _card(*, when: str, has_topic: bool, has_state: bool) -> Stencil:
    """The stencil of one kind of card."""
    return Stencil(
        "courses/_course_card.html",
        holes=(
            *("marker", "topic", "focus", "hours", "hours_plural", "slug", "title", "summary"),
            *("format_icon", "format", "level", "full", "starts_at", "moment", "seats"),
            *("boards_icon", "boards", "state_icon", "state", "language", "captions", "price"),
            "keep",
        ),
        context={"when": when, "has_topic": has_topic, "has_state": has_state},
    )


@cache
def _keep_button(*, is_kept: bool) -> Stencil:
    return Stencil(
        "courses/_keep.html",
        holes=("course_slug", "course_title", "csrf_token", "next"),
        context={"is_kept": is_kept},
    )


# --- What everybody sees ----------------------------------------------------

# The names that the cards were made with, and the cards, the last used at the end. They go
# together, so that no card outlives its names, even with several threads.
_kept: tuple[shelf.Vocabulary | None, dict[tuple[int, int, date], _Facts]] = (None, {})


def _known(
    course_ids: Iterable[int], vocabulary: shelf.Vocabulary, *, on: date
) -> dict[int, _Facts]:
    """The facts of each course that was ever published; one query for those not in memory."""
    global _kept
    kept = _kept
    if kept[0] is not vocabulary:
        kept = _kept = (vocabulary, {})
    cards = kept[1]
    known = {}
    versions = shelf.versions(course_ids)
    for pk, version in versions.items():
        facts = cards.pop((pk, version, on), None)
        if facts is not None:
            cards[pk, version, on] = known[pk] = facts
    missing = [pk for pk in course_ids if pk not in known]
    if missing:
        entries = CatalogEntry.objects.filter(pk__in=missing)
        for pk, version, is_published, card, values in entries.values_list(
            "pk", "version", "is_published", "card", "facts__values"
        ):
            facts = _read(card, values, vocabulary, is_published=is_published, on=on)
            known[pk] = facts
            if pk in versions:
                cards[pk, version, on] = facts
        for oldest in list(cards)[: max(0, len(cards) - MOST_KEPT)]:
            cards.pop(oldest, None)
    return known


def forget() -> None:
    """Drop the cards that this process holds; they are made anew."""
    global _kept
    _kept = (None, {})


def _read(
    card: dict[str, Any],
    values: list[str],
    vocabulary: shelf.Vocabulary,
    *,
    is_published: bool,
    on: date,
) -> _Facts:
    labels = vocabulary.labels
    hours = Decimal(card["hours"])
    boards = _boards_in_date(card["boards"], labels["board"], on=on)
    place = _place(card["topic"], card["focus"], vocabulary)
    texts = {
        "slug": card["slug"],
        **place,
        "hours": formats.show_hours(hours),
        "hours_plural": "" if hours == 1 else "s",
        "format_icon": FORMAT_ICONS[card["format"]],
        "format": labels["format"][card["format"]],
        "level": labels["level"][card["level"]],
        "boards_icon": "bi-patch-check" if boards else "bi-slash-circle",
        "boards": boards or "No approval in date",
        "language": card["language"],
        "captions": ", captions" if card["captions"] else "",
        "price": formats.show_price(Decimal(card["price"])),
    }
    return _Facts(
        title=card["title"],
        summary=card["summary"],
        is_live=is_published and card["format"] in Course.LIVE_FORMATS,
        is_retired=not is_published,
        has_topic=bool(place["topic"]),
        first_area=card["focus"],
        areas=frozenset(
            value.removeprefix("focus:") for value in values if value.startswith("focus:")
        ),
        texts={name: conditional_escape(text) for name, text in texts.items()},
    )


def _place(topic: str, area: str, vocabulary: shelf.Vocabulary) -> dict[str, str]:
    """Where a course stands: names and marker of a topic and a focus area."""
    row = next((row for row in vocabulary.topics if row.slug == topic), None)
    return {
        "marker": row.marker if row else "",
        "topic": row.name if row else "",
        "focus": vocabulary.labels["focus"].get(area, ""),
    }


def _areas_of(
    chosen: Mapping[str, frozenset[str]], vocabulary: shelf.Vocabulary
) -> dict[str, None]:
    """The focus areas that are chosen, by themselves or with their topic, in their order."""
    areas, topics = chosen.get("focus", frozenset()), chosen.get("topic", frozenset())
    topic_of = vocabulary.topic_of
    return dict.fromkeys(area for area in topic_of if area in areas or topic_of[area] in topics)


def _boards_in_date(
    boards: list[tuple[str, list[tuple[str, str | None]]]], labels: dict[str, str], *, on: date
) -> str:
    """“ASWB ACE, APA, NBCC, and 2 more”: those with an approval in date on that day."""
    day = on.isoformat()
    names = [
        labels[slug]
        for slug, spans in boards
        if slug in labels
        and any(first <= day and (last is None or day <= last) for first, last in spans)
    ]
    text = ", ".join(names[:MOST_BOARDS])
    more = len(names) - MOST_BOARDS
    return f"{text}, and {more} more" if more > 0 else text


def _next_sessions(
    live_ids: list[int], *, at: datetime
) -> dict[int, tuple[datetime, str, datetime | None]]:
    """For each of these courses the next session with a seat: its start, and its seats in words.

    If the very next one is full, when that starts. It is shown itself if all are full.
    """
    sessions: dict[int, tuple[datetime, str, datetime | None]] = {}
    if live_ids:
        coming = Session.objects.coming(at=at).filter(course__in=live_ids).with_seats_taken()
        facts = ("course_id", "starts_at", "capacity", "seats_taken")
        found: set[int] = set()
        for pk, starts_at, capacity, taken in coming.soonest_first().values_list(*facts):
            left = None if capacity is None else max(0, capacity - taken)
            if pk not in found and (left != 0 or pk not in sessions):
                full_at = sessions[pk][0] if pk in sessions else None
                seats = "Closed" if capacity == 0 else formats.show_seats(left)
                sessions[pk] = (starts_at, seats, full_at)
                if left != 0:
                    found.add(pk)
    return sessions


def _short_day(moment: datetime, zone: tzinfo) -> str:
    there = moment.astimezone(zone)
    return f"{there:%b} {there.day}"


# --- What the reader alone sees ---------------------------------------------


def _own_states(
    user: User | AnonymousUser, course_ids: Sequence[int], zone: tzinfo
) -> dict[int, tuple[str, str]]:
    """Icon and words for each course that the reader is enrolled in."""
    held = (
        Enrollment.objects.visible_to(user)
        .open()
        .filter(course__in=course_ids)
        .annotate(
            lessons_read=Count(
                "lesson_progress", filter=Q(lesson_progress__read_at__isnull=False), distinct=True
            ),
            lessons=Count("course__lessons", distinct=True),
        )
        .values_list(
            "course_id",
            "completion__completed_at",
            "session__starts_at",
            "lessons_read",
            "lessons",
        )
    )

    def day(moment: datetime) -> str:
        return formats.show_day(moment.astimezone(zone).date())

    states = {}
    for pk, completed_at, starts_at, lessons_read, lessons in held:
        if completed_at:
            states[pk] = ("bi-check2-circle", f"Completed on {day(completed_at)}")
        elif lessons_read:
            place = min(lessons_read + 1, lessons)
            states[pk] = ("bi-hourglass-split", f"In progress, lesson {place} of {lessons}")
        elif starts_at:
            states[pk] = ("bi-bookmark-check", f"You are enrolled for {day(starts_at)}")
        else:
            states[pk] = ("bi-bookmark-check", "You are enrolled")
    return states
