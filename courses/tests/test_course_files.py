"""The shape of course files: what loads, and what is said about what does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from courses import course_files
from courses.course_files import CourseFileError, RelativeDay

# The smallest files that load. Every bad input below is one of them with one thing changed.

PEOPLE = """\
providers:
  - slug: hollow-reed
    name: Hollow Reed Institute
    address: 118 Canal Street, Troy, NY 12180
    email: office@hollowreed.example
    phone: (518) 555-0142
    website: https://hollowreed.example
    director: Ingrid Solheim, LCSW
    director_title: Director of Continuing Education
    refund_policy: Full refund.
    accommodation_policy: Ask us.
    grievance_policy: Write to us.
    approvals:
      - body: aswb-ace
        number: "0000"
        statement: Hollow Reed Institute, no. 0000, is approved.
        valid_from: 2025-09-01
        valid_to: 2028-08-31
      - body: nysed-sw
        number: SW-0001
        statement: Hollow Reed Institute is recognized.
        valid_from: {in_days: -30}
        valid_to: {in_days: 700}
instructors:
  - slug: ada-moreno
    name: Ada Moreno
    credentials: PhD, LCSW
    position: Private practice
    bio: Twenty years of practice.
"""

DISCLOSURES = """\
conflict_of_interest: Nothing to disclose.
commercial_support: None.
content_statement: Teaching, not legal advice.
system_requirements: A browser.
last_reviewed: 2026-01-01
"""

TEXT_COURSE = f"""\
---
id: consent
status: published
title: Consent as a Conversation
summary: Consent as a thread.
about: Consent as a thread picked up in session after session.
audience: Licensed clinicians.
level: introductory
format: text
price: 24
focus_areas: [consent]
teaching_methods: [reading]
provider: hollow-reed
instructors: [ada-moreno]
objectives:
  - Name the moments that ask for consent anew.
  - Plan one conversation.
credits:
  - {{body: aswb-ace, type: ethics}}
difficulty: 4
{DISCLOSURES}\
references:
  - Beauchamp & Childress (2019). Principles of biomedical ethics.
post_test:
  pass_mark: 75
  attempts: 3
  questions:
    - ask: When is consent asked for?
      choices:
        - Once
        - right: Whenever something changes
      why: Because the risk changed.
    - ask: Who may take it back?
      choices:
        - right: The client
        - The clinician
        - Nobody
      why: It belongs to the client.
evaluation:
  - {{ask: "I had time to think.", kind: rating}}
---
# Asking again {{#asking minutes=20}}

Consent is a *conversation*.

# What to write down

Write what was said.
"""

LIVE_COURSE = f"""\
---
id: listening-day
status: published
title: A Day of Listening
summary: One day of practice.
about: Role-play in threes.
audience: Licensed clinicians.
level: introductory
format: in-person
price: 160
focus_areas: [consent]
teaching_methods: [reading]
provider: hollow-reed
instructors: [ada-moreno]
objectives:
  - Open a session.
  - Repair a mistake.
agenda:
  - {{part: Opening, minutes: 60}}
  - {{part: Lunch, minutes: 30, credit: false}}
  - {{part: Practice, minutes: 60}}
credits:
  - {{body: aswb-ace, type: ethics, hours: 2}}
attendance_minutes: 120
{DISCLOSURES}\
sessions:
  - key: troy
    day: 2026-06-01
    starts: "09:30"
    minutes: 150
    zone: America/New_York
    seats: 20
    place: 118 Canal Street, Troy
