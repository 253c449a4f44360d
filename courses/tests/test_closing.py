"""Closing an account: what stays, what goes, and that it happens wholly or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.sessions.models import Session as SignIn
from django.db import IntegrityError, connection, transaction
from django.test import Client, modify_settings
from django.urls import reverse

from accounts import delivery, mail, trace
from accounts.models import License, MailOptOut, OutgoingMail, RecordRead, Supervision, User
from accounts.tests.factories import (
    InvitationFactory,
    LicenseFactory,
    OutgoingMailFactory,
    SupervisionFactory,
    UserFactory,
)
from accounts.tests.security import give_app, give_passkey, prove_by_password
from courses import closing, completion, data_requests, personal_calendar, personal_data
from courses.models import (
    CalendarFeed,
    DataExport,
    Enrollment,
    SavedSearch,
    ShortlistItem,
    WaitlistPlace,
)
from courses.tests.factories import (
    CourseFactory,
    EnrollmentFactory,
    SessionFactory,
    WaitlistPlaceFactory,
)
from courses.tests.stories import ready_to_complete
from transcripts import reflections
from transcripts.models import CreditEntry, Reflection, certificate_storage
from transcripts.tests.factories import CertificateFactory

pytestmark = pytest.mark.django_db

PAGE = reverse("courses:close_account")


@pytest.fixture
def maya():
    return UserFactory(email="maya@example.com", legal_name="Maya Okafor", preferred_name="May")


@pytest.fixture
def proved(client, maya):
    """Maya's browser, with the password shown just now."""
    client.force_login(maya)
    prove_by_password(client)
    return client


def close(person, at):
    closing.close(person=person, at=at)
    person.refresh_from_db()


# --- What goes ---


def test_contact_data_and_the_ways_to_sign_in_go(maya, noon):
    give_app(maya)
    give_passkey(maya)

    close(maya, noon)

    assert maya.email == f"{maya.pk}@closed.invalid"
    assert (maya.preferred_name, maya.is_active, maya.has_usable_password()) == ("", False, False)
    assert maya.closed_at == noon
    assert not EmailAddress.objects.filter(user=maya).exists()
    assert not Authenticator.objects.filter(user=maya).exists()


def test_one_is_signed_out_everywhere(proved, maya):
    elsewhere = Client()
    elsewhere.post(reverse("account_login"), {"login": maya.email, "password": "a long enough one"})

    proved.post(PAGE, {"email": maya.email})

    for browser in (proved, elsewhere):
        assert browser.get(reverse("accounts:profile")).status_code == 302
    assert not [
        row
        for row in SignIn.objects.all()
        if row.get_decoded().get("_auth_user_id") == str(maya.pk)
    ]


def test_what_was_only_for_oneself_goes(maya, noon):
    MailOptOut.objects.create(owner=maya, kind="session-reminder", opted_out_at=noon)
    SavedSearch.objects.create(
        owner=maya, name="Grief", query="q=grief", created_at=noon, seen_until=noon
    )
    ShortlistItem.objects.create(owner=maya, course=CourseFactory(), kept_at=noon)
    personal_calendar.make(owner=maya, at=noon)
    certificate = CertificateFactory(entry__holder=maya)
    reflections.write(entry=certificate.entry, learned="Much", will_do="", is_shared=False, at=noon)

    close(maya, noon)

    for rows in (
        MailOptOut.objects.filter(owner=maya),
        SavedSearch.objects.filter(owner=maya),
        ShortlistItem.objects.filter(owner=maya),
        CalendarFeed.objects.filter(owner=maya),
        Reflection.objects.filter(entry__holder=maya),
    ):
        assert not rows.exists()


def test_mail_that_waits_is_not_sent_and_its_words_are_forgotten(maya, noon):
    waiting = mail.post(
        recipient=maya,
        kind="certificate-ready",
        key="x",
        template="account_closed",
        context={"name": "x"},
        at=noon,
    )

    close(maya, noon)

    waiting.refresh_from_db()
    assert (waiting.state, waiting.body, waiting.subject) == (
        "Dropped: The account was closed.",
        "",
        "",
    )


