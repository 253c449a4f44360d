"""The worker's door: ids in, one call."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from ce_portal.clocks import is_over
from courses import (
    assignments,
    attendance_import,
    closing,
    listing,
    personal_data,
    reminders,
    saved,
    waitlist,
)
from courses import enrollment as enrollment_story
from courses.models import (
    AttendanceUpload,
    DataExport,
    Enrollment,
    SavedSearch,
    SearchTally,
    Session,
)
from courses.models.tallies import Count

logger = logging.getLogger(__name__)

SWEEP_PERIOD = 60 * 60  # seconds
SETTLING_PERIOD = 60  # seconds
SWEEP_SIZE = 500  # searches that one sweep asks about
SETTLED_WITHIN = timedelta(minutes=5)  # or the message was lost
MADE_WITHIN = timedelta(minutes=1)  # or the message was lost
REMIND_PERIOD = 10 * 60  # seconds
REMIND_SIZE = 500  # reminders of one kind that one sweep asks for
EXPIRE_PERIOD = 10 * 60  # seconds
EXPIRE_SIZE = 500  # enrollments that one sweep ends
KNOWN_FOR = 60 * 60  # seconds in which a batch of counts that comes again is known


@shared_task(name="courses.mail_new_courses")
def mail_new_courses(*, saved_search_id: str) -> None:
    """Tell the owner of a saved search what was published since, unless told this week."""
    saved.tell(search_id=saved_search_id, at=timezone.now())


@shared_task(name="courses.mail_due_saved_searches")
def mail_due_saved_searches() -> None:
    """Ask what is new in each saved search whose week is over."""
    due = SavedSearch.objects.due(at=timezone.now()).order_by("seen_until")
    for saved_search_id in due.values_list("pk", flat=True)[:SWEEP_SIZE]:
        # What a worker did not come to by then, the next sweep asks for anew.
        mail_new_courses.apply_async(
            kwargs={"saved_search_id": str(saved_search_id)}, expires=SWEEP_PERIOD
        )


@shared_task(name="courses.remind")
def remind(*, enrollment_id: str, kind: str) -> None:
    """Remind one learner of one thing, if it is still due."""
    reminders.remind(enrollment_id=enrollment_id, kind=kind, at=timezone.now())


@shared_task(name="courses.remind_learners")
def remind_learners() -> None:
    """Ask for every reminder that is due and was not promised."""
    for kind in reminders.REMINDERS:
        for enrollment_id in reminders.due(kind=kind, at=timezone.now(), limit=REMIND_SIZE):
            # What a worker did not come to by then, the next sweep asks for anew.
            remind.apply_async(
                kwargs={"enrollment_id": str(enrollment_id), "kind": kind}, expires=REMIND_PERIOD
            )


@shared_task(name="courses.remind_of_assignments")
def remind_of_assignments() -> None:
    """Promise each reminder of an assignment that is due and was not given."""
    now = timezone.now()
    for assignment_id in assignments.due(at=now, limit=REMIND_SIZE):
        assignments.remind(assignment_id=assignment_id, at=now)


@shared_task(name="courses.expire_enrollment")
def expire_enrollment(*, enrollment_id: str) -> None:
    """End one enrollment, if its time is over."""
    enrollment = Enrollment.objects.get(pk=enrollment_id)
    enrollment_story.expire(enrollment=enrollment, at=timezone.now())


@shared_task(name="courses.expire_enrollments")
def expire_enrollments() -> None:
    """End every enrollment whose time is over. Nothing can be handed in since then anyway.

    By lot, so that those which stay because only the host's record is missing stop no others.
    """
    over = Enrollment.objects.in_progress().filter(expires_at__lte=timezone.now()).order_by("?")
    for enrollment_id in over.values_list("pk", flat=True)[:EXPIRE_SIZE]:
        expire_enrollment.apply_async(
            kwargs={"enrollment_id": str(enrollment_id)}, expires=EXPIRE_PERIOD
        )


@shared_task(name="courses.add_search_tallies")
def add_search_tallies(*, batch: str, counts: list[Count]) -> None:
    """Add what a process has counted. A batch that comes again is dropped, not counted twice."""
    if cache.add(f"search-tallies-{batch}", True, timeout=KNOWN_FOR):
        SearchTally.objects.add(counts)


@shared_task(name="courses.forget_old_search_tallies")
def forget_old_search_tallies() -> None:
    """Delete the counts that nobody is to see, or to see any more."""
    SearchTally.objects.forget_old(at=timezone.now())


# Fifty thousand lines take 8 seconds of CPU; a busy machine stretches them beyond the usual limit.
@shared_task(name="courses.apply_attendance_upload", soft_time_limit=540, time_limit=570)
def apply_attendance_upload(*, upload_id: str, after: str | None = None) -> None:
    """Let a confirmed report count, then give credit for it; a part, and then the next."""
    upload = AttendanceUpload.objects.defer("content").get(pk=upload_id)
    if upload.applied_at is None:
        attendance_import.apply(upload=upload, at=timezone.now())
        upload.refresh_from_db(fields=["applied_at"])
    last = attendance_import.settle(
        upload=upload, after=UUID(after) if after else None, at=timezone.now()
    )
    if last is not None:
        apply_attendance_upload.delay(upload_id=upload_id, after=str(last))


@shared_task(name="courses.apply_confirmed_attendance_uploads")
def apply_confirmed_attendance_uploads() -> None:
    """Ask again for every report that was confirmed and, a while later, is not settled."""
    overdue = AttendanceUpload.objects.filter(
        confirmed_at__lt=timezone.now() - SETTLED_WITHIN, settled_at__isnull=True
    )
    for upload_id in overdue.order_by("confirmed_at").values_list("pk", flat=True):
        apply_attendance_upload.delay(upload_id=str(upload_id))


# A long record has thousands of rows and hundreds of documents.
@shared_task(name="courses.make_data_export", soft_time_limit=540, time_limit=570)
def make_data_export(*, export_id: str) -> None:
    """Make the file of one person's own data, unless that is done or being done."""
    personal_data.make(export_id=export_id, at=timezone.now())


