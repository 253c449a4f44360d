"""What is true of credit: ledger entries with their lines, and their certificates."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q
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

    def standing(self) -> CreditEntryQuerySet:
        """Awards that count: neither a reversal nor reversed."""
        return self.filter(reverses__isnull=True, reversal__isnull=True)

    def newest_first(self) -> CreditEntryQuerySet:
        return self.order_by("-earned_on", "-id")


class ReasonClass(models.TextChoices):
    """Why credit was corrected, as the public may read it."""

    WRONG_HOURS = "wrong_hours", "Wrong hours"
    NAME = "name", "Name correction"
    ERROR = "error", "Issued in error"
    CAUSE = "cause", "Revoked for cause"
    DUPLICATE = "duplicate", "Duplicate"


class CreditEntry(models.Model):
    """One line of a holder's ledger. The database refuses to change or remove it.

    An award gives hours. A reversal takes back exactly what one award gave; a correction is a new
    award that replaces a reversed one. Both name their reason and their author.
    ``record`` is the truth: the whole entry as it was on that day, as one versioned document
    (``records``). The columns beside it repeat what queries need.
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
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversal"
    )
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replacement"
    )
    reason_class = models.CharField(max_length=20, choices=ReasonClass.choices, blank=True)
    reason = models.TextField(blank=True)
    recorded_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="credit_corrected"
    )

    objects = CreditEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "credit entries"
        # What no condition on one row can say (a reversal equals its award, and is of no other
        # reversal) is said by triggers: migration 0005_reversals_match.
        constraints = [
            models.CheckConstraint(
                condition=Q(reverses__isnull=True, hours__gt=0)
                | Q(reverses__isnull=False, hours__lt=0),
                name="credit_entry_gives_or_takes_back",
            ),
            models.CheckConstraint(
                condition=Q(reverses__isnull=True) | Q(replaces__isnull=True),
                name="credit_entry_reverses_or_replaces",
            ),
            models.CheckConstraint(
                condition=Q(
                    reverses__isnull=True,
                    replaces__isnull=True,
                    reason_class="",
                    reason="",
                    recorded_by__isnull=True,
                )
                | (
                    (Q(reverses__isnull=False) | Q(replaces__isnull=False))
                    & Q(reason_class__in=ReasonClass.values, recorded_by__isnull=False)
                    & ~Q(reason="")
                ),
                name="credit_entry_correction_has_reason_and_author",
            ),
            models.CheckConstraint(
                condition=Q(recorded_by__isnull=True) | ~Q(recorded_by=F("holder")),
                name="credit_entry_corrected_by_somebody_else",
            ),
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

    @property
    def is_reversal(self) -> bool:
        return self.reverses_id is not None

    @property
    def is_reversed(self) -> bool:
        """Asks the database unless the reversal was selected with the entry."""
        return hasattr(self, "reversal")


class CreditLine(models.Model):
    """Hours of one credit type with one approving body, as one entry gave or took them back."""

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
            models.CheckConstraint(condition=~Q(hours=0), name="credit_line_has_hours"),
        ]

    def __str__(self) -> str:
        return f"{self.body_name}, {self.credit_type_name}: {self.hours}"


class CertificateQuerySet(models.QuerySet["Certificate"]):
    def visible_to(self, user: User | AnonymousUser, *, at: datetime) -> CertificateQuerySet:
        """Certificates of the credit that the user may read at that moment."""
        if user.has_perm("transcripts.view_certificate"):
            return self.all()
        return self.filter(_readable_by(user, at=at, holder="entry__holder"))

    def with_status(self) -> CertificateQuerySet:
        """Fetches what ``status``, ``reversal`` and ``successor`` read."""
        return self.select_related("entry__reversal", "entry__replacement__certificate")

    def undrawn(self) -> CertificateQuerySet:
        return self.filter(pdf="")

    def claimable(self, *, at: datetime) -> CertificateQuerySet:
        """Queued, nobody is at it, and the last attempt was long enough ago."""
        return self.filter(
            state=Certificate.State.QUEUED,
            leased_until__lte=at,
            attempts__lt=Certificate.MOST_ATTEMPTS,
        )

    def due(self, *, at: datetime) -> CertificateQuerySet:
        """Claimable, and no message is so fresh that one should wait for it."""
        return self.claimable(at=at).filter(next_attempt_at__lte=at)

    def stuck(self, *, at: datetime) -> CertificateQuerySet:
        """Queued with no attempt left: the worker died in each."""
        return self.filter(
            state=Certificate.State.QUEUED,
            leased_until__lte=at,
            attempts__gte=Certificate.MOST_ATTEMPTS,
        )

    def in_no_hands(self, *, at: datetime) -> CertificateQuerySet:
        """No worker is at it at that moment."""
        return self.exclude(~Q(lease=""), leased_until__gt=at)

    def with_leftover(self, *, replaced_before: datetime) -> CertificateQuerySet:
        """Settled, with a file that the row does not need and nobody reads any more."""
        return self.exclude(leftover="").filter(
            Q(state=Certificate.State.FAILED)
            | Q(state=Certificate.State.ISSUED, drawn_at__lte=replaced_before)
        )