def test_files_of_ones_data_go_and_one_that_is_being_made_is_not_finished(maya, noon):
    ready = data_requests.ask(person=maya, at=noon)
    personal_data.make(export_id=str(ready.pk), at=noon)
    ready.refresh_from_db()
    running = data_requests.ask(person=maya, at=noon + timedelta(minutes=1))
    claimed = personal_data._claim(str(running.pk), at=noon + timedelta(minutes=1))

    close(maya, noon + timedelta(minutes=2))

    assert not personal_data._finish(claimed, size=1, at=noon + timedelta(minutes=2))
    personal_data.remove_expired(at=noon + timedelta(minutes=2), limit=10)
    assert not certificate_storage().exists(ready.file.name)
    assert set(DataExport.objects.values_list("state", "file")) >= {("ready", "")}


# --- What ends ---


def test_a_seat_goes_to_who_waits_for_it(maya, noon):
    session = SessionFactory(capacity=1, starts_at=noon + timedelta(days=30))
    held = EnrollmentFactory(learner=maya, course=session.course, session=session)
    place = WaitlistPlaceFactory(session=session)

    close(maya, noon)

    held.refresh_from_db()
    place.refresh_from_db()
    assert held.withdrawn_at == noon
    assert place.state == WaitlistPlace.State.OFFERED


def test_places_on_waitlists_and_supervisions_end(maya, noon):
    place = WaitlistPlaceFactory(learner=maya)
    given = SupervisionFactory(supervisor=maya)
    received = SupervisionFactory(trainee=maya)

    close(maya, noon)

    place.refresh_from_db()
    assert not place.is_open
    ended = Supervision.objects.filter(pk__in=[given.pk, received.pk])
    assert list(ended.values_list("ended_at", "ended_by")) == [(noon, maya.pk)] * 2


def test_licenses_are_taken_off_and_their_versions_stay(maya, noon):
    license_ = LicenseFactory(holder=maya)

    close(maya, noon)

    license_.refresh_from_db()
    assert license_.removed_at == noon
    assert not License.objects.filter(holder=maya).on_file().exists()


# --- What stays ---


def test_credit_stays_and_a_certificate_is_verified_by_its_code_as_before(client, maya, noon):
    certificate = CertificateFactory(entry__holder=maya)
    record = certificate.entry.record
    before = client.get(certificate.get_absolute_url(), {"format": "json"}).json()

    close(maya, noon)

    entry = CreditEntry.objects.get(pk=certificate.entry.pk)
    assert (entry.holder_name, entry.record) == (certificate.entry.holder_name, record)
    assert client.get(certificate.get_absolute_url(), {"format": "json"}).json() == before


def test_a_completed_course_stays_completed(noon):
    enrollment = ready_to_complete(noon)
    completion.complete(enrollment=enrollment, at=noon)

    close(enrollment.learner, noon + timedelta(days=1))

    kept = Enrollment.objects.get(pk=enrollment.pk)
    assert kept.withdrawn_at is None
    assert kept.completion.credit_entry.holder == enrollment.learner
    assert kept.attempts.count() == enrollment.attempts.count()


def test_who_looked_at_the_record_and_the_legal_name_stay(maya, noon):
    trace.record(reader=UserFactory(), person=maya, what=RecordRead.What.TRANSCRIPT, at=noon)

    close(maya, noon)

    assert RecordRead.objects.filter(person=maya).count() == 1
    assert maya.legal_name == "Maya Okafor"


# --- Afterwards ---


def test_a_mail_to_the_old_address_confirms_it(maya, noon, mailoutbox):
    close(maya, noon)

    promise = OutgoingMail.objects.get(kind="account-closed")
    delivery.deliver(mail_id=str(promise.pk), at=noon)

    assert [message.to for message in mailoutbox] == [["maya@example.com"]]
    assert "was closed just now" in mailoutbox[0].body


def test_the_mail_that_confirms_it_is_forgotten_once_it_is_sent(maya, noon, monkeypatch):
    close(maya, noon)
    promise = OutgoingMail.objects.get(kind="account-closed")
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", lambda self: 1 / 0)
        delivery.deliver(mail_id=str(promise.pk), at=noon)
    promise.refresh_from_db()
    while_it_waits = promise.address

    delivery.deliver(mail_id=str(promise.pk), at=noon)

    promise.refresh_from_db()
    assert while_it_waits == "maya@example.com"
    assert (promise.sent_at, promise.address, promise.subject, promise.body) == (noon, "", "", "")


