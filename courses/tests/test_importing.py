"""Course files into rows: all or none, and again without a trace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from accounts.tests.factories import UserFactory
from courses import demo, enrollment, importing, reference_data
from courses.course_files import CourseFile, CourseFileError
from courses.models import (
    Approval,
    CatalogEntry,
    CatalogState,
    Choice,
    Course,
    CourseCredit,
    FormatWord,
    Lesson,
    Question,
    SearchWord,
    Session,
    TeachingMethod,
)
from courses.tests import stories
from courses.tests.factories import (
    ApprovingBodyFactory,
    CourseFactory,
    CreditTypeFactory,
    FocusAreaFactory,
)
from courses.tests.test_course_files import (
    BROKEN,
    LIVE_COURSE,
    PEOPLE,
    TEXT_COURSE,
    changed,
    line_of,
)

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TODAY = NOON.date()

Rows = dict[str, dict[object, dict[str, object]]]


@pytest.fixture
def reference(db) -> None:
    """The few rows that the sample files name."""
    ApprovingBodyFactory()
    ApprovingBodyFactory(slug="nysed-sw", name="NYSED Social Work", minutes_per_hour=50)
    ApprovingBodyFactory(slug="nbcc-acep", name="NBCC ACEP", text_method="words")
    CreditTypeFactory()
    CreditTypeFactory(slug="clinical", name="Clinical")
    FocusAreaFactory()
    TeachingMethod.objects.create(slug="reading", name="Reading")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes the sample files, with what the test gives in their place; returns the folder."""

    def write(*, text: str = TEXT_COURSE, live: str = LIVE_COURSE, people: str = PEOPLE) -> Path:
        (tmp_path / "consent.md").write_text(text)
        (tmp_path / "day.md").write_text(live)
        (tmp_path / "people.yaml").write_text(people)
        return tmp_path

    return write


def load(
    folder: Path, *, at: datetime = NOON, today: date = TODAY, dry_run: bool = False
) -> importing.Report:
    return importing.load(paths=[folder], at=at, today=today, dry_run=dry_run)


def rows() -> Rows:
    """Every row of every table of the app, and of the tables between; but what is derived."""
    derived = {CatalogEntry, CatalogState, SearchWord}
    return {
        model.__name__: {
            row["pk"]: row
            for row in model._default_manager.values("pk", *(f.attname for f in model._meta.fields))
        }
        for model in apps.get_app_config("courses").get_models(include_auto_created=True)
        if model not in derived
    }


def differences(before: Rows, after: Rows) -> set[str]:
    """“Course.price” for a changed field, “+Lesson” for a new row, “-Lesson” for a lost one."""
    found = set()
    for name, earlier in before.items():
        later = after[name]
        found |= {f"-{name}" for _ in earlier.keys() - later.keys()}
        found |= {f"+{name}" for _ in later.keys() - earlier.keys()}
        for pk in earlier.keys() & later.keys():
            found |= {f"{name}.{f}" for f in earlier[pk] if earlier[pk][f] != later[pk][f]}
    return found


def refusal(folder: Path, **options) -> list[str]:
    """The problems that are named, and proof that nothing was written."""
    before = rows()

    with pytest.raises(CourseFileError) as refused:
        load(folder, **options)

    assert differences(before, rows()) == set()
    return [f"{p.path.name}:{p.line}: {p.message}" for p in refused.value.problems]


# --- Writing ----------------------------------------------------------------


def test_files_become_rows(reference, write):
    report = load(write())

    assert report == importing.Report(created=2, updated=0, providers=1, instructors=1)
    text, live = Course.objects.order_by("key")
    assert (text.key, text.slug, text.status, text.published_at) == (
        "consent",
        "consent",
        "published",
        NOON,
    )
    assert [str(area.focus_area) for area in text.course_focus_areas.all()] == [
        "Ethics › Informed consent"
    ]
    assert [row.instructor.name for row in text.course_instructors.all()] == ["Ada Moreno"]
    assert [method.slug for method in text.teaching_methods.all()] == ["reading"]
    assert list(text.objectives.order_by("position").values_list("position", "text")) == [
        (0, "Name the moments that ask for consent anew."),
        (1, "Plan one conversation."),
    ]
    assert list(text.lessons.order_by("position").values_list("key", "minutes")) == [
        ("asking", 20),
        ("what-to-write-down", 1),
    ]
    assert (text.pass_mark, text.attempts_allowed, text.difficulty) == (75, 3, Decimal(4))
    assert text.references == "Beauchamp & Childress (2019). Principles of biomedical ethics."
    assert (text.provider.slug, text.provider.website) == (
        "hollow-reed",
        "https://hollowreed.example",
    )
    assert list(live.agenda.order_by("position").values_list("minutes", "carries_credit")) == [
        (60, True),
        (30, False),
        (60, True),
    ]
    assert (live.attendance_minutes, live.hours) == (120, Decimal(2))


