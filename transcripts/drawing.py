"""Drawing a certificate: claim the row, write a new signed file, switch the row to it.

Every step is one conditional statement, so that a worker may die after any of them and a message
may come any number of times.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.urls import reverse

from accounts import mail
from transcripts import pdf, records, signing
from transcripts.models import Certificate, certificate_storage

logger = logging.getLogger(__name__)

FIRST_WAIT = 60  # seconds after the first failed attempt; then twice as long each time
LONGEST_WAIT = 60 * 60  # seconds


def draw(*, certificate_id: int, at: datetime) -> None:
    """Draw, sign and store the document of a queued certificate, unless a worker is at it.

    A failure is kept on the row and tried again later, a bounded number of times; what no attempt
    can mend (a letter without a glyph) fails at once. The holder gets one mail, ever.
    """
    certificate = _claim(certificate_id, at=at)
    if certificate is None:
        return
    try:
        if not _take_over(certificate):
            return
        document = signed_document(certificate, at=at)
        certificate_storage().save(certificate.leftover, ContentFile(document))
        is_ours = _switch(certificate, sha256=hashlib.sha256(document).hexdigest(), at=at)
    # Whatever it was, curators read it on the row; a storage may raise what we have never seen.
    except Exception as error:
        logger.exception("Certificate %s could not be drawn.", certificate.code)
        _fail(certificate, error, at=at)
        is_ours = False
    # A commit may have held although its answer was lost.
    if not is_ours and not _is_used(certificate):
        _remove_leftover(certificate.pk, certificate.leftover)


def signed_document(certificate: Certificate, *, at: datetime) -> bytes:
    """The certificate as a signed PDF file. Raises DrawingError as ``pdf`` does."""
    return signing.sign(pdf.draw_certificate(**facts(certificate)), at=at)


def facts(certificate: Certificate) -> dict[str, Any]:
    """What the document is drawn from, as ``pdf.draw_certificate`` takes it."""
    record = certificate.entry.record
    return {
        "record": record,
        "attachment": records.canonical(record),
        "code": certificate.code,
        "issued_at": certificate.issued_at,
        "verify_url": f"{settings.SITE_URL}{certificate.get_absolute_url()}",
    }


def _claim(certificate_id: int, *, at: datetime) -> Certificate | None:
    """Take the certificate for as long as the lease; None if it is not to be had."""
    rows = Certificate.objects.select_related("entry__holder", "entry__reversal")
    certificate = rows.get(pk=certificate_id)
    lease = secrets.token_hex(8)
    claim = {
        "lease": lease,
        "leased_until": at + Certificate.LEASE,
        "next_attempt_at": at + Certificate.LEASE,
        "attempts": certificate.attempts + 1,
        "leftover": certificate.leftover or _new_file(certificate, lease=lease),
    }
    # As it was read: so this claim knows the row, and removes afterwards what it takes over here.
    as_read = {
        name: getattr(certificate, name) for name in ("lease", "attempts", "leftover", "pdf")
    }
    claimable = Certificate.objects.claimable(at=at).filter(pk=certificate_id, **as_read)
    if not claimable.update(**claim):
        return None
    for name, value in claim.items():
        setattr(certificate, name, value)
    return certificate


def _new_file(certificate: Certificate, *, lease: str) -> str:
    """A name that no other attempt uses: so each can remove its own file, whatever goes wrong."""
    return f"certificates/{certificate.issued_at:%Y/%m}/{certificate.code}-{lease}.pdf"


def _take_over(certificate: Certificate) -> bool:
    """Remove what an earlier attempt left, and only then name the new file; False if the lease is
    gone.

    So the row knows at each moment of the one file that may be there and is not needed.
    Raises OSError if the storage refuses.
    """
    name = _new_file(certificate, lease=certificate.lease)
    if certificate.leftover == name:
        return True
    if not remove_file(certificate.leftover):
        raise OSError("The storage does not let go of an earlier file.")
    certificate.leftover = name
    mine = Certificate.objects.filter(pk=certificate.pk, lease=certificate.lease)
    return bool(mine.update(leftover=name))


@transaction.atomic
def _switch(certificate: Certificate, *, sha256: str, at: datetime) -> bool:
    """Point the row to the new file and promise the mail; False if the lease is gone."""
    switched = Certificate.objects.filter(pk=certificate.pk, lease=certificate.lease).update(
        state=Certificate.State.ISSUED,
        pdf=certificate.leftover,
        pdf_sha256=sha256,
        drawn_at=at,
        failure="",
        lease="",
        # The file that was there until now goes later: somebody may be reading it.
        leftover=certificate.pdf.name or "",
    )
    # One that had a file was told of, or is older than the mail: only a first file is news.
    if switched and certificate.reversal is None and not certificate.pdf:
        mail.post(
            recipient=certificate.entry.holder,
            kind="certificate-ready",
            key=f"certificate-ready:{certificate.pk}",
            template="certificate_ready",
            context={
                "certificate": certificate,
                "entry": certificate.entry,
                "path": reverse("transcripts:certificate_pdf", args=[certificate.code]),
            },
            at=at,
        )
    return bool(switched)


def _is_used(certificate: Certificate) -> bool:
    return Certificate.objects.filter(pk=certificate.pk, pdf=certificate.leftover).exists()


def _fail(certificate: Certificate, error: Exception, *, at: datetime) -> None:
    is_final = (
        isinstance(error, pdf.DrawingError) or certificate.attempts >= Certificate.MOST_ATTEMPTS
    )
    wait = timedelta(seconds=min(FIRST_WAIT * 2 ** (certificate.attempts - 1), LONGEST_WAIT))
    Certificate.objects.filter(pk=certificate.pk, lease=certificate.lease).update(
        state=Certificate.State.FAILED if is_final else Certificate.State.QUEUED,
        failure=f"{type(error).__name__}: {error}"[:2000],
        lease="",
        leased_until=at + wait,
        next_attempt_at=at + wait,
    )


def queue_again(*, certificate_id: int, at: datetime, next_attempt_at: datetime) -> bool:
    """Queue a document anew, with all attempts; False if a worker is at it.

    A certificate that has its document keeps it until the new one is there.
    """
    return bool(
        Certificate.objects.in_no_hands(at=at)
        .filter(pk=certificate_id)
        .update(
            state=Certificate.State.QUEUED,
            attempts=0,
            failure="",
            lease="",
            leased_until=at,
            next_attempt_at=next_attempt_at,
        )
    )


def give_up_stuck(*, at: datetime) -> int:
    """Fail what killed its worker in every attempt, so that curators see it."""
    return Certificate.objects.stuck(at=at).update(
        state=Certificate.State.FAILED,
        failure=f"The worker was stopped in each of {Certificate.MOST_ATTEMPTS} attempts.",
        lease="",
    )


def keep_sha256(*, certificate: Certificate) -> bool:
    """Keep the SHA-256 of a document as it lies in the storage; False if the row moved on.

    Raises what the storage raises if the file cannot be read.
    """
    digest = hashlib.sha256()
    with certificate.pdf.open("rb") as document:
        for chunk in document.chunks():
            digest.update(chunk)
    kept = Certificate.objects.unknown_by_file().filter(pk=certificate.pk, pdf=certificate.pdf.name)
    return bool(kept.update(pdf_sha256=digest.hexdigest()))


def remove_leftovers(*, replaced_before: datetime, limit: int) -> None:
    """Remove files that were replaced, or that a killed attempt left."""
    rows = Certificate.objects.with_leftover(replaced_before=replaced_before).order_by("pk")
    for pk, name in list(rows.values_list("pk", "leftover")[:limit]):
        _remove_leftover(pk, name)


def _remove_leftover(certificate_id: int, name: str) -> None:
    """Remove a file, and only then what the row knows of it, or it could be forgotten."""
    if remove_file(name):
        Certificate.objects.filter(pk=certificate_id, leftover=name).update(leftover="")


def remove_file(name: str | None) -> bool:
    """Remove a file that no row needs; False if the storage refuses, for later."""
    if not name:
        return True
    try:
        certificate_storage().delete(name)
    except Exception:
        logger.exception("The file %s could not be removed.", name)
        return False
    return True
