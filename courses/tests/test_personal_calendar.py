"""The private address of a person's sessions: what it holds, and who may read it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar

from accounts.tests.factories import UserFactory
from courses import personal_calendar
from courses.models import CalendarFeed, Enrollment, Session, WaitlistPlace
from courses.tests.factories import EnrollmentFactory, SessionFactory

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PAGE = "/learn/calendar/"


@pytest.fixture(autouse=True)
def _site(settings):
    settings.SITE_URL = "https://portal.example.org"


def seat(learner, *, starts_in=5 * DAY, **facts) -> Enrollment:
    starts_at = timezone.now() + starts_in
    session = SessionFactory(starts_at=starts_at, time_zone=facts.pop("time_zone", "UTC"))
    return EnrollmentFactory(learner=learner, course=session.course, session=session, **facts)


def place(learner, *, state="offered", lapses_in=DAY) -> WaitlistPlace:
    now = timezone.now()
    session = SessionFactory(starts_at=now + 3 * DAY)
    facts = {"session": session, "learner": learner, "joined_at": now - 3 * DAY, "state": state}
    if state in {"offered", "expired"}:
        facts |= {"offered_at": now - 2 * DAY, "offer_expires_at": now + lapses_in}
    if state in {"expired", "left"}:
        facts |= {"closed_at": now}
    return WaitlistPlace.objects.create(**facts)


def made_for(owner) -> CalendarFeed:
    return personal_calendar.make(owner=owner, at=timezone.now())


def ask(client, feed: CalendarFeed, **options):
    return client.get(f"/calendar/{feed.token}.ics", **options)


def events(response) -> dict[str, str]:
    """Status of each event by its UID, without the host."""
    found = Calendar.from_ical(response.content).walk("VEVENT")
    return {str(event["UID"]).split("@")[0]: str(event["STATUS"]) for event in found}


# --- What it holds ----------------------------------------------------------


def test_it_holds_the_owners_seats_and_nobody_elses(client):
    owner = UserFactory()
    own = seat(owner)
    seat(UserFactory())

    assert events(ask(client, made_for(owner))) == {f"enrollment-{own.pk}": "CONFIRMED"}


def test_it_holds_completed_courses_and_none_that_were_left(client):
    owner, now = UserFactory(), timezone.now()
    completed = seat(owner, completed_at=now)
    seat(owner, withdrawn_at=now)
    seat(owner, expires_at=now, expired_at=now)
    EnrollmentFactory(learner=owner)  # on demand

    assert events(ask(client, made_for(owner))) == {f"enrollment-{completed.pk}": "CONFIRMED"}


def test_it_goes_back_ninety_days(client):
    owner = UserFactory()
    recent = seat(owner, starts_in=-90 * DAY)  # ended an hour and a half later
    seat(owner, starts_in=-91 * DAY)

    assert events(ask(client, made_for(owner))) == {f"enrollment-{recent.pk}": "CONFIRMED"}


def test_a_cancelled_session_stays_and_says_so(client):
    owner = UserFactory()
    own = seat(owner)
    Session.objects.update(cancelled_at=timezone.now(), cancel_reason="The host is ill.")

    assert events(ask(client, made_for(owner))) == {f"enrollment-{own.pk}": "CANCELLED"}


def test_a_seat_that_is_held_is_tentative_and_gives_no_link_to_join(client):
    owner = UserFactory()
    held = place(owner)
    place(owner, state="waiting")
    place(owner, state="left")
    place(owner, lapses_in=-HOUR)  # nobody has come by to close it
    place(UserFactory())

    response = ask(client, made_for(owner))

    assert events(response) == {f"waitlist-{held.pk}": "TENTATIVE"}
    assert "meet.example" not in response.text.replace("\r\n ", "")


def test_each_zone_is_explained_once(client):
    owner = UserFactory()
    for zone in ("America/New_York", "America/New_York", "Asia/Tokyo", "UTC"):
        seat(owner, time_zone=zone)

    calendar = Calendar.from_ical(ask(client, made_for(owner)).content)

    zones = [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")]
    assert zones == ["America/New_York", "Asia/Tokyo"]


def test_the_calendar_of_nothing_is_still_a_calendar(client):
    assert events(ask(client, made_for(UserFactory()))) == {}


# --- Who may read it --------------------------------------------------------


def test_it_is_open_without_an_account_and_kept_by_nobody(client):
    owner = UserFactory()
    seat(owner)

    response = ask(client, made_for(owner))

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert response.headers["X-Robots-Tag"] == "noindex"
    assert response.cookies == {}


def test_no_address_that_was_guessed_or_is_old_leads_anywhere(client):
    owner = UserFactory()
    old = made_for(owner)
    current = made_for(owner)
    closed = made_for(UserFactory(is_active=False))

    answers = {
        name: client.get(f"/calendar/{token}.ics")
        for name, token in {
            "current": current.token,
            "old": old.token,
            "closed account": closed.token,
            "other case": current.token.swapcase(),
            "part": current.token[:-1],
            "owner": str(owner.pk),
            "nonsense": "%00",
            "long": "x" * 500,
        }.items()
    }

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "current": 200,
        **dict.fromkeys(
            ["old", "closed account", "other case", "part", "owner", "nonsense", "long"], 404
        ),
    }


def test_a_wrong_address_costs_the_same_question_whatever_is_wrong(client):
    old = made_for(UserFactory(is_active=False))

    asked = []
    for token in (old.token, "x" * 32):
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/calendar/{token}.ics")
        asked.append([query["sql"].replace(token, "?") for query in captured])

    assert asked[0] == asked[1]


def test_a_token_holds_192_bits_and_never_comes_again():
    owner = UserFactory()

    tokens = {made_for(owner).token for _ in range(50)}

    assert len(tokens) == 50
    assert {len(token) for token in tokens} == {32}
    assert CalendarFeed.objects.count() == 1


@pytest.mark.parametrize("token", ["", "short", "x" * 21])
def test_the_database_refuses_a_token_that_can_be_guessed(token):
    with pytest.raises(IntegrityError, match="calendar_feed_token_cannot_be_guessed"):
        CalendarFeed.objects.create(owner=UserFactory(), token=token, made_at=timezone.now())


def test_the_database_refuses_one_token_for_two_people():
    feed = made_for(UserFactory())

    with pytest.raises(IntegrityError), transaction.atomic():
        CalendarFeed.objects.create(owner=UserFactory(), token=feed.token, made_at=feed.made_at)


def test_whoever_has_the_same_already_gets_no_body(client, monkeypatch):
    owner = UserFactory()
    seat(owner)
    feed = made_for(owner)
    first = ask(client, feed)
    # Another moment, nothing else.
    later = timezone.now() + timedelta(minutes=7)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)

    same = ask(client, feed, headers={"If-None-Match": first.headers["ETag"]})
    seat(owner)
    changed = ask(client, feed, headers={"If-None-Match": first.headers["ETag"]})

    assert (same.status_code, same.content) == (304, b"")
    assert changed.status_code == 200


def test_it_asks_as_often_for_thirty_seats_as_for_one(client):
    one, many = UserFactory(), UserFactory()
    feeds = [made_for(one), made_for(many)]
    seat(one)
    place(one)
    for _ in range(30):
        seat(many)
        place(many)

    asked = []
    for feed in feeds:
        with CaptureQueriesContext(connection) as captured:
            ask(client, feed)
        asked.append(len(captured))

    assert asked == [3, 3]


@pytest.mark.parametrize("verb", ["post", "put", "delete"])
def test_it_is_only_read(client, verb):
    assert (
        getattr(client, verb)(f"/calendar/{made_for(UserFactory()).token}.ics").status_code == 405
    )


# --- The page ---------------------------------------------------------------


def test_the_page_makes_nothing_until_it_is_asked(client):
    client.force_login(UserFactory())

    before = client.get(PAGE)
    made = client.post(reverse("courses:make_personal_feed"), follow=True)

    feed = CalendarFeed.objects.get()
    assert "/calendar/" not in before.text.replace("/learn/calendar/", "")
    assert made.redirect_chain == [(PAGE, 302)]
    assert f"https://portal.example.org/calendar/{feed.token}.ics" in made.text
    assert f'href="webcal://portal.example.org/calendar/{feed.token}.ics"' in made.text


def test_a_new_address_ends_the_old_one_at_once(client):
    owner = UserFactory()
    old = made_for(owner)
    client.force_login(owner)

    client.post(reverse("courses:make_personal_feed"))

    assert ask(client, old).status_code == 404
    assert ask(client, CalendarFeed.objects.get()).status_code == 200


def test_an_address_can_be_stopped_twice(client):
    owner = UserFactory()
    feed = made_for(owner)
    client.force_login(owner)

    answers = [client.post(reverse("courses:stop_personal_feed")) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert ask(client, feed).status_code == 404


def test_the_page_shows_nobody_elses_address(client):
    feed = made_for(UserFactory())
    client.force_login(UserFactory())

    assert feed.token not in client.get(PAGE).text


def test_home_and_room_lead_to_the_file_and_the_page(client):
    own = seat(UserFactory())
    client.force_login(own.learner)

    pages = [client.get("/"), client.get(reverse("courses:room", args=[own.pk]))]

    file = f'href="/learn/{own.pk}/session.ics"'
    assert [(file in page.text, f'href="{PAGE}"' in page.text) for page in pages] == [
        (True, True),
        (True, True),
    ]
