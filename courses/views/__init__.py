"""The door for the browser, one module for each area."""

from courses.views.catalog import catalog, suggest
from courses.views.course import course, enroll, withdraw
from courses.views.feeds import feed, session_calendar
from courses.views.home import home
from courses.views.lessons import (
    lesson,
    lesson_captions,
    lesson_file,
    print_lessons,
    progress,
    read,
)
from courses.views.post_test import attempt, post_test, save_answers
from courses.views.room import attestation, complete, evaluation, room
from courses.views.saved import (
    change_saved_search,
    drop,
    forget_saved_search,
    keep,
    save_search,
    saved_searches,
    shortlist,
    stop_mail,
)
from courses.views.site import robots, sitemap, sitemap_index
from courses.views.topics import topic, topics

__all__ = [
    "attempt",
    "attestation",
    "catalog",
    "change_saved_search",
    "complete",
    "course",
    "drop",
    "enroll",
    "evaluation",
    "feed",
    "forget_saved_search",
    "home",
    "keep",
    "lesson",
    "lesson_captions",
    "lesson_file",
    "post_test",
    "print_lessons",
    "progress",
    "read",
    "robots",
    "room",
    "save_answers",
    "save_search",
    "saved_searches",
    "session_calendar",
    "shortlist",
    "sitemap",
    "sitemap_index",
    "stop_mail",
    "suggest",
    "topic",
    "topics",
    "withdraw",
]
