"""Who was present, from when to when, and how we know."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import cast

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.models import check_time_zone
from courses.models.catalog import Session
from courses.models.enrollment import Enrollment


class AttendanceUpload(models.Model):
    """The report of a meeting tool as it was handed in, byte for byte, and how far it has come.

    One that is confirmed and not settled is a promise: its times are applied, all or none, and then
    who has everything gets the credit. ``assigned`` says which enrollment a curator chose for a
    person that no address matched.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(Session, models.PROTECT, related_name="attendance_uploads")
    file_name = models.CharField(max_length=200)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    time_zone = models.CharField(max_length=64, validators=[check_time_zone])
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="attendance_uploads"
    )
    uploaded_at = models.DateTimeField()
    unreadable = models.PositiveIntegerField("lines that cannot be read", default=0)
    assigned = models.JSONField(default=dict)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="attendance_confirmed"
    )
    confirmed_at = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True)
    added = models.PositiveIntegerField("times added", null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "attendance report"
        constraints = [
            # The same file once for each way of reading its times.
            models.UniqueConstraint(
                fields=["session", "sha256", "time_zone"], name="attendance_upload_once_per_session"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True, confirmed_by__isnull=True)
                | Q(confirmed_at__isnull=False, confirmed_by__isnull=False),
                name="attendance_upload_confirmed_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(applied_at__isnull=True, added__isnull=True)
                | Q(applied_at__isnull=False, added__isnull=False, confirmed_at__isnull=False),
                name="attendance_upload_applied_after_confirmed",
            ),
            models.CheckConstraint(
                condition=Q(settled_at__isnull=True) | Q(applied_at__isnull=False),
                name="attendance_upload_settled_after_applied",
            ),
        ]
        indexes = [
            models.Index(
                fields=["confirmed_at"],
                condition=Q(confirmed_at__isnull=False, settled_at__isnull=True),
                name="attendance_upload_unsettled",
            )
        ]

    def __str__(self) -> str:
        return f"{self.file_name} for {self.session}"


class AttendanceIntervalQuerySet(models.QuerySet["AttendanceInterval"]):
    def standing(self) -> AttendanceIntervalQuerySet:
        """Not taken back."""
        return self.filter(voided_at__isnull=True)

    def counted(self) -> AttendanceIntervalQuerySet:
        """What minutes are counted from: with an end, and not taken back."""
        return self.standing().filter(ends_at__isnull=False)

    def checked_in(self) -> AttendanceIntervalQuerySet:
        """Begun, and not ended yet."""
        return self.standing().filter(ends_at__isnull=True)

    def spans(self) -> list[tuple[datetime, datetime]]:
        """From when to when, of those that have an end."""
        found = self.filter(ends_at__isnull=False).values_list("starts_at", "ends_at")
        return cast("list[tuple[datetime, datetime]]", list(found))


class AttendanceInterval(models.Model):
    """From when to when a learner was present, and how we know. Never changed: a check-in is ended
    once, and what is wrong is voided for a reason."""

    class Source(models.TextChoices):
        CODE = "code", "check-in code"
        IMPORT = "import", "meeting report"
        CURATOR = "curator", "curator"

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="attendance")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    source = models.CharField(max_length=10, choices=Source.choices)
    detail = models.TextField("reason or file", blank=True)
    upload = models.ForeignKey(
        AttendanceUpload, models.PROTECT, null=True, related_name="intervals"
    )
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="attendance_recorded"
    )
    recorded_at = models.DateTimeField()
    voided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="attendance_voided"
    )
    voided_at = models.DateTimeField(null=True)
    void_reason = models.TextField(blank=True)

    objects = AttendanceIntervalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                name="attendance_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=False) | Q(source="code"),
                name="attendance_only_a_check_in_is_open",
            ),
            models.CheckConstraint(
                condition=~Q(source="curator") | ~Q(detail=""),
                name="attendance_by_a_curator_has_a_reason",
            ),
            models.CheckConstraint(
                condition=(Q(source="import") & Q(upload__isnull=False))
                | (~Q(source="import") & Q(upload__isnull=True)),
                name="attendance_import_names_its_upload",
            ),
            models.CheckConstraint(
                condition=Q(voided_at__isnull=True, voided_by__isnull=True, void_reason="")
                | (Q(voided_at__isnull=False, voided_by__isnull=False) & ~Q(void_reason="")),
                name="attendance_voided_all_or_none",
            ),
            models.UniqueConstraint(
                fields=["enrollment"],
                condition=Q(ends_at__isnull=True, voided_at__isnull=True),
                name="attendance_one_open_check_in",
            ),
            models.UniqueConstraint(
                fields=["enrollment", "starts_at", "ends_at"],
                condition=Q(source="import", voided_at__isnull=True),
                name="attendance_imported_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enrollment}, {self.get_source_display()}"