def test_questions_keep_their_order_and_their_right_choice(reference, write):
    load(write())

    assert list(
        Choice.objects.order_by("question__position", "position").values_list(
            "question__ask", "text", "is_right"
        )
    ) == [
        ("When is consent asked for?", "Once", False),
        ("When is consent asked for?", "Whenever something changes", True),
        ("Who may take it back?", "The client", True),
        ("Who may take it back?", "The clinician", False),
        ("Who may take it back?", "Nobody", False),
    ]


def test_a_session_starts_by_the_clock_of_its_place(reference, write):
    load(write())

    session = Session.objects.get()
    assert (session.starts_at, session.ends_at, session.capacity) == (
        datetime(2026, 6, 1, 13, 30, tzinfo=UTC),
        datetime(2026, 6, 1, 16, 0, tzinfo=UTC),
        20,
    )


def test_a_text_based_course_gives_what_each_body_computes(reference, write):
    text = changed(
        TEXT_COURSE,
        "  - {body: aswb-ace, type: ethics}\n",
        "  - {body: aswb-ace, type: ethics}\n"
        "  - {body: nysed-sw, type: ethics, hours: 0.25}\n"
        "  - {body: nysed-sw, type: clinical, hours: 0.25}\n",
    )

    load(write(text=text))

    computed = "Mergener formula: 8 words, 2 questions, difficulty 4 of 5, 41 minutes at"
    assert list(
        CourseCredit.objects.filter(course__key="consent")
        .order_by("position")
        .values_list("body__slug", "credit_type__slug", "hours", "basis")
    ) == [
        ("aswb-ace", "ethics", Decimal("0.50"), f"{computed} 60 an hour"),
        ("nysed-sw", "ethics", Decimal("0.25"), f"{computed} 50 an hour"),
        ("nysed-sw", "clinical", Decimal("0.25"), f"{computed} 50 an hour"),
    ]


def test_a_draft_is_written_without_the_gate(reference, write):
    text = changed(TEXT_COURSE, "status: published", "status: draft")
    live = changed(LIVE_COURSE, "status: published", "status: draft")

    load(write(text=text, live=live), today=date(2029, 1, 1))

    assert list(Course.objects.values_list("status", "published_at").distinct()) == [
        ("draft", None)
    ]


def test_each_course_is_announced_as_it_is_written(reference, write):
    seen: list[CourseFile] = []

    importing.load(paths=[write()], at=NOON, today=TODAY, on_course=seen.append)

    assert [file.head.id for file in seen] == ["consent", "listening-day"]


def test_a_dry_run_writes_nothing_and_says_what_it_would(reference, write):
    before = rows()

    report = load(write(), dry_run=True)

    assert report == importing.Report(created=2, updated=0, providers=1, instructors=1)
    assert differences(before, rows()) == set()


def test_a_dry_run_of_a_change_writes_nothing(reference, write):
    load(write())
    before = rows()

    report = load(write(text=changed(TEXT_COURSE, "price: 24", "price: 36")), dry_run=True)

    assert report == importing.Report(created=0, updated=2, providers=1, instructors=1)
    assert differences(before, rows()) == set()


def test_a_dry_run_names_problems_too(reference, write):
    folder = write(text=changed(TEXT_COURSE, "[consent]", "[unheard-of]"))

    assert refusal(folder, dry_run=True) == [
        f"consent.md:{line_of(TEXT_COURSE, 'focus_areas')}: There is no focus area “unheard-of”."
    ]


# --- Again ------------------------------------------------------------------


def test_words_for_formats_are_the_curators_once_a_body_is_there(db):
    reference_data.load()
    changed_word, *others = FormatWord.objects.order_by("pk")
    FormatWord.objects.filter(pk=changed_word.pk).update(word="As a curator says")
    FormatWord.objects.filter(pk=others[0].pk).delete()

    reference_data.load()

    changed_word.refresh_from_db()
    assert changed_word.word == "As a curator says"
    assert FormatWord.objects.count() == len(others)


