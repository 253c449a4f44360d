"""Which address is whose: only addresses that their owner has verified."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db.models import QuerySet


def owners(people: QuerySet[Any, Any]) -> dict[str, UUID]:
    """Each verified address of these people, in lower case, and the id of the person."""
    verified = EmailAddress.objects.filter(verified=True, user__in=people)
    return {address.lower(): person for address, person in verified.values_list("email", "user")}
