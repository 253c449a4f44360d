"""Training taken elsewhere: its holder records it with proof, and somebody else confirms it.

What is decided is frozen; a correction is to withdraw it and to record it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Lower

from accounts import mail, supervision
from accounts.models import User
from ce_portal.formats import show_day
from transcripts.models import CreditEntry, Evidence, OutsideCredit, OutsideDecision, OutsideLine
from transcripts.permissions import deciding

Verdict = OutsideDecision.Verdict
Capacity = OutsideDecision.Capacity
EARLIEST = date(1980, 1, 1)  # day of training, and so of what a review looks at
TOO_MANY_HOURS = "This is more than the hours in all. Change one of the two."


class OutsideError(Exception):
    """Why outside credit cannot be kept or decided, in a sentence for the one who tries."""


class SupervisionEnded(OutsideError):
    """The evidence is not the supervisor's to read any more."""


class DuplicateError(OutsideError):
    """It looks like something that is recorded already; ``found`` says what, a sentence each."""

    def __init__(self, found: Sequence[str]) -> None:
        super().__init__("This may be recorded already. Look at it, and say if it is not.")
        self.found = list(found)


@dataclass(frozen=True)
class Line:
    """Hours of one credit type with one body. A body that is not listed has no slug; where none
    approved, it has no name either."""

    body: str
    body_name: str
    approval_number: str
    approval_statement: str
    credit_type: str
    credit_type_name: str
    hours: Decimal


@dataclass(frozen=True)
class Facts:
    """What the holder reads on the certificate that they got elsewhere."""

    title: str
    provider: str
    provider_contact: str
    instructors: str
    format: str
    location: str
    started_on: date
    earned_on: date
    hours: Decimal
    certificate_number: str


@transaction.atomic
def record(
    *,
    holder: User,
    facts: Facts,
    lines: Sequence[Line],
    evidence: Evidence,
    is_no_duplicate: bool,
    at: datetime,
) -> OutsideCredit:
    """Note what the holder says, with its proof. It counts from now on as what it is.

    Locks the holder, so the same form sent twice is noticed.
    Raises OutsideError if the file is another's or proves something already, if the training ends
    after today (the holder's day), or if there is no line; DuplicateError if it looks recorded
    already and nobody said otherwise.
    """
    holder = User.objects.select_for_update(no_key=True).get(pk=holder.pk)
    _require_sound(facts, lines, on=at.astimezone(holder.tz).date())
    evidence = _locked_evidence(evidence, holder=holder)
    _require_no_duplicate(holder, facts, evidence, is_no_duplicate=is_no_duplicate)
    credit = OutsideCredit.objects.create(
        holder=holder, evidence=evidence, recorded_at=at, changed_at=at, **asdict(facts)
    )
    _write_lines(credit, lines)
    return credit


@transaction.atomic
def change(
    *,
    credit: OutsideCredit,
    facts: Facts,
    lines: Sequence[Line],
    evidence: Evidence | None,
    is_no_duplicate: bool,
    at: datetime,
) -> OutsideCredit:
    """Let it say something else; None keeps the proof. A file that is replaced is removed in time.

    Locks the holder and the credit, so a decision at the same moment is of the one or the other.
    Raises OutsideError if it is decided or withdrawn, and as ``record`` does.
    """
    holder = User.objects.select_for_update(no_key=True).get(pk=credit.holder_id)
    credit = _locked(credit)
    _require_undecided(credit)
    _require_sound(facts, lines, on=at.astimezone(holder.tz).date())
    if evidence is not None:
        credit.evidence = _locked_evidence(evidence, holder=holder)
    _require_no_duplicate(
        holder, facts, credit.evidence, is_no_duplicate=is_no_duplicate, but=credit
    )
    for name, value in asdict(facts).items():
        setattr(credit, name, value)
    # Whatever the clock says, later than what was looked at: ``decide`` tells the two apart.
    credit.changed_at = max(at, credit.changed_at + timedelta(microseconds=1))
    credit.save()
    credit.lines.all().delete()
    _write_lines(credit, lines)
    return credit


@transaction.atomic
def withdraw(*, credit: OutsideCredit, at: datetime) -> None:
    """The holder takes it back; it counts no more. Twice keeps the first time.

    What was decided stays on the transcript, as withdrawn.
    Locks the credit.
    """
    credit = _locked(credit)
    if credit.withdrawn_at is None:
        credit.withdrawn_at = max(at, credit.recorded_at)
        credit.save(update_fields=["withdrawn_at"])


