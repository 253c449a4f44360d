"""Who waits, who is offered a seat, and that nobody is overtaken or asked twice."""

from datetime import timedelta

import pytest

from accounts.models import OutgoingMail
from accounts.tests.factories import UserFactory
from courses import catalog, completion, enrollment, sessions, tasks, waitlist
from courses.models import Enrollment, Session, WaitlistPlace
from courses.seats import OFFER_LASTS, taken
from courses.tests.factories import (
    ApprovalFactory,
    CourseFactory,
    EnrollmentFactory,
    SessionFactory,
    WaitlistPlaceFactory,
)
from courses.tests.stories import attend, ready_to_complete

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def full_session(seats: int = 1, **facts) -> Session:
    session = SessionFactory(capacity=seats, **facts)
    EnrollmentFactory.create_batch(seats, course=session.course, session=session)
    return session


def join(session, at, learner=None):
    return waitlist.join(learner=learner or UserFactory(), session=session, at=at)


def refusal(verb, **facts) -> str:
    with pytest.raises(waitlist.WaitlistError) as refused:
        verb(**facts)
    return str(refused.value)


def give_back_a_seat(session, at) -> None:
    held = Enrollment.objects.open().filter(session=session).order_by("enrolled_at", "pk").first()
    enrollment.withdraw(enrollment=held, at=at)


def states(session) -> list[str]:
    return list(session.waitlist.in_order().values_list("state", flat=True))


def mail() -> list[tuple[str, str]]:
    rows = OutgoingMail.objects.filter(kind__startswith="waitlist").order_by("created_at", "pk")
    return sorted(rows.values_list("recipient__email", "kind"))


def offered(noon, *, waiting: int = 1, **facts) -> WaitlistPlace:
    """The first of those that wait for a session of one seat, with the seat offered."""
    session = full_session(**facts)
    places = [join(session, noon + index * SECOND) for index in range(waiting)]
    give_back_a_seat(session, noon + DAY)
    places[0].refresh_from_db()
    return places[0]


# --- Join -------------------------------------------------------------------


def test_who_joins_stands_at_the_end(noon):
    session = full_session()

    places = [join(session, noon + index * SECOND) for index in range(3)]

    positions = session.waitlist.with_position().in_order().values_list("pk", "position")
    assert list(positions) == [(place.pk, number) for number, place in enumerate(places, 1)]


def test_places_of_other_sessions_are_not_in_front(noon):
    session, other = full_session(), full_session()
    join(other, noon)

    join(session, noon + SECOND)

    assert session.waitlist.with_position().get().position == 1


def test_joining_twice_gives_one_place(noon):
    session, learner = full_session(), UserFactory()

    first = join(session, noon, learner)

    assert join(session, noon + DAY, learner) == first
    assert session.waitlist.get().joined_at == noon


def test_nobody_waits_for_a_seat_that_is_free(noon):
    assert refusal(join, session=SessionFactory(capacity=1), at=noon) == (
        "A seat is free in this session: you need not wait."
    )
    assert refusal(join, session=SessionFactory(capacity=None), at=noon) == (
        "A seat is free in this session: you need not wait."
    )


def test_nobody_waits_for_a_session_that_is_closed(noon):
    assert refusal(join, session=SessionFactory(capacity=0), at=noon) == (
        "This session takes no enrollments. Choose another one."
    )


def test_who_has_a_seat_in_the_session_does_not_wait_for_it(noon):
    session = full_session()

    message = refusal(join, session=session, at=noon, learner=Enrollment.objects.get().learner)

    assert message == "You have a seat in this session."


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"cancelled_at": "noon", "cancel_reason": "Snow"}, "was cancelled"),
        ({"starts_at": "noon"}, "has begun already"),
        ({"enrollment_closes_at": "noon"}, "has closed"),
        ({"enrollment_opens_at": "later"}, "opens on"),
        ({"starts_at": "soon"}, "The waitlist of this session has ended."),
    ],
)
def test_nobody_waits_in_vain(noon, facts, words):
    moments = {"noon": noon, "later": noon + SECOND, "soon": noon + timedelta(hours=1)}
    session = full_session(**{name: moments.get(value, value) for name, value in facts.items()})

    assert words in refusal(join, session=session, at=noon)


