"""Who has looked at whose record."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from django.db import models
from django.db.models import Count, F, Max, Min, Q
from django.db.models.functions import TruncDate

from accounts import names
from accounts.models.users import User


class RecordReadQuerySet(models.QuerySet["RecordRead"]):
    def by_day(self, *, zone: tzinfo) -> Any:
        """The same reader at the same thing on one day of that zone is one row, with how often."""
        return (
            self.annotate(day=TruncDate("read_at", tzinfo=zone))
            .values("day", "reader", "reader_name", "capacity", "what", "detail")
            .annotate(times=Count("pk"), first=Min("read_at"), last=Max("read_at"), row=Max("pk"))
            .order_by("-day", "-last", "-row")
        )


class RecordRead(models.Model):
    """Somebody was shown something of another person's record. The database refuses to change or
    remove it; it is kept as long as the record, so longer than the account.

    ``reader_name`` is the name that the reader had then.
    """

    class Capacity(models.TextChoices):
        SUPERVISOR = "supervisor", "Supervisor"
        STAFF = "staff", "Staff"

    class What(models.TextChoices):
        """What was shown, in words for the person whose it is. A new one needs no migration."""

        TRANSCRIPT = "transcript", "Your transcript"
        TRANSCRIPT_CSV = "transcript-csv", "Your transcript, as a CSV file"
        TRANSCRIPT_PDF = "transcript-pdf", "Your transcript, as a PDF"
        TRANSCRIPT_JSON = "transcript-json", "Your transcript, as a JSON file"
        CERTIFICATE = "certificate", "A certificate"
        CERTIFICATES_ZIP = "certificates-zip", "Your certificates, in one file"
        DESK = "desk", "Your hours and plan, in a list of trainees"
        DESK_CSV = "desk-csv", "Your hours and plan, in a CSV file of trainees"
        PLAN = "plan", "Your training plan, and what is assigned to you"
        REVIEW = "review", "A review of your transcript"
        REVIEW_PDF = "review-pdf", "A review of your transcript, as a PDF"
        OUTSIDE = "outside", "Your training taken elsewhere"
        EVIDENCE = "evidence", "A file of evidence"
        PRACTICE = "practice", "Your log of supervised practice"
        PRACTICE_CSV = "practice-csv", "Your log of supervised practice, as a CSV file"
        ADMIN = "admin", "A page about you in the administration"
        ADMIN_LIST = "admin-list", "A list in the administration that names you"
        ADMIN_FILE = "admin-file", "A file from the administration that names you"

    reader = models.ForeignKey(User, models.PROTECT, related_name="records_read")
    # Its index is record_read_by_person.
    person = models.ForeignKey(User, models.PROTECT, related_name="reads_of_record", db_index=False)
    reader_name = models.CharField(max_length=names.MAX_LENGTH)
    capacity = models.CharField(max_length=10, choices=Capacity.choices)
    what = models.CharField(max_length=30)
    detail = models.CharField(max_length=200, blank=True)
    read_at = models.DateTimeField()

    objects = RecordReadQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(reader=F("person")), name="record_read_by_somebody_else"
            ),
            models.CheckConstraint(
                condition=~Q(reader_name="")
                & ~Q(what="")
                & Q(capacity__in=["supervisor", "staff"]),
                name="record_read_names_its_reader",
            ),
        ]
        indexes = [models.Index(fields=["person", "read_at"], name="record_read_by_person")]

    def __str__(self) -> str:
        return f"{self.reader_name} read {self.what} of {self.person_id}"
