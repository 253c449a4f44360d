"""The kinds of rounds. Each harms the portal in one way while learners get their credit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from accounts.tests.factories import UserFactory
from chaos import learners, traps
from chaos.processes import wait_until
from chaos.traps import Deed, Point
from chaos.world import World
from transcripts import certificates, jobs
from transcripts.models import Certificate

# Of a clock: further than a lease is long, and less than the longest pause.
AHEAD = timedelta(seconds=50)


@dataclass(frozen=True)
class Kind:
    """What happens, in words, and the function that lets it happen.

    Kinds with the same ``company`` (workers, beats, a clock that moves) share their processes.
    """

    name: str
    happens: Callable[[World], None]
    workers: int = 1
    beats: int = 1
    has_clock: bool = False
    modes: tuple[str, ...] = ("embedded", "production")

    @property
    def company(self) -> tuple[int, int, bool]:
        return self.workers, self.beats, self.has_clock


# --- Killed ---


def _worker_killed(point: Point) -> Callable[[World], None]:
    def happens(world: World) -> None:
        # Between the mail and the commit it is sent once more, under the same Message-ID.
        world.may_resend = int(point in (Point.MAIL_SENT, Point.DELIVERY_COMMITTING))
        world.arm(point, world.dice.choice([Deed.KILL, Deed.KILL_ALL]))
        world.complete()
        world.wait_for_trap(point)

    return happens


def _learner_killed(point: Point) -> Callable[[World], None]:
    def happens(world: World) -> None:
        world.arm(point, Deed.KILL)
        world.complete_once()
        world.wait_for_trap(point)
        world.complete()

    return happens


def _sweep_killed(point: Point) -> Callable[[World], None]:
    """The message is lost, and the sweep that asks again is killed as it asks."""

    def happens(world: World) -> None:
        with world.frozen():
            world.complete()
            world.empty_broker()
            # A worker that waits for Redis has the first message in its hands, frozen or not.
            world.arm(point, Deed.KILL_ALL, of=len(world.cohort) - 1)
        world.wait_for_trap(point)

    return happens


def _worker_killed_again(world: World) -> None:
    """Half a file is there, and the next worker dies as it is about to remove it."""
    world.arm(Point.HALF_WRITTEN, Deed.KILL)
    traps.arm(Point.LEFTOVER_REMOVING, Deed.KILL_ALL)
    world.complete()
    world.wait_for_trap(Point.HALF_WRITTEN)
    world.wait_for_trap(Point.LEFTOVER_REMOVING)


def _everything_killed(world: World) -> None:
    """Any process, again and again, while many learners complete."""
    world.may_resend = 10
    going = learners.start_completing(world.cohort)
    for _ in range(world.dice.randint(3, 5)):
        time.sleep(world.dice.uniform(0.1, 1.5))
        child = world.dice.choice(world.children.all())
        child.signal(9)
    world.harm()
    going.join(learners.LIMIT)
    world.complete()


# --- Broker ---


def _broker_away(world: World) -> None:
    world.stop_broker()
    world.complete()
    time.sleep(world.dice.uniform(0, 2))
    world.start_broker()
    world.harm()


def _broker_emptied(world: World) -> None:
    with world.frozen():
        world.complete()
        world.empty_broker()
    world.harm()


def _broker_file_removed(world: World) -> None:
    with world.frozen():
        world.complete()
        world.remove_broker_file()
    if world.dice.random() < 0.7:
        world.dice.choice(world.children.all()).signal(9)
    world.harm()


def _broker_restarted(world: World) -> None:
    going = learners.start_completing(world.cohort)
    time.sleep(world.dice.uniform(0, 0.3))
    world.stop_broker()
    world.start_broker()
    world.harm()
    going.join(learners.LIMIT)
    world.complete()


# --- Database ---


def _database_restarted(point: Point) -> Callable[[World], None]:
    """In the middle of a transaction, which is held there meanwhile."""

    def happens(world: World) -> None:
        # Whatever was being mailed at that moment.
        world.may_resend = len(world.cohort)
        world.arm(point, Deed.PAUSE)
        going = learners.start_completing(world.cohort)
        world.wait_for_trap(point)
        if world.postgres:
            world.restart_database()
            traps.let_go(point)
        else:
            # The holder of SQLite's lock is the process that is held: all others must wait.
            time.sleep(4)
            traps.let_go(point)
        going.join(learners.LIMIT)
        world.complete()

    return happens


def _database_restarted_any_time(world: World) -> None:
    world.may_resend = len(world.cohort)
    going = learners.start_completing(world.cohort)
    time.sleep(world.dice.uniform(0, 2))
    world.restart_database()
    world.harm()
    going.join(learners.LIMIT)
    world.complete()


def _answer_lost(point: Point) -> Callable[[World], None]:
    """The commit held, and the process believes that it did not."""

    def happens(world: World) -> None:
        world.arm(point, Deed.LOSE_ANSWER)
        world.complete_once()
        world.wait_for_trap(point)
        world.complete()

    return happens


# --- Storage ---


def _storage_full(world: World) -> None:
    with world.full_storage():
        world.complete()
        if world.is_embedded:
            # Database, broker and log lie on the same disk: there is nowhere to say so.
            time.sleep(world.dice.uniform(2, 5))
        else:
            _wait_for_a_failure(world)
    world.harm()


def _killed_with_storage_full(world: World) -> None:
    """The attempt has failed, and its worker dies as it is about to remove half a file."""
    traps.arm(Point.LEFTOVER_REMOVING, world.dice.choice([Deed.KILL, Deed.KILL_ALL]))
    with world.full_storage():
        world.complete()
        world.wait_for_trap(Point.LEFTOVER_REMOVING)


def _storage_read_only(world: World) -> None:
    with world.read_only_storage():
        world.complete()
        _wait_for_a_failure(world)
    world.harm()


def _storage_read_only_too_long(world: World) -> None:
    """Until all attempts are used up; then a curator asks anew."""
    with world.read_only_storage():
        world.complete()
        wait_until(
            lambda: all(one.state == Certificate.State.FAILED for one in _mine(world)),
            limit=60,
            what="All attempts were used up",
        )
        for certificate in _mine(world):
            if not certificate.failure:
                raise AssertionError(f"{certificate} has failed and does not say why.")
    world.harm()
    for certificate in _mine(world):
        certificates.redraw(certificate=certificate, at=timezone.now())


def _wait_for_a_failure(world: World) -> None:
    wait_until(
        lambda: any(one.failure or one.attempts > 1 for one in _mine(world)),
        limit=30,
        what="The storage refused something",
    )


def _mine(world: World) -> list[Certificate]:
    return list(Certificate.objects.filter(entry__completion__enrollment__in=world.cohort))


# --- Twice ---


def _thrice(world: World) -> None:
    world.draws_once = True
    traps.THRICE.touch()
    world.complete()
    traps.THRICE.unlink()


def _two_beats(world: World) -> None:
    """The messages are lost; two sweeps ask at once, from then on."""
    _broker_emptied(world)


def _sweeps_at_once(world: World) -> None:
    with world.frozen():
        world.complete()
        world.empty_broker()
        time.sleep(2.2)  # until they are due
        moment = time.time() + 0.5
        sweeps = [learners.start_sweeps(at=moment) for _ in range(4)]
        for sweep in sweeps:
            sweep.join(learners.LIMIT)
    world.harm()


def _button_pressed_at_once(world: World) -> None:
    """Three processes complete the same enrollments at the same time."""
    going = [learners.start_completing(world.cohort) for _ in range(3)]
    for process in going:
        process.join(learners.LIMIT)
    world.harm()
    world.complete()


# --- Clock ---


def _clock_moved(shift: timedelta) -> Callable[[World], None]:
    """The clock of workers and beat is wrong for a while, and one is killed at work meanwhile."""

    def happens(world: World) -> None:
        world.clock(shift)
        try:
            if world.dice.random() < 0.5:
                point = world.dice.choice([Point.CLAIMED, Point.WRITTEN])
                world.arm(point, Deed.KILL_ALL)
                world.complete()
                world.wait_for_trap(point)
            else:
                world.complete()
                time.sleep(world.dice.uniform(0, 2))
        finally:
            world.clock(timedelta())
        world.harm()

    return happens


def _lease_of_a_clock_ahead(world: World) -> None:
    """A worker is killed with a lease that a pause could be as long as: it is not waited for."""
    world.clock(AHEAD)
    try:
        world.arm(Point.CLAIMED, Deed.KILL_ALL)
        world.complete()
        world.wait_for_trap(Point.CLAIMED)
    finally:
        world.clock(timedelta())
    leases = [one.lease for one in _mine(world) if one.lease]
    world.harm()
    wait_until(
        lambda: not Certificate.objects.filter(lease__in=leases).exists(),
        limit=AHEAD.total_seconds() / 2,
        what="What a clock ahead had leased was taken over",
    )


# --- Again ---


def _redrawn(point: Point) -> Callable[[World], None]:
    """Documents that are there are drawn again by a job, and its worker is killed."""

    def happens(world: World) -> None:
        world.complete()
        wait_until(
            lambda: all(one.state == Certificate.State.ISSUED for one in _mine(world)),
            limit=60,
            what="All were issued",
        )
        world.arm(point, world.dice.choice([Deed.KILL, Deed.KILL_ALL]))
        jobs.start(
            title="Chaos", certificates=_mine(world), by=UserFactory.create(), at=timezone.now()
        )
        world.wait_for_trap(point)
        for certificate in _mine(world):
            if not (world.media / str(certificate.pdf.name)).exists():
                raise AssertionError(f"{certificate} cannot be downloaded meanwhile.")

    return happens


def _mail_server_away(world: World) -> None:
    world.mailbox.refuses = True
    world.complete()
    time.sleep(world.dice.uniform(1, 3))
    world.mailbox.refuses = False
    world.harm()


PRODUCTION = ("production",)

KINDS = [
    *(
        Kind(f"worker killed {when}", _worker_killed(point))
        for point, when in (
            (Point.DOCUMENT_ASKED, "before the claim"),
            (Point.CLAIMED, "after the claim"),
            (Point.DRAWN, "while drawing"),
            (Point.SIGNED, "after signing"),
            (Point.HALF_WRITTEN, "with half a file written"),
            (Point.WRITTEN, "before the switch"),
            (Point.SWITCH_COMMITTING, "before the switch's commit"),
            (Point.SWITCH_COMMITTED, "after the switch's commit"),
            (Point.DOCUMENT_DONE, "before the message's end"),
            (Point.MAIL_ASKED, "before the mail"),
            (Point.MAIL_SENDING, "as the mail goes out"),
            (Point.MAIL_SENT, "after the mail, before commit"),
            (Point.DELIVERY_COMMITTED, "after the mail's commit"),
        )
    ),
    *(
        Kind(f"web killed {when}", _learner_killed(point))
        for point, when in (
            (Point.COMPLETION_BEGUN, "before completion"),
            (Point.AWARDED, "after the award"),
            (Point.CERTIFIED, "after the certificate's row"),
            (Point.COMPLETION_COMMITTING, "before completion's commit"),
            (Point.COMPLETION_COMMITTED, "after completion's commit"),
            (Point.SENDING_DOCUMENT, "as it sends the message"),
        )
    ),
    Kind("sweep killed asking for documents", _sweep_killed(Point.SENDING_DOCUMENT)),
    Kind("job killed between rows", _redrawn(Point.JOB_ITEM_QUEUED)),
    Kind("worker killed drawing again", _redrawn(Point.WRITTEN)),
    Kind("worker killed after drawing again", _redrawn(Point.SWITCH_COMMITTED)),
    Kind("killed as it removes the old file", _redrawn(Point.LEFTOVER_REMOVED)),
    Kind("killed again beside half a file", _worker_killed_again),
    Kind("any process killed at any time", _everything_killed),
    Kind("broker away at completion", _broker_away),
    Kind("broker emptied", _broker_emptied),
    Kind("broker restarted", _broker_restarted, modes=PRODUCTION),
    Kind("broker's file removed", _broker_file_removed, modes=("embedded",)),
    *(
        Kind(f"database restarted {when}", _database_restarted(point))
        for point, when in (
            (Point.COMPLETION_COMMITTING, "in completion"),
            (Point.SWITCH_COMMITTING, "in the switch"),
            (Point.DELIVERY_COMMITTING, "in delivery"),
        )
    ),
    Kind("database restarted at any time", _database_restarted_any_time),
    *(
        Kind(f"answer lost of {what}", _answer_lost(point))
        for point, what in (
            (Point.COMPLETION_COMMITTED, "completion's commit"),
            (Point.SWITCH_COMMITTED, "the switch's commit"),
            (Point.DELIVERY_COMMITTED, "the mail's commit"),
        )
    ),
    Kind("storage full", _storage_full),
    Kind("storage full, and killed", _killed_with_storage_full, modes=PRODUCTION),
    Kind("storage read-only", _storage_read_only),
    Kind("storage read-only for too long", _storage_read_only_too_long),
    Kind("mail server away", _mail_server_away, modes=PRODUCTION),
    Kind("every message three times", _thrice, workers=2),
    Kind("button pressed three times at once", _button_pressed_at_once, workers=2),
    Kind("two beats at once", _two_beats, workers=2, beats=2),
    Kind("four sweeps at once", _sweeps_at_once, workers=2, beats=2),
    Kind("clock ahead, and killed with a lease", _lease_of_a_clock_ahead, has_clock=True),
    Kind("clock an hour ahead", _clock_moved(timedelta(hours=1)), has_clock=True),
    Kind("clock a day ahead", _clock_moved(timedelta(days=1)), has_clock=True),
    Kind("clock a minute behind", _clock_moved(timedelta(minutes=-1)), has_clock=True),
    Kind("clock a day behind", _clock_moved(timedelta(days=-1)), has_clock=True),
]