def test_who_had_the_credit_does_not_wait_for_it(noon):
    held = ready_to_complete(noon, course=CourseFactory(live=True, requires_attendance=False))
    completion.complete(enrollment=held, at=noon)
    session = full_session(course=held.course)

    message = refusal(join, session=session, at=noon, learner=held.learner)

    assert message == "You earned the credit of this course on Mar 2, 2026. It is given once."


# --- Offers -----------------------------------------------------------------


def test_a_seat_given_back_is_offered_to_the_first(noon):
    session = full_session()
    first, second = (join(session, noon + index * SECOND) for index in range(2))

    give_back_a_seat(session, noon + DAY)

    first.refresh_from_db()
    assert states(session) == ["offered", "waiting"]
    assert (first.offered_at, first.offer_expires_at) == (noon + DAY, noon + DAY + OFFER_LASTS)
    assert taken(session) == 1
    assert mail() == [(first.learner.email, "waitlist-offer")]


def test_an_offer_ends_an_hour_before_the_session_or_when_enrollment_closes(noon):
    soon = full_session(starts_at=noon + timedelta(hours=10))
    closing = full_session(enrollment_closes_at=noon + timedelta(hours=3))

    for session in (soon, closing):
        join(session, noon)
        give_back_a_seat(session, noon + SECOND)

    ends = [session.waitlist.get().offer_expires_at for session in (soon, closing)]
    assert ends == [noon + timedelta(hours=9), noon + timedelta(hours=3)]


def test_nobody_who_waits_is_overtaken(noon):
    place = offered(noon)
    session = place.session

    with pytest.raises(enrollment.EnrollmentError, match="full"):
        enrollment.enroll(
            learner=UserFactory(), course=session.course, session=session, at=noon + DAY
        )

    assert states(session) == ["offered"]


def test_a_seat_that_was_freed_unnoticed_goes_to_who_waits(noon):
    """As when rows were changed by hand: whoever comes next settles the waitlist first."""
    session = full_session()
    join(session, noon)
    Enrollment.objects.update(withdrawn_at=noon)

    with pytest.raises(enrollment.EnrollmentError, match="full"):
        enrollment.enroll(learner=UserFactory(), course=session.course, session=session, at=noon)

    assert waitlist.due(at=noon) == [session.pk]
    waitlist.promote(session=session, at=noon)
    assert states(session) == ["offered"]
    assert waitlist.due(at=noon) == []


def test_in_the_last_hour_a_free_seat_goes_to_whoever_comes(noon):
    session = full_session(starts_at=noon + timedelta(hours=2))
    place = join(session, noon)
    last_hour = noon + timedelta(hours=1)
    give_back_a_seat(session, last_hour)

    held = enrollment.enroll(
        learner=UserFactory(), course=session.course, session=session, at=last_hour
    )

    assert held.session == session
    assert states(session) == ["closed"]
    assert mail() == [(place.learner.email, "waitlist-closed")]


def test_more_seats_go_to_those_who_wait_in_order(noon):
    session = full_session()
    for index in range(3):
        join(session, noon + index * SECOND)

    session.capacity = 3
    sessions.save(session=session, at=noon + DAY)
    raised = states(session)
    session.capacity = None
    sessions.save(session=session, at=noon + DAY)

    assert raised == ["offered", "offered", "waiting"]
    assert states(session) == ["offered", "offered", "offered"]


def test_one_who_cannot_sign_in_any_more_is_passed_over(noon):
    session = full_session()
    join(session, noon, UserFactory(is_active=False))
    join(session, noon + SECOND)

    give_back_a_seat(session, noon + DAY)

    assert states(session) == ["waiting", "offered"]


