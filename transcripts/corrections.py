"""A holder asks for a correction; a curator declines it, or grants it by correcting the credit
(``ledger.reverse``, ``certificates.reissue``)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.urls import reverse

from accounts import mail
from accounts.models import User
from ce_portal.formats import show_day
from transcripts.models import CorrectionRequest, CreditEntry


class CorrectionError(Exception):
    """Why a correction cannot be asked for or decided, in a sentence for the one who tries."""


@transaction.atomic
def ask(*, entry: CreditEntry, wrong: str, words: str, at: datetime) -> CorrectionRequest:
    """Note what the holder finds wrong, for curators to decide.

    Locks the entry, so a question and a reversal at once wait for each other.
    Raises CorrectionError if the credit is reversed, or a request for it is open.
    """
    rows = CreditEntry.objects.select_for_update(of=["self"]).select_related("holder")
    entry = rows.get(pk=entry.pk)
    if entry.is_reversal or entry.is_reversed:
        raise CorrectionError("This credit was reversed. Ask about what stands in its place.")
    asked = CorrectionRequest.objects.open().filter(entry=entry).first()
    if asked:
        day = show_day(asked.asked_at.astimezone(entry.holder.tz))
        raise CorrectionError(f"You asked on {day} already. A curator looks at it.")
    return CorrectionRequest.objects.create(entry=entry, wrong=wrong, words=words, asked_at=at)


@transaction.atomic
def decline(*, asked: CorrectionRequest, answer: str, by: User, at: datetime) -> None:
    """Leave the credit as it is, and tell the holder why.

    Raises CorrectionError if the request is decided already, or no words are given.
    """
    answer = answer.strip()
    if not answer:
        raise CorrectionError("Say why: the holder reads it.")
    decided = (
        CorrectionRequest.objects.open()
        .filter(pk=asked.pk)
        .update(
            decision=CorrectionRequest.Decision.DECLINED,
            answer=answer,
            decided_at=at,
            decided_by=by,
        )
    )
    if not decided:
        raise CorrectionError("This request is decided already.")
    asked = CorrectionRequest.objects.select_related("entry__holder").get(pk=asked.pk)
    mail.post(
        recipient=asked.entry.holder,
        kind="credit-correction",
        key=f"correction-declined:{asked.pk}",
        template="correction_declined",
        context={
            "entry": asked.entry,
            "asked": asked,
            "path": reverse("transcripts:transcript"),
        },
        at=at,
    )
