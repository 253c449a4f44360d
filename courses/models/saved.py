"""What a person puts aside in the catalog: searches to repeat, courses to come back to."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from courses.models.catalog import Course

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

WEEK = timedelta(days=7)


class SavedSearchQuerySet(models.QuerySet["SavedSearch"]):
    def visible_to(self, user: User | AnonymousUser) -> SavedSearchQuerySet:
        """The owner's own; what somebody looks for is nobody else's."""
        return self.filter(owner=user.pk)

    def due(self, *, at: datetime) -> SavedSearchQuerySet:
        """Wants mail, was looked at a week ago or more, and its owner can be written to."""
        return self.filter(
            wants_mail=True,
            seen_until__lte=at - WEEK,
            owner__is_active=True,
            owner__emailaddress__email=F("owner__email"),
            owner__emailaddress__primary=True,
            owner__emailaddress__verified=True,
        )

    def newest_first(self) -> SavedSearchQuerySet:
        return self.order_by("-created_at", "-pk")


class SavedSearch(models.Model):
    """What one person asks of the catalog, under a name of theirs.

    ``query`` is the catalog's query string in its one canonical form. What was published up to
    ``seen_until`` has been told, or was there when the owner began to ask for mail.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_searches"
    )
    name = models.CharField(max_length=120)
    query = models.CharField(max_length=2000)
    wants_mail = models.BooleanField("weekly mail", default=False)
    created_at = models.DateTimeField()
    seen_until = models.DateTimeField()
    mailed_at = models.DateTimeField("last mail", null=True, blank=True)

    objects = SavedSearchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "saved searches"
        constraints = [
            models.UniqueConstraint(fields=["owner", "query"], name="saved_search_once_per_owner"),
            models.CheckConstraint(condition=~Q(name=""), name="saved_search_has_a_name"),
            models.CheckConstraint(condition=~Q(query=""), name="saved_search_asks_for_something"),
            models.CheckConstraint(
                condition=Q(mailed_at__isnull=True) | Q(mailed_at__gte=F("created_at")),
                name="saved_search_mailed_after_created",
            ),
        ]
        indexes = [
            models.Index(
                fields=["seen_until"], condition=Q(wants_mail=True), name="saved_search_mail_due"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The catalog, asked the same again."""
        return f"{reverse('courses:catalog')}?{self.query}"


class ShortlistItemQuerySet(models.QuerySet["ShortlistItem"]):
    def visible_to(self, user: User | AnonymousUser) -> ShortlistItemQuerySet:
        """The owner's own."""
        return self.filter(owner=user.pk)

    def latest_first(self) -> ShortlistItemQuerySet:
        return self.order_by("-kept_at", "-pk")


class ShortlistItem(models.Model):
    """A course that a person keeps for later."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="shortlist_items"
    )
    course = models.ForeignKey(Course, models.CASCADE, related_name="shortlist_items")
    kept_at = models.DateTimeField()

    objects = ShortlistItemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "course"], name="course_once_per_shortlist")
        ]
        indexes = [models.Index(fields=["owner", "-kept_at"], name="shortlist_latest_first")]

    def __str__(self) -> str:
        return f"{self.course}, kept by {self.owner}"
