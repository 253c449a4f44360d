"""Second factor and passkeys in Chromium, with an authenticator that Chromium makes up.

`make test-browser` runs these. Every page is held to the same as those of the story in courses:
no console error, so nothing that the content security policy refused, and no axe violation.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from accounts.tests.security import app_code
from ce_portal.tests.browsing import html_errors

pytestmark = pytest.mark.browser

# The demonstration's password, as README names it.
PASSWORD = "quiet-pine-demo"


def sign_in(page: Page, email: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/")


def prove(page: Page) -> None:
    page.wait_for_url("**/accounts/reauthenticate/**")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()


def add_authenticator(page: Page):
    """A fingerprint reader that always says yes; gives back a switch for whether it does."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    made = devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return lambda says_yes: devtools.send(
        "WebAuthn.setUserVerified",
        {"authenticatorId": made["authenticatorId"], "isUserVerified": says_yes},
    )


def test_a_passkey_is_added_and_signs_in_alone_and_after_the_password(watched, tmp_path):
    page = watched.page
    finger = add_authenticator(page)
    sign_in(page, "clinician@example.com")
    page.wait_for_url("**/")
    page.goto("/accounts/2fa/webauthn/add/")
    found = watched.violations()
    prove(page)
    page.wait_for_url("**/webauthn/add/")
    found += watched.violations()
    sources = {page.url: page.request.get(page.url).text()}
    page.reload()

    # A finger that is not hers: words on the page, nothing added.
    finger(False)
    page.get_by_label("Name").fill("Laptop at the office")
    page.get_by_label("It also signs me in without my password").check()
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The passkey was not used")
    found += watched.violations()
    finger(True)
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url("**/recovery-codes/")
    found += watched.violations()
    for address in ("/accounts/2fa/", "/accounts/2fa/webauthn/", "/accounts/sessions/"):
        page.goto(address)
        found += watched.violations()
        sources[address] = page.request.get(page.url).text()
    page.goto("/accounts/2fa/webauthn/")
    expect(page.get_by_role("main")).to_contain_text("Laptop at the office")
    expect(page.get_by_role("main")).to_contain_text("Signs you in without a password")

    # Alone.
    sign_out(page)
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/")
    expect(page.get_by_role("button", name="Maya Okafor")).to_be_visible()

    # After the password.
    sign_out(page)
    sign_in(page, "clinician@example.com")
    page.wait_for_url("**/accounts/2fa/authenticate/")
    found += watched.violations()
    sources[page.url] = page.request.get(page.url).text()
    page.reload()  # each page has a challenge of its own
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(lambda url: "/2fa/" not in url)

    # It proves again who she is, too; then she removes it.
    page.goto("/accounts/2fa/webauthn/")
    page.get_by_role("link", name="Remove Laptop at the office").click()
    page.wait_for_url("**/accounts/reauthenticate/**")
    page.get_by_role("link", name="Use a passkey").click()
    found += watched.violations()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/remove/")
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("main")).to_contain_text("None on file.")
    found += html_errors(sources, tmp_path)
    assert found == []


def test_an_authenticator_app_is_set_up_from_the_picture_and_opens_the_admin(watched, tmp_path):
    page = watched.page
    sign_in(page, "supervisor@example.com")
    page.wait_for_url("**/")
    page.goto("/accounts/2fa/totp/activate/")
    prove(page)
    page.wait_for_url("**/totp/activate/")
    found = watched.violations()
    sources = {page.url: page.request.get(page.url).text()}
    box = page.get_by_role("img", name="QR code").bounding_box()
    assert min(box["width"], box["height"]) >= 200

    # The picture changes with the secret: read it from the page that is shown now.
    page.reload()
    secret = page.locator(".secret code").inner_text()
    page.get_by_label("Code from the app").fill("000000")
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("alert")).to_contain_text("This is not right")
    page.get_by_label("Code from the app").fill(app_code(secret))
    page.get_by_role("button", name="Turn on").click()
    page.wait_for_url("**/recovery-codes/")
    code = page.locator(".codes code").first.inner_text()
    found += watched.violations()
    sources[page.url] = page.request.get(page.url).text()

    # The app's code would be the one just used: the way in is a recovery code.
    sign_out(page)
    sign_in(page, "supervisor@example.com")
    page.wait_for_url("**/accounts/2fa/authenticate/")
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/2fa/" not in url)
    page.goto("/accounts/2fa/")
    expect(page.get_by_role("main")).to_contain_text("9 of 10 left.")
    found += watched.violations()
    found += html_errors(sources, tmp_path)
    assert found == []


def test_without_javascript_passkeys_say_why_and_codes_still_work(browser, portal):
    context = browser.new_context(base_url=portal.url, java_script_enabled=False)
    page = context.new_page()

    page.goto("/accounts/login/")
    # Not “visible”: a browser that is driven like this reads pages as if scripts could run.
    assert "Passkeys need JavaScript, which is off in this browser." in (
        page.locator("noscript").first.text_content()
    )
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    sign_in(page, "trainee@example.com")
    page.wait_for_url("**/")
    page.goto("/accounts/2fa/totp/activate/")
    prove(page)
    secret = page.locator(".secret code").inner_text()
    page.get_by_label("Code from the app").fill(app_code(secret))
    page.get_by_role("button", name="Turn on").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    context.close()


def test_the_open_admin_says_so_to_the_curator(watched, portal):
    page = watched.page
    sign_in(page, "curator@example.com")
    page.wait_for_url("**/")

    page.goto("/admin/")

    expect(page.get_by_text("A password alone opens this admin")).to_be_visible()
    assert "a password alone opens the admin" in portal.log.read_text()
