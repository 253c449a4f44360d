"""One question, "what is outstanding?", and one verb, "complete": credit, certificate and
completion in one step, or nothing."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, Min

from accounts.models import User
from courses import approvals, hours, presence, repeats
from courses.models import (
    ApprovingBody,
    Attempt,
    Completion,
    Course,
    Enrollment,
    FormatWord,
    LessonProgress,
    Session,
)
from courses.requirements import asked_of
from transcripts import certificates, ledger

MAX_REASON = 300  # characters


class CompletionError(Exception):
    """Why credit cannot be given, in a sentence for the learner."""


class Step(StrEnum):
    LESSONS = "lessons"
    SESSION = "session"
    POST_TEST = "post_test"
    EVALUATION = "evaluation"
    ATTESTATION = "attestation"


@dataclass(frozen=True)
class Requirement:
    """One thing that must hold, whether it does, and the figures that say why (or why not)."""

    step: Step
    is_met: bool
    note: str


def requirements(enrollment: Enrollment) -> list[Requirement]:
    """Everything that was asked of the learner when the enrollment began, in the order of the
    course room.

    Lessons that the course no longer has are not asked for any more; nothing else falls away.
    """
    asked = enrollment.requirements
    found: list[Requirement] = []
    if "lessons" in asked:
        found.append(_lessons(enrollment, asked["lessons"]))
    if "attendance" in asked:
        found.append(_attendance(enrollment, asked["attendance"]["minutes"]))
    if "post_test" in asked:
        found.append(_post_test(enrollment, asked["post_test"]["pass_mark"]))
    if "evaluation" in asked:
        evaluated = enrollment.evaluated_at is not None
        note = "Handed in" if evaluated else "About four minutes"
        found.append(Requirement(Step.EVALUATION, evaluated, note))
    if "attestation" in asked:
        attested = enrollment.attested_at is not None
        note = "Confirmed" if attested else "One sentence to confirm"
        found.append(Requirement(Step.ATTESTATION, attested, note))
    return found


def _lessons(enrollment: Enrollment, asked: list[int]) -> Requirement:
    present = set(enrollment.course.lessons.filter(pk__in=asked).values_list("pk", flat=True))
    read = LessonProgress.objects.filter(
        enrollment=enrollment, lesson__in=present, read_at__isnull=False
    ).count()
    return Requirement(Step.LESSONS, read >= len(present), f"{read} of {len(present)} lessons read")


def _attendance(enrollment: Enrollment, needed: int) -> Requirement:
    present = attended_minutes(enrollment)
    if present:
        note = f"{present} of {needed} minutes attended"
    else:
        note = f"{needed} minutes to attend; check in with the code on the host’s screen"
    return Requirement(Step.SESSION, present >= needed, note)


def attended_minutes(enrollment: Enrollment) -> int:
    """Minutes of the session that the learner was present."""
    return presence.whole_minutes(_present(enrollment))


def _present(enrollment: Enrollment) -> list[presence.Span]:
    """When the learner was there, of the time that the session lasted."""
    session = enrollment.session
    if session is None:
        return []
    spans = enrollment.attendance.counted().spans()
    return presence.merged(spans, since=session.starts_at, until=session.ends_at)


def _post_test(enrollment: Enrollment, pass_mark: int) -> Requirement:
    passed = enrollment.attempts.filter(right__gte=F("needed")).order_by("number").first()
    if passed:
        return Requirement(Step.POST_TEST, True, f"Passed, {passed.right} of {passed.asked}")
    questions = enrollment.course.questions.count()
    if not questions:
        return Requirement(Step.POST_TEST, False, "The test has no questions at the moment")
    needed = right_answers_needed(pass_mark, questions)
    return Requirement(Step.POST_TEST, False, f"{questions} questions, {needed} to pass")


def right_answers_needed(pass_mark: int, questions: int) -> int:
    """Right answers that make the pass mark (percent), rounded up, at least one."""
    return max(1, -(-questions * pass_mark // 100))


def outstanding(enrollment: Enrollment) -> list[Requirement]:
    """What must still be done before the enrollment can be completed."""
    return [requirement for requirement in requirements(enrollment) if not requirement.is_met]


def left_to_do(enrollment: Enrollment) -> list[Requirement]:
    """What the learner themselves must still do; attendance is for the host to record."""
    return [item for item in outstanding(enrollment) if item.step != Step.SESSION]


def ready_but_for_attendance(session: Session) -> set[UUID]:
    """The open enrollments of a session of which nothing but attendance is outstanding: what
    ``outstanding`` says of each, asked of all at once."""
    enrollments = Enrollment.objects.in_progress().filter(session=session)
    present = set(session.course.lessons.values_list("pk", flat=True))
    read = defaultdict(set)
    progress = LessonProgress.objects.filter(
        enrollment__in=enrollments, lesson__in=present, read_at__isnull=False
    )
    for pk, lesson in progress.values_list("enrollment", "lesson"):
        read[pk].add(lesson)
    passed = set(
        Attempt.objects.filter(enrollment__in=enrollments, right__gte=F("needed")).values_list(
            "enrollment", flat=True
        )
    )
    return {
        enrollment.pk
        for enrollment in enrollments
        if present.intersection(enrollment.requirements.get("lessons", [])) <= read[enrollment.pk]
        and ("post_test" not in enrollment.requirements or enrollment.pk in passed)
        and ("evaluation" not in enrollment.requirements or enrollment.evaluated_at is not None)
        and ("attestation" not in enrollment.requirements or enrollment.attested_at is not None)
    }


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
    Raises CompletionError if the enrollment is over, if its session is not, if a requirement is
    open, if the learner has
    had the credit of this course and may not have it again yet, or if no approval of the course is
    valid on the completion date.
    """
    enrollment, done = _locked(enrollment)
    if done:
        return done
    if enrollment.session is not None and at < enrollment.session.ends_at:
        raise CompletionError("Credit is given once the session is over.")
    asked = requirements(enrollment)
    if not asked:
        raise CompletionError("This course asks for nothing, so it cannot give credit.")
    missing = [item for item in asked if not item.is_met]
    if missing:
        raise CompletionError("Not yet: " + "; ".join(item.note.lower() for item in missing) + ".")
    ended_at = _ended_at(enrollment, at=at)
    lines = credit_lines(enrollment.course, on=ended_at.date())
    return _award(enrollment, lines, ended_at=ended_at, at=at)


