"""Words find the same courses on PostgreSQL and on SQLite, in the same order; help with words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from courses import fulltext, listing, search, shelf, words
from courses.models import (
    CourseFocusArea,
    CourseInstructor,
    FocusArea,
    Objective,
)
from courses.shelf import Wanted
from courses.tests.factories import (
    CourseFactory,
    FocusAreaFactory,
    InstructorFactory,
    TopicFactory,
)

ZONE = ZoneInfo("America/New_York")


def titles(noon, typed, **wanted):
    asked = Wanted(query=words.parse(typed), **wanted)
    by_id = dict(listing.CatalogEntry.objects.values_list("pk", "card"))
    ids = shelf.find(asked, at=noon, zone=ZONE, limit=100).course_ids
    return [by_id[pk]["title"] for pk in ids]


def listed(**fields):
    course = CourseFactory(**{"summary": "What the hour holds.", **fields})
    listing.relist([course.pk])
    return course


@pytest.fixture
def shelves(db, noon):
    """Five courses, the first published first."""
    for days, (title, summary) in enumerate(
        [
            ("CBT for Insomnia", "Sleep restriction, step by step."),
            ("Grieving Families", "Cognitive behavioral therapy after a loss."),
            ("Trauma-Informed Supervision", "How supervisors notice vicarious trauma."),
            ("Informed Consent as a Conversation", "Consent, not a form: trauma is one reason."),
            ("José Peña on Telehealth", "Clients’ homes as a setting."),
        ]
    ):
        listed(title=title, summary=summary, published_at=noon - timedelta(days=30 - days))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("insomnia", ["CBT for Insomnia"]),
        ("INSOMNIA", ["CBT for Insomnia"]),
        # Stems: grief is another word than grieving, grieve is not.
        ("grieve family", ["Grieving Families"]),
        # Synonyms, both ways; the title is worth more than the summary.
        ("CBT", ["CBT for Insomnia", "Grieving Families"]),
        ("cognitive behavioral therapy", ["CBT for Insomnia", "Grieving Families"]),
        ("telemental health", ["José Peña on Telehealth"]),
        # Accents and possessives do not matter.
        ("jose pena", ["José Peña on Telehealth"]),
        ("client’s home", ["José Peña on Telehealth"]),
        # All words; phrases; exclusion.
        ("trauma consent", ["Informed Consent as a Conversation", "Trauma-Informed Supervision"]),
        ('"informed consent"', ["Informed Consent as a Conversation"]),
        ("trauma -supervision", ["Informed Consent as a Conversation"]),
        ('trauma -"informed supervision"', ["Informed Consent as a Conversation"]),
        ("-trauma -cbt", ["José Peña on Telehealth"]),
        ('"consent informed"', []),
        ("xylophone", []),
        ("insomnia xylophone", []),
        # A phrase does not reach from one field into the next.
        ('"insomnia sleep"', []),
        # Hostile or odd, and still words.
        ("insomnia)(*:&|!", ["CBT for Insomnia"]),
        ("insom'nia\\", ["CBT for Insomnia"]),
        ("% _", 5),
        ("the of and", 5),
        ("\x00 🙂 &", 5),
    ],
)
def test_words_find(shelves, noon, typed, expected):
    FocusArea.objects.update(name="Boundaries")
    listing.rebuild()

    hits = titles(noon, typed)

    assert (len(hits) if isinstance(expected, int) else hits) == expected


def test_every_field_is_searched_and_the_title_counts_most(db, noon):
    area = FocusAreaFactory(
        slug="grief", name="Marigold care", topic=TopicFactory(slug="loss", name="Loss")
    )
    plain = {"title": "A course"}
    objective, summary, instructor, shelf_, title = [
        listed(**fields) for fields in [plain, plain | {"summary": "Marigold."}, plain, plain]
    ] + [listed(title="Marigold")]
    Objective.objects.create(course=objective, text="Name a marigold.")
    CourseInstructor.objects.create(
        course=instructor, instructor=InstructorFactory(slug="m", name="Mary Marigold")
    )
    CourseFocusArea.objects.create(course=shelf_, focus_area=area)
    listing.rebuild()

    found = shelf.find(Wanted(query=words.parse("marigolds")), at=noon, zone=ZONE).course_ids

    # Of fields that are worth the same the newer course goes first.
    assert found == [c.pk for c in (title, shelf_, instructor, summary, objective)]
    assert shelf.find(Wanted(query=words.parse("loss")), at=noon, zone=ZONE).total == 1


def test_a_phrase_does_not_reach_from_one_objective_into_the_next(db, noon):
    course = listed()
    Objective.objects.create(course=course, text="Describe marigold")
    Objective.objects.create(course=course, text="petals in spring.")
    listing.relist([course.pk])

    assert titles(noon, '"marigold petals"') == []
    assert len(titles(noon, "marigold petals")) == 1


def test_a_very_long_text_is_kept_and_found(db, noon):
    """PostgreSQL counts positions to 16,383 and keeps 256 of each word."""
    course = listed()
    Objective.objects.bulk_create(
        Objective(course=course, text=f"word {number} " + "again " * 60) for number in range(300)
    )
    Objective.objects.create(course=course, text="marigold")
    listing.relist([course.pk])

    assert len(titles(noon, "marigold")) == 1
    assert len(titles(noon, "299 again")) == 1


def test_what_was_searched_before_is_searched_anew_after_a_change(db, noon):
    listed(title="Marigold one")
    assert len(titles(noon, "marigold")) == 1

    listed(title="Marigold two")

    assert len(titles(noon, "marigold")) == 2


# --- Did you mean -----------------------------------------------------------


def corrected(noon, typed, **wanted):
    return search.correction(Wanted(**wanted), typed, at=noon, zone=ZONE)


def test_a_slip_of_the_finger_is_corrected(db, noon):
    listed(title="Anxiety in Adolescents")
    listed(title="Anxious Attachment")

    assert corrected(noon, "anxeity") == "anxiety"
    assert corrected(noon, "adolescnets anxeity") == "adolescents anxiety"
    assert corrected(noon, '"anxeity" -attachment') == '"anxiety" -attachment'


def test_of_equally_near_words_the_one_that_finds_most_is_meant(db, noon):
    listed(title="Gruff")
    listed(title="Grief in families")
    listed(title="Grief in teams")

    assert corrected(noon, "griff") == "grief"


def test_an_unfinished_word_is_finished(db, noon):
    listed(title="Trauma in schools")

    assert corrected(noon, "trau school") == "trauma school"


def test_filters_hold_for_a_correction(db, noon):
    listed(title="Anxiety")

    assert corrected(noon, "anxeity", chosen={"format": frozenset({"text"})}) == "anxiety"
    assert corrected(noon, "anxeity", chosen={"format": frozenset({"recorded"})}) is None


@pytest.mark.parametrize(
    "typed", ["", "the", "anxiety", "qqqqqqq", "zz", "\x00", "a b c d e f", "MI", "anx eit y"]
)
def test_nothing_is_corrected_without_reason(db, noon, typed):
    listed(title="Anxiety in Adolescents, with AI")

    assert corrected(noon, typed) is None


def test_short_words_are_not_replaced_without_asking(db, noon):
    """“Teens” is a good word that no course happens to hold; “anxeity” is none."""
    listed(title="Teams")
    listed(title="Anxiety")
    listed(title="Trauma")

    meant = {typed: corrected(noon, typed) for typed in ("teems", "anxeity", "trau")}
    replaced = {typed: search.may_replace(typed, better) for typed, better in meant.items()}

    assert meant == {"teems": "teams", "anxeity": "anxiety", "trau": "trauma"}
    assert replaced == {"teems": False, "anxeity": True, "trau": True}


def test_the_first_letter_is_taken_as_right(db, noon):
    listed(title="Seminar for the hollow")

    assert corrected(noon, "webinar") is None
    assert corrected(noon, "follow") is None


def test_a_correction_that_finds_nothing_is_not_offered(db, noon):
    listed(title="Anxiety")
    listed(title="Sorrow")

    assert corrected(noon, "anxeity sorrow") is None


def test_no_word_of_a_retired_course_is_offered(db, noon):
    course = listed(title="Marigold")
    assert corrected(noon, "marigolt") == "marigold"

    course.status, course.retired_at = "retired", noon
    course.save()
    listing.relist([course.pk])

    assert corrected(noon, "marigolt") is None


def test_words_that_a_rebuild_dropped_are_forgotten(db, noon):
    course = listed(title="Marigold")
    assert corrected(noon, "marigolt") == "marigold"
    course.title = "Sorrow"
    course.save()

    listing.rebuild()

    assert "marigold" not in search._known_words().lexeme_of


# --- Suggestions ------------------------------------------------------------


def test_suggestions_complete_the_last_word(db, noon):
    mindful = listed(title="Mindfulness for Clinicians")
    listed(title="Mining Towns")
    mindy = InstructorFactory(slug="m", name="Mindy Osei")
    CourseInstructor.objects.create(course=mindful, instructor=mindy)
    InstructorFactory(slug="n", name="Mindy Unannounced")
    listing.relist([mindful.pk])
    FocusAreaFactory(slug="mind", name="Mindfulness-based interventions")
    listing.relabel()

    found = search.suggest("mindf", at=noon, zone=ZONE)

    assert found.courses == [("Mindfulness for Clinicians", mindful.slug)]
    assert found.places == [("Mindfulness-based interventions", "focus", "mind")]
    assert found.instructors == []
    assert search.suggest("mind", at=noon, zone=ZONE).instructors == [("Mindy Osei", "m")]
    assert search.suggest("clinicians mindf", at=noon, zone=ZONE).courses == found.courses
    assert search.suggest("towns mindf", at=noon, zone=ZONE).courses == []
    # Only wanted words are finished.
    assert search.suggest("towns -mindf", at=noon, zone=ZONE).courses[0][0] == "Mining Towns"
    # A slip of the finger does not matter here either.
    assert search.suggest("mindfulnes clinicains", at=noon, zone=ZONE).courses == found.courses


@pytest.mark.parametrize("typed", ["", "m", "the", "\x00", "-min", '"', "qqqqqqqq", "x" * 5000])
def test_suggestions_survive_anything(db, noon, typed):
    listed(title="Mindfulness")

    assert search.suggest(typed, at=noon, zone=ZONE).courses == []


def test_nothing_that_is_not_in_the_catalog_is_suggested(db, noon):
    listed(title="Mindfulness drafted", status="draft", published_at=None)
    listed(title="Mindfulness retired", status="retired", retired_at=noon)
    lapsed = listed(title="Mindfulness lapsed")
    lapsed.provider.approvals.update(valid_to=date(2026, 1, 1))
    listing.relist([lapsed.pk])

    assert search.suggest("mindfulness", at=noon, zone=ZONE).courses == []


def test_a_slow_word_keeps_nobody_waiting(db, noon, monkeypatch):
    """While the database looks a word up, another thread can read the catalog."""
    listed(title="Marigold")
    find, could_read = fulltext.find, []

    def read():
        free = shelf._lock.acquire(timeout=2)
        if free:
            shelf._lock.release()
        return free

    def find_slowly(group):
        with ThreadPoolExecutor(max_workers=1) as pool:
            could_read.append(pool.submit(read).result())
        return find(group)

    monkeypatch.setattr(fulltext, "find", find_slowly)

    assert titles(noon, "marigold") == ["Marigold"]
    assert could_read == [True]
