"""Two hundred people finish a webinar at once: how long until each has credit and certificate.

Runs the real processes (web, worker, beat) on a database and a folder of its own, sends the last
step of everybody over HTTP at the same moment, waits for the last certificate, and counts what was
lost or doubled. The floor is the bare drawing and signing of as many certificates in one process,
in the same run.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from courses import attendance, demo, enrollment, evaluation, post_test
from courses.management.sign_in import cookie_of
from courses.models import Completion, Course, Enrollment, Session
from transcripts import drawing
from transcripts.models import Certificate, CreditEntry

START_LIMIT = 90  # seconds until the web process must answer
FINISH_LIMIT = 600  # seconds until the last certificate must be there
POLL = 0.1  # seconds
MINUTES = 90  # of the webinar


class Command(BaseCommand):
    help = (
        "Let many people finish a webinar at the same moment, through the real processes. Needs a "
        "database of its own (VAR_DIR, or DATABASE_URL and REDIS_URL): it is filled with people."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--people", type=int, default=200)
        parser.add_argument("--out", type=Path, help="file that gets the figures as a line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        people = options["people"]
        _prepare()
        port = _free_port()
        with _processes(port):
            seats = _fill(people)
            figures = _finish_all(seats, port)
        figures |= {"database": connection.vendor, "people": people}
        figures["drawing"] = _bare_drawing(seats)
        self._print(figures)
        if options["out"]:
            with options["out"].open("a") as file:
                file.write(json.dumps(figures) + "\n")
        if figures["lost"] or figures["doubled"] or figures["refused"]:
            raise CommandError("Something was lost, doubled or refused: see above.")

    def _print(self, figures: dict[str, Any]) -> None:
        floor = figures["drawing"]
        say = self.stdout.write
        say(f"{figures['people']} people finish a webinar at once, {figures['database']}:")
        for what, name in (
            ("answered", "the last page is answered"),
            ("credited", "all have their credit"),
            ("certified", "all have their certificate"),
        ):
            say(f"  {name:30}{figures[what]:>8.1f} s{figures[what] / floor:>8.1f} x bare drawing")
        say(f"  {'a page, median':30}{figures['page']:>8.2f} s")
        say(f"  {'bare drawing of as many':30}{floor:>8.1f} s")
        say(f"  lost {figures['lost']}, doubled {figures['doubled']}, refused {figures['refused']}")


# --- Before -----------------------------------------------------------------


def _prepare() -> None:
    call_command("migrate", verbosity=0, interactive=False)
    call_command("load_reference", stdout=open(os.devnull, "w"))  # noqa: SIM115
    call_command("collectstatic", verbosity=0, interactive=False)
    if not Course.objects.exists():
        call_command("import_courses", str(demo.CATALOG), stdout=open(os.devnull, "w"))  # noqa: SIM115


def _fill(people: int) -> list[Enrollment]:
    """A webinar that ended a minute ago; everybody attended, passed, and has still to evaluate."""
    at = timezone.now()
    course = (
        Course.objects.published()
        .filter(format=Course.Format.LIVE_WEBINAR, requires_lessons=False)
        .order_by("pk")
        .first()
    )
    if course is None:
        raise CommandError("There is no webinar in this catalog.")
    began = at - timedelta(minutes=MINUTES + 1)
    session = Session.objects.create(
        course=course,
        key=f"bench-{at:%Y%m%d%H%M%S}",
        starts_at=began,
        ends_at=began + timedelta(minutes=MINUTES),
        time_zone="America/New_York",
        join_url="https://meet.example/bench",
        capacity=people,
        attendance_minutes=MINUTES - 10,
    )
    host, _ = User.objects.get_or_create(
        email="host@bench.example", defaults={"legal_name": "Bench Host"}
    )
    return [_one(session, host, number, at=at) for number in range(people)]


@transaction.atomic
def _one(session: Session, host: User, number: int, *, at: datetime) -> Enrollment:
    learner = User.objects.create_user(
        f"{session.key}-{number}@bench.example", legal_name=f"Person Number {number + 1}"
    )
    held = enrollment.enroll(
        learner=learner,
        course=session.course,
        session=session,
        at=session.starts_at - timedelta(days=1),
    )
    attendance.record(
        enrollment=held,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        reason="Bench",
        by=host,
        at=at,
    )
    if "post_test" in held.requirements:
        attempt = post_test.begin(enrollment=held, at=at)
        right = {
            question["question"]: [c["choice"] for c in question["choices"] if c["is_right"]]
            for question in attempt.shown
        }
        post_test.hand_in(attempt=attempt, chosen=right, at=at)
    return held


# --- The processes ----------------------------------------------------------


@contextlib.contextmanager
def _processes(port: int) -> Iterator[None]:
    """Web, worker and beat as they run in this mode."""
    environment = {**os.environ, "BEHIND_PROXY": "true"}
    started = [
        subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603
        for command in _commands(port)
    ]
    try:
        _wait_until_up(port)
        yield
    finally:
        for process in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            process.wait(30)


def _commands(port: int) -> list[list[str]]:
    if settings.EMBEDDED:
        return [[sys.executable, "manage.py", "run_portal", "--port", str(port)]]
    programs = Path(sys.executable).parent
    celery = [str(programs / "celery"), "--app=ce_portal", "--quiet"]
    return [
        [
            str(programs / "granian"),
            "--interface=wsgi",
            "--host=127.0.0.1",
            f"--port={port}",
            "--workers=2",
            "--blocking-threads=4",
            "--log-level=warning",
            "ce_portal.wsgi:application",
        ],
        [*celery, "worker", "--loglevel=warning", "--concurrency=2"],
        [*celery, "beat", "--loglevel=warning", "--pidfile="],
    ]


def _wait_until_up(port: int) -> None:
    deadline = time.monotonic() + START_LIMIT
    health = urllib.request.Request(
        f"http://127.0.0.1:{port}/healthz", headers={"Host": settings.ALLOWED_HOSTS[0]}
    )
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(health, timeout=2)  # noqa: S310
            return
        time.sleep(POLL)
    raise CommandError(f"The portal did not answer within {START_LIMIT} seconds.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# --- The moment -------------------------------------------------------------


def _finish_all(seats: list[Enrollment], port: int) -> dict[str, Any]:
    course = seats[0].course
    answers = {
        question.code: 5 if question.kind == evaluation.RATING else ""
        for question in evaluation.questions_of(course)
    }
    visitors = [_Visitor(held, port) for held in seats]
    with ThreadPoolExecutor(max_workers=len(visitors)) as pool:
        for opened in pool.map(_Visitor.open, visitors):
            if opened != 200:
                raise CommandError(f"The evaluation answered {opened}.")
        begun = time.monotonic()
        statuses = list(pool.map(lambda visitor: visitor.hand_in(answers), visitors))
    answered = time.monotonic() - begun
    mine = Enrollment.objects.filter(pk__in=[held.pk for held in seats])
    completions = Completion.objects.filter(enrollment__in=mine)
    entries = CreditEntry.objects.filter(completion__in=completions)
    drawn = Certificate.objects.filter(entry__in=entries).exclude(pdf="")
    credited = _until(lambda: entries.count() >= len(seats), begun)
    certified = _until(lambda: drawn.count() >= len(seats), begun)
    per_person = CreditEntry.objects.filter(holder__in=mine.values("learner"))
    files = set(drawn.values_list("pdf", flat=True))
    return {
        "answered": answered,
        "credited": credited,
        "certified": certified,
        "page": statistics.median(visitor.taken for visitor in visitors),
        "refused": sum(status != 302 for status in statuses),
        "lost": len(seats) - min(completions.count(), drawn.count(), len(files)),
        "doubled": max(per_person.count(), len(files)) - len(seats),
    }


def _until(holds: Any, begun: float) -> float:
    while not holds():
        if time.monotonic() - begun > FINISH_LIMIT:
            break
        time.sleep(POLL)
    return time.monotonic() - begun


class _Visitor:
    """One learner's browser, as far as the last step needs one."""

    def __init__(self, held: Enrollment, port: int) -> None:
        self.path = reverse("courses:evaluation", args=[held.pk])
        self.port = port
        self.cookie = cookie_of(held.learner)
        self.taken = 0.0

    def open(self) -> int:
        response, text = self._ask("GET")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)
        given = re.search(r"csrftoken=(\w+)", response.headers.get("Set-Cookie", ""))
        self.token = token[1] if token else ""
        if given:
            self.cookie += f"; csrftoken={given[1]}"
        return response.status

    def hand_in(self, answers: dict[str, Any]) -> int:
        begun = time.monotonic()
        response, _ = self._ask("POST", {**answers, "csrfmiddlewaretoken": self.token})
        self.taken = time.monotonic() - begun
        return response.status

    def _ask(
        self, verb: str, form: dict[str, Any] | None = None
    ) -> tuple[http.client.HTTPResponse, str]:
        host = settings.ALLOWED_HOSTS[0]
        headers = {
            "Host": host,
            "Cookie": self.cookie,
            "X-Forwarded-Proto": "https",
            "Referer": f"{'http' if settings.EMBEDDED else 'https'}://{host}{self.path}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=FINISH_LIMIT)
        asked.request(verb, self.path, urlencode(form) if form else None, headers)
        response = asked.getresponse()
        text = response.read().decode()
        asked.close()
        return response, text


# --- The floor --------------------------------------------------------------


def _bare_drawing(seats: list[Enrollment]) -> float:
    """Seconds to draw and sign as many certificates, one after the other, and nothing else."""
    at = timezone.now()
    issued = list(
        Certificate.objects.filter(
            entry__completion__enrollment__in=[held.pk for held in seats]
        ).select_related("entry")
    )
    drawing.signed_document(issued[0], at=at)
    begun = time.monotonic()
    for certificate in issued:
        drawing.signed_document(certificate, at=at)
    return time.monotonic() - begun