@transaction.atomic
def complete_in_part(*, enrollment: Enrollment, reason: str, by: User, at: datetime) -> Completion:
    """Give credit for the minutes of a live session that were attended, where they are too few.

    Only bodies that allow it give anything, and only where they count the course as one credit
    type, since nobody can say to which type the attended part belongs. All else that was asked must
    hold. Source: NAADAC lets a provider credit the time actually spent, at the instructor's
    discretion; Pennsylvania social work (49 Pa. Code 47.35) gives none.
    Locks the enrollment. Twice gives the first completion back.
    Raises CompletionError if the reason is missing, if it is the learner's own, if the session is
    not over, if more than attendance is outstanding or nothing is, or if no body gives a quarter
    hour.
    """
    reason = " ".join(reason.split())
    if not reason:
        raise CompletionError("Say why credit is given for a part of the session.")
    if len(reason) > MAX_REASON:
        raise CompletionError(f"A reason has at most {MAX_REASON} characters.")
    if by.pk == enrollment.learner_id:
        raise CompletionError("Nobody gives credit to themselves: ask a colleague.")
    enrollment, done = _locked(enrollment)
    if done:
        return done
    session = enrollment.session
    if session is None or session.cancelled_at is not None or session.ends_at > at:
        raise CompletionError("Credit for a part of a session is given after the session.")
    open_steps = {item.step for item in outstanding(enrollment)}
    if open_steps - {Step.SESSION}:
        raise CompletionError("More than the attendance is outstanding.")
    if not open_steps:
        raise CompletionError("Nothing is outstanding: the whole credit can be given.")
    ended_at = _ended_at(enrollment, at=at)
    lines = _partial_lines(enrollment, on=ended_at.date())
    if not lines:
        raise CompletionError(
            "No approving body of this course gives credit for the part that was attended."
        )
    return _award(enrollment, lines, ended_at=ended_at, at=at, granted_by=by, partial_reason=reason)


