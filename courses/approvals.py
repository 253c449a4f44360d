"""Which approval of a course is valid on a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db.models import Q

from courses.models import Approval, Course


def in_date(course: Course, *, on: date) -> dict[int, Approval]:
    """For each body, by id, the approval that covers the course on that day.

    An approval of this one course goes before the provider's; of several, the latest.
    Source: NYSED and Florida 64B4-6.003 count credit only under an approval that was valid on the
    day it was earned.
    """
    candidates = (
        Approval.objects.in_date(on=on)
        .filter(Q(course__isnull=True) | Q(course=course), provider=course.provider_id)
        .select_related("body")
        .order_by("valid_from", "pk")
    )
    return choose(candidates)


def choose(candidates: Iterable[Approval]) -> dict[int, Approval]:
    """The approval to use for each body. Needs candidates in order, oldest first."""
    chosen: dict[int, Approval] = {}
    for approval in sorted(candidates, key=lambda approval: approval.course_id is not None):
        chosen[approval.body_id] = approval
    return chosen
