"""All that is a person's own as one ZIP file: asked for, made by a worker, removed after a week.

What stands in it is said by ``TABLES`` of the three apps, and what does not by ``LEFT_OUT``. A
worker may die at any moment and a message may come any number of times, as with ``drawing``.
"""

from __future__ import annotations

import json
import logging
import secrets
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.files import File
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse

from accounts import mail
from accounts import personal_data as of_accounts
from accounts.models import User
from accounts.personal_data import Table
from ce_portal import csv_files
from courses.models import (
    Assignment,
    Attempt,
    AttendanceInterval,
    CalendarFeed,
    Completion,
    DataExport,
    Enrollment,
    LessonProgress,
    SavedSearch,
    ShortlistItem,
    WaitlistPlace,
)
from transcripts import drawing, exports, transcript
from transcripts import personal_data as of_transcripts
from transcripts.models import certificate_storage

logger = logging.getLogger(__name__)

FIRST_WAIT = 60  # seconds after the first failed attempt; then twice as long each time
CHUNK = 64 * 1024  # bytes

OF_COURSES = [
    Table(
        "enrollments",
        lambda person: Enrollment.objects.filter(learner=person),
        also=("course__title", "session__starts_at"),
    ),
    Table(
        "lessons",
        lambda person: LessonProgress.objects.filter(enrollment__learner=person),
        also=("lesson__title",),
    ),
    Table(
        # Not the questions as they were shown: they hold the key of a test that others still take.
        "post-tests",
        lambda person: Attempt.objects.filter(enrollment__learner=person),
        without=("shown",),
    ),
    Table(
        "attendance",
        lambda person: AttendanceInterval.objects.filter(enrollment__learner=person),
        also=("recorded_by__legal_name", "voided_by__legal_name"),
        without=("upload",),
    ),
    Table(
        "completions",
        lambda person: Completion.objects.filter(learner=person),
        also=("course__title", "granted_by__legal_name"),
    ),
    Table(
        "waitlist",
        lambda person: WaitlistPlace.objects.filter(learner=person),
        also=("session__course__title", "session__starts_at"),
    ),
    Table("saved-searches", lambda person: SavedSearch.objects.filter(owner=person)),
    Table(
        "shortlist",
        lambda person: ShortlistItem.objects.filter(owner=person),
        also=("course__title",),
    ),
    Table(
        "calendar-address",
        lambda person: CalendarFeed.objects.filter(owner=person),
        without=("token",),
    ),
    Table(
        "assignments",
        lambda person: Assignment.objects.filter(
            Q(supervision__trainee=person) | Q(supervision__supervisor=person)
        ),
        also=("course__title", "topic__name", "focus_area__name"),
        readable=lambda rows, person, at: rows.received_by(person) | rows.given_by(person, at=at),
    ),
    Table(
        "data-exports",
        lambda person: DataExport.objects.filter(person=person),
        without=("file", "attempts", "failure", "lease", "leased_until"),
    ),
]
TABLES = [*of_accounts.TABLES, *of_transcripts.TABLES, *OF_COURSES]
LEFT_OUT = {
    **of_accounts.LEFT_OUT,
    **of_transcripts.LEFT_OUT,
    "courses.AttendanceUpload": "Reports of a whole session, which name others",
}

README = """\
This file holds what CE Portal knows of {person}, as of {at:%B %d, %Y, %H:%M} UTC.

data/          one file for each subject, in JSON: a list of rows, oldest first
transcript.csv the transcript as a table
certificates/  the signed certificates
evidence/      the proofs of training taken elsewhere, as they were uploaded

Left out are secrets (passwords, keys, addresses that open something), the questions of post-tests,
which others still take, the reports of whole sessions, which name others, and evaluations: they
carry no name, so nobody can say which are yours. Notes that a supervisor keeps to themselves are
theirs, and what trainees share is here only while they share it.
{missing}"""


def make(*, export_id: str, at: datetime) -> None:
    """Make the file of a queued export, unless a worker is at it, and promise the mail.

    A failure is kept on the row and tried again later, a bounded number of times.
    """
    export = _claim(export_id, at=at)
    if export is None:
        return
    try:
        if not _take_over(export):
            return
        with tempfile.TemporaryFile() as archive:
            _write(archive, export, at=at)
            size = archive.tell()
            archive.seek(0)
            certificate_storage().save(export.file.name, File(archive))
        is_ours = _finish(export, size=size, at=at)
    # Whatever it was, it stands on the row; a storage may raise what we have never seen.
    except Exception as error:
        logger.exception("The data export %s could not be made.", export.pk)
        _fail(export, error, at=at)
        is_ours = False
    # A commit may have held although its answer was lost.
    if not is_ours and not _is_used(export):
        _remove_unready(export)


