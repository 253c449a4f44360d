"""Course files into rows: all of them, or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models import ProtectedError, Q

from courses import catalog, hours, listing, material, post_test, sessions
from courses.course_files import (
    Approval as ApprovalInFile,
)
from courses.course_files import (
    Catalog,
    CourseFile,
    CourseFileError,
    CourseFormat,
    Problem,
    RelativeDay,
    find_files,
    read,
    resolve,
)
from courses.course_files import (
    Provider as ProviderInFile,
)
from courses.course_files import (
    Session as SessionInFile,
)
from courses.models import (
    Approval,
    ApprovingBody,
    Course,
    CourseInstructor,
    CreditType,
    FocusArea,
    Instructor,
    Provider,
    Session,
    TeachingMethod,
)
from courses.models.catalog import check_slug


@dataclass(frozen=True)
class Report:
    """What an import wrote."""

    created: int
    updated: int
    providers: int
    instructors: int


class _DryRunError(Exception):
    """Takes back a dry run."""


@dataclass(frozen=True)
class _CreditRow:
    body: ApprovingBody
    credit_type: CreditType
    hours: Decimal
    basis: str


class _Known:
    """Rows that files name by slug, each kind fetched once."""

    def __init__(self) -> None:
        self.bodies = {row.slug: row for row in ApprovingBody.objects.all()}
        self.credit_types = {row.slug: row for row in CreditType.objects.all()}
        self.focus_areas = {row.slug: row for row in FocusArea.objects.all()}
        self.methods = {row.slug: row for row in TeachingMethod.objects.all()}
        self.providers = {row.slug: row for row in Provider.objects.all()}
        self.instructors = {row.slug: row for row in Instructor.objects.all()}


def load(
    *,
    paths: list[Path],
    at: datetime,
    today: date,
    dry_run: bool = False,
    on_course: Callable[[CourseFile], None] = lambda course: None,
) -> Report:
    """Write the courses, providers and instructors of the files at ``paths``.

    A course is found by its id, a lesson and a session by its key, so loading the same files again
    changes nothing. A day that is given relative to the day of loading is fixed when it is first
    written. A session that a file does not name stays: curators announce dates in the admin too; so
    does one that was cancelled.
    ``on_course`` is called after each course.
    Nothing is written if one file is wrong, and nothing by a dry run.
    Imports wait for each other.
    Raises CourseFileError with every problem that was found.
    """
    files = read(find_files(paths))
    report = Report(0, 0, 0, 0)
    try:
        with transaction.atomic():
            # Any row that is always there will do to make a second import wait.
            CreditType.objects.select_for_update().order_by("pk").first()
            report = _write(files, at=at, today=today, on_course=on_course)
            if dry_run:
                raise _DryRunError
            # Before the commit: no lesson names a file that is not there.
            _store_files(files)
    except _DryRunError:
        pass
    return report


def _write(
    files: Catalog, *, at: datetime, today: date, on_course: Callable[[CourseFile], None]
) -> Report:
    problems = _repeated(files)
    known = _Known()
    for provider, here in files.providers:
        problems += _write_provider(provider, here, known, today=today)
    for instructor, _ in files.instructors:
        row, _created = Instructor.objects.update_or_create(
            slug=instructor.slug, defaults=instructor.model_dump(exclude={"slug"})
        )
        known.instructors[row.slug] = row
    if problems:
        # Courses would only repeat the same complaints.
        raise CourseFileError(problems)

    created = 0
    for file in files.courses:
        is_new = not Course.objects.filter(key=file.head.id).exists()
        problems += _write_course(file, known, at=at, today=today)
        created += is_new
        on_course(file)
    if problems:
        raise CourseFileError(problems)
    _relist(files)
    return Report(
        created=created,
        updated=len(files.courses) - created,
        providers=len(files.providers),
        instructors=len(files.instructors),
    )


def _store_files(files: Catalog) -> None:
    """Put the files of lessons into the storage; what is there under its content's name stays."""
    for lesson in (lesson for file in files.courses for lesson in file.lessons):
        for found in filter(None, (lesson.file, lesson.captions)):
            name = _stored_name(found)
            if not default_storage.exists(name):
                with found.open("rb") as opened:
                    default_storage.save(name, File(opened))


def _stored_name(found: Path | None) -> str:
    if found is None:
        return ""
    with found.open("rb") as opened:
        return material.name_of(opened)


