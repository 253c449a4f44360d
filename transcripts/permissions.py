"""What a person may do with credit beyond reading it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from accounts.models import Scope, Supervision, SupervisionQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User
    from transcripts.models import CreditEntry, OutsideCredit


def can_correct_credit(user: User | AnonymousUser) -> bool:
    """May reverse and reissue the credit of others."""
    return user.has_perm("transcripts.add_creditentry")


def can_reverse_credit(user: User | AnonymousUser, entry: CreditEntry) -> bool:
    """May correct credit, but never on their own ledger."""
    return can_correct_credit(user) and entry.holder_id != user.pk


def can_decide_as_staff(user: User | AnonymousUser) -> bool:
    """May confirm and refuse the outside credit of others, in the admin."""
    return user.has_perm("transcripts.add_outsidedecision")


def can_decide_as_supervisor(user: User, credit: OutsideCredit, *, at: datetime) -> bool:
    """Supervises the holder at that moment, and may read their outside credit."""
    return deciding(user, credit, at=at).exists()


def deciding(user: User, credit: OutsideCredit, *, at: datetime) -> SupervisionQuerySet:
    """The supervision by which somebody decides at that moment."""
    return (
        Supervision.objects.active(at=at)
        .sharing(Scope.EVIDENCE)
        .filter(supervisor=user, trainee=credit.holder_id)
    )
