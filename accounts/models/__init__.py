"""What is true of people: users, names, licenses, who may read whose record, their mail."""

from accounts.models.confirmations import SupervisorConfirmation, confirmed_at
from accounts.models.invitations import Invitation, InvitationQuerySet, Side
from accounts.models.licenses import License, LicenseQuerySet, LicenseVersion
from accounts.models.mail import (
    MAX_SUBJECT,
    MailOptOut,
    MailOptOutQuerySet,
    OutgoingMail,
    OutgoingMailQuerySet,
    calendar_method,
)
from accounts.models.supervision import Consent, Scope, Supervision, SupervisionQuerySet, columns
from accounts.models.trace import RecordRead, RecordReadQuerySet
from accounts.models.users import (
    NameChange,
    User,
    UserManager,
    check_time_zone,
    default_time_zone,
)

__all__ = [
    "MAX_SUBJECT",
    "Consent",
    "Invitation",
    "InvitationQuerySet",
    "License",
    "LicenseQuerySet",
    "LicenseVersion",
    "MailOptOut",
    "MailOptOutQuerySet",
    "NameChange",
    "OutgoingMail",
    "OutgoingMailQuerySet",
    "RecordRead",
    "RecordReadQuerySet",
    "Scope",
    "Side",
    "Supervision",
    "SupervisionQuerySet",
    "SupervisorConfirmation",
    "User",
    "UserManager",
    "calendar_method",
    "check_time_zone",
    "columns",
    "confirmed_at",
    "default_time_zone",
]
