"""The worker's door: ids in, one call."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from transcripts import drawing, evidence
from transcripts.models import Certificate, Job, JobItem

PATIENCE = 60  # seconds that a message may take before the sweep asks again
SWEEP_SIZE = 500  # certificates asked for by one sweep
JOB_STEP = 200  # documents of a job asked for by one message
JOB_PATIENCE = timedelta(minutes=10)  # that a message of a job may take
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


@shared_task(name="transcripts.forget_loose_evidence")
def forget_loose_evidence() -> None:
    """Remove uploaded files whose form was never finished."""
    evidence.forget_loose(at=timezone.now(), limit=SWEEP_SIZE)


@shared_task(name="transcripts.run_job")
def run_job(*, job_id: int) -> None:
    """Ask for the next documents of a job, then for the ones after them.

    Safe to run twice, also at once: each item is asked for by whoever notes it on the item.
    """
    items = JobItem.objects.filter(job=job_id, asked_at__isnull=True)
    for item in items.order_by("pk")[:JOB_STEP]:
        now = timezone.now()
        with transaction.atomic():
            if not items.filter(pk=item.pk).update(asked_at=now):
                continue
            drawing.queue_again(
                certificate_id=item.certificate_id,
                at=now,
                # The bulk queue may be long, and the sweep would ask on the other one.
                next_attempt_at=now + JOB_PATIENCE,
            )
        draw_certificate_pdf.apply_async(
            kwargs={"certificate_id": item.certificate_id}, queue="bulk"
        )
    if items.exists():
        run_job.delay(job_id=job_id)


@shared_task(name="transcripts.continue_jobs")
def continue_jobs() -> None:
    """Go on with jobs whose message was lost, and close those that are through."""
    now = timezone.now()
    unfinished = Job.objects.unfinished()
    # Not before it was asked for: the clock of the host where that was may be ahead of ours.
    unfinished.through().update(finished_at=Greatest(Value(now), F("asked_at")))
    stopped = unfinished.filter(items__asked_at__isnull=True).distinct().order_by("pk")
    for job_id in list(stopped.values_list("pk", flat=True)):
        run_job.delay(job_id=job_id)
