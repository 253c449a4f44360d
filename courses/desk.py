"""A supervisor's desk: everybody they supervise in one table, each column within its scope.

All trainees are summed up with a handful of questions, so that they can be sorted; what a row says
besides is asked for those that are shown, again with as many questions for one as for hundreds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Max, OuterRef, Subquery

from accounts.models import Supervision, User
from courses import assignments, coming
from courses.assignments import Asked
from courses.models import Enrollment, LessonProgress
from transcripts import progress, reviews
from transcripts.models import CreditEntry, TrainingPlan
from transcripts.progress import Answer, Progress

SOON = timedelta(days=14)
NEVER = date.max

REVIEW, HOURS, ACTIVITY, NAME = "review", "hours", "activity", "name"
OVERDUE, NEXT, NONE = "overdue", "soon", "none"
BEHIND, GAPS, MET, NO_PLAN = "behind", "gaps", "met", "no-plan"


@dataclass
class Row:
    """One trainee, as far as they share it. What is not shared, or not there, is None or empty."""

    supervision: Supervision
    on: date
    plans: list[TrainingPlan] = field(default_factory=list)
    progress: Progress | None = None
    last_activity: date | None = None
    review_due: date | None = None
    next_live: Enrollment | None = None
    assigned: list[Asked] = field(default_factory=list)

    @property
    def person(self) -> User:
        return self.supervision.trainee

    @property
    def plan(self) -> TrainingPlan | None:
        """The one whose cycle ends first, of those that go on; else the last."""
        going_on = [plan for plan in self.plans if plan.until > self.on]
        return going_on[0] if going_on else self.plans[-1] if self.plans else None

    @property
    def shares_credit(self) -> bool:
        return self.supervision.shares_credit

    @property
    def shares_progress(self) -> bool:
        return self.supervision.shares_renewal

    @property
    def to_go(self) -> Decimal | None:
        return self.progress.total.short if self.progress else None

    @property
    def gaps(self) -> str:
        """ "Ethics 1 h, nothing enrolled; live 2 h, enrolled"."""
        if self.progress is None:
            return ""
        # The sum says little beside the lines that make it up.
        gaps = [part for part in self.progress.gaps if part is not self.progress.total]
        return "; ".join(part.gap for part in gaps or self.progress.gaps)

    @property
    def overdue(self) -> int:
        return sum(asked.is_overdue for asked in self.assigned)

    @property
    def days_to_review(self) -> int | None:
        return (self.review_due - self.on).days if self.review_due else None

    @property
    def review_words(self) -> str:
        """How far its day is: "2 days overdue", "Today", "In 5 days"."""
        left = self.days_to_review or 0
        if left == 0:
            return "Today"
        days = f"{abs(left)} day{'' if abs(left) == 1 else 's'}"
        return f"{days} overdue" if left < 0 else f"In {days}"

    @property
    def days_since_activity(self) -> int | None:
        return (self.on - self.last_activity).days if self.last_activity else None


@dataclass(frozen=True)
class Wanted:
    """Which trainees, and in which order."""

    words: str = ""
    track: str = ""
    review: str = ""
    hours: str = ""
    sort: str = REVIEW


def rows(*, supervisor: User, at: datetime, on: date) -> list[Row]:
    """Everybody whom the supervisor supervises at that moment, summed up. Four questions."""
    supervisions = (
        Supervision.objects.active(at=at)
        .filter(supervisor=supervisor)
        .select_related("trainee")
        .annotate(**_activity())
        .order_by("trainee__legal_name", "pk")
    )
    found = [Row(supervision=row, on=on, last_activity=_last_activity(row)) for row in supervisions]
    by_person = {row.person.pk: row for row in found}
    # Who reads by this supervision reads no more than it shares.
    sharing = [pk for pk, row in by_person.items() if row.shares_progress]
    plans = TrainingPlan.objects.current().filter(holder__in=sharing).select_related("license")
    for plan in plans.by_end():
        by_person[plan.holder_id].plans.append(plan)
    sums = progress.totals([row.plan for row in found if row.plan], on=on)
    due = reviews.due_days(supervisor=supervisor, at=at)
    for row in found:
        row.progress = sums[row.plan.pk] if row.plan else None
        row.review_due = due.get(row.person.pk) if row.shares_credit else None
    return found


def _activity() -> dict[str, Subquery]:
    """Adds the last day of credit, and the last moments of enrolling and of learning."""
    credit = CreditEntry.objects.filter(holder=OuterRef("trainee")).order_by("-earned_on")
    enrolled = Enrollment.objects.filter(learner=OuterRef("trainee")).order_by().values("learner")
    seen = LessonProgress.objects.filter(
        enrollment__learner=OuterRef("trainee"),
        enrollment__withdrawn_at__isnull=True,
        enrollment__expired_at__isnull=True,
        enrollment__completed_at__isnull=True,
    )
    return {
        "earned_on": Subquery(credit.values("earned_on")[:1]),
        "enrolled_at": Subquery(enrolled.annotate(last=Max("enrolled_at")).values("last")),
        "seen_at": Subquery(
            seen.order_by()
            .values("enrollment__learner")
            .annotate(last=Max("seen_at"))
            .values("last")
        ),
    }


def _last_activity(row: Any) -> date | None:
    """In the trainee's zone; only of what the supervision shares."""
    days = [row.earned_on] if row.shares_credit else []
    if row.shares_renewal:
        days += [
            moment.astimezone(row.trainee.tz).date() if moment else None
            for moment in (row.enrolled_at, row.seen_at)
        ]
    return max((day for day in days if day), default=None)


