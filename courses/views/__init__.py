"""The door for the browser, one module for each area."""

from courses.views.catalog import catalog
from courses.views.course import course, enroll, withdraw
from courses.views.home import home
from courses.views.room import attempt, complete, evaluation, lesson, post_test, read, room

__all__ = [
    "attempt",
    "catalog",
    "complete",
    "course",
    "enroll",
    "evaluation",
    "home",
    "lesson",
    "post_test",
    "read",
    "room",
    "withdraw",
]
