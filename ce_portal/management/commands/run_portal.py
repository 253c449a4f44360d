"""manage.py run_portal: the whole portal on one computer, started and stopped together.

Web, worker and beat are processes of their own. One that dies is started again; Ctrl-C stops all.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from ce_portal.celery import app as celery_app

HOST = "127.0.0.1"
START_LIMIT = 60  # seconds until the web process must answer
STOP_LIMIT = 10  # seconds until a process that does not end is killed
QUICK_DEATH = 5  # seconds; a process that lives shorter counts as failing
MOST_QUICK_DEATHS = 5
POLL = 0.2  # seconds
OPEN_ADMIN = (
    "Note: a password alone opens the admin, which suits one computer only. "
    "STAFF_SECOND_FACTOR=true asks staff for a second factor."
)


class _Stop(Exception):
    """Ctrl-C, or the process manager says stop."""


class Child:
    """One process of the portal, started again when it dies."""

    def __init__(self, name: str, command: list[str], lock: IO[str]) -> None:
        self.name = name
        self.command = command
        self.lock = lock
        self.quick_deaths = 0
        self.start()

    def start(self) -> None:
        # A session of its own: Ctrl-C at the terminal reaches us alone, and we stop the children.
        # The lock's file stays open in each child: it is held as long as one of them lives.
        self.process = subprocess.Popen(  # noqa: S603
            self.command, start_new_session=True, pass_fds=[self.lock.fileno()]
        )
        self.started = time.monotonic()

    def watch(self) -> str | None:
        """Start it again if it died; the sentence to print about that."""
        code = self.process.poll()
        if code is None:
            return None
        lived = time.monotonic() - self.started
        self.quick_deaths = self.quick_deaths + 1 if lived < QUICK_DEATH else 0
        if self.quick_deaths >= MOST_QUICK_DEATHS:
            raise CommandError(f"The {self.name} process does not stay up; its message is above.")
        self.start()
        return f"The {self.name} process ended (code {code}) and was started again."

    def stop(self) -> None:
        self._signal(signal.SIGTERM)

    def wait(self, until: float) -> None:
        try:
            self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self.process.wait()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


class Command(BaseCommand):
    help = "Run the portal on this computer: web, worker and beat, with all that they need."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", default="8000", help="the port on 127.0.0.1")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError(
                "This runs the portal on one computer, without DATABASE_URL and REDIS_URL. "
                "For production see “Production” in the README."
            )
        port = self._port(options["port"])
        with _one_line_for_a_full_disk(), self._lock() as lock:
            _refuse_a_taken_port(port)
            os.environ.setdefault("SITE_URL", f"http://localhost:{port}")
            self._prepare()
            self._run(port, lock)

    # --- Before ---

    def _port(self, text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= 65535:
            raise CommandError(f"PORT must be a number from 1 to 65535; here is “{text}”.")
        return int(text)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[IO[str]]:
        path = settings.VAR_DIR / "run.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+") as lock:
            os.set_inheritable(lock.fileno(), True)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                where = lock.read().strip()
                raise CommandError(
                    f"The portal of this folder is running already ({where or 'starting'}). "
                    "Stop it first, with Ctrl-C where it runs."
                ) from None
            yield lock

    def _prepare(self) -> None:
        self._say("Preparing the database …")
        call_command("migrate", verbosity=0, interactive=False)
        call_command("load_reference", stdout=open(os.devnull, "w"))  # noqa: SIM115
        _make_queues()
        call_command("load_demo", stdout=self.stdout)
        call_command("collectstatic", verbosity=0, interactive=False)
        for folder in ("mail", "media"):
            (settings.VAR_DIR / folder).mkdir(exist_ok=True)

    # --- Running ---

    def _run(self, port: int, lock: IO[str]) -> None:
        def stop(number: int, frame: object) -> None:
            raise _Stop

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        children: list[Child] = []
        try:
            for name, command in _commands(port).items():
                children.append(Child(name, command, lock))
            self._wait_until_up(port, children)
            address = f"http://localhost:{port}"
            lock.truncate(0)
            lock.write(f"{address}, process {os.getpid()}\n")
            lock.flush()
            if not settings.STAFF_SECOND_FACTOR:
                self._say(OPEN_ADMIN)
            self._say(f"CE Portal is at {address}   (Ctrl-C stops it)")
            while True:
                time.sleep(POLL)
                for child in children:
                    sentence = child.watch()
                    if sentence:
                        self._say(sentence)
        except _Stop:
            self._say("Stopping …")
        finally:
            # From here on a second Ctrl-C must not leave a process behind.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            until = time.monotonic() + STOP_LIMIT
            for child in children:
                child.stop()
            for child in children:
                child.wait(until)
            lock.truncate(0)
        self._say("Stopped.")

    def _wait_until_up(self, port: int, children: list[Child]) -> None:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            for child in children:
                child.watch()
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=2)
                return
            time.sleep(POLL)
        raise CommandError(f"The portal did not answer within {START_LIMIT} seconds.")

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()


def _commands(port: int) -> dict[str, list[str]]:
    programs = Path(sys.executable).parent
    celery = [str(programs / "celery"), "--app=ce_portal", "--quiet"]
    return {
        "web": [
            str(programs / "granian"),
            "--interface=wsgi",
            f"--host={HOST}",
            f"--port={port}",
            "--workers=1",
            "--blocking-threads=4",
            "--log-level=warning",
            "ce_portal.wsgi:application",
        ],
        "worker": [
            *celery,
            "worker",
            "--pool=solo",
            "--loglevel=warning",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ],
        "beat": [*celery, "beat", "--loglevel=warning", "--pidfile="],
    }


def _make_queues() -> None:
    """Two processes that make the embedded broker's tables at once collide: make them first."""
    with celery_app.connection_for_write() as connection:
        for queue in celery_app.amqp.queues.values():
            queue(connection.default_channel).declare()


def _refuse_a_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise CommandError(
                f"Port {port} needs rights that you do not have. Use PORT=8000."
            ) from None
        except OSError:
            raise CommandError(
                f"Port {port} is taken by another program. Choose one: make run PORT={port + 1}"
            ) from None


@contextlib.contextmanager
def _one_line_for_a_full_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise CommandError(f"The disk of {settings.VAR_DIR} is full.") from None
        if error.errno in {errno.EACCES, errno.EROFS}:
            raise CommandError(f"{settings.VAR_DIR} cannot be written: {error.strerror}.") from None
        raise
    except OperationalError as error:
        if "full" in str(error):
            raise CommandError(f"The disk of {settings.VAR_DIR} is full.") from None
        raise
