"""What is true of certificates: each the document of one ledger entry."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models import Q
from django.urls import reverse

from accounts.models import Scope, User
from ce_portal.clocks import lease_is_over
from transcripts.models.credit import CreditEntry, readable_by

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class CertificateQuerySet(models.QuerySet["Certificate"]):
    def visible_to(self, user: User | AnonymousUser, *, at: datetime) -> CertificateQuerySet:
        """Certificates of the credit that the user may read at that moment."""
        if user.has_perm("transcripts.view_certificate"):
            return self.all()
        return self.filter(readable_by(user, scope=Scope.CREDIT, at=at, holder="entry__holder"))

    def with_status(self) -> CertificateQuerySet:
        """Fetches what ``status``, ``reversal`` and ``successor`` read."""
        return self.select_related("entry__reversal", "entry__replacement__certificate")

    def undrawn(self) -> CertificateQuerySet:
        return self.filter(pdf="")

    def unknown_by_file(self) -> CertificateQuerySet:
        """Drawn before the SHA-256 of a document was kept: its own file is not recognized."""
        return self.filter(pdf_sha256="").exclude(pdf="")

    def claimable(self, *, at: datetime) -> CertificateQuerySet:
        """Queued, nobody is at it, and the last attempt was long enough ago.

        What nobody has tried yet is to be had at any time: the clock of the host that queued it may
        be ahead of the worker's.
        """
        return self.filter(
            _is_over("leased_until", at=at) | Q(attempts=0, lease=""),
            state=Certificate.State.QUEUED,
            attempts__lt=Certificate.MOST_ATTEMPTS,
        )

    def due(self, *, at: datetime) -> CertificateQuerySet:
        """Claimable, and no message is so fresh that one should wait for it."""
        return self.claimable(at=at).filter(_is_over("next_attempt_at", at=at))

    def stuck(self, *, at: datetime) -> CertificateQuerySet:
        """Queued with no attempt left: the worker died in each."""
        return self.filter(
            _is_over("leased_until", at=at),
            state=Certificate.State.QUEUED,
            attempts__gte=Certificate.MOST_ATTEMPTS,
        )

    def in_no_hands(self, *, at: datetime) -> CertificateQuerySet:
        """No worker is at it at that moment."""
        return self.filter(_is_over("leased_until", at=at) | Q(lease=""))

    def with_leftover(self, *, replaced_before: datetime) -> CertificateQuerySet:
        """Settled, with a file that the row does not need and nobody reads any more."""
        return self.exclude(leftover="").filter(
            Q(state=Certificate.State.FAILED)
            | Q(state=Certificate.State.ISSUED, drawn_at__lte=replaced_before)
        )


def _is_over(column: str, *, at: datetime) -> Q:
    return lease_is_over(column, at=at, length=Certificate.LEASE)


def certificate_storage() -> Storage:
    """Where documents lie: private, and left through a view that asks."""
    return storages["certificates"]


class Certificate(models.Model):
    """The document of one credit entry: a promise that workers keep and a sweep does not forget.

    A worker claims a queued row for a while (``lease``, ``leased_until``), writes a new file, and
    switches ``pdf`` to it. So a row whose document is drawn again has the old one until then.
    ``leftover`` is the file being written, or after the switch the one that was replaced.
    """

    LEASE = timedelta(seconds=120)  # longer than a task may run
    MOST_ATTEMPTS = 8

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        ISSUED = "issued", "Issued"
        FAILED = "failed", "Failed"

    class Status(models.TextChoices):
        VALID = "valid", "Valid"
        REVERSED = "reversed", "Reversed"
        SUPERSEDED = "superseded", "Superseded"

    entry = models.OneToOneField(CreditEntry, models.PROTECT, related_name="certificate")
    code = models.CharField(max_length=23, unique=True)
    issued_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    pdf = models.FileField("PDF", max_length=200, blank=True, storage=certificate_storage)
    pdf_sha256 = models.CharField("SHA-256 of the PDF", max_length=64, blank=True)
    drawn_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    failure = models.TextField("last failure", blank=True)
    next_attempt_at = models.DateTimeField()
    lease = models.CharField(max_length=32, blank=True)
    leased_until = models.DateTimeField()
    leftover = models.CharField(max_length=200, blank=True)

    objects = CertificateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(pdf="", drawn_at__isnull=True)
                | (~Q(pdf="") & Q(drawn_at__isnull=False)),
                name="certificate_drawn_when_it_has_a_pdf",
            ),
            models.CheckConstraint(
                condition=Q(state="queued")
                | (Q(state="issued") & ~Q(pdf=""))
                | (Q(state="failed") & ~Q(failure="")),
                name="certificate_is_queued_or_has_a_pdf_or_says_why_not",
            ),
            models.CheckConstraint(
                condition=Q(state="queued") | Q(lease=""), name="certificate_leased_while_queued"
            ),
            models.UniqueConstraint(
                fields=["pdf_sha256"],
                condition=~Q(pdf_sha256=""),
                name="certificate_pdf_is_of_one_certificate",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(state="queued"), name="certificate_queued"
            ),
            models.Index(fields=["id"], condition=~Q(leftover=""), name="certificate_leftover"),
        ]

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        """Where anyone may verify it; the printed address is this after ``SITE_URL``."""
        return reverse("transcripts:verification", args=[self.code])

    @property
    def status(self) -> Certificate.Status:
        """What the ledger says of it now; nothing of it is stored here, so nothing can disagree."""
        if self.successor is not None:
            return Certificate.Status.SUPERSEDED
        return Certificate.Status.VALID if self.reversal is None else Certificate.Status.REVERSED

    @property
    def reversal(self) -> CreditEntry | None:
        """The entry that took its credit back, with its date, reason class and reason."""
        return getattr(self.entry, "reversal", None)

    @property
    def successor(self) -> Certificate | None:
        """The certificate that was issued in its place; it may itself have one."""
        return getattr(getattr(self.entry, "replacement", None), "certificate", None)
