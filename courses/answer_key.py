"""Which choices make a post-test question that can be graded, and how it is graded."""

from __future__ import annotations

from collections.abc import Collection, Sequence

SINGLE = "single"
MULTIPLE = "multiple"
TRUE_FALSE = "true_false"


def fault(kind: str, is_right: Sequence[bool]) -> str | None:
    """Why choices of which these are right cannot be graded by, in a sentence; None if they can."""
    right = sum(is_right)
    if kind == TRUE_FALSE:
        if len(is_right) != 2 or right != 1:
            return "A true-or-false question needs exactly two choices, one of them right."
    elif kind == MULTIPLE:
        if len(is_right) < 2 or not right:
            return "A question with several answers needs two choices or more, at least one right."
    elif len(is_right) < 2 or right != 1:
        return "A question needs two choices or more, exactly one of them right."
    return None


def is_answered_rightly(chosen: Collection[int], right: Collection[int]) -> bool:
    """Exactly the right choices, no fewer and no more."""
    return set(chosen) == set(right)
