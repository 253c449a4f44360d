"""The catalog's page: what it finds, counts, offers and refuses to choke on."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from html import escape, unescape
from importlib import import_module
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import UserFactory
from courses import listing, search, shelf, tallies
from courses.models import Approval, Course, CourseFocusArea, CourseInstructor, ShortlistItem
from courses.tests.factories import (
    CourseFactory,
    EnrollmentFactory,
    FocusAreaFactory,
    InstructorFactory,
    ProviderFactory,
    SessionFactory,
    TopicFactory,
)

pytestmark = pytest.mark.django_db

# By name: the view of the same name hides its module.
page_module = import_module("courses.views.catalog")

DAY = timedelta(days=1)
HTMX = {"HX-Request": "true"}
RESTORE = {"HX-Request": "true", "HX-History-Restore-Request": "true"}


def listed(*courses: Course) -> None:
    listing.relist([course.pk for course in courses])
    listing.relabel()


def catalog(client: Client, query: str = "", **headers):
    return client.get(f"{reverse('courses:catalog')}?{query}", **headers)


def titles(response) -> list[str]:
    """Of the cards, in their order."""
    return [
        unescape(title) for title in re.findall(r'stretched-link"[^>]*>(.*?)</a>', response.text)
    ]


def choices(response, facet: str) -> dict[str, tuple[str, bool]]:
    """Of a facet, by slug: the count, and whether it is ticked."""
    row = re.compile(
        rf'id="{facet}-([^"]*)" name="{facet}" value="[^"]*"([^>]*)>.*?choice-n">(\d+)', re.DOTALL
    )
    return {
        slug: (int(count), "checked" in state) for slug, state, count in row.findall(response.text)
    }


# --- What is found ----------------------------------------------------------


def test_the_catalog_shows_published_courses_and_no_others(client):
    shown = CourseFactory(title="In the catalog")
    listed(shown, CourseFactory(title="Draft", draft=True), CourseFactory(retired=True))

    response = catalog(client)

    assert titles(response) == ["In the catalog"]
    assert "1 course, each with its hours board by board." in response.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=alliance", ["Alliance repair"]),
        ("q=ALLIANCE+repair", ["Alliance repair"]),
        ("q=alliance+sleep", []),
        ("q=moreno", ["Alliance repair", "Sleep"]),
        ("q=informed+consent", ["Alliance repair", "Sleep"]),
        ("q=-sleep", ["Alliance repair"]),
        ("format=recorded", ["Sleep"]),
        ("format=recorded&format=text", ["Alliance repair", "Sleep"]),
        ("topic=ethics", ["Alliance repair", "Sleep"]),
        ("focus=consent&format=text", ["Alliance repair"]),
        ("focus=consent&topic=ethics&q=sleep", ["Sleep"]),
        ("hours_from=2", ["Sleep"]),
        ("hours_to=1.5", ["Alliance repair"]),
        ("price=free", ["Sleep"]),
        ("level=advanced&price=free", []),
        ("access=captions", ["Sleep"]),
    ],
)
def test_the_catalog_is_narrowed_by_words_and_filters(client, query, found):
    listed(
        CourseFactory(title="Alliance repair"),
        CourseFactory(title="Sleep", format="recorded", hours=3, price=0, captions=True),
    )

    response = catalog(client, query)

    own = response.text.partition("Nearest matches")[0]
    assert sorted(re.findall(r'stretched-link"[^>]*>(?:<mark>)?(Alliance|Sleep)', own)) == [
        title.split()[0] for title in found
    ]


def test_words_that_were_looked_for_are_marked(client):
    listed(CourseFactory(title="Alliance repair"))

    assert titles(catalog(client, "q=repair")) == ["Alliance <mark>repair</mark>"]


def test_live_dates_are_days_in_the_readers_zone_and_on_demand_may_be_included(client):
    reader = UserFactory(time_zone="Asia/Tokyo")
    starts_at = timezone.now().replace(hour=20, minute=0) + 9 * DAY  # the next morning in Tokyo
    listed(
        SessionFactory(course=CourseFactory(title="Live", live=True), starts_at=starts_at).course,
        CourseFactory(title="Whenever"),
    )
    day = starts_at.date()

    def on(day: date, more: str = "") -> list[str]:
        return sorted(titles(catalog(client, f"live_from={day}&live_until={day}{more}")))

    assert (on(day), on(day + DAY)) == (["Live"], [])
    assert on(day, "&on_demand=yes") == ["Live", "Whenever"]
    client.force_login(reader)
    assert (on(day)[:1], on(day + DAY)) == ([], ["Live"])


def test_the_catalog_is_sorted_as_asked(client):
    now = timezone.now()
    late = CourseFactory(title="b late", live=True, hours=3, published_at=now - DAY)
    soon = CourseFactory(title="C soon", live=True, hours=2, published_at=now - 2 * DAY)
    whenever = CourseFactory(title="A whenever", hours=1, published_at=now - 3 * DAY)
    SessionFactory(course=late, starts_at=now + 9 * DAY)
    SessionFactory(course=soon, starts_at=now + 2 * DAY)
    listed(late, soon, whenever)

    orders = {
        sort: "".join(
            title[0].upper() for title in titles(catalog(client, sort and f"sort={sort}"))
        )
        for sort in ("", "newest", "soonest", "title", "shortest", "longest")
    }

    assert orders == {
        "": "BCA",
        "newest": "BCA",
        "soonest": "CBA",
        "title": "ABC",
        "shortest": "ACB",
        "longest": "BCA",
    }


def test_with_words_the_best_match_goes_first(client):
    now = timezone.now()
    listed(
        CourseFactory(title="Sleep", published_at=now - 2 * DAY),
        CourseFactory(title="Rest", summary="For those who sleep badly.", published_at=now - DAY),
    )

    assert titles(catalog(client, "q=sleep")) == ["<mark>Sleep</mark>", "Rest"]
    assert titles(catalog(client, "q=sleep&sort=newest")) == ["Rest", "<mark>Sleep</mark>"]


# --- Pages ------------------------------------------------------------------


@pytest.fixture
def three_pages(monkeypatch):
    """Five courses, A to E, two to a page."""
    monkeypatch.setattr(page_module, "PAGE_SIZE", 2)
    listed(*(CourseFactory(title=title) for title in "ABCDE"))


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("1", "AB"),
        ("2", "CD"),
        ("3", "E"),
        ("4", "E"),
        ("0", "AB"),
        ("-1", "AB"),
        ("abc", "AB"),
        ("1000000000", "AB"),
        ("999999999", "E"),
    ],
)
def test_pages_go_by_number_and_end_with_the_last(client, three_pages, page, shown):
    assert "".join(titles(catalog(client, f"sort=title&page={page}"))) == shown


def test_a_page_leads_to_its_neighbors_with_the_same_question(client, three_pages):
    text = catalog(client, "page=2&sort=title&hours_from=1&format=nonsense").text

    assert 'href="?hours_from=1&amp;sort=title&amp;page=1" rel="prev"' in text
    assert 'href="?hours_from=1&amp;sort=title&amp;page=3" rel="next"' in text


def test_there_are_so_many_pages_and_the_page_says_so(client, three_pages, monkeypatch):
    monkeypatch.setattr(page_module, "MAX_PAGES", 2)

    response = catalog(client, "sort=title&page=3")

    assert titles(response) == ["C", "D"]
    assert "5 courses" in response.text
    assert "Only the first 4 are shown." in response.text


# --- Counts -----------------------------------------------------------------


def test_each_choice_has_its_count_with_all_other_filters_applied(client):
    listed(
        CourseFactory(format="text", level="introductory"),
        CourseFactory(format="recorded", level="introductory"),
        CourseFactory(format="recorded", level="advanced"),
    )

    response = catalog(client, "format=recorded&level=introductory")

    assert choices(response, "format") == {
        "in-person": (0, False),
        "live-webinar": (0, False),
        "recorded": (1, True),
        "text": (1, False),
        "hybrid": (0, False),
    }
    assert choices(response, "level") == {
        "introductory": (1, True),
        "intermediate": (0, False),
        "advanced": (1, False),
    }
    assert choices(response, "board") == {"aswb-ace": (1, False)}
    assert choices(response, "on_demand") == {"yes": (1, False)}
    rows = re.findall(r'<label class="choice(.*?)"><input [^>]* id="format-(.*?)"', response.text)
    assert rows == [
        (" choice-quiet", "in-person"),
        (" choice-quiet", "live-webinar"),
        ("", "recorded"),
        ("", "text"),
        (" choice-quiet", "hybrid"),
    ]


def test_the_tree_opens_where_a_focus_area_is_chosen(client):
    other = FocusAreaFactory(
        topic=TopicFactory(slug="advocacy", name="Advocacy"), slug="policy", name="Policy"
    )
    course = CourseFactory()
    CourseFocusArea.objects.create(course=course, focus_area=other, position=1)
    listed(course)

    response = catalog(client, "focus=consent")

    assert choices(response, "topic") == {"ethics": (1, False), "advocacy": (1, False)}
    assert choices(response, "focus") == {"consent": (1, True), "policy": (1, False)}
    assert '<details id="areas-ethics" open>' in response.text
    assert '<details id="areas-advocacy">' in response.text
    assert 'id="topic-ethics" name="topic" value="ethics" data-indeterminate' in response.text


def test_of_providers_and_instructors_only_the_most_frequent_are_named_and_those_chosen(client):
    courses = [CourseFactory() for _ in range(2)]
    for number in range(12):
        person = InstructorFactory(slug=f"person-{number}", name=f"Person {number:02}")
        for course in courses[: 1 + (number == 11)]:
            CourseInstructor.objects.create(course=course, instructor=person, position=number)
    listed(*courses)

    named = choices(catalog(client, "instructor=person-10"), "instructor")

    assert len(named) == 9
    assert list(named)[:2] == ["ada-moreno", "person-11"]
    assert named["person-10"] == (1, True)


def test_what_is_collapsed_opens_where_something_is_chosen(client):
    listed(CourseFactory())

    text = catalog(client, "method=reading").text

    closed = re.findall(r'<details class="facet" id="[^"]*">\s*<summary>(.*?)<', text)
    assert closed == ["Language", "Access", "Provider", "Instructor"]


def test_what_was_typed_is_in_its_field_again(client):
    listed(CourseFactory())

    text = catalog(
        client, urlencode({"q": '"a" <b>', "hours_from": "<1", "live_until": "2026-03-01"})
    ).text

    assert 'value="&quot;a&quot; &lt;b&gt;"' in text
    assert 'name="hours_from" value="&lt;1"' in text
    assert 'name="live_until" value="2026-03-01"' in text
    assert "“&lt;1” is not a number of hours, so it was left out." in text


# --- Nothing, or little, is found -------------------------------------------


def test_mistyped_words_are_corrected_when_nothing_holds_them(client):
    listed(CourseFactory(title="Anxiety in children"))

    response = catalog(client, "q=anxeity&format=text")

    assert titles(response) == ["<mark>Anxiety</mark> in children"]
    assert (
        "No courses match “anxeity”. Showing results for "
        '<a href="/courses/?q=anxiety&amp;format=text">“anxiety”</a>.'
    ) in response.text
    assert choices(response, "format")["text"] == (1, True)


@pytest.mark.parametrize(
    ("query", "asked_instead"),
    [
        # Little is found, or nothing because of a filter.
        ("q=anxeity&format=recorded", "q=anxiety&format=recorded"),
        ("q=sleep&format=text", "q=anxiety&format=text"),
    ],
)
def test_words_that_may_be_mistyped_come_with_a_question(client, monkeypatch, query, asked_instead):
    listed(CourseFactory(title="Anxiety"), CourseFactory(title="Sleep"))
    monkeypatch.setattr(search, "correction", lambda wanted, typed, *, at, zone: "anxiety")

    response = catalog(client, query)

    link = f'<a href="/courses/?{escape(asked_instead)}">anxiety</a>'
    assert f"Did you mean {link}?" in response.text
    assert "Showing results for" not in response.text


def test_words_that_are_right_are_not_corrected(client):
    listed(CourseFactory(title="Anxiety"), CourseFactory(title="Sleep"))

    response = catalog(client, "q=anxiety+sleep")

    assert "Did you mean" not in response.text
    assert "Showing results for" not in response.text
    assert "No courses match" in response.text


def test_the_empty_page_says_what_to_drop_and_what_comes_near(client):
    listed(
        CourseFactory(title="Recorded and free", format="recorded", price=0),
        CourseFactory(title="Long", format="text", price=0, hours=6),
        CourseFactory(title="Long, too", format="text", price=0, hours=7),
    )

    response = catalog(client, "format=recorded&price=free&hours_from=6&level=introductory")

    ways = re.findall(r'<a href="([^"]*)">Drop “(.*?)”</a> <span>(.*?)</span>', response.text)
    assert [(unescape(address), *rest) for address, *rest in ways] == [
        ("/courses/?level=introductory&price=free&hours_from=6", "Recorded", "2 courses"),
        ("/courses/?format=recorded&level=introductory&price=free", "6 h or more", "1 course"),
    ]
    nearest = response.text.partition("Nearest matches")[2]
    assert "Recorded and free" in nearest
    assert "Clear all filters" in response.text


def test_the_empty_page_says_which_word_to_drop(client):
    listed(CourseFactory(title="Marigolds in spring"), CourseFactory(title="Marigolds indoors"))

    response = catalog(client, "q=marigolds+quokka+-spring&level=introductory")

    ways = re.findall(r'<a href="([^"]*)">Drop “(.*?)”</a> <span>(.*?)</span>', response.text)
    assert [(unescape(address), *rest) for address, *rest in ways] == [
        ("/courses/?q=marigolds+-spring&level=introductory", "quokka", "1 course"),
        ("/courses/?level=introductory", "marigolds quokka -spring", "2 courses"),
    ][::-1]


def test_the_empty_page_for_words_alone_leads_to_the_topics(client):
    listed(CourseFactory(title="Sleep"))

    unknown = catalog(client, "q=xqzvvk&sort=title")
    filtered = catalog(client, "q=xqzvvk&format=text")

    lead = "No course holds these words. Try other words, or browse by topic:"
    topic = '<a href="/courses/topics/ethics/"><span class="topic t-ethics">Ethics</span></a>'
    assert [text in unknown.text for text in (lead, topic, "Drop “")] == [True, True, False]
    assert [text in filtered.text for text in (lead, topic, "Drop “")] == [False, False, True]


@pytest.mark.parametrize(
    ("query", "offered"),
    [
        ("q=SPANISH", ("language=spanish", "in Spanish (1)")),
        ("q=spanish&level=introductory", ("level=introductory&language=spanish", "in Spanish (1)")),
        ("q=spanish&language=english", ("language=spanish", "in Spanish (1)")),
        ("q=live-webinar", ("format=live-webinar", "in the format “Live interactive webinar” (1)")),
        ("q=webinar", ("format=live-webinar", "in the format “Live interactive webinar” (1)")),
        ("q=aswb", ("board=aswb-ace", "with credit for ASWB ACE (2)")),
        ("q=spanish&level=advanced", None),
        ("q=french", None),
        ("q=spanish+-sleep", None),
    ],
)
def test_words_that_name_a_filter_lead_to_it(client, query, offered):
    listed(CourseFactory(title="Sleep", language="Spanish"), CourseFactory(title="Rest", live=True))

    found = re.findall(
        r'<a href="/courses/\?([^"]*)">Show courses (.*?)</a>', catalog(client, query).text
    )

    assert [(unescape(address), name) for address, name in found] == [offered] * bool(offered)


def test_a_topic_that_goes_while_the_page_is_made_does_not_break_it(client, monkeypatch):
    listed(CourseFactory(title="Sleep"))
    find = shelf.find

    def find_after_the_change(*args, **options):
        found = find(*args, **options)
        return replace(found, counts=dict.fromkeys(found.counts, {}))

    monkeypatch.setattr(shelf, "find", find_after_the_change)

    response = catalog(client)

    assert titles(response) == ["Sleep"]
    assert choices(response, "topic") == {"ethics": (0, False)}
    assert choices(response, "focus") == {"consent": (0, False)}


def test_an_empty_catalog_says_that_it_is_being_prepared(client):
    response = catalog(client)

    assert response.status_code == 200
    assert "The first courses are being prepared." in response.text


# --- Bad input --------------------------------------------------------------

HOSTILE_WORDS = [
    "consent " * 625,
    "é" * 5000,
    "the of and",
    '"informed consent',
    '""" " "',
    "%",
    "_",
    "\\",
    "'",
    '"',
    "&",
    "|",
    "!",
    "(",
    ")",
    ":",
    "*",
    "&|!():*",
    "consent & !(a | b:*) <-> ''",
    "NEAR(consent AND OR NOT *",
    "title:consent",
    "\0",
    "con\0sent",
    "\x1b\x7f\u2028",
    "😀",
    "اختبار موافقة",
    "\u202econsent\u202d",
    "-consent",
    "--",
    "-" * 200,
    '-"',
    "\ud7ff\uffff",
    "{{ asked }} {% url %} ${x}",
    "<script>alert(1)</script>",
]


