"""Where a person's calendar program finds their own sessions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import GreaterThanOrEqual


class CalendarFeed(models.Model):
    """The address of one person's sessions, open to whoever knows its token.

    A new address takes the place of the old one; nobody has two.
    """

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="calendar_feed"
    )
    token = models.CharField(max_length=64)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token"], name="calendar_feed_one_per_token"),
            models.CheckConstraint(
                # 22 characters of base64 hold 128 bits.
                condition=GreaterThanOrEqual(Length("token"), 22),
                name="calendar_feed_token_cannot_be_guessed",
            ),
        ]

    def __str__(self) -> str:
        return f"Sessions of {self.owner}"
