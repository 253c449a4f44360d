"""The Celery app, its schedule, and the one way a task is sent."""

from __future__ import annotations

import os
import sys
from typing import Any

from celery import Celery, Task
from celery.beat import PersistentScheduler
from celery.contrib.django.task import DjangoTask
from celery.schedules import schedule
from celery.signals import task_postrun, task_prerun
from django.db import close_old_connections, transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ce_portal.settings")


class PortalTask(DjangoTask):
    """A task whose sending cannot undo or break the request that asked for it."""

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Send after the commit. A broker that is away is logged; the sweep asks again later."""

        # No functools.partial: Django's log line of a failure asks the callback for its name.
        def send() -> None:
            self.delay(*args, **kwargs)

        transaction.on_commit(send, robust=True)


class Scheduler(PersistentScheduler):
    """Beat, which goes on after its broker was away, and after its clock was wrong."""

    # Messages go as a request's do: a connection that beat keeps does not always come back.
    producer = None  # type: ignore[assignment]

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run what is due. What ran in the future, by a clock set right since, is due again."""
        now = self.app.now()
        for entry in self.schedule.values():
            if entry.last_run_at and entry.last_run_at > now:
                entry.last_run_at = now
                self._heap = None  # times by the wrong clock
        seconds: float = super().tick(*args, **kwargs)
        return seconds


app = Celery("ce_portal", task_cls=PortalTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
# Celery would close the pool of database connections before and after each task (its issue 10554),
# which takes as long as to draw a certificate. Django gives the connection back instead.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="reminders")


@task_prerun.connect
@task_postrun.connect
def give_connections_back(sender: Task, **kwargs: Any) -> None:
    """To the pool, which keeps the sound ones for the next task."""
    if not sender.request.is_eager:
        close_old_connections()


app.conf.beat_schedule = {
    "remind-of-licenses-that-expire": {
        "task": "accounts.remind_of_expiring_licenses",
        "schedule": schedule(60.0 * 60),  # seconds
    },
    "remind-of-reviews-that-are-due": {
        "task": "transcripts.remind_of_reviews",
        "schedule": schedule(60.0 * 60),  # seconds
    },
    "tell-of-review-notes": {
        "task": "transcripts.tell_of_review_notes",
        "schedule": schedule(60.0),  # seconds
    },
    "ask-again-for-unsent-mail": {
        "task": "accounts.send_waiting_mail",
        "schedule": schedule(60.0),  # seconds
    },
    "forget-what-old-mail-said": {
        "task": "accounts.forget_old_mail_bodies",
        "schedule": schedule(60.0 * 60),  # seconds
    },
    "ask-again-for-undrawn-certificates": {
        "task": "transcripts.draw_missing_certificate_pdfs",
        "schedule": schedule(60.0),  # seconds
    },
    "ask-again-for-attendance-reports-not-applied": {
        "task": "courses.apply_confirmed_attendance_uploads",
        "schedule": schedule(60.0),  # seconds
    },
    "go-on-with-jobs": {
        "task": "transcripts.continue_jobs",
        "schedule": schedule(60.0),  # seconds
    },
    "remove-files-that-were-replaced": {
        "task": "transcripts.remove_leftover_files",
        "schedule": schedule(60.0 * 60),  # seconds
    },
    "ask-again-for-data-exports-not-made": {
        "task": "courses.make_waiting_data_exports",
        "schedule": schedule(60.0),  # seconds
    },
    "remove-data-exports-whose-week-is-over": {
        "task": "courses.remove_expired_data_exports",
        "schedule": schedule(60.0 * 60),  # seconds
    },
    "settle-closed-accounts": {
        "task": "courses.settle_closed_accounts",
        "schedule": schedule(60.0 * 60),  # seconds
    },
    "forget-evidence-of-unfinished-forms": {
        "task": "transcripts.forget_loose_evidence",
        "schedule": schedule(60.0 * 60),  # seconds
    },
    "list-courses-that-are-not-listed": {
        "task": "courses.relist_missing",
        "schedule": schedule(60.0),  # seconds
    },
    "ask-for-weekly-mail-of-saved-searches": {
        "task": "courses.mail_due_saved_searches",
        "schedule": schedule(60.0 * 60),  # seconds
    },
    "remind-learners": {
        "task": "courses.remind_learners",
        "schedule": schedule(60.0 * 10),  # seconds
    },
    "remind-of-assignments": {
        "task": "courses.remind_of_assignments",
        "schedule": schedule(60.0 * 60),  # seconds
    },
    "end-enrollments-whose-time-is-over": {
        "task": "courses.expire_enrollments",
        "schedule": schedule(60.0 * 10),  # seconds
    },
    "settle-waitlists": {
        "task": "courses.settle_waitlists",
        "schedule": schedule(60.0),  # seconds
    },
    "forget-old-search-tallies": {
        "task": "courses.forget_old_search_tallies",
        "schedule": schedule(60.0 * 60),  # seconds
    },
}