def _claim(export_id: str, *, at: datetime) -> DataExport | None:
    """Take the export for as long as the lease; None if it is not to be had."""
    before = DataExport.objects.get(pk=export_id)
    lease = secrets.token_hex(8)
    claimed = (
        DataExport.objects.claimable(at=at)
        # As it was read: what is removed afterwards must be what this claim takes over.
        .filter(pk=export_id, lease=before.lease, file=before.file.name, person__is_active=True)
        .update(
            lease=lease,
            leased_until=at + DataExport.LEASE,
            attempts=F("attempts") + 1,
            done=0,
            file=before.file.name or _new_file(before, lease=lease),
        )
    )
    if not claimed:
        return None
    return DataExport.objects.select_related("person").get(pk=export_id)


def _new_file(export: DataExport, *, lease: str) -> str:
    """A name that no other attempt uses, and that is noted before there is a file."""
    return f"personal-data/{export.pk}-{lease}.zip"


def _take_over(export: DataExport) -> bool:
    """Remove what an earlier attempt left, and only then name the new file; False if the lease is
    gone.

    So no file is there that the row does not know of. Raises OSError if the storage refuses.
    """
    name = _new_file(export, lease=export.lease)
    if export.file.name == name:
        return True
    if not drawing.remove_file(export.file.name):
        raise OSError("The storage does not let go of an earlier file.")
    export.file.name = name
    return bool(DataExport.objects.filter(pk=export.pk, lease=export.lease).update(file=name))


def _write(archive: Any, export: DataExport, *, at: datetime) -> None:
    person = export.person
    documents = list(of_transcripts.files(person))
    parts = len(TABLES) + len(documents)
    mine = DataExport.objects.filter(pk=export.pk, lease=export.lease)
    missing = []
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as kept:
        for done, table in enumerate(TABLES):
            mine.update(done=done, parts=parts)
            with kept.open(f"data/{table.name}.json", "w") as file:
                for piece in _as_json(table, person, at=at):
                    file.write(piece.encode())
        own = transcript.build(holder=person, reader=person, at=at)
        kept.writestr("transcript.csv", csv_files.text(exports.csv_rows(own)))
        for done, (name, document) in enumerate(documents, start=len(TABLES)):
            mine.update(done=done)
            try:
                source = document.open("rb")
            except FileNotFoundError:
                missing.append(name)
                continue
            with source, kept.open(zipfile.ZipInfo(name, at.timetuple()[:6]), "w") as file:
                for chunk in source.chunks(CHUNK):
                    file.write(chunk)
        kept.writestr(
            "README.txt",
            README.format(
                person=person.legal_name,
                at=at.astimezone(UTC),
                missing="".join(f"\nNot to be found just now: {name}" for name in missing),
            ),
        )


def _as_json(table: Table, person: User, *, at: datetime) -> Iterator[str]:
    """A list, piece by piece: a row at a time is in memory."""
    before = "["
    for row in table.told(person, at=at):
        yield f"{before}\n{json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


@transaction.atomic
def _finish(export: DataExport, *, size: int, at: datetime) -> bool:
    """Say that the file is there and promise the mail; False if the lease is gone."""
    ready = DataExport.objects.filter(
        pk=export.pk, lease=export.lease, state=DataExport.State.QUEUED, person__is_active=True
    ).update(
        state=DataExport.State.READY,
        done=F("parts"),
        size=size,
        ready_at=at,
        expires_at=at + DataExport.KEPT,
        failure="",
        lease="",
    )
    if ready:
        mail.post(
            recipient=export.person,
            kind="data-export",
            key=f"data-export:{export.pk}",
            template="data_export",
            context={"path": reverse("courses:personal_data"), "until": at + DataExport.KEPT},
            at=at,
        )
    return bool(ready)


def _fail(export: DataExport, error: Exception, *, at: datetime) -> None:
    is_final = export.attempts >= DataExport.MOST_ATTEMPTS
    DataExport.objects.filter(pk=export.pk, lease=export.lease).update(
        state=DataExport.State.FAILED if is_final else DataExport.State.QUEUED,
        failure=f"{type(error).__name__}: {error}"[:2000],
        lease="",
        leased_until=at + timedelta(seconds=FIRST_WAIT * 2 ** (export.attempts - 1)),
    )


def _is_used(export: DataExport) -> bool:
    ready = DataExport.objects.filter(pk=export.pk, state=DataExport.State.READY)
    return ready.filter(file=export.file.name).exists()


def _remove_unready(export: DataExport) -> None:
    """Remove a file, and only then what the row knows of it, or it could be forgotten."""
    if drawing.remove_file(export.file.name):
        unready = DataExport.objects.exclude(state=DataExport.State.READY)
        unready.filter(pk=export.pk, file=export.file.name).update(file="")


def give_up_stuck(*, at: datetime) -> int:
    """Fail what killed its worker in every attempt, so that its person may ask anew."""
    return DataExport.objects.stuck(at=at).update(
        state=DataExport.State.FAILED,
        failure=f"The worker was stopped in each of {DataExport.MOST_ATTEMPTS} attempts.",
        lease="",
    )


def remove_expired(*, at: datetime, limit: int) -> None:
    """Remove the files that are not to be had any more."""
    rows = DataExport.objects.with_a_needless_file(at=at).order_by("pk")
    for pk, name in list(rows.values_list("pk", "file")[:limit]):
        if drawing.remove_file(name):
            DataExport.objects.filter(pk=pk, file=name).update(file="")
