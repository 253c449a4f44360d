"""What browser tests share (a pytest plugin): a portal, Chromium, and what must not happen."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
REST_LIMIT = 10  # seconds until a page has stopped moving
START_LIMIT = 180  # seconds; the first start installs and loads everything
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass
class Portal:
    """A portal of its own: process, address, folder."""

    process: subprocess.Popen
    url: str
    var: Path
    log: Path

    def stop(self) -> int:
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment_of_a_person(var: Path) -> dict[str, str]:
    """Without what the tests themselves set."""
    ours = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "VAR_DIR": str(var)}


def start_portal(var: Path, port: int) -> Portal:
    log = var / "run.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "run", f"PORT={port}"],
            cwd=ROOT,
            env=environment_of_a_person(var),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    portal = Portal(process, f"http://localhost:{port}", var, log)
    deadline = time.monotonic() + START_LIMIT
    while "CE Portal is at" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
    return portal


@pytest.fixture(scope="module")
def portal(tmp_path_factory) -> Iterator[Portal]:
    portal = start_portal(tmp_path_factory.mktemp("var"), free_port())
    yield portal
    if portal.process.poll() is None:
        portal.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
            ],
        )
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page and everything on it that must not have happened."""

    page: Page
    faults: list[str] = field(default_factory=list)
    is_paused: bool = False

    def note(self, fault: str) -> None:
        if not self.is_paused:
            self.faults.append(f"{self.page.url} {fault}")

    def violations(self) -> list[str]:
        """What axe finds on the page. Axe sets styles of its own, which the policy reports."""
        self.is_paused = True
        try:
            return violations(self.page)
        finally:
            self.is_paused = False


@pytest.fixture
def watched(browser, portal) -> Iterator[Watched]:
    context = browser.new_context(
        base_url=portal.url, viewport=DESKTOP, timezone_id="America/New_York"
    )
    page = context.new_page()
    watched = Watched(page)
    # A page that says no with a proper status (404, 422) is also an "error" in the console, and so
    # is a request of htmx that a newer one took the place of.
    refusal = re.compile(r"status of 4(04|22)|^htmx:(afterRequest|sendAbort)")
    page.on(
        "console",
        lambda message: (
            watched.note(f"console: {message.text}")
            if message.type in {"error", "warning"} and not refusal.search(message.text)
            else None
        ),
    )
    page.on("pageerror", lambda error: watched.note(f"error: {error}"))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((portal.url, "data:", "blob:"))
            else watched.note(f"asks elsewhere: {request.url}")
        ),
    )
    page.on(
        "response",
        lambda response: (
            watched.note(f"got {response.status} for {response.url}")
            if response.status >= 400 and not response.request.is_navigation_request()
            else None
        ),
    )
    yield watched
    context.close()
    assert watched.faults == []


def violations(page: Page) -> list[str]:
    """What axe finds on the page, in light and dark, wide and narrow."""
    found = []
    for theme in ("light", "dark"):
        for size in (DESKTOP, PHONE):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.set_viewport_size(size)
            # Axe measures contrast: nothing may be half-way through a change of color.
            wait_for_rest(page)
            results = Axe().run(page, options={"resultTypes": ["violations"], "preload": False})
            for violation in results.response["violations"]:
                nodes = "; ".join(node["html"][:200] for node in violation["nodes"][:3])
                found.append(f"{page.url} {theme} {size['width']}: {violation['id']}: {nodes}")
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > size["width"]:
                found.append(f"{page.url} {size['width']}: scrolls sideways to {width}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(DESKTOP)
    return found


VALIDATOR = ROOT / ".tools" / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"


def wait_for_rest(page: Page) -> None:
    """Until nothing moves but what moves for ever, such as the sign that something is prepared.

    Asked from here: a page that waits by itself evaluates text, which its policy forbids.
    """
    deadline = time.monotonic() + REST_LIMIT
    while page.evaluate(
        "document.getAnimations().some("
        "(each) => each.effect.getComputedTiming().iterations !== Infinity)"
    ):
        assert time.monotonic() < deadline, f"{page.url} does not come to rest."
        time.sleep(0.05)


def html_errors(sources: dict[str, str], folder: Path) -> list[str]:
    """What the W3C checker says of each page's source."""
    assert VALIDATOR.is_file(), "The W3C checker is missing: .ci/install fetches it."
    for number, (address, source) in enumerate(sources.items()):
        (folder / f"{number}.html").write_text(f"<!-- {address} -->\n{source}")
    checked = subprocess.run(
        ["java", "-jar", VALIDATOR, "--errors-only", "--format", "gnu", folder],
        capture_output=True,
        text=True,
    )
    # htmx reads attributes of its own.
    # SVG 2 gives every shape a pathLength; the checker knows SVG 1.1. On phones our tables are
    # shown as entries, which takes their roles away in browsers, so they are written out.
    known = re.compile(r"“hx-[a-z-]+”|“pathLength”|“role” attribute must not be used on a “t[rdh]”")
    return [line for line in checked.stderr.splitlines() if not known.search(line)]
