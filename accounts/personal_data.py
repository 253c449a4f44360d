"""What a person may take along of their own data: this app's part, and how a part is told.

Each app has such a module with ``TABLES`` and ``LEFT_OUT``; ``courses.personal_data`` puts them
into one file. Every model that leads to a person stands in one of them: a test asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.db.models import Field, Model, Q, QuerySet

from accounts.models import (
    Consent,
    Invitation,
    License,
    LicenseVersion,
    MailOptOut,
    NameChange,
    OutgoingMail,
    RecordRead,
    Supervision,
    SupervisionQuerySet,
    SupervisorConfirmation,
    User,
)

CHUNK = 500  # rows fetched at once


@dataclass(frozen=True)
class Table:
    """The rows of one model that are a person's own: every column but those ``without``, and
    ``also`` what columns elsewhere say, such as ``course__title``.

    Rows that are of another person too are narrowed by ``readable`` to what one may read at the
    moment: what a trainee shared is not taken along after the end.
    """

    name: str  # of its file, without ".json"
    rows: Callable[[User], QuerySet[Any]]
    also: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    readable: Callable[[Any, User, datetime], QuerySet[Any]] | None = None

    @property
    def model(self) -> type[Model]:
        return self.rows(User()).model

    def told(self, person: User, *, at: datetime) -> Iterator[dict[str, Any]]:
        """The person's rows, oldest first, in one question for each few hundred."""
        found = self.rows(person)
        if self.readable:
            found = self.readable(found, person, at)
        columns = [
            field.attname
            for field in self.model._meta.concrete_fields  # noqa: SLF001
            if isinstance(field, Field) and field.name not in self.without
        ]
        rows = found.order_by("pk").values(*columns, *self.also)
        yield from rows.iterator(chunk_size=CHUNK)


def given_now(person: User, *, at: datetime) -> SupervisionQuerySet:
    """The supervisions in which the person reads another's record at that moment."""
    return Supervision.objects.active(at=at).filter(supervisor=person)


TABLES = [
    Table(
        "profile",
        lambda person: User.objects.filter(pk=person.pk),
        without=("password",),
    ),
    Table(
        "names",
        lambda person: NameChange.objects.filter(person=person),
        also=("changed_by__legal_name",),
    ),
    Table("licenses", lambda person: License.objects.filter(holder=person)),
    Table(
        "license-versions",
        lambda person: LicenseVersion.objects.filter(license__holder=person),
        also=("recorded_by__legal_name",),
    ),
    Table("mail-turned-off", lambda person: MailOptOut.objects.filter(owner=person)),
    Table(
        "mail",
        lambda person: OutgoingMail.objects.filter(recipient=person),
        without=("stop_url", "failure", "attempts", "next_attempt_at"),
    ),
    Table(
        "supervisions",
        lambda person: Supervision.objects.filter(Q(supervisor=person) | Q(trainee=person)),
        also=("supervisor__legal_name", "trainee__legal_name", "ended_by__legal_name"),
        readable=lambda rows, person, at: rows.filter(
            Q(trainee=person) | Q(pk__in=given_now(person, at=at))
        ),
    ),
    Table(
        "consents",
        lambda person: Consent.objects.filter(
            Q(supervision__supervisor=person) | Q(supervision__trainee=person)
        ),
        also=("recorded_by__legal_name",),
        readable=lambda rows, person, at: rows.filter(
            Q(supervision__trainee=person) | Q(supervision__in=given_now(person, at=at))
        ),
    ),
    Table(
        # By its token an invitation is answered.
        "invitations",
        lambda person: Invitation.objects.filter(inviter=person),
        without=("token",),
    ),
    Table(
        "confirmations-as-supervisor",
        lambda person: SupervisorConfirmation.objects.filter(person=person),
    ),
    Table("reads-of-my-record", lambda person: RecordRead.objects.filter(person=person)),
    Table("addresses", lambda person: EmailAddress.objects.filter(user=person)),
    Table(
        "second-factors",
        lambda person: Authenticator.objects.filter(user=person),
        without=("data",),
    ),
    Table(
        "sign-ins",
        lambda person: UserSession.objects.filter(user=person),
        without=("session_key", "data"),
    ),
    Table(
        # What it was done to is said by names and addresses of others.
        "work-in-the-admin",
        lambda person: LogEntry.objects.filter(user=person),
        without=("object_repr", "change_message"),
    ),
]

LEFT_OUT = {
    "account.EmailConfirmation": "Secrets that prove an address, for an hour or two",
    "accounts.User_groups": "Rights of staff, which the operator gives",
    "accounts.User_user_permissions": "Rights of staff, which the operator gives",
    "socialaccount.SocialAccount": "What another party that one signs in by knows",
    "socialaccount.SocialToken": "Secrets of another party",
}