---
"""


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{text.count(old)} places hold {old!r}"
    return text.replace(old, new)


def line_of(text: str, needle: str) -> int:
    return text[: text.index(needle)].count("\n") + 1


@dataclass(frozen=True)
class Broken:
    """A bad input: which file it spoils, how, where the problem stands, and in which words."""

    name: str
    of: str
    old: str
    new: str
    at: str
    message: str

    @property
    def text(self) -> str:
        return changed(self.of, self.old, self.new)

    @property
    def line(self) -> int:
        return line_of(self.text, self.at)


def text_course(name: str, old: str, new: str, *, at: str = "", message: str) -> Broken:
    return Broken(name, TEXT_COURSE, old, new, at or new, message)


def live_course(name: str, old: str, new: str, *, at: str = "", message: str) -> Broken:
    return Broken(name, LIVE_COURSE, old, new, at or new, message)


SECOND_RIGHT = "        - right: The client\n        - right: The clinician\n"
ONE_RIGHT = (
    "A question needs two choices or more, exactly one of them right. "
    "A right one is written with “right:”."
)
LONE_QUESTION = "post_test › questions › 2"

# What is wrong with one file alone; test_importing.py has what is wrong with the portal's rows.
BROKEN = [
    # YAML
    text_course(
        "wrong syntax",
        "price: 24",
        "price: [24",
        at="focus_areas",
        message="This is not valid YAML: expected ',' or ']', but got ':'.",
    ),
    text_course(
        "a tab",
        "price: 24",
        "\tprice: 24",
        message="This is not valid YAML: found character '\\t' that cannot start any token.",
    ),
    text_course(
        "an alias bomb",
        "price: 24",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\nprice: 24",
        at="b: &b",
        message="This is not valid YAML: aliases (*name) are not allowed in course files.",
    ),
    text_course(
        "brackets without end",
        "price: 24",
        "price: " + "[" * 1_000,
        at="id:",
        message="This is not valid YAML: brackets within too many brackets.",
    ),
    text_course(
        "a program",
        "price: 24",
        "price: !!python/name:os.system x",
        message=(
            "This is not valid YAML: could not determine a constructor for the tag "
            "'tag:yaml.org,2002:python/name:os.system'."
        ),
    ),
    text_course(
        "a bell in the front matter",
        "price: 24",
        "price: 24\a",
        message="This is not valid YAML: special characters are not allowed.",
    ),
    text_course(
        "a bell written as an escape",
        "price: 24",
        'price: 24\nlanguage: "English\\a"',
        at="language",
        message="language: The character U+0007 cannot be shown. Remove it.",
    ),
    text_course(
        "a character beyond Unicode",
        "price: 24",
        'price: "\\UFFFFFFFF"',
        message="This is not valid YAML: Python int too large to convert to C int.",
    ),
    text_course(
        "a day that no calendar has",
        "2026-01-01",
        "2026-02-30",
        message="This is not valid YAML: day is out of range for month.",
    ),
    text_course(
        "one field twice",
        "price: 24",
        "price: 24\nprice: 36",
        at="price: 36",
        message="“price” stands here twice.",
    ),
    text_course(
        "a list as front matter",
        TEXT_COURSE[4 : TEXT_COURSE.index("---\n# ")],
        "- id\n- title\n",
        message="Expected “name: value” lines.",
    ),
    # The file itself
    text_course(
        "a NUL",
        "Write what was said.",
        "Write what \0was said.",
        message="The file holds a NUL character. Remove it.",
    ),
    text_course(
        "five megabytes",
        "Write what was said.",
        "x" * 5_000_000,
        at="---",
        message="The file is larger than 1 MB.",
    ),
    text_course(
        "an empty file",
        TEXT_COURSE,
        "",
        message="The file must start with “---” and its front matter.",
    ),
    text_course(
        "no front matter",
        TEXT_COURSE,
        "# Asking again\n\nConsent.\n",
        message="The file must start with “---” and its front matter.",
    ),
    text_course(
        "front matter without end",
        "---\n# Asking",
        "# Asking",
        at="---",
        message="The front matter has no closing “---”.",
    ),
    # Fields
    text_course(
        "a missing field",
        "title: Consent as a Conversation\n",
        "",
        at="id:",
        message="title: is missing.",
    ),
    text_course(
        "a misspelled field",
        "price: 24",
        "price: 24\nlangauge: English",
        at="langauge",
        message="langauge: is not a field of this file. Check the spelling.",
    ),
    text_course(
        "a field from a merge",
        "price: 24",
        "price: 24\n<<: {surprise: 1}",
        at="id:",
        message="surprise: is not a field of this file. Check the spelling.",
    ),
    text_course("an empty title", "Consent as a Conversation", '" "', message="title: is empty."),
    text_course(
        "a title that YAML reads as a number",
        "Consent as a Conversation",
        "2026",
        at="title",
        message="title: must be text; here is 2026. Put it in quotes.",
    ),
    text_course(
        "a title of 201 letters",
        "Consent as a Conversation",
        "x" * 201,
        message="title: is longer than 200 characters.",
    ),
    text_course(
        "a language of 61 letters",
        "price: 24",
        f"price: 24\nlanguage: {'x' * 61}",
        at="language",
        message="language: is longer than 60 characters.",
    ),
    text_course(
        "an id with a space",
        "id: consent",
        "id: informed consent",
        message="id: 'informed consent' is not in the right form.",
    ),
    text_course(
        "an unknown level",
        "level: introductory",
        "level: expert",
        message=(
            "level: must be one of 'introductory', 'intermediate' or 'advanced'; here is 'expert'."
        ),
    ),
    text_course(
        "a price in words",
        "price: 24",
        "price: free",
        message="price: must be a number; here is 'free'.",
    ),
    text_course(
        "a price below zero",
        "price: 24",
        "price: -1",
        message="price: must be at least 0; here is -1.",
    ),
    text_course(
        "no focus area",
        "focus_areas: [consent]",
        "focus_areas: []",
        message="focus_areas: needs at least 1.",
    ),
    text_course(
        "one objective",
        "  - Plan one conversation.\n",
        "",
        at="objectives",
        message="objectives: needs at least 2.",
    ),
    text_course(
        "a review date as a number",
        "last_reviewed: 2026-01-01",
        "last_reviewed: 86400",
        message="last_reviewed: Write a day like 2026-06-01.",
    ),
    live_course(
        "a session on the last day of time",
        "day: 2026-06-01",
        "day: 9999-12-31",
        message="sessions › 1 › day: Write a day like 2026-06-01.",
    ),
    live_course(
        "a session some day",
        "day: 2026-06-01",
        "day: soon",
        message="sessions › 1 › day: Write a day like 2026-06-01.",
    ),
    # Hours
    live_course(
        "hours below zero",
        "hours: 2}",
        "hours: -2}",
        message="credits › 1 › hours: must be more than 0; here is -2.",
    ),
    live_course(
        "no hours",
        "hours: 2}",
        "hours: 0}",
        message="credits › 1 › hours: must be more than 0; here is 0.",
    ),
    live_course(
        "hours that are no number",
        "hours: 2}",
        "hours: .nan}",
        message="credits › 1 › hours: must be a number; here is nan.",
    ),
    live_course(
        "hours without end",
        "hours: 2}",
        "hours: .inf}",
        message="credits › 1 › hours: must be a number; here is inf.",
    ),
    live_course(
        "hours that are a switch",
        "hours: 2}",
        "hours: true}",
        message="credits › 1 › hours: must be a number; here is True.",
    ),
    live_course(
        "too many hours to believe",
        "hours: 2}",
        "hours: 1e999}",
        message="credits › 1 › hours: must be at most 100; here is '1e999'.",
    ),
    live_course(
        "hours left out of a course that is no text",
        ", hours: 2}",
        "}",
        at="  - {body: aswb-ace",
        message="Only a text-based course may leave “hours” out.",
    ),
    # The post-test
    text_course(
        "no right answer",
        "        - right: The client\n",
        "        - The client\n",
        at="    - ask: Who may",
        message=f"{LONE_QUESTION}: {ONE_RIGHT}",
    ),
    text_course(
        "two right answers",
        "        - right: The client\n        - The clinician\n",
        SECOND_RIGHT,
        at="    - ask: Who may",
        message=f"{LONE_QUESTION}: {ONE_RIGHT}",
    ),
    text_course(
        "equal choices",
        "        - The clinician\n",
        "        - the CLIENT\n",
        at="    - ask: Who may",
        message=f"{LONE_QUESTION}: Two choices of this question say the same.",
    ),
    text_course(
        "one choice",
        "        - Once\n",
        "",
        at="    - ask: When is",
        message=f"post_test › questions › 1: {ONE_RIGHT}",
    ),
    text_course(
        "no questions",
        TEXT_COURSE[TEXT_COURSE.index("  questions:") : TEXT_COURSE.index("evaluation:")],
        "  questions: []\n",
        message="post_test › questions: needs at least 1.",
    ),
    text_course(
        "no post-test",
        TEXT_COURSE[TEXT_COURSE.index("post_test:") : TEXT_COURSE.index("evaluation:")],
        "",
        at="format",
        message="This format needs a “post_test”.",
    ),
    text_course(
        "a pass mark above one hundred",
        "pass_mark: 75",
        "pass_mark: 101",
        message="post_test › pass_mark: must be at most 100; here is 101.",
    ),
    # Lessons
    text_course(
        "text before the first lesson",
        "# Asking again",
        "Welcome.\n\n# Asking again",
        message="Text before the first lesson's “# Title”.",
    ),
    text_course(
        "no lesson",
        TEXT_COURSE[TEXT_COURSE.index("# Asking") :],
        "",
        at="format",
        message="This format needs at least one lesson below the front matter.",
    ),
    text_course(
        "two lessons with one key",
        "# What to write down",
        "# What to write down {#asking}",
        message="Two lessons have the key “asking”.",
    ),
    text_course(
        "an empty lesson",
        "Write what was said.\n",
        "",
        at="# What to write",
        message="The lesson “What to write down” is empty.",
    ),
    text_course(
        "a lesson without a title",
        "# What to write down",
        "#",
        at="#\n",
        message="A lesson's title has 1 to 200 characters.",
    ),
    text_course(
        "a lesson whose title makes no key",
        "# What to write down",
        "# 你好",
        message="Give the lesson a key of 1 to 80 letters: “# Title {#key}”.",
    ),
    text_course(
        "a lesson with a key of 81 letters",
        "# What to write down",
        "# What to write down {#" + "x" * 81 + "}",
        message="Give the lesson a key of 1 to 80 letters: “# Title {#key}”.",
    ),
    text_course(
        "a lesson of no minutes",
        "minutes=20",
        "minutes=0",
        message="“minutes=0” is not “#key” or “minutes=20”.",
    ),
    # Formats
    text_course(
        "a text-based course with an agenda",
        "price: 24",
        "price: 24\nagenda:\n  - {part: Opening, minutes: 60}",
        at="agenda",
        message="A text-based course has lessons, not an agenda.",
    ),
    text_course(
        "a text-based course without difficulty",
        "difficulty: 4\n",
        "",
        at="format",
        message="A text-based course states its “difficulty”, 1 to 5.",
    ),
    text_course(
        "a difficulty of six",
        "difficulty: 4",
        "difficulty: 6",
        message="difficulty: must be at most 5; here is 6.",
    ),
    text_course(
        "a text-based course with minutes of attendance",
        "difficulty: 4",
        "difficulty: 4\nattendance_minutes: 10",
        at="attendance_minutes",
        message="“attendance_minutes” is for live courses.",
    ),
    live_course(
        "a live course with a difficulty",
        "attendance_minutes: 120",
        "attendance_minutes: 120\ndifficulty: 2",
        at="difficulty",
        message="Only a text-based course has a “difficulty”.",
    ),
    live_course(
        "a live course without minutes of attendance",
        "attendance_minutes: 120\n",
        "",
        at="format",
        message="A live course states its “attendance_minutes” or “attendance_percent”.",
    ),
    live_course(
        "more attendance than agenda",
        "attendance_minutes: 120",
        "attendance_minutes: 151",
        message="More minutes of attendance than the agenda has.",
    ),
    live_course(
        "the same credit twice",
        "hours: 2}",
        "hours: 1}\n  - {body: aswb-ace, type: ethics, hours: 1} # again",
        at="  - {body: aswb-ace, type: ethics, hours: 1} # again",
        message="credits: the same twice.",
    ),
    # Sessions
    live_course(
        "a time without quotes",
        'starts: "09:30"',
        "starts: 12:00",
        message='sessions › 1 › starts: Write the time of day in quotes, like "18:30".',
    ),
    live_course(
        "a time with an offset",
        'starts: "09:30"',
        'starts: "09:30+02:00"',
        message='sessions › 1 › starts: Write the time of day in quotes, like "18:30".',
    ),
    live_course(
        "an unknown time zone",
        "zone: America/New_York",
        "zone: America/Troy",
        message=(
            "sessions › 1 › zone: “America/Troy” is no IANA time zone; "
            "write one like America/New_York."
        ),
    ),
    live_course(
        "a session nowhere",
        "    place: 118 Canal Street, Troy\n",
        "",
        at="  - key: troy",
        message="sessions › 1: A session needs a “place”, a “join_url”, or both.",
    ),
    live_course(
        "a link that is not https",
        "place: 118 Canal Street, Troy",
        "join_url: javascript:alert(1)",
        message="sessions › 1 › join_url: 'javascript:alert(1)' is not in the right form.",
    ),
    live_course(
        "a NUL in a link, written as an escape",
        "place: 118 Canal Street, Troy",
        'join_url: "https://x\\0"',
        message="sessions › 1 › join_url: The character U+0000 cannot be shown. Remove it.",
    ),
    live_course(
        "a session that lasts as a word",
        "    minutes: 150",
        "    minutes: long",
        message="sessions › 1 › minutes: must be a whole number; here is 'long'.",
    ),
    live_course(
        "two sessions with one key",
        "sessions:\n",
        "sessions:\n  - {key: troy, day: {in_days: 3}, starts: '10:00', minutes: 60, zone: UTC, "
        "place: Here}\n",
        at="  - key: troy",
        message="sessions: the same twice.",
    ),
    # People
    Broken(
        "a provider without a name",
        PEOPLE,
        "    name: Hollow Reed Institute\n",
        "",
        "  - slug: hollow-reed",
        "providers › 1 › name: is missing.",
    ),
    Broken(
        "a NUL in a number, written as an escape",
        PEOPLE,
        'number: "0000"',
        'number: "00\\000"',
        "number",
        "providers › 1 › approvals › 1 › number: The character U+0000 cannot be shown. Remove it.",
    ),
    Broken(
        "a link that is too long for the provider",
        PEOPLE,
        "https://hollowreed.example",
        "https://" + "x" * 200,
        "website",
        "providers › 1 › website: is longer than 200 characters.",
    ),
    Broken("no people", PEOPLE, PEOPLE, "", "", "Expected “name: value” lines."),
    Broken(
        "people in two documents",
        PEOPLE,
        "instructors:",
        "---\ninstructors:",
        "---",
        "This is not valid YAML: but found another document.",
    ),
]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Puts a file into this test's folder."""

    def write(text: str | bytes, name: str = "course.md") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def read(*paths: Path) -> course_files.Catalog:
    return course_files.read(course_files.find_files(paths))


