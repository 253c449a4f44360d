"""Reflections: what a holder notes for themselves about what they earned."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from accounts.models import Scope, User
from transcripts.models.credit import CreditEntry, readable_by

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class ReflectionQuerySet(models.QuerySet["Reflection"]):
    def visible_to(self, user: User | AnonymousUser, *, at: datetime) -> ReflectionQuerySet:
        """One's own; and of trainees who let one read reflections, each that they chose to share.

        Nobody else's, not for staff either: it is a private note.
        """
        readable = readable_by(user, scope=Scope.REFLECTIONS, at=at, holder="entry__holder")
        return self.filter(readable, Q(entry__holder=user.pk) | Q(is_shared=True))


class Reflection(models.Model):
    """A holder's private note on what they earned: what they learned, what they will do."""

    entry = models.OneToOneField(CreditEntry, models.PROTECT, related_name="reflection")
    learned = models.TextField("what I learned", blank=True)
    will_do = models.TextField("what I will do differently", blank=True)
    is_shared = models.BooleanField("my supervisors may read it", default=False)
    changed_at = models.DateTimeField()

    objects = ReflectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(learned="") | ~Q(will_do=""), name="reflection_says_something"
            ),
        ]

    def __str__(self) -> str:
        return f"Reflection on {self.entry}"
