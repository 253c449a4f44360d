"""The trace that every read of somebody else's record leaves, and that the person can see.

A door (a view, a page of the admin) calls ``record`` before it answers: without its trace nothing
is shown. A read is kept as long as the record it is of, which is longer than the account: a
question about it may come years later.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from accounts.models import RecordRead, Scope, Supervision, User

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

MOST_DETAIL = 200  # characters


@dataclass(frozen=True)
class Look:
    """What one reader saw of one thing on one day, in words for the person whose it is."""

    day: date
    reader_name: str
    capacity: str
    what: str
    detail: str
    times: int
    first: datetime
    last: datetime


def record(
    *,
    reader: User | AnonymousUser,
    person: User,
    what: str,
    at: datetime,
    detail: str = "",
    capacity: str = "",
) -> None:
    """Note that the reader is shown something of the person's record; of one's own, nothing.

    ``what`` is one of ``RecordRead.What``; ``detail`` says which one, such as a certificate's code.
    Without a ``capacity`` the reader reads as staff if they are, else as a supervisor.
    One INSERT, no question.
    """
    if reader.pk != person.pk:
        _read(reader, person.pk, what, at, detail, capacity).save(force_insert=True)


def record_many(
    *,
    reader: User | AnonymousUser,
    people: Iterable[User],
    what: str,
    at: datetime,
    detail: str = "",
    capacity: str = "",
) -> None:
    """The same for everybody whom a page or a file shows, each once, in one INSERT."""
    others = {person.pk for person in people} - {reader.pk}
    RecordRead.objects.bulk_create(
        [_read(reader, person, what, at, detail, capacity) for person in sorted(others)],
        batch_size=1000,
    )


def read_as(*, reader: User, person: User, scope: Scope, at: datetime) -> str:
    """As what one reads that part of the record now, for a door that staff use too.

    Staff who supervise the person read what is shared with them as a supervisor.
    """
    supervised = (
        Supervision.objects.active(at=at)
        .sharing(scope)
        .filter(supervisor=reader.pk, trainee=person.pk)
    )
    if reader.is_staff and supervised.exists():
        return RecordRead.Capacity.SUPERVISOR
    return ""


def looks(rows: Iterable[Mapping[str, Any]]) -> list[Look]:
    """Rows of ``RecordRead.objects.by_day`` in words."""
    return [
        Look(
            day=row["day"],
            reader_name=row["reader_name"],
            capacity=RecordRead.Capacity(row["capacity"]).label,
            what=RecordRead.What(row["what"]).label,
            detail=row["detail"],
            times=row["times"],
            first=row["first"],
            last=row["last"],
        )
        for row in rows
    ]


def _read(
    reader: User | AnonymousUser,
    person: uuid.UUID,
    what: str,
    at: datetime,
    detail: str,
    capacity: str,
) -> RecordRead:
    if not isinstance(reader, User):
        raise TypeError("Nobody reads a record without an account.")
    acts_as_staff = reader.is_staff and not reader.lacks_second_factor
    usual = RecordRead.Capacity.STAFF if acts_as_staff else RecordRead.Capacity.SUPERVISOR
    return RecordRead(
        reader=reader,
        person_id=person,
        reader_name=reader.legal_name,
        capacity=capacity or usual,
        what=RecordRead.What(what),
        detail=detail[:MOST_DETAIL],
        read_at=at,
    )