@transaction.atomic
def decide(
    *,
    credit: OutsideCredit,
    verdict: str,
    reason: str,
    by: User,
    capacity: str,
    as_of: datetime,
    at: datetime,
) -> OutsideDecision:
    """Say that the proof holds, or that it does not and why. It is final, and the holder is told.

    ``as_of`` is when what was looked at was last changed.
    Locks the supervision of a supervisor, so nothing is decided after its end; then the credit, so
    it is decided once, and as it was seen.
    Raises SupervisionEnded if it is not the supervisor's to read, and OutsideError if it is one's
    own, withdrawn, decided or changed since, or if a refusal gives no reason.
    """
    if credit.holder_id == by.pk:
        raise OutsideError("Nobody decides on their own credit.")
    if capacity == Capacity.SUPERVISOR and (
        supervision.locked(deciding(by, credit, at=at), at=at) is None
    ):
        raise SupervisionEnded("This evidence is not shared with you any more.")
    credit = _locked(credit)
    _require_undecided(credit)
    if credit.changed_at != as_of:
        raise OutsideError("It was changed since you opened this page. Look at it again.")
    reason = reason.strip()
    if verdict == Verdict.REFUSED and not reason:
        raise OutsideError("Say why you refuse it: the holder reads it.")
    decision = OutsideDecision.objects.create(
        credit=credit,
        verdict=verdict,
        reason=reason,
        decided_by=by,
        decided_by_name=by.legal_name,
        capacity=capacity,
        decided_at=at,
    )
    mail.post(
        recipient=credit.holder,
        kind="outside-credit",
        key=f"outside-credit-decided:{credit.pk}",
        template="outside_credit_decided",
        context={"credit": credit, "decision": decision, "path": credit.get_absolute_url()},
        at=at,
    )
    return decision


def duplicates(
    *,
    holder: User,
    title: str,
    earned_on: date,
    evidence: Evidence | None,
    but: OutsideCredit | None = None,
) -> list[str]:
    """What of the holder's own it looks like, a sentence each: the same title and day, here or
    elsewhere, or the same file."""
    found = []
    standing = OutsideCredit.objects.filter(holder=holder, withdrawn_at__isnull=True)
    if but is not None:
        standing = standing.exclude(pk=but.pk)
    day = show_day(earned_on)
    if standing.titled(title).filter(earned_on=earned_on).exists():
        found.append(f"Outside credit of this title and day, {day}, is on the transcript already.")
    if (
        CreditEntry.objects.filter(holder=holder, earned_on=earned_on)
        .alias(title_in_lower_case=Lower("title"))
        .filter(title_in_lower_case=Lower(Value(title)))
        .standing()
        .exists()
    ):
        found.append(f"CE Portal itself gave credit for this title on {day}.")
    if evidence is not None:
        same = standing.filter(evidence__sha256=evidence.sha256).newest_first().first()
        if same is not None:
            found.append(
                f"The same file proves “{same.title}”, {show_day(same.earned_on)}, already."
            )
    return found


def duplicates_of(credit: OutsideCredit) -> list[str]:
    """The same for what is recorded: for the one who decides."""
    return duplicates(
        holder=credit.holder,
        title=credit.title,
        earned_on=credit.earned_on,
        evidence=credit.evidence,
        but=credit,
    )


def others_with_the_same_file(credit: OutsideCredit) -> QuerySet[OutsideCredit]:
    """What other people recorded with the same file: for staff alone to know."""
    return (
        OutsideCredit.objects.filter(evidence__sha256=credit.evidence.sha256)
        .exclude(Q(holder=credit.holder_id) | Q(pk=credit.pk))
        .select_related("holder")
        .newest_first()
    )


def _require_sound(facts: Facts, lines: Sequence[Line], *, on: date) -> None:
    if facts.earned_on > on:
        raise OutsideError("This day is still to come. Record training once you have completed it.")
    if facts.started_on < EARLIEST:
        raise OutsideError("Enter the year with four digits.")
    if not lines:
        raise OutsideError("Say at least once what the hours count as.")
    if len({(line.body_name, line.credit_type) for line in lines}) < len(lines):
        raise OutsideError("Two lines name the same body and credit type. Put them into one.")
    if any(line.hours > facts.hours for line in lines):
        raise OutsideError(TOO_MANY_HOURS)


def _require_undecided(credit: OutsideCredit) -> None:
    if credit.withdrawn_at is not None:
        raise OutsideError("This outside credit was withdrawn. Record it anew.")
    decision = OutsideDecision.objects.filter(credit=credit).first()
    if decision is not None:
        day = show_day(decision.decided_at.astimezone(credit.holder.tz))
        raise OutsideError(
            f"{decision.decided_by_name} {decision.verdict} this on {day}. It does not change now."
        )


def _require_no_duplicate(
    holder: User,
    facts: Facts,
    evidence: Evidence,
    *,
    is_no_duplicate: bool,
    but: OutsideCredit | None = None,
) -> None:
    if is_no_duplicate:
        return
    found = duplicates(
        holder=holder,
        title=facts.title,
        earned_on=facts.earned_on,
        evidence=evidence,
        but=but,
    )
    if found:
        raise DuplicateError(found)


def _locked(credit: OutsideCredit) -> OutsideCredit:
    return (
        OutsideCredit.objects.select_for_update(of=["self"])
        .select_related("holder", "evidence")
        .get(pk=credit.pk)
    )


def _locked_evidence(evidence: Evidence, *, holder: User) -> Evidence:
    kept = (
        Evidence.objects.select_for_update(of=["self"], no_key=True)
        .filter(pk=evidence.pk, owner=holder)
        .first()
    )
    if kept is None:
        raise OutsideError("The file is gone. Choose it again.")
    if OutsideCredit.objects.filter(evidence=kept).exists():
        raise OutsideError("This was recorded already with the same file. Look at your transcript.")
    return kept


def _write_lines(credit: OutsideCredit, lines: Sequence[Line]) -> None:
    OutsideLine.objects.bulk_create(
        OutsideLine(credit=credit, position=position, **asdict(line))
        for position, line in enumerate(lines)
    )
