"""Two at once, with real transactions, on both databases.

The first holds its transaction open; the second must wait for it, and then find the world as the
first left it. Each fails when its lock is removed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from datetime import timedelta
from threading import Barrier

import pytest
from django.core import mail as django_mail
from django.db import connection, transaction

from accounts import invitations, mail, supervision
from accounts import tasks as account_tasks
from accounts.models import Invitation, OutgoingMail, Scope, Side, Supervision
from accounts.tests.factories import (
    InvitationFactory,
    OutgoingMailFactory,
    SupervisionFactory,
    UserFactory,
)
from courses import (
    attestation,
    catalog,
    completion,
    enrollment,
    evaluation,
    learning,
    lessons,
    personal_calendar,
    post_test,
    reminders,
    seats,
    sessions,
    waitlist,
)
from courses.models import (
    Attempt,
    CalendarFeed,
    Completion,
    Course,
    Enrollment,
    EvaluationResponse,
    LessonProgress,
    Session,
)
from courses.tests.factories import (
    CourseFactory,
    EnrollmentFactory,
    SessionFactory,
    WaitlistPlaceFactory,
)
from courses.tests.stories import (
    answers_to,
    ratings,
    read_lessons,
    ready_but_for_the_evaluation,
    ready_to_complete,
)
from transcripts import certificates, corrections, ledger, reflections, tasks
from transcripts.models import Certificate, CorrectionRequest, CreditEntry
from transcripts.tests.factories import CertificateFactory

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)
A_MOMENT = 0.4  # seconds; long enough that a call that does not wait would be done
PATIENCE = 15  # seconds
TWENTY_SECONDS = timedelta(seconds=20)


def at_the_same_time(first, second):
    """Run ``first`` in a transaction that stays open while ``second`` runs in another thread.

    Returns both outcomes; of ``second`` also the words of its refusal.
    """

    def run_second():
        try:
            return second()
        except (
            completion.CompletionError,
            enrollment.EnrollmentError,
            learning.LearningError,
            sessions.SessionError,
            waitlist.WaitlistError,
            supervision.SupervisionError,
            ledger.LedgerError,
            corrections.CorrectionError,
        ) as error:
            return str(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as pool:
        with transaction.atomic():
            outcome = first()
            other = pool.submit(run_second)
            with pytest.raises(StillWaiting):
                other.result(timeout=A_MOMENT)
        return outcome, other.result(timeout=PATIENCE)


def test_the_last_step_handed_in_twice_gives_one_credit(noon):
    held = ready_but_for_the_evaluation(noon)

    def hand_in():
        return evaluation.hand_in(enrollment=held, answers=ratings(held.course), at=noon)

    first, second = at_the_same_time(hand_in, hand_in)

    assert first == second
    assert Completion.objects.count() == CreditEntry.objects.count() == 1
    assert Certificate.objects.count() == EvaluationResponse.objects.count() == 1


def test_completing_twice_gives_one_credit(noon):
    held = ready_to_complete(noon)

    def complete():
        return completion.complete(enrollment=held, at=noon)

    first, second = at_the_same_time(complete, complete)

    assert first == second
    assert CreditEntry.objects.count() == 1


def test_withdrawing_waits_for_the_completion_and_is_refused(noon):
    held = ready_to_complete(noon)

    _, words = at_the_same_time(
        lambda: completion.complete(enrollment=held, at=noon),
        lambda: enrollment.withdraw(enrollment=held, at=noon),
    )

    assert words == "You have completed this course; it stays on your transcript."
    assert Enrollment.objects.get().withdrawn_at is None


def test_completing_waits_for_the_withdrawal_and_is_refused(noon):
    held = ready_to_complete(noon)

    _, words = at_the_same_time(
        lambda: enrollment.withdraw(enrollment=held, at=noon),
        lambda: completion.complete(enrollment=held, at=noon),
    )

    assert words == "You withdrew from this course."
    assert CreditEntry.objects.count() == 0


def test_the_last_step_waits_for_the_end_of_the_time_and_is_refused(noon):
    held = ready_but_for_the_evaluation(noon - MINUTE, expires_at=noon)
    answers = ratings(held.course)

    _, words = at_the_same_time(
        lambda: enrollment.expire(enrollment=held, at=noon),
        # Sent in time, but it comes to the lock second.
        lambda: evaluation.hand_in(enrollment=held, answers=answers, at=noon - MINUTE),
    )

    assert words == "Your time for this course is over. Enroll again to go on."
    assert CreditEntry.objects.count() == EvaluationResponse.objects.count() == 0


def test_the_end_of_the_time_waits_for_the_last_step_and_changes_nothing(noon):
    held = ready_but_for_the_evaluation(noon - MINUTE, expires_at=noon)
    answers = ratings(held.course)

    at_the_same_time(
        lambda: evaluation.hand_in(enrollment=held, answers=answers, at=noon - MINUTE),
        lambda: enrollment.expire(enrollment=held, at=noon),
    )

    held.refresh_from_db()
    assert (held.completed_at, held.expired_at) == (noon - MINUTE, None)


def test_two_workers_that_remind_at_once_promise_one_mail(noon):
    held = ready_but_for_the_evaluation(noon - 2 * 24 * 60 * MINUTE)

    def remind():
        reminders.remind(enrollment_id=held.pk, kind="evaluation-missing", at=noon)

    at_the_same_time(remind, remind)

    assert OutgoingMail.objects.count() == 1


def test_nobody_is_reminded_of_what_they_withdraw_from_at_that_moment(noon):
    held = ready_but_for_the_evaluation(noon - 2 * 24 * 60 * MINUTE)

    at_the_same_time(
        lambda: enrollment.withdraw(enrollment=held, at=noon),
        lambda: reminders.remind(enrollment_id=held.pk, kind="evaluation-missing", at=noon),
    )

    assert OutgoingMail.objects.filter(kind="evaluation-missing").count() == 0


def test_a_new_address_made_from_two_tabs_is_one(noon):
    owner = UserFactory()

    first, second = at_the_same_time(
        lambda: personal_calendar.make(owner=owner, at=noon),
        lambda: personal_calendar.make(owner=owner, at=noon),
    )

    assert CalendarFeed.objects.get().token == second.token != first.token


def begun(held, noon):
    """An open attempt of somebody who has read every lesson."""
    read_lessons(held, noon)
    return post_test.begin(enrollment=held, at=noon)


def test_a_post_test_from_two_tabs_is_graded_once(noon):
    attempt = begun(EnrollmentFactory(course=CourseFactory(attempts_allowed=1)), noon)

    def hand_in(right):
        return post_test.hand_in(attempt=attempt, chosen=answers_to(attempt, right=right), at=noon)

    first, second = at_the_same_time(lambda: hand_in(1), lambda: hand_in(4))

    assert first == second
    assert Attempt.objects.get().right == 1


def test_a_post_test_begun_in_two_tabs_is_one_attempt(noon):
    held = EnrollmentFactory()
    read_lessons(held, noon)

    def begin():
        return post_test.begin(enrollment=held, at=noon)

    first, second = at_the_same_time(begin, begin)

    assert (second, second.shown) == (first, first.shown)
    assert Attempt.objects.count() == 1


def test_an_answer_that_comes_while_the_test_is_graded_is_refused(noon):
    attempt = begun(EnrollmentFactory(), noon)
    right = answers_to(attempt)

    graded, words = at_the_same_time(
        lambda: post_test.hand_in(attempt=attempt, chosen=right, at=noon),
        lambda: post_test.save_answers(
            attempt=attempt, chosen=answers_to(attempt, right=0), at=noon
        ),
    )

    assert words == "This attempt is handed in; its answers stay as they were."
    assert Attempt.objects.get().chosen == graded.chosen


def test_two_answers_at_once_are_both_saved(noon):
    attempt = begun(EnrollmentFactory(), noon)
    (one, first), (two, second), *_ = answers_to(attempt).items()

    at_the_same_time(
        lambda: post_test.save_answers(attempt=attempt, chosen={one: first}, at=noon),
        lambda: post_test.save_answers(attempt=attempt, chosen={two: second}, at=noon),
    )

    assert Attempt.objects.get().chosen == {str(one): first, str(two): second}


def test_handing_in_waits_for_the_withdrawal_and_is_refused(noon):
    attempt = begun(EnrollmentFactory(), noon)

    _, words = at_the_same_time(
        lambda: enrollment.withdraw(enrollment=attempt.enrollment, at=noon),
        lambda: post_test.hand_in(attempt=attempt, chosen=answers_to(attempt), at=noon),
    )

    assert words == "You withdrew from this course. Enroll again to go on."
    assert Attempt.objects.get().is_open


def test_reports_of_two_tabs_at_once_add_up(noon):
    held = EnrollmentFactory()
    lesson = held.course.lessons.first()
    lessons.open_lesson(enrollment=held, lesson=lesson, at=noon)

    def report(at):
        lessons.note_progress(enrollment=held, lesson=lesson, position=50, seconds=20, at=at)

    at_the_same_time(
        lambda: report(noon + TWENTY_SECONDS), lambda: report(noon + 2 * TWENTY_SECONDS)
    )

    # Neither is lost.
    assert LessonProgress.objects.get().seconds == 40


def test_confirming_twice_at_once_gives_one_credit(noon):
    held = ready_to_complete(noon, course=CourseFactory(attestation="I did this work myself."))

    def attest():
        return attestation.attest(enrollment=held, at=noon)

    first, second = at_the_same_time(attest, attest)

    assert first == second
    assert CreditEntry.objects.count() == 1


def test_the_last_seat_waits_for_the_first_learner_to_commit(noon):
    session = SessionFactory(capacity=1)
    one, other = UserFactory.create_batch(2)

    def enroll(learner):
        return enrollment.enroll(learner=learner, course=session.course, session=session, at=noon)

    _, words = at_the_same_time(lambda: enroll(one), lambda: enroll(other))

    assert words == "This session is full. Join its waitlist, or choose another one."
    assert Enrollment.objects.get().learner == one


def full_session(waiting=0):
    session = SessionFactory(capacity=1)
    held = EnrollmentFactory(course=session.course, session=session)
    return session, held, WaitlistPlaceFactory.create_batch(waiting, session=session)


def states(session):
    return list(session.waitlist.in_order().values_list("state", flat=True))


def test_joining_from_two_tabs_gives_one_place(noon):
    session, _, _ = full_session()
    learner = UserFactory()

    def join():
        return waitlist.join(learner=learner, session=session, at=noon)

    first, second = at_the_same_time(join, join)

    assert first == second
    assert session.waitlist.count() == 1


def test_a_seat_given_back_is_not_had_by_a_newcomer(noon):
    session, held, _ = full_session(waiting=1)

    _, words = at_the_same_time(
        lambda: enrollment.withdraw(enrollment=held, at=noon),
        lambda: enrollment.enroll(
            learner=UserFactory(), course=session.course, session=session, at=noon
        ),
    )

    assert words == "This session is full. Join its waitlist, or choose another one."
    assert states(session) == ["offered"]


def test_one_seat_is_offered_to_one(noon):
    """A seat is declined while the sweep settles the same session."""
    session, held, [first, _, _] = full_session(waiting=3)
    enrollment.withdraw(enrollment=held, at=noon)

    at_the_same_time(
        lambda: waitlist.decline(place=first, at=noon),
        lambda: waitlist.promote(session=session, at=noon),
    )

    assert sorted(states(session)) == ["declined", "offered", "waiting"]


def test_an_offer_taken_in_two_tabs_gives_one_seat(noon):
    _, held, [place] = full_session(waiting=1)
    enrollment.withdraw(enrollment=held, at=noon)

    def accept():
        return waitlist.accept(place=place, at=noon)

    first, second = at_the_same_time(accept, accept)

    assert first == second
    assert Enrollment.objects.open().count() == 1


def test_taking_a_seat_waits_for_the_sweep_that_lets_it_lapse(noon):
    session, held, [place] = full_session(waiting=1)
    enrollment.withdraw(enrollment=held, at=noon)
    place.refresh_from_db()

    _, words = at_the_same_time(
        lambda: waitlist.promote(session=session, at=place.offer_expires_at),
        lambda: waitlist.accept(place=place, at=noon),
    )

    assert "is over" in words
    assert states(session) == ["expired"]


def test_two_who_change_places_take_turns(noon):
    """Each session gives its only seat to one of the two; neither waits for the other for good."""
    session, held, _ = full_session()
    other = SessionFactory(course=session.course, capacity=2)
    second = EnrollmentFactory(course=session.course, session=other)

    moved, words = at_the_same_time(
        lambda: enrollment.move(enrollment=held, to=other, at=noon),
        lambda: enrollment.move(enrollment=second, to=session, at=noon),
    )

    assert (moved.session, words.session) == (other, session)


def test_withdrawing_waits_for_the_move_and_frees_the_new_seat(noon):
    session, held, _ = full_session()
    other = SessionFactory(course=session.course, capacity=1)

    def move():
        moved = enrollment.move(enrollment=held, to=other, at=noon)
        WaitlistPlaceFactory(session=other)
        return moved

    at_the_same_time(move, lambda: enrollment.withdraw(enrollment=held, at=noon))

    assert states(other) == ["offered"]
    assert (seats.taken(other), seats.taken(session)) == (1, 0)


def test_fewer_seats_wait_for_who_takes_the_last(noon):
    session = SessionFactory(capacity=1)
    changed = Session.objects.get(pk=session.pk)
    changed.capacity = 0

    _, words = at_the_same_time(
        lambda: enrollment.enroll(
            learner=UserFactory(), course=session.course, session=session, at=noon
        ),
        lambda: sessions.save(session=changed, at=noon),
    )

    assert words == "1 seat is taken, with those on offer to the waitlist. Allow at least 1."
    assert Session.objects.get().capacity == 1


def test_nobody_enrolls_in_a_session_while_it_is_cancelled(noon):
    session = SessionFactory()

    _, words = at_the_same_time(
        lambda: sessions.cancel(session=session, reason="Snow", at=noon),
        lambda: enrollment.enroll(
            learner=UserFactory(), course=session.course, session=session, at=noon
        ),
    )

    assert words == "This session was cancelled. Choose another one."
    assert Enrollment.objects.count() == 0


def test_nobody_joins_a_waitlist_while_the_course_is_retired(noon):
    session, _, _ = full_session(waiting=1)

    _, words = at_the_same_time(
        lambda: catalog.retire(course=session.course, at=noon),
        lambda: waitlist.join(learner=UserFactory(), session=session, at=noon),
    )

    assert words == "This course is not open for enrollment."
    assert states(session) == ["closed"]


def test_sixty_at_once_for_ten_seats_take_ten_and_wait_in_order(noon):
    """Each with a thread and a connection of its own, as in so many requests."""
    session = SessionFactory(capacity=10)
    learners = UserFactory.create_batch(60)
    together = Barrier(60)

    def enroll_or_wait(number):
        at = noon + timedelta(seconds=number)
        together.wait(PATIENCE)
        try:
            enrollment.enroll(
                learner=learners[number], course=session.course, session=session, at=at
            )
        except enrollment.EnrollmentError:
            waitlist.join(learner=learners[number], session=session, at=at)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=60) as pool:
        faults = [
            error
            for outcome in [pool.submit(enroll_or_wait, number) for number in range(60)]
            if (error := outcome.exception(timeout=120)) is not None
        ]

    held = set(Enrollment.objects.open().values_list("learner", flat=True))
    in_line = list(session.waitlist.in_order().values_list("learner", "state"))
    assert faults == []
    assert len(held) == 10
    assert in_line == [(who.pk, "waiting") for who in learners if who.pk not in held]
    assert OutgoingMail.objects.filter(kind="enrollment-confirmed").count() == 10


def test_ten_seats_given_back_at_once_are_offered_to_the_first_ten(noon):
    session = SessionFactory(capacity=10)
    held = EnrollmentFactory.create_batch(10, course=session.course, session=session)
    for number in range(15):
        WaitlistPlaceFactory(session=session, joined_at=noon + timedelta(seconds=number))
    together = Barrier(10)

    def withdraw(seat):
        together.wait(PATIENCE)
        try:
            enrollment.withdraw(enrollment=seat, at=noon)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=10) as pool:
        outcomes = [pool.submit(withdraw, seat) for seat in held]
        assert [outcome.exception(timeout=60) for outcome in outcomes] == [None] * 10

    assert states(session) == ["offered"] * 10 + ["waiting"] * 5
    assert OutgoingMail.objects.filter(kind="waitlist-offer").count() == 10


def test_enrolling_from_two_tabs_gives_one_seat(noon):
    course, learner = CourseFactory(), UserFactory()

    def enroll():
        return enrollment.enroll(learner=learner, course=course, at=noon)

    first, second = at_the_same_time(enroll, enroll)

    assert first == second
    assert Enrollment.objects.count() == 1


def test_consent_waits_for_the_withdrawal_and_is_refused(noon):
    trainee = UserFactory()
    asked = InvitationFactory(email=trainee.email)

    _, words = at_the_same_time(
        lambda: invitations.withdraw(invitation=asked, at=noon),
        lambda: invitations.accept(invitation=asked, by=trainee, scopes=[Scope.CREDIT], at=noon),
    )

    assert words == "This invitation has been withdrawn. It can be sent anew."
    assert Supervision.objects.count() == 0


def test_an_invitation_sent_twice_at_once_is_one_with_one_mail(noon):
    inviter = UserFactory()

    def invite():
        return invitations.invite(
            inviter=inviter,
            inviter_is=Side.SUPERVISOR,
            email="priya@example.com",
            scopes=[Scope.CREDIT],
            at=noon,
        )

    first, second = at_the_same_time(invite, invite)

    assert first == second == Invitation.objects.get()
    assert OutgoingMail.objects.count() == 1


def test_two_people_who_accept_each_others_invitation_at_once_are_linked_once(noon):
    supervisor, trainee = UserFactory.create_batch(2)
    asked = InvitationFactory(inviter=supervisor, email=trainee.email)
    offered = InvitationFactory(inviter=trainee, inviter_is="trainee", email=supervisor.email)

    _, words = at_the_same_time(
        lambda: invitations.accept(invitation=asked, by=trainee, scopes=[Scope.CREDIT], at=noon),
        lambda: invitations.accept(invitation=offered, by=supervisor, at=noon),
    )

    assert words == "This invitation has been withdrawn. It can be sent anew."
    assert Supervision.objects.count() == 1


def test_more_is_shared_never_after_the_end(noon):
    nothing_else = {f"shares_{scope}": scope == Scope.CREDIT for scope in Scope}
    link = SupervisionFactory(**nothing_else)

    _, words = at_the_same_time(
        lambda: supervision.end(supervision=link, by=link.supervisor, at=noon),
        lambda: supervision.change(supervision=link, scopes=list(Scope), ends_on=None, at=noon),
    )

    assert words == "This supervision has ended. There is nothing left to change."
    assert Supervision.objects.get().scopes == [Scope.CREDIT]


def test_ending_from_both_sides_at_once_keeps_the_first_end(noon):
    link = SupervisionFactory()

    at_the_same_time(
        lambda: supervision.end(supervision=link, by=link.supervisor, at=noon),
        lambda: supervision.end(supervision=link, by=link.trainee, at=noon + MINUTE),
    )

    link.refresh_from_db()
    assert (link.ended_at, link.ended_by) == (noon, link.supervisor)


def test_two_curators_reverse_one_award_once(noon):
    entry = CertificateFactory().entry
    one, other = UserFactory.create_batch(2)

    def reverse(curator):
        return ledger.reverse(
            entry=entry, reason_class="error", reason="Not there.", by=curator, at=noon
        )

    first, words = at_the_same_time(lambda: reverse(one), lambda: reverse(other))

    assert words == "This credit was reversed already, on Mar 2, 2026."
    assert CreditEntry.objects.get(reverses=entry) == first


def test_a_reversal_waits_for_the_reissue_and_is_refused(noon):
    entry = CertificateFactory().entry
    one, other = UserFactory.create_batch(2)

    _, words = at_the_same_time(
        lambda: certificates.reissue(
            entry=entry,
            correction=ledger.Correction(holder_name="Maya Brandt"),
            reason_class="name",
            reason="Married.",
            by=one,
            at=noon,
        ),
        lambda: ledger.reverse(
            entry=entry, reason_class="error", reason="Not there.", by=other, at=noon
        ),
    )

    assert words == "This credit was reversed already, on Mar 2, 2026."
    assert Certificate.objects.count() == 2


def test_a_note_written_during_a_reissue_is_on_what_stands_afterwards(noon):
    entry, curator = CertificateFactory().entry, UserFactory()

    reissued, note = at_the_same_time(
        lambda: certificates.reissue(
            entry=entry,
            correction=ledger.Correction(holder_name="Maya Brandt"),
            reason_class="name",
            reason="Married.",
            by=curator,
            at=noon,
        ),
        lambda: reflections.write(
            entry=entry, learned="To ask again.", will_do="", is_shared=False, at=noon
        ),
    )

    assert note.entry == reissued.entry


def test_a_request_for_a_correction_waits_for_the_reversal_and_is_refused(noon):
    entry, curator = CertificateFactory().entry, UserFactory()

    _, words = at_the_same_time(
        lambda: ledger.reverse(
            entry=entry, reason_class="error", reason="Not there.", by=curator, at=noon
        ),
        lambda: corrections.ask(entry=entry, wrong="hours", words="It was 2.", at=noon),
    )

    assert words == "This credit was reversed. Ask about what stands in its place."


def test_a_request_for_a_correction_from_two_tabs_is_one(noon):
    entry = CertificateFactory().entry

    def ask():
        return corrections.ask(entry=entry, wrong="hours", words="It was 2.", at=noon)

    first, words = at_the_same_time(ask, ask)

    assert words == "You asked on Mar 2, 2026 already. A curator looks at it."
    assert CorrectionRequest.objects.get() == first


def test_declining_waits_for_the_reversal_and_is_refused(noon):
    entry, curator = CertificateFactory().entry, UserFactory()
    asked = corrections.ask(entry=entry, wrong="hours", words="It was 2.", at=noon)

    _, words = at_the_same_time(
        lambda: ledger.reverse(
            entry=entry, reason_class="error", reason="Not there.", by=curator, at=noon
        ),
        lambda: corrections.decline(asked=asked, answer="No.", by=curator, at=noon),
    )

    assert words == "This request is decided already."
    assert CorrectionRequest.objects.get().decision == "granted"


def test_a_certificate_given_to_two_workers_is_drawn_once(noon, monkeypatch, settings):
    certificate = CertificateFactory()
    drawings = []
    monkeypatch.setattr(
        "transcripts.pdf.draw_certificate", lambda **facts: drawings.append(facts) or b"%PDF-"
    )
    monkeypatch.setattr("transcripts.signing.sign", lambda document, *, at: document)

    def draw():
        tasks.draw_certificate_pdf(certificate_id=certificate.pk)

    at_the_same_time(draw, draw)

    certificate.refresh_from_db()
    assert len(drawings) == OutgoingMail.objects.count() == 1
    files = [path.name for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]
    assert files == [certificate.pdf.name.rsplit("/", 1)[-1]]


def send(promise):
    account_tasks.send_mail(mail_id=str(promise.pk))


def test_a_mail_promised_by_two_requests_is_promised_once(noon):
    invited, trainee = InvitationFactory(), UserFactory()

    def post():
        return mail.post(
            recipient=trainee,
            kind="supervision-request",
            key="the same",
            template="supervision_declined",
            context={"invitation": invited},
            at=noon,
        )

    first, second = at_the_same_time(post, post)

    assert first == second == OutgoingMail.objects.get()


def test_two_workers_send_one_mail():
    promise = OutgoingMailFactory()

    at_the_same_time(lambda: send(promise), lambda: send(promise))

    assert len(django_mail.outbox) == 1


def test_a_mail_taken_back_while_it_goes_out_is_sent_and_not_dropped(noon):
    promise = OutgoingMailFactory()

    at_the_same_time(
        lambda: send(promise),
        lambda: mail.take_back(key=promise.key, because="Answered.", at=noon),
    )

    assert len(django_mail.outbox) == 1
    assert OutgoingMail.objects.get().state == "Sent"


def test_a_worker_that_waited_for_a_taking_back_sends_nothing(noon):
    promise = OutgoingMailFactory()

    at_the_same_time(
        lambda: mail.take_back(key=promise.key, because="Answered.", at=noon),
        lambda: send(promise),
    )

    assert django_mail.outbox == []
    assert OutgoingMail.objects.get().state == "Dropped: Answered."


def test_two_sweeps_ask_for_a_mail_once(sent_tasks):
    promise = OutgoingMailFactory()

    at_the_same_time(account_tasks.send_waiting_mail, account_tasks.send_waiting_mail)

    assert sent_tasks == [("accounts.send_mail", {"mail_id": str(promise.pk)})]


def taken_back(noon):
    """Credit that was reversed, and the same learner ready to complete the course again."""
    held = ready_to_complete(noon)
    entry = completion.complete(enrollment=held, at=noon).credit_entry
    by = UserFactory()
    ledger.reverse(entry=entry, reason_class="error", reason="Not there.", by=by, at=noon)
    again = ready_to_complete(noon, learner=held.learner, course=held.course)

    def restore():
        return certificates.restore(
            entry=entry, correction=ledger.Correction(), reason="Was there.", by=by, at=noon
        )

    def complete():
        return completion.complete(enrollment=again, at=noon)

    return restore, complete


def test_completing_again_waits_for_credit_that_is_awarded_anew_and_is_refused(noon):
    restore, complete = taken_back(noon)

    _, words = at_the_same_time(restore, complete)

    assert "It is given once." in words
    assert CreditEntry.objects.standing().count() == 1


def test_awarding_anew_waits_for_who_completes_again_and_is_refused(noon):
    restore, complete = taken_back(noon)

    _, words = at_the_same_time(complete, restore)

    assert "This course gave its credit on Mar 2, 2026 too" in words
    assert CreditEntry.objects.standing().count() == 1


def test_two_who_award_anew_at_once_do_it_once(noon):
    restore, _ = taken_back(noon)

    _, words = at_the_same_time(restore, restore)

    assert words == "This credit was awarded anew already."
    assert CreditEntry.objects.standing().count() == 1


def corrected_and_repeated(noon):
    """Credit whose date is moved on, and the same learner ready to complete the course again."""
    earlier = noon - timedelta(days=100)
    held = ready_to_complete(earlier)
    Course.objects.update(repeat_after_days=90)
    entry = completion.complete(enrollment=held, at=earlier).credit_entry
    again = ready_to_complete(noon, learner=held.learner, course=held.course)
    day = entry.earned_on + timedelta(days=20)

    def correct(entry=entry, day=day):
        return certificates.reissue(
            entry=entry,
            correction=ledger.Correction(started_on=day, earned_on=day, repeat_after_days=90),
            reason_class="date",
            reason="The log says so.",
            by=UserFactory(),
            at=noon,
        ).entry

    def complete():
        return completion.complete(enrollment=again, at=noon)

    return entry, correct, complete


def test_completing_again_waits_for_a_date_that_is_corrected_and_is_refused(noon):
    entry, correct, complete = corrected_and_repeated(noon)
    named = certificates.reissue(
        entry=entry,
        correction=ledger.Correction(holder_name="Maya Brandt"),
        reason_class="name",
        reason="Married.",
        by=UserFactory(),
        at=noon,
    ).entry

    _, words = at_the_same_time(lambda: correct(named), complete)

    assert "It may be earned again from" in words
    assert CreditEntry.objects.standing().count() == 1


def test_correcting_a_date_waits_for_who_completes_again_and_is_refused(noon):
    _, correct, complete = corrected_and_repeated(noon)

    _, words = at_the_same_time(complete, correct)

    assert "gives it again after 90 days" in words
    assert CreditEntry.objects.standing().count() == 2


def test_two_dates_corrected_at_once_are_never_too_near_to_each_other(noon):
    entry, correct, complete = corrected_and_repeated(noon)
    last = complete().credit_entry

    _, words = at_the_same_time(
        lambda: correct(day=entry.earned_on + timedelta(days=9)),
        lambda: correct(last, last.earned_on - timedelta(days=9)),
    )

    assert "gives it again after 90 days" in words