@pytest.mark.parametrize("words", HOSTILE_WORDS)
def test_no_words_make_the_catalog_fail(client, words):
    listed(CourseFactory(title="Informed consent"))

    whole = client.get(reverse("courses:catalog"), {"q": words})
    part = client.get(reverse("courses:catalog"), {"q": words}, headers=HTMX)
    suggested = client.get(reverse("courses:suggest"), {"q": words})

    assert [r.status_code for r in (whole, part, suggested)] == [200, 200, 200]
    assert "<script>alert" not in whole.text + part.text + suggested.text
    assert "\0" not in whole.text + part.text


@pytest.mark.parametrize(
    "query",
    [
        "format=nonsense",
        "topic=nonsense&focus=%00",
        "board=999999&instructor=-1&provider=1",
        "sort=nonsense",
        "page=0",
        "page=-1",
        "page=1000000000",
        "page=abc",
        "page=%F0%9F%98%80",
        "q=%20%20",
        "q=%FF%FE",
        "&".join(f"{facet}=x{number}" for facet in ("format", "topic") for number in range(100)),
        "unknown=1",
        "live_from=2026-03-31&live_until=2026-03-01",
        "live_from=0000-00-00",
        "live_until=0000-01-01",
        "live_from=0001-01-01&live_until=9999-12-31",
        "live_from=%00",
        "hours_from=1e400",
        "hours_from=NaN&hours_to=sNaN",
        "hours_to=-Infinity",
        "hours_from=9&hours_to=1",
        "hours_from=" + "9" * 5000,
        "hours_from=1e-400",
        "on_demand=maybe",
        "on_demand=yes",
        "q[]=a&format[]=text",
    ],
)
def test_nonsense_filters_nothing_and_never_fails(client, query):
    listed(CourseFactory(title="In the catalog"))

    whole = catalog(client, query)
    part = catalog(client, query, headers=HTMX)

    assert (whole.status_code, titles(whole)) == (200, ["In the catalog"])
    assert (part.status_code, titles(part)) == (200, ["In the catalog"])


