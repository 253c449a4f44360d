"""The smallest valid credit, written by the ledger itself: there is no other writer."""

import hashlib
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import factory
from django.core.files.base import ContentFile

from accounts.tests.factories import UserFactory
from transcripts import certificates, ledger, readings, review_notes, reviews
from transcripts.models import (
    Certificate,
    CreditEntry,
    Evidence,
    OutsideCredit,
    OutsideDecision,
    OutsideLine,
    PlanLine,
    TrainingPlan,
)

LONG_AGO = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def make_activity(**changes) -> ledger.Activity:
    facts = {
        "key": "consent",
        "title": "Informed Consent as a Conversation",
        "edition": "5d41402abc4b2a76",
        "description": "Consent as a thread picked up in session after session.",
        "objectives": ("Name the moments that ask for consent anew.",),
        "format": "text",
        "format_name": "Text-based",
        "level": "Introductory",
        "language": "English",
        "location": "Online, on demand",
        "clock_hours": Decimal("1.5"),
        "started_on": date(2026, 1, 4),
        "ended_on": date(2026, 1, 5),
        "started_at": None,
        "ended_at": None,
        "instructors": ({"name": "Ada Moreno", "credentials": "PhD, LCSW"},),
        "provider": {
            "name": "Hollow Reed Institute",
            "address": "118 Canal Street\nTroy, NY 12180",
            "email": "office@hollowreed.example",
            "phone": "(518) 555-0142",
            "director": "Ingrid Solheim, LCSW",
            "director_title": "Director of Continuing Education",
        },
        "disclosures": {
            "conflict_of_interest": "Nothing to disclose.",
            "commercial_support": "No commercial support was received.",
        },
        "evidence": {"lessons_read": 2, "evaluation": "submitted"},
    }
    return ledger.Activity(**{**facts, **changes})


def make_line(**changes) -> ledger.Line:
    facts = {
        "body": "aswb-ace",
        "body_name": "ASWB ACE",
        "credit_type": "ethics",
        "credit_type_name": "Ethics",
        "format_name": "Text-based",
        "hours": Decimal("1.5"),
        "minutes_per_hour": 60,
        "basis": "90 minutes of instruction at 60 an hour",
        "approval_of": "provider",
        "approval_number": "0000",
        "approval_statement": "Hollow Reed Institute, no. 0000, is approved by ASWB ACE.",
        "approval_valid_from": date(2025, 9, 1),
        "approval_valid_to": date(2028, 8, 31),
    }
    return ledger.Line(**{**facts, **changes})


class CreditEntryFactory(factory.django.DjangoModelFactory):
    """One award of 1.5 hours; ``title``, ``hours``, ``lines`` and ``earned_on`` may be given, and
    other facts as ``activity``."""

    class Meta:
        model = CreditEntry

    holder = factory.SubFactory(UserFactory)
    title = "Informed Consent as a Conversation"
    hours = Decimal("1.5")
    earned_on = date(2026, 1, 5)

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        hours = Decimal(kwargs["hours"])
        return ledger.award(
            holder=kwargs["holder"],
            activity=make_activity(
                title=kwargs["title"], clock_hours=hours, **kwargs.get("activity", {})
            ),
            lines=kwargs.get("lines") or [make_line(hours=hours)],
            earned_on=kwargs["earned_on"],
            time_zone="America/New_York",
            at=LONG_AGO,
        )


class CertificateFactory(factory.django.DjangoModelFactory):
    """The certificate of one award, not drawn yet."""

    class Meta:
        model = Certificate

    entry = factory.SubFactory(CreditEntryFactory)

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return certificates.issue(entry=kwargs["entry"], at=LONG_AGO)