def _relist(files: Catalog) -> None:
    """The courses of these files, and others whose provider or instructor is in them."""
    concerned = Course.objects.filter(
        Q(key__in=[file.head.id for file in files.courses])
        | Q(provider__slug__in=[provider.slug for provider, _ in files.providers])
        | Q(
            pk__in=CourseInstructor.objects.filter(
                instructor__slug__in=[instructor.slug for instructor, _ in files.instructors]
            ).values("course")
        )
    )
    listing.relist(concerned.values_list("pk", flat=True))
    listing.relabel()


def _repeated(files: Catalog) -> list[Problem]:
    problems = []
    for name, found in {
        "id": [(file.head.id, file.problem("", "id")) for file in files.courses],
        # Of courses with one id only the id is wrong.
        "slug": [
            (file.head.slug or file.head.id, file.problem("", "slug" if file.head.slug else "id"))
            for file in {file.head.id: file for file in files.courses}.values()
        ],
        "provider": [(provider.slug, here) for provider, here in files.providers],
        "instructor": [(instructor.slug, here) for instructor, here in files.instructors],
    }.items():
        times = Counter(value for value, _ in found)
        problems += [
            Problem(here.path, here.line, f"{name} “{value}” stands in {times[value]} places.")
            for value, here in found
            if times[value] > 1
        ]
    return problems


# --- Providers --------------------------------------------------------------


def _write_provider(
    provider: ProviderInFile, here: Problem, known: _Known, *, today: date
) -> list[Problem]:
    row, _ = Provider.objects.update_or_create(
        slug=provider.slug,
        defaults={
            **provider.model_dump(exclude={"slug", "approvals"}),
            "website": provider.website or "",
        },
    )
    known.providers[row.slug] = row
    problems = []
    for approval in provider.approvals:
        if approval.body not in known.bodies:
            problems.append(
                Problem(here.path, here.line, f"There is no approving body “{approval.body}”.")
            )
        elif not _write_approval(approval, row, known.bodies[approval.body], today=today):
            problems.append(
                Problem(
                    here.path, here.line, f"The approval by {approval.body} ends before it begins."
                )
            )
    return problems


def _write_approval(
    approval: ApprovalInFile, provider: Provider, body: ApprovingBody, *, today: date
) -> bool:
    """Find the approval by its number and first day, or by its number if the day is relative."""
    found = Approval.objects.filter(
        provider=provider, body=body, number=approval.number, course__isnull=True
    )
    if not isinstance(approval.valid_from, RelativeDay):
        found = found.filter(valid_from=approval.valid_from)
    row = found.order_by("pk").first() or Approval(
        provider=provider,
        body=body,
        number=approval.number,
        valid_from=resolve(approval.valid_from, today=today),
    )
    row.statement = approval.statement
    if row.pk is None or not isinstance(approval.valid_to, RelativeDay):
        row.valid_to = resolve(approval.valid_to, today=today) if approval.valid_to else None
    if row.valid_to is not None and row.valid_to < row.valid_from:
        return False
    row.save()
    return True


# --- Courses ----------------------------------------------------------------


def _write_course(file: CourseFile, known: _Known, *, at: datetime, today: date) -> list[Problem]:
    problems = _unknown(file, known)
    if problems:
        return problems
    credits, problems = _credit_rows(file, known)
    if problems:
        return problems

    head = file.head
    course = Course.objects.filter(key=head.id).first() or Course(key=head.id)
    slug = head.slug or head.id
    try:
        check_slug(slug)
    except ValidationError as error:
        return [file.problem(error.messages[0], "slug" if head.slug else "id")]
    if Course.objects.filter(slug=slug).exclude(pk=course.pk).exists():
        return [file.problem(f"Another course has the address “{slug}”.", "slug")]
    if course.pk and course.status != Course.Status.DRAFT and head.status == "draft":
        return [
            file.problem("It has been published: it can be retired, not made a draft.", "status")
        ]
    if head.post_test is None and course.pk and post_test.is_due(course):
        return [file.problem(post_test.STILL_DUE, "id")]
    _fill(course, file, known.providers[head.provider])
    course.save()
    course.teaching_methods.set([known.methods[slug] for slug in head.teaching_methods])
    try:
        _write_parts(course, file, credits, known)
    except ProtectedError:
        return [
            file.problem(
                "A lesson that learners have opened is missing here. Keep it, or make this a new "
                "course: their progress is kept as evidence.",
            )
        ]
    catalog.update_hours(course=course)
    problems = [
        problem
        for index, session in enumerate(head.sessions)
        if (problem := _write_session(session, course, file, index, at=at, today=today))
    ]
    return problems or _set_status(course, file, at=at, today=today)


