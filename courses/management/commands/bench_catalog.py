"""Measure the catalog of this database against a bare page of this portal, in the same run."""

from __future__ import annotations

import gc
import json
import random
import statistics
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

from django.core.handlers.wsgi import WSGIHandler
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from courses import catalog, listing, made_catalog, shelf
from courses.management import pages, processes
from courses.management.sign_in import cookie_of
from courses.models import Course

ROUNDS = 120  # requests of each kind
WARM_UP = 20  # requests of each kind


class Command(BaseCommand):
    help = (
        "Measure the catalog page of this database, filled by make_catalog, as ratios to a page "
        "that is nothing but the portal's frame. Prints a table and adds a line to a file."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, help="file that gets the figures as a line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if not Course.objects.published().exists():
            raise CommandError("There is no catalog to measure: run make_catalog first.")
        figures: dict[str, Any] = {
            "database": connection.vendor,
            "courses": Course.objects.count(),
            "listing": _measure_listing(),
            "loading": _measure_loading(),
            "pages": {},
        }
        with pages.handler() as handler:
            for seed, (who, cookie) in enumerate(
                (("anonymous", ""), ("signed in", _session_of_somebody()))
            ):
                figures["pages"][who] = _measure_pages(handler, cookie, seed=seed)
        figures["publishing"] = _measure_publishing()
        self._print(figures)
        if options["out"]:
            with options["out"].open("a") as file:
                file.write(json.dumps(figures) + "\n")

    def _print(self, figures: dict[str, Any]) -> None:
        say = self.stdout.write
        say(f"{figures['courses']:,} courses, {figures['database']}")
        for who, taken in figures["pages"].items():
            say(f"\n  {who}: " + "\n  ".join(pages.table(taken)))
        loading, publishing = figures["loading"], figures["publishing"]
        say(
            f"\n  A process reads the catalog in {loading['seconds']:.2f} s and "
            f"{loading['megabytes']:.0f} MB; writing a listing takes "
            f"{figures['listing'] * 1000:.2f} ms; to publish a course takes "
            f"{publishing['write'] * 1000:.1f} ms, and each process "
            f"{publishing['follow'] * 1000:.1f} ms to follow."
        )


# --- Pages ------------------------------------------------------------------


def _measure_pages(handler: WSGIHandler, cookie: str, *, seed: int) -> dict[str, pages.Figures]:
    rng = random.Random(seed)  # noqa: S311  the same requests every time
    words = made_catalog.queries(seed=seed, n=10 * ROUNDS)
    one = [query for query in words if " " not in query][:ROUNDS]
    two = [query for query in words if " " in query][:ROUNDS]
    labels = shelf.vocabulary().labels

    def facets() -> str:
        chosen = rng.sample(["focus", "board", "type", "format", "level", "price", "method"], 2)
        return urlencode({facet: rng.choice(list(labels[facet])) for facet in chosen})

    kinds: dict[str, list[str]] = {
        pages.FLOOR: [pages.BARE] * ROUNDS,
        "browse": [_catalog()] * ROUNDS,
        "one word": [_catalog(q=query) for query in one],
        "two words": [_catalog(q=query) for query in two],
        "two facets": [f"{_catalog()}?{facets()}" for _ in range(ROUNDS)],
        "deep page": [_catalog(page=rng.randint(2, 400)) for _ in range(ROUNDS)],
    }
    mix = kinds.keys() - {pages.FLOOR}
    return pages.measure(handler, kinds, cookie, warm=[pages.BARE, _catalog()] * WARM_UP, mix=mix)


def _catalog(**asked: object) -> str:
    query = urlencode(asked)
    return reverse("courses:catalog") + (f"?{query}" if query else "")


def _session_of_somebody() -> str:
    user, _ = User.objects.get_or_create(
        email="bench@example.com", defaults={"legal_name": "Bench Marker"}
    )
    return cookie_of(user)


# --- What is behind them ----------------------------------------------------


def _measure_listing() -> float:
    """Seconds to write one listing, when a thousand are written."""
    ids = list(Course.objects.published().order_by("pk").values_list("pk", flat=True)[:1000])
    listing.relist(ids[:1])
    start = perf_counter()
    listing.relist(ids)
    return (perf_counter() - start) / len(ids)


def _measure_loading() -> dict[str, float]:
    shelf.forget()
    gc.collect()
    before = processes.resident()
    start = perf_counter()
    shelf.vocabulary()
    seconds = perf_counter() - start
    gc.collect()
    return {"seconds": seconds, "megabytes": (processes.resident() - before) / 2**20}


def _measure_publishing() -> dict[str, float]:
    """Retire and publish again: the write, and what each process does to follow it."""
    at, today = timezone.now(), timezone.localdate()
    writes, follows = [], []
    live = Course.objects.published().filter(format=Course.Format.LIVE_WEBINAR)
    for course in live.order_by("-published_at")[:200]:
        if not course.agenda.exists():
            course.agenda.create(part="Teaching", minutes=int(course.hours * 60))
        if catalog.gate(course, on=today):
            continue
        catalog.retire(course=course, at=at)
        shelf.count(shelf.Wanted(), at=at, zone=timezone.get_current_timezone())
        start = perf_counter()
        catalog.publish(course=course, at=at, on=today)
        writes.append(perf_counter() - start)
        state_read = perf_counter()
        _follow()
        follows.append(perf_counter() - state_read)
        if len(writes) == 10:
            break
    if not writes:
        raise CommandError("No course of this catalog can be published again.")
    return {"write": statistics.median(writes), "follow": statistics.median(follows)}


def _follow() -> None:
    """One question right after the change, without the pause in which a version is trusted."""
    pause, shelf.CHECK_EVERY = shelf.CHECK_EVERY, 0
    try:
        shelf.versions([])
    finally:
        shelf.CHECK_EVERY = pause
