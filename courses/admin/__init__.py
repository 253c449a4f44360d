"""Where curators work: courses with their parts, sessions, providers, approvals, learners."""

from courses.admin import (
    attendance,
    courses,
    credit,
    enrollments,
    evaluations,
    offering,
    searches,
    sessions,
)

__all__ = [
    "attendance",
    "courses",
    "credit",
    "enrollments",
    "evaluations",
    "offering",
    "searches",
    "sessions",
]
