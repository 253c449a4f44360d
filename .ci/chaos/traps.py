"""Where a process may be stopped, and how. A trap is a file: armed, it springs once.

Each point of the pipeline has a name. The suite arms one; the first process that comes there (or
the second, or the third) dies on the spot, waits to be let go, or loses the answer of its commit.
The portal's code knows nothing of this: its functions are wrapped from outside.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from celery import Celery
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.core.mail import EmailMessage
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from accounts import delivery
from ce_portal.celery import PortalTask
from courses import completion
from transcripts import certificates, drawing, ledger, pdf, signing

FOLDER = Path(os.environ["CHAOS_DIR"])
ARMED, SPRUNG = FOLDER / "armed", FOLDER / "sprung"
THRICE = FOLDER / "every-message-three-times"
READ_ONLY = FOLDER / "storage-is-read-only"
CLOCK = FOLDER / "clock-is-wrong-by"
HAS_CLOCK = "CHAOS_HAS_CLOCK"  # set for processes whose clock can be wrong
NOBODY = 65534  # the user that owns nothing
POLL = 0.02  # seconds
LONGEST_PAUSE = 60  # seconds


class Deed(StrEnum):
    """What befalls the process that steps into a trap."""

    KILL = "kill the process"
    KILL_ALL = "kill the process and the worker it belongs to"
    PAUSE = "hold the process until it is let go"
    LOSE_ANSWER = "the commit holds, its answer is lost"


class Point(StrEnum):
    """Where a trap may be, in the order of the story."""

    COMPLETION_BEGUN = "completion-begun"
    AWARDED = "completion-awarded"
    CERTIFIED = "completion-certified"
    COMPLETION_COMMITTING = "completion-committing"
    COMPLETION_COMMITTED = "completion-committed"
    DOCUMENT_ASKED = "document-asked"
    CLAIMED = "document-claimed"
    DRAWN = "document-drawn"
    SIGNED = "document-signed"
    HALF_WRITTEN = "document-half-written"
    WRITTEN = "document-written"
    SWITCH_COMMITTING = "switch-committing"
    SWITCH_COMMITTED = "switch-committed"
    DOCUMENT_DONE = "document-done"
    MAIL_ASKED = "mail-asked"
    MAIL_SENDING = "mail-sending"
    MAIL_SENT = "mail-sent"
    DELIVERY_COMMITTING = "delivery-committing"
    DELIVERY_COMMITTED = "delivery-committed"
    SENDING_DOCUMENT = "sending-transcripts.draw_certificate_pdf"
    JOB_ITEM_QUEUED = "job-item-queued"
    LEFTOVER_REMOVING = "leftover-removing"
    LEFTOVER_REMOVED = "leftover-removed"


# --- Outside: the suite ---


def arm(point: Point, deed: Deed, *, skip: int = 0) -> None:
    """Let the process that comes to this point after ``skip`` others step into a trap."""
    ARMED.mkdir(exist_ok=True)
    SPRUNG.mkdir(exist_ok=True)
    (SPRUNG / point).unlink(missing_ok=True)
    draft = FOLDER / f"{point}.draft"
    draft.write_text(json.dumps({"skip": skip, "deed": deed}))
    draft.rename(ARMED / point)


def has_sprung(point: Point) -> bool:
    return (SPRUNG / point).exists()


def let_go(point: Point) -> None:
    """Let a held process go on."""
    (SPRUNG / point).unlink(missing_ok=True)


def disarm() -> None:
    for trap in (*ARMED.glob("*"), *SPRUNG.glob("*")):
        trap.unlink(missing_ok=True)
    for flag in (THRICE, READ_ONLY, CLOCK):
        flag.unlink(missing_ok=True)


def set_clock(shift: timedelta) -> None:
    """From now on the processes that have a clock of their own are wrong by so much."""
    draft = FOLDER / "clock.draft"
    draft.write_text(str(shift.total_seconds()))
    draft.rename(CLOCK)


# --- Inside: the process ---


def spring(point: str) -> None:
    """Step on this point."""
    armed = ARMED / point
    if not armed.exists():
        return
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            trap = json.loads(armed.read_text())
        except FileNotFoundError:
            return  # another process was first
        if trap["skip"]:
            armed.write_text(json.dumps({**trap, "skip": trap["skip"] - 1}))
            return
        armed.rename(SPRUNG / point)
    if trap["deed"] == Deed.LOSE_ANSWER:
        raise OperationalError("The answer of the commit was lost.")
    if trap["deed"] == Deed.PAUSE:
        _wait_until_let_go(point)
        return
    if trap["deed"] == Deed.KILL_ALL:
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _wait_until_let_go(point: str) -> None:
    until = time.monotonic() + LONGEST_PAUSE
    while (SPRUNG / point).exists() and time.monotonic() < until:
        time.sleep(POLL)


_inside = threading.local()


@contextlib.contextmanager
def _story(name: str) -> Iterator[None]:
    """Commits from here on are of this story."""
    before = getattr(_inside, "story", "")
    _inside.story = name
    try:
        yield
    finally:
        _inside.story = before


def set_up() -> None:
    """Lay the traps: each point springs if it is armed."""
    _wrap(completion, "complete", before=Point.COMPLETION_BEGUN, story="completion")
    _wrap(ledger, "award", after=Point.AWARDED)
    _wrap(certificates, "issue", after=Point.CERTIFIED)
    _wrap(drawing, "draw", before=Point.DOCUMENT_ASKED, after=Point.DOCUMENT_DONE)
    _wrap(drawing, "_take_over", before=Point.CLAIMED)
    _wrap(pdf, "draw_certificate", after=Point.DRAWN)
    _wrap(signing, "sign", after=Point.SIGNED)
    _wrap(FileSystemStorage, "save", after=Point.WRITTEN)
    _wrap(drawing, "_switch", story="switch")
    _wrap(drawing, "queue_again", after=Point.JOB_ITEM_QUEUED)
    _wrap(
        drawing,
        "remove_file",
        before=Point.LEFTOVER_REMOVING,
        after=Point.LEFTOVER_REMOVED,
        when=lambda args: args[0],
    )
    _wrap(delivery, "deliver", before=Point.MAIL_ASKED, story="delivery")
    _wrap(EmailMessage, "send", before=Point.MAIL_SENDING, after=Point.MAIL_SENT)
    _wrap_commits()
    _wrap_storage()
    _wrap_sending()
    if os.environ.get(HAS_CLOCK):
        _wrap_clock()


def _wrap(
    owner: Any,
    name: str,
    *,
    before: str = "",
    after: str = "",
    story: str = "",
    when: Callable[[tuple[Any, ...]], bool] = lambda args: True,
) -> None:
    wrapped: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(wrapped)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        is_here = when(args)
        if before and is_here:
            spring(before)
        with _story(story) if story else contextlib.nullcontext():
            given = wrapped(*args, **kwargs)
        if after and is_here:
            spring(after)
        return given

    setattr(owner, name, wrapper)


def _wrap_commits() -> None:
    database: Any = BaseDatabaseWrapper
    commit = database._commit  # noqa: SLF001

    def _commit(self: BaseDatabaseWrapper) -> None:
        story = getattr(_inside, "story", "")
        if story:
            spring(f"{story}-committing")
        commit(self)
        # What was promised for after the commit, such as a message, is not done yet.
        if story:
            spring(f"{story}-committed")

    database._commit = _commit  # noqa: SLF001


def _wrap_storage() -> None:
    class Interrupted(File):
        """Half of the content reaches the disk, then the trap, then the rest."""

        def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
            whole = self.read()
            yield whole[: len(whole) // 2]
            spring(Point.HALF_WRITTEN)
            yield whole[len(whole) // 2 :]

    storage: Any = FileSystemStorage
    save, delete = storage._save, storage.delete  # noqa: SLF001

    def _save(self: FileSystemStorage, name: str, content: File) -> str:
        with _as_nobody():
            saved: str = save(self, name, Interrupted(content))
            return saved

    def _delete(self: FileSystemStorage, name: str) -> None:
        with _as_nobody():
            delete(self, name)

    storage._save, storage.delete = _save, _delete  # noqa: SLF001


@contextlib.contextmanager
def _as_nobody() -> Iterator[None]:
    """While the storage is read-only, root obeys the rights of its folders like anybody else."""
    if os.geteuid() or not READ_ONLY.exists():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def _wrap_sending() -> None:
    task: Any = PortalTask
    send = task.apply_async

    def apply_async(self: PortalTask, *args: Any, **kwargs: Any) -> Any:
        spring(f"sending-{self.name}")
        for _ in range(2 if THRICE.exists() else 0):
            send(self, *args, **kwargs)
        return send(self, *args, **kwargs)

    task.apply_async = apply_async


def _wrap_clock() -> None:
    """The portal's clock and Celery's, by which beat decides what is due."""

    def shift() -> timedelta:
        try:
            return timedelta(seconds=float(CLOCK.read_text()))
        except FileNotFoundError:
            return timedelta()

    celery: Any = Celery
    true_now, celery_now = timezone.now, celery.now

    def now(self: Celery) -> datetime:
        moment: datetime = celery_now(self)
        return moment + shift()

    timezone.now = lambda: true_now() + shift()
    celery.now = now
