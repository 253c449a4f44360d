"""Either side invites an address, and whoever reads it answers."""

from datetime import date, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail

from accounts import invitations, tasks
from accounts import mail as outbox
from accounts.models import Invitation, OutgoingMail, Scope, Side, Supervision, User
from accounts.supervision import SupervisionError
from accounts.tests.factories import InvitationFactory, LicenseFactory, UserFactory

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
CREDIT = [Scope.CREDIT]


def invite(inviter, email, *, at, inviter_is=Side.SUPERVISOR, **facts):
    return invitations.invite(
        inviter=inviter,
        inviter_is=inviter_is,
        email=email,
        at=at,
        **{"scopes": CREDIT, **facts},
    )


def refused(words, call):
    with pytest.raises(SupervisionError) as refusal:
        call()
    assert words in str(refusal.value)


# --- Invite ---


@pytest.mark.parametrize("spelling", ["priya@example.com", " Priya@Example.COM "])
def test_an_invitation_waits_for_whoever_has_verified_the_address(noon, spelling):
    priya = UserFactory(email="priya@example.com")

    made = invite(UserFactory(), spelling, at=noon)

    assert list(Invitation.objects.waiting(at=noon).to(priya)) == [made]
    assert list(Invitation.objects.to(UserFactory())) == []


def test_an_address_that_is_not_verified_is_nobodys(noon):
    other = UserFactory()
    EmailAddress.objects.create(user=other, email="priya@example.com", verified=False)

    made = invite(UserFactory(), "priya@example.com", at=noon)

    assert not invitations.is_to(other, invitation=made)
    refused(
        "sent to another address",
        lambda: invitations.accept(invitation=made, by=other, scopes=CREDIT, at=noon),
    )


def test_a_stranger_is_mailed_at_the_address_and_a_member_by_name(noon, settings):
    settings.SITE_URL = "https://portal.example.org"
    UserFactory(email="priya@example.com", legal_name="Priya Raman")
    helena = UserFactory(legal_name="Helena Brandt")

    sent = {
        email: invite(helena, email, at=noon) for email in ("priya@example.com", "new@example.com")
    }
    OutgoingMail.objects.update(until=None)  # noon is long ago
    for promise in OutgoingMail.objects.all():
        tasks.send_mail(mail_id=str(promise.pk))

    bodies = {message.to[0]: message.body for message in mail.outbox}
    assert bodies.keys() == sent.keys()
    assert bodies["priya@example.com"].startswith("Hello Priya,\n\nHelena Brandt (")
    assert bodies["new@example.com"].startswith("Hello,\n\nHelena Brandt (")
    assert "no other mail comes to it" in bodies["new@example.com"]
    for email, made in sent.items():
        path = f"https://portal.example.org/supervision/invitations/{made.token}/\n"
        assert path in bodies[email]


def test_the_note_stays_off_the_mail(noon):
    invite(UserFactory(), "new@example.com", note="Buy cheap pills at evil.example", at=noon)

    assert "evil" not in OutgoingMail.objects.get().body


@pytest.mark.parametrize(
    "spelling",
    ["helena@example.com", " Helena@Example.com", "helena+me@example.com", "second@example.com"],
)
@pytest.mark.parametrize("side", Side)
def test_nobody_invites_themselves_however_they_spell_it(noon, spelling, side):
    helena = UserFactory(email="helena@example.com")
    EmailAddress.objects.create(user=helena, email="second@example.com", verified=False)

    refused(
        "This is your own address.",
        lambda: invite(helena, spelling, inviter_is=side, at=noon),
    )
    assert Invitation.objects.count() == OutgoingMail.objects.count() == 0


def test_nobody_accepts_their_own_invitation_by_an_address_that_became_theirs(noon):
    helena = UserFactory()
    made = invite(helena, "later@example.com", at=noon)
    EmailAddress.objects.create(user=helena, email="later@example.com", verified=True)

    refused(
        "sent to another address",
        lambda: invitations.accept(invitation=made, by=helena, scopes=CREDIT, at=noon),
    )


def test_the_same_again_is_the_first_one_and_mails_once(noon):
    helena = UserFactory()

    first, second = (invite(helena, "new@example.com", at=at) for at in (noon, noon + HOUR))

    assert first == second
    assert OutgoingMail.objects.count() == 1


def test_other_terms_are_not_lost_in_silence(noon):
    helena = UserFactory()
    invite(helena, "new@example.com", at=noon)

    refused(
        "Withdraw it before you send another one.",
        lambda: invite(helena, "new@example.com", scopes=list(Scope), at=noon),
    )


def test_one_that_expired_makes_room_for_another(noon):
    helena = UserFactory()
    first = invite(helena, "new@example.com", at=noon)

    second = invite(helena, "new@example.com", at=first.expires_at)

    first.refresh_from_db()
    assert first.withdrawn_at == first.expires_at
    assert list(Invitation.objects.open()) == [second]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"scopes": []}, "Choose at least one part of the record."),
        ({"ends_on": date(2026, 3, 1)}, "The last day is over already."),
        ({"ends_on": date.max}, "This last day is too far away."),
        (
            {"begins_on": date(2026, 3, 5), "ends_on": date(2026, 3, 4)},
            "The last day is before the first day.",
        ),
    ],
)
def test_invite_refuses(noon, facts, words):
    refused(words, lambda: invite(UserFactory(), "new@example.com", at=noon, **facts))


