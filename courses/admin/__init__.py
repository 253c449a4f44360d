"""Where curators work: courses with their parts, sessions, providers, approvals, learners."""

from courses.admin import courses, enrollments, offering, searches, sessions

__all__ = ["courses", "enrollments", "offering", "searches", "sessions"]
