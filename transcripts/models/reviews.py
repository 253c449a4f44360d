"""Reviews: what a supervisor read of a trainee's transcript, said about it and signed."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from accounts.models import Scope, Supervision, User
from transcripts.models.credit import CreditEntry, supervised_by
from transcripts.models.outside import OutsideCredit

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class ReviewQuerySet(models.QuerySet["Review"]):
    def visible_to(self, user: User | AnonymousUser, *, at: datetime) -> ReviewQuerySet:
        """Those of one's own transcript, for good; those one signed, while one supervises its
        holder; and staff: all."""
        if user.has_perm("transcripts.view_review"):
            return self.all()
        supervised = supervised_by(user, scope=Scope.CREDIT, at=at, holder="holder")
        return self.filter(Q(holder=user.pk) | (Q(reviewer=user.pk) & supervised))

    def newest_first(self) -> ReviewQuerySet:
        return self.order_by("-signed_at", "-id")


class Review(models.Model):
    """A supervisor's signed word on a period of a trainee's transcript. It is never changed.

    ``record`` is the whole of it as one versioned document, with the lines and totals that the
    supervisor saw (``seen``). The columns beside it repeat what queries need.
    """

    class Decision(models.TextChoices):
        APPROVED = "approved", "Approved"
        CONDITION = "condition", "Approved, with a condition"
        CHANGES = "changes", "Changes requested"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reviewer = models.ForeignKey(User, models.PROTECT, related_name="reviews_given")
    reviewer_name = models.CharField(max_length=150)
    signed_as = models.CharField(max_length=300, help_text="The name with its licenses")
    holder = models.ForeignKey(User, models.PROTECT, related_name="reviews_received")
    holder_name = models.CharField(max_length=150)
    since = models.DateField()
    until = models.DateField()
    decision = models.CharField(max_length=10, choices=Decision.choices)
    words = models.TextField("condition or reason", blank=True)
    signed_at = models.DateTimeField()
    after = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="next_review"
    )
    record = models.JSONField()
    record_sha256 = models.CharField("SHA-256 of the record", max_length=64)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        # Triggers refuse to change or remove a review.
        constraints = [
            models.CheckConstraint(
                condition=~Q(reviewer=F("holder")), name="review_is_by_somebody_else"
            ),
            models.CheckConstraint(
                condition=Q(since__lt=F("until")), name="review_period_has_a_day"
            ),
            models.CheckConstraint(
                condition=Q(decision="approved")
                | (Q(decision__in=["condition", "changes"]) & ~Q(words="")),
                name="review_condition_or_reason_is_in_words",
            ),
            models.UniqueConstraint(
                fields=["reviewer", "holder"],
                condition=Q(after__isnull=True),
                name="review_one_first_per_pair",
            ),
        ]
        indexes = [models.Index(fields=["holder", "signed_at"], name="review_by_holder")]

    def __str__(self) -> str:
        return f"{self.reviewer_name} on {self.holder_name}, {self.get_decision_display().lower()}"

    def get_absolute_url(self) -> str:
        return reverse("transcripts:review", args=[self.pk])

    @property
    def is_approved(self) -> bool:
        return self.decision != Review.Decision.CHANGES

    @property
    def fingerprint(self) -> str:
        """The first digits of the record's SHA-256, as people compare them."""
        return f"{self.record_sha256[:4]} {self.record_sha256[4:8]}"


