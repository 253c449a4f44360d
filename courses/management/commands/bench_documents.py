"""Measure certificates: drawing one, the same one by other libraries, memory, the whole pipeline.

What is compared is done in turn, a little of each, and CPU time stands beside wall time: whatever
else the machine does slows all alike.
"""

from __future__ import annotations

import gc
import json
import os
import random
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from courses.management import credit, processes, webinar
from courses.management.bare_drawing import Taken, draw_all
from transcripts import drawing, pdf, tasks
from transcripts.models import Certificate

OTHERS = settings.BASE_DIR / ".ci" / "draw-certificates"
FONTS = pdf.FOLDER / "fonts"
OURS = "this portal, signed"
# Drawing costs the same in both modes; embedded, the broker is asked once a second.
PARTS = {True: ("downloading", "drawing", "memory"), False: ("downloading", "pipeline")}
ROUNDS = 10  # of each contender
ROUND = 20  # documents
MEMORY_AT = (200, 500, 1_000, 2_000)  # documents
WORKERS = 2
BATCHES = 5
FINISH_LIMIT = 600  # seconds until the last certificate must be there
LOOK = 0.01  # seconds between looks at a row
PAUSE = 1.0  # seconds at most, before somebody finishes
TICKS = os.sysconf("SC_CLK_TCK")


