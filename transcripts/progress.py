"""Hours earned of hours needed: what a training plan asks, and how far its holder is.

An answer is met, not met or cannot tell, each with its reason. It is about the figures of the plan,
as people stated them: nothing here knows a board's rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import F, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Least

from ce_portal.formats import show_hours
from transcripts.models import (
    CreditEntry,
    CreditLine,
    OutsideCredit,
    OutsideDecision,
    OutsideLine,
    PlanLine,
    TrainingPlan,
)

LIVE = ("in-person", "live-webinar")
LIVE_IN_PART = ("hybrid",)
NOTHING = Decimal(0)

PARTLY_LIVE = "Hybrid courses are live in part; how much of them counts as live, your board says."
COUNTED_DIFFERENTLY = "Approving bodies count some of these courses differently."
UNCONFIRMED = "Nobody has confirmed some of the outside credit."


class Answer(StrEnum):
    MET = "met"
    NOT_MET = "not met"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Coming:
    """Credit that somebody has once they finish what they are enrolled in."""

    hours: Decimal
    format: str
    on: date
    types: Mapping[str, Decimal]  # hours by credit type


@dataclass(frozen=True)
class Part:
    """One thing that a plan asks: all hours, live ones, or those of a credit type.

    ``earned`` counts for certain; ``possible`` is what may count, and ``doubt`` says why it is
    more. ``recorded`` of it is outside credit that nobody has confirmed. ``enrolled`` is None where
    nobody asked what the holder is enrolled in; then nothing is said of it.
    """

    name: str
    needed: Decimal
    earned: Decimal
    possible: Decimal
    doubt: str = ""
    recorded: Decimal = NOTHING
    enrolled: Decimal | None = None
    credit_type: str = ""

    @property
    def answer(self) -> Answer:
        if self.earned >= self.needed:
            return Answer.MET
        return Answer.CANNOT_TELL if self.possible >= self.needed else Answer.NOT_MET

    @property
    def reason(self) -> str:
        """Why the answer is what it is, in a sentence."""
        if self.answer == Answer.CANNOT_TELL:
            return (
                f"Cannot tell: between {show_hours(self.earned)} and {show_hours(self.possible)} "
                f"of {show_hours(self.needed)} hours count. {self.doubt}"
            )
        if self.answer == Answer.MET:
            return "Met"
        return f"{show_hours(self.short)} h short{self._enrolled_words}"

    @property
    def short(self) -> Decimal:
        """Hours that are not earned yet."""
        return max(self.needed - self.earned, NOTHING)

    @property
    def left(self) -> Decimal | None:
        """Hours that are neither earned nor enrolled in, as far as that is known."""
        return None if self.enrolled is None else max(self.short - self.enrolled, NOTHING)

    @property
    def gap(self) -> str:
        """What is not met and how it is provided for: "Ethics 1 h, nothing enrolled"."""
        if self.answer == Answer.MET:
            return ""
        return f"{self.name} {show_hours(self.short)} h{self._enrolled_words}"

    @property
    def words(self) -> str:
        """The whole of it for those who do not see the ruler."""
        said = f"{show_hours(self.earned)} of {show_hours(self.needed)} hours earned"
        return f"{said}, {show_hours(self.enrolled)} more enrolled" if self.enrolled else said

    @property
    def _enrolled_words(self) -> str:
        if self.enrolled is None:
            return ""
        if self.enrolled >= self.short:
            return ", enrolled"
        return (
            f", {show_hours(self.enrolled)} h enrolled" if self.enrolled else ", nothing enrolled"
        )


@dataclass(frozen=True)
class Progress:
    """How far the holder of one plan is on a day: all hours, then its lines."""

    plan: TrainingPlan
    on: date
    total: Part
    lines: list[Part] = field(default_factory=list)

    @property
    def parts(self) -> list[Part]:
        return [self.total, *self.lines]

    @property
    def answer(self) -> Answer:
        answers = {part.answer for part in self.parts}
        for answer in (Answer.NOT_MET, Answer.CANNOT_TELL):
            if answer in answers:
                return answer
        return Answer.MET

    @property
    def gaps(self) -> list[Part]:
        """What is not met; lines before the sum, which they are a part of."""
        return [part for part in [*self.lines, self.total] if part.answer != Answer.MET]

    @property
    def summary(self) -> str:
        """The answer and what leads on: "Not met yet: 7 h enrolled, 7.5 h left to find."."""
        short = [part.name.lower() for part in self.lines if part.answer == Answer.NOT_MET]
        if self.answer == Answer.MET:
            return "Met, all of it."
        if self.answer == Answer.CANNOT_TELL:
            part = next(part for part in self.gaps if part.answer == Answer.CANNOT_TELL)
            return part.reason
        if self.total.answer == Answer.NOT_MET:
            yet = " yet" if self.days_left else ""
            start = f"Not met{yet}: {self._to_go}."
        else:
            start = "All hours are earned, not all of what is asked."
        return f"{start} Short of {_listed(short)}." if short else start

    @property
    def _to_go(self) -> str:
        enrolled, left = self.total.enrolled, self.total.left
        if enrolled is None or left is None:
            return f"{show_hours(self.total.short)} h short"
        return f"{show_hours(enrolled)} h enrolled, {show_hours(left)} h left to find"

    @property
    def is_behind(self) -> bool:
        """Fewer hours earned, of those needed, than days gone, of the cycle."""
        days = (self.plan.until - self.plan.since).days
        gone = min(max((self.on - self.plan.since).days, 0), days)
        return self.total.earned * days < self.total.needed * gone

    @property
    def days_left(self) -> int:
        """Days of the cycle that are left, this one included; none when it is over."""
        return max((self.plan.until - self.on).days, 0)


def _listed(names: Sequence[str]) -> str:
    """live, ethics and telehealth"""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


@dataclass(frozen=True)
class _Hours:
    """What was earned: for certain; if it is counted so; and if somebody confirms it."""

    certain: Decimal = NOTHING
    arguable: Decimal = NOTHING
    recorded: Decimal = NOTHING

    def __add__(self, other: _Hours) -> _Hours:
        return _Hours(
            self.certain + other.certain,
            self.arguable + other.arguable,
            self.recorded + other.recorded,
        )


def totals(plans: Sequence[TrainingPlan], *, on: date) -> dict[UUID, Progress]:
    """How many hours of each plan are earned, by the plan's id: the sum alone. Two queries."""
    sums = _sums(plans)
    return {plan.pk: Progress(plan, on, _total(plan, sums[plan.pk])) for plan in plans}


