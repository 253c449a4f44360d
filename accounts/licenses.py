"""A therapist's licenses: add, correct, remove, remind of the last day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction

from accounts import mail
from accounts.models import License, LicenseVersion, User

FACTS = ("state", "license_type", "number", "issued_on", "expires_on")


class LicenseError(Exception):
    """Why a license cannot be kept, in a sentence for its holder."""


@transaction.atomic
def add(
    *,
    holder: User,
    state: str,
    license_type: str,
    number: str,
    at: datetime,
    issued_on: date | None = None,
    expires_on: date | None = None,
) -> License:
    """Keep a license on the holder's profile.

    Raises LicenseError if it is there already.
    """
    added = License(
        holder=holder,
        state=state,
        license_type=license_type,
        number=number,
        issued_on=issued_on,
        expires_on=expires_on,
        added_at=at,
    )
    added.reminded_days = _told_by_entering(added, at=at)
    _save(added)
    _keep_version(added, by=holder, at=at)
    return added


@transaction.atomic
def correct(*, license_: License, by: User, at: datetime, **facts: Any) -> License:
    """Change what a license says, such as its last day after a renewal; what it said is kept.

    The same facts change nothing. With a new last day its reminders begin anew.
    Locks the license, so that two corrections follow each other.
    Raises LicenseError if it was removed, or if it would repeat another license.
    """
    kept = _locked(license_)
    if kept.removed_at:
        raise LicenseError("This license is off your profile. Add it anew.")
    before = {name: getattr(kept, name) for name in FACTS}
    if before == {**before, **facts}:
        return kept
    for name, value in facts.items():
        setattr(kept, name, value)
    if kept.expires_on != before["expires_on"]:
        kept.reminded_days = _told_by_entering(kept, at=at)
    _save(kept)
    _keep_version(kept, by=by, at=at)
    return kept


@transaction.atomic
def remove(*, license_: License, at: datetime) -> None:
    """Take a license off its holder's profile; what it was is kept. Again changes nothing.

    Issued credit keeps its own copy.
    """
    License.objects.on_file().filter(pk=license_.pk).update(removed_at=at)


@transaction.atomic
def remind(*, license_id: str, at: datetime) -> None:
    """Promise the mail about a last day that comes near, unless it is told already.

    After an outage one mail makes up for all that were missed: it says how many days are left.
    Locks the license, so that two workers tell it once.
    """
    license_ = (
        License.objects.select_for_update(of=["self"])
        .select_related("holder")
        .filter(pk=license_id)
        .first()
    )
    if license_ is None:
        return
    on = at.astimezone(license_.holder.tz).date()
    if not License.objects.due_for_reminder(on=on).filter(pk=license_.pk).exists():
        return
    left = _days_left(license_, at=at)
    stage = _stage(left)
    mail.post(
        recipient=license_.holder,
        kind="license-expiring",
        key=f"license-expiring:{license_.pk}:{license_.expires_on}:{stage}",
        template="license_expiring",
        context={"license": license_, "left": left},
        at=at,
    )
    license_.reminded_days = stage
    license_.save(update_fields=["reminded_days"])


def _told_by_entering(license_: License, *, at: datetime) -> int | None:
    """Whoever enters a last day that is near has been told of it by that."""
    return _stage(_days_left(license_, at=at))


def _days_left(license_: License, *, at: datetime) -> int | None:
    if license_.expires_on is None:
        return None
    return (license_.expires_on - at.astimezone(license_.holder.tz).date()).days


def _stage(left: int | None) -> int | None:
    """The last reminder whose day has come."""
    return min(
        (days for days in License.REMIND_BEFORE if left is not None and left <= days), default=None
    )


def _locked(license_: License) -> License:
    return License.objects.select_for_update(of=["self"]).get(pk=license_.pk)


def _save(license_: License) -> None:
    try:
        with transaction.atomic():
            license_.save()
    except IntegrityError as error:
        if "license_expires_after_it_is_issued" in str(error):
            raise LicenseError(
                "A license expires after it is issued. Check the two days."
            ) from None
        raise LicenseError("This license is on your profile already.") from None


def _keep_version(license_: License, *, by: User, at: datetime) -> None:
    LicenseVersion.objects.create(
        license=license_,
        recorded_by=by,
        recorded_at=at,
        **{name: getattr(license_, name) for name in FACTS},
    )
