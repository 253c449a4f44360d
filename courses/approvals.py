"""Which approval of a course is valid on a day, and whether it gives credit then."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db.models import Q

from courses.models import Approval, Course, Session
from courses.models.offering import ApprovalQuerySet


def in_date(course: Course, *, on: date) -> dict[int, Approval]:
    """For each body, by id, the approval that covers the course on that day.

    An approval of this one course goes before the provider's; of several, the latest.
    Source: NYSED and Florida 64B4-6.003 count credit only under an approval that was valid on the
    day it was earned.
    """
    return choose(_candidates(course).in_date(on=on))


def by_day(course: Course, days: Iterable[date]) -> dict[date, dict[int, Approval]]:
    """What ``in_date`` says of each of these days, with one query for all of them."""
    candidates = list(_candidates(course))
    return {
        day: choose(approval for approval in candidates if covers(approval, on=day)) for day in days
    }


def covers(approval: Approval, *, on: date) -> bool:
    """Is it valid on that day, first and last day included?"""
    return approval.valid_from <= on and (approval.valid_to is None or on <= approval.valid_to)


def day_of(session: Session) -> date:
    """The day whose approvals count for a session: the one on which it ends, in its own zone."""
    return session.ends_at.astimezone(session.tz).date()


def gives_credit(course: Course, *, on: date) -> bool:
    """Has any of its credit lines an approval in date on that day?"""
    return course.credits.filter(body__in=in_date(course, on=on)).exists()


def _candidates(course: Course) -> ApprovalQuerySet:
    """Its provider's approvals that may cover it, whatever the day; the oldest first."""
    return (
        Approval.objects.filter(
            Q(course__isnull=True) | Q(course=course), provider=course.provider_id
        )
        .select_related("body")
        .order_by("valid_from", "pk")
    )


def choose(candidates: Iterable[Approval]) -> dict[int, Approval]:
    """The approval to use for each body. Needs candidates in order, oldest first."""
    chosen: dict[int, Approval] = {}
    for approval in sorted(candidates, key=lambda approval: approval.course_id is not None):
        chosen[approval.body_id] = approval
    return chosen
