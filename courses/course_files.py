"""Course files: Markdown with YAML front matter, and YAML files of providers and instructors.

Knows files, not the database: what it returns is checked by shape, and every problem carries the
file and the line. ``importing`` checks the rest against the database and writes the rows.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import yaml
from markdown_it import MarkdownIt
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from courses import answer_key, material

MAX_FILE_BYTES = 1_000_000
ZONES = available_timezones()

Where = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in one file, in the author's words."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class CourseFileError(Exception):
    """The files cannot be used; ``problems`` lists everything that is wrong with them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


# --- The shape of a file ----------------------------------------------------


def _printable(text: str) -> str:
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cs", "Co", "Cn"} and character not in "\n\t":
            raise ValueError(f"The character U+{ord(character):04X} cannot be shown. Remove it.")
    return text


def _paragraphs(text: str) -> str:
    """YAML folds a blank line into one line break; on the page it is a new paragraph."""
    return re.sub(r"\s*\n\s*", "\n\n", text)


def _at_most(length: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=length)


def _https(length: int) -> StringConstraints:
    return StringConstraints(pattern=r"^https://\S+$", max_length=length)


def _quoted_time(value: Any) -> Any:
    # Without quotes YAML makes 18:30 a number; an offset would be dropped in favor of the zone.
    if not isinstance(value, str) or not re.fullmatch(r"\d\d:\d\d", value):
        raise ValueError('Write the time of day in quotes, like "18:30".')
    return value