def test_two_hundred_filters_at_once_are_all_in_force(client):
    areas = [FocusAreaFactory(slug=f"area-{number}", name=f"Area {number}") for number in range(45)]
    people = [
        InstructorFactory(slug=f"person-{number}", name=f"P {number}") for number in range(45)
    ]
    for number in range(45):
        ProviderFactory(slug=f"house-{number}", name=f"House {number}")
    listed(CourseFactory())
    query = "&".join(
        [
            *(f"focus={area.slug}" for area in areas),
            *(f"instructor={person.slug}" for person in people),
            *(f"provider=house-{number}" for number in range(45)),
            *(f"format={value}" for value in Course.Format.values),
            *(f"level={value}" for value in Course.Level.values),
            *(f"format=x{number}" for number in range(45)),
            *(f"level=x{number}" for number in range(45)),
        ]
    )

    response = catalog(client, query)

    assert response.status_code == 200
    assert len(response.context["asked"].chips) == 143
    assert "No courses match" in response.text


def test_a_value_that_is_no_choice_does_not_spoil_the_others(client):
    listed(CourseFactory(title="Text"), CourseFactory(title="Recorded", format="recorded"))

    assert titles(catalog(client, "format=recorded&format=nonsense")) == ["Recorded"]


# --- htmx -------------------------------------------------------------------