def problems_of(*paths: Path) -> list[str]:
    """What is said about the files, each problem as the command prints it, without the folder."""
    with pytest.raises(CourseFileError) as refused:
        read(*paths)
    return [f"{p.path.name}:{p.line}: {p.message}" for p in refused.value.problems]


# --- What loads -------------------------------------------------------------


def test_a_text_based_course_is_read_with_its_lessons(write):
    path = write(TEXT_COURSE)

    (course,) = read(path).courses

    assert course.path == path
    assert course.head.title == "Consent as a Conversation"
    assert course.head.credits == [course_files.Credit(body="aswb-ace", type="ethics", hours=None)]
    assert [question.answers for question in course.head.post_test.questions] == [
        [("Once", False), ("Whenever something changes", True)],
        [("The client", True), ("The clinician", False), ("Nobody", False)],
    ]
    assert course.lessons == [
        course_files.Lesson(
            key="asking",
            title="Asking again",
            body="Consent is a *conversation*.",
            line=line_of(TEXT_COURSE, "# Asking"),
            minutes=20,
        ),
        course_files.Lesson(
            key="what-to-write-down",
            title="What to write down",
            body="Write what was said.",
            line=line_of(TEXT_COURSE, "# What"),
        ),
    ]


def test_a_live_course_is_read_with_its_sessions(write):
    (course,) = read(write(LIVE_COURSE)).courses

    assert course.head.credits[0].hours == Decimal(2)
    assert course.head.instruction_minutes == 120
    assert course.head.sessions == [
        course_files.Session(
            key="troy",
            day=date(2026, 6, 1),
            starts="09:30",
            minutes=150,
            zone="America/New_York",
            seats=20,
            place="118 Canal Street, Troy",
        )
    ]
    assert course.head.sessions[0].starts == time(9, 30)


