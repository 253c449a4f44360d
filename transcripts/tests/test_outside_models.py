"""What the database itself refuses about outside credit, above all that it changes once decided."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from accounts.tests.factories import InvitationFactory, SupervisionFactory, UserFactory
from transcripts.models import Evidence, OutsideCredit, OutsideDecision, OutsideLine
from transcripts.tests.factories import (
    EvidenceFactory,
    OutsideCreditFactory,
    OutsideDecisionFactory,
)

pytestmark = pytest.mark.django_db

FROZEN = "This outside credit is decided"
BY_ANOTHER = "decided by somebody else than its holder"


def refused(words):
    return pytest.raises(IntegrityError, match=words)


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("outside_credit_names_its_facts", {"title": ""}),
        ("outside_credit_names_its_facts", {"provider": ""}),
        ("outside_credit_has_hours", {"hours": 0}),
        ("outside_credit_ends_after_it_begins", {"started_on": date(2026, 1, 11)}),
        ("outside_credit_has_a_known_format", {"format": "telepathy"}),
    ],
)
def test_the_database_refuses_outside_credit_that_makes_no_sense(constraint, change):
    OutsideCreditFactory()

    with refused(constraint), transaction.atomic():
        OutsideCredit.objects.update(**change)


@pytest.mark.parametrize(
    ("model", "constraint", "change"),
    [
        (OutsideLine, "outside_line_has_hours", {"hours": 0}),
        (OutsideDecision, "outside_decision_refuses_with_a_reason", {"reason": ""}),
        (OutsideDecision, "outside_decision_says_who_decided", {"capacity": "friend"}),
        (Evidence, "evidence_is_a_pdf_or_a_picture", {"media_type": "text/html"}),
        (Evidence, "evidence_is_a_file", {"size": 0}),
    ],
)
def test_the_database_refuses_rows_that_make_no_sense(model, constraint, change):
    credit = OutsideCreditFactory()
    rows = {
        OutsideLine: lambda: credit.lines.get(),
        Evidence: lambda: Evidence(
            owner=credit.holder,
            file="evidence/a",
            name="a.pdf",
            media_type="application/pdf",
            size=1,
            pages=1,
            sha256="0" * 64,
            uploaded_at=credit.recorded_at,
        ),
        OutsideDecision: lambda: OutsideDecision(
            credit=credit,
            verdict="refused",
            reason="No.",
            decided_by=UserFactory(),
            decided_by_name="Ingrid Solheim",
            capacity="staff",
            decided_at=credit.recorded_at,
        ),
    }
    row = rows[model]()
    for name, value in change.items():
        setattr(row, name, value)

    with refused(constraint), transaction.atomic():
        row.save()


def test_one_file_proves_one_credit():
    credit = OutsideCreditFactory()

    with refused("evidence"), transaction.atomic():
        OutsideCreditFactory(holder=credit.holder, evidence=credit.evidence)


def test_until_it_is_decided_it_may_change_and_go():
    credit = OutsideCreditFactory()

    OutsideCredit.objects.update(title="EMDR", hours=Decimal(3))
    OutsideLine.objects.update(hours=Decimal(3))
    credit.delete()

    assert not OutsideCredit.objects.exists()


@pytest.mark.parametrize("verdict", ["confirmed", "refused"])
def test_the_database_refuses_to_change_what_was_decided(verdict):
    credit = OutsideDecisionFactory(refused=verdict == "refused").credit
    other = EvidenceFactory(owner=credit.holder)
    line = credit.lines.get()

    changes = [
        lambda: OutsideCredit.objects.update(hours=Decimal(20)),
        lambda: OutsideCredit.objects.update(title="Other", withdrawn_at=credit.recorded_at),
        lambda: OutsideCredit.objects.update(evidence=other),
        lambda: OutsideCredit.objects.filter(pk=credit.pk)._raw_delete("default"),
        lambda: OutsideLine.objects.update(hours=Decimal(20)),
        lambda: OutsideLine.objects.all().delete(),
        lambda: OutsideLine.objects.create(
            credit=credit,
            position=1,
            credit_type="general",
            credit_type_name="General",
            hours=Decimal(1),
        ),
    ]
    for change in changes:
        with refused(FROZEN), transaction.atomic():
            change()
    with pytest.raises(ProtectedError):
        credit.delete()

    assert OutsideCredit.objects.values_list("title", "hours", "evidence").get() == (
        credit.title,
        credit.hours,
        credit.evidence_id,
    )
    assert OutsideLine.objects.get() == line


def test_what_was_decided_may_be_withdrawn_and_nothing_else():
    credit = OutsideDecisionFactory().credit

    credit.withdrawn_at = credit.recorded_at + timedelta(days=1)
    credit.save(update_fields=["withdrawn_at"])

    assert OutsideCredit.objects.get().state == "withdrawn"


def test_the_database_refuses_to_change_a_decision_or_a_file():
    OutsideDecisionFactory()

    for change in (
        lambda: OutsideDecision.objects.update(reason="It was fine."),
        lambda: OutsideDecision.objects.all().delete(),
        lambda: OutsideDecision.objects.all()._raw_delete("default"),
    ):
        with refused("A decision is append-only"), transaction.atomic():
            change()
    with refused("A file of evidence does not change"), transaction.atomic():
        Evidence.objects.update(sha256="0" * 64)


def test_the_database_refuses_a_decision_by_the_holder_or_on_what_was_withdrawn():
    credit = OutsideCreditFactory()

    with refused(BY_ANOTHER), transaction.atomic():
        OutsideDecisionFactory(credit=credit, decided_by=credit.holder)
    with refused(BY_ANOTHER), transaction.atomic():
        OutsideDecisionFactory(credit=OutsideCreditFactory(withdrawn=True))
    OutsideDecisionFactory(credit=credit)
    with pytest.raises(IntegrityError), transaction.atomic():
        OutsideDecisionFactory(credit=credit)


def test_who_reads_outside_credit_and_its_evidence(noon):
    credit = OutsideCreditFactory()
    OutsideCreditFactory()  # somebody else's
    EvidenceFactory(owner=credit.holder)  # proof of nothing yet
    holder = credit.holder
    staff = UserFactory()
    staff.user_permissions.set(
        Permission.objects.filter(codename__in=["view_outsidecredit", "view_evidence"])
    )
    readers = {
        "holder": holder,
        "supervisor": SupervisionFactory(trainee=holder, shares_evidence=True).supervisor,
        "of credit alone": SupervisionFactory(trainee=holder).supervisor,
        "of evidence alone": SupervisionFactory(
            trainee=holder, shares_credit=False, shares_evidence=True
        ).supervisor,
        "past supervisor": SupervisionFactory(trainee=holder, ended=True).supervisor,
        "waiting supervisor": InvitationFactory(email=holder.email).inviter,
        "supervisor of somebody else": SupervisionFactory().supervisor,
        "the holder's own trainee": SupervisionFactory(supervisor=holder).trainee,
        "other clinician": UserFactory(),
        "staff without the permission": UserFactory(is_staff=True),
        "staff": staff,
        "stranger": AnonymousUser(),
    }

    assert {
        who: (
            OutsideCredit.objects.visible_to(reader, at=noon).count(),
            Evidence.objects.visible_to(reader, at=noon).count(),
        )
        for who, reader in readers.items()
    } == {
        "holder": (1, 2),
        "supervisor": (1, 1),
        "of credit alone": (0, 0),
        "of evidence alone": (1, 1),
        "past supervisor": (0, 0),
        "waiting supervisor": (0, 0),
        "supervisor of somebody else": (0, 0),
        "the holder's own trainee": (0, 0),
        "other clinician": (0, 0),
        "staff without the permission": (0, 0),
        "staff": (2, 3),
        "stranger": (0, 0),
    }


def test_what_counts_and_what_a_transcript_keeps():
    credit = {
        "recorded": OutsideCreditFactory(),
        "confirmed": OutsideDecisionFactory().credit,
        "refused": OutsideDecisionFactory(refused=True).credit,
        "withdrawn": OutsideCreditFactory(withdrawn=True),
    }
    later = OutsideDecisionFactory().credit
    OutsideCredit.objects.filter(pk=later.pk).update(withdrawn_at=later.recorded_at)
    names = {row.pk: name for name, row in {**credit, "withdrawn later": later}.items()}

    rows = OutsideCredit.objects.with_state()
    assert {names[row.pk] for row in rows.counting()} == {"recorded", "confirmed"}
    assert {names[row.pk] for row in rows if row.counts} == {"recorded", "confirmed"}
    assert {names[row.pk] for row in rows.undecided()} == {"recorded"}
    assert {names[row.pk] for row in rows.kept()} == set(names.values()) - {"withdrawn"}
