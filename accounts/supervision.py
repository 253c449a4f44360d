"""Who may read whose record: a supervisor asks, the trainee consents, either ends it."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts import mail
from accounts.models import Supervision, User


class SupervisionError(Exception):
    """Why this cannot be done, in a sentence for the one who asked."""


@transaction.atomic
def request(*, supervisor: User, email: str, at: datetime) -> Supervision | None:
    """Ask the person at ``email`` to let the supervisor read their record.

    Asking again while a request is open changes nothing. Without an account at that address
    nothing happens, and the caller must not let the supervisor see the difference.
    After commit, a mail tells the trainee.
    Raises SupervisionError if it is the supervisor's own address.
    """
    if email.strip().lower() == supervisor.email:
        raise SupervisionError("This is your own address. Enter your trainee's.")
    trainee = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if trainee is None:
        return None
    try:
        with transaction.atomic():
            supervision = Supervision.objects.create(
                supervisor=supervisor, trainee=trainee, requested_at=at
            )
    except IntegrityError:
        return Supervision.objects.open().get(supervisor=supervisor, trainee=trainee)
    mail.post(
        recipient=trainee,
        kind="supervision-request",
        key=_mail_key(supervision),
        template="supervision_request",
        context={"supervisor": supervisor},
        at=at,
    )
    return supervision


@transaction.atomic
def accept(*, supervision: Supervision, at: datetime) -> None:
    """The trainee consents: from now on the supervisor reads credit and certificates.

    Accepting twice changes nothing.
    Locks the supervision, so an end at the same moment is not overlooked.
    Raises SupervisionError if it has been declined or ended.
    """
    supervision = _locked(supervision)
    if supervision.declined_at or supervision.ended_at:
        raise SupervisionError("This request is closed. Your supervisor can ask again.")
    if supervision.accepted_at is None:
        supervision.accepted_at = supervision.begins_at = at
        supervision.shares_credit = supervision.shares_reflections = True
        supervision.save()
        _take_back_mail(supervision, at=at)


@transaction.atomic
def decline(*, supervision: Supervision, at: datetime) -> None:
    """The trainee says no. Declining twice changes nothing.

    Raises SupervisionError if it has been accepted: an accepted one is ended, not declined.
    """
    supervision = _locked(supervision)
    if supervision.accepted_at:
        raise SupervisionError("You have accepted this request. You can end the supervision.")
    if supervision.declined_at is None and supervision.ended_at is None:
        supervision.declined_at = at
        supervision.save(update_fields=["declined_at"])
        _take_back_mail(supervision, at=at)


@transaction.atomic
def end(*, supervision: Supervision, by: User, at: datetime) -> None:
    """Either side ends it, at once. Ending twice keeps the first end."""
    supervision = _locked(supervision)
    if supervision.ended_at is None and supervision.declined_at is None:
        supervision.ended_at = at
        supervision.ended_by = by
        supervision.save(update_fields=["ended_at", "ended_by"])
        _take_back_mail(supervision, at=at)


def _locked(supervision: Supervision) -> Supervision:
    return Supervision.objects.select_for_update(of=["self"]).get(pk=supervision.pk)


def _mail_key(supervision: Supervision) -> str:
    return f"supervision-request:{supervision.pk}"


def _take_back_mail(supervision: Supervision, *, at: datetime) -> None:
    """The trainee is not asked any more."""
    mail.take_back(key=_mail_key(supervision), because="The request is answered.", at=at)
