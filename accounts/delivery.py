"""A promised mail goes out, or is dropped, or is tried again later."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from email.mime.text import MIMEText
from smtplib import SMTPRecipientsRefused
from urllib.parse import urlsplit

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

from accounts.mail_kinds import KINDS
from accounts.models import MailOptOut, OutgoingMail, calendar_method

logger = logging.getLogger(__name__)

FIRST_WAIT = 60  # seconds until a mail that was refused is tried again; then twice as long
LONGEST_WAIT = 60 * 60  # seconds
MOST_ATTEMPTS = 80  # about three days
NO_MAILBOX = "There is no such mailbox."


@transaction.atomic
def deliver(*, mail_id: str, at: datetime) -> None:
    """Send a promised mail, unless it has gone out or must not any more.

    Locks the row while the mail goes out, so two workers send it once. A worker that dies between
    the mail and the commit sends it once more, with the same Message-ID: no mail server takes part
    in our transaction. If the mail server refuses, that is noted and it is tried again later, less
    often each time, until it is given up.
    """
    promise = (
        OutgoingMail.objects.select_for_update(of=["self"])
        .waiting()
        .select_related("recipient")
        .filter(pk=mail_id)
        .first()
    )
    if promise is None:
        return
    if because := _why_not(promise, at=at):
        _drop(promise, because=because, at=at)
    else:
        _send(promise, at=at)
    kind = KINDS.get(promise.kind)
    if kind and kind.is_forgotten_at_once:
        ended = OutgoingMail.objects.exclude(pk__in=OutgoingMail.objects.waiting())
        ended.filter(pk=promise.pk).forget_words()


def _send(promise: OutgoingMail, *, at: datetime) -> None:
    try:
        _message(promise).send()
    # Whatever it is, later attempts come later each time, and end.
    except Exception as error:
        if isinstance(error, SMTPRecipientsRefused) and _is_final(error):
            logger.warning("There is no mailbox for mail %s.", promise.pk)
            _drop(promise, because=NO_MAILBOX, at=at)
        else:
            # One line without an address, for a server that is away refuses many.
            is_foreseen = isinstance(error, OSError | ValueError | SoftTimeLimitExceeded)
            logger.warning(
                "Mail %s could not be sent: %s.",
                promise.pk,
                type(error).__name__,
                exc_info=not is_foreseen,
            )
            _postpone(promise, failure=f"{type(error).__name__}: {error}", at=at)
        return
    promise.sent_at = at
    promise.save(update_fields=["sent_at"])


def _why_not(promise: OutgoingMail, *, at: datetime) -> str:
    """Why a mail must not go out any more; "" if it may."""
    if promise.recipient and not promise.recipient.is_active:
        return "The account is closed."
    if promise.until and promise.until <= at:
        return "It would have come too late."
    kind = KINDS.get(promise.kind)
    if kind is None or not kind.is_optional or promise.recipient is None:
        return ""
    is_unwanted = MailOptOut.objects.of(promise.recipient, kind=promise.kind).exists()
    return "Its recipient has turned this kind off." if is_unwanted else ""


def _is_final(error: SMTPRecipientsRefused) -> bool:
    """Below 500 the mailbox is busy or full for now."""
    return all(code >= 500 for code, _ in error.recipients.values())


def _drop(promise: OutgoingMail, *, because: str, at: datetime) -> None:
    promise.dropped_at = at
    promise.dropped_because = because
    promise.save(update_fields=["dropped_at", "dropped_because"])


def _postpone(promise: OutgoingMail, *, failure: str, at: datetime) -> None:
    wait = min(FIRST_WAIT * 2**promise.attempts, LONGEST_WAIT)
    promise.attempts += 1
    promise.failure = failure[:2000]
    promise.next_attempt_at = at + timedelta(seconds=wait)
    if promise.attempts >= MOST_ATTEMPTS:
        promise.given_up_at = at
        logger.error("Mail %s is given up.", promise.pk)
    promise.save(update_fields=["attempts", "failure", "next_attempt_at", "given_up_at"])


def _message(promise: OutgoingMail) -> EmailMessage:
    headers = {
        "Message-ID": f"<{promise.pk}@{urlsplit(settings.SITE_URL).hostname}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834: answers of absent people stay away
    }
    if promise.stop_url:  # RFC 8058: mail programs show their own button for it
        headers["List-Unsubscribe"] = f"<{promise.stop_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message = EmailMessage(
        subject=promise.subject,
        body=promise.body,
        to=[promise.recipient.email if promise.recipient else promise.address],
        headers=headers,
    )
    if promise.calendar:
        part = MIMEText(promise.calendar, "calendar", "utf-8")
        part.set_param("method", calendar_method(promise.calendar))  # RFC 6047
        part.add_header("Content-Disposition", "attachment", filename="calendar.ics")
        message.attach(part)
    return message
