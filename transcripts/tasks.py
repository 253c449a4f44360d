"""The worker's door: ids in, one call."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from transcripts import drawing
from transcripts.models import Certificate

PATIENCE = 60  # seconds that a message may take before the sweep asks again
SWEEP_SIZE = 500  # certificates asked for by one sweep
GRACE = timedelta(minutes=10)  # that a replaced file stays, for those who are reading it


@shared_task(name="transcripts.draw_certificate_pdf")
def draw_certificate_pdf(*, certificate_id: int) -> None:
    """Draw and store the PDF of one certificate, unless that is done or being done."""
    drawing.draw(certificate_id=certificate_id, at=timezone.now())


@shared_task(name="transcripts.draw_missing_certificate_pdfs")
def draw_missing_certificate_pdfs() -> None:
    """Ask again for every PDF that a lost message, a killed worker or a failure left undrawn."""
    now = timezone.now()
    drawing.give_up_stuck(at=now)
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


@shared_task(name="transcripts.remove_leftover_files")
def remove_leftover_files() -> None:
    """Remove files of certificates that no row points to any more."""
    drawing.remove_leftovers(replaced_before=timezone.now() - GRACE, limit=SWEEP_SIZE)