def test_a_person_sends_so_many_invitations_in_a_day_and_no_more(noon, monkeypatch):
    monkeypatch.setattr(invitations, "MOST_IN_A_DAY", 2)
    helena = UserFactory()
    for number in range(2):
        invite(helena, f"new{number}@example.com", at=noon)

    refused("Send the others tomorrow.", lambda: invite(helena, "more@example.com", at=noon))
    assert invite(helena, "more@example.com", at=noon + timedelta(days=1, seconds=1))


def test_an_address_is_mailed_so_often_in_a_day_whoever_invites(noon):
    for _ in range(invitations.MOST_TO_ONE_ADDRESS + 2):
        invite(UserFactory(), "new@example.com", at=noon)

    assert OutgoingMail.objects.count() == invitations.MOST_TO_ONE_ADDRESS


def test_a_supervisor_who_must_be_confirmed_and_is_not_invites_nobody(noon, settings):
    settings.SUPERVISORS_MUST_BE_CONFIRMED = True
    helena = UserFactory()

    refused("Supervisors must be confirmed here", lambda: invite(helena, "n@example.com", at=noon))
    assert invite(helena, "n@example.com", inviter_is=Side.TRAINEE, at=noon)
    LicenseFactory(holder=helena)
    assert invite(helena, "n@example.com", at=noon)


# --- Again, withdraw ---


def test_send_again_mails_the_same_address_of_the_page_and_waits_anew(noon):
    made = invite(UserFactory(), "new@example.com", at=noon)
    again = invitations.send_again(invitation=made, at=noon + HOUR)

    first, second = OutgoingMail.objects.order_by("created_at")
    assert again.expires_at == noon + HOUR + invitations.DAYS
    assert made.token in first.body
    assert made.token in second.body


def test_send_again_has_its_limits(noon):
    made = invite(UserFactory(), "new@example.com", at=noon)

    refused("less than an hour ago", lambda: invitations.send_again(invitation=made, at=noon))
    for hours in range(1, Invitation.MOST_MAILINGS):
        invitations.send_again(invitation=made, at=noon + hours * HOUR)
    refused(
        "was mailed 4 times", lambda: invitations.send_again(invitation=made, at=noon + 9 * HOUR)
    )


def test_an_expired_one_can_be_sent_again_and_accepted(noon):
    priya = UserFactory()
    made = invite(UserFactory(), priya.email, at=noon)
    later = made.expires_at + HOUR

    invitations.send_again(invitation=made, at=later)

    assert invitations.accept(invitation=made, by=priya, scopes=CREDIT, at=later)


@pytest.mark.parametrize("closed", ["declined", "withdrawn"])
def test_what_is_closed_is_not_sent_again(noon, closed):
    made = InvitationFactory(**{closed: True})

    refused("not open any more", lambda: invitations.send_again(invitation=made, at=noon))


def test_withdraw_keeps_back_the_mail_that_has_not_gone_out(noon):
    made = invite(UserFactory(), "new@example.com", at=noon)

    for _ in range(2):
        invitations.withdraw(invitation=made, at=noon + HOUR)
    tasks.send_mail(mail_id=str(OutgoingMail.objects.get().pk))

    assert mail.outbox == []
    assert OutgoingMail.objects.get().dropped_because == "The invitation is withdrawn."


# --- Answer ---


def test_a_trainee_accepts_and_shares_what_they_choose_and_not_what_was_asked(noon):
    helena, priya = UserFactory(), UserFactory()
    made = invite(helena, priya.email, scopes=list(Scope), at=noon)

    begun = invitations.accept(invitation=made, by=priya, scopes=[Scope.PRACTICE], at=noon + HOUR)

    assert (begun.supervisor, begun.trainee, begun.scopes) == (helena, priya, [Scope.PRACTICE])
    assert (begun.begins_at, begun.ends_at) == (noon + HOUR, None)


def test_nothing_is_visible_before_the_answer(noon):
    helena, priya = UserFactory(), UserFactory()

    invite(helena, priya.email, at=noon)
    invite(priya, helena.email, inviter_is=Side.TRAINEE, at=noon)

    assert not Supervision.objects.exists()


def test_a_supervisor_accepts_just_what_the_trainee_consented_to(noon):
    helena, priya = UserFactory(), UserFactory()
    made = invite(
        priya,
        helena.email,
        inviter_is=Side.TRAINEE,
        scopes=[Scope.CREDIT, Scope.RENEWAL],
        begins_on=date(2026, 3, 5),
        ends_on=date(2026, 3, 9),
        at=noon,
    )

    begun = invitations.accept(
        invitation=made, by=helena, scopes=list(Scope), ends_on=None, at=noon + HOUR
    )

    assert begun.scopes == [Scope.CREDIT, Scope.RENEWAL]
    assert begun.begins_at.isoformat() == "2026-03-05T00:00:00-05:00"
    assert begun.ends_at.isoformat() == "2026-03-10T00:00:00-04:00"
    assert begun.consents.get().recorded_by == priya


