"""What the report of a meeting tool says about the learners of a session, and letting it count.

The worker's part: ``attendance_uploads`` keeps the file and promises what is done here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts import addresses
from courses import attendance_files, completion, learning, presence
from courses.attendance_files import Report, Stay
from courses.models import AttendanceInterval, AttendanceUpload, Enrollment, Session

WRITTEN_AT_ONCE = 2_000  # times of presence in one statement
SETTLED_AT_ONCE = 100  # enrollments that one task asks about

# --- Who is who -------------------------------------------------------------


@dataclass
class Person:
    """Somebody in a report, by one address, or by a name where there is none."""

    key: str
    name: str
    email: str
    stays: list[Stay] = field(default_factory=list)
    minutes: int = 0

    @property
    def label(self) -> str:
        return ", ".join(part for part in (self.name, self.email) if part)


@dataclass
class Learner:
    """Somebody enrolled, and what the report does to their minutes."""

    enrollment: Enrollment
    stays: list[tuple[Person, Stay]] = field(default_factory=list)
    new: list[tuple[Person, Stay]] = field(default_factory=list)
    before: int = 0
    after: int = 0
    has_all_else: bool = False

    @property
    def needed(self) -> int | None:
        """Minutes that are asked; None where attendance is not."""
        asked = self.enrollment.requirements.get("attendance")
        return asked["minutes"] if asked else None

    @property
    def is_reached(self) -> bool:
        return self.needed is None or self.after >= self.needed

    @property
    def is_open(self) -> bool:
        return not self.enrollment.is_over and self.enrollment.completed_at is None

    @property
    def outcome(self) -> str:
        """What applying the report means for the learner."""
        if self.enrollment.completed_at is not None:
            return "Completed already; stays as it is"
        if self.enrollment.is_over:
            return "Not enrolled any more; nothing is added"
        if not self.is_reached:
            return f"Not yet: {self.after} of {self.needed} minutes"
        if self.has_all_else:
            return "Completes the course"
        return "Has the minutes; other steps are open"


@dataclass
class Preview:
    """What a report says, and what applying it would change."""

    report: Report
    learners: list[Learner]
    unmatched: list[Person]
    outside: int  # stays that are no part of the session

    @property
    def present(self) -> list[Learner]:
        return [learner for learner in self.learners if learner.stays]

    @property
    def absent(self) -> list[Learner]:
        return [learner for learner in self.learners if not learner.stays and learner.is_open]

    @property
    def enrolled(self) -> list[Learner]:
        """Those whom a person without an account's address may be."""
        return [learner for learner in self.learners if learner.is_open]

    @property
    def new(self) -> int:
        return sum(len(learner.new) for learner in self.learners)

    @property
    def completing(self) -> int:
        return sum(
            learner.is_open and learner.is_reached and learner.has_all_else
            for learner in self.present
        )


def preview(upload: AttendanceUpload) -> Preview:
    """What applying the report would change, with what a curator has assigned so far."""
    enrollments = Enrollment.objects.filter(session=upload.session_id).select_related("learner")
    found = _plan(upload, upload.session, enrollments, upload.assigned)
    ready = completion.ready_but_for_attendance(upload.session)
    for learner in found.learners:
        learner.has_all_else = learner.enrollment.pk in ready
    found.learners.sort(key=lambda learner: learner.enrollment.learner.legal_name.casefold())
    return found


def _plan(
    upload: AttendanceUpload,
    session: Session,
    enrollments: Iterable[Enrollment],
    assigned: dict[str, str],
) -> Preview:
    report = attendance_files.read(
        bytes(upload.content), zone=ZoneInfo(upload.time_zone), near=session.starts_at
    )
    learners = {row.pk: Learner(row) for row in enrollments}
    # Somebody who left and enrolled again is meant by the seat that is held now.
    seats = {
        learner.enrollment.learner_id: learner
        for learner in sorted(learners.values(), key=lambda learner: learner.is_open)
    }
    owners = addresses.owners(Enrollment.objects.filter(session=session).values("learner"))
    plan = Preview(report, list(learners.values()), [], 0)
    for person in _people(report):
        owner = seats.get(owners[person.email]) if person.email in owners else None
        if owner is None and person.key in assigned:
            owner = learners.get(UUID(assigned[person.key]))
        inside = [
            stay
            for stay in person.stays
            if stay.joined < session.ends_at and stay.left > session.starts_at
        ]
        plan.outside += len(person.stays) - len(inside)
        if owner:
            owner.stays += [(person, stay) for stay in person.stays]
            owner.new += [(person, stay) for stay in inside]
        else:
            person.minutes = _minutes(session, [stay[3:] for stay in inside])
            plan.unmatched.append(person)
    _count(session, plan.learners)
    return plan


