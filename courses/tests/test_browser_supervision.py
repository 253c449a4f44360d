"""A supervision from the invitation to its end, in Chromium, against the portal of `make run`.

Invited by mail, consented in part, read, commented, corrected by a curator, signed, outside credit
with its proof, looked up in the trace, ended: 404.
"""

from __future__ import annotations

import re
import struct
import zlib

import pytest
from playwright.sync_api import Page, expect

from ce_portal.tests.browsing import html_errors
from courses.tests.test_browser import sign_in
from courses.tests.test_browser_webinar import mail_with, person

pytestmark = pytest.mark.browser

TITLE = "Compassion Fatigue"


def a_picture() -> bytes:
    """A PNG of four white dots: a scan of a certificate."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"\x00\xff\xff" * 2
    head = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def row_of(page: Page, title: str):
    return page.get_by_role("row").filter(has_text=title).first


def test_a_supervision_from_the_invitation_to_its_end(watched, browser, portal, tmp_path):
    found = []
    sources = {}
    supervisor = watched.page

    def look(page: Page) -> None:
        if page is supervisor:
            found.extend(watched.violations())
        sources[page.url] = page.request.get(page.url).text()

    # Helena invites Maya by her address, and reads nothing yet.
    sign_in(supervisor, "supervisor@example.com")
    supervisor.goto("/supervision/people/")
    invite = supervisor.get_by_role("region", name="Invite a trainee")
    invite.get_by_label("Your trainee's e-mail").fill("clinician@example.com")
    for box in invite.get_by_role("checkbox").all():
        box.check()
    invite.get_by_role("button", name="Invite", exact=True).click()
    expect(supervisor.get_by_role("main")).to_contain_text("clinician@example.com")
    look(supervisor)

    # Maya follows the mail, and lets her read credit and evidence, not her log or her plan.
    mail = mail_with(portal, "Helena Brandt (supervisor@example.com) asks to supervise you")
    address = re.search(r"https?://\S+(/supervision/invitations/\S+)", mail)
    assert address is not None
    trainee = person(browser, portal, "clinician@example.com")
    trainee.goto(address[1])
    expect(trainee.get_by_role("heading", level=1)).to_have_text(
        "Helena Brandt asks to read your record"
    )
    sources[trainee.url] = trainee.request.get(trainee.url).text()
    for box in trainee.get_by_role("checkbox").all():
        box.uncheck()
    trainee.get_by_role("checkbox", name="Credit and certificates").check()
    trainee.get_by_role("checkbox", name="Outside credit with its evidence").check()
    trainee.get_by_role("button", name="I consent").click()
    trainee.wait_for_url("**/supervision/people/**")
    expect(trainee.get_by_role("main")).to_contain_text("Helena Brandt")

    # Maya records training taken elsewhere, with its proof.
    trainee.goto("/transcript/outside/add/")
    look(trainee)
    trainee.get_by_label("Course title").fill("Chapter meeting on telehealth")
    trainee.get_by_label("Provider", exact=True).fill("State chapter")
    trainee.get_by_label("Format").select_option("live-webinar")
    trainee.get_by_label("Completed on").fill("2026-05-14")
    trainee.get_by_label("Hours", exact=True).fill("2.5")
    trainee.get_by_label("Approving body").first.select_option(label="No approving body")
    trainee.get_by_label("Counts as").first.select_option(index=1)
    trainee.get_by_label("Certificate or letter").set_input_files(
        {"name": "scan.png", "mimeType": "image/png", "buffer": a_picture()}
    )
    trainee.get_by_role("button", name="Record it").click()
    trainee.wait_for_url(lambda url: "/outside/add/" not in url)
    expect(trainee.get_by_role("main")).to_contain_text("Chapter meeting on telehealth")

    # Helena reads, confirms what she sees proved, and asks for a correction of one line.
    supervisor.goto("/supervision/")
    look(supervisor)
    supervisor.get_by_role("link", name="Maya Okafor").first.click()
    expect(supervisor.get_by_role("heading", level=1)).to_have_text("Maya Okafor")
    trainee_page = supervisor.url
    look(supervisor)
    supervisor.get_by_role("link", name="Chapter meeting on telehealth", exact=True).click()
    look(supervisor)
    supervisor.get_by_label("The evidence shows this training: confirm it").check()
    supervisor.get_by_role("button", name="Decide").click()
    expect(supervisor.get_by_role("main")).to_contain_text("Confirmed")
    supervisor.goto(trainee_page)
    row_of(supervisor, TITLE).get_by_role("link", name="Comment").click()
    supervisor.get_by_role("textbox", name="Note").fill("The day was one earlier, I think.")
    supervisor.get_by_label("Ask for a correction of this line").check()
    supervisor.get_by_role("button", name="Save note").click()
    expect(supervisor.get_by_role("main")).to_contain_text("not asked for yet")

    # Maya answers, and asks a curator with what Helena wrote.
    trainee.goto("/transcript/reviews/")
    look(trainee)
    trainee.get_by_text("Answer").first.click()
    trainee.get_by_role("textbox", name="Answer").fill("You are right, I will ask.")
    trainee.get_by_role("button", name="Send the answer").click()
    expect(trainee.get_by_role("main")).to_contain_text("You are right, I will ask.")
    trainee.get_by_role("link", name="Ask a curator for the correction").click()
    trainee.get_by_label("What is wrong?").select_option("date")
    expect(trainee.get_by_label("What should it say?")).not_to_be_empty()
    trainee.get_by_role("button", name="Ask", exact=True).click()
    trainee.wait_for_url("**/transcript/**")

    # The curator issues it anew.
    curator = person(browser, portal, "curator@example.com")
    curator.goto("/admin/transcripts/correctionrequest/")
    curator.get_by_role("link", name=re.compile(TITLE)).first.click()
    curator.get_by_role("link", name="Reissue with corrections").first.click()
    began = curator.get_by_label("First day").input_value()
    year, month, number = began.split("-")
    earlier = f"{year}-{month}-{max(int(number) - 1, 1):02}"
    curator.get_by_label("First day").fill(earlier)
    curator.get_by_label("Reason").select_option("error")
    curator.get_by_label("In words").fill("The day was wrong.")
    curator.get_by_role("button", name="Reissue").click()
    expect(curator.get_by_text("Reissued as")).to_be_visible()

    # Helena sees what came of it, and signs.
    supervisor.goto(trainee_page)
    expect(supervisor.get_by_role("main")).to_contain_text("the credit was reversed as asked")
    supervisor.get_by_text("Cover other days").click()
    supervisor.get_by_label("From").fill("2020-01-01")
    supervisor.get_by_role("button", name="Show", exact=True).click()
    supervisor.get_by_role("radio", name="Approve", exact=True).check()
    supervisor.get_by_role("region", name="Sign off").get_by_role("checkbox").check()
    supervisor.get_by_role("button", name=re.compile("^Sign as Helena Brandt")).click()
    supervisor.wait_for_url("**/transcript/reviews/**")
    look(supervisor)
    supervisor.goto(trainee_page)
    expect(supervisor.get_by_role("main")).to_contain_text("All is signed")

    # Maya reads the review, as a page and as a signed document, and who has looked at her record.
    trainee.goto("/transcript/reviews/")
    trainee.get_by_role("link", name="Approved").first.click()
    look(trainee)
    document = trainee.request.get(trainee.url.rstrip("/") + ".pdf")
    assert document.ok
    assert document.body().startswith(b"%PDF-")
    trainee.goto("/profile/reads/")
    expect(trainee.get_by_role("main")).to_contain_text("Helena Brandt")
    expect(trainee.get_by_role("main")).to_contain_text("Ingrid Solheim")
    look(trainee)

    # Maya ends it: at once nothing is to be read.
    code = re.search(r"/certificates/([^/]+)\.pdf", supervisor.content())
    assert code is not None
    assert supervisor.request.get(f"/certificates/{code[1]}.pdf").ok
    trainee.goto("/supervision/people/")
    trainee.get_by_role("button", name="End supervision").first.click()
    for private in (
        trainee_page,
        f"{trainee_page}export.csv",
        f"{trainee_page}export.pdf",
        f"{trainee_page}certificates.zip",
        f"/certificates/{code[1]}.pdf",
    ):
        assert supervisor.request.get(private).status == 404, private
    supervisor.goto("/supervision/")
    expect(supervisor.get_by_role("main")).not_to_contain_text("Maya Okafor")

    assert found == []
    assert html_errors(sources, tmp_path) == []
