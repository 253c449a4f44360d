"""What a person puts aside: a search, with what is new in it by mail; a course, for later."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.core.signing import Signer
from django.db import transaction
from django.http import QueryDict  # noqa: TID251  a search is kept as its query string
from django.urls import reverse

from accounts import mail, names
from accounts.models import User
from ce_portal import formats
from courses import shelf
from courses.forms import CatalogQuery
from courses.models import Course, SavedSearch, ShortlistItem

MOST = 50  # saved searches of one person
SHOWN = 20  # courses that one mail names
EVERYTHING = 10**9  # courses, as a limit
# What narrows a search, by its name in the query string. Words are never unknown.
FILTERS = (*shelf.FACETS, "hours_from", "hours_to", "live_from", "live_until")
MAX_NAME = 120  # characters
MAX_QUERY = 2000  # characters
_JOINERS = "\u200c\u200d"
# A course is visible when its transaction commits, some time after its ``published_at``. Mail tells
# what is older than any such transaction, so nothing falls between two mails or is told in both.
MARGIN = timedelta(minutes=15)


class SavedError(Exception):
    """Why this cannot be put aside, in a sentence for the one who asked."""


# --- Searches ---------------------------------------------------------------


@transaction.atomic
def save(
    *, owner: User, asked: CatalogQuery, name: str, wants_mail: bool, at: datetime
) -> SavedSearch:
    """Keep what is asked of the catalog under a name; without one it is named after its filters.

    Saving the same again gives the first, under its own name; it can only add the wish for mail.
    Locks the owner, so two tabs save it once and nobody has more than MOST.
    Raises SavedError if nothing or too much is asked, or the name is too long.
    """
    if not asked.chips:
        raise SavedError("Choose a filter or enter some words first; then save the search.")
    query = canonical(asked)
    if len(query) > MAX_QUERY:
        raise SavedError("This search is too long to be saved. Take some filters away.")
    name = _clean(name) or ", ".join(chip.label for chip in asked.chips)[:MAX_NAME].rstrip(" ,")
    _check(name)
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    search = SavedSearch.objects.visible_to(owner).filter(query=query).first()
    if search is None:
        if SavedSearch.objects.visible_to(owner).count() >= MOST:
            raise SavedError(f"You have {MOST} saved searches, the most there can be. Forget one.")
        search = SavedSearch.objects.create(
            owner=owner, name=name, query=query, created_at=at, seen_until=at - MARGIN
        )
    if wants_mail:
        mail_weekly(search=search, at=at)
    return search


def canonical(asked: CatalogQuery) -> str:
    """The query string in one form for all that ask the same: sorted, nothing without effect."""
    without_effect = set()
    if not asked.wanted.query:
        without_effect.add("q")
    if not (asked.wanted.live_from or asked.wanted.live_until):
        without_effect.add("on_demand")
    return urlencode(
        sorted(
            (name, " ".join(value.split()))
            for name, value in asked.pairs
            if name not in without_effect
        )
    )


def rename(*, search: SavedSearch, name: str) -> None:
    """Raises SavedError if the name is empty or too long."""
    name = _clean(name)
    _check(name)
    search.name = name
    SavedSearch.objects.filter(pk=search.pk).update(name=name)


def mail_weekly(*, search: SavedSearch, at: datetime) -> None:
    """From now on, mail once a week what is new. Asking for it again changes nothing."""
    SavedSearch.objects.filter(pk=search.pk, wants_mail=False).update(
        wants_mail=True, seen_until=at - MARGIN
    )


@transaction.atomic
def stop_mail(*, search: SavedSearch, at: datetime) -> None:
    """No more mail, not even what is promised already. Stopping again changes nothing.

    Locks the search, so what a worker promises at the same moment is stopped as well.
    """
    locked = _locked(search.pk)
    if locked:
        locked.wants_mail = False
        locked.save(update_fields=["wants_mail"])
        _take_back_mail(locked, at=at)


@transaction.atomic
def forget(*, search: SavedSearch, at: datetime) -> None:
    """The search is gone, and the mail about it that has not gone out. Again changes nothing.

    Locks the search, so what a worker promises at the same moment is stopped as well.
    """
    locked = _locked(search.pk)
    if locked:
        _take_back_mail(locked, at=at)
        locked.delete()


def _locked(search_id: uuid.UUID) -> SavedSearch | None:
    return SavedSearch.objects.select_for_update(of=["self"]).filter(pk=search_id).first()


def _clean(name: str) -> str:
    """One line without control characters; joiners stay, which some spellings and emoji need."""
    shown = (char if char.isprintable() or char in _JOINERS else " " for char in name)
    return names.clean("".join(shown))


def _check(name: str) -> None:
    if not name:
        raise SavedError("Give the search a name.")
    if len(name) > MAX_NAME:
        raise SavedError(f"A name has at most {MAX_NAME} characters.")


def held(*, owner: User, asked: CatalogQuery) -> SavedSearch | None:
    """The owner's saved search that asks the same."""
    return SavedSearch.objects.visible_to(owner).filter(query=canonical(asked)).first()


