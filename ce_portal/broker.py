"""The embedded broker: one SQLite file, opened anew each time, for somebody may remove it."""

from __future__ import annotations

import sqlite3
from functools import cache, partial
from pathlib import Path

TIMEOUT = 20  # seconds to wait for another process


def options(path: Path) -> dict[str, object]:
    """What kombu hands to SQLAlchemy. A connection that is kept would go on with a removed file."""
    from sqlalchemy.pool import NullPool  # noqa: PLC0415  (production does without it)

    return {"creator": partial(_connect, path), "poolclass": NullPool}


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=TIMEOUT, check_same_thread=False)
    for statement in _tables():
        connection.execute(statement)
    return connection


@cache
def _tables() -> list[str]:
    """kombu's tables, which it makes once in each process, where they are not there."""
    from kombu.transport.sqlalchemy.models import metadata  # noqa: PLC0415
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415
    from sqlalchemy.schema import CreateIndex, CreateTable  # noqa: PLC0415
    from sqlalchemy.sql import ClauseElement  # noqa: PLC0415

    tables = metadata.sorted_tables
    made: list[ClauseElement] = [
        *(CreateTable(table, if_not_exists=True) for table in tables),
        *(CreateIndex(index, if_not_exists=True) for table in tables for index in table.indexes),
    ]
    return [str(each.compile(dialect=sqlite.dialect())) for each in made]
