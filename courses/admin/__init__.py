"""Where curators work: courses with their parts, sessions, providers, approvals, learners."""

from courses.admin import courses, enrollments, evaluations, offering, searches, sessions

__all__ = ["courses", "enrollments", "evaluations", "offering", "searches", "sessions"]