def test_providers_and_instructors_are_read_with_their_lines(write):
    path = write(PEOPLE, "people.yaml")

    catalog = read(path)

    (provider, provider_at), (instructor, instructor_at) = (
        *catalog.providers,
        *catalog.instructors,
    )
    assert [approval.valid_from for approval in provider.approvals] == [
        date(2025, 9, 1),
        RelativeDay(in_days=-30),
    ]
    assert (provider_at.path, provider_at.line) == (path, 2)
    assert instructor.slug == "ada-moreno"
    assert instructor_at.line == line_of(PEOPLE, "  - slug: ada-moreno")


@pytest.mark.parametrize(
    "saved",
    [
        pytest.param(b"\xef\xbb\xbf" + TEXT_COURSE.encode(), id="with a byte order mark"),
        pytest.param(TEXT_COURSE.replace("\n", "\r\n").encode(), id="with Windows line ends"),
        pytest.param(TEXT_COURSE.replace("\n", "\r").encode(), id="with old Mac line ends"),
        pytest.param(TEXT_COURSE.rstrip().encode(), id="without a line end"),
        pytest.param(TEXT_COURSE.replace("---\n# A", "---  \n# A").encode(), id="trailing spaces"),
    ],
)
def test_a_file_says_the_same_however_it_was_saved(write, saved):
    (plain,) = read(write(TEXT_COURSE)).courses

    (course,) = read(write(saved)).courses

    assert course == plain


