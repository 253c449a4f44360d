"""What a person may take along of their own data: credit, documents, what was said of them."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q
from django.db.models.fields.files import FieldFile

from accounts.models import Scope, User
from accounts.personal_data import Table, given_now
from transcripts.models import (
    Certificate,
    CorrectionRequest,
    CreditEntry,
    CreditLine,
    Evidence,
    OutsideCredit,
    OutsideDecision,
    OutsideLine,
    PlanLine,
    PracticeConfirmation,
    PracticeEntry,
    Reflection,
    Review,
    ReviewDay,
    ReviewLine,
    ReviewNote,
    TrainingPlan,
)

TABLES = [
    Table(
        "credit",
        lambda person: CreditEntry.objects.filter(holder=person),
        also=("recorded_by__legal_name",),
    ),
    Table("credit-by-body", lambda person: CreditLine.objects.filter(entry__holder=person)),
    Table(
        "certificates",
        lambda person: Certificate.objects.filter(entry__holder=person),
        without=(
            "pdf",
            "attempts",
            "failure",
            "next_attempt_at",
            "lease",
            "leased_until",
            "leftover",
        ),
    ),
    Table("reflections", lambda person: Reflection.objects.filter(entry__holder=person)),
    Table(
        "correction-requests",
        lambda person: CorrectionRequest.objects.filter(entry__holder=person),
        also=("decided_by__legal_name",),
    ),
    Table("outside-credit", lambda person: OutsideCredit.objects.filter(holder=person)),
    Table("outside-credit-lines", lambda person: OutsideLine.objects.filter(credit__holder=person)),
    Table(
        "outside-credit-decisions",
        lambda person: OutsideDecision.objects.filter(credit__holder=person),
    ),
    Table(
        "evidence",
        lambda person: Evidence.objects.filter(owner=person),
        without=("file", "preview"),
    ),
    Table(
        "training-plans",
        lambda person: TrainingPlan.objects.filter(holder=person),
        also=("set_by__legal_name",),
    ),
    Table("training-plan-lines", lambda person: PlanLine.objects.filter(plan__holder=person)),
    Table("practice-log", lambda person: PracticeEntry.objects.filter(trainee=person)),
    Table(
        "practice-confirmations",
        lambda person: PracticeConfirmation.objects.filter(
            Q(trainee=person) | Q(supervisor=person)
        ),
        readable=lambda rows, person, at: rows.filter(
            Q(trainee=person)
            | Q(trainee__in=given_now(person, at=at).sharing(Scope.PRACTICE).values("trainee"))
        ),
    ),
    Table("reviews", lambda person: Review.objects.filter(holder=person)),
    Table(
        # Their own words; what they saw is the trainee's.
        "reviews-given",
        lambda person: Review.objects.filter(reviewer=person),
        without=("holder", "holder_name", "record"),
        readable=lambda rows, person, at: rows.filter(
            holder__in=given_now(person, at=at).sharing(Scope.CREDIT).values("trainee")
        ),
    ),
    Table("review-lines", lambda person: ReviewLine.objects.filter(review__holder=person)),
    Table(
        "review-days",
        lambda person: ReviewDay.objects.filter(
            Q(supervision__supervisor=person) | Q(supervision__trainee=person)
        ),
        readable=lambda rows, person, at: rows.filter(
            Q(supervision__trainee=person)
            | Q(supervision__in=given_now(person, at=at).sharing(Scope.CREDIT))
        ),
    ),
    Table(
        # A note that its author keeps to themselves is theirs alone.
        "review-notes",
        lambda person: ReviewNote.objects.filter(
            Q(author=person) | Q(holder=person, is_shared=True)
        ),
        readable=lambda rows, person, at: rows.visible_to(person, at=at),
    ),
]

LEFT_OUT = {
    "transcripts.Job": "Work of staff: documents drawn again",
    "transcripts.JobItem": "Work of staff: documents drawn again",
}


def files(person: User) -> Iterator[tuple[str, FieldFile]]:
    """The person's documents and proofs, each with its name in the file."""
    certificates = Certificate.objects.filter(entry__holder=person).exclude(pdf="")
    for certificate in certificates.select_related("entry").order_by("pk").iterator():
        day = certificate.entry.earned_on
        yield f"certificates/{day:%Y-%m-%d} {certificate.code}.pdf", certificate.pdf
    for evidence in Evidence.objects.filter(owner=person).order_by("pk").iterator():
        # Not by its owner's name for it: that may be anything.
        yield f"evidence/{evidence.pk}{evidence.suffix}", evidence.file
