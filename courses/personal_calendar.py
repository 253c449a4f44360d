"""The address where a person's calendar program finds their own sessions: make it, stop it."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from accounts.models import User
from courses import calendars
from courses.models import CalendarFeed, Enrollment, WaitlistPlace

TOKEN_BYTES = 24  # 192 bits: nobody guesses it
KEPT = timedelta(days=90)  # how long a session stays in the calendar after it


def make(*, owner: User, at: datetime) -> CalendarFeed:
    """A new address. The one before, if there was one, leads nowhere from now on."""
    feed, _ = CalendarFeed.objects.update_or_create(
        owner=owner, defaults={"token": secrets.token_urlsafe(TOKEN_BYTES), "made_at": at}
    )
    return feed


def stop(*, owner: User) -> None:
    """The address leads nowhere from now on, if there is one."""
    CalendarFeed.objects.filter(owner=owner).delete()


def of_token(token: str) -> CalendarFeed | None:
    """Whose sessions are asked for; None also where the account is closed."""
    feeds = CalendarFeed.objects.select_related("owner")
    return feeds.filter(token=token, owner__is_active=True).first()


def write(*, owner: User, at: datetime) -> bytes:
    """The sessions that a person has a seat in, and those in which one is held for them."""
    seats = (
        Enrollment.objects.visible_to(owner)
        .open()
        .filter(session__ends_at__gte=at - KEPT)
        .select_related("session__course", "learner")
    )
    offers = (
        WaitlistPlace.objects.visible_to(owner)
        .offered()
        .filter(offer_expires_at__gt=at)
        .select_related("session__course", "learner")
    )
    return calendars.of_person(
        enrollments=seats.order_by("session__starts_at", "pk"),
        offers=offers.order_by("session__starts_at", "pk"),
        at=at,
    )
