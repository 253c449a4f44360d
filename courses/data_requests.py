"""Asking for one's own data as a file; a worker makes it (``personal_data``)."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import User
from courses import tasks
from courses.models import DataExport


@transaction.atomic
def ask(*, person: User, at: datetime) -> DataExport:
    """Have the person's data put into a file. While one is being made, that one is it.

    Earlier files are not to be had any more. After commit, a worker makes it, and a mail tells.
    """
    try:
        with transaction.atomic():
            export = DataExport.objects.create(person=person, asked_at=at, leased_until=at)
    except IntegrityError:
        return DataExport.objects.get(person=person, state=DataExport.State.QUEUED)
    DataExport.objects.filter(person=person).expire(at=at)
    tasks.make_data_export.delay_on_commit(export_id=str(export.pk))  # type: ignore[attr-defined]
    return export
