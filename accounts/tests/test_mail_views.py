"""Which mail I want; the page that stops a kind of mail; the page where staff see what was sent."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.signing import Signer
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import mail
from accounts.mail_kinds import KINDS
from accounts.models import MailOptOut
from accounts.tests.factories import (
    LONG_AGO,
    OutgoingMailFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

OPTIONAL = {slug for slug, kind in KINDS.items() if kind.is_optional}


@pytest.fixture
def maya(client):
    user = UserFactory(legal_name="Maya Okafor")
    client.force_login(user)
    return user


def unwanted(person):
    return set(MailOptOut.objects.filter(owner=person).values_list("kind", flat=True))


def checked(page):
    return {
        name
        for name in page.context["form"].fields
        if f'name="{name}"' in page.text
        and "checked" in page.text.split(f'name="{name}"')[1].split(">")[0]
    }


# --- The page of preferences ------------------------------------------------


def test_every_kind_is_on_the_page_and_all_mail_is_wanted_at_first(client, maya):
    page = client.get("/profile/mail/")

    assert [kind.label for kind in KINDS.values() if kind.label not in page.text] == []
    assert [kind.when for kind in KINDS.values() if f"Comes {kind.when}." not in page.text] == []
    assert checked(page) == set(page.context["form"].fields) == OPTIONAL
    assert 'href="/courses/saved/"' in page.text
    assert maya.email in page.text


def test_what_is_unchecked_is_not_wanted_and_what_is_checked_again_is(client, maya):
    other = UserFactory()
    kept = {"session-reminder", "evaluation-missing"}

    answer = client.post("/profile/mail/", dict.fromkeys(kept, "on"))
    after_one = (unwanted(maya), checked(client.get(answer.url)))
    client.post("/profile/mail/", dict.fromkeys(OPTIONAL, "on"))

    assert (answer.status_code, answer.url) == (302, "/profile/mail/")
    assert after_one == (OPTIONAL - kept, kept)
    assert (unwanted(maya), unwanted(other)) == (set(), set())


@pytest.mark.parametrize("kind", ["session-cancelled", "new-courses", "no-such-kind"])
def test_what_is_not_on_the_form_is_not_chosen_by_it(client, maya, kind):
    client.post("/profile/mail/", {kind: "on"})

    assert unwanted(maya) == OPTIONAL


def test_the_menu_and_the_profile_lead_to_the_page(client, maya):
    page = client.get(reverse("accounts:profile"))

    assert 'class="dropdown-item" href="/profile/mail/"' in page.text
    assert 'href="/profile/mail/">Choose your mail</a>' in page.text


# --- The page that stops a kind of mail -------------------------------------


def stop_path(person, kind="session-reminder"):
    return f"/mail/stop/{mail.stop_token(recipient=person, kind=kind)}/"


def test_looking_at_the_page_stops_nothing(client):
    person = UserFactory()

    page = client.get(stop_path(person))
    client.head(stop_path(person))

    assert page.status_code == 200
    assert "Stop this mail?" in page.text
    assert "Session tomorrow" in page.text
    assert person.legal_name not in page.text
    assert person.email not in page.text
    assert "no-store" in page.headers["Cache-Control"]
    assert unwanted(person) == set()


def test_the_button_stops_one_kind_without_a_sign_in(client):
    person, other = UserFactory.create_batch(2)
    stranger = Client(enforce_csrf_checks=True)

    page = stranger.post(stop_path(person), follow=True)
    stranger.post(stop_path(person))

    assert page.redirect_chain == [(stop_path(person), 302)]
    assert "The mail is stopped" in page.text
    assert (unwanted(person), unwanted(other)) == ({"session-reminder"}, set())


def test_a_mail_program_stops_a_kind_with_one_request():
    person = UserFactory()
    program = Client(enforce_csrf_checks=True)

    answers = [
        program.post(stop_path(person), {"List-Unsubscribe": "One-Click"}).status_code
        for _ in range(2)
    ]

    # No redirect: RFC 8058 has mail programs not follow one.
    assert (answers, unwanted(person)) == ([200, 200], {"session-reminder"})


def test_mail_that_is_no_more_is_stopped_already(client):
    gone = UserFactory()
    paths = [stop_path(gone), stop_path(UserFactory(), kind="session-cancelled")]
    gone.delete()

    pages = [client.get(path) for path in paths]
    one_click = [client.post(path, {"List-Unsubscribe": "One-Click"}) for path in paths]

    assert ["The mail is stopped" in page.text for page in pages] == [True, True]
    assert [answer.status_code for answer in one_click] == [200, 200]
    assert MailOptOut.objects.count() == 0


def test_a_token_that_is_not_ours_stops_nothing(client):
    person = UserFactory()
    said = f"{person.pk.hex}.session-reminder"
    tokens = [
        said,
        mail.stop_token(recipient=person, kind="session-reminder")[:-1],
        Signer().sign(said),
        Signer(salt="courses.saved.stop_mail").sign(said),
    ]

    statuses = [
        (client.get(f"/mail/stop/{token}/").status_code, client.post(f"/mail/stop/{token}/"))[0]
        for token in tokens
    ]

    assert statuses == [404] * 4
    assert unwanted(person) == set()


# --- The page for staff -----------------------------------------------------


CHANGELIST = "/admin/accounts/outgoingmail/"


@pytest.fixture
def staff(client):
    user = UserFactory(is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def listed(page):
    return {promise.key for promise in page.context["cl"].queryset}


def test_staff_see_what_was_said_to_whom_and_change_nothing(client, staff):
    promise = OutgoingMailFactory(
        subject="Your session", body="Hello <b>,\nit begins.", calendar="BEGIN:X\r\nEND:X"
    )

    page = client.get(f"{CHANGELIST}{promise.pk}/change/")
    post = client.post(f"{CHANGELIST}{promise.pk}/change/", {"subject": "Other"})

    assert page.status_code == 200
    assert "Your session" in page.text
    assert "Hello &lt;b&gt;,<br>it begins." in page.text
    assert "BEGIN:X<br>END:X" in page.text
    assert promise.recipient.email in page.text
    assert post.status_code == 403
    statuses = {
        "add": client.get(f"{CHANGELIST}add/").status_code,
        "delete": client.get(f"{CHANGELIST}{promise.pk}/delete/").status_code,
    }
    assert statuses == {"add": 403, "delete": 403}


def test_who_may_see_the_mail(client):
    OutgoingMailFactory()
    people = {
        who: UserFactory(is_staff=who != "clinician") for who in ("clinician", "curator", "support")
    }
    people["curator"].groups.add(Group.objects.get(name="Curators"))
    people["support"].user_permissions.add(Permission.objects.get(codename="view_outgoingmail"))

    statuses = {}
    for who, person in people.items():
        client.force_login(person)
        statuses[who] = client.get(CHANGELIST).status_code

    # Mail says who supervises whom, and curators are not told that.
    assert statuses == {"clinician": 302, "curator": 403, "support": 200}


def test_staff_find_mail_by_recipient_kind_and_state(client, staff):
    maya = UserFactory(email="maya@example.com", legal_name="Maya Okafor")
    OutgoingMailFactory(key="waiting", recipient=maya)
    OutgoingMailFactory(key="refused", attempts=1)
    OutgoingMailFactory(key="given-up", attempts=80, given_up_at=LONG_AGO)
    OutgoingMailFactory(key="sent", sent_at=LONG_AGO, kind="session-reminder")
    OutgoingMailFactory(key="dropped", dropped_at=LONG_AGO, dropped_because="Answered.")

    found = {
        query: listed(client.get(f"{CHANGELIST}?{query}"))
        for query in [
            "q=maya@",
            "q=Okafor",
            "q=sent",
            "kind__exact=session-reminder",
            "state=waiting",
            "state=refused",
            "state=given-up",
            "state=sent",
            "state=dropped",
        ]
    }

    assert found == {
        "q=maya@": {"waiting"},
        "q=Okafor": {"waiting"},
        "q=sent": {"sent"},
        "kind__exact=session-reminder": {"sent"},
        "state=waiting": {"waiting", "refused"},
        "state=refused": {"refused"},
        "state=given-up": {"given-up"},
        "state=sent": {"sent"},
        "state=dropped": {"dropped"},
    }


def test_the_list_says_so_where_the_words_are_forgotten(client, staff):
    OutgoingMailFactory(subject="", body="", sent_at=LONG_AGO)

    assert "Forgotten after 90 days" in client.get(CHANGELIST).text


def test_the_list_asks_the_same_of_the_database_for_one_mail_and_for_three(client, staff):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            client.get(CHANGELIST)
        return len(asked)

    OutgoingMailFactory()
    queries()  # whatever is asked once and kept

    for_one = queries()
    OutgoingMailFactory.create_batch(2)

    assert queries() == for_one


def test_staff_try_again_what_was_given_up_and_nothing_else(
    client, staff, sent_tasks, django_capture_on_commit_callbacks
):
    given_up = OutgoingMailFactory(attempts=80, given_up_at=LONG_AGO)
    sent = OutgoingMailFactory(sent_at=LONG_AGO)
    chosen = {"action": "try_again", "_selected_action": [given_up.pk, sent.pk]}

    with django_capture_on_commit_callbacks(execute=True):
        page = client.post(CHANGELIST, chosen, follow=True)

    given_up.refresh_from_db()
    assert [str(message) for message in page.context["messages"]] == ["1 mail is tried again."]
    assert (given_up.state, given_up.attempts) == ("Waiting", 0)
    assert sent_tasks == [("accounts.send_mail", {"mail_id": str(given_up.pk)})]
