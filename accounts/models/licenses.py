"""Licenses, and what they said before."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from accounts import states
from accounts.models.users import User


class LicenseQuerySet(models.QuerySet["License"]):
    def on_file(self) -> LicenseQuerySet:
        """Not removed by their holder; in force or not."""
        return self.filter(removed_at__isnull=True)

    def in_force(self, *, on: date) -> LicenseQuerySet:
        """On file, issued by that day, and not expired before it. A day unknown hinders nothing."""
        return self.on_file().filter(
            Q(issued_on__isnull=True) | Q(issued_on__lte=on),
            Q(expires_on__isnull=True) | Q(expires_on__gte=on),
        )

    def due_for_reminder(self, *, on: date) -> LicenseQuerySet:
        """Nearer to its last day than any reminder that its holder got."""
        due = Q()
        for days in License.REMIND_BEFORE:
            due |= Q(expires_on__lte=on + timedelta(days=days)) & (
                Q(reminded_days__isnull=True) | Q(reminded_days__gt=days)
            )
        return self.on_file().filter(due, expires_on__gte=on, holder__is_active=True)

    def by_state(self) -> LicenseQuerySet:
        return self.order_by("state", "license_type", "added_at", "id")


class License(models.Model):
    """One license of one person, as it is now: state, type, number and dates.

    Its holder may correct it or take it off; ``LicenseVersion`` keeps what it was.
    """

    REMIND_BEFORE: ClassVar[tuple[int, ...]] = (180, 90, 30, 7)  # days

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    holder = models.ForeignKey(User, models.PROTECT, related_name="licenses")
    state = models.CharField(max_length=2, choices=states.CHOICES)
    license_type = models.CharField(
        "type",
        max_length=40,
        validators=[
            RegexValidator(
                r"^[A-Za-z][A-Za-z0-9 .\-/()]*$", "Use letters, digits, spaces and . - / ( ) only."
            )
        ],
        help_text="Such as LCSW, LMHC, LMFT or Psychologist",
    )
    number = models.CharField(
        max_length=40,
        validators=[
            RegexValidator(
                r"^[A-Za-z0-9][A-Za-z0-9 .\-/]*$", "Use letters, digits, spaces and . - / only."
            )
        ],
        help_text="As printed on the license",
    )
    issued_on = models.DateField("issued", null=True, blank=True)
    expires_on = models.DateField(
        "expires",
        null=True,
        blank=True,
        help_text="Its last day. We remind you 180, 90, 30 and 7 days before.",
    )
    added_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    reminded_days = models.PositiveSmallIntegerField(
        null=True, blank=True, editable=False, help_text="Of which reminder before this last day"
    )

    objects = LicenseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "holder",
                "state",
                Lower("license_type"),
                Lower("number"),
                condition=Q(removed_at__isnull=True),
                name="license_once_per_holder",
            ),
            models.CheckConstraint(
                condition=~Q(license_type="") & ~Q(number=""), name="license_has_type_and_number"
            ),
            models.CheckConstraint(
                condition=Q(issued_on__isnull=True)
                | Q(expires_on__isnull=True)
                | Q(expires_on__gt=F("issued_on")),
                name="license_expires_after_it_is_issued",
                violation_error_message="A license expires after it is issued. Check the two days.",
            ),
            models.CheckConstraint(
                condition=Q(reminded_days__isnull=True) | Q(expires_on__isnull=False),
                name="license_reminder_has_a_last_day",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_on"],
                condition=Q(removed_at__isnull=True),
                name="license_on_file_by_last_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} {self.license_type} {self.number}"


class LicenseVersion(models.Model):
    """A license as it was from one moment on. The database refuses to change or remove it.

    So what an award of some day says of a license can be explained, whatever became of it.
    """

    license = models.ForeignKey(License, models.PROTECT, related_name="versions")
    state = models.CharField(max_length=2, choices=states.CHOICES)
    license_type = models.CharField("type", max_length=40)
    number = models.CharField(max_length=40)
    issued_on = models.DateField("issued", null=True, blank=True)
    expires_on = models.DateField("expires", null=True, blank=True)
    recorded_by = models.ForeignKey(User, models.PROTECT, related_name="license_versions_made")
    recorded_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.get_state_display()} {self.license_type} {self.number}"
