"""Closing an account: what boards may ask for stays, all else goes, at once and for good.

Approving bodies and boards require that who attended what, the tests, the evaluations and the
certificates are kept for seven years and longer. So the rule is:

Stays   the ledger and its certificates, which anybody can go on verifying by their codes;
        enrollments with progress, attendance, attempts and completions; reviews and what was said
        in them; outside credit with its proof and decisions; the practice log; earlier legal
        names and versions of licenses, which explain what credit says; who looked at the record;
        that mail was sent, without its words. The legal name, by which staff find all this.
Goes    the address, here and wherever it was noted; the preferred name, the password, passkeys,
        authenticator apps, sign-in by another party and sessions; rights of staff; choices of mail
        and mail that waits; saved searches, the shortlist, the calendar's address, private
        reflections and notes, training plans, files of one's own data.
Ends    seats in courses that are not completed, which go to who waits; places on waitlists;
        supervisions with what is asked in them, and invitations by and to the person; licenses are
        taken off.

There is no way back and no time to think it over: who closes has proved just now who they are and
has typed their address. The address may sign up anew; that is a new account, and staff can still
give the old certificates to who proves to be their holder.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session as SignIn
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accounts import invitations, licenses, mail, supervision
from accounts.models import Invitation, License, MailOptOut, OutgoingMail, Supervision, User
from courses import enrollment, personal_calendar, waitlist
from courses.models import DataExport, Enrollment, SavedSearch, ShortlistItem, WaitlistPlace
from transcripts.models import PlanLine, Reflection, ReviewNote, TrainingPlan

CLOSED = "The account was closed."


class ClosingError(Exception):
    """Why an account cannot be closed, in a sentence for its owner."""


@transaction.atomic
def close(*, person: User, at: datetime) -> None:
    """Close the person's account by the rule above, or change nothing. Twice changes nothing.

    Locks course, session, enrollment and waitlist place of each seat, then supervisions, then the
    person. After commit, a mail to the address that was theirs confirms it, and is forgotten.
    Raises ClosingError to the last person who may do everything, and if something of theirs was
    begun at the same moment.
    """
    end_what_runs(person=person, at=at)
    concerned = Q(pk=person.pk)
    if person.is_superuser:
        # All of them, by their ids: of two who close at once one stays.
        concerned |= Q(is_superuser=True, is_active=True)
    locked = User.objects.select_for_update(of=["self"]).filter(concerned).order_by("pk")
    people = {user.pk: user for user in locked}
    kept = people.pop(person.pk)
    if kept.closed_at is not None:
        return
    if kept.is_superuser and not people:
        raise ClosingError(
            "You are the only one who may do everything here. Make somebody else a superuser first."
        )
    if runs(person, at=at):
        raise ClosingError("You began something in this very moment. Try again.")
    old_address, addresses = kept.email, _addresses(kept)
    kept.email = f"{kept.pk}@closed.invalid"
    _forget_addresses(addresses, of=kept, at=at)
    _forget(kept, at=at)
    kept.preferred_name = ""
    kept.set_unusable_password()
    kept.is_active = kept.is_staff = kept.is_superuser = False
    kept.last_login = None
    kept.closed_at = at
    kept.save()
    kept.groups.clear()
    kept.user_permissions.clear()
    mail.post(
        recipient=old_address,
        kind="account-closed",
        key=f"account-closed:{kept.pk}",
        template="account_closed",
        context={"name": kept.legal_name},
        at=at,
    )


def runs(person: User, *, at: datetime) -> bool:
    """Whether the person holds a seat, waits for one, or is in a supervision."""
    return (
        Enrollment.objects.in_progress().filter(learner=person).exists()
        or WaitlistPlace.objects.open().filter(learner=person).exists()
        or Supervision.objects.open(at=at).of(person).exists()
    )


@transaction.atomic
def end_what_runs(*, person: User, at: datetime) -> None:
    """Give back seats and places, and end supervisions, by the verbs that tell whom it concerns.

    By course, then by session, so that two who close never wait for each other.
    """
    held = Enrollment.objects.in_progress().filter(learner=person)
    for seat in held.order_by("course", "session", "pk"):
        with suppress(enrollment.EnrollmentError):  # completed in this very moment: it stays
            enrollment.withdraw(enrollment=seat, at=at)
    places = WaitlistPlace.objects.open().filter(learner=person)
    for place in places.order_by("session__course", "session", "pk"):
        with suppress(waitlist.WaitlistError):  # taken in this very moment
            waitlist.leave(place=place, at=at)
    for link in Supervision.objects.open(at=at).of(person).order_by("pk"):
        supervision.end(supervision=link, by=person, at=at)
    for invitation in Invitation.objects.open().filter(inviter=person).order_by("pk"):
        with suppress(supervision.SupervisionError):  # accepted in this very moment
            invitations.withdraw(invitation=invitation, at=at)
    for invitation in Invitation.objects.waiting(at=at).to(person).order_by("pk"):
        with suppress(supervision.SupervisionError):  # answered in this very moment
            invitations.decline(invitation=invitation, at=at)


def _forget(person: User, *, at: datetime) -> None:
    """What is the person's alone, and nobody may ask for."""
    for license_ in License.objects.filter(holder=person).on_file().order_by("pk"):
        licenses.remove(license_=license_, at=at)
    mine = OutgoingMail.objects.filter(recipient=person)
    mine.open().update(dropped_at=at, dropped_because=CLOSED, given_up_at=None)
    mine.forget_words()
    MailOptOut.objects.filter(owner=person).delete()
    SavedSearch.objects.filter(owner=person).delete()
    ShortlistItem.objects.filter(owner=person).delete()
    personal_calendar.stop(owner=person)
    Reflection.objects.filter(entry__holder=person).delete()
    ReviewNote.objects.filter(author=person, is_shared=False).delete()
    PlanLine.objects.filter(plan__holder=person).delete()
    TrainingPlan.objects.filter(holder=person).delete()
    # The sweep removes the files; one that is being made is refused at its end.
    exports = DataExport.objects.filter(person=person)
    exports.filter(state=DataExport.State.QUEUED).update(
        state=DataExport.State.FAILED, failure=CLOSED, lease=""
    )
    exports.expire(at=at)
    sessions = UserSession.objects.filter(user=person)
    SignIn.objects.filter(pk__in=list(sessions.values_list("session_key", flat=True))).delete()
    sessions.delete()
    Authenticator.objects.filter(user=person).delete()
    if apps.is_installed("allauth.socialaccount"):
        # With its tokens: whoever signs in by that party again is new here.
        at_parties = apps.get_app_config("socialaccount").get_model("SocialAccount")
        at_parties._default_manager.filter(user=person).delete()  # noqa: SLF001
    EmailAddress.objects.filter(user=person).delete()