class EvidenceFactory(factory.django.DjangoModelFactory):
    """A PDF of one page that somebody uploaded; its bytes are ``content``."""

    class Meta:
        model = Evidence

    owner = factory.SubFactory(UserFactory)
    name = "certificate.pdf"
    media_type = "application/pdf"
    pages = 1
    uploaded_at = LONG_AGO
    content = factory.Sequence(lambda n: b"%%PDF-1.7 %d" % n)

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        content = kwargs.pop("content")
        key = uuid.uuid4().hex
        evidence = model_class(
            *args, size=len(content), sha256=hashlib.sha256(content).hexdigest(), **kwargs
        )
        evidence.file.save(f"evidence/{key}", ContentFile(content), save=False)
        if evidence.is_picture:
            evidence.preview.save(f"evidence/{key}-preview", ContentFile(content), save=False)
        evidence.save()
        return evidence


class OutsideCreditFactory(factory.django.DjangoModelFactory):
    """Two hours of ethics that a holder recorded, with its proof, and nobody looked at yet."""

    class Meta:
        model = OutsideCredit
        skip_postgeneration_save = True

    holder = factory.SubFactory(UserFactory)
    title = "EMDR Basic Training, Part One"
    provider = "Tamarack Trauma Institute"
    format = "in-person"
    started_on = factory.SelfAttribute("earned_on")
    earned_on = date(2026, 1, 10)
    hours = Decimal(2)
    evidence = factory.SubFactory(EvidenceFactory, owner=factory.SelfAttribute("..holder"))
    recorded_at = LONG_AGO
    changed_at = LONG_AGO

    class Params:
        withdrawn = factory.Trait(withdrawn_at=LONG_AGO)

    @factory.post_generation
    def lines(self, create, extracted, **kwargs):
        OutsideLine.objects.create(
            credit=self,
            position=0,
            body="nbcc-acep",
            body_name="NBCC ACEP",
            approval_number="ACEP No. 0000",
            credit_type="ethics",
            credit_type_name="Ethics",
            hours=self.hours,
        )


class OutsideDecisionFactory(factory.django.DjangoModelFactory):
    """A supervisor saw the proof and confirms it."""

    class Meta:
        model = OutsideDecision

    credit = factory.SubFactory(OutsideCreditFactory)
    verdict = "confirmed"
    decided_by = factory.SubFactory(UserFactory)
    decided_by_name = factory.SelfAttribute("decided_by.legal_name")
    capacity = "supervisor"
    decided_at = LONG_AGO

    class Params:
        refused = factory.Trait(verdict="refused", reason="The name is another person’s.")


class TrainingPlanFactory(factory.django.DjangoModelFactory):
    """24 hours in 2026, set by the holder. ``lines`` asks for hours by credit type, "" for live."""

    class Meta:
        model = TrainingPlan
        skip_postgeneration_save = True

    holder = factory.SubFactory(UserFactory)
    title = "LMSW toward LCSW"
    since = date(2026, 1, 1)
    until = date(2027, 1, 1)
    hours = Decimal(24)
    set_by = factory.SelfAttribute("holder")
    set_at = LONG_AGO

    @factory.post_generation
    def lines(plan, create, extracted, **kwargs):
        for position, (credit_type, hours) in enumerate((extracted or {}).items()):
            PlanLine.objects.create(
                plan=plan,
                position=position,
                credit_type=credit_type,
                name=credit_type.capitalize() or "Live",
                hours=Decimal(hours),
            )


def make_review(supervision, at):
    """A review of January 2026 that its supervisor approved, and a note that they shared."""
    since, until = date(2026, 1, 1), date(2026, 2, 1)
    history = readings.history(reviewer=supervision.supervisor, holder=supervision.trainee)
    reading = readings.read(
        supervision=supervision, history=history, since=since, until=until, at=at
    )
    review = reviews.sign_off(
        supervision=supervision,
        since=since,
        until=until,
        shown=reading.shown,
        after=history.last.pk if history.last else None,
        decision="approved",
        words="",
        next_on=None,
        at=at,
    )
    note = review_notes.write(
        supervision=supervision, words="Which hour was ethics?", is_shared=True, at=at
    )
    return review, note