def test_no_seat_is_offered_that_would_give_no_credit_and_none_is_lost(noon):
    session = full_session()
    join(session, noon)
    session.course.provider.approvals.all().delete()
    give_back_a_seat(session, noon + DAY)
    without = states(session)

    ApprovalFactory(provider=session.course.provider)
    waitlist.promote(session=session, at=noon + DAY)

    assert without == ["waiting"]
    assert states(session) == ["offered"]


# --- Take the seat ----------------------------------------------------------


def test_accepting_gives_the_seat_once(noon):
    place = offered(noon)

    held = waitlist.accept(place=place, at=noon + DAY)

    assert waitlist.accept(place=place, at=noon + DAY + SECOND) == held
    place.refresh_from_db()
    assert (place.state, place.enrollment, place.closed_at) == ("taken", held, noon + DAY)
    assert (held.learner, held.session) == (place.learner, place.session)
    assert taken(place.session) == 1


def test_enrolling_with_an_offer_takes_it(noon):
    place = offered(noon)

    held = enrollment.enroll(
        learner=place.learner, course=place.session.course, session=place.session, at=noon + DAY
    )

    place.refresh_from_db()
    assert (place.state, place.enrollment) == ("taken", held)


def test_who_has_a_seat_in_another_session_moves(noon):
    place = offered(noon)
    course = place.session.course
    other = SessionFactory(course=course, capacity=1)
    held = EnrollmentFactory(learner=place.learner, course=course, session=other)
    waiting = join(other, noon)

    moved = waitlist.accept(place=place, at=noon + DAY)

    waiting.refresh_from_db()
    assert (moved, moved.session) == (held, place.session)
    assert waiting.state == "offered"


def test_an_offer_is_good_until_its_last_second(noon):
    place, late = offered(noon), offered(noon)

    held = waitlist.accept(place=place, at=place.offer_expires_at - SECOND)

    assert held.session == place.session
    assert refusal(waitlist.accept, place=late, at=late.offer_expires_at) == (
        "This offer is over. If the session is still full, you can join its waitlist anew."
    )


def test_one_who_only_waits_cannot_take_or_decline(noon):
    place = join(full_session(), noon)

    for verb in (waitlist.accept, waitlist.decline):
        assert refusal(verb, place=place, at=noon) == (
            "No seat is free yet. You keep your place in the line."
        )


@pytest.mark.parametrize("state", ["declined", "expired", "left", "closed"])
def test_what_is_over_stays_over(noon, state):
    place = offered(noon)
    times = {"offered_at": None, "offer_expires_at": None} if state == "left" else {}
    WaitlistPlace.objects.filter(pk=place.pk).update(state=state, closed_at=noon, **times)

    assert "is over" in refusal(waitlist.accept, place=place, at=noon + DAY)
    if state != "declined":
        assert "is over" in refusal(waitlist.decline, place=place, at=noon + DAY)
    waitlist.leave(place=place, at=noon + DAY)
    waitlist.promote(session=place.session, at=noon + 2 * DAY)

    place.refresh_from_db()
    assert (place.state, place.closed_at) == (state, noon)


def test_a_seat_that_was_taken_is_given_back_by_withdrawing(noon):
    place = offered(noon)
    waitlist.accept(place=place, at=noon + DAY)

    assert refusal(waitlist.leave, place=place, at=noon + DAY) == (
        "You have taken this seat. To give it back, withdraw from the course."
    )
    assert "is over" in refusal(waitlist.decline, place=place, at=noon + DAY)


# --- Decline, leave, lapse --------------------------------------------------


@pytest.mark.parametrize("verb", [waitlist.decline, waitlist.leave])
def test_a_declined_seat_goes_to_the_next_once(noon, verb):
    place = offered(noon, waiting=3)

    verb(place=place, at=noon + DAY)
    verb(place=place, at=noon + DAY + SECOND)

    place.refresh_from_db()
    assert place.closed_at == noon + DAY
    assert states(place.session) == ["declined", "offered", "waiting"]
    assert taken(place.session) == 1


