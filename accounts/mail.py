"""The one way this portal sends its own mail: one row is the promise of one mail, kept once."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.signing import Signer
from django.db import IntegrityError, transaction
from django.template import Context, Engine
from django.urls import reverse
from django.utils import timezone

from accounts import names, tasks
from accounts.mail_kinds import KINDS, Kind
from accounts.models import MAX_SUBJECT, MailOptOut, OutgoingMail, User, calendar_method


class MailError(Exception):
    """Why this cannot be done, in a sentence for the one who asked."""


@transaction.atomic
def post(
    *,
    recipient: User | str,
    kind: str,
    key: str,
    template: str,
    context: Mapping[str, Any],
    at: datetime,
    until: datetime | None = None,
    calendar: str = "",
    stop_url: str = "",
) -> OutgoingMail | None:
    """Promise a mail, in the caller's transaction. The same key again gives the first promise.

    ``key`` is what makes it once, such as ``session-cancelled:<session pk>:<enrollment pk>``; it
    is kept for good. ``template`` names ``emails/<template>.subject.txt`` and ``.txt``, rendered
    now, in the recipient's time zone, with ``context`` and ``recipient`` and ``site`` (the address
    of the portal, to put before a path). Nothing is escaped: it is plain text. The greeting, why
    the mail comes, how to stop it and the portal's name are added: a template has only the matter.
    From ``until`` on the mail is no use any more and is not sent. ``calendar`` is an iCalendar
    object to attach; it states its METHOD. A ``recipient`` that is an address has no account: its
    mail greets nobody, is in the portal's own time zone and of an essential kind. A kind that is
    turned off on a page of its own brings its ``stop_url``, which a mail program may post to.
    Gives None, and promises nothing, if the recipient has turned this kind off. So a sweep that
    asks which reminders are not yet posted leaves those people out, as in
    ``.exclude(learner__mail_opt_outs__kind="session-reminder")``.
    After commit, a worker sends it to the address that the recipient has then.
    """
    known = KINDS[kind]
    if calendar and not calendar_method(calendar):
        raise ValueError("An iCalendar object in a mail states its METHOD.")
    if bool(known.turned_off_at) != bool(stop_url):
        raise ValueError("A stop_url goes with a kind that has a page of its own, and only there.")
    person, address = (recipient, "") if isinstance(recipient, User) else (None, recipient)
    if person is None and not known.is_essential:
        raise ValueError(
            "Who has no account cannot turn a mail off, so it is of an essential kind."
        )
    first = OutgoingMail.objects.filter(key=key).first()
    if first is not None:
        return first
    if person and not wants(person=person, kind=kind):
        return None
    if person and known.is_optional:
        stop_url = settings.SITE_URL + reverse(
            "accounts:stop_mail_kind", args=[stop_token(recipient=person, kind=kind)]
        )
    words = {**context, "recipient": person, "site": settings.SITE_URL}
    with timezone.override(person.tz if person else settings.DEFAULT_USER_TIME_ZONE):
        # A line break would begin a new header.
        subject = _cut(names.one_line(_render(f"emails/{template}.subject.txt", words)))
        matter = _render(f"emails/{template}.txt", words).strip()
        frame = {"recipient": person, "matter": matter, "kind": known, "stop_url": stop_url}
        body = _render("emails/frame.txt", frame)
    try:
        with transaction.atomic():
            promise = OutgoingMail.objects.create(
                recipient=person,
                address=address,
                kind=kind,
                key=key,
                subject=subject,
                body=body,
                calendar=calendar,
                stop_url=stop_url,
                created_at=at,
                until=until,
                next_attempt_at=at + timedelta(seconds=tasks.PATIENCE),
            )
    except IntegrityError:
        return OutgoingMail.objects.get(key=key)
    tasks.send_mail.delay_on_commit(mail_id=str(promise.pk))  # type: ignore[attr-defined]
    return promise


def _render(name: str, words: Mapping[str, Any]) -> str:
    return Engine.get_default().get_template(name).render(Context(words, autoescape=False))


def _cut(subject: str) -> str:
    return subject if len(subject) <= MAX_SUBJECT else subject[: MAX_SUBJECT - 1].rstrip() + "…"


def take_back(*, key: str, because: str, at: datetime) -> None:
    """Do not send a promised mail any more, such as a question that has been answered.

    One that is sent already, or was never promised, stays as it is.
    Waits for a worker that is sending it.
    """
    OutgoingMail.objects.open().filter(key=key).update(
        dropped_at=at, dropped_because=because, given_up_at=None
    )


@transaction.atomic
def try_again(*, promise: OutgoingMail, at: datetime) -> bool:
    """Begin anew with a mail that was given up, unless its words are forgotten by now.

    After commit, a worker sends it.
    """
    begun = (
        OutgoingMail.objects.given_up()
        .with_words()
        .filter(pk=promise.pk)
        .update(
            given_up_at=None, attempts=0, next_attempt_at=at + timedelta(seconds=tasks.PATIENCE)
        )
    )
    if begun:
        tasks.send_mail.delay_on_commit(mail_id=str(promise.pk))  # type: ignore[attr-defined]
    return bool(begun)


# --- What a person wants ----------------------------------------------------


def wants(*, person: User, kind: str) -> bool:
    """Has not turned this kind off; what is essential cannot be."""
    return not (KINDS[kind].is_optional and MailOptOut.objects.of(person, kind=kind).exists())


def unwanted(person: User) -> set[str]:
    """The kinds that a person has turned off."""
    return set(MailOptOut.objects.filter(owner=person).values_list("kind", flat=True))


def opt_out(*, person: User, kind: str, at: datetime) -> None:
    """No more mail of this kind, not even what is promised already. Again changes nothing.

    Raises MailError if the kind cannot be turned off here.
    """
    if not KINDS[kind].is_optional:
        raise MailError(f"Mail of the kind “{KINDS[kind].label}” cannot be turned off here.")
    MailOptOut.objects.get_or_create(owner=person, kind=kind, defaults={"opted_out_at": at})


def opt_in(*, person: User, kind: str) -> None:
    """Mail of this kind again, from now on. Again changes nothing."""
    MailOptOut.objects.of(person, kind=kind).delete()


@transaction.atomic
def choose(*, person: User, kinds: set[str], at: datetime) -> None:
    """Of the mail that can be turned off, the person wants these kinds and no other."""
    for kind in KINDS.values():
        if kind.is_optional and kind.slug in kinds:
            opt_in(person=person, kind=kind.slug)
        elif kind.is_optional:
            opt_out(person=person, kind=kind.slug, at=at)


def _signer() -> Signer:
    return Signer(salt="accounts.mail.stop")


def stop_token(*, recipient: User, kind: str) -> str:
    """Turns this kind off without a sign-in. It never expires: mail is kept for years."""
    return _signer().sign(f"{recipient.pk.hex}.{kind}")


def of_token(token: str) -> tuple[User, Kind] | None:
    """Whose mail of what kind, or None if either is gone or essential by now.

    Raises BadSignature if the token is not ours.
    """
    person_id, _, slug = _signer().unsign(token).partition(".")
    person = User.objects.filter(pk=uuid.UUID(person_id)).first()
    kind = KINDS.get(slug)
    return (person, kind) if person and kind and kind.is_optional else None
