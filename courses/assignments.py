"""What supervisors ask of their trainees: assign, withdraw, remind; and how far it is.

How far is read from enrollment and credit each time: nobody ticks anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce, Greatest

from accounts import mail
from accounts import supervision as supervision_story
from accounts.models import Supervision
from ce_portal.formats import show_day, show_hours
from courses import repeats
from courses.models import (
    Assignment,
    Attempt,
    Course,
    CourseFocusArea,
    Enrollment,
    FocusArea,
    LessonProgress,
    Topic,
    WaitlistPlace,
)
from courses.models.assignments import AssignmentQuerySet, assigning
from transcripts.models import CreditEntry

REMIND_BEFORE = (14, 3, -1)  # days; the last is the day after
MADE_UP = timedelta(days=30)  # how long after it was due a reminder is still of use
LONGEST = timedelta(days=5 * 366)  # from assigning to the due day


class AssignmentError(Exception):
    """Why something cannot be assigned, in a sentence for the supervisor."""


class State(StrEnum):
    OPEN = "open"
    WAITING = "on the waitlist"
    ENROLLED = "enrolled"
    BEGUN = "in progress"
    EARNED = "earned"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


@dataclass(frozen=True)
class Asked:
    """An assignment, and how far it is on the trainee's day ``on``."""

    assignment: Assignment
    state: State
    earned: Decimal
    earned_on: date | None
    on: date

    @property
    def is_over(self) -> bool:
        """Withdrawn, or its supervision has ended: nothing is asked any more."""
        return self.state in {State.WITHDRAWN, State.ENDED}

    @property
    def is_open(self) -> bool:
        """Asked, and not earned."""
        return not self.is_over and self.state != State.EARNED

    @property
    def is_overdue(self) -> bool:
        return self.is_open and self.assignment.due_on < self.on

    @property
    def days_left(self) -> int:
        return (self.assignment.due_on - self.on).days

    @property
    def due_words(self) -> str:
        """When it is due, and how soon that is while it is open."""
        day, left = show_day(self.assignment.due_on), self.days_left
        if not self.is_open:
            return f"Due {day}"
        if left == 0:
            return f"Due today, {day}"
        days = f"{abs(left)} day{'' if abs(left) == 1 else 's'}"
        return f"Due {day}, {days} overdue" if left < 0 else f"Due {day}, in {days}"

    @property
    def words(self) -> str:
        """How far it is: "Enrolled", "Earned on Feb 2, 2027", "1.5 of 3 h earned"."""
        asked = self.assignment.hours
        if asked is not None and not self.is_over:
            return f"{show_hours(min(self.earned, asked))} of {show_hours(asked)} h earned"
        if self.state == State.EARNED and self.earned_on:
            return f"Earned on {show_day(self.earned_on)}"
        if self.state == State.OPEN:
            return "Not enrolled yet"
        if self.state == State.ENDED:
            return "Ended with the supervision"
        return self.state.capitalize()


@transaction.atomic
def assign(
    *,
    supervision: Supervision,
    subject: Course | Topic | FocusArea,
    hours: Decimal | None,
    due_on: date,
    note: str,
    at: datetime,
) -> Assignment:
    """Ask the trainee for a course, or for so many hours of a topic or focus area.

    Locks the supervision, so that nothing is asked as it ends. After commit, a mail tells the
    trainee.
    Raises AssignmentError if the supervision is over, if the same is asked already, if the day is
    past, or if the course is not offered or gives the trainee no credit any more.
    """
    held = supervision_story.locked(assigning(at=at).filter(pk=supervision.pk), at=at)
    if held is None:
        raise AssignmentError("You do not supervise this person any more.")
    trainee = held.trainee
    today = at.astimezone(trainee.tz).date()
    if not today <= due_on <= today + LONGEST:
        raise AssignmentError("Choose a due day from today on, within five years.")
    if isinstance(subject, Course):
        _check(subject, held, on=due_on)
    assignment = Assignment(
        supervision=held,
        due_on=due_on,
        note=note,
        assigned_at=at,
        counts_from=today,
        reminded_days=_stage((due_on - today).days),
        **_columns(subject, hours),
    )
    try:
        with transaction.atomic():
            assignment.save()
    except IntegrityError:
        raise AssignmentError(
            f"You have assigned “{subject}” to {trainee.get_short_name()} already. "
            "To change it, withdraw that first."
        ) from None
    mail.post(
        recipient=trainee,
        kind="assignment",
        key=_key(assignment),
        template="assignment",
        context={"assignment": assignment},
        at=at,
    )
    return assignment


def _check(course: Course, supervision: Supervision, *, on: date) -> None:
    if not course.is_published:
        raise AssignmentError("This course is not offered any more. Choose another one.")
    trainee = supervision.trainee
    earlier = repeats.earlier_credit(learner=trainee, course=course)
    if earlier and not repeats.may_repeat(course, earlier, on=on):
        raise AssignmentError(
            f"{trainee.get_short_name()} has earned the credit of this course, and may not earn it "
            "again by that day."
        )


def _columns(subject: Course | Topic | FocusArea, hours: Decimal | None) -> dict[str, Any]:
    if isinstance(subject, Course):
        return {"course": subject}
    return {"topic" if isinstance(subject, Topic) else "focus_area": subject, "hours": hours}


@transaction.atomic
def withdraw(*, assignment: Assignment, at: datetime) -> None:
    """Ask for it no more; the trainee still sees that it was asked. Again changes nothing."""
    standing = Assignment.objects.filter(pk=assignment.pk, withdrawn_at__isnull=True)
    standing.update(withdrawn_at=Greatest(at, F("assigned_at")))
    mail.take_back(key=_key(assignment), because="The assignment was withdrawn.", at=at)


def _key(assignment: Assignment) -> str:
    return f"assignment:{assignment.pk}"


# --- How far it is ----------------------------------------------------------


def states(rows: AssignmentQuerySet, *, at: datetime) -> list[Asked]:
    """How far each is, in one query. Needs ``with_subject``."""
    return [_asked(row, at=at) for row in _with_facts(rows, at=at)]


def _asked(row: Any, *, at: datetime) -> Asked:
    return Asked(
        assignment=row,
        state=_state(row),
        earned=row.earned,
        earned_on=row.earned_on,
        on=at.astimezone(row.trainee.tz).date(),
    )


def _state(row: Any) -> State:
    if row.withdrawn_at is not None:
        return State.WITHDRAWN
    if not row.is_in_force:
        return State.ENDED
    if row.earned_on is not None or (row.hours is not None and row.earned >= row.hours):
        return State.EARNED
    if row.has_begun or row.earned > 0:
        return State.BEGUN
    if row.is_enrolled:
        return State.ENROLLED
    return State.WAITING if row.waits else State.OPEN


def _with_facts(rows: AssignmentQuerySet, *, at: datetime) -> AssignmentQuerySet:
    """Adds what ``_state`` reads."""
    own = Enrollment.objects.in_progress().filter(
        learner=OuterRef("supervision__trainee"), course=OuterRef("course")
    )
    return _with_credit(rows).annotate(
        is_in_force=Exists(assigning(at=at).filter(pk=OuterRef("supervision"))),
        is_enrolled=Exists(own),
        has_begun=Exists(
            own.filter(
                Exists(LessonProgress.objects.filter(enrollment=OuterRef("pk")))
                | Exists(Attempt.objects.filter(enrollment=OuterRef("pk")))
            )
        ),
        waits=Exists(
            WaitlistPlace.objects.open().filter(
                learner=OuterRef("supervision__trainee"), session__course=OuterRef("course")
            )
        ),
    )


def _with_credit(rows: AssignmentQuerySet) -> AssignmentQuerySet:
    """Adds ``earned_on``, of the course, and ``earned``, hours of the topic or focus area.

    Credit of a session before the assignment counts for a course if it was given after it.
    """
    credit = CreditEntry.objects.filter(holder=OuterRef("supervision__trainee"))
    of_course = (
        credit.standing()
        .filter(
            Q(earned_on__gte=OuterRef("counts_from")) | Q(recorded_at__gte=OuterRef("assigned_at")),
            activity=OuterRef("course__key"),
        )
        .order_by("-earned_on")
    )
    courses = CourseFocusArea.objects.filter(
        Q(focus_area=OuterRef(OuterRef("focus_area")))
        | Q(focus_area__topic=OuterRef(OuterRef("topic")))
    )
    of_topic = (
        credit.filter(
            earned_on__gte=OuterRef("counts_from"), activity__in=courses.values("course__key")
        )
        .order_by()
        .values("holder")
        .annotate(sum_=Sum("hours"))
    )
    return rows.annotate(
        earned_on=Subquery(of_course.values("earned_on")[:1]),
        earned=Coalesce(Subquery(of_topic.values("sum_")), Decimal(0)),
    )


def open_of(trainees: Iterable[UUID], *, supervisor: Any, at: datetime) -> dict[UUID, list[Asked]]:
    """What the supervisor asks of these trainees and is not earned, by trainee; one query."""
    rows = Assignment.objects.in_force(at=at).filter(
        supervision__supervisor=supervisor, supervision__trainee__in=list(trainees)
    )
    found: dict[UUID, list[Asked]] = {}
    for asked in states(rows.with_subject().by_due_day(), at=at):
        if asked.is_open:
            found.setdefault(asked.assignment.trainee.pk, []).append(asked)
    return found


# --- Reminders --------------------------------------------------------------


def due(*, at: datetime, limit: int) -> list[UUID]:
    """Assignments whose trainees may have to be reminded: what comes near or is over, not earned.

    The day in London is that of some trainee, or the day after: ``remind`` looks again.
    """
    rows = _with_credit(_near(Assignment.objects.in_force(at=at), on=at.date()))
    unearned = rows.filter(
        Q(hours__isnull=True, earned_on__isnull=True) | Q(hours__gt=F("earned")),
        supervision__trainee__is_active=True,
    )
    return list(unearned.order_by("due_on", "pk").values_list("pk", flat=True)[:limit])


@transaction.atomic
def remind(*, assignment_id: UUID | str, at: datetime) -> None:
    """Promise the reminder whose day has come, unless it is told, earned or over by now.

    After an outage one mail makes up for those that were missed.
    Locks the assignment, so that two workers tell it once.
    """
    rows = Assignment.objects.in_force(at=at).with_subject()
    locked = rows.select_for_update(of=["self"]).filter(pk=assignment_id).first()
    if locked is None:
        return
    asked = states(rows.filter(pk=locked.pk), at=at)[0]
    near = _near(Assignment.objects.filter(pk=locked.pk), on=asked.on)
    if not asked.is_open or not near.exists():
        return
    stage = _stage(asked.days_left)
    mail.post(
        recipient=locked.trainee,
        kind="assignment-reminder",
        key=f"assignment-reminder:{locked.pk}:{stage}",
        template="assignment_reminder",
        context={"asked": asked, "assignment": locked},
        at=at,
    )
    Assignment.objects.filter(pk=locked.pk).update(reminded_days=stage)


def _near(rows: AssignmentQuerySet, *, on: date) -> AssignmentQuerySet:
    """Nearer to the due day, or farther past it, than in any reminder yet."""
    near = Q()
    for days in REMIND_BEFORE:
        near |= Q(due_on__lte=on + timedelta(days=days)) & (
            Q(reminded_days__isnull=True) | Q(reminded_days__gt=days)
        )
    return rows.filter(near, due_on__gt=on - MADE_UP)


def _stage(left: int) -> int | None:
    """The last reminder whose day has come, or that assigning stands for."""
    return min((days for days in REMIND_BEFORE if left <= days), default=None)
