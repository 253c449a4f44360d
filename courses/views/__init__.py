"""The door for the browser, one module for each area."""

from courses.views.attendance import check_in, check_out, host_session, session
from courses.views.calendars import (
    make_personal_feed,
    personal_calendar,
    personal_feed,
    session_file,
    stop_personal_feed,
)
from courses.views.catalog import catalog, suggest
from courses.views.course import (
    accept_seat,
    course,
    decline_seat,
    enroll,
    join_waitlist,
    leave_waitlist,
    move,
    withdraw,
)
from courses.views.desk import (
    assign,
    assignments,
    desk,
    desk_csv,
    trainee_plan,
    withdraw_assignment,
)
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
from courses.views.outside import add_outside, change_outside
from courses.views.personal_data import ask_for_data, close_account, data_file, personal_data
from courses.views.post_test import attempt, post_test, save_answers
from courses.views.renewals import (
    change_plan,
    change_trainee_plan,
    drop_plan,
    new_plan,
    new_trainee_plan,
    renewals,
)
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
    "close_account",
    "ask_for_data",
    "data_file",
    "personal_data",
    "accept_seat",
    "add_outside",
    "assign",
    "assignments",
    "attempt",
    "attestation",
    "catalog",
    "change_outside",
    "change_plan",
    "change_saved_search",
    "change_trainee_plan",
    "check_in",
    "check_out",
    "complete",
    "course",
    "decline_seat",
    "desk",
    "desk_csv",
    "drop",
    "drop_plan",
    "enroll",
    "evaluation",
    "feed",
    "forget_saved_search",
    "home",
    "host_session",
    "join_waitlist",
    "keep",
    "leave_waitlist",
    "lesson",
    "lesson_captions",
    "lesson_file",
    "make_personal_feed",
    "move",
    "new_plan",
    "new_trainee_plan",
    "personal_calendar",
    "personal_feed",
    "post_test",
    "print_lessons",
    "progress",
    "read",
    "renewals",
    "robots",
    "room",
    "save_answers",
    "save_search",
    "saved_searches",
    "session",
    "session_calendar",
    "session_file",
    "shortlist",
    "sitemap",
    "sitemap_index",
    "stop_mail",
    "stop_personal_feed",
    "suggest",
    "topic",
    "topics",
    "trainee_plan",
    "withdraw",
    "withdraw_assignment",
]
