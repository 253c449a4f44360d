"""A holder's private note on what they earned; shared with supervisors by choice alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from accounts.models import User
from transcripts.models import CreditEntry, Reflection

MAX_LENGTH = 5000  # characters of each part


@transaction.atomic
def write(
    *, entry: CreditEntry, learned: str, will_do: str, is_shared: bool, at: datetime
) -> Reflection | None:
    """Keep the note in place of an earlier one. Two empty parts take it away.

    Of credit that was awarded anew, it is the note on what stands in its place.
    Locks the entry, so two tabs keep one note, the later one, and a correction takes it along.
    """
    entry = _locked(entry)
    while hasattr(entry, "replacement"):
        entry = _locked(entry.replacement)
    if not learned and not will_do:
        Reflection.objects.filter(entry=entry).delete()
        return None
    reflection, _ = Reflection.objects.update_or_create(
        entry=entry,
        defaults={
            "learned": learned,
            "will_do": will_do,
            "is_shared": is_shared,
            "changed_at": at,
        },
    )
    return reflection


def follow(*, entry: CreditEntry, successor: CreditEntry) -> None:
    """The note goes from an award to the correction that stands in its place."""
    Reflection.objects.filter(entry=entry).update(entry=successor)


def of_entries(
    entries: Iterable[CreditEntry], *, reader: User, at: datetime
) -> dict[int, Reflection]:
    """The notes on these entries that the reader may see at that moment, by the entry's id."""
    visible = Reflection.objects.visible_to(reader, at=at).filter(entry__in=list(entries))
    return {reflection.entry_id: reflection for reflection in visible}


def _locked(entry: CreditEntry) -> CreditEntry:
    return CreditEntry.objects.select_for_update(of=["self"], no_key=True).get(pk=entry.pk)
