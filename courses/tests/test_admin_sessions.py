"""Sessions in the admin: changed, cancelled, and who has a seat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import OutgoingMail
from accounts.tests.factories import UserFactory
from courses.models import CatalogEntry, Session
from courses.tests.factories import (
    CourseFactory,
    EnrollmentFactory,
    SessionFactory,
    WaitlistPlaceFactory,
)
from courses.tests.stories import list_in_catalog
from courses.tests.test_admin import NO_ROWS, form_data, page

pytestmark = pytest.mark.django_db


@pytest.fixture
def curator(client):
    user = UserFactory(is_staff=True)
    user.groups.add(Group.objects.get(name="Curators"))
    client.force_login(user)
    return user


def as_typed(session, **changes) -> dict:
    """The form of a session as it stands, with changes."""
    form = {
        "course": session.course_id,
        "key": session.key,
        "time_zone": session.time_zone,
        "capacity": "" if session.capacity is None else session.capacity,
        "join_url": session.join_url,
        **NO_ROWS,
    }
    for name in ("starts_at", "ends_at"):
        moment = getattr(session, name).astimezone(session.tz)
        form |= {f"{name}_0": f"{moment:%Y-%m-%d}", f"{name}_1": f"{moment:%H:%M:%S}"}
    return form | changes


def test_fewer_seats_than_are_taken_are_refused_beside_the_field(client, curator):
    session = SessionFactory(capacity=3)
    EnrollmentFactory.create_batch(2, course=session.course, session=session)
    address = page("courses_session_change", session.pk)

    refused = client.post(address, as_typed(session, capacity=1))
    saved = client.post(address, as_typed(session, capacity=2))

    assert refused.context["adminform"].form.errors == {
        "capacity": ["2 seats are taken, with those on offer to the waitlist. Allow at least 2."]
    }
    assert saved.status_code == 302
    assert Session.objects.get().capacity == 2


def test_a_new_time_is_told_to_learners_and_relisted(client, curator):
    session = SessionFactory()
    list_in_catalog(session.course)
    EnrollmentFactory(course=session.course, session=session)
    Session.objects.update(starts_at=timezone.now() + timedelta(days=3))
    Session.objects.update(ends_at=timezone.now() + timedelta(days=4))
    session.refresh_from_db()

    client.post(
        page("courses_session_change", session.pk), as_typed(session, starts_at_1="00:00:00")
    )

    session.refresh_from_db()
    assert session.sequence == 1
    assert OutgoingMail.objects.get().kind == "session-changed"
    assert CatalogEntry.objects.get().facts["sessions"] == [session.starts_at.timestamp()]


def test_the_sessions_of_a_course_are_changed_by_the_same_rules(client, curator):
    """Typed below the course, a session keeps its minutes to attend, as on its own page."""
    course = CourseFactory(live=True)
    address = page("courses_course_change", course.pk)
    form = form_data(client.get(address))
    form |= {
        "sessions-TOTAL_FORMS": "1",
        "sessions-0-key": "first",
        "sessions-0-starts_at_0": "2027-01-13",
        "sessions-0-starts_at_1": "12:00:00",
        "sessions-0-ends_at_0": "2027-01-13",
        "sessions-0-ends_at_1": "13:30:00",
        "sessions-0-time_zone": "America/Los_Angeles",
        "sessions-0-join_url": "https://meet.example/first",
        "sessions-0-capacity": "2",
    }
    assert client.post(address, form).status_code == 302
    session = Session.objects.get()
    EnrollmentFactory.create_batch(2, course=course, session=session)

    form = form_data(client.get(address)) | {"sessions-0-capacity": "1"}
    refused = client.post(address, form)

    assert session.attendance_minutes == 80
    assert session.starts_at == datetime(2027, 1, 13, 20, 0, tzinfo=UTC)
    assert refused.status_code == 200
    assert "2 seats are taken" in refused.text
    assert Session.objects.get().capacity == 2


@pytest.mark.parametrize(
    ("day", "clock", "words"),
    [
        ("2026-11-01", "01:30:00", "ambiguous"),  # comes twice in New York
        ("2027-03-14", "02:30:00", "may not exist"),
    ],
)
def test_an_hour_of_a_clock_change_is_asked_about(client, curator, day, clock, words):
    session = SessionFactory()
    address = page("courses_session_change", session.pk)
    form = as_typed(session, starts_at_0=day, starts_at_1=clock, ends_at_0="2027-03-15")

    refused = client.post(address, form)
    elsewhere = client.post(address, form | {"time_zone": "America/Phoenix"})

    assert words in str(refused.context["adminform"].form.errors["starts_at"])
    assert elsewhere.status_code == 302


def test_cancelling_asks_for_the_reason_and_tells_everybody(client, curator):
    session = SessionFactory(starts_at=timezone.now() + timedelta(days=3))
    held = EnrollmentFactory(course=session.course, session=session)
    WaitlistPlaceFactory(session=session)
    address = page("courses_session_cancel_session", session.pk)

    asked = client.get(address)
    without = client.post(address, {"reason": " "})
    done = client.post(address, {"reason": "The host is ill."})

    session.refresh_from_db()
    assert "1 seat taken, 1 waiting." in asked.text
    assert (without.status_code, "Say why: learners are told." in without.text) == (422, True)
    assert (done.status_code, session.cancel_reason) == (302, "The host is ill.")
    kinds = OutgoingMail.objects.values_list("kind", "recipient")
    assert ("session-cancelled", held.learner_id) in kinds
    assert len(kinds) == 2
    assert "It was cancelled already: The host is ill." in client.get(address).text


def test_cancelling_is_not_for_everybody(client):
    session = SessionFactory()
    client.force_login(UserFactory(is_staff=True))

    response = client.post(page("courses_session_cancel_session", session.pk), {"reason": "x"})

    session.refresh_from_db()
    assert (response.status_code, session.is_cancelled) == (403, False)


def test_a_session_that_is_over_is_not_cancelled(client, curator):
    session = SessionFactory(starts_at=timezone.now() - timedelta(days=3))

    response = client.post(page("courses_session_cancel_session", session.pk), {"reason": "Snow"})

    assert response.status_code == 422
    assert "This session is over; it can no longer be cancelled." in response.text


def test_the_page_of_a_session_lists_seats_and_waitlist_with_as_many_queries_for_more(
    client, curator
):

    def queries(count: int) -> int:
        session = SessionFactory(capacity=count)
        EnrollmentFactory.create_batch(count, course=session.course, session=session)
        WaitlistPlaceFactory.create_batch(count, session=session)
        with CaptureQueriesContext(connection) as asked:
            text = client.get(page("courses_session_change", session.pk)).text
        assert all(row.learner.email in text for row in session.waitlist.all())
        return len(asked)

    queries(1)

    assert queries(1) == queries(4)
