"""What is true of credit: ledger entries with their lines, and their certificates."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from accounts.models import Supervision, User

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


def _readable_by(user: User | AnonymousUser, *, at: datetime, holder: str) -> Q:
    """Whose credit the user may read at that moment: their own, and their trainees'."""
    supervised = Supervision.objects.active(at=at).filter(
        supervisor=user.pk, trainee=OuterRef(holder)
    )
    return Q(**{holder: user.pk}) | Q(Exists(supervised))


class CreditEntryQuerySet(models.QuerySet["CreditEntry"]):
    def visible_to(self, user: User | AnonymousUser, *, at: datetime) -> CreditEntryQuerySet:
        """The user's own credit, that of people they supervise at that moment, and staff: all."""
        if user.has_perm("transcripts.view_creditentry"):
            return self.all()
        return self.filter(_readable_by(user, at=at, holder="holder"))

    def earned_between(self, since: date | None, until: date | None) -> CreditEntryQuerySet:
        """Earned from ``since`` up to and not including ``until``; None leaves that side open."""
        entries = self
        if since is not None:
            entries = entries.filter(earned_on__gte=since)
        if until is not None:
            entries = entries.filter(earned_on__lt=until)
        return entries

    def newest_first(self) -> CreditEntryQuerySet:
        return self.order_by("-earned_on", "-id")


class CreditEntry(models.Model):
    """One line of a holder's ledger. The database refuses to change or remove it.

    ``record`` is the truth: the whole award as it was on that day, as one versioned document
    (``ledger.build_record``). The columns beside it repeat what queries need.
    """

    holder = models.ForeignKey(User, models.PROTECT, related_name="credit_entries")
    holder_name = models.CharField(max_length=150)
    activity = models.CharField(
        max_length=80, help_text="The stable id of the course that gave the credit"
    )
    title = models.CharField(max_length=200)
    format = models.CharField(max_length=20)
    hours = models.DecimalField(max_digits=5, decimal_places=2)
    earned_on = models.DateField()
    recorded_at = models.DateTimeField()
    record = models.JSONField()
    record_sha256 = models.CharField("SHA-256 of the record", max_length=64)

    objects = CreditEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "credit entries"
        constraints = [
            models.CheckConstraint(condition=Q(hours__gt=0), name="credit_entry_has_hours"),
            models.CheckConstraint(
                condition=~Q(holder_name="") & ~Q(title=""), name="credit_entry_names_its_facts"
            ),
        ]
        indexes = [
            models.Index(
                # Format and hours ride along, so that sums are read from the index alone.
                fields=["holder", "earned_on", "format", "hours"],
                name="credit_entry_by_holder",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.holder_name}: {self.title} (#{self.pk})"


class CreditLine(models.Model):
    """Hours of one credit type with one approving body, as one entry awarded them."""

    entry = models.ForeignKey(CreditEntry, models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    body = models.CharField(max_length=80)
    body_name = models.CharField(max_length=80)
    credit_type = models.CharField(max_length=80)
    credit_type_name = models.CharField(max_length=80)
    hours = models.DecimalField(max_digits=5, decimal_places=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "body", "credit_type"], name="credit_line_once_per_body_and_type"
            ),
            models.CheckConstraint(condition=Q(hours__gt=0), name="credit_line_has_hours"),
        ]

    def __str__(self) -> str:
        return f"{self.body_name}, {self.credit_type_name}: {self.hours}"


class CertificateQuerySet(models.QuerySet["Certificate"]):
    def visible_to(self, user: User | AnonymousUser, *, at: datetime) -> CertificateQuerySet:
        """Certificates of the credit that the user may read at that moment."""
        if user.has_perm("transcripts.view_certificate"):
            return self.all()
        return self.filter(_readable_by(user, at=at, holder="entry__holder"))

    def undrawn(self) -> CertificateQuerySet:
        return self.filter(pdf="")

    def due(self, *, at: datetime) -> CertificateQuerySet:
        """Undrawn, and neither a message nor a failed attempt is so fresh that one should wait."""
        return self.undrawn().filter(next_attempt_at__lte=at)


class Certificate(models.Model):
    """The document of one credit entry. Without a PDF it is a promise that a sweep will find."""

    entry = models.OneToOneField(CreditEntry, models.PROTECT, related_name="certificate")
    code = models.CharField(max_length=23, unique=True)
    issued_at = models.DateTimeField()
    pdf = models.FileField("PDF", max_length=200, blank=True)
    pdf_sha256 = models.CharField("SHA-256 of the PDF", max_length=64, blank=True)
    drawn_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField("failed attempts", default=0)
    failure = models.TextField("last failure", blank=True)
    next_attempt_at = models.DateTimeField()

    objects = CertificateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(pdf="", drawn_at__isnull=True)
                | (~Q(pdf="") & Q(drawn_at__isnull=False)),
                name="certificate_drawn_when_it_has_a_pdf",
            ),
            models.UniqueConstraint(
                fields=["pdf_sha256"],
                condition=~Q(pdf_sha256=""),
                name="certificate_pdf_is_of_one_certificate",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(pdf=""), name="certificate_undrawn"
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        """Where anyone may verify it; the printed address is this after ``SITE_URL``."""
        return reverse("transcripts:verification", args=[self.code])
