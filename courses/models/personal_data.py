"""One person's own data as one file: asked for, made by a worker, kept for a week."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Least

from ce_portal.clocks import is_over, lease_is_over
from transcripts.models import certificate_storage

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class DataExportQuerySet(models.QuerySet["DataExport"]):
    def visible_to(self, user: User | AnonymousUser) -> DataExportQuerySet:
        """One's own; nobody else's, not for staff either."""
        return self.filter(person=user.pk)

    def to_be_had(self, *, at: datetime) -> DataExportQuerySet:
        """With a file that is there and may still be fetched."""
        return self.filter(state=DataExport.State.READY, expires_at__gt=at)

    def expire(self, *, at: datetime) -> None:
        """End the time of files that are to be had; the clock that made one may be ahead."""
        self.to_be_had(at=at).update(ready_at=Least(F("ready_at"), at), expires_at=at)

    def claimable(self, *, at: datetime) -> DataExportQuerySet:
        """To be made, nobody is at it, and the last attempt was long enough ago.

        What nobody has tried yet is to be had at any time: the clock of the host where it was asked
        for may be ahead of the worker's.
        """
        return self.filter(
            lease_is_over("leased_until", at=at, length=DataExport.LEASE) | Q(attempts=0, lease=""),
            state=DataExport.State.QUEUED,
            attempts__lt=DataExport.MOST_ATTEMPTS,
        )

    def stuck(self, *, at: datetime) -> DataExportQuerySet:
        """To be made with no attempt left: the worker died in each."""
        return self.filter(
            lease_is_over("leased_until", at=at, length=DataExport.LEASE),
            state=DataExport.State.QUEUED,
            attempts__gte=DataExport.MOST_ATTEMPTS,
        )

    def with_a_needless_file(self, *, at: datetime) -> DataExportQuerySet:
        """Expired, or failed in the middle and no worker can still be writing it."""
        return self.exclude(file="").filter(
            Q(state=DataExport.State.READY, expires_at__lte=at)
            | Q(is_over("leased_until", at=at), state=DataExport.State.FAILED)
        )


class DataExport(models.Model):
    """The promise of a person's own data as a ZIP file, and how far it is.

    A worker claims a queued row for a while (``lease``), writes ``file``, and says that it is
    ready. The file is there until ``expires_at``; then a sweep removes it, and the row stays.
    Before it is ready, ``file`` is the one that may be there, whole or in part, and goes first.
    """

    LEASE = timedelta(seconds=600)  # longer than the task may run
    KEPT = timedelta(days=7)
    MOST_ATTEMPTS = 5

    class State(models.TextChoices):
        QUEUED = "queued", "Being made"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="data_exports"
    )
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    done = models.PositiveIntegerField("parts done", default=0)
    parts = models.PositiveIntegerField(default=0)
    file = models.FileField(max_length=200, blank=True, storage=certificate_storage)
    size = models.PositiveBigIntegerField("bytes", default=0)
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    failure = models.TextField("last failure", blank=True)
    lease = models.CharField(max_length=32, blank=True)
    leased_until = models.DateTimeField()

    objects = DataExportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(state="queued"),
                name="data_export_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "failed"], ready_at__isnull=True)
                | Q(state="ready", ready_at__isnull=False, expires_at__gte=F("ready_at")),
                name="data_export_expires_once_it_is_ready",
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(failure=""),
                name="data_export_says_why_it_failed",
            ),
        ]
        indexes = [
            models.Index(fields=["person", "-asked_at"], name="data_export_newest_first"),
            models.Index(
                fields=["leased_until"], condition=Q(state="queued"), name="data_export_queued"
            ),
            models.Index(fields=["expires_at"], condition=~Q(file=""), name="data_export_files"),
        ]

    def __str__(self) -> str:
        return f"Data of {self.person_id}, asked for at {self.asked_at}"

    @property
    def percent(self) -> int:
        return 100 * self.done // self.parts if self.parts else 0
