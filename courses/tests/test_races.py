"""Two at once, with real transactions, on both databases.

The first holds its transaction open; the second must wait for it, and then find the world as the
first left it. Each fails when its lock is removed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting

import pytest
from django.db import connection, transaction

from accounts import supervision
from accounts.models import OutgoingMail, Supervision
from accounts.tests.factories import SupervisionFactory, UserFactory
from courses import completion, enrollment, learning
from courses.models import Attempt, Completion, Enrollment, EvaluationResponse
from courses.tests.factories import CourseFactory, EnrollmentFactory, SessionFactory
from courses.tests.stories import (
    chosen,
    ratings,
    read_lessons,
    ready_but_for_the_evaluation,
    ready_to_complete,
)
from transcripts import certificates, corrections, ledger, tasks
from transcripts.models import Certificate, CorrectionRequest, CreditEntry
from transcripts.tests.factories import CertificateFactory

pytestmark = pytest.mark.django_db(transaction=True)

A_MOMENT = 0.4  # seconds; long enough that a call that does not wait would be done
PATIENCE = 15  # seconds


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
        return learning.hand_in_evaluation(enrollment=held, answers=ratings(held.course), at=noon)

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


def test_a_post_test_from_two_tabs_uses_one_attempt(noon):
    held = EnrollmentFactory(course=CourseFactory(attempts_allowed=1))
    read_lessons(held, noon)

    def hand_in(right):
        return learning.hand_in_post_test(
            enrollment=held, number=1, chosen=chosen(held.course, right=right), at=noon
        )

    first, second = at_the_same_time(lambda: hand_in(1), lambda: hand_in(4))

    assert first == second
    assert Attempt.objects.get().right == 1


def test_the_last_seat_waits_for_the_first_learner_to_commit(noon):
    session = SessionFactory(capacity=1)
    one, other = UserFactory.create_batch(2)

    def enroll(learner):
        return enrollment.enroll(learner=learner, course=session.course, session=session, at=noon)

    _, words = at_the_same_time(lambda: enroll(one), lambda: enroll(other))

    assert words == "This session is full. Choose another one."
    assert Enrollment.objects.get().learner == one


def test_enrolling_from_two_tabs_gives_one_seat(noon):
    course, learner = CourseFactory(), UserFactory()

    def enroll():
        return enrollment.enroll(learner=learner, course=course, at=noon)

    first, second = at_the_same_time(enroll, enroll)

    assert first == second
    assert Enrollment.objects.count() == 1


def test_consent_waits_for_the_end_and_is_refused(noon):
    asked = SupervisionFactory(waiting=True)

    _, words = at_the_same_time(
        lambda: supervision.end(supervision=asked, by=asked.supervisor, at=noon),
        lambda: supervision.accept(supervision=asked, at=noon),
    )

    assert words == "This request is closed. Your supervisor can ask again."
    assert Supervision.objects.get().accepted_at is None


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