class Command(BaseCommand):
    help = (
        "Measure drawing, memory, completion to download, and in production's mode the pipeline. "
        "Needs a database of its own (VAR_DIR, or DATABASE_URL and REDIS_URL)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--people", type=int, default=1000, help="certificates of the pipeline")
        parser.add_argument("--finish", type=int, default=40, help="people who complete a course")
        parser.add_argument("--others", type=Path, help="the Python that has the other libraries")
        parser.add_argument(
            "--samples",
            type=Path,
            default=settings.VAR_DIR / "samples",
            help="folder for a document of each library",
        )
        parser.add_argument(
            "--only", action="append", choices=sorted({*PARTS[True], *PARTS[False]})
        )
        parser.add_argument("--out", type=Path, help="file that gets the figures as a line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["people"] < ROUND * (ROUNDS + 1):
            raise CommandError(f"--people must be {ROUND * (ROUNDS + 1)} or more.")
        processes.prepare()
        figures: dict[str, Any] = {"database": connection.vendor}
        wanted = options["only"] or PARTS[settings.EMBEDDED]
        if "downloading" in wanted:
            figures["downloading"] = _measure_downloading(options["finish"])
            self._print_downloading(figures["downloading"])
        issued = credit.of_many_people(options["people"])
        processes.empty_queues()
        # Before anything is drawn in this process: a fork after that would hang.
        if "pipeline" in wanted:
            figures["pipeline"] = _measure_pipeline(issued)
            self._print_pipeline(figures["pipeline"])
        if "drawing" in wanted:
            figures["drawing"], missing = _measure_drawing(issued, options)
            self._print_drawing(figures["drawing"], missing)
        if "memory" in wanted:
            figures["memory"] = _measure_memory(issued)
            self._print_memory(figures["memory"])
        if options["out"]:
            with options["out"].open("a") as file:
                file.write(json.dumps(figures) + "\n")

    def _print_downloading(self, figures: dict[str, float]) -> None:
        self.stdout.write(
            f"{connection.vendor}, from completion to a downloaded certificate: median "
            f"{figures['median']:.2f} s, p95 {figures['p95']:.2f} s ({figures['people']} people; "
            f"the page that completes takes {figures['page']:.2f} s of it)"
        )

    def _print_pipeline(self, figures: dict[str, Any]) -> None:
        say = self.stdout.write
        say(f"{figures['documents']} certificates, {WORKERS} processes on the same cores:")
        say(f"  {'':28}{'wall':>8}{'CPU of the processes':>24}")
        for name in ("bare", "pipeline"):
            taken = figures[name]
            say(f"  {name:28}{taken['wall']:>6.1f} s{taken['cpu']:>22.1f} s")
        wall, cpu = (figures["pipeline"][unit] / figures["bare"][unit] for unit in ("wall", "cpu"))
        say(
            f"  pipeline / bare: {wall:.2f} wall (median of batches {figures['median']:.2f}), "
            f"{cpu:.2f} CPU; its own share {1 - 1 / wall:.0%} of the wall time"
        )

    def _print_drawing(self, figures: dict[str, Taken], missing: dict[str, str]) -> None:
        say = self.stdout.write
        floor = figures[OURS]
        say("One certificate, warm, in one process:")
        say(f"  {'':24}{'wall':>10}{'CPU':>10}{'a second':>10}{'times ours':>12}{'in CPU':>8}")
        for name, taken in figures.items():
            say(
                f"  {name:24}{taken['wall'] * 1000:>7.1f} ms{taken['cpu'] * 1000:>7.1f} ms"
                f"{1 / taken['wall']:>10.0f}{taken['wall'] / floor['wall']:>12.2f}"
                f"{taken['cpu'] / floor['cpu']:>8.2f}"
            )
        for name, why in missing.items():
            say(f"  {name} is left out. {why}")

    def _print_memory(self, figures: dict[int, float]) -> None:
        kept = ", ".join(f"{size:.0f} MB after {count}" for count, size in figures.items())
        self.stdout.write(f"Memory of a process that draws: {kept} documents")


# --- Completion to download -------------------------------------------------


def _measure_downloading(people: int) -> dict[str, float]:
    """Each finishes alone, at a moment of chance: seconds until the whole file is there."""
    chance = random.Random(1)  # noqa: S311  the same moments every time
    taken, pages = [], []
    with processes.portal() as port:
        visitors = [(held, webinar.Visitor(held, port)) for held in webinar.about_to_finish(people)]
        for number, (held, visitor) in enumerate(visitors):
            visitor.open()
            time.sleep(chance.random() * PAUSE)
            begun = time.monotonic()
            visitor.hand_in()
            mine = Certificate.objects.filter(entry__completion__enrollment=held).exclude(pdf="")
            processes.wait_until(mine.exists, limit=FINISH_LIMIT, what="A certificate", poll=LOOK)
            address = reverse("transcripts:certificate_pdf", args=[mine.get().code])
            response, body = visitor.ask("GET", address)
            if response.status != 200 or not body.startswith(b"%PDF-"):
                raise CommandError(f"The certificate answered {response.status}.")
            if number:  # the first one warms all processes up
                taken.append(time.monotonic() - begun)
                pages.append(visitor.taken)
    taken.sort()
    return {
        "people": len(taken),
        "median": statistics.median(taken),
        "p95": taken[int(len(taken) * 0.95)],
        "page": statistics.median(pages),
    }


# --- The pipeline -----------------------------------------------------------


def _measure_pipeline(issued: list[Certificate]) -> dict[str, Any]:
    """Batches through broker and workers, and as many drawn by as many processes that only draw."""
    bare: list[Taken] = []
    piped: list[Taken] = []
    with ExitStack() as stack:
        workers = stack.enter_context(processes.documents_workers(WORKERS))
        drawers = [
            stack.enter_context(
                processes.Answering(sys.executable, "manage.py", "bench_documents_bare")
            )
            for _ in range(WORKERS)
        ]
        warm, *batches = _batches(issued)
        _pipe(warm, workers)
        _draw_bare(warm, drawers)
        for number, batch in enumerate(batches):
            if number % 2:
                bare.append(_draw_bare(batch, drawers))
            piped.append(_pipe(batch, workers))
            if not number % 2:
                bare.append(_draw_bare(batch, drawers))
    return {
        "documents": sum(map(len, batches)),
        "bare": _sum(bare),
        "pipeline": _sum(piped),
        "median": statistics.median(
            one["wall"] / other["wall"] for one, other in zip(piped, bare, strict=True)
        ),
    }


def _batches(issued: list[Certificate]) -> list[list[Certificate]]:
    """A small one to warm up with, and then equal ones."""
    warm, rest = issued[: 4 * WORKERS], issued[4 * WORKERS :]
    size = -(-len(rest) // BATCHES)
    return [warm, *(rest[begin : begin + size] for begin in range(0, len(rest), size))]


def _pipe(batch: list[Certificate], workers: list[int]) -> Taken:
    """From the first message to the last row that says issued; the CPU time is the workers'."""
    left = Certificate.objects.filter(pk__in=[one.pk for one in batch], state="queued")
    before = sum(map(_cpu_of, workers))
    begun = time.monotonic()
    for certificate in batch:
        tasks.draw_certificate_pdf.delay(certificate_id=certificate.pk)
    processes.wait_until(lambda: not left.exists(), limit=FINISH_LIMIT, what="The last certificate")
    return {"wall": time.monotonic() - begun, "cpu": sum(map(_cpu_of, workers)) - before}


def _draw_bare(batch: list[Certificate], drawers: list[processes.Answering]) -> Taken:
    for number, drawer in enumerate(drawers):
        drawer.tell([certificate.pk for certificate in batch[number :: len(drawers)]])
    taken = [drawer.hear() for drawer in drawers]
    return {"wall": max(one["wall"] for one in taken), "cpu": sum(one["cpu"] for one in taken)}


def _sum(batches: list[Taken]) -> Taken:
    return {unit: sum(taken[unit] for taken in batches) for unit in ("wall", "cpu")}


def _cpu_of(group: int) -> float:
    """Seconds of CPU that the living processes of a group have used."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


# --- Drawing ----------------------------------------------------------------


def _measure_drawing(
    issued: list[Certificate], options: dict[str, Any]
) -> tuple[dict[str, Taken], dict[str, str]]:
    """Seconds for one document of each contender, and why one is missing."""
    taken: dict[str, list[Taken]] = {OURS: []}
    # Typst keeps what it typeset before: each of ours is another certificate.
    rounds = [issued[ROUND * number : ROUND * (number + 1)] for number in range(ROUNDS + 1)]
    with ExitStack() as stack:
        missing = {"WeasyPrint, ReportLab": "No --others was named."}
        if options["others"]:
            options["samples"].mkdir(parents=True, exist_ok=True)
            others = stack.enter_context(
                processes.Answering(options["others"], OTHERS, FONTS, options["samples"])
            )
            said = others.hear()
            missing = said["missing"]
            taken |= {name: [] for name in said["has"]}
        for number, certificates in enumerate(rounds):
            data = [pdf.certificate_data(**drawing.facts(one)) for one in certificates]
            for name, times in taken.items():
                if name == OURS:
                    once = draw_all(certificates)
                else:
                    others.tell({"with": name, "data": data})
                    once = others.hear()
                if number:  # the first round warms up
                    times.append(once)
    return {
        name: {
            unit: statistics.median(one[unit] for one in times) / ROUND for unit in ("wall", "cpu")
        }
        for name, times in taken.items()
    }, missing


def _measure_memory(issued: list[Certificate]) -> dict[int, float]:
    """Megabytes that this process holds after so many documents."""
    at, found, drawn = timezone.now(), {}, 0
    for count in MEMORY_AT:
        while drawn < count:
            drawing.signed_document(issued[drawn % len(issued)], at=at)
            drawn += 1
        gc.collect()
        found[count] = processes.resident() / 2**20
    return found
