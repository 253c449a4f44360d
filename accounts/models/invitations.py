"""Invitations to a supervision, by either side, to an address."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from accounts.models.supervision import Shared, Supervision, shares_something
from accounts.models.users import User


class Side(models.TextChoices):
    """On which side of a supervision somebody is."""

    SUPERVISOR = "supervisor", "Supervisor"
    TRAINEE = "trainee", "Trainee"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> InvitationQuerySet:
        """Not answered and not withdrawn, even if it is too late to answer."""
        return self.filter(
            accepted_at__isnull=True, declined_at__isnull=True, withdrawn_at__isnull=True
        )

    def waiting(self, *, at: datetime) -> InvitationQuerySet:
        """To be answered: open, not too late, and of somebody who is still here."""
        return self.open().filter(expires_at__gt=at, inviter__is_active=True)

    def to(self, user: User) -> InvitationQuerySet:
        """Sent to an address that the user has verified."""
        addresses = user.emailaddress_set  # type: ignore[attr-defined]
        verified = addresses.filter(verified=True).values_list(Lower("email"))
        return self.filter(email__in=verified).exclude(inviter=user)

    def newest_first(self) -> InvitationQuerySet:
        return self.order_by("-invited_at", "-id")


def new_token() -> str:
    return secrets.token_urlsafe(32)


class Invitation(Shared):
    """One side's invitation of whoever reads an address, and how it was answered.

    Of a trainee it is a consent to just that; of a supervisor it asks for one, and the trainee
    may grant less. Days are those of the trainee's time zone. ``token`` opens it from the mail;
    only an account that has verified the address can accept.
    """

    DAYS = 14
    MOST_MAILINGS = 4  # the first one and three more

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    inviter = models.ForeignKey(User, models.PROTECT, related_name="invitations")
    inviter_is = models.CharField("as", max_length=10, choices=Side.choices)
    email = models.EmailField("e-mail")
    note = models.CharField(max_length=500, blank=True)
    begins_on = models.DateField("first day", null=True, blank=True)
    ends_on = models.DateField("last day", null=True, blank=True)
    invited_at = models.DateTimeField()
    mailed_at = models.DateTimeField("last mailed at")
    mailings = models.PositiveSmallIntegerField("times mailed", default=1)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    supervision = models.OneToOneField(
        Supervision, models.PROTECT, null=True, blank=True, related_name="invitation"
    )
    declined_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["inviter", "email", "inviter_is"],
                condition=Q(
                    accepted_at__isnull=True, declined_at__isnull=True, withdrawn_at__isnull=True
                ),
                name="invitation_one_open_per_address",
            ),
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="invitation_address_is_lower_case"
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True, declined_at__isnull=True)
                | Q(accepted_at__isnull=True, withdrawn_at__isnull=True)
                | Q(declined_at__isnull=True, withdrawn_at__isnull=True),
                name="invitation_ends_in_one_way",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True, supervision__isnull=True)
                | Q(accepted_at__isnull=False, supervision__isnull=False),
                name="invitation_accepted_becomes_a_supervision",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(accepted_at__lt=F("expires_at")),
                name="invitation_accepted_before_it_expires",
            ),
            models.CheckConstraint(
                condition=Q(begins_on__isnull=True)
                | Q(ends_on__isnull=True)
                | Q(ends_on__gte=F("begins_on")),
                name="invitation_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=~Q(inviter_is=Side.TRAINEE) | shares_something(),
                name="invitation_of_a_trainee_consents_to_something",
            ),
        ]
        indexes = [
            models.Index(
                fields=["email"],
                condition=Q(
                    accepted_at__isnull=True, declined_at__isnull=True, withdrawn_at__isnull=True
                ),
                name="invitation_open_by_address",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.inviter} invites {self.email}"

    @property
    def inviter_supervises(self) -> bool:
        return self.inviter_is == Side.SUPERVISOR

    @property
    def is_open(self) -> bool:
        return not (self.accepted_at or self.declined_at or self.withdrawn_at)

    def state(self, *, at: datetime) -> str:
        """What became of it, in a word."""
        if self.accepted_at:
            return "Accepted"
        if self.declined_at:
            return "Declined"
        if self.withdrawn_at:
            return "Withdrawn"
        return "Waiting" if at < self.expires_at else "Expired"

    def is_waiting(self, at: datetime) -> bool:
        """It can still be answered."""
        return self.is_open and at < self.expires_at