def test_the_demonstration_catalog_loaded_again_on_a_later_day_changes_no_row_at_all(db):
    reference_data.load()
    importing.load(paths=[demo.CATALOG], at=NOON, today=TODAY)
    before = rows()

    later = NOON + timedelta(days=40)
    report = importing.load(paths=[demo.CATALOG], at=later, today=later.date())

    assert differences(before, rows()) == set()
    assert (report.created, report.updated) == (0, len(before["Course"]))


def test_a_relative_session_stays_on_its_first_day(reference, write):
    folder = write(live=changed(LIVE_COURSE, "day: 2026-06-01", "day: {in_days: 10}"))
    load(folder)

    load(folder, at=NOON + timedelta(days=5), today=TODAY + timedelta(days=5))

    assert Session.objects.get().starts_at == datetime(2026, 3, 12, 13, 30, tzinfo=UTC)


def test_a_relative_approval_stays_on_its_first_days(reference, write):
    folder = write()
    load(folder)

    load(folder, today=TODAY + timedelta(days=5))

    assert list(
        Approval.objects.filter(body__slug="nysed-sw").values_list("valid_from", "valid_to")
    ) == [(TODAY - timedelta(days=30), TODAY + timedelta(days=700))]


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("price: 24", "price: 36", {"Course.price"}),
        ("id: consent", "id: consent\nslug: asking-again", {"Course.slug"}),
        ("Plan one conversation.", "Plan two.", {"Objective.text"}),
        ("  - Plan one", "  - Begin.\n  - Plan one", {"Objective.text", "+Objective"}),
        ("Because the risk changed.", "Because it changed.", {"Question.rationale"}),
        ("Who may take it back?", "Who can?", {"-Question", "+Question", "-Choice", "+Choice"}),
        ("        - Nobody\n", "", {"-Choice"}),
        ("        - Nobody\n", "        - No one\n", {"-Choice", "+Choice"}),
        (
            "- right: The client\n        - The clinician",
            "- The client\n        - right: The clinician",
            {"Choice.is_right"},
        ),
        (
            "- right: The client\n        - The clinician",
            "- The clinician\n        - right: The client",
            {"Choice.position"},
        ),
        (
            "- Once\n        - right: Whenever something changes",
            "- right: Once\n        - Whenever something changes",
            {"Choice.is_right"},
        ),
        ("Write what was said.", "Note what was said.", {"Lesson.body"}),
        ("minutes=20", "minutes=25", {"Lesson.minutes"}),
        ("# What to write down", "# Notes {#what-to-write-down}", {"Lesson.title"}),
        ("I had time to think.", "I had time.", {"EvaluationQuestion.ask"}),
        ("type: ethics}", "type: clinical}", {"-CourseCredit", "+CourseCredit"}),
        ("attempts: 3", "attempts: 4", {"Course.attempts_allowed"}),
        (
            "difficulty: 4",
            "difficulty: 5",
            {"Course.difficulty", "Course.hours", "CourseCredit.hours", "CourseCredit.basis"},
        ),
    ],
)
def test_an_edited_file_changes_only_what_was_edited(reference, write, old, new, difference):
    load(write())
    before = rows()

    load(write(text=changed(TEXT_COURSE, old, new)), at=NOON + timedelta(days=1))

    assert differences(before, rows()) == difference


REVISION = ("Session.sequence", "Session.changed_at")


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("seats: 20", "seats: 30", {"Session.capacity"}),
        ("    minutes: 150", "    minutes: 160", {"Session.ends_at", *REVISION}),
        ("day: 2026-06-01", "day: 2026-06-02", {"Session.starts_at", "Session.ends_at", *REVISION}),
        ("{part: Lunch", "{part: A long lunch", {"AgendaItem.part"}),
        (
            "  - {part: Lunch, minutes: 30, credit: false}\n",
            "",
            {"-AgendaItem", "AgendaItem.part", "AgendaItem.minutes", "AgendaItem.carries_credit"},
        ),
    ],
)
def test_an_edited_live_course_changes_only_what_was_edited(reference, write, old, new, difference):
    load(write())
    before = rows()

    load(write(live=changed(LIVE_COURSE, old, new)))

    assert differences(before, rows()) == difference


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("phone: (518) 555-0142", "phone: (518) 555-0143", {"Provider.phone"}),
        ("is recognized.", "is well recognized.", {"Approval.statement"}),
        ("valid_to: 2028-08-31", "valid_to: 2029-08-31", {"Approval.valid_to"}),
        ("valid_from: 2025-09-01", "valid_from: 2026-01-01", {"+Approval"}),
        ("Twenty years", "Thirty years", {"Instructor.bio"}),
    ],
)
def test_edited_people_change_only_where_edited(reference, write, old, new, difference):
    load(write())
    before = rows()

    load(write(people=changed(PEOPLE, old, new)))

    assert differences(before, rows()) == difference