def _people(report: Report) -> list[Person]:
    people: dict[str, Person] = {}
    for stay in report.stays:
        key = stay.email or f"name: {stay.name.casefold()}"
        if key not in people:
            people[key] = Person(key, stay.name, stay.email)
        people[key].stays.append(stay)
    return list(people.values())


def _minutes(session: Session, spans: Iterable[presence.Span]) -> int:
    return presence.minutes(spans, since=session.starts_at, until=session.ends_at)


def _count(session: Session, learners: list[Learner]) -> None:
    """Drop what was imported before, and count the minutes before and after."""
    held: dict[UUID, list[presence.Span]] = defaultdict(list)
    imported = set()
    recorded = AttendanceInterval.objects.filter(enrollment__session=session)
    for pk, start, end, source, voided_at in recorded.filter(ends_at__isnull=False).values_list(
        "enrollment", "starts_at", "ends_at", "source", "voided_at"
    ):
        if voided_at is None:
            held[pk].append((start, cast(datetime, end)))
        # What was taken back does not come back with the next report.
        if source == AttendanceInterval.Source.IMPORT:
            imported.add((pk, start, end))
    for learner in learners:
        pk = learner.enrollment.pk
        once: dict[presence.Span, tuple[Person, Stay]] = {}
        if learner.is_open:
            for person, stay in learner.new:
                if (pk, stay.joined, stay.left) not in imported:
                    once.setdefault((stay.joined, stay.left), (person, stay))
        learner.new = list(once.values())
        learner.before = _minutes(session, held[pk])
        learner.after = _minutes(session, [*held[pk], *once]) if once else learner.before


# --- Applying ---------------------------------------------------------------


@transaction.atomic
def apply(*, upload: AttendanceUpload, at: datetime) -> None:
    """Let a confirmed report count: every stay in it that was not imported before, or none.

    Doing it twice adds nothing. Who has withdrawn or completed meanwhile stays as they are.
    Locks the session, then its enrollments, so that two workers add nothing twice.
    """
    # Not against rows that only name the session: an evaluation that holds its enrollment and is
    # about to be written for this session must not wait for us while we wait for the enrollment.
    sessions = Session.objects.select_for_update(of=["self"], no_key=True)
    session = sessions.get(pk=upload.session_id)
    upload = AttendanceUpload.objects.select_related("confirmed_by").get(pk=upload.pk)
    by = upload.confirmed_by
    if by is None or upload.applied_at is not None:
        return
    enrollments = Enrollment.objects.select_for_update(of=["self"]).filter(session=session)
    plan = _plan(upload, session, enrollments.order_by("pk"), upload.assigned)
    intervals = [
        AttendanceInterval(
            enrollment=learner.enrollment,
            starts_at=stay.joined,
            ends_at=stay.left,
            source=AttendanceInterval.Source.IMPORT,
            detail=_detail(upload, person, stay),
            upload=upload,
            recorded_by=by,
            recorded_at=at,
        )
        for learner in plan.learners
        for person, stay in learner.new
    ]
    AttendanceInterval.objects.bulk_create(intervals, batch_size=WRITTEN_AT_ONCE)
    upload.added, upload.applied_at = len(intervals), at
    upload.save(update_fields=["added", "applied_at"])


def _detail(upload: AttendanceUpload, person: Person, stay: Stay) -> str:
    detail = f"{upload.file_name}, line {stay.line}"
    if person.key in upload.assigned:
        detail += f": {person.email or person.name}, assigned by hand"
    return detail


def settle(*, upload: AttendanceUpload, after: UUID | None, at: datetime) -> UUID | None:
    """Complete the next enrollments that a report's times belong to, where nothing is outstanding.

    Each is locked and completed on its own: one that fails takes nothing from the others, nor from
    the attendance. Doing it again completes nothing twice.
    Returns the last enrollment that was asked about, to go on after it; None at the end.
    """
    if upload.applied_at is None:
        return None
    touched = Enrollment.objects.in_progress().filter(attendance__upload=upload)
    if after is not None:
        touched = touched.filter(pk__gt=after)
    batch = list(touched.distinct().order_by("pk")[:SETTLED_AT_ONCE])
    for enrollment in batch:
        with transaction.atomic(), suppress(learning.LearningError):
            learning.complete_if_possible(learning.locked(enrollment), at=at)
    if len(batch) == SETTLED_AT_ONCE:
        return batch[-1].pk
    AttendanceUpload.objects.filter(pk=upload.pk, settled_at__isnull=True).update(settled_at=at)
    return None