def _calendar_day(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        value = date.fromisoformat(value)
    # A number would be taken for seconds since 1970, and the last day of time has no tomorrow.
    if type(value) is not date or not 1900 <= value.year <= 2200:
        raise ValueError("Write a day like 2026-06-01.")
    return value


def _known_zone(name: str) -> str:
    if name not in ZONES:
        raise ValueError(f"“{name}” is no IANA time zone; write one like America/New_York.")
    return name


Printable = AfterValidator(_printable)
Line = Annotated[str, _at_most(200), Printable]
Summary = Annotated[str, _at_most(300), Printable]
Objective = Annotated[str, _at_most(400), Printable]
Sentence = Annotated[str, _at_most(500), Printable]
Passage = Annotated[str, _at_most(2_000), Printable]
Paragraph = Annotated[str, _at_most(5_000), Printable, AfterValidator(_paragraphs)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Hours = Annotated[Decimal, Field(gt=0, le=100, decimal_places=2)]
Minutes = Annotated[int, Field(ge=1, le=10_000, strict=True)]
Zone = Annotated[str, AfterValidator(_known_zone)]
ClockTime = Annotated[time, BeforeValidator(_quoted_time)]
CalendarDay = Annotated[date, BeforeValidator(_calendar_day)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RelativeDay(Shape):
    """A day counted from the day of loading, so that a demonstration is never out of date."""

    in_days: Annotated[int, Field(ge=-36_500, le=36_500, strict=True)]


Day = CalendarDay | RelativeDay


def resolve(day: Day, *, today: date) -> date:
    """The calendar day that ``day`` names when the file is loaded on ``today``."""
    return today + timedelta(days=day.in_days) if isinstance(day, RelativeDay) else day


class CourseFormat(StrEnum):
    IN_PERSON = "in-person"
    LIVE_WEBINAR = "live-webinar"
    RECORDED = "recorded"
    TEXT = "text"
    HYBRID = "hybrid"

    @property
    def is_live(self) -> bool:
        return self in {self.IN_PERSON, self.LIVE_WEBINAR, self.HYBRID}


class Level(StrEnum):
    INTRODUCTORY = "introductory"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"


class Credit(Shape):
    """Hours of one credit type with one body. A text-based course leaves ``hours`` out."""

    body: Slug
    type: Slug
    hours: Hours | None = None


class AgendaItem(Shape):
    """One part of the schedule; a part with ``credit: false`` (lunch, a break) earns nothing."""

    part: Line
    minutes: Minutes
    credit: bool = True


class Question(Shape):
    """A post-test question. A right choice is written as ``right: ...``."""

    ask: Annotated[str, _at_most(1_000), Printable]
    kind: Literal["single", "multiple", "true_false"] = "single"
    choices: Annotated[list[Sentence | dict[Literal["right"], Sentence]], Field(max_length=8)]
    why: Passage

    @model_validator(mode="after")
    def _gradable(self) -> Question:
        if fault := answer_key.fault(self.kind, [is_right for _, is_right in self.answers]):
            raise ValueError(f"{fault} A right one is written with “right:”.")
        texts = Counter(text.casefold() for text, _ in self.answers)
        if texts.most_common(1)[0][1] > 1:
            raise ValueError("Two choices of this question say the same.")
        return self

    @property
    def answers(self) -> list[tuple[str, bool]]:
        """Each choice with whether it is right, in the order of the file."""
        return [
            (choice["right"], True) if isinstance(choice, dict) else (choice, False)
            for choice in self.choices
        ]


class PostTest(Shape):
    """Questions, the share of right answers to pass (percent), attempts (none: no limit)."""

    pass_mark: Annotated[int, Field(ge=1, le=100, strict=True)]
    attempts: Annotated[int, Field(ge=1, le=100, strict=True)] | None = None
    retake_after_minutes: Annotated[int, Field(ge=0, le=100_000, strict=True)] = 0
    rationales: Literal["attempt", "end", "never"] = "end"
    questions: Annotated[list[Question], Field(min_length=1, max_length=200)]


class EvaluationItem(Shape):
    """A question of the course's own, after the standard ones."""

    ask: Sentence
    kind: Literal["rating", "text"] = "rating"


class Session(Shape):
    """One live occurrence. ``starts`` is the clock time in ``zone``."""

    key: Slug
    day: Day
    starts: ClockTime
    minutes: Minutes
    zone: Zone
    seats: Annotated[int, Field(ge=0, le=100_000, strict=True)] | None = None
    place: Line | None = None
    join_url: Annotated[str, _https(500), Printable] | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Session:
        if not self.place and not self.join_url:
            raise ValueError("A session needs a “place”, a “join_url”, or both.")
        return self


class CourseHead(Shape):
    """The front matter of a course file."""

    id: Slug
    slug: Slug | None = None
    status: Literal["draft", "published", "retired"] = "published"
    title: Line
    summary: Summary
    about: Paragraph
    audience: Paragraph
    prerequisites: Paragraph | None = None
    level: Level
    format: CourseFormat
    language: Annotated[str, _at_most(60), Printable] = "English"
    captions: bool = False
    accessibility: Paragraph | None = None
    price: Annotated[Decimal, Field(ge=0, le=10_000, decimal_places=2)]
    focus_areas: Annotated[list[Slug], Field(min_length=1, max_length=5)]
    teaching_methods: Annotated[list[Slug], Field(min_length=1, max_length=8)]
    provider: Slug
    instructors: Annotated[list[Slug], Field(min_length=1, max_length=20)]
    objectives: Annotated[list[Objective], Field(min_length=2, max_length=12)]
    agenda: Annotated[list[AgendaItem], Field(max_length=60)] = []
    credits: Annotated[list[Credit], Field(min_length=1, max_length=60)]
    difficulty: Annotated[Decimal, Field(ge=1, le=5, multiple_of=Decimal("0.5"))] | None = None
    attendance_minutes: Minutes | None = None
    attendance_percent: Annotated[int, Field(ge=1, le=100, strict=True)] | None = None
    attestation: Passage | None = None
    access_days: Annotated[int, Field(ge=1, le=3_650, strict=True)] | None = None
    repeat_after_days: Annotated[int, Field(ge=1, le=3_650, strict=True)] | None = None
    conflict_of_interest: Paragraph
    commercial_support: Paragraph
    content_statement: Paragraph
    system_requirements: Paragraph
    last_reviewed: CalendarDay
    references: Annotated[list[Passage], Field(max_length=100)] = []
    post_test: PostTest | None = None
    evaluation: Annotated[list[EvaluationItem], Field(max_length=30)] = []
    sessions: Annotated[list[Session], Field(max_length=200)] = []

    @property
    def instruction_minutes(self) -> int:
        """Minutes of the agenda that carry credit."""
        return sum(item.minutes for item in self.agenda if item.credit)


@dataclass(frozen=True)
class Lesson:
    """One lesson: everything under one first-level heading. Its files stand beside the course file,
    and have been looked at."""

    key: str
    title: str
    body: str
    line: int
    minutes: int | None = None
    kind: str = "text"
    file: Path | None = None
    link: str = ""
    captions: Path | None = None


class Approval(Shape):
    """A provider's standing with a body: number, exact statement, first and last day."""

    body: Slug
    number: Annotated[str, _at_most(60), Printable]
    statement: Annotated[str, _at_most(5_000), Printable]
    valid_from: Day
    valid_to: Day | None = None


class Provider(Shape):
    slug: Slug
    name: Line
    address: Sentence
    email: Annotated[
        str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254), Printable
    ]
    phone: Line
    website: Annotated[str, _https(200), Printable] | None = None
    director: Line
    director_title: Line
    refund_policy: Paragraph
    accommodation_policy: Paragraph
    grievance_policy: Paragraph
    approvals: Annotated[list[Approval], Field(max_length=60)] = []


class Instructor(Shape):
    slug: Slug
    name: Line
    credentials: Line
    position: Line
    bio: Paragraph


class PeopleFile(Shape):
    """A YAML file of providers with their approvals, and of instructors."""

    providers: list[Provider] = []
    instructors: list[Instructor] = []


@dataclass(frozen=True)
class CourseFile:
    """A course file that is well formed. ``line_of`` finds the line of any part of its head."""

    path: Path
    head: CourseHead
    lessons: list[Lesson]
    lines: dict[Where, int] = field(repr=False)

    def line_of(self, *where: str | int) -> int:
        return _line_of(self.lines, where)

    def problem(self, message: str, *where: str | int) -> Problem:
        return Problem(self.path, self.line_of(*where), message)


@dataclass(frozen=True)
class Catalog:
    """Everything that was read: courses, providers with their file, instructors with theirs."""

    courses: list[CourseFile]
    providers: list[tuple[Provider, Problem]]
    instructors: list[tuple[Instructor, Problem]]


# --- Reading ----------------------------------------------------------------


class _Unusable(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def find_files(paths: Iterable[Path]) -> list[Path]:
    """The course files at ``paths``: files as they are, folders searched for .md and .yaml.

    Raises CourseFileError if a path does not exist.
    """
    found: list[Path] = []
    problems = []
    for path in paths:
        if path.is_dir():
            found.extend(
                child
                for child in sorted(path.rglob("*"))
                if child.suffix in {".md", ".yaml", ".yml"}
                and child.name.lower() != "readme.md"
                and not child.is_dir()
            )
        elif path.is_file():
            found.append(path)
        else:
            problems.append(Problem(path, 1, "There is no such file or folder."))
    if problems:
        raise CourseFileError(problems)
    return list(dict.fromkeys(found))


def read(paths: Iterable[Path]) -> Catalog:
    """Read every file and check its shape.

    Raises CourseFileError with every problem of every file.
    """
    courses: list[CourseFile] = []
    providers: list[tuple[Provider, Problem]] = []
    instructors: list[tuple[Instructor, Problem]] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            if path.suffix == ".md":
                courses.append(read_course(path))
                continue
            people, lines = _read_people(path)
            for index, provider in enumerate(people.providers):
                here = Problem(path, _line_of(lines, ("providers", index)), "")
                providers.append((provider, here))
            for index, instructor in enumerate(people.instructors):
                here = Problem(path, _line_of(lines, ("instructors", index)), "")
                instructors.append((instructor, here))
        except CourseFileError as error:
            problems.extend(error.problems)
    if problems:
        raise CourseFileError(problems)
    return Catalog(courses, providers, instructors)


def read_course(path: Path) -> CourseFile:
    """Read one course file. Raises CourseFileError with all its problems of shape."""
    try:
        text = _decode(path)
        head_text, body, body_line = _split(text)
        data, lines = _load_yaml(head_text, first_line=2)
    except _Unusable as error:
        raise CourseFileError([Problem(path, error.line, str(error))]) from None
    try:
        head = CourseHead.model_validate(data)
    except ValidationError as error:
        raise CourseFileError(_from_pydantic(path, error, lines)) from None

    course = CourseFile(path, head, [], lines)
    lessons, problems = _lessons(path, body, body_line)
    course.lessons.extend(lessons)
    problems.extend(_inconsistencies(course))
    if problems:
        raise CourseFileError(problems)
    return course


def _read_people(path: Path) -> tuple[PeopleFile, dict[Where, int]]:
    try:
        data, lines = _load_yaml(_decode(path), first_line=1)
    except _Unusable as error:
        raise CourseFileError([Problem(path, error.line, str(error))]) from None
    try:
        return PeopleFile.model_validate(data), lines
    except ValidationError as error:
        raise CourseFileError(_from_pydantic(path, error, lines)) from None


def _decode(path: Path) -> str:
    if not path.is_file():
        raise _Unusable(1, "This is no file; perhaps a link that leads nowhere.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise _Unusable(1, f"The file is larger than {MAX_FILE_BYTES // 1_000_000} MB.")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _Unusable(1, f"The file cannot be read: {error.strerror}.") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _Unusable(line, "The file is not UTF-8. Save it as UTF-8 and try again.") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise _Unusable(line, "The file holds a NUL character. Remove it.")
    return text


def _split(text: str) -> tuple[str, str, int]:
    """Front matter, body, and the line that the body starts on."""
    lines = text.split("\n")
    if lines[0].strip() != "---":
        raise _Unusable(1, "The file must start with “---” and its front matter.")
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == "---":
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :]), number + 2
    raise _Unusable(1, "The front matter has no closing “---”.")


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases: they have no use here and can grow without bound."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.MarkedYAMLError(
                problem="aliases (*name) are not allowed in course files",
                problem_mark=event.start_mark,
            )
        return super().compose_node(parent, index)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            # Such as February 30: say where it stands.
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None


def _load_yaml(text: str, *, first_line: int) -> tuple[Any, dict[Where, int]]:
    """The data, and the line in the file of each of its parts."""
    loader: _Loader | None = None
    lines: dict[Where, int] = {(): first_line}

    def walk(node: yaml.Node, where: Where) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here = (*where, key.value if isinstance(key.value, str) else str(key.value))
                line = key.start_mark.line + first_line
                if here in lines:
                    raise _Unusable(line, f"“{key.value}” stands here twice.")
                lines[here] = line
                walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                lines[*where, index] = value.start_mark.line + first_line
                walk(value, (*where, index))

    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise _Unusable(first_line, "Expected “name: value” lines.")
        walk(node, ())
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = (mark.line if mark else 0) + first_line
        raise _Unusable(
            line, f"This is not valid YAML: {error.problem or error.context}."
        ) from None
    except yaml.YAMLError as error:
        reason = getattr(error, "reason", "it cannot be read")
        position = getattr(error, "position", 0)
        line = text[:position].count("\n") + first_line
        raise _Unusable(line, f"This is not valid YAML: {reason}.") from None
    except (ValueError, OverflowError) as error:
        # Such as the escape "\UFFFFFFFF".
        line = (loader.get_mark().line if loader else 0) + first_line
        raise _Unusable(line, f"This is not valid YAML: {error}.") from None
    except RecursionError:
        raise _Unusable(
            first_line, "This is not valid YAML: brackets within too many brackets."
        ) from None
    finally:
        if loader:
            loader.dispose()


def _line_of(lines: dict[Where, int], where: Where) -> int:
    while where not in lines:
        where = where[:-1]
    return lines[where]


def _from_pydantic(path: Path, error: ValidationError, lines: dict[Where, int]) -> list[Problem]:
    problems: dict[tuple[int, str], Problem] = {}
    for detail in error.errors(include_url=False):
        where: Where = ()
        # A choice of types ("a day is a date or in_days") adds parts to the path that no file has.
        for part in detail["loc"]:
            if (*where, part) in lines:
                where = (*where, part)
        line = lines[where]
        if detail["type"] == "missing" or not where:
            where = (*where, *detail["loc"][-1:])
        name = " › ".join(str(part + 1 if isinstance(part, int) else part) for part in where)
        problems.setdefault((line, name), Problem(path, line, f"{name}: {_in_words(detail)}"))
    return list(problems.values())


def _in_words(detail: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    value = detail.get("input")
    shown = repr(value)[:60]
    sentences = {
        "missing": "is missing.",
        "extra_forbidden": "is not a field of this file. Check the spelling.",
        "string_type": f"must be text; here is {shown}. Put it in quotes.",
        "string_too_short": "is empty.",
        "string_too_long": f"is longer than {context.get('max_length')} characters.",
        "string_pattern_mismatch": f"{shown} is not in the right form.",
        "int_type": f"must be a whole number; here is {shown}.",
        "decimal_type": f"must be a number; here is {shown}.",
        "decimal_parsing": f"must be a number; here is {shown}.",
        "finite_number": f"must be a number; here is {shown}.",
        "bool_parsing": f"must be true or false; here is {shown}.",
        "greater_than": f"must be more than {context.get('gt')}; here is {shown}.",
        "greater_than_equal": f"must be at least {context.get('ge')}; here is {shown}.",
        "less_than_equal": f"must be at most {context.get('le')}; here is {shown}.",
        "too_short": f"needs at least {context.get('min_length')}.",
        "too_long": f"may have at most {context.get('max_length')}.",
        "enum": f"must be one of {context.get('expected')}; here is {shown}.",
        "literal_error": f"must be one of {context.get('expected')}; here is {shown}.",
        "value_error": str(context.get("error", "")),
    }
    return sentences.get(kind, f"{detail['msg']}; here is {shown}.")


# --- Lessons ----------------------------------------------------------------

_BLOCKS = MarkdownIt("commonmark").enable("table")
_HEADING_ATTRIBUTES = re.compile(r"\s*\{(?P<inside>[^{}]*)\}\s*$")


def slugify(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].strip("-")


def _lessons(path: Path, body: str, first_line: int) -> tuple[list[Lesson], list[Problem]]:
    """Split the body at its first-level headings: ``# Title {#key minutes=20}``."""
    source = body.split("\n")
    tokens = _BLOCKS.parse(body)
    starts: list[tuple[int, int, str]] = []
    for token, inline in zip(tokens, tokens[1:], strict=False):
        if token.type == "heading_open" and token.tag == "h1" and token.level == 0 and token.map:
            starts.append((token.map[0], token.map[1], inline.content))

    problems = []
    before = source[: starts[0][0]] if starts else source
    for number, text in enumerate(before):
        if text.strip():
            problems.append(
                Problem(path, first_line + number, "Text before the first lesson's “# Title”.")
            )
            break

    lessons: list[Lesson] = []
    for index, (start, after, heading) in enumerate(starts):
        end = starts[index + 1][0] if index + 1 < len(starts) else len(source)
        line = first_line + start
        match = _HEADING_ATTRIBUTES.search(heading)
        title = heading[: match.start()] if match else heading
        key, minutes = slugify(title), None
        facts: dict[str, str] = {}
        for word in match["inside"].split() if match else []:
            name, _, value = word.partition("=")
            if word.startswith("#") and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", word[1:]):
                key = word[1:]
            elif re.fullmatch(r"minutes=[1-9][0-9]{0,3}", word):
                minutes = int(value)
            elif name in _LESSON_FACTS and value:
                facts[name] = value
            else:
                problems.append(Problem(path, line, f"“{word}” is not “#key” or “minutes=20”."))
        kind, file, link, captions, faults = _material(path, facts)
        problems += [Problem(path, line, fault) for fault in faults]
        text = "\n".join(source[after:end]).strip()
        title = title.strip()
        if not title or len(title) > 200:
            problems.append(Problem(path, line, "A lesson's title has 1 to 200 characters."))
        elif not 1 <= len(key) <= 80:
            problems.append(
                Problem(path, line, "Give the lesson a key of 1 to 80 letters: “# Title {#key}”.")
            )
        if not text and kind == "text":
            problems.append(Problem(path, line, f"The lesson “{title}” is empty."))
        if kind in {"video", "document"} and minutes is None:
            problems.append(Problem(path, line, f"A {kind} states its “minutes”."))
        if key and key in {lesson.key for lesson in lessons}:
            problems.append(Problem(path, line, f"Two lessons have the key “{key}”."))
        lessons.append(Lesson(key, title, text, line, minutes, kind, file, link, captions))
    return lessons, problems


_LESSON_FACTS = {"kind", "file", "link", "captions"}


def _material(
    path: Path, facts: dict[str, str]
) -> tuple[str, Path | None, str, Path | None, list[str]]:
    """Kind, file, link and captions of a lesson, and what is wrong with them."""
    kind, link = facts.get("kind", "text"), facts.get("link", "")
    file, captions = _beside(path, facts.get("file")), _beside(path, facts.get("captions"))
    faults = []
    if kind not in {"text", "video", "document"}:
        faults.append(f"“{kind}” is no kind of lesson: write text, video or document.")
    elif kind == "text":
        if len(facts) > ("kind" in facts):
            faults.append("Say “kind=video” or “kind=document” with a file, link or captions.")
    elif ("file" in facts) == ("link" in facts):
        faults.append(f"A {kind} has a “file=…” beside the course file or a “link=https://…”.")
    if link and not re.fullmatch(r"https://[^\s/]+\S*", link):
        faults.append("A link begins with https://.")
    if len(link) > 500:
        faults.append("A link has at most 500 characters.")
    if "captions" in facts and not (kind == "video" and "file" in facts):
        faults.append("Captions belong to a video file.")
    for name, found, check in (
        ("file", file, material.fault),
        ("captions", captions, material.captions_fault),
    ):
        if name in facts and found is None:
            faults.append(f"There is no file “{facts[name]}” beside the course file.")
        elif found:
            with found.open("rb") as opened:
                fault = check(opened, found.stat().st_size)
                media_type = material.media_type_of(opened)
            if fault:
                faults.append(f"“{facts[name]}”: {fault}")
            elif name == "file" and (media_type == material.PDF) != (kind == "document"):
                faults.append(f"“{facts[name]}” is no {kind}.")
    return kind, file, link, captions, faults


def _beside(path: Path, name: str | None) -> Path | None:
    """The file of that name in the folder of the course file or below; None if there is none."""
    if not name:
        return None
    folder, found = path.parent.resolve(), (path.parent / name).resolve()
    return found if found.is_relative_to(folder) and found.is_file() else None


# --- What one file must not contradict --------------------------------------


def _inconsistencies(course: CourseFile) -> list[Problem]:
    head, problems = course.head, []

    def wrong(message: str, *where: str | int) -> None:
        problems.append(course.problem(message, *where))

    if head.format is CourseFormat.TEXT:
        if head.difficulty is None:
            wrong("A text-based course states its “difficulty”, 1 to 5.", "format")
        if head.agenda:
            wrong("A text-based course has lessons, not an agenda.", "agenda")
    else:
        if not head.instruction_minutes:
            wrong("This format needs an “agenda” with its minutes.", "format")
        if head.difficulty is not None:
            wrong("Only a text-based course has a “difficulty”.", "difficulty")
        for index, credit in enumerate(head.credits):
            if credit.hours is None:
                wrong("Only a text-based course may leave “hours” out.", "credits", index)
    if head.format.is_live:
        if (head.attendance_minutes is None) == (head.attendance_percent is None):
            wrong(
                "A live course states its “attendance_minutes” or “attendance_percent”.", "format"
            )
        elif head.attendance_minutes is None:
            pass
        elif head.attendance_minutes > sum(item.minutes for item in head.agenda):
            wrong("More minutes of attendance than the agenda has.", "attendance_minutes")
    else:
        if not course.lessons:
            wrong("This format needs at least one lesson below the front matter.", "format")
        if head.post_test is None:
            wrong("This format needs a “post_test”.", "format")
        for name in ("sessions", "attendance_minutes", "attendance_percent"):
            if getattr(head, name):
                wrong(f"“{name}” is for live courses.", name)

    repeatable: dict[str, list[Any]] = {
        "focus_areas": head.focus_areas,
        "teaching_methods": head.teaching_methods,
        "instructors": head.instructors,
        "objectives": head.objectives,
        "credits": [(credit.body, credit.type) for credit in head.credits],
        "sessions": [session.key for session in head.sessions],
    }
    for name, values in repeatable.items():
        seen = set()
        for index, value in enumerate(values):
            if value in seen:
                wrong(f"{name}: the same twice.", name, index)
            seen.add(value)
    if head.post_test:
        asked = Counter(question.ask.casefold() for question in head.post_test.questions)
        for index, question in enumerate(head.post_test.questions):
            if asked[question.ask.casefold()] > 1:
                wrong("The same question twice.", "post_test", "questions", index)
    return problems