def test_leaving_frees_no_seat(noon):
    session = full_session()
    first, _ = (join(session, noon + index * SECOND) for index in range(2))

    waitlist.leave(place=first, at=noon + DAY)

    assert states(session) == ["left", "waiting"]


@pytest.mark.parametrize("verb", [waitlist.decline, waitlist.leave])
def test_who_gave_a_place_up_may_join_anew_at_the_end(noon, verb):
    place = offered(noon, waiting=2)
    verb(place=place, at=noon + DAY)

    again = join(place.session, noon + DAY + SECOND, place.learner)

    assert states(place.session) == ["declined", "offered", "waiting"]
    assert again != place


def test_an_offer_that_lapses_goes_to_the_next_and_each_is_told_once(noon):
    first = offered(noon, waiting=2)
    session, over = first.session, first.offer_expires_at
    before = waitlist.due(at=over - SECOND)

    for _ in range(2):
        waitlist.promote(session=session, at=over)

    second = session.waitlist.offered().get()
    assert (before, states(session)) == ([], ["expired", "offered"])
    assert second.offer_expires_at == over + OFFER_LASTS
    assert mail() == sorted(
        [
            (first.learner.email, "waitlist-offer"),
            (first.learner.email, "waitlist-closed"),
            (second.learner.email, "waitlist-offer"),
        ]
    )


def test_the_sweep_asks_for_what_is_due_and_nothing_else(noon, sent_tasks):
    due = WaitlistPlaceFactory(offered=True)  # lapsed in January
    session = full_session(starts_at=due.session.starts_at + 3000 * DAY)
    WaitlistPlaceFactory(session=session)
    sent_tasks.clear()

    tasks.settle_waitlists()

    assert sent_tasks == [("courses.settle_waitlist", {"session_id": due.session_id})]
    tasks.settle_waitlist(session_id=due.session_id)
    assert states(due.session) == ["expired"]
    assert waitlist.due(at=noon) == []


# --- The end of a waitlist --------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"starts_at": "an hour before"}, ["closed", "closed"]),
        ({"enrollment_closes_at": "now"}, ["closed", "closed"]),
        ({"capacity": 0}, ["closed", "closed"]),
    ],
)
def test_a_waitlist_that_has_ended_closes(noon, change, words):
    place = offered(noon, waiting=2)
    session, now = place.session, noon + DAY
    moments = {"an hour before": now + timedelta(hours=1), "now": now}
    Session.objects.filter(pk=session.pk).update(
        **{name: moments.get(value, value) for name, value in change.items()}
    )

    assert waitlist.due(at=now) == [session.pk]
    waitlist.promote(session=session, at=now)

    assert states(session) == words
    assert waitlist.due(at=now) == []


def test_cancelling_a_session_closes_its_waitlist(noon):
    place = offered(noon, waiting=2)

    sessions.cancel(session=place.session, reason="Snow", at=noon + DAY)

    assert states(place.session) == ["closed", "closed"]
    assert len([kind for _, kind in mail() if kind == "waitlist-closed"]) == 2


def test_retiring_a_course_closes_its_waitlists(noon):
    place = offered(noon, waiting=2)

    catalog.retire(course=place.session.course, at=noon + DAY)

    assert states(place.session) == ["closed", "closed"]
    assert refusal(join, session=place.session, at=noon + DAY) == (
        "This course is not open for enrollment."
    )


def test_no_seat_is_offered_to_who_has_had_the_credit_meanwhile(noon):
    session = SessionFactory(capacity=1)
    seated = EnrollmentFactory(course=session.course, session=session)
    first, second = WaitlistPlaceFactory.create_batch(2, session=session)
    earned = SessionFactory(course=session.course, starts_at=noon - timedelta(days=1))
    done = ready_to_complete(noon, learner=first.learner, course=session.course, session=earned)
    attend(done, noon)

    enrollment.withdraw(enrollment=seated, at=noon)

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("waiting", "offered")
