"""Feeds: new courses as Atom, live sessions as iCalendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import quote
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar

from accounts.tests.factories import UserFactory
from courses import calendars, listing
from courses.models import ApprovingBody, Course, CourseCredit, CourseFocusArea, Session
from courses.tests.factories import (
    ApprovalFactory,
    CourseFactory,
    CreditTypeFactory,
    FocusAreaFactory,
    SessionFactory,
)

pytestmark = pytest.mark.django_db

ATOM = "{http://www.w3.org/2005/Atom}"
NEW_YORK = ZoneInfo("America/New_York")
NONSENSE = [
    "q=%00",
    "q=%01%02%EF%BF%BE",
    "q=" + "x" * 5000,
    "q=%22" + "a%20" * 400,
    "q=%FF%FE",
    "topic=nonsense&focus=%00&topic=%F0%9F%98%80",
    "live_from=tomorrow&live_until=9999-12-31",
    "live_from=2026-13-45",
    "live_from=9999-12-31",
    "live_until=0001-01-01",
    "hours_from=NaN&hours_to=1e999",
    "sort=nonsense&page=-1&limit=9",
    "format=" + "&format=".join(["x"] * 200),
    "=&&&;%",
]


def listed(**facts) -> Course:
    """A course that the catalog knows."""
    course = CourseFactory(**facts)
    listing.relist([course.pk])
    listing.relabel()
    return course


def in_focus_area(course: Course, slug: str, name: str) -> Course:
    area = FocusAreaFactory(slug=slug, name=name)
    course.course_focus_areas.all().delete()
    CourseFocusArea.objects.create(course=course, focus_area=area)
    listing.relist([course.pk])
    listing.relabel()
    return course


def session(course: Course | None = None, **facts) -> Session:
    """A session of a live course that the catalog knows, in five days if not said otherwise."""
    made = SessionFactory(
        course=course or CourseFactory(live=True),
        **{"starts_at": timezone.now() + timedelta(days=5), **facts},
    )
    listing.relist([made.course_id])
    return made


def feed(client, query: str = "", **extra):
    return client.get(f"{reverse('courses:feed')}?{query}", **extra)


def calendar(client, query: str = "", **extra):
    return client.get(f"{reverse('courses:session_calendar')}?{query}", **extra)


def entries(response) -> list[ElementTree.Element]:
    return ElementTree.fromstring(response.content).findall(f"{ATOM}entry")


def titles(response) -> list[str | None]:
    return [entry.findtext(f"{ATOM}title") for entry in entries(response)]


def events(response) -> list:
    return Calendar.from_ical(response.content).walk("VEVENT")


def sessions_of(response) -> list[int]:
    return [int(event["UID"].split("@")[0].removeprefix("session-")) for event in events(response)]


# --- Atom -------------------------------------------------------------------


def test_the_feed_holds_the_newest_courses_of_the_catalog(client, monkeypatch):
    monkeypatch.setattr("courses.views.feeds.COURSES", 2)
    now = timezone.now()
    listed(title="Oldest", published_at=now - timedelta(days=3))
    listed(title="Newest", published_at=now - timedelta(days=1))
    listed(title="Between", published_at=now - timedelta(days=2))
    listed(title="Draft", draft=True)
    listed(title="Retired", retired=True)

    assert titles(feed(client)) == ["Newest", "Between"]
    assert titles(feed(client, "sort=title")) == ["Newest", "Between"]


def test_the_feed_answers_a_search(client):
    listed(title="Alliance repair")
    listed(title="Sleep", format="recorded")

    found = {
        query: titles(feed(client, query))
        for query in ("q=alliance", "format=recorded", "format=recorded&q=alliance")
    }

    assert found == {
        "q=alliance": ["Alliance repair"],
        "format=recorded": ["Sleep"],
        "format=recorded&q=alliance": [],
    }


def test_an_entry_says_what_the_course_is(client, settings):
    settings.SITE_URL = "https://portal.example.org"
    published_at = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    listed(key="stable", slug="consent", title="Consent", published_at=published_at)

    response = feed(client)

    (entry,) = entries(response)
    assert {
        name: entry.findtext(f"{ATOM}{name}")
        for name in ("title", "id", "published", "updated", "summary")
    } == {
        "title": "Consent",
        "id": "tag:portal.example.org,2026-02-03:stable",
        "published": "2026-02-03T04:05:06+00:00",
        "updated": "2026-02-03T04:05:06+00:00",
        "summary": "Consent as a thread. 1.5 hours of credit. Text-based, introductory.",
    }
    assert entry.find(f"{ATOM}link").attrib["href"] == "https://portal.example.org/courses/consent/"
    assert entry.findtext(f"{ATOM}author/{ATOM}name") == "Hollow Reed Institute"
    assert [category.attrib["term"] for category in entry.findall(f"{ATOM}category")] == [
        "Ethics",
        "Informed consent",
    ]
    assert response.headers["Content-Type"] == "application/atom+xml; charset=utf-8"


def test_an_entry_keeps_its_id_when_the_address_and_the_title_change(client):
    course = listed()
    before = entries(feed(client))[0].findtext(f"{ATOM}id")

    Course.objects.update(slug="renamed", title="Renamed")
    listing.relist([course.pk])
    after = entries(feed(client))[0]

    assert after.findtext(f"{ATOM}id") == before
    assert after.findtext(f"{ATOM}title") == "Renamed"


def test_the_feed_names_itself_and_its_search_without_what_means_nothing(client, settings):
    settings.SITE_URL = "https://portal.example.org"
    settings.ALLOWED_HOSTS = ["*"]
    listed()

    asked = feed(
        client,
        "utm_source=x&sort=title&q=consent&page=3&topic=ethics&topic=nonsense",
        headers={"host": "evil.example"},
    )

    found = ElementTree.fromstring(asked.content)
    links = {link.attrib["rel"]: link.attrib["href"] for link in found.findall(f"{ATOM}link")}
    assert links == {
        "alternate": "https://portal.example.org/courses/?q=consent&topic=ethics",
        "self": "https://portal.example.org/courses/feed.atom?q=consent&topic=ethics",
    }
    assert found.findtext(f"{ATOM}id") == links["self"]
    assert found.findtext(f"{ATOM}title") == "New courses at CE Portal: consent, Ethics"
    assert "evil.example" not in asked.text


def test_hostile_text_in_the_feed_is_text(client):
    listed(title="<script>x</script> & \x0b", summary="<img src=x onerror=y> \x1f\ufffe")

    (entry,) = entries(feed(client))

    # A title is text; a summary is HTML, as its type says, so it is escaped once more.
    assert entry.findtext(f"{ATOM}title") == "<script>x</script> & "
    assert entry.find(f"{ATOM}summary").attrib == {"type": "html"}
    assert entry.findtext(f"{ATOM}summary").startswith("&lt;img src=x onerror=y&gt; ")


# --- iCalendar --------------------------------------------------------------


def test_the_calendar_holds_coming_sessions_soonest_first(client):
    now = timezone.now()
    late = session(starts_at=now + timedelta(days=9))
    soon = session(starts_at=now + timedelta(days=2))
    between = session(late.course, starts_at=now + timedelta(days=4))
    session(starts_at=now - timedelta(minutes=1))
    session(CourseFactory(live=True, draft=True))
    session(CourseFactory(live=True, retired=True))
    session(CourseFactory())  # text-based by now

    assert sessions_of(calendar(client)) == [soon.pk, between.pk, late.pk]


def test_a_course_without_an_approval_today_is_not_in_the_calendar(client):
    made = session()
    made.course.provider.approvals.update(valid_to=date(2026, 1, 31))
    listing.relist([made.course_id])

    assert sessions_of(calendar(client)) == []


def test_the_calendar_answers_a_search(client):
    alliance = session(CourseFactory(live=True, title="Alliance repair"))
    sleep = session(in_focus_area(CourseFactory(live=True, title="Sleep"), "sleep", "Sleep"))

    found = {
        query: sessions_of(calendar(client, query))
        for query in ("q=alliance", "focus=sleep", "focus=sleep&q=alliance", "sort=title")
    }

    assert found == {
        "q=alliance": [alliance.pk],
        "focus=sleep": [sleep.pk],
        "focus=sleep&q=alliance": [],
        "sort=title": [alliance.pk, sleep.pk],
    }


def test_only_sessions_in_the_days_asked_for_are_in_the_calendar(client):
    course = CourseFactory(live=True)
    # 11:30 PM in New York is the next day in UTC.
    first, middle, last = (
        session(course, starts_at=datetime(2027, 5, day, 23, 30, tzinfo=NEW_YORK))
        for day in (1, 2, 3)
    )

    found = {
        query: sessions_of(calendar(client, query))
        for query in (
            "live_from=2027-05-02",
            "live_until=2027-05-02",
            "live_from=2027-05-02&live_until=2027-05-02",
            "live_from=2027-05-02&live_until=2027-05-02&on_demand=yes",
        )
    }

    assert found == {
        "live_from=2027-05-02": [middle.pk, last.pk],
        "live_until=2027-05-02": [first.pk, middle.pk],
        "live_from=2027-05-02&live_until=2027-05-02": [middle.pk],
        "live_from=2027-05-02&live_until=2027-05-02&on_demand=yes": [middle.pk],
    }


def test_the_soonest_sessions_go_first_when_there_are_too_many(client, monkeypatch):
    monkeypatch.setattr("courses.views.feeds.SESSIONS", 2)
    course = CourseFactory(live=True)
    now = timezone.now()
    made = [session(course, starts_at=now + timedelta(days=day)) for day in (4, 3, 2)]
    other = session(starts_at=now + timedelta(days=1))

    assert sessions_of(calendar(client)) == [other.pk, made[2].pk]


def test_an_event_says_when_where_and_what_and_never_how_to_join(client, settings):
    settings.SITE_URL = "https://portal.example.org"
    course = CourseFactory(live=True, slug="consent", title="Consent; really, consent")
    made = session(course, starts_at=datetime(2027, 6, 1, 16, 0, tzinfo=UTC))

    response = calendar(client)

    (event,) = events(response)
    assert {
        name: event.decoded(name) for name in ("UID", "SUMMARY", "LOCATION", "DTSTART", "DTEND")
    } == {
        "UID": f"session-{made.pk}@portal.example.org",
        "SUMMARY": "Consent; really, consent",
        "LOCATION": "Online",
        "DTSTART": datetime(2027, 6, 1, 16, 0, tzinfo=UTC),
        "DTEND": datetime(2027, 6, 1, 17, 30, tzinfo=UTC),
    }
    assert event["DESCRIPTION"].split("\n") == [
        "1.5 hours. Live interactive webinar.",
        "Approved for that day by ASWB ACE.",
        "Where the host is: 12:00 to 1:30 PM EDT.",
        "What it discloses, and enrollment: https://portal.example.org/courses/consent/",
    ]
    assert event["URL"] == "https://portal.example.org/courses/consent/"
    assert "meet.example" not in response.text


@pytest.mark.parametrize(
    ("facts", "location"),
    [
        ({"place": "118 Canal Street, Troy", "join_url": ""}, "118 Canal Street, Troy"),
        ({"place": "118 Canal Street, Troy"}, "118 Canal Street, Troy, and online"),
        ({}, "Online"),
    ],
)
def test_the_location_is_the_place_or_online(client, facts, location):
    session(**facts)

    assert [event["LOCATION"] for event in events(calendar(client))] == [location]


def test_the_week_of_the_time_change_is_right_on_either_side_of_it(client):
    """Noon in New York is noon there before and after clocks go back on November 7, 2027."""
    course = CourseFactory(live=True)
    for day in (6, 7, 8):
        session(course, starts_at=datetime(2027, 11, day, 12, 0, tzinfo=NEW_YORK))
    overnight = datetime(2027, 11, 6, 23, 0, tzinfo=NEW_YORK)
    session(course, starts_at=overnight, ends_at=datetime(2027, 11, 7, 3, 0, tzinfo=NEW_YORK))

    response = calendar(client)

    found = [(event.decoded("DTSTART"), event.decoded("DTEND")) for event in events(response)]
    assert [f"{start.astimezone(NEW_YORK):%d %H:%M %Z}" for start, _ in found] == [
        "06 12:00 EDT",
        "06 23:00 EDT",
        "07 12:00 EST",
        "08 12:00 EST",
    ]
    # From 11 PM to 3 AM are five hours in that night.
    assert [end - start for start, end in found] == [
        timedelta(minutes=90),
        timedelta(hours=5),
        timedelta(minutes=90),
        timedelta(minutes=90),
    ]
    # Written in UTC: no program has to know of summer time.
    assert "DTSTART:20271107T170000Z\r\n" in response.content.decode()
    assert "TZID" not in response.text
    said = [event["DESCRIPTION"].split("\n")[2] for event in events(response)]
    assert said == [
        "Where the host is: 12:00 to 1:30 PM EDT.",
        "Where the host is: 11:00 PM to Sun, Nov 7, 3:00 AM EST.",
        "Where the host is: 12:00 to 1:30 PM EST.",
        "Where the host is: 12:00 to 1:30 PM EST.",
    ]


def test_an_event_names_the_boards_whose_approval_covers_its_own_day(client):
    course = CourseFactory(live=True)
    day = date(2027, 6, 1)
    spans = {
        "until": {"valid_to": day},
        "before": {"valid_to": day - timedelta(days=1)},
        "from": {"valid_from": day, "valid_to": None},
        "after": {"valid_from": day + timedelta(days=1)},
        "own": {"course": course},
        "others": {"course": CourseFactory(live=True)},
    }
    for slug, span in spans.items():
        body = ApprovingBody.objects.create(slug=slug, name=slug, full_name=slug, source="a test")
        CourseCredit.objects.create(
            course=course,
            body=body,
            credit_type=CreditTypeFactory(),
            hours=Decimal(1),
            basis="a test",
            position=5,
        )
        ApprovalFactory(provider=course.provider, body=body, **span)
    # 11 PM in New York, where the day counts; in UTC it is over.
    session(
        course,
        starts_at=datetime(2027, 6, 1, 22, 0, tzinfo=NEW_YORK),
        ends_at=datetime(2027, 6, 1, 23, 0, tzinfo=NEW_YORK),
    )

    (event,) = events(calendar(client))

    assert event["DESCRIPTION"].split("\n")[1] == (
        "Approved for that day by ASWB ACE, until, from, own."
    )


def test_an_event_on_a_day_that_no_approval_covers_says_so(client):
    session(starts_at=datetime(2028, 9, 1, 16, 0, tzinfo=UTC))  # approved until August 31

    (event,) = events(calendar(client))

    assert event["DESCRIPTION"].split("\n")[1] == (
        "No approval covers that day: it gives no credit."
    )


def test_no_text_gets_out_of_its_line_in_the_calendar(client):
    hostile = "A\r\nATTENDEE:mailto:x@y.example\nBEGIN:VALARM\x0b\x1b[0m"
    session(CourseFactory(live=True, title=hostile), place=hostile)

    response = calendar(client)

    (event,) = events(response)
    assert event["SUMMARY"] == "A ATTENDEE:mailto:x@y.example BEGIN:VALARM [0m"
    assert "ATTENDEE" not in event
    assert Calendar.from_ical(response.content).walk("VALARM") == []


def test_the_calendar_says_what_it_is_and_how_often_to_ask(client):
    session()

    response = calendar(client, "topic=ethics&q=consent")

    found = Calendar.from_ical(response.content)
    assert {name: str(found[name]) for name in ("VERSION", "METHOD", "X-WR-CALNAME")} == {
        "VERSION": "2.0",
        "METHOD": "PUBLISH",
        "X-WR-CALNAME": "Live sessions at CE Portal: consent, Ethics",
    }
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT6H\r\n" in response.content.decode()
    assert "X-PUBLISHED-TTL:PT6H\r\n" in response.content.decode()
    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'inline; filename="sessions.ics"'


def test_the_calendar_of_nothing_is_still_a_calendar(client):
    assert events(calendar(client)) == []


def test_a_session_keeps_its_uid_wherever_it_is_moved(client):
    made = session()
    before = [event["UID"] for event in events(calendar(client))]

    Session.objects.update(starts_at=made.starts_at - timedelta(days=1))
    Course.objects.update(slug="renamed", title="Renamed")
    listing.relist([made.course_id])

    assert [event["UID"] for event in events(calendar(client))] == before


def test_events_are_made_of_what_they_are_given(noon):
    made = SessionFactory()

    written = calendars.of_sessions(
        [made], name="One", site="https://portal.example.org:8443", at=noon
    )

    (event,) = Calendar.from_ical(written).walk("VEVENT")
    assert event["UID"] == f"session-{made.pk}@portal.example.org"
    assert event.decoded("DTSTAMP") == noon


# --- Both -------------------------------------------------------------------

BOTH = pytest.mark.parametrize("ask", [feed, calendar])


@pytest.mark.parametrize("lost", ["topic=gone", "q=consent&provider=gone", "hours_from=abc"])
def test_a_feed_whose_filter_is_gone_holds_nothing_and_says_why(client, settings, lost):
    settings.SITE_URL = "https://portal.example.org"
    session(CourseFactory(live=True, title="Consent"))
    listing.relabel()

    atom = ElementTree.fromstring(feed(client, lost).content)
    ics = Calendar.from_ical(calendar(client, lost).content)

    why = "The catalog no longer has something that this search asks for."
    assert (atom.findall(f"{ATOM}entry"), ics.walk("VEVENT")) == ([], [])
    assert (atom.findtext(f"{ATOM}subtitle"), str(ics["X-WR-CALDESC"])) == (why, why)
    # Nor does it lead a reader to a feed of everything.
    assert atom.findtext(f"{ATOM}id") == f"https://portal.example.org/courses/feed.atom?{lost}"


def test_a_feed_that_finds_something_says_nothing_of_the_kind(client):
    session(CourseFactory(live=True, title="Consent"))

    assert "no longer has" not in feed(client, "q=consent&format=live-webinar").text
    assert "X-WR-CALDESC" not in calendar(client, "q=consent&format=live-webinar").text


def test_a_calendar_is_kept_until_the_catalog_changes(client):
    made = session()
    first = calendar(client, "format=live-webinar&sort=title")

    with CaptureQueriesContext(connection) as captured:
        again = calendar(client, "format=live-webinar")
        asked = [query["sql"] for query in captured]
    Session.objects.update(place="118 Canal Street")
    listing.relist([made.course_id])
    moved = events(calendar(client, "format=live-webinar"))

    assert again.content == first.content
    # Nothing but how far the catalog has moved.
    assert asked
    assert [sql for sql in asked if "courses_catalogstate" not in sql] == []
    assert [event["LOCATION"] for event in moved] == ["118 Canal Street, and online"]


def test_a_calendar_is_kept_for_its_hour_and_its_question_alone(client, monkeypatch):
    now = timezone.now().replace(minute=58)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    session(CourseFactory(live=True, title="Alliance"), starts_at=now + timedelta(minutes=1))
    asked = [len(events(calendar(client, query))) for query in ("q=alliance", "q=sleep", "")]

    monkeypatch.setattr("django.utils.timezone.now", lambda: now + timedelta(minutes=3))

    assert asked == [1, 0, 1]
    assert events(calendar(client)) == []


@pytest.mark.parametrize("few", [0, 500])
def test_few_courses_and_many_have_the_same_sessions(client, monkeypatch, few):
    monkeypatch.setattr("courses.views.feeds.FEW", few)
    session(CourseFactory(live=True, title="Sleep"))
    alliance = session(CourseFactory(live=True, title="Alliance"))

    assert sessions_of(calendar(client, "q=alliance")) == [alliance.pk]


@BOTH
@pytest.mark.parametrize("query", NONSENSE)
def test_nonsense_never_fails(client, ask, query):
    session()

    response = ask(client, query)

    assert response.status_code == 200
    if ask is feed:
        ElementTree.fromstring(response.content)
    else:
        Calendar.from_ical(response.content)


@BOTH
@pytest.mark.parametrize("words", ["%", "'", '"', "&|!():*", "é" * 5000, "😀", "]]>", "\ud7ff"])
def test_hostile_words_never_fail(client, ask, words):
    session(CourseFactory(live=True, title="Consent"))

    response = ask(client, f"q={quote(words)}")

    assert response.status_code == 200
    assert len(response.content) < 6000


@BOTH
def test_whoever_has_the_same_already_gets_no_body(client, ask, monkeypatch):
    session()
    first = ask(client)
    # Another moment, nothing else.
    later = timezone.now() + timedelta(minutes=7)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)

    same = ask(client, headers={"If-None-Match": first.headers["ETag"]})
    session()
    changed = ask(client, headers={"If-None-Match": first.headers["ETag"]})

    assert (same.status_code, same.content) == (304, b"")
    assert changed.status_code == 200
    assert {response.headers["Cache-Control"] for response in (first, same, changed)} == {
        "public, max-age=300"
    }


@BOTH
def test_everybody_gets_the_same_and_no_cookie(client, ask, monkeypatch):
    moment = timezone.now()
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)
    session()
    query = f"live_from={(moment + timedelta(days=2)).date()}"
    as_stranger = ask(client, query)
    client.force_login(UserFactory(time_zone="Pacific/Auckland"))

    as_reader = ask(client, query)

    assert as_reader.content == as_stranger.content
    assert not as_stranger.cookies


@BOTH
def test_a_feed_is_only_read(client, ask):
    name = "courses:feed" if ask is feed else "courses:session_calendar"

    assert client.post(reverse(name)).status_code == 405
    assert client.head(reverse(name)).status_code == 200


@BOTH
def test_a_feed_asks_as_often_for_one_course_as_for_three(
    client, ask, django_assert_max_num_queries
):
    def queries() -> int:
        ask(client)
        cache.clear()
        with django_assert_max_num_queries(12) as counted:
            ask(client)
        return len(counted)

    session()
    for_one = queries()
    session()
    session()

    assert queries() == for_one
