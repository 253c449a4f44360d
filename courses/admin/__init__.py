"""Where curators work: courses with their parts, sessions, providers, approvals, learners."""

from courses.admin import attendance, courses, enrollments, offering, searches, sessions

__all__ = ["attendance", "courses", "enrollments", "offering", "searches", "sessions"]
