"""Measure the catalog of this database against a bare page of this portal, in the same run."""

from __future__ import annotations

import gc
import json
import random
import resource
import statistics
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.wsgi import WSGIHandler
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import override_settings
from django.urls import include, path, reverse
from django.utils import timezone

from accounts.models import User
from courses import catalog, listing, made_catalog, shelf
from courses.management.sign_in import cookie_of
from courses.models import Course

ROUNDS = 120  # requests of each kind
FLOOR = "a bare page"


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
        with override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["localhost"]):
            handler = WSGIHandler()
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
        for who, pages in figures["pages"].items():
            floor = pages[FLOOR]
            say(f"\n  {who}: times the wall time of {FLOOR} ({floor['wall'] * 1000:.2f} ms)")
            say(f"  {'':24}{'median':>8}{'p95':>8}{'CPU':>8}{'queries':>9}")
            for kind, page in pages.items():
                say(
                    f"  {kind:24}{page['wall'] / floor['wall']:>8.1f}"
                    f"{page['p95'] / floor['wall']:>8.1f}{page['cpu'] / floor['cpu']:>8.1f}"
                    f"{page['queries']:>9}"
                )
        loading, publishing = figures["loading"], figures["publishing"]
        say(
            f"\n  A process reads the catalog in {loading['seconds']:.2f} s and "
            f"{loading['megabytes']:.0f} MB; writing a listing takes "
            f"{figures['listing'] * 1000:.2f} ms; to publish a course takes "
            f"{publishing['write'] * 1000:.1f} ms, and each process "
            f"{publishing['follow'] * 1000:.1f} ms to follow."
        )


# --- Pages ------------------------------------------------------------------


@login_not_required
def bare(request: HttpRequest) -> HttpResponse:
    """The portal's frame around nothing: the least that a page of this portal can cost."""
    template = engines["django"].from_string('{% extends "base.html" %}')
    return HttpResponse(_template(template).render({}, request))


_templates: list[Any] = []


def _template(template: Any) -> Any:
    """Parsed once, as the loader keeps those of other pages."""
    _templates[:] = _templates or [template]
    return _templates[0]


urlpatterns = [path("bare/", bare), path("", include(settings.ROOT_URLCONF))]


def _measure_pages(handler: WSGIHandler, cookie: str, *, seed: int) -> dict[str, dict[str, float]]:
    rng = random.Random(seed)  # noqa: S311  the same requests every time
    words = made_catalog.queries(seed=seed, n=10 * ROUNDS)
    one = [query for query in words if " " not in query][:ROUNDS]
    two = [query for query in words if " " in query][:ROUNDS]
    labels = shelf.vocabulary().labels

    def facets() -> str:
        chosen = rng.sample(["focus", "board", "type", "format", "level", "price", "method"], 2)
        return urlencode({facet: rng.choice(list(labels[facet])) for facet in chosen})

    kinds: dict[str, list[str]] = {
        FLOOR: ["/bare/"] * ROUNDS,
        "browse": [_catalog()] * ROUNDS,
        "one word": [_catalog(q=query) for query in one],
        "two words": [_catalog(q=query) for query in two],
        "two facets": [f"{_catalog()}?{facets()}" for _ in range(ROUNDS)],
        "deep page": [_catalog(page=rng.randint(2, 400)) for _ in range(ROUNDS)],
    }
    for url in (*kinds[FLOOR][:20], *kinds["browse"][:20]):
        _get(handler, url, cookie)
    taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    queries: dict[str, int] = dict.fromkeys(kinds, 0)
    # Taken in turn, so that whatever else the machine does slows all alike.
    for urls in zip(*kinds.values(), strict=False):
        for kind, url in zip(kinds, urls, strict=True):
            with _Counted() as counted:
                cpu, wall = process_time(), perf_counter()
                _get(handler, url, cookie)
                taken[kind].append((perf_counter() - wall, process_time() - cpu))
            queries[kind] = max(queries[kind], counted.queries)
    pages = {kind: _summary(times, queries[kind]) for kind, times in taken.items()}
    mixed = [time for kind in kinds if kind != FLOOR for time in taken[kind]]
    pages["the mix of these"] = _summary(mixed, max(queries.values()))
    return pages


def _summary(times: list[tuple[float, float]], queries: int) -> dict[str, float]:
    walls = sorted(wall for wall, _ in times)
    return {
        "wall": statistics.median(walls),
        "p95": walls[int(len(walls) * 0.95)],
        "cpu": statistics.median(cpu for _, cpu in times),
        "queries": queries,
    }


def _catalog(**asked: object) -> str:
    query = urlencode(asked)
    return reverse("courses:catalog") + (f"?{query}" if query else "")


class _Counted:
    """Counts queries, also those of caches and sessions that are kept in the database."""

    def __enter__(self) -> _Counted:
        self.queries = 0
        self._wrapper = connection.execute_wrapper(self._count)
        self._wrapper.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._wrapper.__exit__(*exc)

    def _count(self, execute: Callable[..., Any], *args: Any) -> Any:
        self.queries += 1
        return execute(*args)


def _get(handler: WSGIHandler, url: str, cookie: str) -> None:
    address, _, query = url.partition("?")
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": address,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(),
        "HTTP_COOKIE": cookie,
    }
    statuses: list[str] = []
    response = handler(environ, lambda status, headers: statuses.append(status))  # type: ignore[arg-type]
    b"".join(response)
    response.close()
    if not statuses[0].startswith("200"):
        raise CommandError(f"{url} answered {statuses[0]}.")


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
    before = _resident()
    start = perf_counter()
    shelf.vocabulary()
    seconds = perf_counter() - start
    gc.collect()
    return {"seconds": seconds, "megabytes": (_resident() - before) / 2**20}


def _resident() -> float:
    """Bytes of memory that this process holds now."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


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
