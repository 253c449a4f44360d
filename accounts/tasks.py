"""The worker's door: ids in, one call."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.models import Supervision

PATIENCE = 60  # seconds that a message may take before the sweep asks again
SWEEP_SIZE = 500  # mails asked for by one sweep


@shared_task(name="accounts.mail_supervision_request")
@transaction.atomic
def mail_supervision_request(*, supervision_id: str) -> None:
    """Tell the trainee that somebody asks to read their record, unless told or answered already.

    Locks the supervision while the mail goes out, so two workers send it once. If the mail server
    refuses, nothing is noted and the sweep asks again.
    """
    supervision = (
        Supervision.objects.select_for_update(of=["self"])
        .waiting()
        .filter(pk=supervision_id, mailed_at__isnull=True)
        .select_related("supervisor", "trainee")
        .first()
    )
    if supervision is None:
        return
    context = {
        "supervision": supervision,
        "url": settings.SITE_URL + reverse("accounts:supervision"),
    }
    EmailMessage(
        subject=render_to_string("emails/supervision_request.subject.txt", context).strip(),
        body=render_to_string("emails/supervision_request.txt", context),
        to=[supervision.trainee.email],
    ).send()
    supervision.mailed_at = timezone.now()
    supervision.save(update_fields=["mailed_at"])


@shared_task(name="accounts.mail_waiting_supervision_requests")
def mail_waiting_supervision_requests() -> None:
    """Ask again for every mail that a lost message or a mail server left unsent."""
    unsent = Supervision.objects.waiting().filter(
        mailed_at__isnull=True, requested_at__lte=timezone.now() - timedelta(seconds=PATIENCE)
    )
    for supervision_id in unsent.order_by("requested_at").values_list("pk", flat=True)[:SWEEP_SIZE]:
        mail_supervision_request.delay(supervision_id=str(supervision_id))
