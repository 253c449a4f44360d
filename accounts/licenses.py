"""A therapist's licenses: add, remove."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import License, User


class LicenseError(Exception):
    """Why a license cannot be kept, in a sentence for its holder."""


def add(*, holder: User, state: str, license_type: str, number: str, at: datetime) -> License:
    """Keep a license on the holder's profile.

    Raises LicenseError if it is there already.
    """
    try:
        with transaction.atomic():
            return License.objects.create(
                holder=holder, state=state, license_type=license_type, number=number, added_at=at
            )
    except IntegrityError:
        raise LicenseError("This license is on your profile already.") from None


def remove(*, license_: License) -> None:
    """Take a license off its holder's profile. Issued credit keeps its own copy."""
    license_.delete()
