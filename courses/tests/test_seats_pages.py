"""The course page's panel, the course room and home: seats, waitlists, sessions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import UserFactory
from ce_portal.formats import show_day
from courses import completion, enrollment, sessions, waitlist
from courses.models import Enrollment, WaitlistPlace
from courses.tests.factories import (
    CourseFactory,
    EnrollmentFactory,
    SessionFactory,
    WaitlistPlaceFactory,
)
from courses.tests.stories import list_in_catalog, ready_to_complete
from transcripts import certificates, ledger

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    """Pages go by the clock."""
    return timezone.now()


@pytest.fixture
def learner(client):
    learner = UserFactory(time_zone="America/New_York")
    client.force_login(learner)
    return learner


def words(text: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def panel(client, course) -> str:
    text = client.get(course.get_absolute_url()).text
    return text[text.index('id="enroll"') : text.index("</aside>")]


def coming(now, *, days=10, seats=None, taken=0, **facts):
    session = SessionFactory(starts_at=now + timedelta(days=days), capacity=seats, **facts)
    EnrollmentFactory.create_batch(taken, course=session.course, session=session)
    return session


def offered(now, learner, **facts) -> WaitlistPlace:
    session = coming(now, seats=1, taken=1, **facts)
    place = waitlist.join(learner=learner, session=session, at=now)
    held = Enrollment.objects.get(session=session)
    enrollment.withdraw(enrollment=held, at=now)
    place.refresh_from_db()
    return place


def post(client, name, *args, **data) -> tuple[str, list[str]]:
    """Where it leads, and what is said."""
    response = client.post(reverse(f"courses:{name}", args=args), data)
    assert response.status_code == 302
    return response.url, [str(message) for message in get_messages(response.wsgi_request)]


# --- The panel --------------------------------------------------------------


def test_a_full_session_has_a_waitlist_and_then_ones_position(client, learner, now):
    session = coming(now, seats=1, taken=1)
    WaitlistPlaceFactory(session=session)
    course = session.course
    before = panel(client, course)

    url, said = post(client, "join_waitlist", course.slug, session=session.pk)

    after = panel(client, course)
    assert "Join the waitlist" in before
    assert reverse("courses:enroll", args=[course.slug]) not in before
    assert url == course.get_absolute_url()
    assert said[0].endswith("When a seat is free, you get a mail.")
    assert "You are number 2 on the waitlist" in after
    assert "Join the waitlist" not in after


def test_leaving_the_waitlist_twice_is_no_fault(client, learner, now):
    session = coming(now, seats=1, taken=1)
    place = waitlist.join(learner=learner, session=session, at=now)

    for _ in range(2):
        _, said = post(client, "leave_waitlist", session.course.slug, place.pk)
        assert said[-1] == "You are no longer on the waitlist."

    assert "Join the waitlist" in panel(client, session.course)


def test_an_offer_is_shown_until_when_and_taken(client, learner, now):
    place = offered(now, learner)
    course = place.session.course
    shown = words(panel(client, course))

    url, _ = post(client, "accept_seat", course.slug, place.pk)

    assert "A seat is held for you" in shown
    assert "Take it before" in shown
    held = Enrollment.objects.open().get(learner=learner)
    assert url == reverse("courses:room", args=[held.pk])
    assert "You are enrolled" in panel(client, course)


def test_an_offer_is_declined(client, learner, now):
    place = offered(now, learner)

    _, said = post(client, "decline_seat", place.session.course.slug, place.pk)

    place.refresh_from_db()
    assert (place.state, said) == ("declined", ["The seat goes to the next person."])


def test_an_offer_that_is_over_is_not_shown_as_one(client, learner, now):
    place = offered(now, learner)
    over = now - timedelta(seconds=1)
    WaitlistPlace.objects.update(
        offered_at=over - timedelta(days=1), joined_at=over, offer_expires_at=over
    )

    shown = panel(client, place.session.course)
    _, said = post(client, "accept_seat", place.session.course.slug, place.pk)

    assert "Your offer has lapsed" in shown
    assert "Take the seat" not in shown
    assert said[0].startswith("This offer is over.")


def test_the_place_of_another_is_nobodys_business(client, learner, now):
    place = offered(now, UserFactory())
    slug = place.session.course.slug

    statuses = [
        client.post(reverse(f"courses:{name}", args=[slug, place.pk])).status_code
        for name in ("leave_waitlist", "accept_seat", "decline_seat")
    ]

    place.refresh_from_db()
    assert (statuses, place.state) == ([404, 404, 404], "offered")
    assert "held for you" not in panel(client, place.session.course)
    mine = offered(now, learner)
    elsewhere = reverse("courses:accept_seat", args=[slug, mine.pk])
    assert client.post(elsewhere).status_code == 404


def test_none_of_it_is_done_by_a_link(client, learner, now):
    place = offered(now, learner)
    slug = place.session.course.slug
    addresses = [reverse(f"courses:{name}", args=[slug]) for name in ("move", "join_waitlist")]
    addresses += [
        reverse(f"courses:{name}", args=[slug, place.pk])
        for name in ("leave_waitlist", "accept_seat", "decline_seat")
    ]

    assert {client.get(address).status_code for address in addresses} == {405}


def test_a_session_that_is_not_of_the_course_cannot_be_chosen(client, learner, now):
    session, other = coming(now), coming(now)

    for name in ("join_waitlist", "enroll"):
        _, said = post(client, name, session.course.slug, session=other.pk)
        assert said[-1] == "Choose a session."
    _, said = post(client, "join_waitlist", session.course.slug, session="' OR 1=1")
    assert said[-1] == "Choose a session."
    assert not Enrollment.objects.filter(learner=learner).exists()


def test_a_seat_is_changed_for_one_in_another_session(client, learner, now):
    first = coming(now)
    second = coming(now, days=20, course=first.course)
    held = EnrollmentFactory(learner=learner, course=first.course, session=first)
    shown = panel(client, first.course)

    url, _ = post(client, "move", first.course.slug, session=second.pk)

    held.refresh_from_db()
    assert "Change to another session" in shown
    assert re.findall(r'name="session" value="(\d+)"', shown) == [str(second.pk)]
    assert (held.session, url) == (second, reverse("courses:room", args=[held.pk]))


def test_a_stranger_to_the_course_has_nothing_to_move(client, learner, now):
    session = coming(now)

    address = reverse("courses:move", args=[session.course.slug])

    assert client.post(address, {"session": session.pk}).status_code == 404


def test_a_cancelled_session_is_said_with_the_ways_on(client, learner, now):
    first = coming(now)
    coming(now, days=20, course=first.course)
    held = EnrollmentFactory(learner=learner, course=first.course, session=first)
    list_in_catalog(first.course)
    sessions.cancel(session=first, reason="The host is ill.", at=now)

    on_page = words(panel(client, first.course))
    in_room = words(client.get(reverse("courses:room", args=[held.pk])).text)
    at_home = words(client.get(reverse("home")).text)

    assert "Your session was cancelled. The reason: The host is ill." in on_page
    assert "Choose the other session" in on_page
    assert "Withdraw from the course" in on_page
    assert "Your session was cancelled" in in_room
    assert "Join the session" not in in_room
    assert "was cancelled. Choose another one" in at_home
    assert "Next live session" not in at_home


def test_a_cancelled_session_cannot_be_chosen_any_more(client, learner, now):
    session = coming(now)
    sessions.cancel(session=session, reason="Snow", at=now)

    assert "No date is announced." in panel(client, session.course)


def test_an_offer_is_shown_at_home_and_in_the_room(client, learner, now):
    place = offered(now, learner)
    other = coming(now, days=20, course=place.session.course)
    held = EnrollmentFactory(learner=learner, course=other.course, session=other)

    for address in (reverse("home"), reverse("courses:room", args=[held.pk])):
        text = client.get(address).text
        assert "A seat is held for you" in text
        assert reverse("courses:accept_seat", args=[other.course.slug, place.pk]) in text
    assert "You give up your seat on" in words(panel(client, other.course))


def test_the_enrollment_window_is_said(client, learner, now):
    session = coming(now, enrollment_opens_at=now + timedelta(days=2))
    closed = coming(now, enrollment_closes_at=now - timedelta(days=2))
    closing = coming(now, enrollment_closes_at=now + timedelta(days=2))

    assert "Enrollment opens on" in words(panel(client, session.course))
    assert "Enrollment is closed" in words(panel(client, closed.course))
    assert "Enroll before" in words(panel(client, closing.course))
    for shown in (session, closed):
        assert reverse("courses:enroll", args=[shown.course.slug]) not in panel(
            client, shown.course
        )


def test_a_session_without_seats_is_closed_and_has_no_waitlist(client, learner, now):
    session = coming(now, seats=0)

    shown = panel(client, session.course)

    assert "Enrollment is closed" in shown
    assert "Join the waitlist" not in shown


def test_a_visitor_learns_that_there_is_a_waitlist(client, now):
    session = coming(now, seats=1, taken=1)

    shown = words(panel(client, session.course))

    assert "Full, with a waitlist" in shown
    assert "Sign in to join the waitlist" in shown


# --- Credit that was given --------------------------------------------------


def completed(learner, now, **facts):
    held = ready_to_complete(now, learner=learner, course=CourseFactory(**facts))
    return completion.complete(enrollment=held, at=now)


def test_one_is_told_beforehand_that_credit_is_given_once(client, learner, now):
    done = completed(learner, now)

    shown = words(panel(client, done.course))

    assert "You earned the credit of this course on" in shown
    assert "It is given once." in shown
    assert reverse("courses:enroll", args=[done.course.slug]) not in panel(client, done.course)


def test_one_is_told_beforehand_from_when_it_may_be_earned_again(client, learner, now):
    soon = completed(learner, now, repeat_after_days=365)
    ago = now - timedelta(days=400)
    long_ago = completed(learner, ago, repeat_after_days=365)

    assert "It may be earned again from" in words(panel(client, soon.course))
    assert reverse("courses:enroll", args=[soon.course.slug]) not in panel(client, soon.course)
    assert reverse("courses:enroll", args=[long_ago.course.slug]) in panel(client, long_ago.course)


def test_the_day_told_is_the_one_that_was_corrected(client, learner, now):
    done = completed(learner, now, repeat_after_days=90)
    day = done.credit_entry.earned_on - timedelta(days=91)
    certificates.reissue(
        entry=done.credit_entry,
        correction=ledger.Correction(started_on=day, earned_on=day),
        reason_class="date",
        reason="The log says so.",
        by=UserFactory(),
        at=now,
    )

    shown = words(panel(client, done.course))

    assert f"Completed on {show_day(day)}" in shown
    assert f"It may be earned again from {show_day(day + timedelta(days=90))}" in shown
    assert reverse("courses:enroll", args=[done.course.slug]) in panel(client, done.course)


def test_of_a_live_course_only_sessions_late_enough_give_the_credit_again(client, learner, now):
    done = completed(learner, now, live=True, requires_attendance=False, repeat_after_days=365)
    course = done.course
    coming(now, days=100, course=course)
    late = coming(now, days=400, course=course)

    shown = panel(client, course)

    assert "Too soon for the credit again" in shown
    enabled = re.findall(r'value="(\d+)" required>', shown)
    assert enabled == [str(late.pk)]


# --- Clock changes ----------------------------------------------------------


@pytest.mark.parametrize(
    ("starts_at", "here", "there"),
    [
        # Arizona keeps its clocks when New York sets them back on Nov 1, 2026.
        ("2026-10-31T17:00", "1:00 to 2:30 PM EDT", "10:00 AM MST"),
        ("2026-11-01T17:00", "12:00 to 1:30 PM EST", "10:00 AM MST"),
        # 1:30 AM comes twice that night.
        ("2026-11-01T05:30", "1:30 AM EDT to 2:00 AM EST", "10:30 PM MST"),
        ("2026-11-01T06:30", "1:30 to 3:00 AM EST", "11:30 PM MST"),
        # On Mar 14, 2027, there is no 2:30 AM.
        ("2027-03-14T06:30", "1:30 AM EST to 4:00 AM EDT", "11:30 PM MST"),
        ("2027-03-13T17:00", "12:00 to 1:30 PM EST", "10:00 AM MST"),
        ("2027-03-14T17:00", "1:00 to 2:30 PM EDT", "10:00 AM MST"),
    ],
)
def test_times_are_right_across_clock_changes(client, learner, monkeypatch, starts_at, here, there):
    starts_at = datetime.fromisoformat(starts_at).replace(tzinfo=UTC)
    session = SessionFactory(starts_at=starts_at, time_zone="America/Phoenix")
    monkeypatch.setattr(timezone, "now", lambda: starts_at - timedelta(days=3))
    client.force_login(learner)

    shown = words(panel(client, session.course))

    assert here in shown
    assert re.search(rf"Where the host is: \w+, \w+ \d+, {there}", shown)


def test_a_session_in_ones_own_zone_has_no_second_time(client, learner, now):
    session = coming(now)

    assert "Where the host is" not in words(panel(client, session.course))


# --- Queries ----------------------------------------------------------------


def test_more_sessions_and_places_ask_no_more_of_the_database(client, learner, now):
    def queries(course) -> int:
        client.get(course.get_absolute_url())
        with CaptureQueriesContext(
            connection,
        ) as asked:
            client.get(course.get_absolute_url())
        return len(asked)

    few = coming(now, seats=1, taken=1)
    waitlist.join(learner=learner, session=few, at=now)
    course = CourseFactory(live=True)
    for days in (10, 20, 30):
        many = coming(now, days=days, seats=1, taken=1, course=course)
        waitlist.join(learner=learner, session=many, at=now)

    assert queries(few.course) == queries(course)


def test_more_offers_at_home_ask_no_more_of_the_database(client, learner, now):
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get(reverse("home"))
        return len(asked)

    offered(now, learner)
    queries()
    one = queries()
    for _ in range(2):
        offered(now, learner)

    assert queries() == one