@shared_task(name="courses.make_waiting_data_exports")
def make_waiting_data_exports() -> None:
    """Ask again for every file that a lost message, a killed worker or a failure left unmade."""
    now = timezone.now()
    personal_data.give_up_stuck(at=now)
    waiting = DataExport.objects.claimable(at=now).filter(is_over("asked_at", at=now - MADE_WITHIN))
    for export_id in list(waiting.order_by("asked_at").values_list("pk", flat=True)[:SWEEP_SIZE]):
        make_data_export.apply_async(kwargs={"export_id": str(export_id)}, expires=60)


@shared_task(name="courses.remove_expired_data_exports")
def remove_expired_data_exports() -> None:
    """Remove the files of people's own data whose week is over."""
    personal_data.remove_expired(at=timezone.now(), limit=SWEEP_SIZE)


@shared_task(name="courses.settle_closed_accounts")
def settle_closed_accounts() -> None:
    """Give back what somebody took in the very moment in which they closed their account."""
    closing.settle(at=timezone.now())


@shared_task(name="courses.relist_missing")
def relist_missing() -> None:
    """List what no change has listed: courses of a restored backup, or from before listings."""
    count = listing.relist_missing()
    if count:
        logger.warning("%s courses had no true listing and were relisted.", count)


@shared_task(name="courses.settle_waitlist")
def settle_waitlist(*, session_id: int) -> None:
    """Let lapsed offers of a session go to the next, or close its waitlist."""
    waitlist.promote(session=Session.objects.get(pk=session_id), at=timezone.now())


@shared_task(name="courses.settle_waitlists")
def settle_waitlists() -> None:
    """Ask for every session whose waitlist has something to be done."""
    for session_id in waitlist.due(at=timezone.now()):
        # What a worker did not come to by then, the next sweep asks for anew.
        settle_waitlist.apply_async(kwargs={"session_id": session_id}, expires=SETTLING_PERIOD)
