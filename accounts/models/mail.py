"""Mail that is promised, and mail that a person does not want."""

from __future__ import annotations

import re
import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q

from accounts import mail_kinds
from accounts.models.users import User
from ce_portal.clocks import is_over

MAX_SUBJECT = 250  # characters of a mail


def calendar_method(calendar: str) -> str:
    """What an iCalendar object is there for: REQUEST, CANCEL, PUBLISH; "" if it does not say."""
    stated = re.search(r"^METHOD:([A-Z]+)\r?$", calendar, re.MULTILINE)
    return stated[1] if stated else ""


class OutgoingMailQuerySet(models.QuerySet["OutgoingMail"]):
    def waiting(self) -> OutgoingMailQuerySet:
        """To be sent: neither sent nor dropped nor given up."""
        return self.open().filter(given_up_at__isnull=True)

    def open(self) -> OutgoingMailQuerySet:
        """Neither sent nor dropped: waiting, or given up."""
        return self.filter(sent_at__isnull=True, dropped_at__isnull=True)

    def given_up(self) -> OutgoingMailQuerySet:
        return self.filter(given_up_at__isnull=False)

    def due(self, *, at: datetime) -> OutgoingMailQuerySet:
        """Waiting, and neither a message nor a failed attempt is so fresh that one should wait."""
        return self.waiting().filter(is_over("next_attempt_at", at=at))

    def with_words(self) -> OutgoingMailQuerySet:
        return self.exclude(body="")

    def ended_before(self, moment: datetime) -> OutgoingMailQuerySet:
        """Sent, dropped or given up before that; asked for by age, for which there is an index."""
        return self.filter(
            Q(sent_at__lt=moment) | Q(dropped_at__lt=moment) | Q(given_up_at__lt=moment),
            created_at__lt=moment,
        )

    def forget_words(self) -> int:
        """Blank what the mail said, and the address that is of no account."""
        return self.update(subject="", body="", calendar="", stop_url="", address="", failure="")


class OutgoingMail(models.Model):
    """The promise of one mail to one person or address, and what became of it.

    ``key`` says what it is about, and is there once for good; what it said is forgotten in time.
    It goes to the address that its recipient has when it is sent; to ``address``, which is
    forgotten with the words, if that is of nobody who has an account.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    recipient = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="mail")
    address = models.EmailField("address without an account", blank=True)
    kind = models.CharField(max_length=40, choices=mail_kinds.choices)
    key = models.CharField(max_length=200)
    subject = models.CharField(max_length=MAX_SUBJECT, blank=True)
    body = models.TextField(blank=True)
    calendar = models.TextField("iCalendar object", blank=True)
    stop_url = models.CharField("address that stops it", max_length=500, blank=True)
    created_at = models.DateTimeField("promised at")
    until = models.DateTimeField("of use until", null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    dropped_at = models.DateTimeField(null=True, blank=True)
    dropped_because = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveIntegerField("failed attempts", default=0)
    failure = models.TextField("last failure", blank=True)
    next_attempt_at = models.DateTimeField()
    given_up_at = models.DateTimeField(null=True, blank=True)

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "outgoing mail"
        constraints = [
            models.UniqueConstraint(fields=["key"], name="outgoing_mail_once_per_key"),
            models.CheckConstraint(
                condition=Q(recipient__isnull=False, address="")
                | (Q(recipient__isnull=True) & ~Q(address=""))
                | Q(recipient__isnull=True, body=""),
                name="outgoing_mail_goes_to_a_person_or_an_address",
            ),
            models.CheckConstraint(
                condition=~Q(key="") & ~Q(kind=""), name="outgoing_mail_has_a_kind_and_a_key"
            ),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True, dropped_at__isnull=True)
                | Q(sent_at__isnull=True, given_up_at__isnull=True)
                | Q(dropped_at__isnull=True, given_up_at__isnull=True),
                name="outgoing_mail_ends_in_one_way",
            ),
            models.CheckConstraint(
                condition=Q(dropped_at__isnull=True, dropped_because="")
                | (Q(dropped_at__isnull=False) & ~Q(dropped_because="")),
                name="outgoing_mail_dropped_for_a_reason",
            ),
            models.CheckConstraint(
                condition=(~Q(subject="") & ~Q(body=""))
                | Q(sent_at__isnull=False)
                | Q(dropped_at__isnull=False)
                | Q(given_up_at__isnull=False),
                name="outgoing_mail_has_words_until_it_ends",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(
                    sent_at__isnull=True, dropped_at__isnull=True, given_up_at__isnull=True
                ),
                name="outgoing_mail_waiting",
            ),
            models.Index(
                fields=["created_at"], condition=~Q(body=""), name="outgoing_mail_with_words"
            ),
            models.Index(fields=["-created_at", "id"], name="outgoing_mail_newest_first"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def state(self) -> str:
        """What became of it, in a word or a sentence."""
        if self.sent_at:
            return "Sent"
        if self.dropped_at:
            return f"Dropped: {self.dropped_because}"
        if self.given_up_at:
            return "Given up"
        return "Refused so far" if self.attempts else "Waiting"


class MailOptOutQuerySet(models.QuerySet["MailOptOut"]):
    def of(self, person: User, *, kind: str) -> MailOptOutQuerySet:
        return self.filter(owner=person, kind=kind)


class MailOptOut(models.Model):
    """A kind of mail that a person does not want."""

    owner = models.ForeignKey(User, models.CASCADE, related_name="mail_opt_outs")
    kind = models.CharField(max_length=40, choices=mail_kinds.choices)
    opted_out_at = models.DateTimeField()

    objects = MailOptOutQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "kind"], name="mail_opt_out_once_per_kind"),
            models.CheckConstraint(condition=~Q(kind=""), name="mail_opt_out_has_a_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.owner} wants no {self.get_kind_display()}"
