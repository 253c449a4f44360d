"""Whom the operator lets supervise, where it must be confirmed."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.models.licenses import License
from accounts.models.users import User


class SupervisorConfirmationQuerySet(models.QuerySet["SupervisorConfirmation"]):
    def standing(self, *, at: datetime) -> SupervisorConfirmationQuerySet:
        """Given, and not taken back at that moment."""
        return self.filter(
            Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gt=at), confirmed_at__lte=at
        )


class SupervisorConfirmation(models.Model):
    """Staff's word that a person may supervise, without a license on file."""

    person = models.ForeignKey(User, models.PROTECT, related_name="supervisor_confirmations")
    because = models.CharField("reason", max_length=500)
    confirmed_by = models.ForeignKey(
        User, models.PROTECT, related_name="supervisor_confirmations_given"
    )
    confirmed_at = models.DateTimeField()
    withdrawn_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="supervisor_confirmations_withdrawn",
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = SupervisorConfirmationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(withdrawn_at__isnull=True),
                name="supervisor_confirmation_one_standing_per_person",
            ),
            models.CheckConstraint(
                condition=~Q(because=""), name="supervisor_confirmation_has_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False),
                name="supervisor_confirmation_withdrawn_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} may supervise"


def confirmed_at(at: datetime, *, person: str = "pk") -> Q:
    """Whoever that field names is confirmed: a license of theirs is in force, or staff said so.

    The day of a license is that of the portal's own time zone.
    """
    day = at.astimezone(ZoneInfo(settings.DEFAULT_USER_TIME_ZONE)).date()
    licensed = License.objects.in_force(on=day).filter(holder=OuterRef(person))
    by_staff = SupervisorConfirmation.objects.standing(at=at).filter(person=OuterRef(person))
    return Q(Exists(licensed)) | Q(Exists(by_staff))
