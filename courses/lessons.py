"""Reading: which lessons were opened, how far, and which are read.

A lesson counts as read when the learner says so at its end, no sooner than a quarter of its stated
minutes (whole minutes, at most ten) after first opening it; one of under four minutes at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from ce_portal import formats
from courses import learning
from courses.models import Enrollment, Lesson, LessonProgress

# A page reports more often than this; a longer time at once is not believed.
MOST_SECONDS = 120


class TooSoonError(learning.LearningError):
    """The lesson was opened only just now."""


def open_lesson(*, enrollment: Enrollment, lesson: Lesson, at: datetime) -> LessonProgress:
    """Note that the learner has opened a lesson. Opening it again keeps the first moment."""
    progress, is_new = LessonProgress.objects.get_or_create(
        enrollment=enrollment, lesson=lesson, defaults={"opened_at": at, "seen_at": at}
    )
    if not is_new and progress.seen_at < at:
        LessonProgress.objects.filter(pk=progress.pk, seen_at__lt=at).update(seen_at=at)
        progress.seen_at = at
    return progress


@transaction.atomic
def note_progress(
    *, enrollment: Enrollment, lesson: Lesson, position: int, seconds: int, at: datetime
) -> None:
    """Note how far (percent) the learner came in an open lesson, and for how long it was in view.

    The position never goes back. No more seconds count than have passed since the last report or
    opening, so that two tabs, or a forged report, claim no more time than there was.
    Locks the lesson's progress.
    """
    progress = (
        LessonProgress.objects.select_for_update(of=["self"])
        .filter(enrollment=enrollment, lesson=lesson)
        .first()
    )
    if progress is None:
        return
    passed = int((at - progress.seen_at).total_seconds())
    progress.position = max(progress.position, min(100, position))
    progress.seconds += max(0, min(seconds, passed, MOST_SECONDS))
    progress.seen_at = max(at, progress.seen_at)
    progress.save(update_fields=["position", "seconds", "seen_at"])


def may_be_read_from(progress: LessonProgress, lesson: Lesson) -> datetime:
    """From when the learner may say that the lesson is read."""
    return progress.opened_at + timedelta(minutes=lesson.minutes_before_read)


def mark_read(*, enrollment: Enrollment, lesson: Lesson, at: datetime) -> None:
    """Note that the learner has read a lesson. Reading it again keeps the first moment.

    A lesson that was never opened counts as opened now.
    Locks the enrollment.
    Raises LearningError if the enrollment is over, TooSoonError if the lesson was opened only just
    now.
    """
    with transaction.atomic():
        enrollment = learning.locked_in_time(enrollment, at=at)
        progress = open_lesson(enrollment=enrollment, lesson=lesson, at=at)
        opens = may_be_read_from(progress, lesson)
        is_too_soon = progress.read_at is None and at < opens
        if not is_too_soon:
            LessonProgress.objects.filter(pk=progress.pk, read_at__isnull=True).update(read_at=at)
            learning.complete_if_possible(enrollment, at=at)
    # After the commit, which keeps the opening.
    if is_too_soon:
        shown = formats.show_moment(opens, enrollment.learner.tz)
        raise TooSoonError(
            f"You can mark “{lesson}” as read from {shown}: a quarter of its {lesson.minutes} "
            "minutes, at most ten, after you first opened it."
        )
