"""Who may read whose record: the trainee consents and changes what is read, either side ends it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts import mail
from accounts.models import (
    Consent,
    Scope,
    Supervision,
    SupervisionQuerySet,
    SupervisorConfirmation,
    User,
    columns,
    confirmed_at,
)


class SupervisionError(Exception):
    """Why this cannot be done, in a sentence for the one who asked."""


# --- Consent ---


@transaction.atomic
def begin(
    *,
    supervisor: User,
    trainee: User,
    scopes: Collection[Scope],
    begins_on: date | None = None,
    ends_on: date | None = None,
    at: datetime,
) -> Supervision:
    """The trainee consents that the supervisor reads these parts of their record.

    Days are whole days in the trainee's time zone; without a first day it begins at once.
    Raises SupervisionError if the two are one, if one supervises the other already, if nothing is
    shared, if it would end before it begins, or if the supervisor must be confirmed and is not.
    """
    if supervisor == trainee:
        raise SupervisionError("Nobody supervises themselves. Ask somebody else.")
    if not may_supervise(supervisor, at=at):
        raise SupervisionError(
            f"{supervisor.legal_name} is not confirmed as a supervisor here at the moment, so "
            "this cannot begin. It can once they have a license in force on their profile."
        )
    begins_at = beginning(begins_on, of=trainee, at=at)
    ends_at = _checked(scopes, begins_at=begins_at, ends_on=ends_on, trainee=trainee, at=at)
    _close_what_is_over(supervisor=supervisor, trainee=trainee, at=at)
    try:
        with transaction.atomic():
            supervision = Supervision.objects.create(
                supervisor=supervisor,
                trainee=trainee,
                accepted_at=at,
                begins_at=begins_at,
                ends_at=ends_at,
                **columns(scopes),
            )
    except IntegrityError:
        raise SupervisionError(
            f"{supervisor.legal_name} supervises {trainee.legal_name} already. What is read, and "
            "until when, can be changed on the supervision page."
        ) from None
    _record(supervision, what=Consent.What.GIVEN, by=trainee, at=at)
    return supervision


@transaction.atomic
def change(
    *, supervision: Supervision, scopes: Collection[Scope], ends_on: date | None, at: datetime
) -> Supervision:
    """The trainee shares just these parts from now on, until the end of that day.

    The same as before changes nothing.
    Locks the supervision, so that an end at the same moment is not overlooked.
    After commit, a mail tells the supervisor.
    Raises SupervisionError if it is over, if nothing is left, or if the day is past.
    """
    kept = _locked(supervision)
    if not Supervision.objects.open(at=at).filter(pk=kept.pk).exists():
        raise SupervisionError("This supervision has ended. There is nothing left to change.")
    ends_at = _checked(
        scopes, begins_at=kept.begins_at, ends_on=ends_on, trainee=kept.trainee, at=at
    )
    if columns(scopes) == columns(kept.scopes) and ends_at == kept.ends_at:
        return kept
    for name, value in columns(scopes).items():
        setattr(kept, name, value)
    kept.ends_at = ends_at
    kept.save()
    version = _record(kept, what=Consent.What.CHANGED, by=kept.trainee, at=at)
    mail.post(
        recipient=kept.supervisor,
        kind="supervision-changed",
        key=f"supervision-changed:{version.pk}",
        template="supervision_changed",
        context={"supervision": kept, "last_day": last_day(kept)},
        at=at,
    )
    return kept


@transaction.atomic
def end(*, supervision: Supervision, by: User, at: datetime) -> Supervision:
    """Either side ends it, at once. Ending twice keeps the first end.

    After commit, a mail tells the other side.
    """
    kept = _locked(supervision)
    if kept.ended_at is not None or (kept.ends_at and kept.ends_at <= at):
        return kept
    kept.ended_at, kept.ended_by = max(at, kept.accepted_at), by
    kept.save(update_fields=["ended_at", "ended_by"])
    _record(kept, what=Consent.What.ENDED, by=by, at=at)
    other = kept.trainee if by == kept.supervisor else kept.supervisor
    mail.post(
        recipient=other,
        kind="supervision-ended",
        key=f"supervision-ended:{kept.pk}",
        template="supervision_ended",
        context={"supervision": kept, "by": by},
        at=at,
    )
    return kept


def first_moment(day: date, *, of: User) -> datetime:
    """When that day begins where the person is."""
    return datetime.combine(day, time(), tzinfo=of.tz)


def first_day(supervision: Supervision) -> date:
    """The day in the trainee's time zone on which it begins."""
    return supervision.begins_at.astimezone(supervision.trainee.tz).date()


