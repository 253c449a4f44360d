"""What is true of people: users, names, licenses, who may read whose record, their mail."""

from accounts.models.licenses import License, LicenseQuerySet, LicenseVersion
from accounts.models.mail import (
    MAX_SUBJECT,
    MailOptOut,
    MailOptOutQuerySet,
    OutgoingMail,
    OutgoingMailQuerySet,
    calendar_method,
)
from accounts.models.supervision import Scope, Supervision, SupervisionQuerySet
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
    "Supervision",
    "SupervisionQuerySet",
    "User",
    "UserManager",
    "calendar_method",
    "check_time_zone",
    "default_time_zone",
]
