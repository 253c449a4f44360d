"""Two hundred people finish a webinar at once: how long until each has credit and certificate.

Runs the real processes (web, worker, beat) on a database and a folder of its own, sends the last
step of everybody over HTTP at the same moment, waits for the last certificate, and counts what was
lost or doubled. The floor is the bare drawing and signing of as many certificates in one process,
in the same run.
"""

from __future__ import annotations

import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from courses.management import processes, webinar
from courses.management.bare_drawing import draw_all
from courses.models import Completion, Enrollment
from transcripts.models import Certificate, CreditEntry

FINISH_LIMIT = 600  # seconds until the last certificate must be there


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
        processes.prepare()
        with processes.portal() as port:
            seats = webinar.about_to_finish(people)
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


# --- The moment -------------------------------------------------------------


def _finish_all(seats: list[Enrollment], port: int) -> dict[str, Any]:
    visitors = [webinar.Visitor(held, port) for held in seats]
    with ThreadPoolExecutor(max_workers=len(visitors)) as pool:
        list(pool.map(webinar.Visitor.open, visitors))
        begun = time.monotonic()
        statuses = list(pool.map(webinar.Visitor.hand_in, visitors))
    answered = time.monotonic() - begun
    mine = Enrollment.objects.filter(pk__in=[held.pk for held in seats])
    completions = Completion.objects.filter(enrollment__in=mine)
    entries = CreditEntry.objects.filter(completion__in=completions)
    drawn = Certificate.objects.filter(entry__in=entries).exclude(pdf="")
    processes.wait_until(lambda: entries.count() >= len(seats), limit=FINISH_LIMIT)
    credited = time.monotonic() - begun
    processes.wait_until(lambda: drawn.count() >= len(seats), limit=FINISH_LIMIT)
    certified = time.monotonic() - begun
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


# --- The floor --------------------------------------------------------------


def _bare_drawing(seats: list[Enrollment]) -> float:
    """Seconds to draw and sign as many certificates, one after the other, and nothing else."""
    issued = list(
        Certificate.objects.filter(
            entry__completion__enrollment__in=[held.pk for held in seats]
        ).select_related("entry")
    )
    draw_all(issued[:1])
    return draw_all(issued)["wall"]