def test_an_address_is_left_nowhere_once_the_mail_is_out(maya, noon):
    """Nor another one of theirs, in whatever column of whatever table."""
    EmailAddress.objects.create(user=maya, email="May@elsewhere.example.com", verified=True)
    elsewhere = "may@elsewhere.example.com"
    helena = UserFactory(legal_name="Helena Brandt")
    for key, address in (("early", maya.email), ("earlier", elsewhere)):
        OutgoingMailFactory(recipient=None, address=address, key=key, kind="supervision-request")
        InvitationFactory(inviter=helena, email=address, declined=True)
        InvitationFactory(inviter=helena, email=address, expired=True)
    waiting = InvitationFactory(inviter=UserFactory(), email=maya.email)
    longer = UserFactory(email="ma.maya@example.com.au")
    staff = UserFactory(is_staff=True, is_superuser=True)
    LogEntry.objects.log_actions(staff.pk, [maya], CHANGE, "Renamed Maya@example.com.")
    LogEntry.objects.log_actions(staff.pk, EmailAddress.objects.filter(user=maya), CHANGE, "")
    LogEntry.objects.log_actions(staff.pk, [SupervisionFactory(trainee=maya)], CHANGE, "")
    LogEntry.objects.log_actions(staff.pk, [longer], CHANGE, "")

    close(maya, noon)
    delivery.deliver(mail_id=str(OutgoingMail.objects.get(kind="account-closed").pk), at=noon)
    # What was said to others is forgotten after 90 days.
    to_others = OutgoingMail.objects.exclude(recipient=None)
    to_others.waiting().update(sent_at=noon)
    to_others.forget_words()

    waiting.refresh_from_db()
    assert waiting.declined_at == noon
    assert LogEntry.objects.filter(object_repr__contains="(ma.maya@example.com.au)").exists()
    left = {
        f"{model._meta.label}: {value}"
        for model in apps.get_models()
        for row in model.objects.values()
        for value in map(str, row.values())
        for address in ("maya@example.com", elsewhere)
        if address in value.lower().replace(longer.email, "")
    }
    assert left == set()


def test_an_invitation_to_an_address_that_is_not_proved_waits_for_its_owner(maya, noon):
    EmailAddress.objects.create(user=maya, email="else@example.com", verified=False)
    invitation = InvitationFactory(email="else@example.com")

    close(maya, noon)

    invitation.refresh_from_db()
    assert (invitation.is_open, invitation.email) == (True, "else@example.com")


@pytest.mark.django_db(transaction=True)
def test_who_signed_in_by_another_party_is_not_known_to_it_any_more(maya, noon):
    with modify_settings(INSTALLED_APPS={"append": "allauth.socialaccount"}):
        social = [
            apps.get_model("socialaccount", name)
            for name in ("SocialApp", "SocialAccount", "SocialToken")
        ]
        with connection.schema_editor() as editor:
            for model in social:
                editor.create_model(model)
        try:
            _, account, token = social
            for person, uid in ((maya, "1"), (UserFactory(), "2")):
                at_party = account.objects.create(
                    user=person, provider="google", uid=uid, extra_data={"email": person.email}
                )
                token.objects.create(account=at_party, token="secret")

            close(maya, noon)

            assert list(account.objects.values_list("uid", flat=True)) == ["2"]
            assert list(token.objects.values_list("account__uid", flat=True)) == ["2"]
        finally:
            with connection.schema_editor() as editor:
                for model in reversed(social):
                    editor.delete_model(model)
            # Installing the app shows it in the admin, for the rest of the process.
            admin.site.unregister([model for model in social if admin.site.is_registered(model)])


def test_the_address_may_sign_up_anew(client, maya, noon):
    close(maya, noon)

    anew = User.objects.create_user(
        "maya@example.com", "another long one", legal_name="Maya Okafor"
    )

    assert anew.pk != maya.pk
    assert not CreditEntry.objects.filter(holder=anew).exists()


def test_closing_twice_keeps_the_first_moment_and_mails_once(maya, noon):
    close(maya, noon)
    close(maya, noon + timedelta(days=1))

    assert maya.closed_at == noon
    assert OutgoingMail.objects.filter(kind="account-closed").count() == 1


