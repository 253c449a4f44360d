"""The portal's real processes, started for a benchmark and stopped after it."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from ce_portal.celery import app as celery_app
from courses import demo
from courses.models import Course

START_LIMIT = 90  # seconds until the web process must answer
STOP_LIMIT = 60  # seconds until a process that does not end is killed
POLL = 0.1  # seconds


def prepare() -> None:
    """Tables, reference data, static files; the catalog of the demonstration if there is none."""
    call_command("migrate", verbosity=0, interactive=False)
    call_command("load_reference", stdout=open(os.devnull, "w"))  # noqa: SIM115
    call_command("collectstatic", verbosity=0, interactive=False)
    if not Course.objects.exists():
        call_command("import_courses", str(demo.CATALOG), stdout=open(os.devnull, "w"))  # noqa: SIM115


@contextlib.contextmanager
def portal() -> Iterator[int]:
    """Web, worker and beat as they run in this mode; the port where the web process answers."""
    port = _free_port()
    with running(*_portal(port)):
        wait_until(lambda: _answers(port), limit=START_LIMIT, what="The portal answers")
        yield port


def documents_workers(count: int) -> contextlib.AbstractContextManager[list[int]]:
    """That many workers for documents alone, each one process that draws; their ids."""
    return running(
        *[
            _celery("worker", "--queues=documents", "--concurrency=1", f"--hostname=documents{one}")
            for one in range(count)
        ]
    )


@contextlib.contextmanager
def running(*commands: list[str]) -> Iterator[list[int]]:
    """These commands, each a process group of its own; their ids."""
    environment = {**os.environ, "BEHIND_PROXY": "true"}
    started = [
        subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603
        for command in commands
    ]
    try:
        yield [process.pid for process in started]
    finally:
        # Each lets those that it started end their work.
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def resident() -> float:
    """Bytes of memory that this process holds now."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def empty_queues() -> None:
    """Nobody is to do what making a benchmark's rows has asked of workers."""
    celery_app.control.purge()


class Answering:
    """A process that answers each line of JSON by another; it ends when no more come."""

    def __init__(self, *command: str | Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def tell(self, question: Any) -> None:
        cast(IO[str], self._process.stdin).write(json.dumps(question) + "\n")
        cast(IO[str], self._process.stdin).flush()

    def hear(self) -> Any:
        return json.loads(cast(IO[str], self._process.stdout).readline())

    def __enter__(self) -> Answering:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.communicate()


def wait_until(
    holds: Callable[[], bool], *, limit: float, what: str = "", poll: float = POLL
) -> float:
    """Seconds until it held. When the limit has passed: CommandError if ``what`` names it."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > limit:
            if what:
                raise CommandError(f"{what}: not within {limit} seconds.")
            break
        time.sleep(poll)
    return time.monotonic() - begun


def _portal(port: int) -> list[list[str]]:
    if settings.EMBEDDED:
        return [[sys.executable, "manage.py", "run_portal", "--port", str(port)]]
    return [
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
        _celery("worker", "--concurrency=2"),
        _celery("beat", "--pidfile="),
    ]


def _celery(what: str, *options: str) -> list[str]:
    program = str(Path(sys.executable).parent / "celery")
    return [program, "--app=ce_portal", "--quiet", what, "--loglevel=warning", *options]


def _answers(port: int) -> bool:
    health = urllib.request.Request(
        f"http://127.0.0.1:{port}/healthz", headers={"Host": settings.ALLOWED_HOSTS[0]}
    )
    try:
        urllib.request.urlopen(health, timeout=2)  # noqa: S310
    except (urllib.error.URLError, OSError):
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
