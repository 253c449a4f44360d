"""All rounds of one mode, one after the other, and a line of JSON for each."""

from __future__ import annotations

import json
import signal
import sys
import traceback
from pathlib import Path
from random import Random

from chaos import (
    learners,  # noqa: F401  (it sets Django up, before anything asks for a model)
    traps,
)
from chaos.audit import Findings
from chaos.mailbox import Mailbox
from chaos.processes import Postgres, Redis
from chaos.rounds import KINDS, Kind
from chaos.world import World


def run(
    *,
    mode: str,
    folder: Path,
    services: tuple[Mailbox, Postgres | None, Redis | None],
    rounds: int,
    seed: int,
    only: list[str],
) -> int:
    """0 if nothing was lost, doubled or half-written; else 1."""
    # Stopped from outside, it takes what it started with it.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    world = World(folder, *services)
    breaches = 0
    try:
        world.build()
        company = KINDS[0].company
        for number, kind in _plan(mode, rounds, seed, only):
            if kind.company != company:
                company = kind.company
                world.restart_all(
                    workers=kind.workers,
                    beats=kind.beats,
                    **({traps.HAS_CLOCK: "1"} if kind.has_clock else {}),
                )
            found, took = _play(world, kind, Random(f"{seed} {kind.name} {number}"))
            breaches += len(found.all())
            _note(folder, mode, kind, number, found, took)
    finally:
        world.end()
    return 1 if breaches else 0


def _plan(mode: str, rounds: int, seed: int, only: list[str]) -> list[tuple[int, Kind]]:
    """Every kind as often as every other; kinds that share their processes follow each other."""
    kinds = [
        kind
        for kind in KINDS
        if mode in kind.modes and (not only or any(part in kind.name for part in only))
    ]
    if rounds < len(kinds):
        kinds = Random(seed).sample(kinds, rounds)
    plan = [
        (index // len(kinds), kinds[index % len(kinds)]) for index in range(rounds if kinds else 0)
    ]
    companies = [kind.company for kind in KINDS]
    return sorted(plan, key=lambda each: companies.index(each[1].company))


def _play(world: World, kind: Kind, dice: Random) -> tuple[Findings, float]:
    try:
        world.begin(dice)
        kind.happens(world)
        return world.settle()
    except Exception:  # noqa: BLE001  (a round that cannot be played is a breach like another)
        return Findings(lost=[f"the round broke off: {traceback.format_exc(limit=-3)}"]), 0.0


def _note(folder: Path, mode: str, kind: Kind, number: int, found: Findings, took: float) -> None:
    say = sys.stdout.write
    say(f"{mode}: {kind.name} #{number + 1}: {took:.1f} s\n")
    for breach in found.all():
        say(f"  {breach}\n")
    sys.stdout.flush()
    line = {
        "kind": kind.name,
        "took": took,
        "lost": found.lost,
        "doubled": found.doubled,
        "half": found.half,
        "resent": found.resent,
    }
    with (folder / "results.jsonl").open("a") as results:
        results.write(json.dumps(line) + "\n")
