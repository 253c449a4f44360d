"""A person's names and time zone: what changes, and what is kept of it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import NameChange, User


@transaction.atomic
def rename(*, person: User, legal_name: str, by: User, at: datetime) -> None:
    """Change the legal name, and keep who changed it, when and from what.

    The same name changes nothing. Documents that were issued keep the name they say.
    Locks the person, so that two changes follow each other.
    """
    kept = User.objects.select_for_update(of=["self"], no_key=True).get(pk=person.pk)
    if kept.legal_name != legal_name:
        NameChange.objects.create(
            person=kept,
            old_name=kept.legal_name,
            new_name=legal_name,
            changed_by=by,
            changed_at=at,
        )
        kept.legal_name = legal_name
        kept.save(update_fields=["legal_name"])
    person.legal_name = legal_name


@transaction.atomic
def save_profile(
    *, person: User, legal_name: str, preferred_name: str, time_zone: str, at: datetime
) -> None:
    """What a person says of themselves."""
    rename(person=person, legal_name=legal_name, by=person, at=at)
    person.preferred_name = preferred_name
    person.time_zone = time_zone
    person.save(update_fields=["preferred_name", "time_zone"])
