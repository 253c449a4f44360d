"""Jobs: many documents drawn again in one go."""

from __future__ import annotations

from django.db import models
from django.db.models import Count, F, Q

from accounts.models import User
from transcripts.models.certificates import Certificate


class JobQuerySet(models.QuerySet["Job"]):
    def unfinished(self) -> JobQuerySet:
        return self.filter(finished_at__isnull=True)

    def through(self) -> JobQuerySet:
        """Every document was asked for, and is there or has failed."""
        waiting = JobItem.objects.filter(
            Q(asked_at__isnull=True) | Q(certificate__state=Certificate.State.QUEUED)
        )
        return self.exclude(pk__in=waiting.values("job"))

    def with_progress(self) -> JobQuerySet:
        """Adds ``total``, ``done``, ``failed`` and ``waiting``, counted from the certificates."""
        state = "items__certificate__state"
        asked = Q(items__asked_at__isnull=False)
        return self.annotate(
            total=Count("items"),
            done=Count("items", filter=asked & Q(**{state: Certificate.State.ISSUED})),
            failed=Count("items", filter=asked & Q(**{state: Certificate.State.FAILED})),
            waiting=Count("items", filter=~asked | Q(**{state: Certificate.State.QUEUED})),
        )


class Job(models.Model):
    """Many documents that a curator has drawn again in one go.

    How far it is, is counted from the certificates: no tally is kept that could be wrong.
    """

    title = models.CharField(max_length=200)
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="jobs")
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True) | Q(finished_at__gte=F("asked_at")),
                name="job_finished_after_it_was_asked",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class JobItem(models.Model):
    """One certificate of a job, and when its drawing was asked for."""

    job = models.ForeignKey(Job, models.PROTECT, related_name="items")
    certificate = models.ForeignKey(Certificate, models.PROTECT, related_name="job_items")
    asked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["job", "certificate"], name="job_item_once_per_certificate"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.certificate} in {self.job}"
