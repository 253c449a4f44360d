"""Where curators work: courses with their parts, sessions, providers, approvals, learners."""

from courses.admin import (
    attendance,
    courses,
    enrollments,
    evaluations,
    offering,
    searches,
    sessions,
)

__all__ = [
    "attendance",
    "courses",
    "enrollments",
    "evaluations",
    "offering",
    "searches",
    "sessions",
]
