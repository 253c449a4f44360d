"""Having many documents drawn again: a row for each, worked off on a queue of its own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from accounts.models import User
from transcripts import tasks
from transcripts.models import Certificate, Job, JobItem


class JobError(Exception):
    """Why a job cannot begin, in a sentence for the curator."""


@transaction.atomic
def start(*, title: str, certificates: Iterable[Certificate], by: User, at: datetime) -> Job:
    """Note which documents to draw again. After commit, a worker asks for them one by one.

    Raises JobError if there is none.
    """
    wanted = {certificate.pk for certificate in certificates}
    if not wanted:
        raise JobError("There is no certificate to draw.")
    job = Job.objects.create(title=title[:200], asked_by=by, asked_at=at)
    JobItem.objects.bulk_create(
        (JobItem(job=job, certificate_id=pk) for pk in sorted(wanted)), batch_size=1000
    )
    tasks.run_job.delay_on_commit(job_id=job.pk)  # type: ignore[attr-defined]
    return job


def retry_failed(*, job: Job, by: User, at: datetime) -> Job:
    """A new job of what failed in this one; how this one went stays to be read.

    Raises JobError if nothing failed.
    """
    failed = Certificate.objects.filter(job_items__job=job, state=Certificate.State.FAILED)
    return start(
        title=f"Again: {job.title.removeprefix('Again: ')}", certificates=failed, by=by, at=at
    )
