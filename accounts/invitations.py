"""Either side invites the other by address, and the trainee consents.

Nothing that the inviter sees depends on whether the address has an account.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.db.models import Sum

from accounts import addresses, mail, supervision
from accounts.models import Invitation, Scope, Side, Supervision, User, columns
from accounts.supervision import SupervisionError

DAYS = timedelta(days=Invitation.DAYS)
MOST_IN_A_DAY = 50  # mails to strangers that one person may cause
MOST_TO_ONE_ADDRESS = 5  # in a day, whoever invites
WAIT_BEFORE_AGAIN = timedelta(hours=1)
CONFIRM_FIRST = (
    "Supervisors must be confirmed here, and you are not at the moment. Put a license that is in "
    "force on your profile, or ask the staff of this portal to confirm you."
)


@transaction.atomic
def invite(
    *,
    inviter: User,
    inviter_is: Side,
    email: str,
    scopes: Collection[Scope],
    begins_on: date | None = None,
    ends_on: date | None = None,
    note: str = "",
    at: datetime,
) -> Invitation:
    """Invite whoever reads that address to supervise, or to be supervised.

    Of a trainee it is their consent to these parts of their record, from the first day until the
    last; of a supervisor it asks for them. The same while it waits changes nothing.
    After commit, a mail goes to the address, account or not.
    Raises SupervisionError if it is the inviter's own address, if another one to that address
    waits, if the days are wrong, if there were too many today, or if the inviter must be
    confirmed as a supervisor and is not.
    """
    email = addresses.spelled(email)
    terms = {**columns(scopes), "begins_on": begins_on, "ends_on": ends_on, "note": note}
    _check(inviter, inviter_is=inviter_is, email=email, scopes=scopes, at=at)
    begins_at = supervision.beginning(begins_on, of=inviter, at=at)
    supervision.ending(ends_on, begins_at=begins_at, of=inviter, at=at)
    mine = Invitation.objects.open().filter(inviter=inviter, email=email, inviter_is=inviter_is)
    mine.filter(expires_at__lte=at).update(withdrawn_at=at)
    try:
        with transaction.atomic():
            made = Invitation.objects.create(
                inviter=inviter,
                inviter_is=inviter_is,
                email=email,
                invited_at=at,
                mailed_at=at,
                expires_at=at + DAYS,
                **terms,
            )
    except IntegrityError:
        first = mine.first()
        if first is None or any(getattr(first, name) != value for name, value in terms.items()):
            raise SupervisionError(
                "Your invitation to this address waits for an answer. Withdraw it before you "
                "send another one."
            ) from None
        return first
    _mail(made, at=at)
    return made


@transaction.atomic
def send_again(*, invitation: Invitation, at: datetime) -> Invitation:
    """Mail it once more, and let it wait as long as a new one.

    Raises SupervisionError if it is answered, or was mailed a moment ago or too often.
    """
    kept = _locked(invitation)
    if not kept.is_open:
        raise SupervisionError("This invitation is not open any more. You can send a new one.")
    if kept.mailings >= Invitation.MOST_MAILINGS:
        raise SupervisionError(
            f"This invitation was mailed {kept.mailings} times. Ask the person in another way."
        )
    if kept.mailed_at > at - WAIT_BEFORE_AGAIN:
        raise SupervisionError("This invitation was mailed less than an hour ago. Wait a little.")
    _check_how_many(kept.inviter, at=at)
    kept.mailings += 1
    kept.mailed_at = at
    kept.expires_at = at + DAYS
    kept.save(update_fields=["mailings", "mailed_at", "expires_at"])
    _mail(kept, at=at)
    return kept


@transaction.atomic
def withdraw(*, invitation: Invitation, at: datetime) -> None:
    """The inviter takes it back; a mail that has not gone out does not. Again changes nothing.

    Raises SupervisionError if it is accepted: a supervision is ended, not withdrawn.
    """
    kept = _locked(invitation)
    if kept.accepted_at:
        raise SupervisionError("This invitation has been accepted. You can end the supervision.")
    if kept.is_open:
        kept.withdrawn_at = at
        kept.save(update_fields=["withdrawn_at"])
        _take_back_mail(kept, because="The invitation is withdrawn.", at=at)


@transaction.atomic
def decline(*, invitation: Invitation, at: datetime) -> None:
    """Whoever reads the address says no, with an account or without. Again changes nothing.

    After commit, a mail tells the inviter.
    Raises SupervisionError if it is accepted, withdrawn or too old.
    """
    kept = _locked(invitation)
    if kept.declined_at:
        return
    _check_waiting(kept, at=at)
    kept.declined_at = at
    kept.save(update_fields=["declined_at"])
    _take_back_mail(kept, because="The invitation is answered.", at=at)
    mail.post(
        recipient=kept.inviter,
        kind="supervision-answer",
        key=f"supervision-declined:{kept.pk}",
        template="supervision_declined",
        context={"invitation": kept},
        at=at,
    )


@transaction.atomic
def accept(
    *,
    invitation: Invitation,
    by: User,
    scopes: Collection[Scope] = (),
    begins_on: date | None = None,
    ends_on: date | None = None,
    at: datetime,
) -> Supervision:
    """The supervision begins. A trainee who accepts says what they share, from when until when;
    of a trainee's own invitation all that stands there already.

    Accepting twice changes nothing.
    Locks the invitation, so that a withdrawal at the same moment is not overlooked.
    After commit, a mail tells the inviter.
    Raises SupervisionError if it is answered, withdrawn or too old, or was sent to an address that
    is not of ``by``; or as ``supervision.begin`` does.
    """
    kept = _locked(invitation)
    if not is_to(by, invitation=kept):
        raise SupervisionError("This invitation was sent to another address than yours.")
    if kept.supervision:
        return kept.supervision
    _check_waiting(kept, at=at)
    supervisor, trainee = kept.inviter, by
    if not kept.inviter_supervises:
        if not supervision.may_supervise(by, at=at):
            raise SupervisionError(CONFIRM_FIRST)
        if kept.ends_on and kept.ends_on < at.astimezone(kept.inviter.tz).date():
            raise SupervisionError("The last day of this invitation is over. Ask for a new one.")
        supervisor, trainee = by, kept.inviter
        scopes, begins_on, ends_on = kept.scopes, kept.begins_on, kept.ends_on
    begun = supervision.begin(
        supervisor=supervisor,
        trainee=trainee,
        scopes=scopes,
        begins_on=begins_on,
        ends_on=ends_on,
        at=at,
    )
    kept.accepted_at = at
    kept.supervision = begun
    kept.save(update_fields=["accepted_at", "supervision"])
    _take_back_mail(kept, because="The invitation is answered.", at=at)
    # The two may have invited each other.
    crossing = Invitation.objects.open().filter(inviter=by).exclude(inviter_is=kept.inviter_is)
    crossing.to(kept.inviter).update(withdrawn_at=at)
    mail.post(
        recipient=kept.inviter,
        kind="supervision-answer",
        key=f"supervision-accepted:{kept.pk}",
        template="supervision_accepted",
        context={
            "invitation": kept,
            "supervision": begun,
            "other": by,
            "first_day": supervision.first_day(begun),
            "last_day": supervision.last_day(begun),
        },
        at=at,
    )
    return begun


def is_to(person: User, *, invitation: Invitation) -> bool:
    """The person has verified the address that was invited, and is not the one who invites."""
    return Invitation.objects.to(person).filter(pk=invitation.pk).exists()


def _check(
    inviter: User,
    *,
    inviter_is: Side,
    email: str,
    scopes: Collection[Scope],
    at: datetime,
) -> None:
    own = {
        inviter.email,
        *EmailAddress.objects.filter(user=inviter).values_list("email", flat=True),
    }
    if addresses.mailbox(email) in {addresses.mailbox(address) for address in own}:
        theirs = "your trainee's" if inviter_is == Side.SUPERVISOR else "your supervisor's"
        raise SupervisionError(f"This is your own address. Enter {theirs}.")
    if not scopes:
        raise SupervisionError("Choose at least one part of the record.")
    if inviter_is == Side.SUPERVISOR and not supervision.may_supervise(inviter, at=at):
        raise SupervisionError(CONFIRM_FIRST)
    _check_how_many(inviter, at=at)


def _check_how_many(inviter: User, *, at: datetime) -> None:
    today = Invitation.objects.filter(inviter=inviter, mailed_at__gt=at - timedelta(days=1))
    if (today.aggregate(mails=Sum("mailings"))["mails"] or 0) >= MOST_IN_A_DAY:
        raise SupervisionError(
            f"You have sent {MOST_IN_A_DAY} invitations within a day. Send the others tomorrow."
        )


def _check_waiting(invitation: Invitation, *, at: datetime) -> None:
    if invitation.accepted_at:
        raise SupervisionError("This invitation has been accepted. You can end the supervision.")
    if invitation.declined_at:
        raise SupervisionError("This invitation has been declined. It can be sent anew.")
    if invitation.withdrawn_at:
        raise SupervisionError("This invitation has been withdrawn. It can be sent anew.")
    if invitation.expires_at <= at:
        raise SupervisionError("This invitation has expired. It can be sent anew.")
    if not invitation.inviter.is_active:
        raise SupervisionError("Whoever sent this invitation has no account here any more.")


def _locked(invitation: Invitation) -> Invitation:
    return (
        Invitation.objects.select_for_update(of=["self"])
        .select_related("inviter", "supervision")
        .get(pk=invitation.pk)
    )


def _mail(invitation: Invitation, *, at: datetime) -> None:
    """To whoever verified the address, else to the address alone."""
    to_it = Invitation.objects.filter(email=invitation.email, mailed_at__gt=at - timedelta(days=1))
    if to_it.aggregate(mails=Sum("mailings"))["mails"] > MOST_TO_ONE_ADDRESS:
        return  # It waits on the page of the one who is asked; nobody is flooded.
    member = User.objects.filter(
        emailaddress__email__iexact=invitation.email, emailaddress__verified=True, is_active=True
    ).first()
    mail.post(
        recipient=member or invitation.email,
        kind="supervision-request",
        key=_mail_key(invitation, invitation.mailings),
        template="supervision_invitation",
        context={"invitation": invitation, "days": Invitation.DAYS},
        until=invitation.expires_at,
        at=at,
    )


def _mail_key(invitation: Invitation, mailing: int) -> str:
    key = f"supervision-request:{invitation.pk}"
    return key if mailing == 1 else f"{key}:{mailing}"


def _take_back_mail(invitation: Invitation, *, because: str, at: datetime) -> None:
    for mailing in range(1, invitation.mailings + 1):
        mail.take_back(key=_mail_key(invitation, mailing), because=because, at=at)
