"""What a course asks of a learner, as one plain document that an enrollment keeps.

Keys that are absent are not asked:

``lessons``: the ids of the lessons to read; ``attendance``: ``{"minutes"}`` of the live session;
``post_test``: ``{"pass_mark", "attempts", "retake_after_minutes"}``, in percent, a number or null
for no limit, and minutes; ``evaluation``: true; ``attestation``: the words to confirm.
"""

from __future__ import annotations

from typing import Any

from courses.models import Course, Session

VERSION = 1


def asked_of(course: Course, session: Session | None) -> dict[str, Any]:
    """What the course asks now of somebody who enrolls, in that session if it is live."""
    asked: dict[str, Any] = {"version": VERSION}
    if course.requires_lessons:
        lessons = list(course.lessons.order_by("position", "pk").values_list("pk", flat=True))
        if lessons:
            asked["lessons"] = lessons
    if course.requires_attendance:
        asked["attendance"] = {"minutes": minutes_to_attend(course, session)}
    if course.requires_post_test and course.questions.exists():
        asked["post_test"] = {
            "pass_mark": course.pass_mark,
            "attempts": course.attempts_allowed,
            "retake_after_minutes": course.retake_after_minutes,
        }
    if course.requires_evaluation:
        asked["evaluation"] = True
    if course.attestation.strip():
        asked["attestation"] = course.attestation.strip()
    return asked


def minutes_to_attend(course: Course, session: Session | None) -> int:
    """Minutes of the session that one must attend, at least 1.

    What the session itself says; else the course's minutes, or its percent of the session's
    length, rounded up.
    """
    if session is not None and session.attendance_minutes is not None:
        return max(1, session.attendance_minutes)
    if course.attendance_percent is not None and session is not None:
        return max(1, -(-session.minutes * course.attendance_percent // 100))
    return max(1, course.attendance_minutes or 0)