class ReviewLine(models.Model):
    """One line of the transcript that a review covers: a credit entry, or outside credit."""

    review = models.ForeignKey(Review, models.PROTECT, related_name="lines")
    entry = models.ForeignKey(
        CreditEntry, models.PROTECT, null=True, blank=True, related_name="review_lines"
    )
    outside = models.ForeignKey(
        OutsideCredit, models.PROTECT, null=True, blank=True, related_name="review_lines"
    )

    class Meta:
        # Triggers refuse to change or remove a line.
        constraints = [
            models.UniqueConstraint(fields=["review", "entry"], name="review_line_once_per_entry"),
            models.UniqueConstraint(
                fields=["review", "outside"], name="review_line_once_per_outside_credit"
            ),
            models.CheckConstraint(
                condition=Q(entry__isnull=True, outside__isnull=False)
                | Q(entry__isnull=False, outside__isnull=True),
                name="review_line_is_of_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line} in {self.review_id}"

    @property
    def line(self) -> CreditEntry | OutsideCredit | None:
        return self.entry or self.outside


class ReviewNoteQuerySet(models.QuerySet["ReviewNote"]):
    def visible_to(self, user: User | AnonymousUser, *, at: datetime) -> ReviewNoteQuerySet:
        """What supervisors shared with the user and what was answered, for good; and of those one
        supervises at that moment, what one wrote oneself, with its answers; of outside credit as
        long as one may read that too.

        Nobody else's, not for staff either: it is a conversation of two.
        """
        of_credit = supervised_by(user, scope=Scope.CREDIT, at=at, holder="holder")
        of_outside = supervised_by(user, scope=Scope.EVIDENCE, at=at, holder="holder")
        is_on_outside = Q(outside__isnull=False) | Q(answers__outside__isnull=False)
        return self.filter(
            Q(holder=user.pk, is_shared=True)
            | (Q(supervisor=user.pk) & of_credit & (~is_on_outside | of_outside))
        )

    def oldest_first(self) -> ReviewNoteQuerySet:
        return self.order_by("written_at", "id")


class ReviewNote(models.Model):
    """What a supervisor notes about a trainee's transcript or one line of it; or an answer to it.

    A shared note is read and answered by the trainee; the others are the supervisor's alone.
    """

    MAX_LENGTH = 5000  # characters

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    supervisor = models.ForeignKey(User, models.PROTECT, related_name="review_notes_given")
    holder = models.ForeignKey(User, models.PROTECT, related_name="review_notes_received")
    author = models.ForeignKey(User, models.PROTECT, related_name="review_notes_written")
    author_name = models.CharField(max_length=150)
    entry = models.ForeignKey(
        CreditEntry, models.PROTECT, null=True, blank=True, related_name="review_notes"
    )
    outside = models.ForeignKey(
        OutsideCredit, models.PROTECT, null=True, blank=True, related_name="review_notes"
    )
    answers = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="answered_by"
    )
    words = models.TextField()
    is_shared = models.BooleanField()
    asks_correction = models.BooleanField("asks for a correction", default=False)
    written_at = models.DateTimeField()
    told_at = models.DateTimeField(
        null=True, blank=True, help_text="When a mail told the other side, or none had to"
    )

    objects = ReviewNoteQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(words=""), name="review_note_says_something"),
            models.CheckConstraint(
                condition=Q(author=F("supervisor")) | Q(author=F("holder")),
                name="review_note_is_by_one_of_the_two",
            ),
            models.CheckConstraint(
                condition=~Q(supervisor=F("holder")), name="review_note_is_between_two"
            ),
            models.CheckConstraint(
                condition=Q(answers__isnull=True, author=F("supervisor"))
                | Q(
                    answers__isnull=False, is_shared=True, entry__isnull=True, outside__isnull=True
                ),
                name="review_note_opens_or_answers",
            ),
            models.CheckConstraint(
                condition=Q(asks_correction=False)
                | Q(is_shared=True, entry__isnull=False)
                | Q(is_shared=True, outside__isnull=False),
                name="review_note_asks_for_the_correction_of_a_line",
            ),
            models.CheckConstraint(
                condition=Q(entry__isnull=True) | Q(outside__isnull=True),
                name="review_note_is_on_one_line_at_most",
            ),
        ]
        indexes = [
            models.Index(fields=["holder", "supervisor"], name="review_note_by_holder"),
            models.Index(
                fields=["written_at"],
                condition=Q(told_at__isnull=True, is_shared=True),
                name="review_note_untold",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.author_name}, {self.written_at:%Y-%m-%d}"

    @property
    def line(self) -> CreditEntry | OutsideCredit | None:
        """What it is about; None is the whole transcript."""
        return self.entry or self.outside

    @property
    def is_by_supervisor(self) -> bool:
        return self.author_id == self.supervisor_id


class ReviewDay(models.Model):
    """The day on which a supervision's next review is due, as its supervisor chose; or none.

    Without a row it is due some months after the supervision began (``reviews.due_days``).
    """

    supervision = models.OneToOneField(
        Supervision, models.CASCADE, primary_key=True, related_name="review_day"
    )
    due_on = models.DateField(null=True, blank=True)
    chosen_at = models.DateTimeField()
    reminded_of = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.supervision}: {self.due_on}"