def _unknown(file: CourseFile, known: _Known) -> list[Problem]:
    head, problems = file.head, []

    def check(kind: str, slug: str, rows: dict[str, Any], *where: str | int) -> None:
        if slug not in rows:
            problems.append(file.problem(f"There is no {kind} “{slug}”.", *where))

    check("provider", head.provider, known.providers, "provider")
    for index, slug in enumerate(head.focus_areas):
        check("focus area", slug, known.focus_areas, "focus_areas", index)
    for index, slug in enumerate(head.teaching_methods):
        check("teaching method", slug, known.methods, "teaching_methods", index)
    for index, slug in enumerate(head.instructors):
        check("instructor", slug, known.instructors, "instructors", index)
    for index, credit in enumerate(head.credits):
        check("approving body", credit.body, known.bodies, "credits", index, "body")
        check("credit type", credit.type, known.credit_types, "credits", index, "type")
    return problems


def _credit_rows(file: CourseFile, known: _Known) -> tuple[list[_CreditRow], list[Problem]]:
    """The credit lines with their hours; what a text-based course gives is computed."""
    head = file.head
    rows: list[_CreditRow] = []
    problems: list[Problem] = []
    stated: dict[str, Decimal] = {}
    lines_of = Counter(credit.body for credit in head.credits)
    for index, credit in enumerate(head.credits):
        body = known.bodies[credit.body]
        most, basis = _most_hours(file, body)
        amount = most if credit.hours is None else credit.hours
        stated[credit.body] = stated.get(credit.body, Decimal(0)) + amount
        if credit.hours is None and lines_of[credit.body] > 1:
            problems.append(
                file.problem(
                    f"{body} stands here twice: say the “hours” of each type.", "credits", index
                )
            )
        elif not most:
            problems.append(
                file.problem(f"Less than a quarter hour with {body} ({basis}).", "credits", index)
            )
        elif stated[credit.body] > most:
            problems.append(
                file.problem(
                    f"{stated[credit.body]} hours with {body}, but no more than {most} can be "
                    f"given ({basis}).",
                    "credits",
                    index,
                )
            )
        rows.append(_CreditRow(body, known.credit_types[credit.type], amount, basis))
    return rows, problems


def _most_hours(file: CourseFile, body: ApprovingBody) -> tuple[Decimal, str]:
    head = file.head
    if head.format is CourseFormat.TEXT:
        computed = hours.from_text(
            method=body.text_method,
            words=sum(hours.count_words(lesson.body) for lesson in file.lessons),
            questions=len(head.post_test.questions) if head.post_test else 0,
            difficulty=head.difficulty or Decimal(1),
            minutes_per_hour=body.minutes_per_hour,
        )
        return computed.hours, computed.basis
    minutes = head.instruction_minutes
    return (
        hours.from_minutes(minutes, minutes_per_hour=body.minutes_per_hour),
        f"{minutes:,} minutes of instruction at {body.minutes_per_hour} an hour",
    )


_SAME_IN_BOTH = (
    "title",
    "summary",
    "about",
    "audience",
    "language",
    "captions",
    "price",
    "difficulty",
    "attendance_minutes",
    "attendance_percent",
    "access_days",
    "repeat_after_days",
    "conflict_of_interest",
    "commercial_support",
    "content_statement",
    "system_requirements",
)


def _fill(course: Course, file: CourseFile, provider: Provider) -> None:
    head = file.head
    for name in _SAME_IN_BOTH:
        setattr(course, name, getattr(head, name))
    course.slug = head.slug or head.id
    course.prerequisites = head.prerequisites or ""
    course.accessibility = head.accessibility or ""
    course.level = head.level.value
    course.format = head.format.value
    course.provider = provider
    course.references = "\n".join(" ".join(item.split()) for item in head.references)
    course.last_reviewed_on = head.last_reviewed
    course.attestation = head.attestation or ""
    course.requires_lessons = bool(file.lessons)
    course.requires_attendance = head.format.is_live
    course.requires_post_test = head.post_test is not None
    course.requires_evaluation = True
    if head.post_test:
        course.pass_mark = head.post_test.pass_mark
        course.attempts_allowed = head.post_test.attempts
        course.retake_after_minutes = head.post_test.retake_after_minutes
        course.rationales = head.post_test.rationales


