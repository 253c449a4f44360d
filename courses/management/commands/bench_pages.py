"""Measure the course page, a long transcript and a supervisor's desk against a bare page."""

from __future__ import annotations

import json
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from courses.management import credit, pages, processes
from courses.management.sign_in import cookie_of
from courses.models import Course
from transcripts import drawing
from transcripts.models import Certificate

ROUNDS = 60  # requests of each kind


class Command(BaseCommand):
    help = (
        "Measure the course page, a long transcript and a supervisor's desk as ratios to a page "
        "that is nothing but the portal's frame. Needs a database of its own (VAR_DIR, or "
        "DATABASE_URL and REDIS_URL)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--entries", type=int, default=200)
        parser.add_argument("--trainees", type=int, default=200)
        parser.add_argument("--entries-each", type=int, default=100, help="of every trainee")
        parser.add_argument("--out", type=Path, help="file that gets the figures as a line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        processes.prepare()
        holder = credit.of_one_person(options["entries"])
        issued = Certificate.objects.filter(entry__holder=holder)
        for certificate_id in issued.undrawn().values_list("pk", flat=True):
            drawing.draw(certificate_id=certificate_id, at=timezone.now())
        courses = Course.objects.published().order_by("pk")
        kinds = {
            pages.FLOOR: [pages.BARE] * ROUNDS,
            "a course": list(islice(cycle(c.get_absolute_url() for c in courses), ROUNDS)),
        }
        transcript = f"transcript, {options['entries']} entries"
        own = {transcript: [reverse("transcripts:transcript")] * ROUNDS}
        trainees, entries = options["trainees"], options["entries_each"]
        supervisor = credit.of_trainees(trainees, entries)
        processes.empty_queues()
        desk = {
            pages.FLOOR: [pages.BARE] * ROUNDS,
            f"desk, {trainees} trainees": [reverse("courses:desk")] * ROUNDS,
        }
        empty = {
            pages.FLOOR: [pages.BARE] * ROUNDS,
            "empty desk": [reverse("courses:desk")] * ROUNDS,
        }
        with pages.handler() as handler:
            figures = {
                who: pages.measure(
                    handler,
                    asked,
                    cookie,
                    warm=[url for urls in asked.values() for url in urls[:5]],
                )
                for who, asked, cookie in (
                    ("anonymous", kinds, ""),
                    ("signed in", kinds | own, cookie_of(holder)),
                    ("who supervises nobody", empty, cookie_of(holder)),
                    (f"a supervisor, {entries} entries each", desk, cookie_of(supervisor)),
                )
            }
        for who, taken in figures.items():
            self.stdout.write(
                f"{connection.vendor}, {who}: " + "\n  ".join(pages.table(taken)) + "\n"
            )
        if options["out"]:
            with options["out"].open("a") as file:
                file.write(json.dumps({"database": connection.vendor, "pages": figures}) + "\n")