def test_line_numbers_count_windows_line_ends_once(write):
    broken = changed(TEXT_COURSE, "price: 24", "price: free").replace("\n", "\r\n")

    problems = problems_of(write(broken))

    assert problems == [
        f"course.md:{line_of(TEXT_COURSE, 'price')}: price: must be a number; here is 'free'."
    ]


def test_a_heading_in_a_code_block_begins_no_lesson(write):
    source = changed(TEXT_COURSE, "Write what was said.", "```\n# not a lesson\n```")

    (course,) = read(write(source)).courses

    assert [lesson.body for lesson in course.lessons] == [
        "Consent is a *conversation*.",
        "```\n# not a lesson\n```",
    ]


def test_a_heading_that_is_underlined_begins_a_lesson_without_its_line(write):
    source = changed(TEXT_COURSE, "# What to write down", "What to write down\n==================")

    (course,) = read(write(source)).courses

    assert (course.lessons[1].title, course.lessons[1].body) == (
        "What to write down",
        "Write what was said.",
    )


@pytest.mark.parametrize(
    ("day", "resolved"),
    [
        (date(2026, 6, 1), date(2026, 6, 1)),
        (RelativeDay(in_days=3), date(2026, 3, 5)),
        (RelativeDay(in_days=-2), date(2026, 2, 28)),
    ],
)
def test_a_relative_day_counts_from_the_day_of_loading(day, resolved):
    assert course_files.resolve(day, today=date(2026, 3, 2)) == resolved


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("What to write down", "what-to-write-down"),
        ("  Überraschung! (Part 2) ", "uberraschung-part-2"),
        ("x" * 100, "x" * 80),
        ("x" * 79 + " y", "x" * 79),
        ("你好", ""),
    ],
)
def test_a_title_makes_a_key_of_plain_letters(text, slug):
    assert course_files.slugify(text) == slug