def _write_parts(
    course: Course, file: CourseFile, credits: list[_CreditRow], known: _Known
) -> None:
    head = file.head
    _sync(course.objectives, [{"text": text} for text in head.objectives])
    _sync(
        course.agenda,
        [
            {"part": item.part, "minutes": item.minutes, "carries_credit": item.credit}
            for item in head.agenda
        ],
    )
    _sync(
        course.evaluation_questions,
        [{"ask": item.ask, "kind": item.kind} for item in head.evaluation],
    )
    _sync(
        course.credits,
        [vars(credit) for credit in credits],
        by=("body", "credit_type"),
    )
    _sync(
        course.course_focus_areas,
        [{"focus_area": known.focus_areas[slug]} for slug in head.focus_areas],
        by=("focus_area",),
    )
    _sync(
        course.course_instructors,
        [{"instructor": known.instructors[slug]} for slug in head.instructors],
        by=("instructor",),
    )
    _sync(
        course.lessons,
        [
            {
                "key": lesson.key,
                "title": lesson.title,
                "body": lesson.body,
                "minutes": lesson.minutes or hours.reading_minutes(hours.count_words(lesson.body)),
                "kind": lesson.kind,
                "file": _stored_name(lesson.file),
                "link": lesson.link,
                "captions": _stored_name(lesson.captions),
            }
            for lesson in file.lessons
        ],
        by=("key",),
    )
    questions = head.post_test.questions if head.post_test else []
    rows = _sync(
        course.questions,
        [
            {"ask": question.ask, "kind": question.kind, "rationale": question.why}
            for question in questions
        ],
        by=("ask",),
    )
    for row, question in zip(rows, questions, strict=True):
        _sync(
            row.choices,
            [{"text": text, "is_right": is_right} for text, is_right in question.answers],
            by=("text",),
        )


def _sync(manager: Any, wanted: list[dict[str, Any]], by: tuple[str, ...] = ()) -> list[Any]:
    """Make the rows of one course be ``wanted``, in that order; those that stay keep their ids.

    Rows are recognized by the fields ``by``, or else by their place.
    """
    present: dict[Any, models.Model] = {}
    doubled: list[models.Model] = []
    for place, row in enumerate(manager.order_by("position", "pk")):
        if row is not present.setdefault(tuple(getattr(row, name) for name in by) or place, row):
            doubled.append(row)
    rows = [
        (
            present.pop(tuple(values[name] for name in by) or position, None),
            {**values, "position": position},
        )
        for position, values in enumerate(wanted)
    ]
    # What goes, goes first: a new row may take its place under a constraint.
    for row in (*present.values(), *doubled):
        row.delete()
    kept = []
    for row, values in rows:
        if row is None:
            kept.append(manager.create(**values))
            continue
        changed = [name for name, value in values.items() if getattr(row, name) != value]
        for name in changed:
            setattr(row, name, values[name])
        if changed:
            row.save(update_fields=changed)
        kept.append(row)
    return kept


def _write_session(
    session: SessionInFile,
    course: Course,
    file: CourseFile,
    index: int,
    *,
    at: datetime,
    today: date,
) -> Problem | None:
    row = Session.objects.filter(course=course, key=session.key).first()
    if row is not None and row.is_cancelled:
        return None
    if row is None or not isinstance(session.day, RelativeDay):
        zone = ZoneInfo(session.zone)
        starts_at = datetime.combine(
            resolve(session.day, today=today), session.starts, tzinfo=zone
        ).astimezone(ZoneInfo("UTC"))
        row = row or Session(course=course, key=session.key)
        if row.pk and row.starts_at != starts_at and row.enrollments.open().exists():
            return file.problem(
                "Learners are enrolled in this session: its date cannot be moved by a file.",
                "sessions",
                index,
            )
        row.starts_at = starts_at
        row.time_zone = session.zone
    row.ends_at = row.starts_at + timedelta(minutes=session.minutes)
    row.capacity = session.seats
    row.place = session.place or ""
    row.join_url = session.join_url or ""
    row.course = course
    try:
        sessions.save(session=row, at=at)
    except sessions.SessionError as error:
        return file.problem(str(error), "sessions", index)
    return None


def _set_status(course: Course, file: CourseFile, *, at: datetime, today: date) -> list[Problem]:
    if file.head.status == "draft":
        return []
    try:
        # What is retired already stays so, whatever has lapsed since.
        if file.head.status == "published" or course.status == Course.Status.DRAFT:
            catalog.admit(course=course, at=at, on=today)
        if file.head.status == "retired":
            catalog.dismiss(course=course, at=at)
    except catalog.CatalogError as error:
        return [file.problem(missing, "status") for missing in error.missing]
    return []
