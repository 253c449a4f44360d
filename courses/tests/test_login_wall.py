"""Who may open what without an account: walks every address of the portal."""

import pytest
from django.urls import resolve, reverse

from accounts.tests.factories import UserFactory
from courses.tests.walk import pages

OURS_FOR_STRANGERS = {
    "home",
    "courses:catalog",
    "courses:suggest",
    "courses:course",
    "courses:topics",
    "courses:topic",
    "courses:feed",
    "courses:session_calendar",
    "courses:personal_feed",
    "sitemap_index",
    "sitemap",
    "robots",
    "courses:stop_mail",
    # They keep what a learner answers whose session has ended, and ask to sign in.
    "courses:post_test",
    "courses:save_answers",
    "accounts:stop_mail_kind",
    "accounts:invitation",
    "accounts:decline_invitation",
    "transcripts:verify",
    "transcripts:verification",
    "transcripts:check_file",
    "transcripts:issuer",
    "transcripts:public_key",
    "transcripts:public_keys",
    "transcripts:public_certificates",
    "appearance",
    "healthz",
    "readyz",
}
SIGN_IN_FOR_STRANGERS = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",
    "account_email_verification_sent",
    "account_confirm_email",
    "account_confirm_login_code",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "mfa_authenticate",
    "mfa_login_webauthn",
    "admin:login",
}


def closed_paths():
    return sorted({page.path() for page in pages() if not page.is_open})


def test_a_stranger_may_open_these_pages_and_no_others():
    found = {page.name for page in pages() if page.is_open}

    assert found == OURS_FOR_STRANGERS | SIGN_IN_FOR_STRANGERS


def test_the_walk_opens_each_page_by_an_address_that_leads_to_it():
    walked = [(page.name, page.view) for page in pages()]

    assert walked == [(page.name, resolve(page.path()).func) for page in pages()]
    assert {name.split(":")[0] for name, _ in walked} >= {
        "accounts",
        "admin",
        "courses",
        "transcripts",
    }


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["get", "post"])
def test_every_other_page_sends_a_stranger_to_sign_in(client, verb):
    closed = closed_paths()

    answers = {path: getattr(client, verb)(path) for path in closed}

    sign_in = (f"{reverse('account_login')}?next=", f"{reverse('admin:login')}?next=")
    assert {
        path: answer.status_code
        for path, answer in answers.items()
        if answer.status_code != 302 or not answer.url.startswith(sign_in)
    } == {}


@pytest.mark.django_db
def test_a_page_that_does_not_exist_is_404_for_a_stranger(client):
    assert client.get("/no/such/page/").status_code == 404


@pytest.mark.django_db
def test_what_the_open_pages_answer_to_a_stranger(client):
    answers = {page.name: client.get(page.path()) for page in pages() if page.is_open}

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "home": 200,
        "courses:catalog": 200,
        "courses:suggest": 200,
        "courses:course": 404,  # there is none of that name
        "courses:topics": 200,
        "courses:topic": 404,  # nor a topic
        "courses:feed": 200,
        "courses:session_calendar": 200,
        "courses:personal_feed": 404,  # the token is nobody's
        "sitemap_index": 200,
        "sitemap": 404,  # nor a sitemap
        "robots": 200,
        "courses:stop_mail": 404,  # the token is not ours
        "courses:post_test": 302,
        "courses:save_answers": 405,
        "accounts:stop_mail_kind": 404,
        "accounts:invitation": 404,
        "accounts:decline_invitation": 405,
        "transcripts:verify": 200,
        "transcripts:verification": 404,  # no certificate has that code
        "transcripts:check_file": 302,  # to the page with the form
        "transcripts:issuer": 200,
        "transcripts:public_key": 404,  # nor a key that name
        "transcripts:public_keys": 200,
        "transcripts:public_certificates": 200,
        "appearance": 302,
        "healthz": 200,
        "readyz": 200,
        "account_login": 200,
        "account_logout": 302,
        "account_inactive": 200,
        "account_signup": 200,
        "account_email_verification_sent": 200,
        "account_confirm_email": 200,
        "account_confirm_login_code": 302,
        "account_reset_password": 200,
        "account_reset_password_done": 200,
        "account_reset_password_from_key": 200,
        "account_reset_password_from_key_done": 200,
        "mfa_authenticate": 302,  # not half signed in
        "mfa_login_webauthn": 302,  # only a script asks it
        "admin:login": 302,
    }


@pytest.mark.django_db
def test_the_admin_is_closed_to_people_who_are_not_staff(client):
    client.force_login(UserFactory())
    paths = [path for path in closed_paths() if path.startswith("/admin/")]

    statuses = {path: client.get(path).status_code for path in paths}

    assert {path: status for path, status in statuses.items() if status not in {302, 404}} == {}
