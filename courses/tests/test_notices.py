"""What a learner is told by mail about a seat: the words, the calendar with it, and once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar

from accounts.models import OutgoingMail
from accounts.tests.factories import UserFactory
from courses import notices
from courses.models import Enrollment, Session, WaitlistPlace
from courses.tests.factories import CourseFactory, EnrollmentFactory, SessionFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _site(settings):
    settings.SITE_URL = "https://portal.example.org"


def held(**facts) -> Enrollment:
    """A seat in a live session, held by somebody in California."""
    session = SessionFactory(
        starts_at=datetime(2026, 6, 1, 16, 0, tzinfo=UTC), course__title="Consent & <minors>"
    )
    learner = UserFactory(legal_name="Maya Okafor", time_zone="America/Los_Angeles")
    return EnrollmentFactory(
        **{"learner": learner, "course": session.course, "session": session, **facts}
    )


def place(state, **facts) -> WaitlistPlace:
    session = SessionFactory(course__title="Consent")
    learner = UserFactory(time_zone="America/Los_Angeles")
    return WaitlistPlace(session=session, learner=learner, state=state, **facts)


def told() -> OutgoingMail:
    return OutgoingMail.objects.get()


def event(mail: OutgoingMail):
    calendar = Calendar.from_ical(mail.calendar)
    (found,) = calendar.walk("VEVENT")
    return str(calendar["METHOD"]), found


def test_a_seat_in_a_session_is_told_in_both_zones_with_an_invitation(noon):
    seat = held()

    notices.enrolled(enrollment=seat, at=noon)

    mail = told()
    assert (mail.kind, mail.recipient) == ("enrollment-confirmed", seat.learner)
    assert mail.subject == "Enrolled: Consent & <minors>"
    assert (
        "Jun 1, 2026, 9:00 to 10:30 AM PDT\n"
        "Where the host is: Mon, Jun 1, 12:00 PM EDT\n"
        "Online\n"
        "To join: https://meet.example/consent\n" in mail.body
    )
    assert f"https://portal.example.org/learn/{seat.pk}/" in mail.body
    method, found = event(mail)
    assert (method, str(found["STATUS"])) == ("REQUEST", "CONFIRMED")


def test_a_seat_in_a_course_on_demand_is_told_with_its_last_moment_and_no_calendar(noon):
    learner = UserFactory(time_zone="America/Los_Angeles")
    seat = EnrollmentFactory(learner=learner, expires_at=datetime(2027, 1, 1, 8, 0, tzinfo=UTC))

    notices.enrolled(enrollment=seat, at=noon)

    assert "Finish it before Jan 1, 2027, 12:00 AM PST." in told().body
    assert told().calendar == ""


def test_a_seat_given_back_takes_the_session_out_of_the_calendar(noon):
    seat = held()

    notices.withdrawn(enrollment=seat, at=noon)

    mail = told()
    assert mail.kind == "enrollment-withdrawn"
    method, found = event(mail)
    assert (method, str(found["STATUS"])) == ("CANCEL", "CANCELLED")


def test_a_seat_given_back_after_its_session_leaves_the_calendar_alone():
    seat = held()

    notices.withdrawn(enrollment=seat, at=seat.session.ends_at)

    assert told().calendar == ""


def test_a_move_tells_both_sessions_and_moves_the_event(noon):
    seat = held()
    left = seat.session
    seat.session = SessionFactory(course=seat.course, starts_at=left.starts_at + 7 * DAY)
    seat.save()

    notices.moved(enrollment=seat, left=left, at=noon)

    mail = told()
    assert mail.kind == "session-moved"
    assert mail.subject == "New session, Mon, Jun 8, 9:00 AM PDT: Consent & <minors>"
    assert "Jun 8, 2026, 9:00 to 10:30 AM PDT" in mail.body
    assert "You no longer have a seat on Jun 1, 2026, 9:00 to 10:30 AM PDT." in mail.body
    method, found = event(mail)
    assert (method, found.start) == ("REQUEST", seat.session.starts_at)


def test_a_changed_session_is_told_as_it_is_now_and_not_after_it(noon):
    seat = held()
    Session.objects.update(place="118 Canal Street", sequence=1, changed_at=noon)
    seat.session.refresh_from_db()

    notices.session_changed(enrollment=seat, at=noon)

    mail = told()
    assert (mail.kind, mail.until) == ("session-changed", seat.session.ends_at)
    assert "Where it is held: Mon, Jun 1, 12:00 PM EDT\n118 Canal Street, and online" in mail.body
    method, found = event(mail)
    assert (method, found["SEQUENCE"], found["LAST-MODIFIED"].dt) == ("REQUEST", 1, noon)


def test_a_cancelled_session_is_told_with_its_reason_and_leaves_the_calendar(noon):
    seat = held()
    Session.objects.update(cancelled_at=noon, cancel_reason="The host is ill.", sequence=1)
    seat.session.refresh_from_db()

    notices.session_cancelled(enrollment=seat, at=noon)

    mail = told()
    assert mail.kind == "session-cancelled"
    assert "The reason: The host is ill." in mail.body
    assert "meet.example" not in mail.body
    method, found = event(mail)
    assert (method, str(found["STATUS"]), found["SEQUENCE"]) == ("CANCEL", "CANCELLED", 1)


def test_an_offer_says_until_when_and_is_not_sent_after_that(noon):
    offered = place("offered", offered_at=noon, offer_expires_at=noon + DAY)

    notices.seat_offered(place=offered, at=noon)

    mail = told()
    assert (mail.kind, mail.until) == ("waitlist-offer", noon + DAY)
    assert mail.subject == "A seat is free, yours until Tue, Mar 3, 4:00 AM PST: Consent"
    # Who has no seat yet gets no link to join.
    assert "meet.example" not in mail.body


@pytest.mark.parametrize(
    ("state", "cancelled", "subject", "words"),
    [
        (
            "expired",
            False,
            "Your offer has lapsed: Consent",
            "The seat is offered to the next",
        ),
        ("closed", True, "Session cancelled: Consent", "The reason: The host is ill."),
        ("closed", False, "Waitlist closed: Consent", "no seat could be offered to you"),
    ],
)
def test_the_end_of_a_wait_is_told_with_its_reason(noon, state, cancelled, subject, words):
    offer = {"offered_at": noon, "offer_expires_at": noon + DAY} if state == "expired" else {}
    ended = place(state, closed_at=noon, **offer)
    if cancelled:
        ended.session.cancelled_at, ended.session.cancel_reason = noon, "The host is ill."

    notices.waitlist_closed(place=ended, at=noon)

    assert (told().kind, told().subject) == ("waitlist-closed", subject)
    assert words in told().body


def test_the_end_of_the_time_for_a_course_is_told(noon):
    seat = EnrollmentFactory(expires_at=noon)

    notices.enrollment_expired(enrollment=seat, at=noon)

    assert told().kind == "enrollment-expired"
    assert "ended on Mar 2, 2026, 7:00 AM EST" in told().body


def test_each_event_is_told_once_and_a_later_one_again(noon):
    seat = held()
    session, offered = seat.session, place("offered", offered_at=noon)
    offered.offer_expires_at = noon + DAY

    def tell(at):
        notices.enrolled(enrollment=seat, at=at)
        notices.moved(enrollment=seat, left=session, at=at)
        notices.session_changed(enrollment=seat, at=at)
        notices.session_cancelled(enrollment=seat, at=at)
        notices.seat_offered(place=offered, at=at)

    tell(noon)
    tell(noon)
    first = OutgoingMail.objects.count()
    session.sequence += 1
    offered.offered_at += DAY
    tell(noon + DAY)

    # All but the enrollment itself happened again.
    assert (first, OutgoingMail.objects.count()) == (5, 9)


def test_no_mail_grows_a_line_or_a_header_from_a_hostile_title(noon):
    seat = EnrollmentFactory(course=CourseFactory(title="A\r\nBcc: x@y.example\n\nB"))

    notices.enrolled(enrollment=seat, at=noon)

    assert told().subject == "Enrolled: A Bcc: x@y.example B"
