"""A request behind the login wall."""

from __future__ import annotations

import uuid

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.models import Scope, Supervision, User


class SignedInRequest(HttpRequest):
    """What views receive once the login wall let somebody through."""

    user: User


def active_supervision(
    request: SignedInRequest, person_id: uuid.UUID, *, scope: Scope | None = None
) -> Supervision:
    """By which one reads that part of a trainee's record now, or any part; else 404."""
    active = Supervision.objects.active(at=timezone.now()).select_related("supervisor", "trainee")
    if scope:
        active = active.sharing(scope)
    return get_object_or_404(active, supervisor=request.user, trainee=person_id)