def test_htmx_gets_the_fragment_and_a_restored_page_gets_the_page(client):
    listed(CourseFactory())

    page = catalog(client)
    fragment = catalog(client, headers=HTMX)
    restored = catalog(client, headers=RESTORE)

    assert [("<html" in r.text) for r in (page, fragment, restored)] == [True, False, True]
    assert [("hx-swap-oob" in r.text) for r in (page, fragment, restored)] == [False, True, False]
    assert all("HX-Request" in r.headers["Vary"] for r in (page, fragment, restored))


def test_htmx_gets_every_count_with_the_results_but_no_field_that_is_typed_in(client):
    listed(CourseFactory(), CourseFactory(format="recorded"))

    page = catalog(client, "format=text")
    fragment = catalog(client, "format=text", headers=HTMX)

    swapped = set(
        re.findall(r'<(?:div|span|p) id="([^"]*)" hx-swap-oob="innerHTML"', fragment.text)
    )
    there = set(re.findall(r' id="((?:facet-|filters-count|catalog-count)[^"]*)"', page.text))
    assert swapped == there
    assert len(swapped) == 15
    for facet in ("topic", "format", "board", "instructor", "on_demand"):
        assert choices(fragment, facet) == choices(page, facet) != {}
    assert not re.search(r'name="(q|hours_from|hours_to|live_from|live_until)"', fragment.text)
    assert '<p id="catalog-count" hx-swap-oob="innerHTML">1 course</p>' in fragment.text
    assert '<span id="filters-count" hx-swap-oob="innerHTML">1 course</span>' in fragment.text