def certificate_storage() -> Storage:
    """Where documents lie: private, and left through a view that asks."""
    return storages["certificates"]


class Certificate(models.Model):
    """The document of one credit entry: a promise that workers keep and a sweep does not forget.

    A worker claims a queued row for a while (``lease``, ``leased_until``), writes a new file, and
    switches ``pdf`` to it. So a row whose document is drawn again has the old one until then.
    ``leftover`` is the file being written, or after the switch the one that was replaced.
    """

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


class ReflectionQuerySet(models.QuerySet["Reflection"]):
    def visible_to(self, user: User | AnonymousUser, *, at: datetime) -> ReflectionQuerySet:
        """One's own; and of people one supervises at that moment, what they chose to share.

        Nobody else's, not for staff either: it is a private note.
        """
        supervised = Supervision.objects.active(at=at).filter(
            supervisor=user.pk, trainee=OuterRef("entry__holder")
        )
        return self.filter(Q(entry__holder=user.pk) | (Q(is_shared=True) & Q(Exists(supervised))))


class Reflection(models.Model):
    """A holder's private note on what they earned: what they learned, what they will do."""

    entry = models.OneToOneField(CreditEntry, models.PROTECT, related_name="reflection")
    learned = models.TextField("what I learned", blank=True)
    will_do = models.TextField("what I will do differently", blank=True)
    is_shared = models.BooleanField("my supervisors may read it", default=False)
    changed_at = models.DateTimeField()

    objects = ReflectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(learned="") | ~Q(will_do=""), name="reflection_says_something"
            ),
        ]

    def __str__(self) -> str:
        return f"Reflection on {self.entry}"


class CorrectionRequestQuerySet(models.QuerySet["CorrectionRequest"]):
    def open(self) -> CorrectionRequestQuerySet:
        return self.filter(decision="")

    def newest_first(self) -> CorrectionRequestQuerySet:
        return self.order_by("-asked_at", "-id")


class CorrectionRequest(models.Model):
    """A holder's word that an award says something wrong, and what a curator decided about it."""

    class Wrong(models.TextChoices):
        NAME = "name", "My name or a license number"
        HOURS = "hours", "The hours"
        DATE = "date", "A date"
        OTHER = "other", "Something else"

    class Decision(models.TextChoices):
        GRANTED = "granted", "Granted"
        DECLINED = "declined", "Declined"

    entry = models.ForeignKey(CreditEntry, models.PROTECT, related_name="correction_requests")
    wrong = models.CharField("what is wrong", max_length=10, choices=Wrong.choices)
    words = models.TextField("in the holder's words")
    asked_at = models.DateTimeField()
    decision = models.CharField(max_length=10, choices=Decision.choices, blank=True)
    answer = models.TextField(blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="corrections_decided"
    )

    objects = CorrectionRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entry"],
                condition=Q(decision=""),
                name="correction_request_one_open_per_entry",
            ),
            models.CheckConstraint(
                condition=Q(
                    decision="", answer="", decided_at__isnull=True, decided_by__isnull=True
                )
                | (
                    Q(
                        decision__in=["granted", "declined"],
                        decided_at__isnull=False,
                        decided_by__isnull=False,
                    )
                    & ~Q(answer="")
                ),
                name="correction_request_is_open_or_decided_with_words",
            ),
            models.CheckConstraint(
                condition=~Q(words="") & Q(wrong__in=["name", "hours", "date", "other"]),
                name="correction_request_says_what_is_wrong",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_wrong_display()} of {self.entry}"


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