def last_day(supervision: Supervision) -> date | None:
    """The last whole day in the trainee's time zone, if one is set."""
    if supervision.ends_at is None:
        return None
    instant = timedelta(microseconds=1)
    return (supervision.ends_at - instant).astimezone(supervision.trainee.tz).date()


def _checked(
    scopes: Collection[Scope],
    *,
    begins_at: datetime,
    ends_on: date | None,
    trainee: User,
    at: datetime,
) -> datetime | None:
    """The moment after the last day."""
    if not scopes:
        raise SupervisionError("Choose at least one part of the record to share, or share nothing.")
    return ending(ends_on, begins_at=begins_at, of=trainee, at=at)


def beginning(begins_on: date | None, *, of: User, at: datetime) -> datetime:
    """The first moment of that day where the person is, or at once."""
    return max(at, first_moment(begins_on, of=of)) if begins_on else at


def ending(ends_on: date | None, *, begins_at: datetime, of: User, at: datetime) -> datetime | None:
    """The moment after that day where the person is, None for no end.

    Raises SupervisionError if it is too far away, over already, or before the first.
    """
    if ends_on is None:
        return None
    if ends_on == date.max:
        raise SupervisionError("This last day is too far away. Leave it empty for no last day.")
    ends_at = first_moment(ends_on + timedelta(days=1), of=of)
    if ends_at <= at:
        raise SupervisionError("The last day is over already. Choose today or a later day.")
    if ends_at <= begins_at:
        raise SupervisionError("The last day is before the first day. Check the two days.")
    return ends_at


def _close_what_is_over(*, supervisor: User, trainee: User, at: datetime) -> None:
    """What ran until its last day makes room for another."""
    over = Supervision.objects.filter(
        supervisor=supervisor, trainee=trainee, ended_at__isnull=True, ends_at__lte=at
    )
    for supervision in over:
        supervision.ended_at = supervision.ends_at
        supervision.save(update_fields=["ended_at"])


def _record(supervision: Supervision, *, what: str, by: User, at: datetime) -> Consent:
    return Consent.objects.create(
        supervision=supervision,
        what=what,
        begins_at=supervision.begins_at,
        ends_at=supervision.ends_at,
        recorded_by=by,
        recorded_at=at,
        **columns(supervision.scopes),
    )


def _locked(supervision: Supervision) -> Supervision:
    return (
        Supervision.objects.select_for_update(of=["self"])
        .select_related("supervisor", "trainee")
        .get(pk=supervision.pk)
    )


# --- What is written by it ---


def locked(rows: SupervisionQuerySet, *scopes: Scope, at: datetime) -> Supervision | None:
    """The one of these by which all these parts are read at that moment; None if there is none.

    For the verbs of a supervisor, within their transaction: locked, so that what they write waits
    for an end or a change of consent at the same moment, or the other way round. They lock it
    before anything else of the trainee's.
    """
    active = rows.active(at=at)
    for scope in scopes:
        active = active.sharing(scope)
    return active.select_for_update(of=["self"]).select_related("supervisor", "trainee").first()


# --- Who may supervise ---


def may_supervise(person: User, *, at: datetime) -> bool:
    """Whether a supervision by that person may begin, and is read."""
    if not settings.SUPERVISORS_MUST_BE_CONFIRMED:
        return True
    return User.objects.filter(confirmed_at(at), pk=person.pk).exists()


@transaction.atomic
def confirm(*, person: User, because: str, by: User, at: datetime) -> None:
    """Staff confirm that a person may supervise. Again changes nothing."""
    if SupervisorConfirmation.objects.filter(person=person, withdrawn_at__isnull=True).exists():
        return
    try:
        with transaction.atomic():
            SupervisorConfirmation.objects.create(
                person=person, because=because, confirmed_by=by, confirmed_at=at
            )
    except IntegrityError:  # another did at the same moment
        return


def withdraw_confirmation(*, person: User, by: User, at: datetime) -> bool:
    """Staff take their word back; a license on file still confirms."""
    standing = SupervisorConfirmation.objects.filter(person=person, withdrawn_at__isnull=True)
    return bool(standing.update(withdrawn_at=at, withdrawn_by=by))
