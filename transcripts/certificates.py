"""Asking for certificates: issue one, issue it anew with corrected facts, ask for its PDF again."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from accounts.models import User
from transcripts import codes, drawing, ledger, reflections, tasks
from transcripts.models import Certificate, CreditEntry

CODE_TRIES = 5


@transaction.atomic
def issue(*, entry: CreditEntry, at: datetime) -> Certificate:
    """Issue the certificate of one award. Issuing twice gives the first one back.

    After commit, a worker draws its PDF; the sweep finds it if that message is lost.
    """
    issued = Certificate.objects.filter(entry=entry).first()
    if issued:
        return issued
    for last_try in (False,) * (CODE_TRIES - 1) + (True,):
        try:
            with transaction.atomic():
                certificate = Certificate.objects.create(
                    entry=entry,
                    code=codes.new(),
                    issued_at=at,
                    leased_until=at,
                    next_attempt_at=at + timedelta(seconds=tasks.PATIENCE),
                )
            break
        except IntegrityError:
            # Somebody else issued it at this moment, or the code is taken.
            issued = Certificate.objects.filter(entry=entry).first()
            if issued:
                return issued
            if last_try:
                raise
    tasks.draw_certificate_pdf.delay_on_commit(certificate_id=certificate.pk)  # type: ignore[attr-defined]
    return certificate


@transaction.atomic
def reissue(
    *,
    entry: CreditEntry,
    correction: ledger.Correction,
    reason_class: str,
    reason: str,
    by: User,
    at: datetime,
) -> Certificate:
    """Reverse an award, award it anew with corrected facts, and issue the new certificate.

    The old code stays and says that it is superseded; the holder's note goes along.
    Locks as ``ledger.reverse`` does.
    Raises LedgerError if the entry is reversed or a reversal, if no reason is given, or as
    ``ledger.replace`` does.
    """
    ledger.reverse(entry=entry, reason_class=reason_class, reason=reason, by=by, at=at)
    corrected = ledger.replace(entry=entry, correction=correction, by=by, at=at)
    reflections.follow(entry=entry, successor=corrected)
    return issue(entry=corrected, at=at)


@transaction.atomic
def restore(
    *, entry: CreditEntry, correction: ledger.Correction, reason: str, by: User, at: datetime
) -> Certificate:
    """Award anew what was reversed by mistake, and issue the new certificate.

    The reversal stays; the old code says that it is superseded. The holder's note goes along.
    Locks, and raises LedgerError, as ``ledger.restore`` does.
    """
    restored = ledger.restore(entry=entry, correction=correction, reason=reason, by=by, at=at)
    reflections.follow(entry=entry, successor=restored)
    return issue(entry=restored, at=at)


def current(certificate: Certificate) -> Certificate:
    """The last certificate that was issued in place of this one; itself if there is none."""
    while certificate.successor is not None:
        certificate = certificate.successor
    return certificate


@transaction.atomic
def redraw(*, certificate: Certificate, at: datetime) -> bool:
    """Have the document drawn at once, with all attempts anew; False if a worker is at it.

    A certificate that has its document keeps it until the new one is there. After commit, a worker
    draws it.
    """
    asked = drawing.queue_again(
        certificate_id=certificate.pk,
        at=at,
        next_attempt_at=at + timedelta(seconds=tasks.PATIENCE),
    )
    if asked:
        tasks.draw_certificate_pdf.delay_on_commit(certificate_id=certificate.pk)  # type: ignore[attr-defined]
    return asked
