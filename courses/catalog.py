"""What is in the catalog: publish through a gate, retire; and the hours that a course states."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from courses import answer_key, approvals, hours, listing, seats
from courses.models import Course, WaitlistPlace


class CatalogError(Exception):
    """Why a course cannot be published, in sentences for the curator."""

    def __init__(self, missing: list[str]) -> None:
        self.missing = missing
        super().__init__(" ".join(missing))


@transaction.atomic
def publish(*, course: Course, at: datetime, on: date) -> None:
    """Put a course into the catalog. Publishing a published one checks it again.

    ``on`` is the day on which its approvals must be in date.
    Locks the course, then the catalog's state.
    Raises CatalogError, with everything that is missing, if the gate does not open.
    """
    admit(course=course, at=at, on=on)
    listing.relist([course.pk])


@transaction.atomic
def retire(*, course: Course, at: datetime) -> None:
    """Take a course out of the catalog; its page stays, and who is enrolled may finish.

    Retiring twice keeps the first day. A draft cannot be retired: it was never in the catalog. Who
    waits for a seat is told that the waitlist is closed.
    Locks the course, its sessions that somebody waits for, then the catalog's state.
    """
    dismiss(course=course, at=at)
    listing.relist([course.pk])


@transaction.atomic
def admit(*, course: Course, at: datetime, on: date) -> None:
    """Publish, but leave the listing to the caller, who has many courses to relist at once.

    Locks the course.
    """
    course = _locked(course)
    missing = gate(course, on=on)
    if missing:
        raise CatalogError(missing)
    course.hours = credit_hours(course)
    course.status = Course.Status.PUBLISHED
    course.published_at = course.published_at or at
    course.retired_at = None
    course.save(update_fields=["hours", "status", "published_at", "retired_at"])


@transaction.atomic
def dismiss(*, course: Course, at: datetime) -> None:
    """Retire, but leave the listing to the caller.

    Locks the course, then its sessions that somebody waits for.
    """
    course = _locked(course)
    if course.status == Course.Status.DRAFT:
        raise CatalogError(["A draft is not in the catalog."])
    if course.status == Course.Status.PUBLISHED:
        course.status = Course.Status.RETIRED
        course.retired_at = at
        course.save(update_fields=["status", "retired_at"])
        waited_for = WaitlistPlace.objects.open().filter(session__course=course)
        for session in seats.lock(waited_for.values_list("session", flat=True)).values():
            seats.settle(session=session, at=at)


def _locked(course: Course) -> Course:
    """Not against rows that come to refer to it, such as a session: who adds one waits for the
    catalog's state, which is locked after the course.
    """
    return Course.objects.select_for_update(of=["self"], no_key=True).get(pk=course.pk)


def gate(course: Course, *, on: date) -> list[str]:
    """What a course lacks to be published: every disclosure that approving bodies ask for.

    Source: the disclosure lists of APA, NBCC, NAADAC, ACE and CAMFT (reference: provider duties,
    what the course page must disclose before enrolment).
    """
    missing = [
        f"Fill in “{label}”."
        for label, text in {
            "summary": course.summary,
            "about": course.about,
            "audience": course.audience,
            "conflicts of interest": course.conflict_of_interest,
            "commercial support": course.commercial_support,
            "accuracy, limits and risks of the content": course.content_statement,
            "system requirements": course.system_requirements,
        }.items()
        if not text.strip()
    ]
    if not course.objectives.exists():
        missing.append("Write at least one learning objective.")
    if not course.course_instructors.exists():
        missing.append("Name at least one instructor.")
    if not course.course_focus_areas.exists():
        missing.append("Choose at least one focus area.")
    missing += _credit(course, on=on)
    missing += _content(course)
    return missing


def credit_hours(course: Course) -> Decimal:
    """The figure that stands for the whole course on cards and in totals: its clock hours of 60
    minutes, or the most that one body gives if that is less; 0 while either is unknown.

    Bodies count the same time each in its own way (a NYSED hour has 50 minutes), so what each of
    them gives stands in its credit line and is never added up over bodies.
    """
    given: dict[int, Decimal] = {}
    for body, amount in course.credits.values_list("body", "hours"):
        given[body] = given.get(body, Decimal(0)) + amount
    if course.format == Course.Format.TEXT:
        bodies = course.lessons.values_list("body", flat=True)
        clock_hours = hours.clock_hours_of_text(
            words=sum(hours.count_words(body) for body in bodies),
            questions=course.questions.count(),
            difficulty=course.difficulty or Decimal(1),
        )
    else:
        minutes = course.agenda.filter(carries_credit=True).aggregate(total=Sum("minutes"))["total"]
        clock_hours = hours.from_minutes(minutes or 0, minutes_per_hour=60)
    return min(clock_hours, max(given.values(), default=Decimal(0)))


@transaction.atomic
def update_hours(*, course: Course) -> None:
    """Keep ``course.hours`` true to its agenda, lessons and credit lines.

    A course out of draft keeps its last figure while they make no quarter hour; the gate says so.
    The listing is left to the caller.
    """
    rows = Course.objects.filter(pk=course.pk)
    amount = credit_hours(course)
    if not amount:
        rows = rows.filter(status=Course.Status.DRAFT)
    rows.update(hours=amount)


def _credit(course: Course, *, on: date) -> list[str]:
    credits = list(course.credits.select_related("body"))
    if not credits:
        return ["Give credit with at least one approving body."]
    valid = approvals.in_date(course, on=on)
    missing = sorted(
        {
            f"{course.provider} has no approval in date with {credit.body}."
            for credit in credits
            if credit.body_id not in valid
        }
    )
    if not credit_hours(course):
        missing.append("The agenda or the lessons make less than a quarter hour.")
    return missing


def _content(course: Course) -> list[str]:
    missing = []
    questions = list(course.questions.prefetch_related("choices"))
    for number, question in enumerate(questions, start=1):
        fault = answer_key.fault(
            question.kind, [choice.is_right for choice in question.choices.all()]
        )
        if fault:
            missing.append(f"Question {number}: {fault}")
    has_lessons = course.lessons.exists()
    if course.is_live:
        if not course.requires_attendance:
            missing.append("A live course requires attendance.")
        if not course.attendance_minutes and not course.attendance_percent:
            missing.append(
                "State the minutes, or the percent of the session, that one must attend."
            )
    else:
        if course.requires_attendance:
            missing.append("Only a live course can require attendance.")
        if not has_lessons:
            missing.append("Write at least one lesson.")
        elif not course.requires_lessons:
            missing.append("Require the lessons: they are what the credit is for.")
        if not questions:
            missing.append("Write the post-test: without an instructor present it is required.")
        elif not course.requires_post_test:
            missing.append(
                "Require the post-test: without an instructor present it must be passed."
            )
    if course.requires_lessons and course.is_live and not has_lessons:
        missing.append("Lessons are required, and there is none.")
    if course.requires_post_test and course.is_live and not questions:
        missing.append("A post-test is required, and it has no question.")
    if not course.requires_evaluation:
        missing.append("Require the evaluation: every approving body asks for one.")
    if course.format == Course.Format.TEXT:
        if course.difficulty is None:
            missing.append("State the difficulty: the hours are computed with it.")
    elif not course.agenda.filter(carries_credit=True).exists():
        missing.append("Write the agenda with its minutes.")
    return missing
