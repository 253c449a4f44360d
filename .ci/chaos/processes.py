"""The processes of a round: database, broker, workers and beat, started, killed and restarted."""

from __future__ import annotations

import contextlib
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

POLL = 0.1  # seconds
START_LIMIT = 60  # seconds
STOP_LIMIT = 20  # seconds
UNLIMITED = resource.RLIM_INFINITY
PROGRAMS = Path(sys.executable).parent
CELERY = [str(PROGRAMS / "celery"), "--app=ce_portal", "--quiet"]


class ChaosError(Exception):
    """The suite cannot go on, and why."""


def wait_until(holds: Callable[[], bool], *, limit: float, what: str) -> None:
    """Raises ChaosError, which says ``what`` did not come, after so many seconds."""
    until = time.monotonic() + limit
    while not holds():
        if time.monotonic() > until:
            raise ChaosError(f"{what}: not within {limit:.0f} seconds.")
        time.sleep(POLL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Child:
    """One process with its children, started again whenever it dies, like a service."""

    def __init__(self, name: str, command: list[str], log: Path, **environment: str) -> None:
        self.name, self.command, self.log = name, command, log
        self.environment = {**os.environ, **environment}
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, env=self.environment, start_new_session=True
            )

    def watch(self) -> None:
        """Start it again if it died."""
        if self.process.poll() is not None:
            self.signal(signal.SIGKILL)  # its children, if any are left
            self.start()

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def stop(self, *, until: float) -> None:
        try:
            self.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()

    def family(self) -> list[int]:
        """The process and its children."""
        found = [self.process.pid]
        with contextlib.suppress(OSError):
            tasks = Path(f"/proc/{self.process.pid}/task")
            for task in tasks.iterdir():
                found += map(int, (task / "children").read_text().split())
        return found

    def limit_files(self, size: int) -> None:
        """No byte beyond ``size`` is written to any file, as on a disk that is full."""
        for pid in self.family():
            with contextlib.suppress(ProcessLookupError):
                hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


class Children:
    """All workers and beats, watched by a thread that restarts what died."""

    def __init__(self) -> None:
        self._children: dict[str, Child] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _watch(self) -> None:
        while not self._ended.wait(POLL):
            with self._lock:
                for child in self._children.values():
                    child.watch()

    def start(self, child: Child) -> None:
        with self._lock:
            self._children[child.name] = child

    def all(self) -> list[Child]:
        with self._lock:
            return list(self._children.values())

    def named(self, name: str) -> Child:
        return self._children[name]

    def stop(self, *names: str) -> None:
        """Stop these, or all, and do not start them again."""
        with self._lock:
            chosen = [self._children.pop(name) for name in names or list(self._children)]
        for child in chosen:
            child.signal(signal.SIGCONT)
            child.signal(signal.SIGTERM)
        until = time.monotonic() + STOP_LIMIT
        for child in chosen:
            child.stop(until=until)

    def end(self) -> None:
        self._ended.set()
        self._watcher.join()
        self.stop()


class Postgres:
    """A PostgreSQL cluster of the suite's own, on a free port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"postgres://portal@127.0.0.1:{self.port}/portal"
        # PostgreSQL does not run as root.
        self._user = pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None
        folder.mkdir()
        if self._user:
            shutil.chown(folder, self._user)
        self._run("initdb", "--auth=trust", "--username=portal", f"--pgdata={folder / 'data'}")
        with (folder / "data" / "postgresql.conf").open("a") as configuration:
            configuration.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\n"
                f"unix_socket_directories = '{folder}'\n"
            )
        self._control("start")
        self._run(
            "createdb", "--host=127.0.0.1", f"--port={self.port}", "--username=portal", "portal"
        )

    def restart(self) -> None:
        """As after a crash: no connection and no open transaction survives."""
        self._control("restart", "--mode=immediate")

    def stop(self) -> None:
        self._control("stop", "--mode=immediate")

    def _control(self, *verb: str) -> None:
        self._run(
            "pg_ctl",
            f"--pgdata={self.folder / 'data'}",
            f"--log={self.folder / 'log'}",
            "--wait",
            *verb,
        )

    def _run(self, program: str, *arguments: str) -> None:
        newest = max(
            Path("/usr/lib/postgresql").glob(f"*/bin/{program}"),
            key=lambda path: int(path.parts[-3]),
            default=Path(shutil.which(program) or program),
        )
        with (self.folder / "tools.log").open("ab") as log:
            subprocess.run(
                [newest, *arguments],
                user=self._user,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                check=True,
            )


class Redis:
    """A Redis server of the suite's own, on a free port, that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        folder.mkdir()
        self.start()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    shutil.which("redis-server") or "redis-server",
                    *("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)),
                    *("--save", "", "--appendonly", "no"),
                ],
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, limit=START_LIMIT, what="Redis")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False
