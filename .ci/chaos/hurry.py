"""The portal's own waits, minutes in production, made seconds; nothing else of it changes."""

from datetime import timedelta

from celery.schedules import schedule
from kombu.transport.sqlalchemy import Transport

from accounts import delivery
from accounts import tasks as mail_tasks
from ce_portal import clocks
from ce_portal.celery import app
from transcripts import drawing, tasks
from transcripts.models import Certificate

LEASE = 4  # seconds; longer than a document takes on a busy machine
PATIENCE = 2  # seconds
SWEEPS = (
    "ask-again-for-unsent-mail",
    "ask-again-for-undrawn-certificates",
    "go-on-with-jobs",
    "remove-files-that-were-replaced",
)


def set_up() -> None:
    Certificate.LEASE = timedelta(seconds=LEASE)
    drawing.FIRST_WAIT = delivery.FIRST_WAIT = 1
    drawing.LONGEST_WAIT = delivery.LONGEST_WAIT = 4
    clocks.FURTHEST = timedelta(seconds=60)
    tasks.PATIENCE = mail_tasks.PATIENCE = PATIENCE
    tasks.JOB_PATIENCE = timedelta(seconds=2 * PATIENCE)
    tasks.GRACE = timedelta(seconds=1)
    Transport.polling_interval = 0.1  # seconds; of the embedded broker
    for name in SWEEPS:
        app.conf.beat_schedule[name]["schedule"] = schedule(1.0)