def test_lessons_that_change_places_keep_their_ids(reference, write):
    head, asking, writing = TEXT_COURSE.partition("# Asking")[0], *_lessons()
    load(write())
    ids = dict(Lesson.objects.values_list("key", "pk"))

    load(write(text=f"{head}{writing}\n{asking}"))

    assert list(Lesson.objects.order_by("position").values_list("key", "pk")) == [
        ("what-to-write-down", ids["what-to-write-down"]),
        ("asking", ids["asking"]),
    ]


def _lessons() -> tuple[str, str]:
    first, second = TEXT_COURSE.index("# Asking"), TEXT_COURSE.index("# What to")
    return TEXT_COURSE[first:second], TEXT_COURSE[second:]


def test_a_question_that_a_curator_doubled_is_single_again(reference, write):
    load(write())
    before = rows()
    original = Question.objects.get(ask="Who may take it back?")
    Question.objects.create(course=original.course, ask=original.ask, rationale="", position=9)

    load(write())

    assert differences(before, rows()) == set()


def test_an_unread_lesson_that_is_gone_from_the_file_is_gone(reference, write):
    load(write())

    load(write(text=changed(TEXT_COURSE, _lessons()[1], "")))

    assert list(Lesson.objects.values_list("key", flat=True)) == ["asking"]


def test_a_lesson_that_a_learner_has_read_stays(reference, write):
    load(write())
    seat = enrollment.enroll(
        learner=UserFactory(), course=Course.objects.get(key="consent"), at=NOON
    )
    lesson = Lesson.objects.get(key="what-to-write-down")
    stories.read(seat, lesson, NOON)

    problems = refusal(write(text=changed(TEXT_COURSE, _lessons()[1], "")))

    assert problems == [
        "consent.md:2: A lesson that learners have opened is missing here. Keep it, or make this a "
        "new course: their progress is kept as evidence."
    ]


# --- Published, retired -----------------------------------------------------


@pytest.mark.parametrize("status", ["published", "draft"])
def test_retired_in_the_file_retires(reference, write, status):
    load(write(text=changed(TEXT_COURSE, "status: published", f"status: {status}")))

    load(write(text=changed(TEXT_COURSE, "status: published", "status: retired")))

    course = Course.objects.get(key="consent")
    assert (course.status, course.retired_at) == ("retired", NOON)


def test_a_new_course_may_begin_retired(reference, write):
    load(write(text=changed(TEXT_COURSE, "status: published", "status: retired")))

    course = Course.objects.get(key="consent")
    assert (course.status, course.published_at, course.retired_at) == ("retired", NOON, NOON)


def test_a_retired_course_loads_again_after_its_approval_has_ended(reference, write):
    """Else one lapsed approval of one old course would stop every import."""
    folder = write(
        text=changed(TEXT_COURSE, "status: published", "status: retired"),
        live=changed(LIVE_COURSE, "status: published", "status: retired"),
    )
    load(folder)
    before = rows()

    load(folder, at=datetime(2029, 1, 1, tzinfo=UTC), today=date(2029, 1, 1))

    assert differences(before, rows()) == set()


def test_published_in_the_file_takes_a_course_back_into_the_catalog(reference, write):
    load(write(text=changed(TEXT_COURSE, "status: published", "status: retired")))

    load(write(), at=NOON + timedelta(days=1))

    course = Course.objects.get(key="consent")
    assert (course.status, course.published_at, course.retired_at) == ("published", NOON, None)


@pytest.mark.parametrize("status", ["published", "retired"])
def test_what_was_published_is_never_a_draft_again(reference, write, status):
    load(write(text=changed(TEXT_COURSE, "status: published", f"status: {status}")))

    problems = refusal(write(text=changed(TEXT_COURSE, "status: published", "status: draft")))

    assert problems == ["consent.md:3: It has been published: it can be retired, not made a draft."]


