"""The report of a meeting tool: kept as it is, and confirmed once somebody has seen its preview.

Reading the file is ``attendance_files``' part, letting it count ``attendance_import``'s.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import User
from ce_portal import formats
from courses import attendance_files, tasks
from courses.models import AttendanceUpload, Enrollment, Session


class AttendanceUploadError(Exception):
    """Why a report cannot be kept or applied, in a sentence for the curator."""


@transaction.atomic
def keep(
    *, session: Session, file_name: str, content: bytes, time_zone: str, by: User, at: datetime
) -> AttendanceUpload:
    """Keep a report as it was handed in. Nothing counts by it yet.

    The same file, its times read in the same zone, is the one that was kept before.
    Locks the session.
    Raises AttendanceUploadError if the session has not begun or is cancelled, or if the file is no
    report that can be read.
    """
    session = Session.objects.select_for_update(of=["self"]).get(pk=session.pk)
    _require_held(session, at=at)
    try:
        report = attendance_files.read(content, zone=ZoneInfo(time_zone), near=session.starts_at)
    except attendance_files.AttendanceFileError as error:
        raise AttendanceUploadError(str(error)) from error
    upload, _created = AttendanceUpload.objects.get_or_create(
        session=session,
        sha256=hashlib.sha256(content).hexdigest(),
        time_zone=time_zone,
        defaults={
            "file_name": _clean_name(file_name),
            "content": content,
            "unreadable": len(report.problems) + report.more_problems,
            "uploaded_by": by,
            "uploaded_at": at,
        },
    )
    return upload


def _clean_name(file_name: str) -> str:
    clean = "".join(letter if letter.isprintable() else " " for letter in file_name[:200])
    return clean.strip() or "report"


def _require_held(session: Session, *, at: datetime) -> None:
    if session.cancelled_at is not None:
        raise AttendanceUploadError("This session was cancelled.")
    if session.starts_at > at:
        raise AttendanceUploadError("The session has not begun.")


@transaction.atomic
def confirm(
    *,
    upload: AttendanceUpload,
    assigned: dict[str, str],
    leaves_out_problems: bool,
    by: User,
    at: datetime,
) -> AttendanceUpload:
    """Say that a report is to count, as its preview showed.

    ``assigned`` names the enrollment (by id) of people whom no address matched.
    Locks the session, so that a report is confirmed once.
    After commit, a worker applies it, and gives the credit to those who then have everything.
    Raises AttendanceUploadError if it was confirmed before, if the session is cancelled, if lines
    cannot be read and nobody said to leave them out, or if somebody is assigned to a seat that is
    not of this session.
    """
    session = Session.objects.select_for_update(of=["self"]).get(pk=upload.session_id)
    upload = AttendanceUpload.objects.select_related("confirmed_by").get(pk=upload.pk)
    if upload.confirmed_at is not None:
        moment = formats.show_moment(upload.confirmed_at, session.tz)
        raise AttendanceUploadError(
            f"{upload.confirmed_by} applied this report on {moment}. Nothing is added now."
        )
    _require_held(session, at=at)
    seats = Enrollment.objects.filter(session=session).values_list("pk", flat=True)
    if not set(assigned.values()) <= {str(pk) for pk in seats}:
        raise AttendanceUploadError("Choose learners who are enrolled in this session.")
    if upload.unreadable and not leaves_out_problems:
        raise AttendanceUploadError(
            "Some lines cannot be read. Say that they are left out, or upload another report."
        )
    upload.assigned, upload.confirmed_by, upload.confirmed_at = assigned, by, at
    upload.save(update_fields=["assigned", "confirmed_by", "confirmed_at"])
    tasks.apply_attendance_upload.delay_on_commit(upload_id=str(upload.pk))  # type: ignore[attr-defined]
    return upload
