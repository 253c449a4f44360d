"""Who may read whose record, what of it, and when."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import ExpressionWrapper, F, Q, Value

from accounts.models.confirmations import confirmed_at
from accounts.models.users import User


class Scope(models.TextChoices):
    """A part of a record that a trainee lets a supervisor read, or does not."""

    CREDIT = "credit", "Credit and certificates"
    RENEWAL = "renewal", "Progress toward the plan"
    REFLECTIONS = "reflections", "Shared reflections"
    EVIDENCE = "evidence", "Outside credit with its evidence"
    PRACTICE = "practice", "Supervised practice log"

    @property
    def meaning(self) -> str:
        """What exactly becomes visible, in a sentence to the trainee."""
        return {
            Scope.CREDIT: "Each course that you completed, its hours and its certificate.",
            Scope.RENEWAL: "The hours that you have and still need, what you are enrolled in and "
            "your next live session, and what is assigned to you.",
            Scope.REFLECTIONS: "Your notes on what you earned, and of these only the ones that "
            "you chose to share.",
            Scope.EVIDENCE: "Training that you took elsewhere, with the files that prove it.",
            Scope.PRACTICE: "The hours of practice and supervision that you log.",
        }[self]


def columns(scopes: Any) -> dict[str, bool]:
    """The columns of ``Shared`` for these scopes."""
    chosen = {Scope(scope) for scope in scopes}
    return {f"shares_{scope}": scope in chosen for scope in Scope}


def shares_something() -> Q:
    something = Q()
    for scope in Scope:
        something |= Q(**{f"shares_{scope}": True})
    return something


class Shared(models.Model):
    """Which parts of a record are shared: a column for each scope."""

    shares_credit = models.BooleanField(default=False)
    shares_renewal = models.BooleanField(default=False)
    shares_reflections = models.BooleanField(default=False)
    shares_evidence = models.BooleanField(default=False)
    shares_practice = models.BooleanField(default=False)

    class Meta:
        abstract = True

    @property
    def scopes(self) -> list[Scope]:
        return [scope for scope in Scope if getattr(self, f"shares_{scope}")]

    @property
    def scope_labels(self) -> list[str]:
        return [scope.label for scope in self.scopes]


class SupervisionQuerySet(models.QuerySet["Supervision"]):
    def active(self, *, at: datetime) -> SupervisionQuerySet:
        """Begun and not ended at that moment, between two open accounts.

        If supervisors must be confirmed, that one is: without it nothing is read, and nothing ends.
        """
        active = self.filter(
            Q(ended_at__isnull=True) | Q(ended_at__gt=at),
            Q(ends_at__isnull=True) | Q(ends_at__gt=at),
            begins_at__lte=at,
            supervisor__is_active=True,
            trainee__is_active=True,
        )
        if settings.SUPERVISORS_MUST_BE_CONFIRMED:
            active = active.filter(confirmed_at(at, person="supervisor"))
        return active

    def sharing(self, scope: Scope) -> SupervisionQuerySet:
        """Those whose trainee lets that part of the record be read."""
        return self.filter(**{f"shares_{scope}": True})

    def open(self, *, at: datetime) -> SupervisionQuerySet:
        """Not over at that moment: it is read, or will be, or pauses."""
        return self.filter(
            Q(ended_at__isnull=True) | Q(ended_at__gt=at),
            Q(ends_at__isnull=True) | Q(ends_at__gt=at),
        )

    def over(self, *, at: datetime) -> SupervisionQuerySet:
        return self.filter(Q(ended_at__lte=at) | Q(ends_at__lte=at))

    def with_confirmation(self, *, at: datetime) -> SupervisionQuerySet:
        """Annotates ``is_confirmed``: the supervisor is confirmed, or need not be."""
        must = settings.SUPERVISORS_MUST_BE_CONFIRMED
        is_confirmed = confirmed_at(at, person="supervisor") if must else Value(True)
        return self.annotate(
            is_confirmed=ExpressionWrapper(is_confirmed, output_field=models.BooleanField())
        )

    def of(self, user: User) -> SupervisionQuerySet:
        """Those where the user is on either side."""
        return self.filter(Q(supervisor=user) | Q(trainee=user))

    def newest_first(self) -> SupervisionQuerySet:
        return self.order_by("-accepted_at", "-id")


class Supervision(Shared):
    """A trainee's consent that a supervisor reads parts of their record.

    What the trainee shares is visible from ``begins_at`` until ``ends_at`` or ``ended_at``,
    whichever is first, and at no other time. ``Consent`` keeps what it was.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    supervisor = models.ForeignKey(User, models.PROTECT, related_name="supervisions_given")
    trainee = models.ForeignKey(User, models.PROTECT, related_name="supervisions_received")
    accepted_at = models.DateTimeField()
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField("to end", null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="supervisions_ended"
    )

    objects = SupervisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["supervisor", "trainee"],
                condition=Q(ended_at__isnull=True),
                name="supervision_one_open_per_pair",
            ),
            models.CheckConstraint(
                condition=~Q(supervisor=F("trainee")), name="supervision_is_of_somebody_else"
            ),
            models.CheckConstraint(
                condition=Q(begins_at__gte=F("accepted_at")), name="supervision_begins_with_consent"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("begins_at")),
                name="supervision_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("accepted_at")),
                name="supervision_ended_after_consent",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False)
                | Q(ends_at__isnull=False, ended_at=F("ends_at"), ended_by__isnull=True),
                name="supervision_ended_by_somebody_or_its_last_day",
            ),
            models.CheckConstraint(
                condition=shares_something(), name="supervision_shares_something"
            ),
        ]
        indexes = [models.Index(fields=["trainee", "supervisor"], name="supervision_by_trainee")]

    def __str__(self) -> str:
        return f"{self.supervisor} supervises {self.trainee}"

    @property
    def over_at(self) -> datetime | None:
        """The moment from which on nothing is read, as far as it is known."""
        return min(filter(None, (self.ended_at, self.ends_at)), default=None)

    def is_over(self, at: datetime) -> bool:
        return self.over_at is not None and self.over_at <= at


class Consent(Shared):
    """What a trainee consented to from one moment on. The database refuses to change or remove it.

    The last row of a supervision says that and by whom it was ended, unless its last day came.
    """

    class What(models.TextChoices):
        GIVEN = "given", "Given"
        CHANGED = "changed", "Changed"
        ENDED = "ended", "Ended"

    supervision = models.ForeignKey(Supervision, models.PROTECT, related_name="consents")
    what = models.CharField(max_length=10, choices=What.choices)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField("to end", null=True, blank=True)
    recorded_by = models.ForeignKey(User, models.PROTECT, related_name="consents_recorded")
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["supervision"], condition=Q(what="given"), name="consent_is_given_once"
            ),
            models.UniqueConstraint(
                fields=["supervision"], condition=Q(what="ended"), name="consent_ends_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_what_display()}: {', '.join(self.scope_labels)}"
