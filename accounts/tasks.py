"""The worker's door: ids in, one call."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from accounts import delivery
from accounts.models import OutgoingMail

PATIENCE = 60  # seconds that a message may take before the sweep asks again
SWEEP_SIZE = 500  # mails asked for by one sweep
WORDS_KEPT = timedelta(days=90)
FORGET_SIZE = 5000  # mails whose words one sweep forgets


@shared_task(name="accounts.send_mail")
def send_mail(*, mail_id: str) -> None:
    """Send one promised mail, unless it has gone out or must not any more."""
    delivery.deliver(mail_id=mail_id, at=timezone.now())


@shared_task(name="accounts.send_waiting_mail")
def send_waiting_mail() -> None:
    """Ask again for every mail that a lost message or a mail server left unsent."""
    now = timezone.now()
    due = OutgoingMail.objects.due(at=now).order_by("next_attempt_at", "pk")
    for mail_id in list(due.values_list("pk", flat=True)[:SWEEP_SIZE]):
        # Whoever moves the time forward asks; a second sweep at the same moment does not.
        asked = (
            OutgoingMail.objects.due(at=now)
            .filter(pk=mail_id)
            .update(next_attempt_at=now + timedelta(seconds=PATIENCE))
        )
        if asked:
            send_mail.delay(mail_id=str(mail_id))


@shared_task(name="accounts.forget_old_mail_bodies")
def forget_old_mail_bodies() -> None:
    """Blank the words of mail that ended long ago; its row stays, so that it is still once."""
    old = OutgoingMail.objects.with_words().ended_before(timezone.now() - WORDS_KEPT)
    some = list(old.order_by("created_at").values_list("pk", flat=True)[:FORGET_SIZE])
    OutgoingMail.objects.filter(pk__in=some).forget_words()
