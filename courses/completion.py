"""One question, "what is outstanding?", and one verb, "complete": credit, certificate and
completion in one step, or nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import F

from courses import approvals
from courses.models import Completion, Course, Enrollment, LessonProgress, Session
from transcripts import certificates, ledger


class CompletionError(Exception):
    """Why credit cannot be given, in a sentence for the learner."""


class Step(StrEnum):
    LESSONS = "lessons"
    SESSION = "session"
    POST_TEST = "post_test"
    EVALUATION = "evaluation"


@dataclass(frozen=True)
class Requirement:
    """One thing that must hold, whether it does, and the figures that say why (or why not)."""

    step: Step
    is_met: bool
    note: str


def requirements(enrollment: Enrollment) -> list[Requirement]:
    """Everything that the course asks of the learner, in the order of the course room.

    A course asks for what it has: its lessons, its live session, its post-test; and always for the
    evaluation.
    """
    course = enrollment.course
    asked: list[Requirement] = []
    lessons = course.lessons.count()
    if lessons:
        read = LessonProgress.objects.filter(enrollment=enrollment).count()
        asked.append(
            Requirement(Step.LESSONS, read >= lessons, f"{read} of {lessons} lessons read")
        )
    if course.is_live:
        asked.append(_attendance(enrollment))
    questions = course.questions.count()
    if questions:
        asked.append(_post_test(enrollment, questions))
    evaluated = enrollment.evaluated_at is not None
    asked.append(
        Requirement(Step.EVALUATION, evaluated, "Handed in" if evaluated else "About four minutes")
    )
    return asked


def _attendance(enrollment: Enrollment) -> Requirement:
    needed = enrollment.course.attendance_minutes or 1
    present = enrollment.attendance.minutes()
    if present:
        note = f"{present} of {needed} minutes attended"
    else:
        note = f"{needed} minutes to attend; the host records them"
    return Requirement(Step.SESSION, present >= needed, note)


def _post_test(enrollment: Enrollment, questions: int) -> Requirement:
    passed = enrollment.attempts.filter(right__gte=F("needed")).order_by("number").first()
    if passed:
        return Requirement(Step.POST_TEST, True, f"Passed, {passed.right} of {passed.asked}")
    needed = right_answers_needed(enrollment.course, questions)
    return Requirement(Step.POST_TEST, False, f"{questions} questions, {needed} to pass")


def right_answers_needed(course: Course, questions: int) -> int:
    """Right answers that make the pass mark (percent), rounded up, at least one."""
    return max(1, -(-questions * course.pass_mark // 100))


def outstanding(enrollment: Enrollment) -> list[Requirement]:
    """What must still be done before the enrollment can be completed."""
    return [requirement for requirement in requirements(enrollment) if not requirement.is_met]


def complete_if_ready(*, enrollment: Enrollment, at: datetime) -> Completion | None:
    """Complete the enrollment if nothing is outstanding; None if something is.

    Raises CompletionError as ``complete`` does.
    """
    return None if outstanding(enrollment) else complete(enrollment=enrollment, at=at)


@transaction.atomic
def complete(*, enrollment: Enrollment, at: datetime) -> Completion:
    """Record that the learner finished: credit, certificate and completion, or nothing.

    Completing twice gives the first completion back.
    Locks the enrollment. After commit, a worker draws the certificate's PDF.
    Raises CompletionError if the learner has withdrawn, if a requirement is open, or if no
    approval of the course is valid on the completion date.
    """
    enrollment = (
        Enrollment.objects.select_for_update(of=["self"])
        .select_related("course__provider", "learner", "session")
        .get(pk=enrollment.pk)
    )
    done = Completion.objects.filter(enrollment=enrollment).first()
    if done:
        return done
    if enrollment.withdrawn_at is not None:
        raise CompletionError("You withdrew from this course.")
    missing = outstanding(enrollment)
    if missing:
        raise CompletionError("Not yet: " + "; ".join(item.note.lower() for item in missing) + ".")

    earned_on, time_zone = completion_day(enrollment, at=at)
    lines = credit_lines(enrollment.course, on=earned_on)
    if not lines:
        raise CompletionError(
            "No approval of this course was in date on the day you finished, so it cannot give "
            f"credit. Your work is kept. Write to {enrollment.course.provider}: "
            f"{enrollment.course.provider.email}."
        )
    try:
        entry = ledger.award(
            holder=enrollment.learner,
            activity=activity(enrollment, at=at),
            lines=lines,
            earned_on=earned_on,
            time_zone=time_zone,
            at=at,
        )
    except ledger.LedgerError as error:
        raise CompletionError(str(error)) from error
    certificates.issue(entry=entry, at=at)
    return Completion.objects.create(enrollment=enrollment, credit_entry=entry, completed_at=at)


def completion_day(enrollment: Enrollment, *, at: datetime) -> tuple[date, str]:
    """The day that the credit is of, and the time zone it is a day in.

    A live course: the day its session ended, in the session's zone. On demand: the day of the last
    requirement, in the learner's zone.
    """
    session = enrollment.session
    if session is not None:
        return session.ends_at.astimezone(session.tz).date(), session.time_zone
    learner = enrollment.learner
    return at.astimezone(learner.tz).date(), learner.time_zone


def credit_lines(course: Course, *, on: date) -> list[ledger.Line]:
    """What the course gives on that day: one line for each body whose approval is in date."""
    valid = approvals.in_date(course, on=on)
    return [
        ledger.Line(
            body=credit.body.slug,
            body_name=credit.body.name,
            credit_type=credit.credit_type.slug,
            credit_type_name=credit.credit_type.name,
            hours=credit.hours,
            minutes_per_hour=credit.body.minutes_per_hour,
            basis=credit.basis,
            approval_of="course" if approval.course_id else "provider",
            approval_number=approval.number,
            approval_statement=approval.statement,
            approval_valid_from=approval.valid_from,
            approval_valid_to=approval.valid_to,
        )
        for credit in course.credits.select_related("body", "credit_type").order_by(
            "position", "pk"
        )
        if (approval := valid.get(credit.body_id))
    ]


def activity(enrollment: Enrollment, *, at: datetime) -> ledger.Activity:
    """Everything about the course and this enrollment that the ledger freezes."""
    course, provider, session = enrollment.course, enrollment.course.provider, enrollment.session
    instructors = course.course_instructors.select_related("instructor").order_by("position", "pk")
    zone = session.tz if session else enrollment.learner.tz
    started_at = (session.starts_at if session else enrollment.enrolled_at).astimezone(zone)
    ended_at = (session.ends_at if session else at).astimezone(zone)
    return ledger.Activity(
        key=course.key,
        title=course.title,
        edition=edition(course),
        description=course.summary,
        objectives=tuple(
            course.objectives.order_by("position", "pk").values_list("text", flat=True)
        ),
        format=course.format,
        format_name=course.get_format_display(),
        level=course.get_level_display(),
        language=course.language,
        location=_location(session),
        clock_hours=course.hours,
        started_on=started_at.date(),
        ended_on=ended_at.date(),
        started_at=started_at if session else None,
        ended_at=ended_at if session else None,
        instructors=tuple(
            {"name": row.instructor.name, "credentials": row.instructor.credentials}
            for row in instructors
        ),
        provider={
            "name": provider.name,
            "address": provider.address,
            "email": provider.email,
            "phone": provider.phone,
            "director": provider.director,
            "director_title": provider.director_title,
        },
        disclosures={
            "conflict_of_interest": course.conflict_of_interest,
            "commercial_support": course.commercial_support,
        },
        evidence=evidence(enrollment),
    )


def edition(course: Course) -> str:
    """Tells one state of what is taught from another: 16 hexadecimal digits of a SHA-256."""
    taught = [
        list(course.objectives.order_by("position", "pk").values_list("text")),
        list(course.agenda.order_by("position", "pk").values_list("part", "minutes")),
        list(course.lessons.order_by("position", "pk").values_list("title", "body")),
        list(course.questions.order_by("position", "pk").values_list("ask")),
    ]
    return hashlib.sha256(json.dumps(taught, ensure_ascii=False).encode()).hexdigest()[:16]


def _location(session: Session | None) -> str:
    if session is None:
        return "Online, on demand"
    return session.place or "Online, live"


def evidence(enrollment: Enrollment) -> dict[str, Any]:
    """What shows that each requirement held, in figures."""
    found: dict[str, Any] = {}
    lessons = enrollment.course.lessons.count()
    if lessons:
        found["lessons_read"] = LessonProgress.objects.filter(enrollment=enrollment).count()
    if enrollment.course.is_live:
        found["minutes_attended"] = enrollment.attendance.minutes()
        found["minutes_needed"] = enrollment.course.attendance_minutes
    passed = enrollment.attempts.filter(right__gte=F("needed")).order_by("number").first()
    if passed:
        found["post_test"] = {
            "attempt": passed.number,
            "right": passed.right,
            "asked": passed.asked,
            "needed": passed.needed,
        }
    found["evaluation"] = "submitted"
    return found