def of_plans(
    plans: Sequence[TrainingPlan],
    *,
    on: date,
    coming: Mapping[UUID, Sequence[Coming]] | None = None,
) -> dict[UUID, Progress]:
    """How far each plan is, by the plan's id; of each holder what is ``coming`` counts as enrolled.

    Without ``coming`` nothing is known of what is enrolled, and nothing is said of it.
    Needs the plans with their lines. Three queries, for one plan or for a thousand.
    """
    sums, of_types = _sums(plans), _sums_of_types(plans)
    found = {}
    for plan in plans:
        lines = [
            (line, _live(line, sums[plan.pk]) if line.is_live else _typed(line, of_types[line.pk]))
            for line in plan.lines.all()
        ]
        total, parts = _total(plan, sums[plan.pk]), [part for _, part in lines]
        if coming is not None:
            due = [each for each in coming.get(plan.holder_id, []) if plan.covers(each.on)]
            total = replace(total, enrolled=sum((each.hours for each in due), NOTHING))
            parts = [replace(part, enrolled=_enrolled(line, due)) for line, part in lines]
        found[plan.pk] = Progress(plan, on, total, parts)
    return found


def _total(plan: TrainingPlan, sums: _Sums) -> Part:
    return _part("All hours", plan.hours, sums.total)


def _live(line: PlanLine, sums: _Sums) -> Part:
    return _part(line.name, line.hours, sums.live, PARTLY_LIVE)


def _typed(line: PlanLine, hours: _Hours) -> Part:
    part = _part(line.name, line.hours, hours, COUNTED_DIFFERENTLY)
    return replace(part, credit_type=line.credit_type)


def _part(name: str, needed: Decimal, hours: _Hours, argument: str = "") -> Part:
    doubts = [argument if hours.arguable else "", UNCONFIRMED if hours.recorded else ""]
    return Part(
        name,
        needed,
        earned=hours.certain,
        possible=hours.certain + hours.arguable + hours.recorded,
        doubt=" ".join(filter(None, doubts)),
        recorded=hours.recorded,
    )


def _enrolled(line: PlanLine, due: Sequence[Coming]) -> Decimal:
    if line.is_live:
        return sum((each.hours for each in due if each.format in LIVE), NOTHING)
    return sum((each.types.get(line.credit_type, NOTHING) for each in due), NOTHING)


# --- Sums by the database ---------------------------------------------------


@dataclass(frozen=True)
class _Sums:
    total: _Hours
    live: _Hours


