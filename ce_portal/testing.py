"""What every app's tests share (a pytest plugin, see pytest.ini)."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import TransactionTestCase


@pytest.fixture
def noon() -> datetime:
    """A moment: noon UTC on March 2, 2026, which is morning in New York."""
    return datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Any, settings: Any) -> None:
    """No test sees the files, the cached limits or the tasks of another."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            # Without a name of its own every test of the process would share one cache.
            "LOCATION": str(tmp_path),
        }
    }
    settings.CELERY_TASK_ALWAYS_EAGER = False


@pytest.fixture
def sent_tasks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Names and arguments of the tasks that were sent; none of them reaches a broker."""
    sent: list[tuple[str, dict[str, Any]]] = []

    def keep(self: Any, args: Any = None, kwargs: Any = None, **options: Any) -> None:
        sent.append((self.name, kwargs or {}))

    monkeypatch.setattr("ce_portal.celery.PortalTask.apply_async", keep)
    return sent


@pytest.fixture(autouse=True)
def _no_broker(sent_tasks: list[Any]) -> None:
    """Every test: tasks are noted, not sent."""


@pytest.fixture(autouse=True)
def _empty_process_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test: the catalog is read afresh, since the last test's was taken back."""
    for name in ("shelf", "search", "tallies"):
        importlib.import_module(f"courses.{name}").forget()
    monkeypatch.setattr("courses.shelf.CHECK_EVERY", 0)


# Migrations whose triggers make tables append-only. By name: the wiring imports no app, and a
# module cannot begin with a digit in an import.
APPEND_ONLY = (
    "transcripts.migrations.0002_append_only_ledger",
    "transcripts.migrations.0016_append_only_reviews",
    "accounts.migrations.0007_append_only_history",
    "accounts.migrations.0012_append_only_reads",
    "accounts.migrations.0016_append_only_consent",
    "courses.migrations.0023_append_only_attempts",
    "transcripts.migrations.0014_frozen_outside_credit",
    "transcripts.migrations.0019_append_only_practice",
)


@pytest.fixture(autouse=True, scope="session")
def _append_only_tables_that_tests_may_empty() -> Iterator[None]:
    """After a test with real commits Django empties all tables, which append-only ones refuse.

    Their triggers step aside for just that moment, and are in force during every test.
    """
    append_only = [importlib.import_module(name) for name in APPEND_ONLY]
    case: Any = TransactionTestCase
    empty_tables = case._fixture_teardown

    def empty_tables_without_triggers(self: TransactionTestCase) -> None:
        for tables in append_only:
            tables.drop_triggers(connection)
        try:
            empty_tables(self)
        finally:
            for tables in append_only:
                tables.create_triggers(connection)

    case._fixture_teardown = empty_tables_without_triggers
    yield
    case._fixture_teardown = empty_tables