def tracks(found: Iterable[Row]) -> list[str]:
    """What the trainees' plans are called, each once."""
    return sorted({row.plan.title for row in found if row.plan}, key=str.lower)


def choose(found: Sequence[Row], wanted: Wanted) -> list[Row]:
    """Those that are wanted, in the order that is wanted; names decide between equals."""
    return sorted(
        (row for row in found if _is_wanted(row, wanted)),
        key=lambda row: (*ORDERS[wanted.sort](row), row.person.legal_name.lower(), row.person.pk),
    )


ORDERS: dict[str, Callable[[Row], tuple[Any, ...]]] = {
    REVIEW: lambda row: (row.review_due or NEVER,),
    HOURS: lambda row: (row.to_go is None, -(row.to_go or 0)),
    ACTIVITY: lambda row: (row.last_activity or date.min,),
    NAME: lambda row: (),
}


def _is_wanted(row: Row, wanted: Wanted) -> bool:
    name = row.person.legal_name.lower()
    return (
        all(word in name for word in wanted.words.lower().split())
        and (not wanted.track or (row.plan is not None and row.plan.title == wanted.track))
        and (not wanted.review or _is_review(row, wanted.review))
        and (not wanted.hours or _is_so_far(row, wanted.hours))
    )


def _is_review(row: Row, wanted: str) -> bool:
    if wanted == NONE or row.review_due is None:
        return wanted == NONE and row.review_due is None
    return row.review_due < row.on if wanted == OVERDUE else row.review_due <= row.on + SOON


def _is_so_far(row: Row, wanted: str) -> bool:
    if row.progress is None:
        return wanted == NO_PLAN
    if wanted == BEHIND:
        return row.progress.is_behind
    is_met = row.progress.total.answer == Answer.MET
    return wanted == (MET if is_met else GAPS)


def fill(shown: Sequence[Row], *, supervisor: User, at: datetime) -> None:
    """Adds what is enrolled, what is missing by type, and what is assigned. Eight questions."""
    people = [row.person.pk for row in shown if row.shares_progress]
    enrolled = coming.enrollments(people, at=at)
    on = shown[0].on if shown else NEVER
    due = {pk: coming.credit(held, on=on) for pk, held in enrolled.items()}
    plans = _with_lines([row.plan for row in shown if row.plan])
    found = progress.of_plans(plans, on=on, coming=due)
    assigned = assignments.open_of(people, supervisor=supervisor, at=at)
    for row in shown:
        row.progress = found[row.plan.pk] if row.plan else None
        row.next_live = coming.next_live(enrolled.get(row.person.pk, []), at=at)
        row.assigned = assigned.get(row.person.pk, [])


def _with_lines(plans: Sequence[TrainingPlan]) -> list[TrainingPlan]:
    return list(TrainingPlan.objects.filter(pk__in=[plan.pk for plan in plans]).with_lines())