def _sums(plans: Sequence[TrainingPlan]) -> dict[UUID, _Sums]:
    """Hours of each plan's holder in its period: from the ledger, and confirmed or recorded from
    elsewhere. A reversal takes back its award's hours, so all entries of the ledger are added up,
    which its index alone answers."""
    own = _sums_by_plan(plans, "holder__credit_entries__", certain=Q())
    outside = "holder__outside_credit__"
    kept = Q(**{f"{outside}withdrawn_at__isnull": True})
    other = _sums_by_plan(
        plans,
        outside,
        certain=kept & Q(**{f"{outside}decision__verdict": OutsideDecision.Verdict.CONFIRMED}),
        recorded=kept & Q(**{f"{outside}decision__isnull": True}),
    )
    nothing = _Sums(_Hours(), _Hours())
    return {
        plan.pk: _Sums(
            own.get(plan.pk, nothing).total + other.get(plan.pk, nothing).total,
            own.get(plan.pk, nothing).live + other.get(plan.pk, nothing).live,
        )
        for plan in plans
    }


def _sums_by_plan(
    plans: Sequence[TrainingPlan], credit: str, *, certain: Q, recorded: Q | None = None
) -> dict[UUID, _Sums]:
    """The sums over one kind of credit, which the plan reaches by ``credit``."""
    in_period = Q(**{f"{credit}earned_on__gte": F("since"), f"{credit}earned_on__lt": F("until")})
    is_live, is_hybrid = (Q(**{f"{credit}format__in": formats}) for formats in (LIVE, LIVE_IN_PART))
    sums = {
        "total": in_period & certain,
        "live": in_period & certain & is_live,
        "hybrid": in_period & certain & is_hybrid,
    }
    if recorded is not None:
        sums["recorded"] = in_period & recorded
        sums["recorded_live"] = in_period & recorded & (is_live | is_hybrid)
    rows: Any = (
        TrainingPlan.objects.filter(pk__in=[plan.pk for plan in plans])
        .order_by()
        .values("pk")
        .annotate(
            **{
                name: Coalesce(Sum(f"{credit}hours", filter=condition), NOTHING)
                for name, condition in sums.items()
            }
        )
    )
    return {
        row["pk"]: _Sums(
            total=_Hours(row["total"], NOTHING, row.get("recorded", NOTHING)),
            live=_Hours(row["live"], row["hybrid"], row.get("recorded_live", NOTHING)),
        )
        for row in rows
    }


def _sums_of_types(plans: Sequence[TrainingPlan]) -> dict[int, _Hours]:
    """Hours of each line's credit type, by the line's id. Never added up over bodies: for certain
    is what each of them counts that gives the type, and no more than the course has hours."""
    in_period = {
        "holder": OuterRef("plan__holder"),
        "earned_on__gte": OuterRef("plan__since"),
        "earned_on__lt": OuterRef("plan__until"),
    }
    own = _sums_of_type(
        CreditEntry.objects.standing().filter(**in_period),
        CreditLine.objects.filter(entry=OuterRef("pk")),
        by="entry",
    )
    kept = OutsideCredit.objects.filter(withdrawn_at__isnull=True, **in_period)
    given = OutsideLine.objects.filter(credit=OuterRef("pk"))
    confirmed = _sums_of_type(
        kept.filter(decision__verdict=OutsideDecision.Verdict.CONFIRMED), given, by="credit"
    )
    recorded = _sums_of_type(kept.filter(decision__isnull=True), given, by="credit")
    rows = (
        PlanLine.objects.filter(plan__in=[plan.pk for plan in plans])
        .exclude(credit_type=PlanLine.LIVE)
        .annotate(
            own=own["least"],
            own_most=own["most"],
            confirmed=confirmed["least"],
            confirmed_most=confirmed["most"],
            recorded=recorded["most"],
        )
    )
    return {
        line.pk: _Hours(
            certain=line.own + line.confirmed,
            arguable=line.own_most + line.confirmed_most - line.own - line.confirmed,
            recorded=line.recorded,
        )
        for line in rows
    }


def _sums_of_type(credit: QuerySet[Any], lines: QuerySet[Any], *, by: str) -> dict[str, Coalesce]:
    """The least and the most hours, over all ``credit``, of the outer plan line's type."""
    given = lines.filter(credit_type=OuterRef(OuterRef("credit_type"))).order_by().values(by)
    least = Coalesce(Subquery(given.annotate(found=Min("hours")).values("found")), NOTHING)
    most = Coalesce(Subquery(given.annotate(found=Max("hours")).values("found")), NOTHING)
    rows = credit.order_by().values("holder")
    return {
        name: Coalesce(Subquery(rows.annotate(found=Sum(hours)).values("found")), NOTHING)
        for name, hours in (("least", Least(least, F("hours"))), ("most", most))
    }