# --- What does not ----------------------------------------------------------


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_a_bad_file_is_refused_with_its_line_and_plain_words(write, broken):
    name = "people.yaml" if broken.of is PEOPLE else "course.md"

    problems = problems_of(write(broken.text, name))

    assert problems == [f"{name}:{broken.line}: {broken.message}"]


def test_a_file_in_latin_1_is_refused_at_its_first_foreign_letter(write):
    latin = changed(TEXT_COURSE, "Write what was said.", "Señor Núñez said so.").encode("latin-1")

    problems = problems_of(write(latin))

    assert problems == [
        f"course.md:{line_of(TEXT_COURSE, 'Write what')}: "
        "The file is not UTF-8. Save it as UTF-8 and try again."
    ]


def test_a_question_asked_twice_is_named_in_both_places(write):
    source = changed(TEXT_COURSE, "Who may take it back?", "when is consent asked FOR?")

    problems = problems_of(write(source))

    assert problems == [
        f"course.md:{line_of(source, '    - ask: When')}: The same question twice.",
        f"course.md:{line_of(source, '    - ask: when')}: The same question twice.",
    ]


def test_a_live_course_without_an_agenda_has_neither_hours_nor_attendance(write):
    begin, end = LIVE_COURSE.index("agenda:"), LIVE_COURSE.index("credits:")
    source = LIVE_COURSE[:begin] + LIVE_COURSE[end:]

    problems = problems_of(write(source))

    assert problems == [
        f"course.md:{line_of(source, 'format')}: This format needs an “agenda” with its minutes.",
        f"course.md:{line_of(source, 'attendance_minutes')}: "
        "More minutes of attendance than the agenda has.",
    ]


def test_an_agenda_of_breaks_alone_is_refused(write):
    source = LIVE_COURSE.replace("minutes: 60}", "minutes: 60, credit: false}")

    problems = problems_of(write(source))

    assert problems == [
        f"course.md:{line_of(source, 'format')}: This format needs an “agenda” with its minutes."
    ]


