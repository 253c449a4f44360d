"""A supervisor asks, a trainee answers, either ends it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, transaction

from accounts import supervision as story
from accounts import tasks
from accounts.models import OutgoingMail, Supervision
from accounts.tests.factories import SupervisionFactory, UserFactory

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def state(supervision):
    """When it was asked, accepted, declined and ended, and by whom ended."""
    return Supervision.objects.values_list(
        "requested_at", "accepted_at", "declined_at", "ended_at", "ended_by"
    ).get(pk=supervision.pk)


# --- Ask ---


@pytest.mark.parametrize("spelling", ["maya@example.com", " Maya@Example.COM "])
def test_request_waits_for_the_person_of_that_address(noon, spelling):
    supervisor, trainee = UserFactory(), UserFactory(email="maya@example.com")

    asked = story.request(supervisor=supervisor, email=spelling, at=noon)

    assert (asked.supervisor, asked.trainee) == (supervisor, trainee)
    assert state(asked) == (noon, None, None, None, None)


def test_request_mails_the_trainee_after_the_commit(
    noon, sent_tasks, django_capture_on_commit_callbacks
):
    trainee = UserFactory()
    with django_capture_on_commit_callbacks(execute=True):
        asked = story.request(supervisor=UserFactory(), email=trainee.email, at=noon)
        before_commit = list(sent_tasks)

    promise = OutgoingMail.objects.get(key=f"supervision-request:{asked.pk}")
    assert before_commit == []
    assert sent_tasks == [("accounts.send_mail", {"mail_id": str(promise.pk)})]


@pytest.mark.parametrize("first", [{"waiting": True}, {}])
def test_request_changes_nothing_and_mails_nothing_while_one_is_open(
    noon, sent_tasks, django_capture_on_commit_callbacks, first
):
    open_one = SupervisionFactory(**first)
    before = state(open_one)

    with django_capture_on_commit_callbacks(execute=True):
        again = story.request(supervisor=open_one.supervisor, email=open_one.trainee.email, at=noon)

    assert again == open_one
    assert (state(open_one), Supervision.objects.count(), sent_tasks) == (before, 1, [])


@pytest.mark.parametrize("closed", ["declined", "ended"])
def test_request_asks_anew_after_the_first_is_closed(noon, closed):
    first = SupervisionFactory(**{closed: True})

    again = story.request(supervisor=first.supervisor, email=first.trainee.email, at=noon)

    assert again != first
    assert list(Supervision.objects.waiting()) == [again]


@pytest.mark.parametrize("email", ["nobody@example.com", "closed@example.com"])
def test_request_to_an_address_without_an_open_account_does_nothing(
    noon, sent_tasks, django_capture_on_commit_callbacks, email
):
    UserFactory(email="closed@example.com", is_active=False)

    with django_capture_on_commit_callbacks(execute=True):
        asked = story.request(supervisor=UserFactory(), email=email, at=noon)

    assert (asked, Supervision.objects.count(), sent_tasks) == (None, 0, [])


@pytest.mark.parametrize("spelling", ["helena@example.com", " Helena@Example.com"])
def test_request_refuses_the_supervisors_own_address(noon, spelling):
    supervisor = UserFactory(email="helena@example.com")

    with pytest.raises(story.SupervisionError) as refusal:
        story.request(supervisor=supervisor, email=spelling, at=noon)

    assert str(refusal.value) == "This is your own address. Enter your trainee's."
    assert Supervision.objects.count() == 0


# --- Answer ---


def test_accept_lets_the_supervisor_read_from_that_moment_and_not_before(noon):
    asked = SupervisionFactory(waiting=True)

    story.accept(supervision=asked, at=noon)

    assert list(Supervision.objects.active(at=noon)) == [asked]
    assert list(Supervision.objects.active(at=noon - HOUR)) == []


def test_accept_twice_keeps_the_first_moment(noon):
    asked = SupervisionFactory(waiting=True)
    story.accept(supervision=asked, at=noon)

    story.accept(supervision=asked, at=noon + HOUR)

    assert state(asked) == (asked.requested_at, noon, None, None, None)


@pytest.mark.parametrize("closed", ["declined", "ended"])
def test_accept_refuses_a_request_that_is_closed(noon, closed):
    supervision = SupervisionFactory(**{closed: True})
    before = state(supervision)

    with pytest.raises(story.SupervisionError) as refusal:
        story.accept(supervision=supervision, at=noon)

    assert str(refusal.value) == "This request is closed. Your supervisor can ask again."
    assert state(supervision) == before


def test_accept_believes_the_database_and_not_the_row_it_was_given(noon):
    stale = SupervisionFactory(waiting=True)
    story.decline(supervision=stale, at=noon)

    with pytest.raises(story.SupervisionError):
        story.accept(supervision=stale, at=noon + HOUR)

    assert state(stale) == (stale.requested_at, None, noon, None, None)


def test_decline_twice_keeps_the_first_moment(noon):
    asked = SupervisionFactory(waiting=True)
    story.decline(supervision=asked, at=noon)

    story.decline(supervision=asked, at=noon + HOUR)

    assert state(asked) == (asked.requested_at, None, noon, None, None)


def test_decline_refuses_what_was_accepted(noon):
    active = SupervisionFactory()
    before = state(active)

    with pytest.raises(story.SupervisionError) as refusal:
        story.decline(supervision=active, at=noon)

    assert str(refusal.value) == "You have accepted this request. You can end the supervision."
    assert state(active) == before


def test_decline_leaves_a_withdrawn_request_as_it_is(noon):
    asked = SupervisionFactory(waiting=True)
    story.end(supervision=asked, by=asked.supervisor, at=noon)

    story.decline(supervision=asked, at=noon + HOUR)

    assert state(asked) == (asked.requested_at, None, None, noon, asked.supervisor.pk)


# --- End ---


@pytest.mark.parametrize("side", ["supervisor", "trainee"])
def test_either_side_ends_it_at_once(noon, side):
    active = SupervisionFactory()
    ender = getattr(active, side)

    story.end(supervision=active, by=ender, at=noon)

    assert state(active)[3:] == (noon, ender.pk)
    assert list(Supervision.objects.active(at=noon)) == []


def test_end_twice_keeps_the_first_end(noon):
    active = SupervisionFactory()
    story.end(supervision=active, by=active.trainee, at=noon)

    story.end(supervision=active, by=active.supervisor, at=noon + HOUR)

    assert state(active)[3:] == (noon, active.trainee.pk)


def test_end_leaves_what_was_declined_as_it_is(noon):
    declined = SupervisionFactory(declined=True)
    before = state(declined)

    story.end(supervision=declined, by=declined.trainee, at=noon)

    assert state(declined) == before


@pytest.mark.django_db(transaction=True)
def test_an_answer_waits_for_an_end_that_is_being_written(noon):
    asked = SupervisionFactory(waiting=True)

    def accept():
        try:
            story.accept(supervision=asked, at=noon)
        except story.SupervisionError as error:
            return str(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as pool:
        with transaction.atomic():
            story.end(supervision=asked, by=asked.supervisor, at=noon)
            answer = pool.submit(accept)
            with pytest.raises(TimeoutError):
                answer.result(timeout=0.3)

        assert answer.result(timeout=10) == "This request is closed. Your supervisor can ask again."
    assert state(asked) == (asked.requested_at, None, None, noon, asked.supervisor.pk)


# --- The mail ---


def test_the_mail_says_who_asks_and_where_to_answer(noon, settings):
    settings.SITE_URL = "https://portal.example.org"
    supervisor = UserFactory(legal_name="Helena O'Brien")
    trainee = UserFactory(legal_name="Maya Okafor")

    story.request(supervisor=supervisor, email=trainee.email, at=noon)

    promise = OutgoingMail.objects.get()
    assert promise.recipient == trainee
    assert promise.subject == "Helena O'Brien asks to read your continuing education record"
    assert "Hello Maya," in promise.body
    assert supervisor.email in promise.body
    assert "https://portal.example.org/supervision/\n" in promise.body


@pytest.mark.parametrize("answer", ["accept", "decline", "end"])
def test_nothing_is_mailed_after_the_answer(noon, answer):
    trainee = UserFactory()
    asked = story.request(supervisor=UserFactory(), email=trainee.email, at=noon)
    by = {"by": trainee} if answer == "end" else {}
    getattr(story, answer)(supervision=asked, at=noon, **by)

    tasks.send_mail(mail_id=str(OutgoingMail.objects.get().pk))

    assert mail.outbox == []
    assert OutgoingMail.objects.get().dropped_because == "The request is answered."


def test_the_answer_leaves_what_was_mailed_as_it_is(noon):
    trainee = UserFactory()
    asked = story.request(supervisor=UserFactory(), email=trainee.email, at=noon)
    tasks.send_mail(mail_id=str(OutgoingMail.objects.get().pk))

    story.accept(supervision=asked, at=noon)

    assert len(mail.outbox) == 1
    assert OutgoingMail.objects.get().dropped_at is None
