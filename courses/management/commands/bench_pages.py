"""Measure the course page and a long transcript against a bare page of this portal."""

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
        "Measure the course page and a long transcript as ratios to a page that is nothing but the "
        "portal's frame. Needs a database of its own (VAR_DIR, or DATABASE_URL and REDIS_URL)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--entries", type=int, default=200)
        parser.add_argument("--out", type=Path, help="file that gets the figures as a line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        processes.prepare()
        holder = credit.of_one_person(options["entries"])
        issued = Certificate.objects.filter(entry__holder=holder)
        for certificate_id in issued.undrawn().values_list("pk", flat=True):
            drawing.draw(certificate_id=certificate_id, at=timezone.now())
        processes.empty_queues()
        courses = Course.objects.published().order_by("pk")
        kinds = {
            pages.FLOOR: [pages.BARE] * ROUNDS,
            "a course": list(islice(cycle(c.get_absolute_url() for c in courses), ROUNDS)),
        }
        transcript = f"transcript, {options['entries']} entries"
        own = {transcript: [reverse("transcripts:transcript")] * ROUNDS}
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
                )
            }
        for who, taken in figures.items():
            self.stdout.write(
                f"{connection.vendor}, {who}: " + "\n  ".join(pages.table(taken)) + "\n"
            )
        if options["out"]:
            with options["out"].open("a") as file:
                file.write(json.dumps({"database": connection.vendor, "pages": figures}) + "\n")
