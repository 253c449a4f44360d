"""Users, and what their names were."""

from __future__ import annotations

import uuid
import zoneinfo
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from accounts import names


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
    preferred_name = models.CharField(
        max_length=names.MAX_LENGTH,
        blank=True,
        validators=[names.check_name],
        help_text="How we greet you. Certificates keep the legal name.",
    )
    time_zone = models.CharField(
        max_length=64, default=default_time_zone, validators=[check_time_zone]
    )
    is_staff = models.BooleanField("may open the admin", default=False)
    is_active = models.BooleanField("may sign in", default=True)
    date_joined = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    # Of one request: staff whose session was opened by one factor alone, and whether they were
    # refused for it.
    lacks_second_factor = False
    missed_power = False

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["legal_name"]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="user_email_is_lower_case"
            ),
            models.CheckConstraint(condition=~Q(legal_name=""), name="user_has_a_legal_name"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True)
                | Q(is_active=False, is_staff=False, is_superuser=False),
                name="user_who_has_closed_may_do_nothing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.legal_name} ({self.email})"

    def get_full_name(self) -> str:
        return self.legal_name

    def get_short_name(self) -> str:
        return self.preferred_name or self.legal_name.split()[0]

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """What a group or being a superuser allows; nothing while a second factor is lacking."""
        may = super().has_perm(perm, obj)
        if may and self.lacks_second_factor:
            self.missed_power = True
            return False
        return may

    @property
    def initials(self) -> str:
        """The first letters of the first and the last name, for the monogram."""
        words = self.legal_name.split()
        return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()

    @property
    def tz(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)


class NameChange(models.Model):
    """One change of a person's legal name. The database refuses to change or remove it."""

    person = models.ForeignKey(User, models.PROTECT, related_name="name_changes")
    old_name = models.CharField(max_length=names.MAX_LENGTH)
    new_name = models.CharField(max_length=names.MAX_LENGTH)
    changed_by = models.ForeignKey(User, models.PROTECT, related_name="name_changes_made")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(old_name=F("new_name")), name="name_change_changes_the_name"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.old_name} became {self.new_name}"
