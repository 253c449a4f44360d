"""The words of courses in the database's full text: the one module that knows which database it is.

PostgreSQL keeps a ``tsvector`` with a GIN index, SQLite an FTS5 table. Both are given lexemes that
``courses.words`` made, and are asked for nothing but words and phrases within one field; "and",
"not" and the order of results are decided in ``courses.shelf``. So both find the same courses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from django.db import connection

from courses.words import Group

# From the one that counts most: title; topics, focus areas and instructors; summary and objectives.
FIELDS = ("title", "shelf", "text")
WEIGHTS = "ABC"  # of PostgreSQL, one for each field

MAX_POSITION = 16_000  # PostgreSQL stops counting at 16,383
GAP = "_"  # between two items of a field, so that no phrase spans them; no lexeme looks like it

Fields = Sequence[Sequence[Sequence[str]]]  # for each field its items, each in lexemes


def write(documents: Iterable[tuple[int, Fields]]) -> None:
    """Keep the words of these courses, in place of what was kept before."""
    documents = list(documents)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.executemany(
                "INSERT INTO courses_searchdocument (course_id, words) VALUES (%s, %s::tsvector) "
                "ON CONFLICT (course_id) DO UPDATE SET words = excluded.words",
                [(course_id, _tsvector(fields)) for course_id, fields in documents],
            )
        else:
            cursor.executemany(
                "DELETE FROM courses_searchdocument WHERE rowid = %s",
                [(course_id,) for course_id, _ in documents],
            )
            cursor.executemany(
                "INSERT INTO courses_searchdocument (rowid, title, shelf, text) "
                "VALUES (%s, %s, %s, %s)",
                [(course_id, *map(_column, fields)) for course_id, fields in documents],
            )


def find(group: Group) -> list[np.ndarray]:
    """The ids of the courses that hold any of the group's phrases: in the title, on the shelf, and
    anywhere. Of a group that is for titles alone, the first.

    In no order, and with courses that are not in the catalog any more.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            return _find_in_postgresql(cursor, group)
        return _find_in_sqlite(cursor, group)


def _find_in_postgresql(cursor: Any, group: Group) -> list[np.ndarray]:
    # One pass over the documents; the lowest bits of each number say in which fields.
    fields = "0"
    asked = [_tsquery(group, "A")]
    if not group.is_for_titles:
        fields = "(words @@ %s::tsquery)::int + (words @@ %s::tsquery)::int * 2"
        asked = [_tsquery(group, "A"), _tsquery(group, "B"), _tsquery(group)]
    cursor.execute(
        f"SELECT string_agg(int8send(course_id * 4 + {fields}), ''::bytea) "  # noqa: S608
        "FROM courses_searchdocument WHERE words @@ %s::tsquery",
        asked,
    )
    numbers = np.frombuffer(cursor.fetchone()[0] or b"", dtype=">i8").astype(np.int64)
    ids = numbers >> 2
    if group.is_for_titles:
        return [ids]
    return [ids[numbers & 1 == 1], ids[numbers & 2 == 2], ids]


def _find_in_sqlite(cursor: Any, group: Group) -> list[np.ndarray]:
    phrases = " OR ".join(f'"{" ".join(phrase)}"' for phrase in group.alternatives)
    asked = [f"{{title}} : ({phrases})"]
    if not group.is_for_titles:
        asked += [f"{{shelf}} : ({phrases})", phrases]
    one = (
        "SELECT group_concat(rowid) FROM courses_searchdocument "
        "WHERE courses_searchdocument MATCH %s"
    )
    cursor.execute(" UNION ALL ".join([one] * len(asked)), asked)
    return [
        np.fromstring(ids, dtype=np.int64, sep=",") if ids else np.empty(0, np.int64)
        for (ids,) in cursor.fetchall()
    ]


def _tsvector(fields: Fields) -> str:
    parts, position = [], 0
    for weight, items in zip(WEIGHTS, fields, strict=True):
        for item in items:
            position += 1
            for lexeme in item:
                position = min(position + 1, MAX_POSITION)
                parts.append(f"{lexeme}:{position}{weight}")
    return " ".join(parts)


def _tsquery(group: Group, weight: str = "") -> str:
    """In the field of that weight, or in any."""
    return " | ".join(
        f"({' <-> '.join(f'{lexeme}:{weight}' for lexeme in phrase)})"
        for phrase in group.alternatives
    )


def _column(items: Sequence[Sequence[str]]) -> str:
    return f" {GAP} ".join(" ".join(item) for item in items)
