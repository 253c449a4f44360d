"""Invitations, consent and its end, through the browser's door."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from accounts import tasks
from accounts.models import Invitation, OutgoingMail, Scope, Supervision, User
from accounts.tests.factories import (
    PASSWORD,
    InvitationFactory,
    LicenseFactory,
    SupervisionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

PEOPLE_PAGE = reverse("accounts:supervision")
HOSTILE = "<script>alert(1)</script> \u202eevil\u202c " + "long " * 60


@pytest.fixture
def maya(client):
    user = UserFactory(email="maya@example.com", legal_name="Maya Okafor")
    client.force_login(user)
    return user


def ask_trainee(client, email, **changes):
    sent = {"as": "supervisor", "trainee-email": email, "trainee-scopes": ["credit"], **changes}
    return client.post(PEOPLE_PAGE, sent)


def ask_supervisor(client, email, **changes):
    sent = {"as": "trainee", "supervisor-email": email, "supervisor-scopes": ["credit"], **changes}
    return client.post(PEOPLE_PAGE, sent)


def page_of(invitation):
    return reverse("accounts:invitation", args=[invitation.token])


def without_tokens(page):
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page.text)


# --- Invite ---


def test_an_invitation_shows_on_the_page_of_the_one_who_is_asked_alone(client, maya):
    helena = UserFactory(legal_name="Helena Brandt")
    client.force_login(helena)
    ask_trainee(client, "MAYA@example.com")

    pages = {}
    for person in (helena, maya, UserFactory()):
        client.force_login(person)
        pages[person] = client.get(PEOPLE_PAGE)

    assert [list(page.context["requests"]) for page in pages.values()] == [
        [],
        [Invitation.objects.get()],
        [],
    ]
    assert "Helena Brandt" in pages[maya].text
    assert "Maya Okafor" not in pages[helena].text
    assert [row.email for row in pages[helena].context["sent"]] == ["maya@example.com"]


@pytest.mark.parametrize("ask", [ask_trainee, ask_supervisor])
def test_nothing_tells_whether_the_address_has_an_account(client, ask):
    UserFactory(email="known@example.com")
    UserFactory(email="closed@example.com", is_active=False)

    answers = []
    for email in ("unknown@example.com", "known@example.com", "closed@example.com"):
        client.force_login(UserFactory(email=f"asks-{email}", legal_name="Helena Brandt"))
        answer = ask(client, email)
        assert answer.status_code == 302
        page = client.get(answer.url)
        answers.append(re.sub(r"[0-9a-f-]{36}", "…", without_tokens(page).replace(email, "…")))

    assert answers[0] == answers[1] == answers[2]
    assert "Your invitation is on its way to" in answers[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trainee-email": ""}, "Fill this in."),
        ({"trainee-email": "not an address"}, "Enter a valid email address."),
        ({"trainee-email": "Maya@Example.com"}, "This is your own address."),
        ({"trainee-scopes": []}, "Check at least one part."),
        ({"trainee-scopes": ["everything"]}, "Select a valid choice."),
        ({"trainee-ends_on": "yesterday"}, "Enter a day, as 2027-01-31."),
        ({"trainee-ends_on": "2020-01-01"}, "The last day is over already."),
        (
            {"trainee-begins_on": "2090-02-02", "trainee-ends_on": "2090-02-01"},
            "The last day is before the first day.",
        ),
        ({"trainee-note": "x" * 501}, "at most 500 characters"),
        ({"trainee-note": "a\x00b"}, "Null characters are not allowed."),
    ],
)
def test_the_form_says_what_is_wrong_and_loses_nothing(client, maya, changes, words):
    sent = {"trainee-note": "About your hours.", **changes}

    page = ask_trainee(client, sent.pop("trainee-email", "priya@example.com"), **sent)

    assert page.status_code == 422
    assert words in page.text
    kept = page.context["trainee_form"]["note"].value()
    assert kept == sent["trainee-note"]
    assert not page.context["supervisor_form"].is_bound
    assert Invitation.objects.count() == 0


def test_hostile_words_are_shown_as_words_and_fit_the_page(client, maya):
    helena = UserFactory(legal_name="Helena <b>Brandt</b>")
    client.force_login(helena)
    ask_trainee(client, maya.email, **{"trainee-note": HOSTILE})
    made = Invitation.objects.get()

    client.force_login(maya)
    page = client.get(page_of(made))

    assert "\u202e" not in made.note
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; evil" in page.text
    assert "Helena &lt;b&gt;Brandt&lt;/b&gt;" in client.get(PEOPLE_PAGE).text


def test_who_is_not_confirmed_sees_why_they_cannot_invite(client, maya, settings):
    settings.SUPERVISORS_MUST_BE_CONFIRMED = True

    page = client.get(PEOPLE_PAGE)
    answer = ask_trainee(client, "priya@example.com")

    assert "Supervisors must be confirmed here, and you are not at the moment." in page.text
    assert answer.status_code == 422
    assert "ask the staff of this portal to confirm you" in answer.text
    LicenseFactory(holder=maya)
    assert "and you are not at the moment" not in client.get(PEOPLE_PAGE).text


def test_withdraw_and_send_again_are_the_inviters_alone(client):
    made = InvitationFactory(email="priya@example.com")
    priya = UserFactory(email="priya@example.com")

    statuses = {}
    for who, person in {"other": UserFactory(), "priya": priya, "inviter": made.inviter}.items():
        client.force_login(person)
        statuses[who] = [
            client.post(reverse(f"accounts:{name}", args=[made.pk])).status_code
            for name in ("send_invitation_again", "withdraw_invitation")
        ]

    assert statuses == {"other": [404, 404], "priya": [404, 404], "inviter": [302, 302]}
    made.refresh_from_db()
    assert (made.mailings, bool(made.withdrawn_at)) == (2, True)


def test_a_refusal_to_send_again_is_told_in_words(client, maya):
    made = InvitationFactory(inviter=maya, mailed_at=timezone.now())

    page = client.post(reverse("accounts:send_invitation_again", args=[made.pk]), follow=True)

    assert "This invitation was mailed less than an hour ago." in page.text


# --- Answer ---


def test_a_stranger_reads_who_invites_signs_up_with_the_address_and_consents(client, settings):
    helena = UserFactory(legal_name="Helena Brandt")
    client.force_login(helena)
    ask_trainee(client, "priya@example.com")
    client.logout()
    tasks.send_mail(mail_id=str(OutgoingMail.objects.get().pk))
    link = re.search(r"/supervision/invitations/\S+", mail.outbox[-1].body)[0]

    door = client.get(link)
    client.post(
        reverse("account_signup"),
        {
            "legal_name": "Priya Raman",
            "email": "priya@example.com",
            "time_zone": "America/Chicago",
            "password1": PASSWORD,
            "password2": PASSWORD,
        },
    )
    confirm = next(word for word in mail.outbox[-1].body.split() if "/confirm-email/" in word)
    client.post(confirm)
    client.post(reverse("account_login"), {"login": "priya@example.com", "password": PASSWORD})
    home = client.get(reverse("home"))
    page = client.get(link)
    client.post(link, {"scopes": ["credit", "practice"]})

    assert "Helena Brandt" in door.text
    assert "create an account" in door.text
    assert link in home.text
    assert "They ask for: credit and certificates." in page.text
    begun = Supervision.objects.get()
    assert (begun.trainee.legal_name, begun.scopes) == (
        "Priya Raman",
        [Scope.CREDIT, Scope.PRACTICE],
    )


def test_no_box_is_checked_for_the_trainee(client, maya):
    made = InvitationFactory(email=maya.email, shares_practice=True)

    page = client.get(page_of(made))

    assert page.context["form"]["scopes"].value() is None
    assert not re.search(r'name="scopes"[^>]* checked', page.text)


def test_the_page_of_an_invitation_shows_each_part_and_what_it_means(client, maya):
    made = InvitationFactory(email=maya.email, note="Before your audit.")

    page = client.get(page_of(made))

    for scope in Scope:
        assert scope.label in page.text
        assert scope.meaning in page.text
    assert "Before your audit." in page.text


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Check at least one part."),
        ({"scopes": ["credit"], "ends_on": "2020-01-01"}, "The last day is over already."),
        (
            {"scopes": ["credit"], "begins_on": "2090-01-02", "ends_on": "2090-01-01"},
            "The last day is before the first day.",
        ),
    ],
)
def test_a_consent_that_cannot_be_asks_again_and_shows_nothing(client, maya, sent, words):
    made = InvitationFactory(email=maya.email)

    page = client.post(page_of(made), sent)

    assert page.status_code == 422
    assert words in page.text
    assert Supervision.objects.count() == 0


def test_days_are_kept_as_moments_of_the_trainees_zone(client):
    maya = UserFactory(time_zone="Pacific/Honolulu")
    made = InvitationFactory(email=maya.email)
    client.force_login(maya)

    client.post(
        page_of(made),
        {"scopes": ["credit"], "begins_on": "2090-01-02", "ends_on": "2090-01-03"},
    )

    begun = Supervision.objects.get()
    assert (begun.begins_at, begun.ends_at) == (
        datetime(2090, 1, 2, 10, tzinfo=UTC),
        datetime(2090, 1, 4, 10, tzinfo=UTC),
    )


def test_a_supervisor_sees_what_the_trainee_consented_to_and_accepts_it(client):
    priya = UserFactory(legal_name="Priya Raman")
    helena = UserFactory()
    client.force_login(priya)
    ask_supervisor(client, helena.email, **{"supervisor-scopes": ["credit", "renewal"]})
    made = Invitation.objects.get()
    client.force_login(helena)

    page = client.get(page_of(made))
    answer = client.post(page_of(made), {"scopes": [scope.value for scope in Scope]}, follow=True)

    assert "Priya Raman consents that you read, from the moment you accept" in page.text
    assert page.context["form"] is None
    assert Supervision.objects.get().scopes == [Scope.CREDIT, Scope.RENEWAL]
    assert "You accepted. What Priya Raman shares with you" in answer.text


def test_who_may_open_accept_and_decline_an_invitation(client):
    maya = UserFactory(email="maya@example.com")
    unverified = UserFactory()
    EmailAddress.objects.create(user=unverified, email="maya@example.com", verified=False)
    helena = UserFactory()

    statuses = {}
    for who, person in {
        "stranger": None,
        "other": UserFactory(),
        "address not verified": unverified,
        "inviter": helena,
        "invited": maya,
    }.items():
        made = InvitationFactory(inviter=helena, email="maya@example.com")
        client.logout()
        if person:
            client.force_login(person)
        decline = reverse("accounts:decline_invitation", args=[made.token])
        statuses[who] = [
            client.get(page_of(made)).status_code,
            client.post(page_of(made), {"scopes": ["credit"]}).status_code,
            client.get(decline).status_code,
        ]
        Supervision.objects.all()
        Invitation.objects.filter(pk=made.pk).exclude(accepted_at__isnull=False).update(
            withdrawn_at=timezone.now()
        )

    assert statuses == {
        "stranger": [200, 404, 405],
        "other": [200, 404, 405],
        "address not verified": [200, 404, 405],
        "inviter": [302, 404, 405],
        "invited": [200, 302, 405],
    }


@pytest.mark.parametrize("path", ["no-such-token", "a" * 200, "x/decline"])
def test_a_token_that_is_not_ours_opens_nothing(client, path):
    url = f"/supervision/invitations/{path}/"

    assert client.get(url).status_code in {404, 405}
    assert client.post(url).status_code == 404


def test_a_stranger_sees_neither_the_address_nor_the_note(client):
    made = InvitationFactory(email="priya@example.com", note="About your hours.")

    page = client.get(page_of(made))

    assert "priya@example.com" not in page.text
    assert "About your hours." not in page.text


def test_the_reader_of_the_mail_declines_without_an_account(client):
    made = InvitationFactory(email="priya@example.com")

    client.post(reverse("accounts:decline_invitation", args=[made.token]))
    page = client.get(page_of(made))

    assert page.status_code == 410
    assert "It was declined." in page.text
    assert Invitation.objects.get().declined_at


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"expired": True}, "It has expired."),
        ({"withdrawn": True}, "It was withdrawn."),
        ({"declined": True}, "It was declined."),
    ],
)
@pytest.mark.parametrize("verb", ["get", "post"])
def test_a_closed_invitation_says_so_and_lets_nobody_in(client, maya, facts, words, verb):
    made = InvitationFactory(email=maya.email, **facts)

    page = getattr(client, verb)(page_of(made), {"scopes": ["credit"]})

    assert page.status_code == 410
    assert words in page.text
    assert Supervision.objects.count() == 0
    assert list(client.get(PEOPLE_PAGE).context["requests"]) == []


def test_a_second_consent_for_the_same_supervisor_is_refused_in_words(client, maya):
    link = SupervisionFactory(trainee=maya, supervisor__legal_name="Helena Brandt")
    made = InvitationFactory(inviter=link.supervisor, email=maya.email)

    page = client.post(page_of(made), {"scopes": ["credit"]})

    assert page.status_code == 422
    assert "Helena Brandt supervises Maya Okafor already." in page.text


def test_a_circle_is_pointed_out_and_possible(client, maya):
    link = SupervisionFactory(supervisor=maya, trainee__legal_name="Helena Brandt")
    made = InvitationFactory(inviter=link.trainee, email=maya.email)

    page = client.get(page_of(made))
    client.post(page_of(made), {"scopes": ["credit"]})

    assert "you supervise Helena Brandt" in page.text
    assert Supervision.objects.count() == 2


def test_both_sides_are_told_why_nothing_begins_without_a_confirmation(client, maya, settings):
    settings.SUPERVISORS_MUST_BE_CONFIRMED = True
    asked = InvitationFactory(inviter__legal_name="Helena Brandt", email=maya.email)
    offered = InvitationFactory(inviter_is="trainee", email=maya.email)

    as_trainee = client.post(page_of(asked), {"scopes": ["credit"]})
    as_supervisor = client.post(page_of(offered))

    assert [as_trainee.status_code, as_supervisor.status_code] == [422, 422]
    assert "Helena Brandt is not confirmed as a supervisor here" in as_trainee.text
    assert "Supervisors must be confirmed here, and you are not" in as_supervisor.text
    assert Supervision.objects.count() == 0


# --- What is read, and its end ---


def test_the_page_says_what_each_reads_from_when_until_when(client, maya):
    SupervisionFactory(
        trainee=maya,
        supervisor__legal_name="Helena Brandt",
        begins_at=datetime(2026, 2, 1, 17, tzinfo=UTC),
        ends_at=datetime(2090, 3, 1, 5, tzinfo=UTC),
        **{f"shares_{scope}": scope in {"credit", "practice"} for scope in Scope},
    )

    page = client.get(PEOPLE_PAGE)

    assert "Credit and certificates · Supervised practice log" in page.text
    assert re.search(r"since Feb 1, 2026,\s+until Mar 1, 2090, 12:00 AM", page.text)


def test_a_closed_account_is_shown_to_read_nothing(client, maya):
    link = SupervisionFactory(trainee=maya)
    User.objects.filter(pk=link.supervisor.pk).update(is_active=False)

    page = client.get(PEOPLE_PAGE)

    assert "<b>Reads nothing:</b> this account is closed." in page.text
    client.post(reverse("accounts:end_supervision", args=[link.pk]))
    assert list(client.get(PEOPLE_PAGE).context["supervisors"]) == []


def test_both_sides_see_that_reading_pauses(client, maya, settings):
    link = SupervisionFactory(trainee=maya)
    settings.SUPERVISORS_MUST_BE_CONFIRMED = True

    of_trainee = client.get(PEOPLE_PAGE).text
    client.force_login(link.supervisor)
    of_supervisor = client.get(PEOPLE_PAGE).text

    assert "<b>Reads nothing at the moment:</b> not confirmed as a supervisor." in of_trainee
    assert "<b>You read nothing at the moment:</b> supervisors must be confirmed" in of_supervisor


def test_the_trainee_changes_what_is_read_and_sees_each_consent(client, maya):
    link = SupervisionFactory(trainee=maya)
    url = reverse("accounts:consent", args=[link.pk])

    answer = client.post(url, {"scopes": ["credit"], "ends_on": "2090-01-02"})
    page = client.get(answer.url)

    link.refresh_from_db()
    assert link.scopes == [Scope.CREDIT]
    assert page.context["form"].initial == {
        "scopes": [Scope.CREDIT],
        "ends_on": date(2090, 1, 2),
    }
    assert "<b>Changed</b> by Maya Okafor" in page.text


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"scopes": []}, "Check at least one part."),
        ({"scopes": ["credit"], "ends_on": "2020-01-02"}, "The last day is over already."),
        ({"scopes": ["credit"], "ends_on": "9999-12-31"}, "This last day is too far away."),
    ],
)
def test_a_change_that_cannot_be_asks_again(client, maya, sent, words):
    link = SupervisionFactory(trainee=maya)

    page = client.post(reverse("accounts:consent", args=[link.pk]), sent)

    assert page.status_code == 422
    assert words in page.text
    assert Supervision.objects.get().scopes == [Scope.CREDIT, Scope.REFLECTIONS]


def test_nobody_but_the_trainee_widens_or_sees_a_consent(client):
    link = SupervisionFactory()
    url = reverse("accounts:consent", args=[link.pk])

    statuses = {}
    for who, person in {
        "supervisor": link.supervisor,
        "other": UserFactory(),
        "staff": UserFactory(is_staff=True, is_superuser=True),
        "trainee": link.trainee,
    }.items():
        client.force_login(person)
        statuses[who] = [client.get(url).status_code, client.post(url, {}).status_code]

    assert statuses == {
        "supervisor": [404, 404],
        "other": [404, 404],
        "staff": [404, 404],
        "trainee": [200, 422],
    }


def test_a_supervision_that_is_over_shows_its_history_and_no_form(client, maya):
    link = SupervisionFactory(trainee=maya, ended=True)

    page = client.get(reverse("accounts:consent", args=[link.pk]))
    late = client.post(reverse("accounts:consent", args=[link.pk]), {"scopes": ["credit"]})

    assert "Over since Jan 31, 2026" in page.text
    assert ">Save<" not in page.text
    assert late.status_code == 422


@pytest.mark.parametrize("side", ["supervisor", "trainee"])
def test_either_side_ends_it_and_it_is_off_both_pages(client, side):
    link = SupervisionFactory()
    client.force_login(getattr(link, side))

    answers = [
        client.post(reverse("accounts:end_supervision", args=[link.pk]), follow=True)
        for _ in range(2)
    ]

    assert ["The supervision has ended." in answer.text for answer in answers] == [True, True]
    shown = []
    for person in (link.supervisor, link.trainee):
        client.force_login(person)
        page = client.get(PEOPLE_PAGE)
        shown += [*page.context["trainees"], *page.context["supervisors"]]
    assert shown == []


def test_nobody_else_ends_it(client, maya):
    link = SupervisionFactory()

    answer = client.post(reverse("accounts:end_supervision", args=[link.pk]))

    assert answer.status_code == 404
    assert list(Supervision.objects.active(at=timezone.now() + timedelta(days=1))) == [link]