def test_what_was_left_out_is_announced_with_the_count(client):
    listed(CourseFactory())

    fragment = catalog(client, "hours_from=abc", headers=HTMX)

    assert "1 course. “abc” is not a number of hours, so it was left out.</p>" in fragment.text


def test_after_turning_the_page_the_count_has_the_focus(client):
    listed(CourseFactory())

    narrowed = catalog(client, headers=HTMX)
    turned = catalog(client, headers={**HTMX, "HX-Boosted": "true"})

    assert ("autofocus" in narrowed.text, "autofocus" in turned.text) == (False, True)


def test_htmx_is_told_the_address_in_its_one_form(client, three_pages):
    first = catalog(client, "q=&hours_from=1&format=text&page=1&utm=x", headers=HTMX)
    second = catalog(client, "sort=title&page=2", headers={**HTMX, "HX-Boosted": "true"})
    plain = catalog(client, "page=77", headers=HTMX)
    restored = catalog(client, "sort=title", headers=RESTORE)

    assert first.headers["HX-Push-Url"] == "/courses/?format=text&hours_from=1"
    assert second.headers["HX-Push-Url"] == "/courses/?sort=title&page=2"
    assert plain.headers["HX-Push-Url"] == "/courses/?page=3"
    assert "HX-Push-Url" not in restored.headers


