"""How courses are listed: the derived rows of the catalog, and the only writer of them.

Whatever changes what the catalog shows ends its transaction with ``relist`` (courses) or
``relabel`` (names), so a change and its listing commit together or not at all. Every process reads
the version before it answers, and so shows the change from then on (``courses.shelf``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils.text import slugify

from courses import fulltext, words
from courses.models import (
    Approval,
    CatalogEntry,
    CatalogState,
    Course,
    CourseCredit,
    CourseFocusArea,
    CourseInstructor,
    Objective,
    SearchWord,
    Session,
)

CHUNK = 250  # courses that are written at once; SQLite refuses queries that name a thousand
FREE, UNDER_50, TO_100, OVER_100 = "free", "under-50", "50-to-100", "over-100"


@transaction.atomic
def relist(course_ids: Iterable[int]) -> int:
    """Write the listings of these courses as the courses are now; the number of listings.

    A course that was never published has none. Relisting twice changes nothing but the version,
    which stays where it is if there is nothing to list.
    Locks the catalog's state last, after any course; it is held to the end of the transaction.
    """
    ids = [pk for chunk in _chunks(sorted(set(course_ids))) for pk in _once_published(chunk)]
    if not ids:
        return 0
    state = _locked_state()
    state.version += 1
    state.save(update_fields=["version"])
    return sum(_write(chunk, version=state.version) for chunk in _chunks(ids))


@transaction.atomic
def relabel() -> None:
    """The name of a topic, board, instructor, ... changed, or one came or went.

    Courses whose words hold the name are to be relisted, too. Locks the catalog's state.
    """
    state = _locked_state()
    state.labels_version += 1
    state.save(update_fields=["labels_version"])


def relist_missing() -> int:
    """Relist courses that have no listing or a wrong status in it: written by a restored backup, by
    hand, or before there were listings. The number of listings written.
    """
    total = 0
    # In the order of publication, as in process memory. Asked anew, since another may be at it.
    missing = _missing().order_by("published_at", "pk").values_list("pk", flat=True)
    while written := relist(missing[:CHUNK]):
        total += written
    return total


def _missing() -> QuerySet[Course]:
    listed = CatalogEntry.objects.filter(course=OuterRef("pk"))
    is_published = Q(status=Course.Status.PUBLISHED)
    return Course.objects.filter(published_at__isnull=False).filter(
        ~Exists(listed)
        | (is_published & Exists(listed.filter(is_published=False)))
        | (~is_published & Exists(listed.filter(is_published=True)))
    )


def rebuild(*, on_progress: Callable[[int], None] = lambda written: None) -> int:
    """Write all listings anew, some at a time; the number of listings.

    The catalog goes on answering meanwhile. Afterwards every process loads it afresh.
    ``on_progress`` is told how many were written since it was last called.
    """
    last_word = SearchWord.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    # In the order of publication, which is that of process memory: new ones go to its end.
    ids = Course.objects.filter(published_at__isnull=False).order_by("published_at", "pk")
    total, rest = 0, ids
    seen: set[str] = set()
    while chunk := list(rest.values_list("published_at", "pk")[:CHUNK]):
        at, last = chunk[-1]
        rest = ids.filter(Q(published_at__gt=at) | Q(published_at=at, pk__gt=last))
        with transaction.atomic():
            state = _locked_state()
            state.version += 1
            state.save(update_fields=["version"])
            total += _write([pk for _, pk in chunk], version=state.version, seen=seen)
        on_progress(len(chunk))
    with transaction.atomic():
        state = _locked_state()
        old = SearchWord.objects.filter(pk__lte=last_word).order_by("pk")
        gone = [pk for pk, word in old.values_list("pk", "word") if word not in seen]
        for batch in _chunks(gone):
            SearchWord.objects.filter(pk__in=batch).delete()
        state.version += 1
        state.labels_version += 1
        state.rebuilt += 1
        state.save()
    return total


def _once_published(ids: list[int]) -> list[int]:
    listed = Course.objects.filter(pk__in=ids, published_at__isnull=False)
    return list(listed.order_by("pk").values_list("pk", flat=True))


def _chunks(ids: list[int]) -> Iterator[list[int]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))


def _locked_state() -> CatalogState:
    state, _ = CatalogState.objects.select_for_update().get_or_create(pk=1)
    return state


def _write(ids: list[int], *, version: int, seen: set[str] | None = None) -> int:
    """Entries, search documents and words of these courses. ``seen``: words written already."""
    in_order = ("position", "pk")
    courses = list(
        Course.objects.filter(pk__in=ids, published_at__isnull=False)
        .only(*_READ)
        .order_by("pk")
        # Names are fetched once for all courses, not once for each.
        .prefetch_related(
            "provider",
            Prefetch("course_focus_areas", CourseFocusArea.objects.order_by(*in_order)),
            "course_focus_areas__focus_area__topic",
            Prefetch("course_instructors", CourseInstructor.objects.order_by(*in_order)),
            "course_instructors__instructor",
            Prefetch("credits", CourseCredit.objects.order_by(*in_order)),
            "credits__body",
            "credits__credit_type",
            Prefetch("objectives", Objective.objects.order_by(*in_order)),
            "teaching_methods",
            Prefetch(
                "sessions",
                Session.objects.filter(cancelled_at__isnull=True).only("course", "starts_at"),
            ),
        )
    )
    spans = _approvals(courses)
    entries, documents = [], []
    found: dict[str, str] = {}
    for course in courses:
        approved = {
            credit.body_id: spans[course.provider_id, credit.body_id, None]
            + spans[course.provider_id, credit.body_id, course.pk]
            for credit in course.credits.all()
        }
        entries.append(
            CatalogEntry(
                course=course,
                version=version,
                is_published=course.is_published,
                published_at=cast(datetime, course.published_at),
                title_key=course.title.casefold()[:250],
                hours=course.hours,
                facts=_facts(course, approved),
                card=_card(course, approved),
            )
        )
        documents.append((course.pk, _fields(course, found)))
    CatalogEntry.objects.bulk_create(
        entries,
        update_conflicts=True,
        unique_fields=["course"],
        update_fields=[
            "version",
            "is_published",
            "published_at",
            "title_key",
            "hours",
            "facts",
            "card",
        ],
    )
    fulltext.write(documents)
    _add_words(found, seen)
    return len(entries)


# Not the long texts.
_READ = (
    "slug",
    "status",
    "published_at",
    "title",
    "summary",
    "format",
    "level",
    "language",
    "captions",
    "accessibility",
    "price",
    "hours",
    "provider",
)

# For each provider, body and course (None: all of the provider's) first and last days.
_Spans = dict[tuple[int, int, int | None], list[Approval]]


def _approvals(courses: list[Course]) -> _Spans:
    spans: _Spans = defaultdict(list)
    rows = Approval.objects.filter(provider__in={course.provider_id for course in courses})
    for row in rows.defer("statement").order_by("valid_from", "pk"):
        spans[row.provider_id, row.body_id, row.course_id].append(row)
    return spans


def _facts(course: Course, approved: dict[int, list[Approval]]) -> dict[str, Any]:
    areas = [row.focus_area for row in course.course_focus_areas.all()]
    values = {
        *(f"focus:{area.slug}" for area in areas),
        *(f"topic:{area.topic.slug}" for area in areas),
        *(f"method:{method.slug}" for method in course.teaching_methods.all()),
        *(f"instructor:{row.instructor.slug}" for row in course.course_instructors.all()),
        f"provider:{course.provider.slug}",
        f"format:{course.format}",
        f"level:{course.level}",
        f"price:{price_band(course.price)}",
        f"language:{language_slug(course.language)}",
    }
    if course.captions:
        values.add("access:captions")
    if course.accessibility.strip():
        values.add("access:accessible")
    if course.is_live:
        values.add("is:live")
    return {
        "values": sorted(values),
        "language": course.language,
        # Days are counted as date.toordinal does; 0 stands for no end.
        "credits": sorted(
            {
                (
                    credit.body.slug,
                    credit.credit_type.slug,
                    approval.valid_from.toordinal(),
                    approval.valid_to.toordinal() if approval.valid_to else 0,
                )
                for credit in course.credits.all()
                for approval in approved[credit.body_id]
            }
        ),
        # Seconds since 1970. A course that was made a recording may still have its old sessions.
        "sessions": sorted(session.starts_at.timestamp() for session in course.sessions.all())
        if course.is_live
        else [],
    }


def language_slug(language: str) -> str:
    return slugify(language) or slugify(language, allow_unicode=True) or "other"


def price_band(price: Decimal) -> str:
    if not price:
        return FREE
    if price < 50:
        return UNDER_50
    return TO_100 if price <= 100 else OVER_100


def _card(course: Course, approved: dict[int, list[Approval]]) -> dict[str, Any]:
    areas = [row.focus_area for row in course.course_focus_areas.all()]
    boards = {credit.body_id: credit.body.slug for credit in course.credits.all()}
    return {
        "slug": course.slug,
        "title": course.title,
        "summary": course.summary,
        "topic": areas[0].topic.slug if areas else "",
        "focus": areas[0].slug if areas else "",
        "format": course.format,
        "level": course.level,
        "language": course.language,
        "captions": course.captions,
        "price": str(course.price),
        "hours": str(course.hours),
        "boards": [
            [
                slug,
                [
                    [
                        approval.valid_from.isoformat(),
                        approval.valid_to.isoformat() if approval.valid_to else None,
                    ]
                    for approval in approved[body_id]
                ],
            ]
            for body_id, slug in boards.items()
        ],
    }


def _fields(course: Course, found: dict[str, str]) -> fulltext.Fields:
    """The lexemes of each of fulltext.FIELDS; adds the words to ``found``."""
    areas = [row.focus_area for row in course.course_focus_areas.all()]
    texts = [
        [course.title],
        [
            *(area.name for area in areas),
            *dict.fromkeys(area.topic.name for area in areas),
            *(row.instructor.name for row in course.course_instructors.all()),
        ],
        [course.summary, *(objective.text for objective in course.objectives.all())],
    ]
    fields: list[list[list[str]]] = []
    for items in texts:
        fields.append([])
        for item in items:
            pairs = words.words(item)
            found.update(pairs)
            fields[-1].append([lexeme for _, lexeme in pairs])
    return fields


def _add_words(found: dict[str, str], seen: set[str] | None) -> None:
    seen = set() if seen is None else seen
    new = {word: lexeme for word, lexeme in found.items() if word not in seen}
    seen.update(new)
    # Those that are known already, and those that another writer adds, are left as they are.
    known = set(
        SearchWord.objects.filter(word__in=list(new)).values_list("word", flat=True)
        if len(new) < CHUNK
        else SearchWord.objects.values_list("word", flat=True)
    )
    SearchWord.objects.bulk_create(
        [SearchWord(word=word, lexeme=new[word]) for word in sorted(new) if word not in known],
        batch_size=CHUNK,
    )
