"""How people sign in: second factor, passkeys, sessions, proof again, and no hints to strangers."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import allauth
import pytest
from allauth.account import app_settings as account_settings
from allauth.account.models import EmailAddress
from allauth.mfa import app_settings as mfa_settings
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.security import (
    SECRET,
    app_code,
    give_app,
    give_passkey,
    prove_by_app,
    prove_by_password,
)

pytestmark = pytest.mark.django_db

ROOT = Path(settings.BASE_DIR)


@pytest.fixture
def maya(client):
    """Signed in by her password, as anybody is."""
    maya = UserFactory(email="maya@example.com", legal_name="Maya Okafor")
    sign_in(client)
    return maya


def sign_in(client, email="maya@example.com", password=PASSWORD):
    return client.post(reverse("account_login"), {"login": email, "password": password})


def is_signed_in(client):
    return client.get(reverse("accounts:profile")).status_code == 200


def without_tokens(page):
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page.text)


# --- The pages are ours ---

# Shipped by allauth, and never shown: with the setting or the reason that keeps it so.
NEVER_SHOWN = {
    "account/base_confirm_code.html": "codes by mail are off",
    "account/confirm_email_verification_code.html": "codes by mail are off",
    "account/confirm_login_code.html": "codes by mail are off",
    "account/confirm_password_reset_code.html": "codes by mail are off",
    "account/request_login_code.html": "codes by mail are off",
    "account/email/login_code_message.txt": "codes by mail are off",
    "account/email/login_code_subject.txt": "codes by mail are off",
    "account/email/password_reset_code_message.txt": "codes by mail are off",
    "account/email/password_reset_code_subject.txt": "codes by mail are off",
    "account/messages/login_code_sent.txt": "codes by mail are off",
    "account/confirm_phone_verification_code.html": "no telephone numbers",
    "account/phone_change.html": "no telephone numbers",
    "account/messages/phone_verification_sent.txt": "no telephone numbers",
    "account/messages/phone_verified.txt": "no telephone numbers",
    "account/signup_by_passkey.html": "passkeys sign in, they do not sign up",
    "mfa/webauthn/signup_form.html": "passkeys sign in, they do not sign up",
    "mfa/trust.html": "no browser is trusted to skip the second factor",
    # Included only by pages of theirs, which are ours here.
    "socialaccount/snippets/login_extra.html": "scripts of providers that we do not offer",
}


def test_every_template_of_allauth_is_ours_or_never_shown():
    shipped = {
        str(path.relative_to(folder))
        for folder in Path(allauth.__file__).parent.glob("**/templates")
        for app in ("account", "mfa", "usersessions", "socialaccount", "allauth")
        for path in (folder / app).rglob("*.*")
        # These add nothing to a layout, which is ours.
        if not re.fullmatch(
            r"\{% extends \"(allauth/layouts|account)/\w+.html\" %\}", path.read_text().strip()
        )
    }
    ours = {str(path.relative_to(ROOT / "templates")) for path in (ROOT / "templates").rglob("*.*")}

    assert len(shipped) > 100
    assert shipped - ours == set(NEVER_SHOWN)


def test_what_is_never_shown_is_switched_off():
    assert {
        "codes by mail": (
            account_settings.LOGIN_BY_CODE_ENABLED
            or account_settings.EMAIL_VERIFICATION_BY_CODE_ENABLED
            or account_settings.PASSWORD_RESET_BY_CODE_ENABLED
        ),
        "telephone": "phone" in account_settings.SIGNUP_FIELDS,
        "sign-up by passkey": mfa_settings.PASSKEY_SIGNUP_ENABLED,
        "trusted browsers": mfa_settings._TRUST_STAGE_ENABLED,
    } == {
        "codes by mail": False,
        "telephone": False,
        "sign-up by passkey": False,
        "trusted browsers": False,
    }


def test_pages_of_the_second_factor_hold_no_script_style_or_picture_in_the_page(client, maya):
    prove_by_password(client)
    pages = [client.get(reverse("mfa_activate_totp"))]
    give_app(maya)
    key = give_passkey(maya)
    names = ["mfa_index", "mfa_deactivate_totp", "mfa_add_webauthn", "mfa_list_webauthn"]
    names += ["mfa_generate_recovery_codes", "mfa_reauthenticate", "mfa_reauthenticate_webauthn"]
    names += ["usersessions_list"]
    pages += [client.get(reverse(name)) for name in names]
    for name in ("mfa_edit_webauthn", "mfa_remove_webauthn"):
        pages.append(client.get(reverse(name, args=[key.pk])))
    stranger = Client()
    pages.append(stranger.get(reverse("account_login")))
    pages.append(stranger.post(reverse("account_login"), CREDENTIALS, follow=True))

    assert pages[-1].redirect_chain == [(reverse("mfa_authenticate"), 302)]
    assert [page.status_code for page in pages] == [200] * len(pages)
    in_the_page = re.compile(
        r"""<script(?![^>]*\ssrc=)(?![^>]*\stype="application/json")|\sstyle=|<style|\son\w+=|data:image"""
    )
    assert [in_the_page.findall(page.text) for page in pages] == [[]] * len(pages)
    assert all("masthead" in page.text or "signin-form" in page.text for page in pages)


CREDENTIALS = {"login": "maya@example.com", "password": PASSWORD}


# --- The authenticator app and recovery codes ---


@pytest.mark.django_db(transaction=True)  # mail goes out after the commit
def test_setting_up_an_app_takes_the_password_again_and_gives_recovery_codes(client, maya):
    before = client.get(reverse("mfa_activate_totp"))
    prove_by_password(client)
    page = client.get(reverse("mfa_activate_totp"))
    secret = page.context["form"].secret

    wrong = client.post(reverse("mfa_activate_totp"), {"code": "000000"})
    right = client.post(reverse("mfa_activate_totp"), {"code": app_code(secret)})
    codes = client.get(right.url)

    assert before.url.startswith(f"{reverse('account_reauthenticate')}?next=")
    assert secret in page.text
    assert '<svg width="' in page.text
    assert "This is not right, or it is too old. Try again." in wrong.text
    assert wrong.context["form"].secret == secret
    assert right.url == reverse("mfa_view_recovery_codes")
    assert len(codes.context["unused_codes"]) == 10
    assert all(code in codes.text for code in codes.context["unused_codes"])
    assert [sent.subject for sent in mail.outbox] == ["CE Portal: an authenticator app is on"]


def test_signing_in_asks_for_the_second_factor_and_opens_nothing_before(client, settings):
    give_app(UserFactory(email="maya@example.com"))

    asked = sign_in(client)
    signed_in = {"after the password": is_signed_in(client)}
    wrong = client.post(asked.url, {"code": "000000"})
    signed_in["after a wrong code"] = is_signed_in(client)
    client.post(asked.url, {"code": app_code()})
    signed_in["after the code"] = is_signed_in(client)

    assert asked.url == reverse("mfa_authenticate")
    assert "This is not right, or it is too old. Try again." in wrong.text
    assert signed_in == {
        "after the password": False,
        "after a wrong code": False,
        "after the code": True,
    }


def test_a_code_of_the_app_signs_in_once(client):
    give_app(UserFactory(email="maya@example.com"))
    code = app_code()
    found = []

    for browser in (client, Client()):
        asked = sign_in(browser)
        browser.post(asked.url, {"code": code})
        found.append(is_signed_in(browser))

    assert found == [True, False]


def test_a_recovery_code_signs_in_once(client, maya):
    prove_by_password(client)
    give_app(maya)
    client.post(reverse("mfa_generate_recovery_codes"))
    code = client.get(reverse("mfa_view_recovery_codes")).context["unused_codes"][0]
    found = []

    for browser in (Client(), Client()):
        asked = sign_in(browser)
        browser.post(asked.url, {"code": code})
        found.append(is_signed_in(browser))

    assert found == [True, False]


def test_guessing_codes_is_stopped_even_for_the_right_one(client):
    give_app(UserFactory(email="maya@example.com"))
    asked = sign_in(client)
    for _ in range(6):
        client.post(asked.url, {"code": "000000"})

    page = client.post(asked.url, {"code": app_code()})

    assert not is_signed_in(client)
    assert "Too many failed login attempts. Try again later." in page.text


def test_recovery_codes_are_shown_only_to_one_who_proved_again(client, maya):
    give_app(maya)
    names = ["mfa_generate_recovery_codes", "mfa_activate_totp", "mfa_deactivate_totp"]
    names += ["mfa_add_webauthn"]
    prove_by_password(client)
    client.post(reverse("mfa_generate_recovery_codes"))
    fresh = Client()
    fresh.force_login(maya)

    answers = {
        name: fresh.get(reverse(name))
        for name in ["mfa_view_recovery_codes", "mfa_download_recovery_codes", *names]
    }

    assert {
        name: answer.url.split("?")[0] if answer.status_code == 302 else answer.status_code
        for name, answer in answers.items()
    } == dict.fromkeys(answers, reverse("account_reauthenticate"))


def test_the_database_alone_gives_no_code_away(maya):
    app = give_app(maya)

    kept = Authenticator.objects.get(pk=app.pk)

    assert SECRET not in json.dumps(kept.data)
    assert kept.wrap().validate_code(app_code())


def test_a_new_secret_key_still_opens_what_the_old_one_sealed(maya, settings):
    app = give_app(maya)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another" * 10

    assert Authenticator.objects.get(pk=app.pk).wrap().validate_code(app_code())


# --- Passkeys ---


@pytest.mark.parametrize("name", ["mfa_edit_webauthn", "mfa_remove_webauthn"])
def test_another_persons_passkey_is_404_and_stays(client, maya, name):
    prove_by_password(client)
    mine, anothers = give_passkey(maya), give_passkey(UserFactory(), name="Phone")

    statuses = {
        who: client.post(reverse(name, args=[key.pk]), {"name": "Renamed"}).status_code
        for who, key in {"another's": anothers, "mine": mine}.items()
    }

    assert statuses == {"another's": 404, "mine": 302}
    anothers.refresh_from_db()
    assert str(anothers) == "Phone"


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "not json",
        "null",
        "[]",
        "{}",
        '"text"',
        '{"id": "x"}',
        '{"id": "%%%", "rawId": "%%%", "type": "public-key", "response": {}}',
        '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "AA", '
        '"authenticatorData": "AA", "signature": "AA", "userHandle": "AA", '
        '"attestationObject": "AA"}}',
        '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "e30", '
        '"authenticatorData": "AA", "signature": "AA", "userHandle": "%%%%"}}',
    ],
)
def test_a_forged_passkey_is_refused_in_words(client, maya, sent):
    prove_by_password(client)
    stranger = Client()
    stranger.get(reverse("mfa_login_webauthn"), headers={"accept": "application/json"})

    added = client.post(reverse("mfa_add_webauthn"), {"name": "Key", "credential": sent})
    proved = client.post(reverse("mfa_reauthenticate_webauthn"), {"credential": sent}, follow=True)
    signed_in = stranger.post(reverse("mfa_login_webauthn"), {"credential": sent}, follow=True)

    assert [page.status_code for page in (added, proved, signed_in)] == [200, 200, 200]
    words = ("Your browser sent no passkey.", "This is not right, or it is too old. Try again.")
    assert [any(word in page.text for word in words) for page in (added, signed_in)] == [True, True]
    assert Authenticator.objects.count() == 0
    assert not is_signed_in(stranger)


def test_the_challenge_of_a_passkey_sign_in_tells_nothing_of_anybody(client):
    give_passkey(UserFactory())

    answer = client.get(reverse("mfa_login_webauthn"), headers={"accept": "application/json"})

    options = answer.json()["request_options"]["publicKey"]
    assert options.pop("challenge")
    assert options == {
        "rpId": "testserver",
        "allowCredentials": [],
        "userVerification": "required",
    }


# --- Proof again ---


def test_mail_and_password_change_only_after_one_more_proof(client, maya):
    changes = {"email": "new@example.com", "action_add": ""}

    asked = client.post(reverse("account_email"), changes)
    before = EmailAddress.objects.filter(email="new@example.com").exists()
    # The change that was asked for goes on by itself.
    done = client.post(asked.url, {"password": PASSWORD, "next": reverse("account_email")})

    assert asked.url.startswith(reverse("account_reauthenticate"))
    assert before is False
    assert done.status_code == 302
    assert EmailAddress.objects.filter(email="new@example.com", verified=False).exists()


def test_the_password_changes_only_with_the_present_one(client, maya):
    new = {"password1": "a quiet winter morning", "password2": "a quiet winter morning"}

    wrong = client.post(reverse("account_change_password"), {"oldpassword": "guess", **new})
    unchanged = User.objects.get(pk=maya.pk).check_password(PASSWORD)
    client.post(reverse("account_change_password"), {"oldpassword": PASSWORD, **new})

    assert "Please type your current password." in wrong.text
    assert unchanged
    assert User.objects.get(pk=maya.pk).check_password("a quiet winter morning")
    assert [sent.subject for sent in mail.outbox] == ["CE Portal: your password is changed"]


def test_proving_again_with_a_wrong_password_is_slowed_down(client, maya):
    statuses = {
        client.post(reverse("account_reauthenticate"), {"password": "guess"}).status_code
        for _ in range(11)
    }

    last = client.post(reverse("account_reauthenticate"), {"password": PASSWORD})

    assert statuses == {200, 429}
    assert last.status_code == 429
    assert "<h1>Too many tries</h1>" in last.text


# --- Sessions ---


def test_signing_out_elsewhere_ends_the_other_sessions_alone(client, maya):
    phone, anothers = Client(), Client()
    sign_in(phone)
    UserFactory(email="priya@example.com")
    sign_in(anothers, "priya@example.com")
    page = client.get(reverse("usersessions_list"))

    answer = client.post(reverse("usersessions_list"), follow=True)

    assert page.context["session_count"] == 2
    assert "You are signed out everywhere else." in answer.text
    assert [is_signed_in(each) for each in (client, phone, anothers)] == [True, False, True]
    assert UserSession.objects.filter(user=maya).count() == 1


def test_a_changed_password_ends_the_other_sessions(client, maya):
    phone = Client()
    sign_in(phone)
    new = {"password1": "a quiet winter morning", "password2": "a quiet winter morning"}

    client.post(reverse("account_change_password"), {"oldpassword": PASSWORD, **new})

    assert [is_signed_in(each) for each in (client, phone)] == [True, False]


def test_sessions_name_browsers_and_show_nobody_elses(client, maya):
    firefox = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
    UserFactory(email="priya@example.com")
    for email, browser in (("maya@example.com", firefox), ("priya@example.com", "Chrome/142")):
        Client().post(
            reverse("account_login"),
            {"login": email, "password": PASSWORD},
            headers={"user-agent": browser},
        )

    page = client.get(reverse("usersessions_list"))

    assert "Firefox on Windows" in page.text
    assert {session.user_id for session in page.context["sessions"]} == {maya.pk}


# --- Nothing tells whether an address has an account ---


def test_signing_in_takes_as_much_work_for_an_unknown_address(client, monkeypatch, settings):
    """Hashing is what takes time: without an account as many times as with one."""
    UserFactory(email="maya@example.com")
    hashed = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher,
        "encode",
        lambda self, password, salt: hashed.append(password) or encode(self, password, salt),
    )

    counts = {}
    for email in ("maya@example.com", "nobody@example.com"):
        hashed.clear()
        sign_in(client, email, "not the password")
        counts[email] = len(hashed)

    assert counts["maya@example.com"] == counts["nobody@example.com"] > 0


def test_changing_to_an_address_that_somebody_has_answers_alike(client, maya):
    UserFactory(email="known@example.com")
    prove_by_password(client)

    answers = []
    for email in ("known@example.com", "fresh@example.com"):
        page = client.post(
            reverse("account_email"), {"email": email, "action_add": ""}, follow=True
        )
        answers.append((page.redirect_chain, without_tokens(page).replace(email, "ADDRESS")))
        removal = {"email": email, "action_remove": ""}
        client.post(reverse("account_email"), removal, follow=True)

    assert answers[0] == answers[1]
    assert User.objects.get(pk=maya.pk).email == "maya@example.com"


def test_the_second_factor_is_asked_for_only_after_the_right_password(client):
    give_app(UserFactory(email="maya@example.com"))

    answers = [
        sign_in(client, email, "not the password")
        for email in ("maya@example.com", "nobody@example.com")
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [list(answer.context["form"].non_field_errors()) for answer in answers] == [
        ["The email address and/or password you specified are not correct."]
    ] * 2


# --- Staff ---


@pytest.fixture
def curator(client):
    curator = UserFactory(email="maya@example.com", is_staff=True, is_superuser=True)
    sign_in(client)
    return curator


ADMIN = "/admin/accounts/user/"


@pytest.fixture
def _staff_need_two(settings):
    settings.STAFF_SECOND_FACTOR = True


@pytest.mark.usefixtures("_staff_need_two")
def test_the_admin_is_closed_to_staff_without_a_second_factor(client, curator):
    answers = {verb: getattr(client, verb)(ADMIN, follow=True) for verb in ("get", "post")}

    assert {verb: answer.redirect_chain for verb, answer in answers.items()} == dict.fromkeys(
        answers, [(reverse("mfa_index"), 302)]
    )
    assert "What is for staff opens once you have set up a second factor." in answers["get"].text


@pytest.mark.usefixtures("_staff_need_two")
@pytest.mark.parametrize(
    ("give", "asks"),
    [(give_app, "mfa_reauthenticate"), (give_passkey, "mfa_reauthenticate_webauthn")],
)
def test_the_admin_asks_a_session_that_was_opened_by_the_password_alone(
    client, curator, give, asks
):
    give(curator)

    answer = client.get(ADMIN)

    assert (answer.status_code, answer.url) == (
        302,
        f"{reverse(asks)}?next=%2Fadmin%2Faccounts%2Fuser%2F",
    )


@pytest.mark.usefixtures("_staff_need_two")
def test_the_admin_is_not_opened_by_the_password_once_more(client, curator):
    give_app(curator)
    prove_by_password(client)

    assert client.get(ADMIN).status_code == 302


@pytest.mark.usefixtures("_staff_need_two")
def test_the_admin_opens_with_the_second_factor_and_closes_when_it_is_gone(client, curator):
    app = give_app(curator)
    prove_by_app(client)
    statuses = [client.get(ADMIN).status_code]
    app.delete()
    statuses.append(client.get(ADMIN).status_code)

    assert statuses == [200, 302]


@pytest.mark.usefixtures("_staff_need_two")
def test_the_admin_opens_after_signing_in_with_both_factors(client):
    give_app(UserFactory(email="maya@example.com", is_staff=True, is_superuser=True))
    asked = sign_in(client)
    client.post(asked.url, {"code": app_code()})

    page = client.get(ADMIN)

    assert page.status_code == 200
    assert "STAFF_SECOND_FACTOR" not in page.text


@pytest.mark.usefixtures("_staff_need_two")
def test_recovery_codes_that_are_left_over_are_no_second_factor(client, curator):
    Authenticator.objects.create(
        user=curator, type=Authenticator.Type.RECOVERY_CODES, data={"seed": "", "used_mask": 0}
    )

    assert client.get(ADMIN).url == reverse("mfa_index")


@pytest.mark.usefixtures("_staff_need_two")
def test_a_second_factor_opens_the_admin_to_nobody_who_is_not_staff(client, maya):
    give_app(maya)
    prove_by_app(client)

    assert client.get(ADMIN, follow=True).status_code in {403, 404}


def test_the_admin_says_loudly_that_a_password_alone_opens_it(client, curator, settings):
    settings.STAFF_SECOND_FACTOR = False

    pages = [client.get(address) for address in ("/admin/", ADMIN, f"{ADMIN}{curator.pk}/change/")]

    assert [page.status_code for page in pages] == [200] * 3
    assert ["A password alone opens this admin" in page.text for page in pages] == [True] * 3


def test_staff_take_a_lost_second_factor_off_and_see_no_secret(client, curator):
    lost = give_app(UserFactory(email="priya@example.com"))
    address = f"/admin/mfa/authenticator/{lost.pk}"

    page = client.get(f"{address}/change/")
    client.post(f"{address}/delete/", {"post": "yes"})

    assert page.status_code == 200
    assert lost.data["secret"] not in page.text
    assert Authenticator.objects.count() == 0


# --- Sign-in by another party ---

WITH_OTHERS = """
import json, os, django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
pages = {
    path: (lambda answer: [answer.status_code, answer.content.decode()])(Client().get(path))
    for path in (
        "/accounts/login/", "/accounts/google/login/", "/accounts/3rdparty/login/error/",
        "/accounts/3rdparty/login/cancelled/", "/accounts/3rdparty/",
    )
}
print(json.dumps(pages))
"""


def portal_with(folder, **variables):
    """Pages of a portal whose operator set these variables."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", WITH_OTHERS],
        cwd=ROOT,
        env={**kept, "DJANGO_SETTINGS_MODULE": "ce_portal.test_settings", **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_other_parties_sign_people_in_if_they_are_set_up(tmp_path):
    pages = portal_with(
        tmp_path,
        GOOGLE_CLIENT_ID="id",
        GOOGLE_CLIENT_SECRET="secret",
        OIDC_SERVER_URL="https://sso.example.org",
        OIDC_CLIENT_ID="id",
        OIDC_CLIENT_SECRET="secret",
        OIDC_NAME="Hollow Reed staff",
    )

    assert {path: status for path, (status, _) in pages.items()} == {
        "/accounts/login/": 200,
        "/accounts/google/login/": 200,
        "/accounts/3rdparty/login/error/": 302,
        "/accounts/3rdparty/login/cancelled/": 200,
        "/accounts/3rdparty/": 302,
    }
    sign_in_page = pages["/accounts/login/"][1]
    assert "Sign in with Google" in sign_in_page
    assert 'href="/accounts/oidc/sso/login/' in sign_in_page
    assert "Sign in with Hollow Reed staff" in sign_in_page
    open_pages = [text for status, text in pages.values() if status != 302]
    assert ["signin-form" in text for text in open_pages] == [True] * 3


def test_without_them_there_is_no_trace(client):
    page = client.get(reverse("account_login"))

    assert page.status_code == 200
    assert [word for word in ("Google", "3rdparty", "oidc") if word in page.text] == []
    assert client.get("/accounts/3rdparty/").status_code == 404
    assert client.get("/accounts/google/login/").status_code == 404