def test_a_link_to_another_question_brings_every_field_with_it(client):
    listed(CourseFactory())

    fragment = catalog(
        client,
        "q=consent&hours_to=3&live_until=2199-01-01&on_demand=yes",
        headers={**HTMX, "HX-Boosted": "true"},
    ).text

    swapped = re.findall(r'<(?:div|span|p) id="([^"]*)" hx-swap-oob="innerHTML"', fragment)
    assert swapped == ["search-box", "filter-box", "catalog-count"]
    fields = dict(re.findall(r'<input [^>]*name="(\w+)" value="([^"]*)"', fragment))
    assert {name: fields[name] for name in ("q", "hours_from", "hours_to", "live_until")} == {
        "q": "consent",
        "hours_from": "",
        "hours_to": "3",
        "live_until": "2199-01-01",
    }
    page = catalog(client, "q=consent").text
    assert [page.count(f'id="{name}"') for name in swapped] == [1, 1, 1]
    for link in ('<ul class="chips"', '<p class="said"'):
        assert (
            f'{link} hx-boost="true" hx-target="#catalog-results"'
            in catalog(client, "q=consnet").text
        )


# --- Addresses --------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "address"),
    [
        ("q=&hours_from=&sort=", ""),
        ("format=text&q=consent&hours_to=&page=2", "?q=consent&format=text&page=2"),
        ("on_demand=yes&live_from=&q=", "?on_demand=yes"),
        # What is left out is said, or was not from our form.
        ("q=&hours_from=abc", None),
        ("q=&live_from=0001-01-01", None),
        ("q=&utm=x", None),
        ("q=&format=nonsense", None),
        ("q=&page=0", None),
        ("format=text&q=consent", None),
        ("", None),
    ],
)
def test_empty_fields_of_a_form_do_not_stay_in_the_address(client, noted, query, address):
    listed(CourseFactory(title="Consent"))

    response = catalog(client, query)

    if address is None:
        assert response.status_code == 200
    else:
        assert (response.status_code, noted) == (302, [])
        assert response.headers["Location"] == f"/courses/{address}"
        assert client.get(response.headers["Location"]).status_code == 200
    assert catalog(client, query, headers=HTMX).status_code == 200
    assert catalog(client, query, headers=RESTORE).status_code == 200