def test_the_gate_is_reported_for_each_file(reference, write):
    problems = refusal(write(), today=date(2028, 9, 1))

    assert problems == [
        f"{name}:3: Hollow Reed Institute has no approval in date with ASWB ACE."
        for name in ("consent.md", "day.md")
    ]


def test_an_edit_that_leaves_no_quarter_hour_is_refused_in_words(reference, write):
    """NYSED makes a quarter hour of 14 minutes; the clock does not."""
    load(write())
    short = changed(LIVE_COURSE, "{part: Opening, minutes: 60}", "{part: Opening, minutes: 14}")
    short = changed(short, "  - {part: Practice, minutes: 60}\n", "")
    short = changed(short, "attendance_minutes: 120", "attendance_minutes: 14")
    short = changed(
        short,
        "{body: aswb-ace, type: ethics, hours: 2}",
        "{body: nysed-sw, type: ethics, hours: 0.25}",
    )

    problems = refusal(write(live=short))

    assert problems == ["day.md:3: The agenda or the lessons make less than a quarter hour."]


# --- Sessions ---------------------------------------------------------------


@pytest.fixture
def seat(reference, write):
    """A learner in the session of June 1."""
    load(write())
    return enrollment.enroll(
        learner=UserFactory(),
        course=Course.objects.get(key="listening-day"),
        session=Session.objects.get(),
        at=NOON,
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("day: 2026-06-01", "day: 2026-06-02"),
        ('starts: "09:30"', 'starts: "10:30"'),
        ("zone: America/New_York", "zone: America/Chicago"),
    ],
)
def test_a_session_with_learners_is_not_moved(seat, write, old, new):
    problems = refusal(write(live=changed(LIVE_COURSE, old, new)))

    assert problems == [
        f"day.md:{line_of(LIVE_COURSE, '  - key: troy')}: "
        "Learners are enrolled in this session: its date cannot be moved by a file."
    ]


def test_a_session_with_learners_may_get_another_room(seat, write):
    load(write(live=changed(LIVE_COURSE, "place: 118 Canal", "place: 120 Canal")))

    assert Session.objects.get().place == "120 Canal Street, Troy"


def test_a_session_that_all_have_left_may_be_moved(seat, write):
    enrollment.withdraw(enrollment=seat, at=NOON)

    load(write(live=changed(LIVE_COURSE, "day: 2026-06-01", "day: 2026-06-02")))

    assert Session.objects.get().starts_at == datetime(2026, 6, 2, 13, 30, tzinfo=UTC)


# --- Refused, and nothing written -------------------------------------------


def test_no_bad_file_lets_the_good_ones_beside_it_be_written(reference, write):
    names = {TEXT_COURSE: "text", LIVE_COURSE: "live", PEOPLE: "people"}
    edited = {
        "text": changed(TEXT_COURSE, "price: 24", "price: 36"),
        "live": changed(LIVE_COURSE, "price: 160", "price: 180"),
        "people": changed(PEOPLE, "Twenty years", "Thirty years"),
    }
    load(write())
    before = rows()

    messages = {
        broken.name: _message(write(**{**edited, names[broken.of]: broken.text}))
        for broken in BROKEN
    }

    assert messages == {broken.name: broken.message for broken in BROKEN}
    assert differences(before, rows()) == set()


def _message(folder: Path) -> str:
    with pytest.raises(CourseFileError) as refused:
        load(folder)
    return "\n".join(problem.message for problem in refused.value.problems)


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("focus_areas: [consent]", "focus_areas: [ethics]", "", "focus area “ethics”."),
        ("body: aswb-ace", "body: aswb", "  - {body: aswb", "approving body “aswb”."),
        ("type: ethics", "type: ethical", "  - {body: aswb-ace", "credit type “ethical”."),
        ("[reading]", "[singing]", "teaching_methods", "teaching method “singing”."),
        ("provider: hollow-reed", "provider: hollow-oak", "", "provider “hollow-oak”."),
        ("[ada-moreno]", "[ada-marino]", "instructors", "instructor “ada-marino”."),
    ],
)
def test_an_unknown_name_is_refused_where_it_stands(reference, write, old, new, at, message):
    text = changed(TEXT_COURSE, old, new)

    problems = refusal(write(text=text))

    assert problems == [f"consent.md:{line_of(text, at or new)}: There is no {message}"]