def _addresses(person: User) -> set[str]:
    """The address of the account, and others that the person has verified."""
    verified = EmailAddress.objects.filter(user=person, verified=True)
    return {
        person.email,
        *(address.lower() for address in verified.values_list("email", flat=True)),
    }


def _forget_addresses(addresses: Collection[str], *, of: User, at: datetime) -> None:
    """Where others, or staff, noted an address of the person, there is now what took its place."""
    invited = Invitation.objects.filter(email__in=addresses)
    invited.open().filter(expires_at__lte=at).update(withdrawn_at=at)
    invited.exclude(pk__in=Invitation.objects.open()).update(email=of.email)
    # An earlier account at this address may still wait for the mail that confirms its closing.
    mailed = OutgoingMail.objects.filter(address__in=addresses).exclude(kind="account-closed")
    mailed.open().update(dropped_at=at, dropped_because=CLOSED, given_up_at=None)
    mailed.forget_words()
    their_addresses = EmailAddress.objects.filter(user=of).values_list("pk", flat=True)
    for model, keys in ((User, [of.pk]), (EmailAddress, their_addresses)):
        LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(model),
            object_id__in=[str(key) for key in keys],
        ).update(object_repr=str(of)[:200])
    for address in addresses:
        whole = re.compile(rf"(?<![\w.+-]){re.escape(address)}(?![\w-]|\.\w)", re.IGNORECASE)
        noted = Q(object_repr__icontains=address) | Q(change_message__icontains=address)
        for entry in LogEntry.objects.filter(noted):
            entry.object_repr = whole.sub(of.email, entry.object_repr)[:200]
            entry.change_message = whole.sub(of.email, entry.change_message)
            entry.save(update_fields=["object_repr", "change_message"])


def settle(*, at: datetime) -> int:
    """End what began in the very moment of a closing; gives how many accounts it concerned."""
    closed = User.objects.filter(closed_at__isnull=False)
    left = closed.filter(
        Exists(Enrollment.objects.in_progress().filter(learner=OuterRef("pk")))
        | Exists(WaitlistPlace.objects.open().filter(learner=OuterRef("pk")))
        | Exists(
            Supervision.objects.open(at=at).filter(
                Q(supervisor=OuterRef("pk")) | Q(trainee=OuterRef("pk"))
            )
        )
        | Exists(Invitation.objects.open().filter(inviter=OuterRef("pk")))
    )
    people = list(left.order_by("pk"))
    for person in people:
        end_what_runs(person=person, at=at)
    return len(people)
