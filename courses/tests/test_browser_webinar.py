"""A live webinar from end to end, in Chromium, against the portal that `make run` starts.

Full, waitlist, a seat that comes free, attendance by the host's code, post-test, evaluation,
certificate. Only the clock is helped along, in the portal's database.
"""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ce_portal.tests.browsing import Portal, html_errors
from courses import demo
from courses.course_files import read_course
from courses.tests.test_browser import answer, sign_in

pytestmark = pytest.mark.browser

COURSE = "present-on-screen"
MAIL_LIMIT = 20  # seconds


def execute(portal: Portal, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """What cannot be waited for: a statement in the portal's database."""
    with closing(sqlite3.connect(portal.var / "portal.sqlite3", timeout=20)) as database, database:
        return database.execute(statement, values).fetchall()


def the_only_session(portal: Portal) -> int:
    """The course's first coming session, with one seat; the others are far in the past."""
    sessions = execute(
        portal,
        "SELECT s.id FROM courses_session s JOIN courses_course c ON c.id = s.course_id "
        "WHERE c.key = ? AND s.starts_at > datetime('now') ORDER BY s.starts_at",
        COURSE,
    )
    (first,), *others = sessions
    execute(portal, "UPDATE courses_session SET capacity = 1 WHERE id = ?", first)
    for (other,) in others:
        execute(portal, "UPDATE courses_session SET capacity = 0 WHERE id = ?", other)
    return first


def begin_session(portal: Portal, session: int) -> None:
    """It began 85 minutes ago and ends in five."""
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    execute(
        portal,
        "UPDATE courses_session SET starts_at = ?, ends_at = ? WHERE id = ?",
        (now - timedelta(minutes=85)).isoformat(" "),
        (now + timedelta(minutes=5)).isoformat(" "),
        session,
    )


def end_session(portal: Portal, session: int) -> None:
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    execute(
        portal,
        "UPDATE courses_session SET ends_at = ? WHERE id = ?",
        now.isoformat(" "),
        session,
    )


def as_if_checked_in_at_the_start(portal: Portal) -> None:
    execute(
        portal,
        "UPDATE courses_attendanceinterval SET starts_at = datetime(starts_at, '-85 minutes') "
        "WHERE ends_at IS NULL",
    )


def mail_with(portal: Portal, words: str) -> str:
    """The mail that says these words, once the worker has sent it."""
    deadline = time.monotonic() + MAIL_LIMIT
    while time.monotonic() < deadline:
        for file in sorted((portal.var / "mail").glob("*.log"), reverse=True):
            text = file.read_text(errors="replace")
            if words in text:
                return text
        time.sleep(0.2)
    raise AssertionError(f"No mail says “{words}”.")


def person(browser: Browser, portal: Portal, email: str) -> Page:
    context = browser.new_context(base_url=portal.url, timezone_id="America/New_York")
    page = context.new_page()
    sign_in(page, email)
    return page


def test_a_live_webinar_from_the_waitlist_to_the_certificate(watched, browser, portal, tmp_path):
    session = the_only_session(portal)
    found = []
    sources = {}
    learner = watched.page

    def look() -> None:
        found.extend(watched.violations())
        sources[learner.url] = learner.request.get(learner.url).text()

    # Somebody has the one seat; the learner joins the waitlist.
    other = person(browser, portal, "clinician@example.com")
    other.goto(f"/courses/{COURSE}/")
    other.get_by_role("radio").first.check()
    other.get_by_role("button", name="Enroll", exact=True).click()
    other.wait_for_url("**/learn/*/")
    sign_in(learner, "trainee@example.com")
    learner.goto(f"/courses/{COURSE}/")
    look()
    learner.get_by_role("button", name="Join the waitlist").first.click()
    expect(learner.get_by_role("main")).to_contain_text("You are number 1 on the waitlist")
    look()

    # The seat comes back, is offered by mail and at home, and taken.
    other.goto(f"/courses/{COURSE}/")
    other.get_by_text("Withdraw", exact=True).click()
    other.get_by_role("button", name="Withdraw from the course").click()
    mail_with(portal, "Subject: A seat is free, yours until")
    learner.goto("/")
    look()
    learner.get_by_role("button", name="Take the seat").click()
    learner.wait_for_url("**/learn/*/")
    room = learner.url
    assert "text/calendar" in mail_with(portal, "Subject: Enrolled: ")

    # The session begins: the host shows a code, the learner checks in and out with it.
    begin_session(portal, session)
    host = person(browser, portal, "curator@example.com")
    host.goto(f"/host/sessions/{session}/")
    learner.goto(f"{room}session/")
    look()
    learner.get_by_role("textbox").fill("nonsense")
    learner.get_by_role("button", name="Check in").click()
    expect(learner.get_by_role("alert")).to_be_visible()
    learner.get_by_role("textbox").fill(code_of(host))
    learner.get_by_role("button", name="Check in").click()
    as_if_checked_in_at_the_start(portal)
    host.reload()
    expect(host.get_by_role("main")).to_contain_text("1 in now")
    learner.goto(f"{room}session/")
    learner.get_by_role("textbox").fill(code_of(host).lower())
    learner.get_by_role("button", name="Check out").click()
    expect(learner.get_by_role("main")).to_contain_text("85 minutes attended")
    look()

    # The session ends. Post-test, evaluation, certificate.
    end_session(portal, session)
    learner.goto(f"{room}post-test/")
    for question in read_course(demo.CATALOG / f"{COURSE}.md").head.post_test.questions:
        answer(learner, question)
    learner.get_by_role("button", name="Hand in").click()
    expect(learner.get_by_role("heading", level=1)).to_contain_text("You passed")
    learner.goto(f"{room}evaluation/")
    groups = learner.get_by_role("main").get_by_role("group")
    for group in groups.filter(has=learner.get_by_role("radio")).all():
        group.get_by_role("radio").last.check(force=True)
    learner.get_by_role("button", name="Hand in").click()
    link = learner.get_by_role("link", name=re.compile("certificate", re.IGNORECASE)).and_(
        learner.locator("a[href$='.pdf']")
    )
    expect(link).to_be_visible(timeout=20_000)
    look()
    assert learner.request.get(link.get_attribute("href")).body().startswith(b"%PDF-")

    # The transcript has it, and a private note beside it.
    learner.goto("/transcript/")
    learner.get_by_role("link", name="Write a note").first.click()
    learner.get_by_label("What I learned").fill("To look at the lens when it matters.")
    learner.get_by_role("button", name="Keep the note").click()
    expect(learner.get_by_role("main")).to_contain_text("Your note")
    look()

    assert found == []
    assert html_errors(sources, tmp_path) == []


def code_of(host: Page) -> str:
    return "".join(host.locator(".the-code").inner_text().split())
