"""The worker's door: ids in, one call."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Supervision


@shared_task(
    name="accounts.mail_supervision_request",
    autoretry_for=(OSError,),
    retry_backoff=True,
    max_retries=5,
)
def mail_supervision_request(*, supervision_id: int) -> None:
    """Tell the trainee that somebody asks to read their record, unless it is answered already.

    The mail is the hurry: the request waits on the trainee's pages whether it arrives or not.
    """
    supervision = (
        Supervision.objects.waiting()
        .select_related("supervisor", "trainee")
        .filter(pk=supervision_id)
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
