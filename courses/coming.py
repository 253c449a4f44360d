"""What people are enrolled in, and the credit that they have once they finish it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Prefetch, Q

from accounts.models import User
from courses import approvals
from courses.models import CourseCredit, Enrollment
from transcripts import progress
from transcripts.models import TrainingPlan
from transcripts.progress import Coming, Progress


def enrollments(learners: Iterable[UUID], *, at: datetime) -> dict[UUID, list[Enrollment]]:
    """Of each learner what is in progress and can still be finished, with course and session.

    Three queries, for one learner or for a thousand.
    """
    rows = (
        Enrollment.objects.in_progress()
        .filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=at),
            learner__in=list(learners),
            session__cancelled_at__isnull=True,
        )
        .select_related("course", "session")
        .prefetch_related(
            Prefetch("course__credits", CourseCredit.objects.select_related("credit_type"))
        )
        .order_by("enrolled_at", "pk")
    )
    found: dict[UUID, list[Enrollment]] = {}
    for row in rows:
        found.setdefault(row.learner_id, []).append(row)
    return found


def credit(rows: Iterable[Enrollment], *, on: date) -> list[Coming]:
    """What each enrollment gives: on the day of its session, or else if it is finished today."""
    return [
        Coming(
            hours=row.course.hours,
            format=row.course.format,
            on=approvals.day_of(row.session) if row.session else on,
            types=_types(row),
        )
        for row in rows
    ]


def progress_of(holder: User, *, at: datetime, on: date) -> list[Progress]:
    """The holder's current plans, what ends first first, with what they are enrolled in."""
    current = list(TrainingPlan.objects.current().filter(holder=holder).with_lines().by_end())
    if not current:
        return []
    enrolled = enrollments([holder.pk], at=at).get(holder.pk, [])
    found = progress.of_plans(current, on=on, coming={holder.pk: credit(enrolled, on=on)})
    return [found[plan.pk] for plan in current]


def next_live(rows: Iterable[Enrollment], *, at: datetime) -> Enrollment | None:
    """The enrollment whose session is next, or goes on now."""
    live = [row for row in rows if row.session is not None and row.session.ends_at > at]
    return min(live, key=_starts_at, default=None)


def _starts_at(enrollment: Enrollment) -> datetime:
    return enrollment.session.starts_at  # type: ignore[union-attr]  # only live ones are asked


def _types(enrollment: Enrollment) -> dict[str, Decimal]:
    """Hours by credit type: the fewest that a body gives which gives the type."""
    hours: dict[str, Decimal] = {}
    for given in enrollment.course.credits.all():
        slug = given.credit_type.slug
        hours[slug] = min(hours.get(slug, given.hours), given.hours)
    return hours