def test_unknown_names_of_several_files_are_all_listed(reference, write):
    text = changed(TEXT_COURSE, "focus_areas: [consent]", "focus_areas:\n  - consent\n  - ethics")
    text = changed(text, "provider: hollow-reed", "provider: hollow-oak")
    live = changed(LIVE_COURSE, "type: ethics", "type: ethical")

    problems = refusal(write(text=text, live=live))

    assert problems == [
        f"consent.md:{line_of(text, '  - ethics')}: There is no focus area “ethics”.",
        f"consent.md:{line_of(text, 'provider:')}: There is no provider “hollow-oak”.",
        f"day.md:{line_of(live, '  - {body')}: There is no credit type “ethical”.",
    ]


def test_an_approval_by_an_unknown_body_is_refused(reference, write):
    problems = refusal(write(people=changed(PEOPLE, "body: nysed-sw", "body: nysed")))

    assert problems == ["people.yaml:2: There is no approving body “nysed”."]


def test_an_approval_that_ends_before_it_begins_is_refused(reference, write):
    problems = refusal(write(people=changed(PEOPLE, "2028-08-31", "2025-08-31")))

    assert problems == ["people.yaml:2: The approval by aswb-ace ends before it begins."]


def test_one_id_in_two_files_is_refused_in_both(reference, write):
    problems = refusal(write(live=changed(LIVE_COURSE, "id: listening-day", "id: consent")))

    assert problems == [
        "consent.md:2: id “consent” stands in 2 places.",
        "day.md:2: id “consent” stands in 2 places.",
    ]


def test_one_address_in_two_files_is_refused_in_both(reference, write):
    live = changed(LIVE_COURSE, "title: A Day", "slug: consent\ntitle: A Day")

    problems = refusal(write(live=live))

    assert problems == [
        "consent.md:2: slug “consent” stands in 2 places.",
        "day.md:4: slug “consent” stands in 2 places.",
    ]


def test_the_address_of_another_course_is_refused(reference, write):
    CourseFactory(key="another", slug="consent")

    problems = refusal(write())

    assert problems == ["consent.md:2: Another course has the address “consent”."]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "  - slug: hollow-reed\n",
            "provider “hollow-reed” stands in 2 places.",
        ),
        ("  - slug: ada-moreno\n", "instructor “ada-moreno” stands in 2 places."),
    ],
)
def test_people_in_two_files_are_refused_in_both(reference, write, row, message):
    folder = write()
    kind = "providers" if "reed" in row else "instructors"
    begin = PEOPLE.index(row)
    end = PEOPLE.index("instructors:") if kind == "providers" else len(PEOPLE)
    (folder / "more.yaml").write_text(f"{kind}:\n{PEOPLE[begin:end]}")

    problems = refusal(folder)

    assert problems == [
        f"more.yaml:2: {message}",
        f"people.yaml:{line_of(PEOPLE, row)}: {message}",
    ]


@pytest.mark.parametrize(
    ("credits", "at", "message"),
    [
        (
            "  - {body: aswb-ace, type: ethics, hours: 2.25}\n",
            "  - {body: aswb-ace",
            "2.25 hours with ASWB ACE, but no more than 2.00 can be given "
            "(120 minutes of instruction at 60 an hour).",
        ),
        (
            "  - {body: aswb-ace, type: ethics, hours: 1.5}\n"
            "  - {body: aswb-ace, type: clinical, hours: 1}\n",
            "  - {body: aswb-ace, type: clinical",
            "2.5 hours with ASWB ACE, but no more than 2.00 can be given "
            "(120 minutes of instruction at 60 an hour).",
        ),
        (
            "  - {body: nysed-sw, type: ethics, hours: 2.5}\n",
            "  - {body: nysed-sw",
            "2.5 hours with NYSED Social Work, but no more than 2.25 can be given "
            "(120 minutes of instruction at 50 an hour).",
        ),
    ],
)
def test_more_hours_than_the_agenda_gives_are_refused(reference, write, credits, at, message):
    live = changed(LIVE_COURSE, "  - {body: aswb-ace, type: ethics, hours: 2}\n", credits)

    problems = refusal(write(live=live))

    assert problems == [f"day.md:{line_of(live, at)}: {message}"]