def test_a_misspelled_part_of_the_agenda_is_named_with_its_line(write):
    source = changed(LIVE_COURSE, "{part: Practice, minutes", "{part: Practice, minuts")

    problems = problems_of(write(source))

    line = line_of(source, "  - {part: Practice")
    assert problems == [
        f"course.md:{line}: agenda › 3 › minutes: is missing.",
        f"course.md:{line}: agenda › 3 › minuts: is not a field of this file. Check the spelling.",
    ]


def test_all_problems_of_all_files_are_listed_at_once(write, tmp_path):
    write(
        TEXT_COURSE.replace("price: 24", "price: free").replace(
            "level: intro", "level: semi-intro"
        ),
        "a.md",
    )
    write(changed(LIVE_COURSE, 'starts: "09:30"', "starts: 12:00"), "b.md")
    write(changed(PEOPLE, "    phone: (518) 555-0142\n", ""), "people.yaml")

    problems = problems_of(tmp_path)

    assert problems == [
        f"a.md:{line_of(TEXT_COURSE, 'level')}: level: must be one of 'introductory', "
        "'intermediate' or 'advanced'; here is 'semi-introductory'.",
        f"a.md:{line_of(TEXT_COURSE, 'price')}: price: must be a number; here is 'free'.",
        f"b.md:{line_of(LIVE_COURSE, 'starts')}: sessions › 1 › starts: "
        'Write the time of day in quotes, like "18:30".',
        "people.yaml:2: providers › 1 › phone: is missing.",
    ]


def test_a_problem_is_printed_with_its_whole_path(write):
    path = write("")

    with pytest.raises(CourseFileError) as refused:
        read(path)

    assert str(refused.value) == (f"{path}:1: The file must start with “---” and its front matter.")


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: f"---\n{text}\n---\n# T\n\nx\n".encode())
    | st.builds(
        lambda at, junk: TEXT_COURSE[:at].encode() + junk + TEXT_COURSE[at:].encode(),
        st.integers(0, len(TEXT_COURSE)),
        st.binary(min_size=1, max_size=5),
    )
)
def test_no_file_at_all_crashes_the_reader(tmp_path, content):
    (tmp_path / "course.md").write_bytes(content)
    (tmp_path / "people.yaml").write_bytes(content)

    lines_of_problems = []
    for path in (tmp_path / "course.md", tmp_path / "people.yaml"):
        try:
            read(path)
        except CourseFileError as refused:
            lines_of_problems.extend(problem.line for problem in refused.problems)

    last_line = content.replace(b"\r", b"\n").count(b"\n") + 1
    assert [line for line in lines_of_problems if not 1 <= line <= last_line + 1] == []


# --- Paths ------------------------------------------------------------------


def test_a_folder_gives_its_course_files_in_order(write, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "folder.md").mkdir()
    for name in ("b.md", "a.yaml", "more/c.yml", "README.md", "notes.txt", "folder.md/d.md"):
        write("", name)

    found = course_files.find_files([tmp_path])

    assert found == [tmp_path / name for name in ("a.yaml", "b.md", "folder.md/d.md", "more/c.yml")]


def test_a_path_given_twice_is_read_once(write, tmp_path):
    path = write(TEXT_COURSE)

    assert course_files.find_files([path, tmp_path, path]) == [path]


def test_paths_that_do_not_exist_are_all_named(write, tmp_path):
    paths = [tmp_path / "gone.md", write(TEXT_COURSE), tmp_path / "lost"]

    assert problems_of(*paths) == [
        "gone.md:1: There is no such file or folder.",
        "lost:1: There is no such file or folder.",
    ]


def test_a_link_to_itself_is_no_file(tmp_path):
    (tmp_path / "loop.md").symlink_to(tmp_path / "loop.md")

    assert problems_of(tmp_path / "loop.md") == ["loop.md:1: There is no such file or folder."]


def test_a_folder_with_links_in_circles_and_to_nowhere_names_them_and_ends(write, tmp_path):
    write(TEXT_COURSE)
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "loop.md").symlink_to(tmp_path / "loop.md")
    (tmp_path / "nowhere.yaml").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe.md")

    assert problems_of(tmp_path) == [
        f"{name}:1: This is no file; perhaps a link that leads nowhere."
        for name in ("loop.md", "nowhere.yaml", "pipe.md")
    ]


def test_a_file_that_the_disk_cannot_give_is_a_problem_of_that_file(write, monkeypatch):
    path = write(TEXT_COURSE)

    def fail(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", fail)

    assert problems_of(path) == ["course.md:1: The file cannot be read: Permission denied."]
