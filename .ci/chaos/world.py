"""One mode of the portal with all its processes, and what a round does to it."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import redis
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, close_old_connections, connection

from ce_portal.celery import app
from chaos import hurry, learners, traps
from chaos.audit import Findings, examine, unrest
from chaos.mailbox import Mailbox
from chaos.processes import CELERY, ChaosError, Child, Children, Postgres, Redis, wait_until
from chaos.traps import Deed, Point
from courses.models import Course, Enrollment

START_LIMIT = 120  # seconds until all processes work
QUIET_LIMIT = 60  # seconds until all must be as if nothing had happened
TRAP_LIMIT = 45  # seconds until the pipeline must have come to a trap
MOST_TRIES = 20  # of a learner, until their credit is given


class World:
    """The portal of one mode: embedded, or PostgreSQL and Redis."""

    def __init__(
        self, folder: Path, mailbox: Mailbox, postgres: Postgres | None, broker: Redis | None
    ) -> None:
        self.folder, self.mailbox, self.postgres, self.redis = folder, mailbox, postgres, broker
        self.is_embedded = settings.EMBEDDED
        self.media = Path(settings.MEDIA_ROOT)
        self.children = Children()
        self.course: Course
        # Of the round at hand.
        self.dice = Random()
        self.cohort: list[Enrollment] = []
        self.may_resend = 0
        self.draws_once = False
        self.harmed_at = 0.0

    # --- The world itself ---

    def build(self) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        self.media.mkdir(parents=True, exist_ok=True)
        self.make_queues()
        self.course = learners.new_course()
        self.start_all()

    def start_all(self, *, workers: int = 1, beats: int = 1, **environment: str) -> None:
        """Workers by the queues of the README, or as `make run` starts them; and beat."""
        for number in range(workers):
            if self.is_embedded:
                self._start(f"worker-{number}", "worker", "--pool=solo", *_QUIET, **environment)
            else:
                for queues, at_once in (("documents", 2), ("mail", 1), ("bulk,celery", 1)):
                    self._start(
                        f"{queues}-{number}",
                        *("worker", f"--queues={queues}", f"--concurrency={at_once}"),
                        *("-n", f"{queues}-{number}@chaos"),
                        **environment,
                    )
        for number in range(beats):
            schedule = self.folder / f"beat-{number}"
            self._start(
                f"beat-{number}", "beat", "--pidfile=", f"--schedule={schedule}", **environment
            )
        self._warm_up()

    def _warm_up(self) -> None:
        """All work, and have loaded what they need: a round measures no start."""
        traps.disarm()
        self.cohort = learners.ready(self.course, count=2)
        self.complete()
        wait_until(lambda: not unrest(self.cohort), limit=START_LIMIT, what="The first documents")

    def restart_all(self, *, workers: int = 1, beats: int = 1, **environment: str) -> None:
        self.children.stop()
        self.start_all(workers=workers, beats=beats, **environment)

    def end(self) -> None:
        self.children.end()
        self.mailbox.close()
        connection.close()
        if self.postgres:
            self.postgres.stop()
        if self.redis:
            self.redis.stop()

    def _start(self, name: str, *arguments: str, **environment: str) -> None:
        log = self.folder / f"{name}.log"
        command = [*CELERY, *arguments, "--loglevel=warning"]
        self.children.start(Child(name, command, log, **environment))

    # --- A round ---

    def begin(self, dice: Random) -> None:
        """A new round, with learners of its own."""
        traps.disarm()
        self.dice = dice
        self.may_resend, self.draws_once = 0, False
        self.cohort = learners.ready(self.course, count=dice.randint(2, 4))
        self.harm()

    def harm(self) -> None:
        """From now on the time until all is quiet is counted."""
        self.harmed_at = time.monotonic()

    def arm(self, point: Point, deed: Deed, *, of: int | None = None) -> None:
        """One of so many that come there steps into it; of the whole cohort unless said."""
        traps.arm(point, deed, skip=self.dice.randrange(of or len(self.cohort)))

    def wait_for_trap(self, point: Point) -> None:
        """Raises ChaosError if nothing comes there: such a round has tried nothing."""
        wait_until(
            lambda: traps.has_sprung(point), limit=TRAP_LIMIT, what=f"The trap at {point} sprang"
        )
        self.harm()

    def complete(self) -> None:
        """Each learner presses the button until their credit is given."""
        for _ in range(MOST_TRIES):
            if learners.complete(self.cohort) == 0:
                return
            time.sleep(0.5)
        raise ChaosError(f"Credit was not given in {MOST_TRIES} tries.")

    def complete_once(self) -> None:
        """They press it once, whatever comes of it."""
        learners.complete(self.cohort)

    def settle(self) -> tuple[Findings, float]:
        """Wait until all is quiet, and look. The seconds that it took since the harm."""
        until = time.monotonic() + QUIET_LIMIT
        restless = "?"
        while restless and time.monotonic() < until:
            with contextlib.suppress(DatabaseError):
                restless = unrest(self.cohort)
                if not restless:
                    break
            close_old_connections()
            time.sleep(0.1)
        took = time.monotonic() - self.harmed_at
        # Each time a lease could run out, another attempt is right.
        most_attempts = 1 + int(took // hurry.LEASE) if self.draws_once else 0
        found = examine(
            self.cohort,
            media=self.media,
            messages=self.mailbox.messages(),
            may_resend=self.may_resend,
            most_attempts=most_attempts,
        )
        if restless:
            found.lost.append(f"not quiet after {QUIET_LIMIT} seconds: {restless}")
        return found, took

    # --- What can happen to it ---

    def document_workers(self) -> list[Child]:
        names = ("worker", "documents")
        return [child for child in self.children.all() if child.name.startswith(names)]

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Nothing runs meanwhile: messages wait in the broker."""
        chosen = self.children.all()
        _signal(chosen, signal.SIGSTOP)
        try:
            while self._holds_a_lock():
                _signal(chosen, signal.SIGCONT)
                time.sleep(0.05)
                _signal(chosen, signal.SIGSTOP)
            yield
        finally:
            _signal(chosen, signal.SIGCONT)

    def _holds_a_lock(self) -> bool:
        """Whether a process is frozen with a SQLite file in its hands."""
        if not self.is_embedded:
            return False
        try:
            for path in (settings.DATABASES["default"]["NAME"], self._broker_file):
                with contextlib.closing(sqlite3.connect(str(path), timeout=0.2)) as file:
                    file.execute("BEGIN EXCLUSIVE")  # who reads holds up the broker's writers
                    file.rollback()
        except sqlite3.OperationalError:
            return True
        return False

    def make_queues(self) -> None:
        """As `make run` does before it starts processes."""
        with app.connection_for_write() as broker:
            for queue in app.amqp.queues.values():
                queue(broker.default_channel).declare()

    def stop_broker(self) -> None:
        if self.redis:
            self.redis.stop()
        else:
            self._broker_file.rename(self._broker_file.with_suffix(".away"))
            self._broker_file.mkdir()

    def start_broker(self) -> None:
        if self.redis:
            self.redis.start()
        else:
            self._broker_file.rmdir()
            self._broker_file.with_suffix(".away").rename(self._broker_file)

    def empty_broker(self) -> None:
        """Every message is gone."""
        if self.redis:
            redis.Redis.from_url(self.redis.url).flushdb()
        else:
            with contextlib.closing(sqlite3.connect(self._broker_file, timeout=10)) as file, file:
                file.execute("DELETE FROM kombu_message")

    def remove_broker_file(self) -> None:
        """Somebody deletes it while all processes run."""
        self._broker_file.unlink()

    def restart_database(self) -> None:
        """PostgreSQL as after a crash; on SQLite another writer holds the file for too long."""
        if self.postgres:
            self.postgres.restart()
            return
        file = str(settings.DATABASES["default"]["NAME"])
        with contextlib.closing(sqlite3.connect(file, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(5)
            other.rollback()

    @contextlib.contextmanager
    def full_storage(self) -> Iterator[None]:
        """The workers that draw can write no byte more than this to any file."""
        size = self.dice.choice([0, 1000, 20_000])
        try:
            for child in self.document_workers():
                child.limit_files(size)
            yield
        finally:
            for child in self.document_workers():
                child.limit_files(-1)

    @contextlib.contextmanager
    def read_only_storage(self) -> Iterator[None]:
        folders = [self.media, *(path for path in self.media.rglob("*") if path.is_dir())]
        traps.READ_ONLY.touch()
        for path in folders:
            path.chmod(0o555)
        try:
            yield
        finally:
            for path in folders:
                path.chmod(0o755)
            traps.READ_ONLY.unlink()

    def clock(self, shift: timedelta) -> None:
        """The clock of workers and beat is wrong by so much."""
        traps.set_clock(shift)

    @property
    def _broker_file(self) -> Path:
        return Path(settings.VAR_DIR) / "broker.sqlite3"


def _signal(children: list[Child], number: int) -> None:
    for child in children:
        child.signal(number)


_QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")
