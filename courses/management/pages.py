"""Pages of this portal, asked for inside this process, for benchmarks: time, CPU time, queries."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Container, Iterable, Iterator
from functools import cache
from io import BytesIO
from time import perf_counter, process_time
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.wsgi import WSGIHandler
from django.core.management.base import CommandError
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import override_settings
from django.urls import include, path

BARE = "/bare/"
FLOOR = "a bare page"
MIX = "the mix of these"

Figures = dict[str, float]


@login_not_required
def bare(request: HttpRequest) -> HttpResponse:
    """The portal's frame around nothing: the least that a page of this portal can cost."""
    return HttpResponse(_frame().render({}, request))


@cache
def _frame() -> Any:
    """Parsed once, as the loader keeps those of other pages."""
    return engines["django"].from_string('{% extends "base.html" %}')


urlpatterns = [path(BARE[1:], bare), path("", include(settings.ROOT_URLCONF))]


@contextlib.contextmanager
def handler() -> Iterator[WSGIHandler]:
    """The portal with the bare page."""
    with override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["localhost"]):
        yield WSGIHandler()


def measure(
    handler: WSGIHandler,
    kinds: dict[str, list[str]],
    cookie: str,
    *,
    warm: Iterable[str],
    mix: Container[str] = (),
) -> dict[str, Figures]:
    """Figures of each kind of page, from the addresses that it names, after those to warm up with.

    With ``mix``, also of these kinds together.
    Taken in turn, so that whatever else the machine does slows all alike.
    """
    for url in warm:
        _get(handler, url, cookie)
    taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    queries: dict[str, int] = dict.fromkeys(kinds, 0)
    for row in zip(*kinds.values(), strict=False):
        for kind, url in zip(kinds, row, strict=True):
            with _Counted() as counted:
                cpu, wall = process_time(), perf_counter()
                _get(handler, url, cookie)
                taken[kind].append((perf_counter() - wall, process_time() - cpu))
            queries[kind] = max(queries[kind], counted.queries)
    if mixed := [time for kind in kinds if kind in mix for time in taken[kind]]:
        taken[MIX] = mixed
        queries[MIX] = max(queries.values())
    return {kind: _summary(times, queries[kind]) for kind, times in taken.items()}


def table(figures: dict[str, Figures]) -> Iterator[str]:
    """The figures as times those of the bare page."""
    floor = figures[FLOOR]
    yield f"times the wall time of {FLOOR} ({floor['wall'] * 1000:.2f} ms)"
    yield f"{'':24}{'median':>8}{'p95':>8}{'CPU':>8}{'queries':>9}"
    for kind, page in figures.items():
        yield (
            f"{kind:24}{page['wall'] / floor['wall']:>8.1f}{page['p95'] / floor['wall']:>8.1f}"
            f"{page['cpu'] / floor['cpu']:>8.1f}{page['queries']:>9}"
        )


def _summary(times: list[tuple[float, float]], queries: int) -> Figures:
    walls = sorted(wall for wall, _ in times)
    return {
        "wall": statistics.median(walls),
        "p95": walls[int(len(walls) * 0.95)],
        "cpu": statistics.median(cpu for _, cpu in times),
        "queries": queries,
    }


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