def _locked(enrollment: Enrollment) -> tuple[Enrollment, Completion | None]:
    """The enrollment, locked, with its completion if it has one.

    Raises CompletionError if it is over.
    """
    enrollment = (
        Enrollment.objects.select_for_update(of=["self"])
        .select_related("course__provider", "learner", "session")
        .get(pk=enrollment.pk)
    )
    done = Completion.objects.filter(enrollment=enrollment).first()
    if not done and enrollment.withdrawn_at is not None:
        raise CompletionError("You withdrew from this course.")
    if not done and enrollment.expired_at is not None:
        raise CompletionError("Your time for this course is over.")
    return enrollment, done


def _award(
    enrollment: Enrollment,
    lines: list[ledger.Line],
    *,
    ended_at: datetime,
    at: datetime,
    granted_by: User | None = None,
    partial_reason: str = "",
) -> Completion:
    """Write credit, certificate and completion, of the day of ``ended_at`` in its zone.

    Needs the enrollment locked.
    """
    earned_on, time_zone = ended_at.date(), str(ended_at.tzinfo)
    ledger.lock_awards(holder_id=enrollment.learner_id, activity=enrollment.course.key)
    earlier = repeats.earlier_credit(learner=enrollment.learner, course=enrollment.course)
    if earlier and not repeats.may_repeat(enrollment.course, earlier, on=earned_on):
        raise CompletionError(repeats.why_not(enrollment.course, earlier))
    if not lines:
        raise CompletionError(
            "No approval of this course was in date on the day you finished, so it cannot give "
            f"credit. Your work is kept. Write to {enrollment.course.provider}: "
            f"{enrollment.course.provider.email}."
        )
    facts = activity(enrollment, ended_at=ended_at)
    if granted_by:
        attended = hours.from_minutes(attended_minutes(enrollment), minutes_per_hour=60)
        facts = replace(facts, clock_hours=max(hours.QUARTER_HOUR, attended))
        facts.evidence["in_part"] = {"reason": partial_reason, "by": granted_by.legal_name}
    try:
        entry = ledger.award(
            holder=enrollment.learner,
            activity=facts,
            lines=lines,
            earned_on=earned_on,
            time_zone=time_zone,
            at=at,
        )
    except ledger.LedgerError as error:
        raise CompletionError(str(error)) from error
    certificates.issue(entry=entry, at=at)
    enrollment.completed_at = at
    enrollment.save(update_fields=["completed_at"])
    return Completion.objects.create(
        enrollment=enrollment,
        learner=enrollment.learner,
        course=enrollment.course,
        occasion=repeats.next_occasion(learner=enrollment.learner, course=enrollment.course),
        credit_entry=entry,
        completed_at=at,
        granted_by=granted_by,
        partial_reason=partial_reason,
    )


@transaction.atomic
def apply_edit(*, enrollment: Enrollment, at: datetime) -> Completion | None:
    """Ask of an open enrollment what its course asks now; complete it if nothing is outstanding.

    What is over or completed stays as it is.
    Locks the enrollment.
    """
    enrollment = (
        Enrollment.objects.select_for_update(of=["self"])
        .select_related("course", "learner", "session")
        .get(pk=enrollment.pk)
    )
    if enrollment.is_over or enrollment.completed_at is not None:
        return None
    enrollment.requirements = asked_of(enrollment.course, enrollment.session)
    enrollment.save(update_fields=["requirements"])
    try:
        with transaction.atomic():
            return complete_if_ready(enrollment=enrollment, at=at)
    except CompletionError:
        return None


