"""What a cycle asks of a person, as they or their supervisor state it: write a plan, drop it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from accounts import mail, supervision
from accounts.models import License, Scope, Supervision, User
from transcripts.models import PlanLine, TrainingPlan

MOST_CURRENT = 20  # plans of one person


class PlanError(Exception):
    """Why a plan cannot be kept, in a sentence for the one who states it."""


class SupervisionEnded(PlanError):
    """The holder's progress is not the supervisor's to read any more."""


@dataclass(frozen=True)
class Needed:
    """At least so many hours live (``credit_type`` is empty) or of a credit type."""

    credit_type: str
    name: str
    hours: Decimal


@transaction.atomic
def write(
    *,
    holder: User,
    by: User,
    title: str,
    license_: License | None,
    since: date,
    until: date,
    hours: Decimal,
    lines: Sequence[Needed],
    at: datetime,
    replaces: TrainingPlan | None = None,
) -> TrainingPlan:
    """Keep a plan. It takes the place of ``replaces``, and of the current one for the same license,
    or without a license the same title. Saying the same again changes nothing.

    Locks the supervision of somebody else who writes, so nothing is set after its end; then the
    holder, so two who write at once follow each other.
    After commit, a mail tells the holder what somebody else has set.
    Raises SupervisionEnded if the progress is not shared with somebody else who writes, and
    PlanError if ``replaces`` is not current any more, if the license is not the holder's or has a
    plan besides, or if there are too many plans.
    """
    if by != holder:
        between = Supervision.objects.filter(supervisor=by, trainee=holder)
        if supervision.locked(between, Scope.RENEWAL, at=at) is None:
            raise SupervisionEnded("This progress is not shared with you any more.")
    User.objects.select_for_update(of=["self"], no_key=True).get(pk=holder.pk)
    if license_ is not None and license_.holder_id != holder.pk:
        raise PlanError("Choose a license of the person whose plan it is.")
    facts = (title, license_.pk if license_ else None, since, until, hours, tuple(lines))
    current = list(TrainingPlan.objects.current().filter(holder=holder).with_lines())
    same = next((plan for plan in current if _facts(plan) == facts), None)
    if same is not None:
        return same
    if replaces is not None and replaces not in current:
        raise PlanError(
            "This plan was changed meanwhile. Look at what it says now, and change that."
        )
    superseded = [
        plan
        for plan in current
        if plan == replaces or _is_for_the_same(plan, title=title, license_=license_)
    ]
    if len(current) - len(superseded) >= MOST_CURRENT:
        raise PlanError(f"There are {MOST_CURRENT} plans already. Drop one that is over.")
    _supersede(superseded, at=at)
    plan = TrainingPlan.objects.create(
        holder=holder,
        title=title,
        license=license_,
        since=since,
        until=until,
        hours=hours,
        set_by=by,
        set_at=at,
    )
    PlanLine.objects.bulk_create(
        PlanLine(
            plan=plan,
            position=position,
            credit_type=line.credit_type,
            name=line.name,
            hours=line.hours,
        )
        for position, line in enumerate(lines)
    )
    if by != holder:
        mail.post(
            recipient=holder,
            kind="plan-set",
            key=f"plan-set:{plan.pk}",
            template="plan_set",
            context={"plan": plan, "lines": lines, "by": by},
            at=at,
        )
    return plan


@transaction.atomic
def drop(*, plan: TrainingPlan, at: datetime) -> None:
    """The holder follows this plan no more. It stays among the earlier ones; again changes nothing.

    Locks the holder, as ``write`` does.
    """
    User.objects.select_for_update(of=["self"], no_key=True).get(pk=plan.holder_id)
    _supersede([plan], at=at)


def cycles(holder: User) -> list[TrainingPlan]:
    """Each cycle that the holder ever had a plan for, as its last plan says; the latest first.

    A plan that was changed within its cycle is one cycle; one for other days is another.
    """
    plans = TrainingPlan.objects.filter(holder=holder).select_related("license").order_by("set_at")
    last = {(plan.license_id or plan.title.lower(), plan.since, plan.until): plan for plan in plans}
    return sorted(last.values(), key=lambda plan: (plan.until, plan.set_at), reverse=True)


def _supersede(plans: Sequence[TrainingPlan], *, at: datetime) -> None:
    """Who waited for the lock may come with a moment before the one in which a plan was set."""
    ids = [plan.pk for plan in plans]
    current = TrainingPlan.objects.current().filter(pk__in=ids)
    current.update(superseded_at=Greatest(at, F("set_at")))


def _is_for_the_same(plan: TrainingPlan, *, title: str, license_: License | None) -> bool:
    if license_ is not None:
        return plan.license_id == license_.pk
    return plan.license_id is None and plan.title.lower() == title.lower()


def _facts(plan: TrainingPlan) -> tuple[object, ...]:
    lines = tuple(Needed(line.credit_type, line.name, line.hours) for line in plan.lines.all())
    return (plan.title, plan.license_id, plan.since, plan.until, plan.hours, lines)