def test_without_javascript_a_button_sorts(client):
    assert re.search(
        r'<noscript><button [^>]*type="submit" form="filter-form">Sort</button></noscript>',
        catalog(client).text,
    )


# --- Machines ---------------------------------------------------------------


def test_only_the_catalog_without_filters_is_for_search_engines(client, three_pages, settings):
    settings.SITE_URL = "https://portal.example"
    robots = '<meta name="robots" content="noindex, follow">'
    canonical = '<link rel="canonical" href="https://portal.example/courses/">'

    said = {
        query: (robots in text, canonical in text)
        for query in ("", "utm=x", "page=2", "format=text", "q=a", "sort=title")
        for text in [catalog(client, query).text]
    }

    assert said == {
        "": (False, True),
        "utm=x": (False, True),
        "page=2": (True, False),
        "format=text": (True, False),
        "q=a": (True, False),
        "sort=title": (True, False),
    }


def test_the_title_has_the_words_and_the_page(client, three_pages):
    listed(CourseFactory(title="F consent"))

    seen = {
        query: unescape(re.search("<title>(.*?)</title>", catalog(client, query).text)[1])
        for query in ("", "page=2", "q=consent", "q=consent&page=2")
    }

    assert seen == {
        "": "Catalog · CE Portal",
        "page=2": "Catalog, page 2 · CE Portal",
        "q=consent": "“consent” · Catalog · CE Portal",
        "q=consent&page=2": "“consent” · Catalog, page 2 · CE Portal",
    }


def test_feed_and_calendar_are_of_the_present_question(client):
    listed(CourseFactory())

    text = catalog(client, "format=text&page=2").text

    assert f'href="{reverse("courses:feed")}?format=text"' in text
    assert f'href="{reverse("courses:session_calendar")}?format=text"' in text


# --- The reader's own -------------------------------------------------------


def test_a_card_says_what_the_reader_has_to_do_with_the_course(client):
    mine = CourseFactory(title="Mine")
    kept = CourseFactory(title="Kept", slug="kept")
    theirs = CourseFactory(title="Theirs")
    listed(mine, kept, theirs)
    held = EnrollmentFactory(course=mine)
    EnrollmentFactory(course=theirs)
    ShortlistItem.objects.create(owner=held.learner, course=kept, kept_at=timezone.now())

    stranger = catalog(client).text
    client.force_login(held.learner)
    own = catalog(client, "sort=title&hours_from=1").text

    assert (stranger.count("You are enrolled"), own.count("You are enrolled")) == (0, 1)
    assert 'action="/courses/kept/drop/"' in own
    assert own.count('/keep/" method') == 2
    assert 'name="next" value="/courses/?sort=title&amp;hours_from=1"' in own
    assert "/keep/" not in stranger


def test_a_stranger_gets_no_cookie_and_what_is_mine_is_not_stored(client):
    listed(CourseFactory())

    assert catalog(client).cookies == {}


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize("query", ["", "q=consent&format=live-webinar&format=text", "q=consent"])
def test_the_catalog_asks_as_often_for_one_course_as_for_fifty(
    client, signed_in, query, django_assert_max_num_queries, monkeypatch
):
    monkeypatch.setattr(page_module, "PAGE_SIZE", 50)
    learner = UserFactory()
    if signed_in:
        client.force_login(learner)

    def add(number: int) -> None:
        courses = []
        for _ in range(number):
            session = SessionFactory(starts_at=timezone.now() + 5 * DAY)
            EnrollmentFactory(learner=learner, course=session.course, session=session)
            courses.append(session.course)
        listed(*courses)

    def queries(shown: int) -> int:
        with django_assert_max_num_queries(40) as counted:
            response = catalog(client, query)
        assert len(titles(response)) == shown
        return len(counted)

    # Three, since fewer raise the question whether the words are mistyped.
    add(3)
    queries(3)
    for_three = queries(3)
    add(47)
    queries(50)

    assert queries(50) == for_three


