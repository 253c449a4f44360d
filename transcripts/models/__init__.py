"""What is true of credit: ledger entries, their certificates, and what is said about them."""

from transcripts.models.certificates import Certificate, certificate_storage
from transcripts.models.corrections import CorrectionRequest
from transcripts.models.credit import (
    CreditEntry,
    CreditEntryQuerySet,
    CreditLine,
    ReasonClass,
    readable_by,
)
from transcripts.models.evidence import Evidence
from transcripts.models.jobs import Job, JobItem
from transcripts.models.outside import OutsideCredit, OutsideDecision, OutsideLine
from transcripts.models.plans import PlanLine, TrainingPlan
from transcripts.models.practice import PracticeConfirmation, PracticeEntry
from transcripts.models.reflections import Reflection
from transcripts.models.reviews import Review, ReviewDay, ReviewLine, ReviewNote

__all__ = [
    "Certificate",
    "CorrectionRequest",
    "CreditEntry",
    "CreditEntryQuerySet",
    "CreditLine",
    "Evidence",
    "Job",
    "JobItem",
    "OutsideCredit",
    "OutsideDecision",
    "OutsideLine",
    "PlanLine",
    "PracticeConfirmation",
    "PracticeEntry",
    "ReasonClass",
    "Reflection",
    "Review",
    "ReviewDay",
    "ReviewLine",
    "ReviewNote",
    "TrainingPlan",
    "certificate_storage",
    "readable_by",
]