@pytest.mark.parametrize(
    ("credits", "at", "message"),
    [
        (
            "  - {body: nbcc-acep, type: ethics}\n",
            "  - {body: nbcc",
            "Less than a quarter hour with NBCC ACEP (8 words at 6,000 words an hour).",
        ),
        (
            "  - {body: aswb-ace, type: ethics, hours: 0.75}\n",
            "  - {body: aswb-ace",
            "0.75 hours with ASWB ACE, but no more than 0.50 can be given (Mergener formula: "
            "8 words, 2 questions, difficulty 4 of 5, 41 minutes at 60 an hour).",
        ),
        (
            "  - {body: aswb-ace, type: ethics, hours: 0.25}\n"
            "  - {body: aswb-ace, type: clinical}\n",
            "  - {body: aswb-ace, type: clinical",
            "ASWB ACE stands here twice: say the “hours” of each type.",
        ),
    ],
)
def test_more_hours_than_the_words_give_are_refused(reference, write, credits, at, message):
    text = changed(TEXT_COURSE, "  - {body: aswb-ace, type: ethics}\n", credits)

    problems = refusal(write(text=text))

    assert problems == [f"consent.md:{line_of(text, at)}: {message}"]


# --- manage.py import_courses -----------------------------------------------


def run_command(*arguments: object) -> str:
    out = StringIO()
    call_command("import_courses", *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


WITHOUT_END = changed(PEOPLE, "        valid_to: 2028-08-31\n", "")


def test_the_command_says_what_it_wrote(reference, write):
    folder = write(people=WITHOUT_END)

    first, second = run_command(folder), run_command(folder)

    assert (first, second) == (
        "Wrote 2 new and 0 known courses, 1 providers, 1 instructors.\n",
        "Wrote 0 new and 2 known courses, 1 providers, 1 instructors.\n",
    )


def test_the_command_takes_several_paths(reference, write):
    folder = write(people=WITHOUT_END)

    out = run_command(folder / "people.yaml", folder / "day.md")

    assert out == "Wrote 1 new and 0 known courses, 1 providers, 1 instructors.\n"
    assert list(Course.objects.values_list("key", flat=True)) == ["listening-day"]


def test_the_command_says_what_it_would_write(reference, write):
    out = run_command("--dry-run", write(people=WITHOUT_END))

    assert out == "Would write 2 new and 0 known courses, 1 providers, 1 instructors.\n"
    assert not Course.objects.exists()


def test_the_command_lists_every_problem_and_fails(reference, write):
    folder = write(
        text=changed(TEXT_COURSE, "price: 24", "price: free"),
        live=changed(LIVE_COURSE, "level: introductory", "level: easy"),
    )

    with pytest.raises(CommandError) as refused:
        run_command(folder)

    assert str(refused.value) == (
        "Nothing was written. 2 problems:\n"
        f"  {folder}/consent.md:{line_of(TEXT_COURSE, 'price')}: "
        "price: must be a number; here is 'free'.\n"
        f"  {folder}/day.md:{line_of(LIVE_COURSE, 'level')}: level: must be one of "
        "'introductory', 'intermediate' or 'advanced'; here is 'easy'."
    )


def test_the_command_names_a_path_that_does_not_exist(db, tmp_path):
    with pytest.raises(CommandError) as refused:
        run_command(tmp_path / "gone")

    assert str(refused.value) == (
        f"Nothing was written. 1 problem:\n  {tmp_path}/gone:1: There is no such file or folder."
    )


# --- Questions of three kinds, lessons of three kinds -----------------------


def test_the_kind_of_a_question_and_its_right_choices_are_kept(reference, write):
    text = changed(
        TEXT_COURSE,
        "    - ask: Who may take it back?\n      choices:\n        - right: The client\n"
        "        - The clinician\n",
        "    - ask: Who may take it back?\n      kind: multiple\n      choices:\n"
        "        - right: The client\n        - right: The clinician\n",
    )
    text = changed(text, "  attempts: 3\n", "  attempts: 3\n  rationales: never\n")

    load(write(text=text))

    question = Question.objects.get(ask="Who may take it back?")
    assert (question.kind, question.course.rationales) == ("multiple", "never")
    assert list(question.choices.filter(is_right=True).values_list("text", flat=True)) == [
        "The client",
        "The clinician",
    ]


MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(range(88))
VTT = b"WEBVTT\n"
VIDEO = "{#asking minutes=20 kind=video file=films/talk.mp4 captions=films/talk.vtt}"


def with_media(folder: Path, *, video: bytes = MP4) -> Path:
    (folder / "films").mkdir(exist_ok=True)
    (folder / "films" / "talk.mp4").write_bytes(video)
    (folder / "films" / "talk.vtt").write_bytes(VTT)
    return folder


def stored_files(settings) -> int:
    return sum(path.is_file() for path in settings.MEDIA_ROOT.rglob("*"))


def test_a_video_beside_the_file_is_stored_once(reference, write, settings):
    folder = with_media(write(text=changed(TEXT_COURSE, "{#asking minutes=20}", VIDEO)))
    load(folder, dry_run=True)
    assert stored_files(settings) == 0

    load(folder)
    load(folder)

    lesson = Lesson.objects.get(key="asking")
    with lesson.file.open() as file, lesson.captions.open() as captions:
        assert (lesson.kind, file.read(), captions.read()) == ("video", MP4, VTT)
    assert stored_files(settings) == 2


def test_a_new_video_takes_the_place_of_the_old(reference, write, settings):
    folder = with_media(write(text=changed(TEXT_COURSE, "{#asking minutes=20}", VIDEO)))
    load(folder)
    before = Lesson.objects.get(key="asking")

    load(with_media(folder, video=MP4 + b"more"))

    after = Lesson.objects.get(key="asking")
    assert (after.pk, after.file.name == before.file.name) == (before.pk, False)
    with after.file.open() as file:
        assert file.read() == MP4 + b"more"


def test_a_link_is_kept(reference, write):
    link = "{#asking minutes=20 kind=document link=https://papers.example/1.pdf}"

    load(write(text=changed(TEXT_COURSE, "{#asking minutes=20}", link)))

    lesson = Lesson.objects.get(key="asking")
    assert (lesson.kind, lesson.link, lesson.file.name) == (
        "document",
        "https://papers.example/1.pdf",
        "",
    )


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ("kind=film", "“film” is no kind of lesson: write text, video or document."),
        (
            "kind=video minutes=2",
            "A video has a “file=…” beside the course file or a “link=https://…”.",
        ),
        (
            "link=https://a.example/",
            "Say “kind=video” or “kind=document” with a file, link or captions.",
        ),
        ("kind=video minutes=2 link=http://a.example/", "A link begins with https://."),
        ("kind=video link=https://a.example/", "A video states its “minutes”."),
        (
            "kind=video minutes=2 file=../secret.mp4",
            "There is no file “../secret.mp4” beside the course file.",
        ),
        (
            "kind=video minutes=2 file=/etc/passwd",
            "There is no file “/etc/passwd” beside the course file.",
        ),
        (
            "kind=video minutes=2 file=day.md",
            "“day.md”: This is no MP4 or WebM video and no PDF document.",
        ),
        ("kind=document minutes=2 file=films/talk.mp4", "“films/talk.mp4” is no document."),
        (
            "kind=video minutes=2 file=films/talk.mp4 captions=day.md",
            "“day.md”: Captions are a WebVTT file; its first line says WEBVTT.",
        ),
        (
            "kind=video minutes=2 link=https://a.example/ captions=films/talk.vtt",
            "Captions belong to a video file.",
        ),
    ],
)
def test_a_lesson_that_cannot_be_is_refused_with_words(reference, write, facts, words):
    text = changed(TEXT_COURSE, "{#asking minutes=20}", "{#asking " + facts + "}")
    folder = with_media(write(text=text))
    (folder.parent / "secret.mp4").write_bytes(MP4)

    (problem,) = refusal(folder)

    assert problem.partition(": ")[2] == words


def test_a_test_that_people_must_pass_is_not_taken_out_by_a_file(reference, write):
    test = (
        "post_test:\n  pass_mark: 75\n  questions:\n    - ask: Who?\n      choices:\n"
        "        - right: The client\n        - Nobody\n      why: Because.\n"
    )
    load(write(live=changed(LIVE_COURSE, "agenda:\n", test + "agenda:\n")))
    course = Course.objects.get(key="listening-day")
    held = enrollment.enroll(
        learner=UserFactory(), course=course, session=course.sessions.first(), at=NOON
    )

    problems = refusal(write())

    assert problems == [
        "day.md:2: People are enrolled who must pass the post-test of this course. Leave it a "
        "question, or apply an edit that asks for no post-test to open enrollments first."
    ]
    enrollment.withdraw(enrollment=held, at=NOON)
    load(write())
    assert course.questions.count() == 0
