"""What is true of people: users, their licenses, who may read whose record, their mail."""

from __future__ import annotations

import re
import uuid
import zoneinfo
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from accounts import mail_kinds, names, states

MAX_SUBJECT = 250  # characters of a mail


def check_time_zone(name: str) -> None:
    """Raises ValidationError unless ``name`` is an IANA time zone that this computer knows."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"“{name}” is not a time zone that we know.")


def default_time_zone() -> str:
    return settings.DEFAULT_USER_TIME_ZONE


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Save a new user. The e-mail is kept in lower case; without a password none works."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        fields.setdefault("legal_name", "Superuser")
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        """Sign-in ignores the case of the address."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person with an account: clinician, trainee, supervisor or staff."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField("e-mail", unique=True)
    legal_name = models.CharField(
        max_length=names.MAX_LENGTH,
        validators=[names.check_name],
        help_text="As on your license. It is printed on every certificate.",
    )
    time_zone = models.CharField(
        max_length=64, default=default_time_zone, validators=[check_time_zone]
    )
    is_staff = models.BooleanField("may open the admin", default=False)
    is_active = models.BooleanField("may sign in", default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["legal_name"]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="user_email_is_lower_case"
            ),
            models.CheckConstraint(condition=~Q(legal_name=""), name="user_has_a_legal_name"),
        ]

    def __str__(self) -> str:
        return f"{self.legal_name} ({self.email})"

    def get_full_name(self) -> str:
        return self.legal_name

    def get_short_name(self) -> str:
        return self.legal_name.split()[0]

    @property
    def initials(self) -> str:
        """The first letters of the first and the last name, for the monogram."""
        words = self.legal_name.split()
        return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()

    @property
    def tz(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)


class LicenseQuerySet(models.QuerySet["License"]):
    def by_state(self) -> LicenseQuerySet:
        return self.order_by("state", "license_type", "added_at", "id")


class License(models.Model):
    """One license of one person: the state that gave it, its type, its number."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    holder = models.ForeignKey(User, models.CASCADE, related_name="licenses")
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
    added_at = models.DateTimeField()

    objects = LicenseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "holder",
                "state",
                Lower("license_type"),
                Lower("number"),
                name="license_once_per_holder",
            ),
            models.CheckConstraint(
                condition=~Q(license_type="") & ~Q(number=""), name="license_has_type_and_number"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} {self.license_type} {self.number}"


class SupervisionQuerySet(models.QuerySet["Supervision"]):
    def active(self, *, at: datetime) -> SupervisionQuerySet:
        """Consented and not ended at that moment."""
        return self.filter(
            Q(ended_at__isnull=True) | Q(ended_at__gt=at),
            accepted_at__lte=at,
            declined_at__isnull=True,
        )

    def open(self) -> SupervisionQuerySet:
        """Neither declined nor ended: waiting for an answer, or active."""
        return self.filter(declined_at__isnull=True, ended_at__isnull=True)

    def waiting(self) -> SupervisionQuerySet:
        return self.open().filter(accepted_at__isnull=True)

    def of(self, user: User) -> SupervisionQuerySet:
        """Those where the user is on either side."""
        return self.filter(Q(supervisor=user) | Q(trainee=user))

    def newest_first(self) -> SupervisionQuerySet:
        return self.order_by("-requested_at", "-id")


class Supervision(models.Model):
    """A supervisor's request to read a trainee's record, and the trainee's answer.

    The record is visible from ``accepted_at`` until ``ended_at``, and at no other time.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    supervisor = models.ForeignKey(User, models.PROTECT, related_name="supervisions_given")
    trainee = models.ForeignKey(User, models.PROTECT, related_name="supervisions_received")
    requested_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    declined_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="supervisions_ended"
    )

    objects = SupervisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["supervisor", "trainee"],
                condition=Q(declined_at__isnull=True, ended_at__isnull=True),
                name="supervision_one_open_per_pair",
            ),
            models.CheckConstraint(
                condition=~Q(supervisor=F("trainee")), name="supervision_is_of_somebody_else"
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(accepted_at__gte=F("requested_at")),
                name="supervision_accepted_after_request",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(declined_at__isnull=True),
                name="supervision_not_both_accepted_and_declined",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("requested_at")),
                name="supervision_ended_after_request",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="supervision_ended_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["trainee", "supervisor"], name="supervision_by_trainee")]

    def __str__(self) -> str:
        return f"{self.supervisor} supervises {self.trainee}"


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
        return self.waiting().filter(next_attempt_at__lte=at)

    def with_words(self) -> OutgoingMailQuerySet:
        return self.exclude(body="")

    def ended_before(self, moment: datetime) -> OutgoingMailQuerySet:
        """Sent, dropped or given up before that; asked for by age, for which there is an index."""
        return self.filter(
            Q(sent_at__lt=moment) | Q(dropped_at__lt=moment) | Q(given_up_at__lt=moment),
            created_at__lt=moment,
        )

    def forget_words(self) -> int:
        """Blank what the mail said."""
        return self.update(subject="", body="", calendar="", stop_url="")


class OutgoingMail(models.Model):
    """The promise of one mail to one person, and what became of it.

    ``key`` says what it is about, and is there once for good; what it said is forgotten in time.
    It goes to the address that its recipient has when it is sent.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    recipient = models.ForeignKey(User, models.PROTECT, related_name="mail")
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
