"""Who waits for a seat in a full session, and what became of it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from courses.models.catalog import Session
from courses.models.enrollment import Enrollment

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class WaitlistPlaceQuerySet(models.QuerySet["WaitlistPlace"]):
    def visible_to(self, user: User | AnonymousUser) -> WaitlistPlaceQuerySet:
        """The learner's own; nobody else learns who waits."""
        return self.filter(learner=user.pk)

    def open(self) -> WaitlistPlaceQuerySet:
        """Waiting, or with an offer that was neither answered nor has lapsed."""
        return self.filter(state__in=WaitlistPlace.OPEN)

    def waiting(self) -> WaitlistPlaceQuerySet:
        return self.filter(state=WaitlistPlace.State.WAITING)

    def offered(self) -> WaitlistPlaceQuerySet:
        return self.filter(state=WaitlistPlace.State.OFFERED)

    def current_offers(self, *, at: datetime) -> WaitlistPlaceQuerySet:
        """With an offer that can still be taken."""
        return self.offered().filter(offer_expires_at__gt=at)

    def overdue(self, *, at: datetime) -> WaitlistPlaceQuerySet:
        """With an offer whose time is over."""
        return self.offered().filter(offer_expires_at__lte=at)

    def with_position(self) -> WaitlistPlaceQuerySet:
        """Adds ``position``: who of those that wait for the session stands where, from 1."""
        in_front = Q(joined_at__lt=OuterRef("joined_at")) | Q(
            joined_at=OuterRef("joined_at"), pk__lt=OuterRef("pk")
        )
        rows = WaitlistPlace.objects.waiting().filter(in_front, session=OuterRef("session"))
        counted = rows.values("session").annotate(rows=Count("pk")).values("rows")
        return self.annotate(position=Coalesce(Subquery(counted), 0) + 1)

    def in_order(self) -> WaitlistPlaceQuerySet:
        """Who came first is offered a seat first."""
        return self.order_by("joined_at", "pk")


_STATES = ["waiting", "offered", "taken", "declined", "expired", "left", "closed"]


class WaitlistPlace(models.Model):
    """A learner's place in the line for a session, once: whoever leaves and joins again has another
    one, at the end. An open offer holds a seat."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        OFFERED = "offered", "Seat offered"
        TAKEN = "taken", "Seat taken"
        DECLINED = "declined", "Offer declined"
        EXPIRED = "expired", "Offer lapsed"
        LEFT = "left", "Left the waitlist"
        CLOSED = "closed", "Waitlist closed"

    OPEN = (State.WAITING, State.OFFERED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(Session, models.PROTECT, related_name="waitlist")
    learner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="waitlist_places"
    )
    joined_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    offered_at = models.DateTimeField(null=True, blank=True)
    offer_expires_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    enrollment = models.ForeignKey(
        Enrollment, models.PROTECT, null=True, blank=True, related_name="waitlist_places"
    )

    objects = WaitlistPlaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["session", "learner"],
                condition=Q(state__in=["waiting", "offered"]),
                name="waitlist_one_open_place_per_learner",
            ),
            models.CheckConstraint(condition=Q(state__in=_STATES), name="waitlist_state_is_known"),
            models.CheckConstraint(
                # Nobody who waits or left was offered a seat; a closed place may have been.
                condition=Q(
                    state__in=["waiting", "left", "closed"],
                    offered_at__isnull=True,
                    offer_expires_at__isnull=True,
                )
                | Q(
                    state__in=["offered", "taken", "declined", "expired", "closed"],
                    offered_at__isnull=False,
                    offer_expires_at__gt=F("offered_at"),
                ),
                name="waitlist_offer_has_its_moments",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "offered"], closed_at__isnull=True)
                | (~Q(state__in=["waiting", "offered"]) & Q(closed_at__isnull=False)),
                name="waitlist_place_ends_at_a_moment",
            ),
            models.CheckConstraint(
                condition=Q(state="taken", enrollment__isnull=False)
                | (~Q(state="taken") & Q(enrollment__isnull=True)),
                name="waitlist_seat_taken_by_an_enrollment",
            ),
        ]
        indexes = [
            models.Index(
                fields=["session", "joined_at"],
                condition=Q(state__in=["waiting", "offered"]),
                name="waitlist_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.learner} for {self.session}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN
