"""Who is reminded of what, once each.

Every sweep asks who is due and was not reminded, so what an outage left out is made up for as long
as it is of use. What a reminder needs to know of requirements, ``completion`` says.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from accounts import mail
from accounts.models import MailOptOut, OutgoingMail
from courses import completion, post_test
from courses.completion import Step
from courses.models import Attempt, Enrollment, LessonProgress
from courses.models.enrollment import EnrollmentQuerySet

DAY = timedelta(days=1)
IDLE = 14 * DAY  # without a step, until a course is called unfinished
NOTICE = 7 * DAY  # before the time for a course is over
MADE_UP = 30 * DAY  # how long after it was due a reminder of something undone is still of use
ASKED_AT_ONCE = 500  # keys that one question to the database holds


@dataclass(frozen=True)
class Reminder:
    """One kind of reminder: whom the tables know to be due, the name of the one event it is of,
    whether what is outstanding calls for it, and until when it is of use."""

    kind: str
    template: str
    candidates: Callable[[EnrollmentQuerySet, datetime], EnrollmentQuerySet]
    key: Callable[[Enrollment], str]
    is_called_for: Callable[[Enrollment], bool]
    until: Callable[[Enrollment], datetime | None]


def due(*, kind: str, at: datetime, limit: int) -> list[uuid.UUID]:
    """Enrollments whose learners may have to be reminded, and were not.

    Drawn by lot, so that those who turn out to need no reminder cannot stand before the others for
    good. The questions asked grow with hundreds of candidates, not with each.
    """
    reminder = REMINDERS[kind]
    candidates = _candidates(reminder, at=at).select_related("session").order_by("?")
    rows = candidates.iterator(chunk_size=ASKED_AT_ONCE)
    found: list[uuid.UUID] = []
    while len(found) < limit:
        some = {reminder.key(row): row.pk for row in islice(rows, ASKED_AT_ONCE)}
        if not some:
            break
        known = OutgoingMail.objects.filter(key__in=some).values_list("key", flat=True)
        found += [some[key] for key in some.keys() - set(known)]
    return found[:limit]


@transaction.atomic
def remind(*, enrollment_id: uuid.UUID | str, kind: str, at: datetime) -> None:
    """Promise the reminder, if it is still due. Again promises nothing more.

    Locks the enrollment, so nobody is reminded of what they leave or finish at that moment.
    """
    reminder = REMINDERS[kind]
    enrollment = (
        _candidates(reminder, at=at)
        .select_for_update(of=["self"])
        .select_related("learner", "course", "session")
        .filter(pk=enrollment_id)
        .first()
    )
    if enrollment is None or not reminder.is_called_for(enrollment):
        return
    mail.post(
        recipient=enrollment.learner,
        kind=kind,
        key=reminder.key(enrollment),
        template=reminder.template,
        context={
            "enrollment": enrollment,
            "course": enrollment.course,
            "session": enrollment.session,
            "left": [item.step.value for item in completion.left_to_do(enrollment)],
        },
        at=at,
        until=reminder.until(enrollment),
    )


def _candidates(reminder: Reminder, *, at: datetime) -> EnrollmentQuerySet:
    """In progress, of somebody who wants this kind of mail; of no cancelled session."""
    unwanted = MailOptOut.objects.filter(owner=OuterRef("learner"), kind=reminder.kind)
    open_to_all = Enrollment.objects.in_progress().filter(
        ~Exists(unwanted), learner__is_active=True, session__cancelled_at__isnull=True
    )
    return reminder.candidates(open_to_all, at)


# --- Session tomorrow -------------------------------------------------------


def _with_session_tomorrow(rows: EnrollmentQuerySet, at: datetime) -> EnrollmentQuerySet:
    """Not those who enrolled, or were told of a change, less than a day before: they know."""
    day_before = F("session__starts_at") - DAY
    return rows.filter(
        Q(session__changed_at__isnull=True) | Q(session__changed_at__lte=day_before),
        session__starts_at__gt=at,
        session__starts_at__lte=at + DAY,
        enrolled_at__lte=day_before,
    )


def _session_key(enrollment: Enrollment) -> str:
    """A session that is put off is another event, and so is one that the learner moves to."""
    starts_at = _starts_at(enrollment).astimezone(UTC).isoformat()
    return f"session-reminder:{enrollment.pk}:{enrollment.session_id}:{starts_at}"


def _has_not_just_moved(enrollment: Enrollment) -> bool:
    moved = f"session-moved:{enrollment.pk}:{enrollment.session_id}:"
    since = _starts_at(enrollment) - DAY
    return not OutgoingMail.objects.filter(key__startswith=moved, created_at__gt=since).exists()


def _starts_at(enrollment: Enrollment) -> datetime:
    return enrollment.session.starts_at  # type: ignore[union-attr]  # only live seats have one


# --- What is not finished ---------------------------------------------------


def _unfinished(rows: EnrollmentQuerySet, at: datetime) -> EnrollmentQuerySet:
    return _idle(rows, at, for_=IDLE)


def _without_evaluation(rows: EnrollmentQuerySet, at: datetime) -> EnrollmentQuerySet:
    return _idle(rows, at, for_=DAY).filter(requirements__evaluation=True, evaluated_at=None)


def _idle(rows: EnrollmentQuerySet, at: datetime, *, for_: timedelta) -> EnrollmentQuerySet:
    """Nothing happened for that long, the live session included, but something not long before."""
    return rows.filter(
        ~_something_since(at - for_),
        _something_since(at - for_ - MADE_UP),
        Q(expires_at__isnull=True) | Q(expires_at__gt=at),
    )


def _something_since(moment: datetime) -> Q:
    """Enrolled, opened, answered, handed in, or in a session that ended, later than that."""
    own = {"enrollment": OuterRef("pk")}
    return (
        Q(enrolled_at__gt=moment)
        | Q(session__isnull=False, session__ends_at__gt=moment)
        | Q(evaluated_at__isnull=False, evaluated_at__gt=moment)
        | Q(attested_at__isnull=False, attested_at__gt=moment)
        | Q(Exists(LessonProgress.objects.filter(**own, seen_at__gt=moment)))
        | Q(
            Exists(
                Attempt.objects.filter(**own).filter(
                    Q(started_at__gt=moment) | Q(saved_at__gt=moment) | Q(submitted_at__gt=moment)
                )
            )
        )
    )


def _can_go_on(enrollment: Enrollment) -> bool:
    """Something is left that the learner can do. Who lacks only the evaluation is told so."""
    return _has_work_left(enrollment) and not _lacks_the_evaluation_alone(enrollment)


def _has_work_left(enrollment: Enrollment) -> bool:
    steps = {item.step for item in completion.left_to_do(enrollment)}
    is_stuck = Step.POST_TEST in steps and post_test.chances(enrollment).left == 0
    return bool(steps) and not is_stuck


def _lacks_the_evaluation_alone(enrollment: Enrollment) -> bool:
    """Or beside it a sentence to confirm, which comes last."""
    steps = {item.step for item in completion.outstanding(enrollment)}
    return Step.EVALUATION in steps and steps <= {Step.EVALUATION, Step.ATTESTATION}


# --- Time nearly over -------------------------------------------------------


def _ending(rows: EnrollmentQuerySet, at: datetime) -> EnrollmentQuerySet:
    """Not those who enrolled less than that before; nor before a session that is to come."""
    return rows.filter(
        Q(session__isnull=True) | Q(session__ends_at__lte=at),
        expires_at__gt=at,
        expires_at__lte=at + NOTICE,
        enrolled_at__lte=F("expires_at") - NOTICE,
    )


def _ending_key(enrollment: Enrollment) -> str:
    """Time that is prolonged ends anew."""
    expires_at: datetime = enrollment.expires_at  # type: ignore[assignment]  # it has an end
    return f"enrollment-expiring:{enrollment.pk}:{expires_at.astimezone(UTC).isoformat()}"


REMINDERS = {
    reminder.kind: reminder
    for reminder in [
        Reminder(
            kind="session-reminder",
            template="session_reminder",
            candidates=_with_session_tomorrow,
            key=_session_key,
            is_called_for=_has_not_just_moved,
            until=_starts_at,
        ),
        Reminder(
            kind="unfinished-course",
            template="unfinished_course",
            candidates=_unfinished,
            key=lambda enrollment: f"unfinished-course:{enrollment.pk}",
            is_called_for=_can_go_on,
            until=lambda enrollment: enrollment.expires_at,
        ),
        Reminder(
            kind="evaluation-missing",
            template="evaluation_missing",
            candidates=_without_evaluation,
            key=lambda enrollment: f"evaluation-missing:{enrollment.pk}",
            is_called_for=_lacks_the_evaluation_alone,
            until=lambda enrollment: enrollment.expires_at,
        ),
        Reminder(
            kind="enrollment-expiring",
            template="enrollment_expiring",
            candidates=_ending,
            key=_ending_key,
            is_called_for=_has_work_left,
            until=lambda enrollment: enrollment.expires_at,
        ),
    ]
}
