"""The dates of a course: announced, changed, cancelled; and who is told."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import OutgoingMail
from courses import enrollment, sessions, shelf
from courses.models import CatalogEntry, Session
from courses.tests.factories import (
    CourseFactory,
    EnrollmentFactory,
    SessionFactory,
    WaitlistPlaceFactory,
)
from courses.tests.stories import list_in_catalog

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def save(session: Session, at, **changes) -> None:
    for name, value in changes.items():
        setattr(session, name, value)
    sessions.save(session=session, at=at)


def refusal(verb, **facts) -> tuple[str, str | None]:
    with pytest.raises(sessions.SessionError) as refused:
        verb(**facts)
    return str(refused.value), refused.value.field


def enrolled(session: Session, count: int = 1):
    return EnrollmentFactory.create_batch(count, course=session.course, session=session)


def told() -> list[tuple[str, str]]:
    return sorted(OutgoingMail.objects.values_list("kind", "recipient__email"))


# --- Minutes to attend ------------------------------------------------------


@pytest.mark.parametrize(
    ("course", "session", "minutes"),
    [
        ({"attendance_minutes": 80}, {}, 80),
        ({"attendance_minutes": None, "attendance_percent": 75}, {}, 68),  # of 90, rounded up
        ({"attendance_minutes": 80}, {"attendance_minutes": 45}, 45),
        ({"attendance_minutes": 120}, {}, 90),  # nobody can attend longer than it lasts
        ({"attendance_minutes": None}, {}, None),  # a draft that does not say it yet
    ],
)
def test_a_session_keeps_how_long_one_must_attend(noon, course, session, minutes):
    new = SessionFactory.build(course=CourseFactory(live=True, **course), **session)

    sessions.save(session=new, at=noon)

    assert Session.objects.get().attendance_minutes == minutes


def test_a_later_edit_of_the_course_leaves_its_sessions_alone(noon):
    session = SessionFactory()
    save(session, noon)
    session.course.attendance_minutes = 10
    session.course.save()

    save(session, noon, place="Troy")

    assert Session.objects.get().attendance_minutes == 80


# --- Changes ----------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"starts_at": datetime(2026, 6, 1, 15, tzinfo=UTC)},
        {"ends_at": datetime(2026, 6, 1, 19, tzinfo=UTC)},
        {"time_zone": "America/Chicago"},
        {"place": "Troy"},
        {"join_url": "https://meet.example/other"},
    ],
)
def test_a_new_date_place_or_link_is_a_revision_and_each_learner_is_told(noon, change):
    session = SessionFactory(sequence=4)
    learners = [held.learner.email for held in enrolled(session, 2)]
    gone = enrolled(session)[0]
    enrollment.withdraw(enrollment=gone, at=noon)
    OutgoingMail.objects.all().delete()

    save(session, noon, **change)

    session.refresh_from_db()
    assert (session.sequence, session.changed_at) == (5, noon)
    assert told() == sorted(("session-changed", email) for email in learners)


def test_what_learners_need_not_know_is_no_revision(noon):
    session = SessionFactory()
    enrolled(session)

    save(session, noon, capacity=30, attendance_minutes=70, enrollment_closes_at=noon)

    session.refresh_from_db()
    assert (session.sequence, session.changed_at, session.capacity) == (0, None, 30)
    assert told() == []


def test_a_correction_after_the_session_is_told_to_nobody(noon):
    session = SessionFactory(starts_at=noon - 3 * HOUR)
    enrolled(session)

    save(session, noon, ends_at=noon - HOUR)

    assert told() == []


def test_a_revision_counts_from_the_row_not_from_an_old_copy(noon):
    session = SessionFactory()
    old_copy = Session.objects.get()
    save(session, noon, place="Troy")

    save(old_copy, noon + HOUR, place="Albany")

    assert Session.objects.get().sequence == 2


def test_a_shorter_session_asks_no_more_than_it_can_and_a_longer_one_no_more_than_before(noon):
    session = SessionFactory()
    [held] = enrolled(session)
    save(session, noon)

    save(session, noon, ends_at=session.starts_at + HOUR, attendance_minutes=50)
    held.refresh_from_db()
    shorter = held.requirements["attendance"]
    save(session, noon, ends_at=session.starts_at + 3 * HOUR, attendance_minutes=170)

    held.refresh_from_db()
    assert shorter == held.requirements["attendance"] == {"minutes": 50}


def test_fewer_seats_than_are_taken_are_refused_in_figures(noon):
    session = SessionFactory(capacity=5)
    enrolled(session, 2)
    WaitlistPlaceFactory(session=session, offered=True)

    session.capacity = 2
    refused = refusal(sessions.save, session=session, at=noon)

    assert refused == (
        "3 seats are taken, with those on offer to the waitlist. Allow at least 3.",
        "capacity",
    )
    assert Session.objects.get().capacity == 5
    save(session, datetime(2026, 1, 5, 10, tzinfo=UTC), capacity=3)
    assert Session.objects.get().capacity == 3


def test_no_seats_is_closed_and_nothing_is_no_limit(noon):
    session = SessionFactory(capacity=5)
    enrolled(session)

    session.capacity = 0
    assert refusal(sessions.save, session=session, at=noon)[1] == "capacity"
    save(session, noon, capacity=None)
    assert Session.objects.with_seats_taken().get().seats_left is None
    empty = SessionFactory(capacity=3)
    save(empty, noon, capacity=0)
    assert Session.objects.with_seats_taken().get(pk=empty.pk).seats_left == 0


def test_a_session_that_is_over_full_can_still_be_edited(noon):
    session = SessionFactory(capacity=1)
    enrolled(session, 2)

    save(session, noon, place="Troy")

    assert Session.objects.get().place == "Troy"


def test_a_session_with_learners_stays_with_its_course(noon):
    session, other = SessionFactory(), CourseFactory(live=True)
    save(session, noon, course=other)
    enrolled(session)

    session.course = CourseFactory(live=True)

    assert refusal(sessions.save, session=session, at=noon)[1] == "course"
    assert Session.objects.get().course == other


# --- Cancel -----------------------------------------------------------------


def test_cancelling_tells_each_learner_and_keeps_their_enrollments(noon):
    session = SessionFactory()
    learners = enrolled(session, 2)

    for reason in ("Snow", "No reason at all"):
        sessions.cancel(session=session, reason=reason, at=noon)

    session.refresh_from_db()
    facts = (session.cancelled_at, session.cancel_reason, session.sequence, session.changed_at)
    assert facts == (noon, "Snow", 1, noon)
    assert session.enrollments.open().count() == 2
    assert told() == sorted(("session-cancelled", held.learner.email) for held in learners)


def test_a_reason_is_asked_for(noon):
    session = SessionFactory()

    assert refusal(sessions.cancel, session=session, reason="  ", at=noon) == (
        "Say why: learners are told.",
        "reason",
    )


def test_what_was_held_is_not_cancelled(noon):
    over, gave_credit = SessionFactory(ends_at=noon, starts_at=noon - HOUR), SessionFactory()
    [held] = enrolled(gave_credit)
    type(held).objects.update(completed_at=noon)

    assert "is over" in refusal(sessions.cancel, session=over, reason="Snow", at=noon)[0]
    assert (
        "has given credit"
        in (refusal(sessions.cancel, session=gave_credit, reason="Snow", at=noon)[0])
    )


def test_a_cancelled_session_stays_as_it_was(noon):
    session = SessionFactory()
    old_copy = Session.objects.get()
    sessions.cancel(session=session, reason="Snow", at=noon)

    old_copy.place = "Troy"

    assert refusal(sessions.save, session=old_copy, at=noon) == (
        "This session was cancelled. Announce a new one instead.",
        None,
    )


def test_a_cancelled_session_leaves_the_catalog(noon):
    session = SessionFactory()
    list_in_catalog(session.course)
    before = CatalogEntry.objects.get().facts["sessions"]

    sessions.cancel(session=session, reason="Snow", at=noon)

    assert before == [session.starts_at.timestamp()]
    assert CatalogEntry.objects.get().facts["sessions"] == []
    assert shelf.versions([session.course_id]) == {
        session.course_id: CatalogEntry.objects.get().version
    }
