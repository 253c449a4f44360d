"""The story again, in Chromium, against the portal that `make run` starts: web, worker, broker.

`make test-browser` runs these. Each page that is visited is held to the same things: no console
error, no request to anywhere else, no accessibility violation (axe) in light, dark and on a phone,
valid HTML.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from ce_portal.tests.browsing import (
    PHONE,
    ROOT,
    Portal,
    environment_of_a_person,
    free_port,
    html_errors,
    start_portal,
)
from courses import demo
from courses.course_files import read_course

pytestmark = pytest.mark.browser

COURSE = "informed-consent-as-a-conversation"


def sign_in(page: Page, email: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(demo.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/")


def test_a_clinician_earns_a_certificate(watched, portal, tmp_path):
    page = watched.page
    sign_in(page, "clinician@example.com")

    # Find the course by words.
    page.goto("/courses/")
    page.get_by_role("combobox", name="Search").fill("informed consent")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Informed Consent as a Conversation").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Informed Consent as a Conversation")

    # Enroll, and read every lesson.
    page.get_by_role("button", name="Enroll", exact=True).first.click()
    page.wait_for_url("**/learn/*/")
    room = page.url
    course = read_course(demo.CATALOG / f"{COURSE}.md")
    for lesson in course.lessons:
        page.goto(f"{room}lessons/{lesson.key}/")
        as_if_opened_earlier(portal)
        page.get_by_role("button", name="Mark as read").click()
        page.wait_for_url(lambda url, key=lesson.key: f"/lessons/{key}/" not in url)

    # Hand the post-test in too early: the open questions are named, nothing is lost.
    page.wait_for_url("**/post-test/")
    questions = course.head.post_test.questions
    for question in questions[:-1]:
        answer(page, question)
    page.get_by_role("button", name="Hand in").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose an answer")
    expect(page.get_by_role("main").get_by_role("radio", checked=True)).to_have_count(
        len(questions) - 1
    )
    answer(page, questions[-1])
    page.get_by_role("button", name="Hand in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("You passed")

    # The evaluation, and the certificate that comes by itself.
    page.goto(f"{room}evaluation/")
    questions = page.get_by_role("main").get_by_role("group")
    for group in questions.filter(has=page.get_by_role("radio")).all():
        group.get_by_role("radio").last.check(force=True)
    page.get_by_role("button", name="Hand in").click()
    link = page.get_by_role("link", name=re.compile("certificate", re.IGNORECASE)).and_(
        page.locator("a[href$='.pdf']")
    )
    expect(link).to_be_visible(timeout=20_000)

    # Its text says who, what, when, and by whose approval.
    document = tmp_path / "certificate.pdf"
    document.write_bytes(page.request.get(link.get_attribute("href")).body())
    text = subprocess.run(
        [shutil.which("pdftotext") or "pdftotext", "-layout", document, "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for words in (
        "Maya Okafor",
        "Informed Consent as a Conversation",
        "New York LCSW 000000",
        "ASWB ACE",
        "Hollow Reed Institute",
    ):
        assert words in text

    page.goto("/transcript/")
    expect(page.get_by_role("main")).to_contain_text("Informed Consent as a Conversation")


def answer(page: Page, question) -> None:
    """Choose what is right, and wait until the page says that it is saved."""
    group = page.get_by_role("group").filter(has_text=question.ask)
    for text, is_right in question.answers:
        if is_right:
            with page.expect_response("**/post-test/save/**"):
                group.get_by_label(text, exact=True).check()


def as_if_opened_earlier(portal: Portal) -> None:
    """Every lesson that is open now was opened a quarter of an hour before."""
    with closing(sqlite3.connect(portal.var / "portal.sqlite3", timeout=20)) as database, database:
        database.execute(
            "UPDATE courses_lessonprogress SET opened_at = datetime(opened_at, '-15 minutes') "
            "WHERE read_at IS NULL"
        )


def test_a_supervisor_reads_a_trainees_transcript_and_nobody_elses(watched):
    page = watched.page
    sign_in(page, "supervisor@example.com")

    page.goto("/supervision/")
    page.get_by_role("link", name="Priya Raman").first.click()

    expect(page.get_by_role("main")).to_contain_text("Asking About Suicide")
    response = page.request.get(
        page.url.replace(page.url.split("/")[-2], "0" * 8 + "-0000-4000-8000-" + "0" * 12)
    )
    assert response.status == 404


def test_a_curator_edits_a_course_and_sees_it_change(watched):
    page = watched.page
    sign_in(page, "curator@example.com")

    page.goto("/admin/courses/course/")
    page.get_by_role("link", name="Gifts").first.click()
    page.get_by_label("Summary").first.fill("Changed by a curator for a test.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()

    page.goto("/courses/?q=gifts")
    expect(page.get_by_role("main")).to_contain_text("Changed by a curator for a test.")


def test_the_catalog_narrows_as_one_chooses_and_the_address_says_so(watched):
    page = watched.page
    page.goto("/courses/")
    cards = page.locator("article")
    whole_page = cards.count()
    recorded = page.get_by_role("checkbox", name="Recorded")
    count_of_recorded = recorded.locator("..").locator(".choice-n")
    of_all = count_of_recorded.inner_text()

    page.get_by_role("checkbox", name="In person").check()
    page.wait_for_url("**/courses/?format=in-person")
    expect(cards).not_to_have_count(whole_page)
    narrowed = cards.count()
    page.get_by_role("checkbox", name="Advanced").check()
    page.wait_for_url("**/courses/?format=in-person&level=advanced")
    expect(count_of_recorded).not_to_have_text(of_all)
    expect(page.get_by_role("link", name="Remove the filter")).to_have_count(2)
    most_narrowed = cards.count()

    # Back, back, forward: results, boxes and counts fit the address.
    page.go_back()
    expect(cards).to_have_count(narrowed)
    expect(page.get_by_role("checkbox", name="Advanced")).not_to_be_checked()
    expect(page.get_by_role("checkbox", name="In person")).to_be_checked()
    page.go_back()
    expect(cards).to_have_count(whole_page)
    expect(page.get_by_role("checkbox", name="In person")).not_to_be_checked()
    expect(count_of_recorded).to_have_text(of_all)
    page.go_forward()
    expect(cards).to_have_count(narrowed)
    expect(page.get_by_role("checkbox", name="In person")).to_be_checked()
    assert 0 < most_narrowed < narrowed < whole_page

    # A shared address shows the same, and the order is part of it.
    page.get_by_label("Sort by").select_option("Title")
    page.wait_for_url("**/courses/?format=in-person&sort=title")
    shown = cards.get_by_role("heading").all_inner_texts()
    page.goto(page.url)
    assert cards.get_by_role("heading").all_inner_texts() == shown == sorted(shown)


def test_a_change_keeps_the_focus_what_was_opened_and_what_is_typed(watched):
    page = watched.page
    page.goto("/courses/")
    areas = page.locator(".tree details")
    areas.first.locator("summary").click()
    page.get_by_label("From", exact=True).fill("1")
    free = page.get_by_role("checkbox", name="Free")

    free.focus()
    # The answer to the hours comes while the key is down.
    page.keyboard.down("Space")
    page.wait_for_url("**/courses/?hours_from=1")
    page.keyboard.up("Space")
    page.wait_for_url("**/courses/?price=free&hours_from=1")

    expect(free).to_be_checked()
    expect(free).to_be_focused()
    expect(areas.first).to_have_attribute("open", "")
    expect(areas.nth(1)).not_to_have_attribute("open", "")
    expect(page.get_by_label("From", exact=True)).to_have_value("1")
    total = page.locator("#catalog-results h2").inner_text()
    expect(page.locator("#catalog-count")).to_have_text(total)
    expect(page.get_by_role("button", name="Show")).to_have_text(f"Show {total}")

    # The next box is one step of the keyboard away, as before.
    page.keyboard.press("Tab")
    expect(page.get_by_role("checkbox", name="Under $50")).to_be_focused()


def test_taking_a_filter_away_leads_to_the_results_and_every_field_follows(watched):
    page = watched.page
    page.goto(
        "/courses/?q=consent&level=introductory&hours_from=1&live_from=2020-01-01&on_demand=yes"
    )
    page.evaluate("document.body.dataset.isTheSamePage = true")
    heading = page.locator("#catalog-results h2")
    form = page.locator("#filter-form")

    page.locator("#box-language summary").click()
    page.locator("#box-level summary").click()
    page.get_by_role("link", name="Remove the filter Hours").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/courses/?q=consent&level=introductory&live_from=2020-01-01&on_demand=yes")

    expect(heading).to_be_focused()
    expect(page.locator("#catalog-count")).to_have_text(heading.inner_text())
    expect(page.get_by_label("From", exact=True)).to_have_value("")
    expect(page.get_by_label("Live from")).to_have_value("2020-01-01")
    expect(page.get_by_role("checkbox", name="English")).to_be_visible()
    expect(page.get_by_label("Introductory")).to_be_hidden()
    expect(page.get_by_label("Introductory")).to_be_checked()

    page.get_by_role("link", name="Clear all", exact=True).click()
    page.wait_for_url("**/courses/")
    expect(heading).to_be_focused()
    expect(page.get_by_role("combobox", name="Search")).to_have_value("")
    expect(page.get_by_label("Live from")).to_have_value("")
    expect(form.get_by_role("checkbox", checked=True)).to_have_count(0)

    # The new fields work as the old ones did.
    page.get_by_role("checkbox", name="Free").check()
    page.wait_for_url("**/courses/?price=free")
    page.get_by_role("combobox", name="Search").press_sequentially("consent")
    expect(page.get_by_role("listbox", name="Suggestions")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("checkbox", name="Free")).not_to_be_checked()
    page.go_back()
    expect(page.get_by_role("combobox", name="Search")).to_have_value("consent")
    expect(page.get_by_role("checkbox", name="Introductory")).to_be_checked()
    expect(page.locator("body")).to_have_attribute("data-is-the-same-page", "true")


def test_turning_the_page_leads_to_the_top_of_the_results(watched):
    page = watched.page
    page.goto("/courses/?sort=title")
    first = page.locator("article h3").first.inner_text()

    page.get_by_role("link", name="Next", exact=True).click()
    page.wait_for_url("**/courses/?sort=title&page=2")

    heading = page.locator("#catalog-results h2")
    expect(heading).to_be_focused()
    expect(heading).to_be_in_viewport()
    expect(page.locator("article h3").first).not_to_have_text(first)
    expect(page).to_have_title("Catalog, page 2 · CE Portal")
    page.go_back()
    expect(page.locator("article h3").first).to_have_text(first)


def test_suggestions_are_used_by_keyboard_and_by_mouse(watched):
    page = watched.page
    page.goto("/courses/")
    box = page.get_by_role("combobox", name="Search")
    suggestions = page.get_by_role("listbox", name="Suggestions")
    options = suggestions.get_by_role("option")
    place_of_results = page.locator("#catalog-results").bounding_box()

    box.press_sequentially("consent")
    expect(suggestions).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#suggestions-count")).to_have_text(re.compile("^[0-9]+ suggestions?$"))
    assert page.locator("#catalog-results").bounding_box() == place_of_results
    found = watched.violations()

    # One option after another, round and round; the ends by Home and End; Escape closes.
    last = options.count() - 1
    for key, chosen in {"ArrowDown": 0, "ArrowUp": last, "Home": 0, "End": last}.items():
        page.keyboard.press(key)
        expect(options.nth(chosen)).to_have_attribute("aria-selected", "true")
        expect(options.and_(page.locator("[aria-selected=true]"))).to_have_count(1)
        expect(box).to_have_attribute(
            "aria-activedescendant", options.nth(chosen).get_attribute("id")
        )
        expect(box).to_be_focused()
    found += watched.violations()
    page.keyboard.press("Escape")
    expect(suggestions).to_be_hidden()
    expect(box).to_have_attribute("aria-expanded", "false")
    expect(box).to_have_value("consent")

    # Enter with an option follows it; without one it searches.
    page.keyboard.press("ArrowDown")
    expect(suggestions).to_be_visible()
    leads_to = options.first.get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{leads_to}")
    page.goto("/courses/")
    box.fill("consent")
    expect(suggestions).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/courses/?q=consent")

    # The mouse does, too; leaving the box closes the list.
    page.goto("/")
    box.press_sequentially("ethics")
    expect(suggestions).to_be_visible()
    page.keyboard.press("Tab")
    expect(suggestions).to_be_hidden()
    box.fill("ethics and")
    places = suggestions.get_by_role("group", name="Topics and focus areas")
    places.get_by_role("option").first.click()
    page.wait_for_url("**/courses/?topic=ethics**")
    assert found == []


def test_filters_open_over_the_page_on_a_phone(watched):
    page = watched.page
    page.set_viewport_size(PHONE)
    page.goto("/courses/")
    drawer = page.locator("#filters")
    expect(drawer).to_be_hidden()

    page.get_by_role("button", name="Filters", exact=True).click()
    drawer.get_by_role("checkbox", name="Free").check()
    page.wait_for_url("**/courses/?price=free")
    expect(drawer).to_be_visible()
    expect(drawer.get_by_role("checkbox", name="Free")).to_be_checked()
    drawer.get_by_role("button", name="Show").click()

    page.wait_for_url("**/courses/?price=free")
    expect(drawer).to_be_hidden()
    expect(page.get_by_role("button", name=re.compile("Filters .1 in force"))).to_be_visible()


def test_the_portal_works_without_javascript(browser, portal):
    context = browser.new_context(base_url=portal.url, java_script_enabled=False)
    page = context.new_page()

    sign_in(page, "trainee@example.com")
    page.goto("/courses/?format=text&sort=title")
    count = page.locator("article").count()
    page.get_by_label("Search courses").fill("consent")
    page.get_by_role("checkbox", name="Free").check()
    page.get_by_label("Sort by").select_option("Fewest hours")
    page.get_by_role("button", name="Sort", exact=True).click()
    asked = parse_qs(urlsplit(page.url).query, keep_blank_values=True)
    ticked = page.get_by_role("checkbox", checked=True)
    expect(ticked).to_have_count(2)
    page.go_back()
    expect(ticked).to_have_count(1)
    page.go_forward()
    expect(ticked).to_have_count(2)
    page.goto("/courses/between-sessions-online/")
    page.get_by_role("button", name="Enroll", exact=True).first.click()
    page.wait_for_url("**/learn/*/")

    assert count > 0
    assert asked == {"q": ["consent"], "format": ["text"], "price": ["free"], "sort": ["shortest"]}
    context.close()


PAGES = {
    None: [
        "/",
        "/courses/",
        "/courses/?q=nothing-has-these-words",
        f"/courses/?q={'x' * 200}&format=in-person&price=free&hours_from={'9' * 40}",
        "/courses/?q=trauma&format=text&format=recorded&hours_from=2&hours_to=1&sort=soonest",
        "/courses/?format=in-person&price=free&hours_from=6",
        f"/courses/{COURSE}/",
        "/courses/dual-relationships-in-small-communities/",
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/password/reset/",
        "/verify/",
        "/verify/?code=",
        "/verify/CEP-0000-0000-0000-0000/",
        "/nowhere/",
    ],
    "clinician@example.com": [
        "/",
        "/courses/",
        "/transcript/",
        "/transcript/?since=2026-12-31&through=2026-01-01",
        "certificate",
        "/profile/",
        "/profile/mail/",
        "/licenses/",
        "/supervision/",
        "/accounts/email/",
        "/accounts/password/change/",
    ],
    "supervisor@example.com": ["/supervision/", "/supervision/people/", "trainee"],
}


@pytest.mark.parametrize("who", [None, "clinician@example.com", "supervisor@example.com"])
def test_every_page_is_accessible_in_light_dark_and_on_a_phone(watched, who, tmp_path):
    page = watched.page
    if who:
        sign_in(page, who)
    found = []
    sources = {}
    for address in PAGES[who]:
        if address == "trainee":
            page.goto("/supervision/")
            page.get_by_role("link", name="Priya Raman").first.click()
        elif address == "certificate":
            page.goto("/transcript/")
            document = page.locator("a[href^='/certificates/'][href$='.pdf']").first.get_attribute(
                "href"
            )
            page.goto(f"/verify/{document.split('/')[-1].removesuffix('.pdf')}/")
        else:
            page.goto(address)
        found += watched.violations()
        sources[page.url] = page.request.get(page.url).text()
    found += html_errors(sources, tmp_path)

    assert found == []


def test_the_course_room_is_accessible_at_every_step(watched, tmp_path):
    page = watched.page
    sign_in(page, "supervisor@example.com")
    page.goto(f"/courses/{COURSE}/")
    page.get_by_role("button", name="Enroll", exact=True).first.click()
    page.wait_for_url("**/learn/*/")
    room = page.url
    course = read_course(demo.CATALOG / f"{COURSE}.md")
    found = watched.violations()
    sources = {page.url: page.request.get(page.url).text()}

    for lesson in course.lessons:
        page.goto(f"{room}lessons/{lesson.key}/")
        if lesson is course.lessons[0]:
            found += watched.violations()
            sources[page.url] = page.request.get(page.url).text()
        page.get_by_role("button", name="Mark as read").click()
        page.wait_for_url(lambda url, key=lesson.key: f"/lessons/{key}/" not in url)
    found += watched.violations()
    page.get_by_role("button", name="Hand in").click()
    found += watched.violations()
    for question in course.head.post_test.questions:
        answer(page, question)
    page.get_by_role("button", name="Hand in").click()
    found += watched.violations()
    sources[page.url] = page.request.get(page.url).text()
    page.goto(f"{room}evaluation/")
    found += watched.violations()
    sources[page.url] = page.request.get(page.url).text()
    found += html_errors(sources, tmp_path)

    assert found == []


def test_a_killed_worker_comes_back_and_finishes_its_work(portal, watched):
    """The certificate of work done while the worker is dead arrives after all."""
    before = worker_ids(portal)
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    deadline = time.monotonic() + 20
    while not (alive := worker_ids(portal)) or alive & before:
        assert time.monotonic() < deadline
        time.sleep(0.2)

    assert "worker process ended" in portal.log.read_text()


def worker_ids(portal: Portal) -> set[int]:
    """Process ids of this portal's worker."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if b"\0worker\0" in command and str(portal.var).encode() in environment:
            found.add(int(folder.name))
    return found


def test_a_second_start_says_so_and_a_stop_leaves_nothing_behind(tmp_path):
    port = free_port()
    portal = start_portal(tmp_path, port)

    second = subprocess.run(
        ["make", "run", f"PORT={port}"],
        cwd=ROOT,
        env=environment_of_a_person(tmp_path),
        capture_output=True,
        text=True,
    )
    assert "running already" in second.stderr
    code = portal.stop()

    assert worker_ids(portal) == set()
    assert "Stopped." in portal.log.read_text()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert code in {0, 2, -2, 130}

    # The data is still there.
    again = start_portal(tmp_path, port)
    answered = urllib.request.urlopen(f"{again.url}/courses/").read().decode()
    again.stop()
    assert "Informed Consent" in answered or "courses" in answered