def test_what_fails_halfway_leaves_all_as_it_was(maya, noon, monkeypatch):
    place = WaitlistPlaceFactory(learner=maya)
    monkeypatch.setattr("courses.closing.mail.post", lambda **_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        closing.close(person=maya, at=noon)

    maya.refresh_from_db()
    place.refresh_from_db()
    assert (maya.email, maya.closed_at, place.is_open) == ("maya@example.com", None, True)
    assert EmailAddress.objects.filter(user=maya).exists()


def test_what_began_in_the_very_moment_of_closing_is_given_back_later(maya, noon):
    close(maya, noon)
    late = EnrollmentFactory(learner=maya)

    settled = closing.settle(at=noon + timedelta(hours=1))

    late.refresh_from_db()
    assert (settled, late.withdrawn_at) == (1, noon + timedelta(hours=1))
    assert closing.settle(at=noon + timedelta(hours=2)) == 0


@pytest.mark.parametrize("side", ["trainee", "supervisor"])
def test_a_supervision_that_began_in_the_very_moment_of_closing_is_ended_later(maya, noon, side):
    close(maya, noon)
    late = SupervisionFactory(**{side: maya}, accepted_at=noon, begins_at=noon)
    later = noon + timedelta(hours=1)

    settled = closing.settle(at=later)

    late.refresh_from_db()
    assert (settled, late.ended_at, late.ended_by) == (1, later, maya)
    assert closing.settle(at=noon + timedelta(hours=2)) == 0


def test_the_last_superuser_cannot_close(noon):
    last = UserFactory(is_staff=True, is_superuser=True)

    with pytest.raises(closing.ClosingError, match="the only one"):
        closing.close(person=last, at=noon)


def test_a_superuser_closes_while_there_is_another(noon):
    UserFactory(is_staff=True, is_superuser=True)
    other = UserFactory(is_staff=True, is_superuser=True)

    close(other, noon)

    assert (other.is_staff, other.is_superuser, other.is_active) == (False, False, False)


def test_the_database_refuses_that_who_has_closed_may_sign_in_again(maya, noon):
    close(maya, noon)

    with (
        pytest.raises(IntegrityError, match="user_who_has_closed_may_do_nothing"),
        transaction.atomic(),
    ):
        User.objects.filter(pk=maya.pk).update(is_active=True)


def test_staff_look_at_a_closed_account_and_change_nothing(client, maya, noon):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    close(maya, noon)
    page = f"/admin/accounts/user/{maya.pk}/"

    seen = client.get(f"{page}change/")
    statuses = [
        client.post(f"{page}change/", {"is_active": "on"}).status_code,
        client.post(f"{page}password/", {"usable_password": "true"}).status_code,
    ]

    assert seen.status_code == 200
    assert "Maya Okafor" in seen.text
    assert 'name="is_active"' not in seen.text
    assert statuses == [403, 403]
    maya.refresh_from_db()
    assert not maya.is_active


# --- The page ---


def test_the_page_says_what_stays_what_goes_and_what_ends(proved):
    page = proved.get(PAGE).text

    assert [words in page for words in ("What stays", "What goes", "What ends")] == [True] * 3


def test_closing_wants_a_fresh_proof_of_who_it_is(client, maya):
    client.force_login(maya)

    answers = [client.get(PAGE), client.post(PAGE, {"email": maya.email})]

    assert ["reauthenticate" in answer.url for answer in answers] == [True, True]
    maya.refresh_from_db()
    assert maya.closed_at is None


@pytest.mark.parametrize(
    "typed", ["", "else@example.com", "maya", "x" * 10_000, "maya@example.com\0"]
)
def test_only_ones_own_address_closes(proved, maya, typed):
    answer = proved.post(PAGE, {"email": typed})

    assert answer.status_code == 422
    maya.refresh_from_db()
    assert maya.closed_at is None


def test_one_types_the_address_and_the_account_is_closed(proved, maya):
    answer = proved.post(PAGE, {"email": " Maya@Example.com "}, follow=True)

    assert "Your account is closed." in answer.text
    maya.refresh_from_db()
    assert maya.closed_at is not None
