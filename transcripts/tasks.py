"""The worker's door: ids in, one call."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import secrets
from datetime import timedelta

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import F
from django.utils import timezone

from transcripts import keys, ledger, pdf, signing
from transcripts.models import Certificate

logger = logging.getLogger(__name__)

PATIENCE = 60  # seconds that a message may take before the sweep asks again
LONGEST_WAIT = 60 * 60  # seconds between attempts that keep failing
SWEEP_SIZE = 500  # certificates asked for by one sweep


@shared_task(name="transcripts.draw_certificate_pdf")
def draw_certificate_pdf(*, certificate_id: int) -> None:
    """Draw, sign and store the PDF of one certificate, unless it is already there.

    Safe to run twice, also at once: a file is written under a name of its own, the row takes one
    of them, and the other is removed. A failure is kept on the row and tried again by the sweep,
    later each time.
    """
    certificate = Certificate.objects.select_related("entry").get(pk=certificate_id)
    if certificate.pdf:
        return
    # A name that no other attempt uses: whatever goes wrong, this attempt can remove its own file.
    name = (
        f"certificates/{certificate.issued_at:%Y/%m}/{certificate.code}-{secrets.token_hex(4)}.pdf"
    )
    try:
        drawn = pdf.draw_certificate(
            record=certificate.entry.record,
            attachment=ledger.canonical(certificate.entry.record),
            code=certificate.code,
            issued_at=certificate.issued_at,
            verify_url=f"{settings.SITE_URL}{certificate.get_absolute_url()}",
        )
        document = signing.sign(drawn, at=timezone.now())
        name = default_storage.save(name, ContentFile(document))
    except (pdf.DrawingError, keys.KeyFileError, OSError, SoftTimeLimitExceeded) as error:
        logger.exception("Certificate %s could not be drawn.", certificate.code)
        with contextlib.suppress(OSError):
            default_storage.delete(name)
        wait = min(PATIENCE * 2**certificate.attempts, LONGEST_WAIT)
        Certificate.objects.undrawn().filter(pk=certificate_id).update(
            attempts=F("attempts") + 1,
            failure=f"{type(error).__name__}: {error}"[:2000],
            next_attempt_at=timezone.now() + timedelta(seconds=wait),
        )
        return
    taken = (
        Certificate.objects.undrawn()
        .filter(pk=certificate_id)
        .update(
            pdf=name,
            pdf_sha256=hashlib.sha256(document).hexdigest(),
            drawn_at=timezone.now(),
            failure="",
        )
    )
    if not taken:
        default_storage.delete(name)


@shared_task(name="transcripts.draw_missing_certificate_pdfs")
def draw_missing_certificate_pdfs() -> None:
    """Ask again for every PDF that a lost message or a failure left undrawn."""
    now = timezone.now()
    due = Certificate.objects.due(at=now).order_by("next_attempt_at", "pk")
    for certificate_id in list(due.values_list("pk", flat=True)[:SWEEP_SIZE]):
        # Whoever moves the time forward asks; a second sweep at the same moment does not.
        asked = (
            Certificate.objects.due(at=now)
            .filter(pk=certificate_id)
            .update(next_attempt_at=now + timedelta(seconds=PATIENCE))
        )
        if asked:
            draw_certificate_pdf.delay(certificate_id=certificate_id)