# --- Counting what is looked for --------------------------------------------


@pytest.fixture
def noted(monkeypatch):
    """What was handed to the tallies: typed, chosen, total."""
    calls = []
    monkeypatch.setattr(
        tallies,
        "note",
        lambda query, chosen, *, typed, total, at: calls.append((typed, dict(chosen), total)),
    )
    return calls


def test_a_search_is_counted_once_on_its_first_page(client, noted):
    listed(CourseFactory(title="Anxiety"))

    catalog(client, "q=anxiety&format=text")
    catalog(client, "q=anxiety&page=2")
    catalog(client, "q=anxiety", headers=RESTORE)
    catalog(client, "q=nothing", headers=HTMX)

    assert noted == [("anxiety", {"format": {"text"}}, 1), ("nothing", {}, 0)]


def test_a_search_whose_words_were_replaced_is_counted_as_one_that_found_nothing(client, noted):
    listed(CourseFactory(title="Anxiety"))

    response = catalog(client, "q=anxeity")

    assert len(titles(response)) == 1
    assert noted == [("anxeity", {}, 0)]


# --- Suggestions ------------------------------------------------------------


def suggestions(client: Client, typed: str):
    return client.get(reverse("courses:suggest"), {"q": typed}, headers=HTMX)


def test_suggestions_lead_to_courses_topics_and_instructors(client):
    listed(CourseFactory(title="Mora and & more", slug="mora"))

    response = suggestions(client, "mor")

    assert re.findall(
        r'<a href="([^"]*)" id="([^"]*)" role="option"[^>]*>(.*?)</a>', response.text
    ) == [
        ("/courses/mora/", "suggestion-1-1", "Mora and &amp; more"),
        ("/courses/?instructor=ada-moreno", "suggestion-3-1", "Ada Moreno"),
    ]
    assert '<p id="suggestions-count" hx-swap-oob="innerHTML">2 suggestions</p>' in response.text


def test_suggested_places_are_filters(client):
    listed(CourseFactory())

    response = suggestions(client, "cons")

    assert 'href="/courses/?focus=consent"' in response.text


@pytest.mark.parametrize(
    ("typed", "said"), [("", ""), ("c", ""), (" c ", ""), ("zzz", "No suggestions")]
)
def test_nothing_is_suggested_for_less_than_two_letters(client, typed, said):
    listed(CourseFactory())

    response = suggestions(client, typed)

    assert "option" not in response.text
    assert f'hx-swap-oob="innerHTML">{said}</p>' in response.text


def test_the_list_of_suggestions_is_there_before_and_empty(client):
    for page in ("courses:catalog", "home"):
        text = client.get(reverse(page)).text
        assert 'data-suggestions="suggestions"' in text
        assert re.search(
            r'id="suggestions" role="listbox" aria-label="Suggestions" hidden></div>', text
        )


# --- The front page ---------------------------------------------------------


def test_the_front_page_is_open_and_shows_the_newest_and_no_drafts(client):
    now = timezone.now()
    listed(
        *(CourseFactory(title=f"N{day}", published_at=now - day * DAY) for day in range(1, 9)),
        CourseFactory(title="A secret draft", draft=True),
    )

    response = client.get(reverse("home"))

    assert titles(response) == ["N1", "N2", "N3", "N4", "N5", "N6"]
    assert "All 8 courses" in response.text
    assert "A secret draft" not in response.text


def test_a_course_without_an_approval_in_date_is_not_in_the_catalog(client):
    course = CourseFactory()
    Approval.objects.update(valid_to=date(2026, 1, 1))
    listed(course)

    assert titles(catalog(client)) == []
    assert Decimal(course.hours) > 0
