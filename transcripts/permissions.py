"""What a person may do with credit beyond reading it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User
    from transcripts.models import CreditEntry


def can_correct_credit(user: User | AnonymousUser) -> bool:
    """May reverse and reissue the credit of others."""
    return user.has_perm("transcripts.add_creditentry")


def can_reverse_credit(user: User | AnonymousUser, entry: CreditEntry) -> bool:
    """May correct credit, but never on their own ledger."""
    return can_correct_credit(user) and entry.holder_id != user.pk
