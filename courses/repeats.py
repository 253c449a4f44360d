"""The same course again: whether it may give its credit a second time, and from when."""

from __future__ import annotations

from datetime import date, timedelta

from django.db.models import Max

from accounts.models import User
from ce_portal import formats
from courses.models import Completion, Course
from transcripts import ledger


def earlier_credit(*, learner: User, course: Course) -> Completion | None:
    """The learner's completion of this course whose credit stands, of several the one of the
    latest day: one that was reversed, and not corrected, gave nothing."""
    completions = (
        Completion.objects.filter(learner=learner, course=course)
        .select_related("credit_entry__reversal", "credit_entry__replacement")
        .order_by("-occasion")
    )
    standing = [done for done in completions if ledger.stands(done.credit_entry)]
    return max(standing, key=earned_on, default=None)


def earned_on(earlier: Completion) -> date:
    """The day of its credit, as it was corrected last."""
    return ledger.current(earlier.credit_entry).earned_on


def next_occasion(*, learner: User, course: Course) -> int:
    """The number of the learner's next completion of this course, reversed ones counted."""
    last = Completion.objects.filter(learner=learner, course=course).aggregate(Max("occasion"))
    return (last["occasion__max"] or 0) + 1


def may_repeat(course: Course, earlier: Completion, *, on: date) -> bool:
    """May the course give credit again for a completion on that day?"""
    again = again_from(course, earlier)
    return again is not None and on >= again


def again_from(course: Course, earlier: Completion) -> date | None:
    """The first day on which the credit may be earned again; None if never."""
    if course.repeat_after_days is None:
        return None
    return earned_on(earlier) + timedelta(days=course.repeat_after_days)


def why_not(course: Course, earlier: Completion) -> str:
    """Why it gives no second credit now, in sentences for the learner."""
    earned = formats.show_day(earned_on(earlier))
    again = again_from(course, earlier)
    if again is None:
        return f"You earned the credit of this course on {earned}. It is given once."
    return (
        f"You earned the credit of this course on {earned}. It may be earned again from "
        f"{formats.show_day(again)}."
    )