def reading(search: SavedSearch, vocabulary: shelf.Vocabulary | None = None) -> CatalogQuery:
    """What the catalog understands of a saved search today."""
    return CatalogQuery(QueryDict(search.query), vocabulary)


def why_nothing(query: QueryDict, asked: CatalogQuery, *, on: date) -> str:
    """Why a search that was kept, ``query``, cannot find anything, in a sentence; "" if it can.

    The catalog passes over a filter that it no longer knows, such as a board that is gone, and
    would show all that the search left out. So a search that lost one is taken to find nothing,
    saved here or subscribed to elsewhere.
    """
    understood = {name for name, _ in asked.pairs}
    if any(
        value.strip() for name in FILTERS if name not in understood for value in query.getlist(name)
    ):
        return "The catalog no longer has something that this search asks for."
    until = asked.wanted.live_until
    if until and until < on and not asked.wanted.on_demand:
        return f"Its last day, {formats.show_day(until)}, has passed."
    return ""


# --- What is new in a search ------------------------------------------------


@dataclass(frozen=True)
class News:
    """Courses that were published since a saved search was last looked at."""

    courses: list[Course]  # the newest, at most SHOWN
    total: int
    until: datetime


def news(*, search: SavedSearch, at: datetime) -> News:
    """What is new in a search, in the catalog as its owner sees it at that moment."""
    until = at - MARGIN
    zone = search.owner.tz
    asked = reading(search)
    if why_nothing(QueryDict(search.query), asked, on=at.astimezone(zone).date()):
        return News([], 0, until)
    wanted = replace(asked.wanted, sort="newest", published_after=search.seen_until)
    found = shelf.find(wanted, at=at, zone=zone, limit=EVERYTHING, most=0).course_ids
    too_new = set(Course.objects.filter(published_at__gt=until).values_list("pk", flat=True))
    new = [pk for pk in found if pk not in too_new]
    courses = Course.objects.filter(pk__in=new[:SHOWN]).with_cards(at=at).newest_first()
    return News(list(courses), len(new), until)


@transaction.atomic
def tell(*, search_id: str, at: datetime) -> None:
    """Promise the owner of a search a mail about what is new, if there is, unless told this week.

    Locks the search, so two workers promise one mail.
    """
    search = (
        SavedSearch.objects.select_for_update(of=["self"])
        .due(at=at)
        .select_related("owner")
        .filter(pk=search_id)
        .first()
    )
    if search is None:
        return
    found = news(search=search, at=at)
    search.seen_until = found.until
    if found.courses:
        search.mailed_at = at
        _post(search, found, at=at)
    search.save(update_fields=["seen_until", "mailed_at"])


def _post(search: SavedSearch, found: News, *, at: datetime) -> None:
    newest_first = QueryDict(search.query, mutable=True)
    newest_first["sort"] = "newest"
    stop_path = reverse("courses:stop_mail", args=[stop_token(search)])
    mail.post(
        recipient=search.owner,
        kind="new-courses",
        key=_mail_key(search),
        template="new_courses",
        context={
            "search": search,
            "courses": found.courses,
            "total": found.total,
            "more": found.total - len(found.courses),
            "all_path": f"{reverse('courses:catalog')}?{newest_first.urlencode()}",
        },
        at=at,
        stop_url=settings.SITE_URL + stop_path,
    )


def _mail_key(search: SavedSearch) -> str:
    """Of the mail that told what was new up to ``seen_until``."""
    return f"new-courses:{search.pk}:{search.seen_until.astimezone(UTC).isoformat()}"


def _take_back_mail(search: SavedSearch, *, at: datetime) -> None:
    mail.take_back(key=_mail_key(search), because="The mail of this search is stopped.", at=at)


def _signer() -> Signer:
    return Signer(salt="courses.saved.stop_mail")


def stop_token(search: SavedSearch) -> str:
    """Stops the mail of this search without a sign-in. It never expires: mail is kept for years."""
    return _signer().sign(search.pk.hex)


def of_token(token: str) -> SavedSearch | None:
    """The search of a token, or None if it was forgotten. Raises BadSignature if it is not ours."""
    return SavedSearch.objects.filter(pk=uuid.UUID(_signer().unsign(token))).first()


# --- Shortlist --------------------------------------------------------------


def keep(*, owner: User, course: Course, at: datetime) -> ShortlistItem:
    """Put a course on the shortlist. Keeping it again keeps its place.

    Raises SavedError if it is not in the catalog.
    """
    if not course.is_published:
        raise SavedError("This course is not in the catalog.")
    item, _ = ShortlistItem.objects.get_or_create(
        owner=owner, course=course, defaults={"kept_at": at}
    )
    return item


def drop(*, owner: User, course: Course) -> None:
    """Take a course off the shortlist, if it is on it."""
    ShortlistItem.objects.visible_to(owner).filter(course=course).delete()