def _ended_at(enrollment: Enrollment, *, at: datetime) -> datetime:
    """When it was completed, in the zone whose day counts.

    A live course: the end of its session, in the session's zone. On demand: when the learner did
    the last thing that was asked, in the learner's zone; the credit may be given much later.
    """
    session = enrollment.session
    if session is not None:
        return session.ends_at.astimezone(session.tz)
    asked = enrollment.requirements
    read = enrollment.lesson_progress.filter(lesson__in=asked.get("lessons", []))
    passed = enrollment.attempts.filter(right__gte=F("needed"))
    moments = [
        read.aggregate(last=Max("read_at"))["last"],
        passed.aggregate(first=Min("submitted_at"))["first"] if "post_test" in asked else None,
        enrollment.evaluated_at if "evaluation" in asked else None,
        enrollment.attested_at if "attestation" in asked else None,
    ]
    finished_at = max((moment for moment in moments if moment is not None), default=at)
    return min(at, finished_at).astimezone(enrollment.learner.tz)


def credit_lines(course: Course, *, on: date) -> list[ledger.Line]:
    """What the course gives on that day: one line for each body whose approval is in date."""
    valid = approvals.in_date(course, on=on)
    words = dict(
        FormatWord.objects.filter(format=course.format, body__in=list(valid)).values_list(
            "body", "word"
        )
    )
    return [
        ledger.Line(
            body=credit.body.slug,
            body_name=credit.body.name,
            credit_type=credit.credit_type.slug,
            credit_type_name=credit.credit_type.name,
            format_name=words.get(credit.body_id, course.get_format_display()),
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


def _partial_lines(enrollment: Enrollment, *, on: date) -> list[ledger.Line]:
    attended = attended_minutes(enrollment)
    willing = set(
        ApprovingBody.objects.filter(
            allows_partial_credit=True, course_credits__course=enrollment.course
        ).values_list("slug", flat=True)
    )
    whole = credit_lines(enrollment.course, on=on)
    lines_of = Counter(line.body for line in whole)
    partial = [
        replace(
            line,
            hours=min(
                line.hours, hours.from_minutes(attended, minutes_per_hour=line.minutes_per_hour)
            ),
            basis=f"{attended} minutes attended at {line.minutes_per_hour} an hour",
        )
        for line in whole
        if line.body in willing and lines_of[line.body] == 1
    ]
    return [line for line in partial if line.hours > 0]


def activity(enrollment: Enrollment, *, ended_at: datetime) -> ledger.Activity:
    """Everything about the course and this enrollment that the ledger freezes."""
    course, provider, session = enrollment.course, enrollment.course.provider, enrollment.session
    instructors = course.course_instructors.select_related("instructor").order_by("position", "pk")
    zone = session.tz if session else enrollment.learner.tz
    started_at = (session.starts_at if session else enrollment.enrolled_at).astimezone(zone)
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
    asked = enrollment.requirements
    found: dict[str, Any] = {}
    if "lessons" in asked:
        found["lessons_read"] = LessonProgress.objects.filter(
            enrollment=enrollment, read_at__isnull=False
        ).count()
    if "attendance" in asked:
        found["minutes_attended"] = attended_minutes(enrollment)
        found["minutes_needed"] = asked["attendance"]["minutes"]
        found["present"] = [
            [start.isoformat(), end.isoformat()] for start, end in _present(enrollment)
        ]
        sources = (
            enrollment.attendance.counted().order_by("source").values_list("source", flat=True)
        )
        found["present_by"] = list(sources.distinct())
    passed = enrollment.attempts.filter(right__gte=F("needed")).order_by("number").first()
    if passed:
        found["post_test"] = {
            "attempt": passed.number,
            "right": passed.right,
            "asked": passed.asked,
            "needed": passed.needed,
        }
    if enrollment.evaluated_at is not None:
        found["evaluation"] = "submitted"
    if enrollment.attested_at is not None:
        found["attestation"] = asked.get("attestation", "")
    return found
