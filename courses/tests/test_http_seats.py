"""Sixty people press “Enroll” in the same second, over HTTP, at a portal that really runs.

`make test-browser` starts the portal of `make run`, on SQLite. With DATABASE_URL and REDIS_URL set,
`pytest -m browser courses/tests/test_http_seats.py` starts the web server of production instead,
on a PostgreSQL database and a Redis of its own.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from threading import Barrier
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from courses.tests.test_browser import ROOT, environment_of_a_person, free_port, start_portal

pytestmark = pytest.mark.browser

PEOPLE = 60
SEATS = 10
PATIENCE = 120  # seconds

# Run in the portal's own environment. Whoever comes later in the list joined later.
MAKE = f"""
import json
from datetime import timedelta
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils import timezone
from accounts.models import User
from courses.tests.factories import SessionFactory

store = import_module(settings.SESSION_ENGINE).SessionStore
keys = []
for number in range({PEOPLE}):
    mail = f"person{{number}}@example.com"
    user = User.objects.create_user(mail, legal_name=f"Person {{number}}")
    session = store()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    keys.append(session.session_key)
date = SessionFactory(
    course__key="sixty-at-once", capacity={SEATS}, starts_at=timezone.now() + timedelta(days=9)
)
print(json.dumps({{"keys": keys, "slug": date.course.slug, "session": date.pk}}))
"""
COUNT = """
import json
from courses.models import Session
date = Session.objects.get(course__key="sixty-at-once")
line = date.waitlist.in_order().with_position()
print(json.dumps({
    "seated": date.enrollments.open().count(),
    "waiting": list(line.values_list("state", "position")),
    "people": len({*date.waitlist.values_list("learner", flat=True),
                   *date.enrollments.values_list("learner", flat=True)}),
}))
"""


@dataclass
class Server:
    """A portal of its own: where it listens, what it calls itself, its environment."""

    port: int
    scheme: str
    environment: dict[str, str]

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, script: str):
        return json.loads(self.manage("shell", "--no-imports", "-c", script).splitlines()[-1])


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    var = tmp_path_factory.mktemp("var")
    if "DATABASE_URL" in os.environ and "REDIS_URL" in os.environ:
        with ExitStack() as stack:
            yield start_production(var, stack)
    else:
        port = free_port()
        portal = start_portal(var, port)
        yield Server(port, "http", environment_of_a_person(var))
        portal.stop()


def start_production(var: Path, stack: ExitStack) -> Server:
    """Granian with two processes, PostgreSQL and Redis; all of it goes when the stack unwinds."""
    address = urlsplit(os.environ["DATABASE_URL"])
    name = f"seats_over_http_{os.getpid()}"
    admin = stack.enter_context(psycopg.connect(address.geturl(), autocommit=True))
    admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    stack.callback(admin.execute, SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
    port, redis_port = free_port(), free_port()
    server = Server(
        port,
        "https",
        {
            **environment_of_a_person(var),
            "DATABASE_URL": address._replace(path=f"/{name}").geturl(),
            "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
            "SECRET_KEY": "made up for a test, and long enough not to be warned about",
            "ALLOWED_HOSTS": "localhost",
            "EMAIL_URL": "smtp://127.0.0.1:9",
            "DEFAULT_FROM_EMAIL": "portal@portal.example",
            "SITE_URL": f"https://localhost:{port}",
            "BEHIND_PROXY": "true",
        },
    )
    start(stack, ["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", ""])
    until_it_listens(redis_port)
    server.manage("migrate", "--verbosity=0")
    server.manage("load_reference")
    server.manage("collectstatic", "--noinput", "--verbosity=0")
    start(
        stack,
        [
            str(Path(sys.executable).parent / "granian"),
            "--interface=wsgi",
            "--host=127.0.0.1",
            f"--port={port}",
            "--workers=2",
            "--blocking-threads=4",
            "--log-level=warning",
            "ce_portal.wsgi:application",
        ],
        server.environment,
    )
    until_it_listens(port)
    return server


def start(stack: ExitStack, command: list[str], environment: dict[str, str] | None = None) -> None:
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )

    def stop() -> None:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)

    stack.callback(stop)


def until_it_listens(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"Nothing listens at {port}.")


class Visitor:
    """A browser's session: cookies, and what each request was answered."""

    def __init__(self, server: Server, key: str) -> None:
        self.server = server
        self.cookies = {"sessionid": key}
        self.statuses: list[int] = []

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[str, str]:
        """The body, and where it leads if it does."""
        place = f"localhost:{self.server.port}"
        headers = {
            "Host": place,
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Referer": f"{self.server.scheme}://{place}{path}",
            "X-Forwarded-Proto": self.server.scheme,
        }
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        try:
            connection.request(
                "GET" if form is None else "POST", path, form and urlencode(form), headers
            )
            answer = connection.getresponse()
            body = answer.read().decode()
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie") or []:
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        self.statuses.append(answer.status)
        return body, answer.headers.get("Location", "")

    def enroll_or_wait(self, slug: str, session: int, together: Barrier) -> str:
        page = f"/courses/{slug}/"
        body, _ = self.ask(page)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', body)
        assert token, body[:500]
        form = {"session": str(session), "csrfmiddlewaretoken": token.group(1)}
        together.wait(PATIENCE)
        _, leads_to = self.ask(f"{page}enroll/", form)
        if leads_to.startswith("/learn/"):
            return "seated"
        _, leads_to = self.ask(f"{page}waitlist/", form)
        body, _ = self.ask(page)
        return "waiting" if re.search(r"You are number \d+ on the waitlist", body) else leads_to


def test_sixty_at_once_take_ten_seats_and_the_rest_wait_in_order(server):
    made = server.run(MAKE)
    visitors = [Visitor(server, key) for key in made["keys"]]
    together = Barrier(PEOPLE)

    with ThreadPoolExecutor(max_workers=PEOPLE) as pool:
        outcomes = Counter(
            pool.map(
                lambda visitor: visitor.enroll_or_wait(made["slug"], made["session"], together),
                visitors,
                timeout=PATIENCE,
            )
        )

    counted = server.run(COUNT)
    assert outcomes == {"seated": SEATS, "waiting": PEOPLE - SEATS}
    assert {status for visitor in visitors for status in visitor.statuses} == {200, 302}
    assert (counted["seated"], counted["people"]) == (SEATS, PEOPLE)
    line = [["waiting", place] for place in range(1, PEOPLE - SEATS + 1)]
    assert counted["waiting"] == line