def test_the_inviter_is_told_who_accepted_and_what_it_is(noon):
    helena, priya = UserFactory(), UserFactory(legal_name="Priya Raman")
    made = invite(helena, priya.email, at=noon)

    invitations.accept(invitation=made, by=priya, scopes=CREDIT, at=noon)

    promise = OutgoingMail.objects.get(kind="supervision-answer")
    assert (promise.recipient, promise.subject) == (helena, "Priya Raman accepted your invitation")
    assert "You read of their record, from Mar 2, 2026 until either of you ends" in promise.body


def test_accept_twice_begins_once(noon):
    priya = UserFactory()
    made = invite(UserFactory(), priya.email, at=noon)

    first, second = (
        invitations.accept(invitation=made, by=priya, scopes=CREDIT, at=noon) for _ in range(2)
    )

    assert first == second == Supervision.objects.get()


def test_an_invitation_can_be_accepted_until_the_second_before_it_expires(noon):
    priya = UserFactory()
    made, late = (InvitationFactory(email=priya.email, expires_at=noon) for _ in range(2))

    refused(
        "This invitation has expired. It can be sent anew.",
        lambda: invitations.accept(invitation=late, by=priya, scopes=CREDIT, at=noon),
    )
    assert invitations.accept(invitation=made, by=priya, scopes=CREDIT, at=noon - SECOND)


@pytest.mark.parametrize("closed", ["withdrawn", "declined"])
def test_what_is_closed_is_not_accepted(noon, closed):
    priya = UserFactory()
    made = InvitationFactory(email=priya.email, **{closed: True})

    refused(
        f"This invitation has been {closed}.",
        lambda: invitations.accept(invitation=made, by=priya, scopes=CREDIT, at=noon),
    )
    assert Supervision.objects.count() == 0


def test_an_invitation_of_an_account_that_is_closed_by_now_is_not_accepted(noon):
    priya = UserFactory()
    made = invite(UserFactory(), priya.email, at=noon)
    User.objects.filter(pk=made.inviter.pk).update(is_active=False)

    assert list(Invitation.objects.waiting(at=noon).to(priya)) == []
    refused(
        "has no account here any more",
        lambda: invitations.accept(invitation=made, by=priya, scopes=CREDIT, at=noon),
    )


def test_a_consent_whose_last_day_is_over_is_not_accepted(noon):
    helena = UserFactory()
    made = invite(
        UserFactory(), helena.email, inviter_is=Side.TRAINEE, ends_on=date(2026, 3, 3), at=noon
    )

    refused(
        "The last day of this invitation is over.",
        lambda: invitations.accept(invitation=made, by=helena, at=noon + timedelta(days=2)),
    )


@pytest.mark.parametrize("side", Side)
def test_who_is_not_confirmed_begins_nothing_in_either_direction(noon, settings, side):
    helena, priya = UserFactory(legal_name="Helena Brandt"), UserFactory()
    by, to = (helena, priya) if side == Side.SUPERVISOR else (priya, helena)
    made = invite(by, to.email, inviter_is=side, at=noon)
    settings.SUPERVISORS_MUST_BE_CONFIRMED = True

    refused(
        "Helena Brandt is not confirmed" if to == priya else "Supervisors must be confirmed",
        lambda: invitations.accept(invitation=made, by=to, scopes=CREDIT, at=noon),
    )
    assert made.is_waiting(noon)


def test_two_people_who_invited_each_other_are_linked_by_one_answer(noon):
    helena, priya = UserFactory(), UserFactory()
    asked = invite(helena, priya.email, at=noon)
    offered = invite(priya, helena.email, inviter_is=Side.TRAINEE, at=noon)
    other_way = invite(priya, helena.email, at=noon)

    invitations.accept(invitation=asked, by=priya, scopes=CREDIT, at=noon)

    assert list(Invitation.objects.open()) == [other_way]
    refused(
        "has been withdrawn",
        lambda: invitations.accept(invitation=offered, by=helena, at=noon),
    )


@pytest.mark.parametrize("times", [1, 2])
def test_decline_tells_the_inviter_the_address_and_no_name(noon, times):
    helena, priya = UserFactory(), UserFactory(legal_name="Priya Raman")
    made = invite(helena, priya.email, at=noon)

    for _ in range(times):
        invitations.decline(invitation=made, at=noon)

    promise = OutgoingMail.objects.get(kind="supervision-answer")
    assert promise.recipient == helena
    assert priya.email in promise.body
    assert "Priya Raman" not in promise.subject + promise.body


def test_a_mail_to_a_mere_address_is_of_an_essential_kind(noon):
    with pytest.raises(ValueError, match="of an essential kind"):
        outbox.post(
            recipient="new@example.com",
            kind="session-reminder",
            key="x",
            template="supervision_declined",
            context={},
            at=noon,
        )
