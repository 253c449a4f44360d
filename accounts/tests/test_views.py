"""Profile, licenses, supervision and sign-in, through the browser's door."""

import re
import uuid
from datetime import UTC, date, datetime

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import licenses
from accounts.models import License, NameChange, User
from accounts.tests.factories import (
    PASSWORD,
    InvitationFactory,
    LicenseFactory,
    SupervisionFactory,
    UserFactory,
)
from accounts.tests.security import prove_by_password

pytestmark = pytest.mark.django_db


@pytest.fixture
def maya(client):
    """Signed in, and has just shown again that it is her."""
    user = UserFactory(email="maya@example.com", legal_name="Maya Okafor")
    client.force_login(user)
    prove_by_password(client)
    return user


def without_tokens(page):
    """The page's text without what differs from one request to the next."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page.text)


def count_queries(client, url):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


# --- Profile ---


def test_profile_keeps_name_and_zone(client, maya):
    answer = client.post(
        reverse("accounts:profile"),
        {"legal_name": " Maya  O'Kafor-Nguyễn ", "time_zone": "Pacific/Honolulu"},
    )

    maya.refresh_from_db()
    assert (maya.legal_name, maya.time_zone) == ("Maya O'Kafor-Nguyễn", "Pacific/Honolulu")
    assert "Your profile is saved." in client.get(answer.url).text


def test_profile_cannot_change_what_is_not_on_the_form(client, maya):
    client.post(
        reverse("accounts:profile"),
        {
            "legal_name": "Maya Okafor",
            "time_zone": "America/Chicago",
            "email": "other@example.com",
            "is_staff": "on",
            "is_superuser": "on",
        },
    )

    maya.refresh_from_db()
    assert (maya.email, maya.is_staff, maya.is_superuser) == ("maya@example.com", False, False)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"legal_name": "12345"}, "Enter your name as it stands on your license."),
        ({"legal_name": ""}, "Fill this in."),
        ({"legal_name": "Maya\u202eOkafor"}, "invisible character (U+202E)"),
        ({"legal_name": "M" * 151}, "at most 150 characters (it has 151)"),
        ({"time_zone": "Nowhere/Land"}, "Nowhere/Land is not one of the available choices."),
    ],
)
def test_profile_says_what_is_wrong_and_loses_nothing(client, maya, sent, words):
    typed = {"legal_name": "Maya Typed", "time_zone": "Pacific/Guam", **sent}

    page = client.post(reverse("accounts:profile"), typed)

    assert page.status_code == 422
    assert words in page.text
    assert {name: page.context["form"][name].value() for name in typed} == typed
    before = (maya.legal_name, maya.time_zone)
    maya.refresh_from_db()
    assert (maya.legal_name, maya.time_zone) == before


def test_profile_names_the_person_by_the_kept_name_while_the_form_is_wrong(client, maya):
    page = client.post(
        reverse("accounts:profile"), {"legal_name": "Maya Typed", "time_zone": "Nowhere/Land"}
    )

    assert page.status_code == 422
    assert page.context["user"].legal_name == "Maya Okafor"


def test_profile_keeps_the_name_that_was_and_shows_who_changed_it(client, maya):
    typed = {"legal_name": "Maya Brandt", "time_zone": "America/Chicago"}

    client.post(reverse("accounts:profile"), typed)
    client.post(reverse("accounts:profile"), typed)

    change = NameChange.objects.get()
    assert (change.person, change.old_name, change.new_name, change.changed_by) == (
        maya,
        "Maya Okafor",
        "Maya Brandt",
        maya,
    )
    page = client.get(reverse("accounts:profile"))
    assert "Changed to Maya Brandt on" in page.text
    assert "by you" in page.text


def test_profile_greets_by_the_preferred_name_and_keeps_the_legal_one(client, maya):
    typed = {"legal_name": "Maya Okafor", "preferred_name": " May  O ", "time_zone": "Asia/Tokyo"}

    client.post(reverse("accounts:profile"), typed)

    maya.refresh_from_db()
    assert (maya.preferred_name, maya.get_short_name(), maya.legal_name) == (
        "May O",
        "May O",
        "Maya Okafor",
    )
    assert NameChange.objects.count() == 0


# --- Licenses ---


def test_licenses_adds_one_and_shows_it(client, maya):
    answer = client.post(
        reverse("accounts:licenses"),
        {"state": "NY", "license_type": " LCSW ", "number": "AB  1"},
    )

    license_ = License.objects.get()
    assert (license_.holder, license_.license_type, license_.number) == (maya, "LCSW", "AB 1")
    assert "New York LCSW AB 1 is on your profile." in client.get(answer.url).text


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"state": ""}, "Choose one."),
        ({"state": "XX"}, "XX is not one of the available choices."),
        ({"license_type": ""}, "Fill this in."),
        ({"license_type": "=cmd"}, "Use letters, digits, spaces and . - / ( ) only."),
        ({"number": "<script>"}, "Use letters, digits, spaces and . - / only."),
        ({"number": "1" * 41}, "at most 40 characters (it has 41)"),
    ],
)
def test_licenses_says_what_is_wrong_and_loses_nothing(client, maya, sent, words):
    typed = {"state": "NY", "license_type": "LCSW", "number": "000000", **sent}

    page = client.post(reverse("accounts:licenses"), typed)

    assert page.status_code == 422
    assert words in page.text
    assert {name: page.context["form"][name].value() for name in typed} == typed
    assert License.objects.count() == 0


def test_licenses_refuses_one_that_is_there_in_words(client, maya):
    LicenseFactory(holder=maya, state="NY", license_type="LCSW", number="AB-1")

    page = client.post(
        reverse("accounts:licenses"), {"state": "NY", "license_type": "lcsw", "number": "ab-1"}
    )

    assert page.status_code == 422
    assert "This license is on your profile already." in page.text
    assert page.context["form"]["number"].value() == "ab-1"


def test_licenses_shows_nobody_elses(client, maya):
    LicenseFactory(number="SECRET-7")

    pages = [client.get(reverse(f"accounts:{name}")) for name in ("licenses", "profile")]

    assert [page.status_code for page in pages] == [200, 200]
    assert [list(page.context["licenses"]) for page in pages] == [[], []]
    assert ["SECRET-7" in page.text for page in pages] == [False, False]


def test_remove_license_answers_404_for_another_persons_and_removes_nothing(client, maya):
    mine, anothers = LicenseFactory(holder=maya), LicenseFactory()

    statuses = {
        which: client.post(reverse("accounts:remove_license", args=[pk])).status_code
        for which, pk in {
            "another's": anothers.pk,
            "nobody's": uuid.uuid4(),
            "mine": mine.pk,
        }.items()
    }

    assert statuses == {"another's": 404, "nobody's": 404, "mine": 302}
    assert list(License.objects.on_file()) == [anothers]


def test_license_is_corrected_and_shows_what_it_said_before(client, maya):
    held = licenses.add(
        holder=maya, state="NY", license_type="LCSW", number="OLD-1", at=timezone.now()
    )
    typed = {"state": "NY", "license_type": "LCSW", "number": "NEW-2", "expires_on": "2030-06-30"}

    answer = client.post(reverse("accounts:license", args=[held.pk]), typed)

    assert answer.url == reverse("accounts:licenses")
    held.refresh_from_db()
    assert (held.number, held.expires_on) == ("NEW-2", date(2030, 6, 30))
    page = client.get(reverse("accounts:license", args=[held.pk]))
    assert [version.number for version in page.context["versions"]] == ["NEW-2", "OLD-1"]
    assert page.context["form"]["expires_on"].value() == date(2030, 6, 30)
    assert 'value="2030-06-30"' in page.text


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (
            {"issued_on": "2030-01-02", "expires_on": "2030-01-01"},
            "A license expires after it is issued. Check the two days.",
        ),
        ({"expires_on": "yesterday"}, "Enter a valid date."),
        ({"number": ""}, "Fill this in."),
    ],
)
def test_license_says_what_is_wrong_and_changes_nothing(client, maya, sent, words):
    held = LicenseFactory(holder=maya)
    typed = {"state": "NY", "license_type": "LCSW", "number": "000000", **sent}

    page = client.post(reverse("accounts:license", args=[held.pk]), typed)

    assert page.status_code == 422
    assert words in page.text
    assert {name: page.context["form"][name].value() for name in typed} == typed
    assert list(License.objects.values_list("number", "expires_on")) == [(held.number, None)]


def test_license_of_another_person_is_404(client, maya):
    anothers = LicenseFactory()
    url = reverse("accounts:license", args=[anothers.pk])

    assert [client.get(url).status_code, client.post(url, {}).status_code] == [404, 404]


def test_licenses_change_only_after_one_more_proof_and_then_by_themselves(client):
    maya = UserFactory()
    client.force_login(maya)
    held = LicenseFactory(holder=maya)
    typed = {"state": "NJ", "license_type": "LCSW", "number": "7"}
    urls = {
        reverse("accounts:licenses"): typed,
        reverse("accounts:license", args=[held.pk]): typed,
        reverse("accounts:remove_license", args=[held.pk]): {},
    }

    answers = [client.post(url, sent) for url, sent in urls.items()]
    unchanged = list(License.objects.on_file())
    first = client.post(reverse("accounts:licenses"), typed)
    client.post(first.url, {"password": PASSWORD, "next": reverse("accounts:licenses")})

    assert {answer.url.split("?")[0] for answer in answers} == {reverse("account_reauthenticate")}
    assert unchanged == [held]
    assert sorted(License.objects.on_file().values_list("number", flat=True)) == sorted(
        ["7", held.number]
    )


def test_licenses_shows_what_was_removed_and_marks_what_expired(client, maya):
    LicenseFactory(holder=maya, number="GONE-1", removed_at=timezone.now())
    LicenseFactory(holder=maya, number="OVER-2", expires_on=date(2020, 1, 1))

    page = client.get(reverse("accounts:licenses"))

    assert [held.number for held in page.context["licenses"]] == ["OVER-2"]
    assert [held.number for held in page.context["removed"]] == ["GONE-1"]
    assert page.text.count(">Expired<") == 1


@pytest.mark.parametrize(
    "name",
    ["remove_license", "end_supervision", "withdraw_invitation", "send_invitation_again"],
)
def test_a_link_changes_nothing(client, maya, name):
    answer = client.get(reverse(f"accounts:{name}", args=[uuid.uuid4()]))

    assert answer.status_code == 405


@pytest.mark.parametrize("page", ["profile", "licenses", "supervision"])
def test_a_list_of_three_asks_the_database_as_often_as_a_list_of_one(client, maya, page):
    def add_one():
        LicenseFactory(holder=maya)
        SupervisionFactory(supervisor=maya)
        SupervisionFactory(trainee=maya)
        SupervisionFactory(trainee=maya, ended=True)
        InvitationFactory(inviter=maya)
        InvitationFactory(email=maya.email)

    add_one()
    for_one = count_queries(client, reverse(f"accounts:{page}"))
    add_one()
    add_one()

    assert count_queries(client, reverse(f"accounts:{page}")) == for_one


# --- Time zones ---


@pytest.mark.parametrize(
    ("zone", "day"), [("Pacific/Honolulu", "Jan 4, 2026"), ("Asia/Tokyo", "Jan 5, 2026")]
)
def test_moments_are_shown_in_the_persons_own_zone(client, zone, day):
    holder = UserFactory(time_zone=zone)
    LicenseFactory(holder=holder, added_at=datetime(2026, 1, 5, 3, 0, tzinfo=UTC))
    client.force_login(holder)

    page = client.get(reverse("accounts:licenses"))

    assert f"added {day}" in page.text


def test_the_zone_of_one_request_does_not_leak_into_the_next(client):
    before = timezone.get_current_timezone_name()
    client.force_login(UserFactory(time_zone="Asia/Tokyo"))

    client.get(reverse("accounts:profile"))

    assert timezone.get_current_timezone_name() == before


# --- Sign-up and sign-in ---

SIGN_UP = {
    "legal_name": "Maya Okafor",
    "email": "Maya@Example.com",
    "time_zone": "America/Chicago",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


def sign_up(client, **changes):
    return client.post(reverse("account_signup"), {**SIGN_UP, **changes}, follow=True)


def sign_in(client, email="maya@example.com", password=PASSWORD):
    return client.post(reverse("account_login"), {"login": email, "password": password})


def is_signed_in(client):
    return client.get(reverse("accounts:profile")).status_code == 200


def confirmation_link():
    return next(word for word in mail.outbox[-1].body.split() if "/confirm-email/" in word)


def test_sign_up_takes_name_and_zone_and_keeps_the_email_in_lower_case(client):
    sign_up(client)

    user = User.objects.get()
    assert (user.email, user.legal_name, user.time_zone) == (
        "maya@example.com",
        "Maya Okafor",
        "America/Chicago",
    )


def test_sign_up_opens_nothing_until_the_address_is_confirmed(client):
    page = sign_up(client)
    signed_in = {"after sign-up": is_signed_in(client)}
    sign_in(client)
    signed_in["after signing in"] = is_signed_in(client)
    client.get(confirmation_link())  # as a mail scanner does
    sign_in(client)
    signed_in["after a scanner opened the link"] = is_signed_in(client)
    client.post(confirmation_link())
    sign_in(client)
    signed_in["after confirming"] = is_signed_in(client)

    assert "We have sent you a mail." in page.text
    assert signed_in == {
        "after sign-up": False,
        "after signing in": False,
        "after a scanner opened the link": False,
        "after confirming": True,
    }


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"legal_name": "12345"}, "Enter your name as it stands on your license."),
        ({"legal_name": ""}, "Fill this in."),
        ({"time_zone": "Nowhere/Land"}, "Nowhere/Land is not one of the available choices."),
        ({"email": "not an address"}, "Enter a valid email address."),
        ({"password1": "short", "password2": "short"}, "at least 10 characters"),
        ({"password2": "another long one"}, "You must type the same password each time."),
    ],
)
def test_sign_up_says_what_is_wrong_and_loses_nothing_but_the_passwords(client, sent, words):
    typed = {**SIGN_UP, **sent}

    page = sign_up(client, **sent)

    assert words in page.text
    kept = ("legal_name", "email", "time_zone")
    assert [page.context["form"][name].value() for name in kept] == [typed[name] for name in kept]
    assert User.objects.count() == 0


def test_sign_up_answers_alike_whether_or_not_the_address_has_an_account(client):
    UserFactory(email="known@example.com")

    new = sign_up(client, email="new@example.com")
    known = sign_up(client, email="known@example.com")

    assert new.redirect_chain == known.redirect_chain
    assert without_tokens(new) == without_tokens(known)
    assert [sent.to for sent in mail.outbox] == [["new@example.com"], ["known@example.com"]]
    assert "There is one with this address already" in mail.outbox[1].body
    assert User.objects.filter(email="known@example.com").count() == 1


@pytest.mark.parametrize("spelling", ["maya@example.com", "MAYA@Example.COM"])
def test_sign_in_ignores_the_case_of_the_address(client, spelling):
    UserFactory(email="maya@example.com")

    sign_in(client, spelling)

    assert is_signed_in(client)


def test_sign_in_refuses_an_unknown_address_and_a_wrong_password_in_the_same_words(client):
    UserFactory(email="maya@example.com")

    answers = [
        sign_in(client, "maya@example.com", "not her password"),
        sign_in(client, "nobody@example.com", "not her password"),
    ]

    assert [list(answer.context["form"].non_field_errors()) for answer in answers] == [
        ["The email address and/or password you specified are not correct."]
    ] * 2
    assert not is_signed_in(client)


def test_sign_in_is_slowed_down_after_a_few_wrong_passwords(client):
    UserFactory(email="maya@example.com")
    for _ in range(10):
        sign_in(client, password="not her password")

    sign_in(client)

    assert not is_signed_in(client)


def test_sign_in_is_closed_to_a_closed_account(client):
    UserFactory(email="maya@example.com", is_active=False)

    answer = sign_in(client)

    assert "This account is closed" in client.get(answer.url).text
    assert not is_signed_in(client)


def test_password_reset_answers_alike_whether_or_not_the_address_has_an_account(client):
    UserFactory(email="maya@example.com")

    answers = [
        client.post(reverse("account_reset_password"), {"email": email}, follow=True)
        for email in ("maya@example.com", "nobody@example.com")
    ]

    assert [answer.redirect_chain for answer in answers] == [
        [("/accounts/password/reset/done/", 302)]
    ] * 2
    assert len({without_tokens(answer) for answer in answers}) == 1
    assert [sent.to for sent in mail.outbox] == [["maya@example.com"], ["nobody@example.com"]]
    assert "/password/reset/key/" in mail.outbox[0].body
    assert "/password/reset/key/" not in mail.outbox[1].body


def test_password_reset_by_the_mailed_link_changes_the_password_once(client):
    UserFactory(email="maya@example.com")
    client.post(reverse("account_reset_password"), {"email": "Maya@Example.com"})
    link = next(word for word in mail.outbox[-1].body.split() if "/password/reset/key/" in word)
    new = {"password1": "a quiet winter morning", "password2": "a quiet winter morning"}
    form = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(form, new)
    client.logout()

    sign_in(client, password=PASSWORD)
    with_the_old = is_signed_in(client)
    sign_in(client, password="a quiet winter morning")
    with_the_new = is_signed_in(client)
    client.logout()
    again = client.get(link, follow=True)

    assert (with_the_old, with_the_new) == (False, True)
    assert again.redirect_chain == []
