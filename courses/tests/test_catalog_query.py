"""What is understood of a query string, what is said of the rest, how it is written again."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.http import QueryDict

from courses import listing, words
from courses.forms import CatalogQuery
from courses.tests.factories import CourseFactory, FocusAreaFactory, TopicFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_course():
    """One course, so that the catalog knows ethics, consent, aswb-ace, ada-moreno, ..."""
    course = CourseFactory()
    listing.relist([course.pk])
    listing.relabel()


def read(query: str) -> CatalogQuery:
    return CatalogQuery(QueryDict(query))


def labels(asked: CatalogQuery) -> list[tuple[str, str]]:
    return [(chip.facet, chip.label) for chip in asked.chips]


# --- Understood -------------------------------------------------------------


def test_everything_at_once_is_understood():
    asked = read(
        "q=informed+consent&topic=ethics&focus=consent&board=aswb-ace&type=ethics&format=text"
        "&format=recorded&method=reading&level=introductory&price=under-50&language=english"
        "&access=captions&provider=hollow-reed&instructor=ada-moreno&hours_from=1&hours_to=2.5"
        "&live_from=2026-03-01&live_until=2026-03-31&on_demand=yes&sort=title&page=3"
    )

    wanted = asked.wanted
    assert wanted.query == words.parse("informed consent")
    assert wanted.chosen == {
        "topic": {"ethics"},
        "focus": {"consent"},
        "board": {"aswb-ace"},
        "type": {"ethics"},
        "format": {"text", "recorded"},
        "method": {"reading"},
        "level": {"introductory"},
        "price": {"under-50"},
        "language": {"english"},
        "access": {"captions"},
        "provider": {"hollow-reed"},
        "instructor": {"ada-moreno"},
    }
    assert (wanted.hours_from, wanted.hours_to) == (Decimal(1), Decimal("2.5"))
    assert (wanted.live_from, wanted.live_until) == (date(2026, 3, 1), date(2026, 3, 31))
    assert (wanted.on_demand, wanted.sort, asked.page, asked.notes) == (True, "title", 3, [])


def test_nothing_asks_for_nothing():
    asked = read("")

    assert not asked.wanted.query
    assert asked.wanted.chosen == {}
    assert (asked.wanted.sort, asked.page, asked.notes, asked.chips) == ("newest", 1, [], [])
    assert asked.query_string == ""


@pytest.mark.parametrize(
    ("query", "sort"),
    [
        ("", "newest"),
        ("q=consent", "relevance"),
        ("q=-consent", "newest"),
        ("q=the", "newest"),
        ("sort=relevance", "newest"),
        ("sort=relevance&q=consent", "relevance"),
        ("sort=newest&q=consent", "newest"),
        ("sort=nonsense&q=consent", "relevance"),
        ("sort=soonest", "soonest"),
        ("sort=", "newest"),
    ],
)
def test_the_order_is_relevance_with_words_and_newest_without(query, sort):
    asked = read(query)

    assert asked.sort_by == asked.wanted.sort == sort
    assert [name for _, name, is_chosen in asked.sorts if is_chosen] == [
        {"newest": "Newest", "relevance": "Relevance", "soonest": "Soonest live date"}[sort]
    ]


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("", 1),
        ("2", 2),
        ("0", 1),
        ("-1", 1),
        ("abc", 1),
        ("1.5", 1),
        ("²", 1),
        ("٣", 1),
        ("1000000000", 1),
        ("999999999", 999_999_999),
        ("9" * 5000, 1),
    ],
)
def test_a_page_is_a_number_from_one_on(text, page):
    query = QueryDict(mutable=True)
    query["page"] = text

    assert CatalogQuery(query).page == page


def test_values_that_the_catalog_does_not_know_are_passed_over():
    asked = read(
        "format=nonsense&format=text&topic=nope&board=999&focus=%00&unknown=1&FORMAT=hybrid"
    )

    assert asked.wanted.chosen == {"format": {"text"}}
    assert asked.notes == []


def test_of_each_facet_so_many_values_are_read():
    asked = read("&".join(f"format=x{number}" for number in range(50)) + "&format=text")

    assert asked.wanted.chosen == {}


# --- Left out, and said so --------------------------------------------------


@pytest.mark.parametrize(
    ("query", "note"),
    [
        (
            "live_from=2026-03-31&live_until=2026-03-01",
            "“Live until” is before “Live from”: the dates were left out.",
        ),
        ("live_from=2026-02-30", "“2026-02-30” is not a date, so “Live from” was left out."),
        ("live_until=soon", "“soon” is not a date, so “Live until” was left out."),
        ("live_from=0000-01-01", "“0000-01-01” is not a date, so “Live from” was left out."),
        ("live_from=0001-01-01", "“0001-01-01” is too far off, so “Live from” was left out."),
        ("live_until=9999-12-31", "“9999-12-31” is too far off, so “Live until” was left out."),
        ("hours_from=abc", "“abc” is not a number of hours, so it was left out."),
        ("hours_from=1e400", "“1e400” is not a number of hours, so it was left out."),
        ("hours_to=NaN", "“NaN” is not a number of hours, so it was left out."),
        ("hours_to=-Infinity", "“-Infinity” is not a number of hours, so it was left out."),
        ("hours_from=-1", "“-1” is not a number of hours, so it was left out."),
        (
            "hours_from=3&hours_to=2",
            "“From” is more than “To”: the hours were left out.",
        ),
        ("q=the+of", "“the of” is too common to search for."),
        ("q=%25", "“%” has no word to search for."),
    ],
)
def test_what_is_not_understood_is_left_out_and_said(query, note):
    asked = read(query)

    wanted = asked.wanted
    assert asked.notes == [note]
    assert asked.chips == []
    assert not wanted.query
    assert {wanted.hours_from, wanted.hours_to, wanted.live_from, wanted.live_until} == {None}


def test_a_note_does_not_grow_with_what_was_typed():
    asked = read("q=" + "%25" * 150)

    assert asked.notes == [f"“{'%' * 60}…” has no word to search for."]


@pytest.mark.parametrize(
    "text",
    [
        "consent " * 625,
        "c" * 5000,
        " ".join(f"word{number}" for number in range(13)),
    ],
)
def test_a_long_question_is_cut_and_reads_the_same_from_the_next_page(text):
    query = QueryDict(mutable=True)
    query["q"] = text

    first = CatalogQuery(query)
    second = read(first.query_string)

    assert first.notes == [
        "Only the first 12 words are searched for, and of a long text the first 200 characters."
    ]
    assert len(first.q) <= 200
    assert first.wanted.query
    assert second.wanted == first.wanted


def test_what_was_typed_comes_back_as_far_as_a_field_can_show_it():
    asked = read("hours_from=abc&hours_to=2&live_from=abc&live_until=02/28/2026&q=a%00b%1F")

    assert asked.typed == {
        "hours_from": "abc",
        "hours_to": "2",
        "live_from": "",
        "live_until": "2026-02-28",
    }
    assert asked.q == "a b"


# --- Written again ----------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "shortest"),
    [
        ("q=+consent+&sort=&page=2&hours_from=", "q=consent"),
        ("format=text&format=text&format=nope", "format=text"),
        ("format=recorded&format=text&topic=ethics", "topic=ethics&format=recorded&format=text"),
        ("format=text&topic=ethics&format=recorded", "topic=ethics&format=recorded&format=text"),
        ("sort=newest", ""),
        ("sort=relevance&q=consent", "q=consent"),
        ("sort=newest&q=consent", "q=consent&sort=newest"),
        ("hours_to=2&hours_from=1.50", "hours_from=1.50&hours_to=2"),
        ("hours_to=1&hours_from=2", ""),
        ("on_demand=yes&live_from=02/01/2026", "live_from=2026-02-01&on_demand=yes"),
        ("on_demand=no", ""),
        ("q=%26%3D%23+x", "q=%26%3D%23+x"),
    ],
)
def test_the_same_question_is_always_written_the_same(query, shortest):
    asked = read(query)

    assert asked.query_string == shortest
    assert read(shortest).wanted == asked.wanted


# --- Chips ------------------------------------------------------------------


def test_each_filter_in_force_has_a_chip_that_takes_it_away():
    asked = read("q=consent&topic=ethics&format=text&format=recorded&page=3&sort=title")

    assert [(chip.facet, chip.label, chip.query) for chip in asked.chips] == [
        ("Words", "consent", "topic=ethics&format=recorded&format=text&sort=title"),
        ("Topic", "Ethics", "q=consent&format=recorded&format=text&sort=title"),
        ("Format", "Recorded", "q=consent&topic=ethics&format=text&sort=title"),
        ("Format", "Text-based", "q=consent&topic=ethics&format=recorded&sort=title"),
    ]


@pytest.mark.parametrize(
    ("query", "chip"),
    [
        ("hours_from=1.50", ("Hours", "1.5 h or more")),
        ("hours_to=6", ("Hours", "up to 6 h")),
        ("hours_from=0&hours_to=6", ("Hours", "0 to 6 h")),
        ("live_from=2026-01-20", ("Live", "from Jan 20, 2026")),
        ("live_until=2026-03-31", ("Live", "until Mar 31, 2026")),
        (
            "live_from=2026-01-20&live_until=2026-03-31&on_demand=yes",
            ("Live", "Jan 20, 2026 to Mar 31, 2026, or on demand"),
        ),
        ("q=%22informed+consent%22+-ethics", ("Words", '"informed consent" -ethics')),
    ],
)
def test_a_chip_says_what_is_in_force(query, chip):
    asked = read(query)

    assert labels(asked) == [chip]
    assert asked.chips[0].query == ""


def test_a_chip_does_not_grow_with_what_was_typed():
    assert labels(read("q=" + "x" * 200)) == [("Words", f"{'x' * 60}…")]


def test_a_slug_that_two_facets_share_is_taken_away_from_one():
    """Ethics is a topic and a credit type."""
    asked = read("topic=ethics&type=ethics")

    assert [chip.query for chip in asked.chips] == ["type=ethics", "topic=ethics"]


def test_choices_come_in_the_order_of_the_page():
    topic = TopicFactory(slug="advocacy", name="Advocacy", position=9)
    FocusAreaFactory(topic=topic, slug="policy", name="Policy", position=1)
    FocusAreaFactory(topic=topic, slug="parity", name="Parity", position=0)
    listing.relabel()

    asked = read("focus=policy&focus=parity&topic=advocacy&topic=ethics")

    assert labels(asked) == [
        ("Topic", "Ethics"),
        ("Topic", "Advocacy"),
        ("Focus area", "Parity"),
        ("Focus area", "Policy"),
    ]
