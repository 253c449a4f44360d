"""Addresses: how they are kept, and which is whose, of those alone that their owner verified."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db.models import QuerySet


def owners(people: QuerySet[Any, Any]) -> dict[str, UUID]:
    """Each verified address of these people, in lower case, and the id of the person."""
    verified = EmailAddress.objects.filter(verified=True, user__in=people)
    return {address.lower(): person for address, person in verified.values_list("email", "user")}


def spelled(address: str) -> str:
    """As it is kept, so that equal addresses are equal text."""
    return address.strip().lower()


def mailbox(address: str) -> str:
    """Where mail to it most likely arrives: what stands after a plus sign is a label."""
    local, _, domain = spelled(address).rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
