"""A supervisor signs what they saw of a transcript, for good; and when the next look is due."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.models import OutgoingMail
from accounts.tests.factories import SupervisionFactory, UserFactory
from transcripts import reviews
from transcripts.models import ReviewDay

pytestmark = pytest.mark.django_db


@pytest.fixture
def supervision():
    return SupervisionFactory(
        supervisor__legal_name="Helena Brandt", trainee__legal_name="Priya Raman"
    )


def due_days(supervision, at):
    return reviews.due_days(supervisor=supervision.supervisor, at=at)


# --- When the next one is due ---


def test_a_review_is_due_three_months_after_the_supervision_began_or_when_chosen(noon, supervision):
    other = SupervisionFactory(supervisor=supervision.supervisor)
    SupervisionFactory(supervisor=supervision.supervisor, waiting=True)
    SupervisionFactory(supervisor=supervision.supervisor, ended=True)
    SupervisionFactory()

    reviews.choose_day(supervision=other, due_on=date(2026, 6, 1), at=noon)

    assert due_days(supervision, noon) == {
        supervision.trainee_id: date(2026, 4, 5),
        other.trainee_id: date(2026, 6, 1),
    }


def test_no_review_may_be_planned(noon, supervision):
    reviews.choose_day(supervision=supervision, due_on=None, at=noon)

    assert due_days(supervision, noon) == {}


def test_the_days_of_all_trainees_are_one_query(noon, supervision, django_assert_num_queries):
    supervisor = supervision.supervisor
    for other in SupervisionFactory.create_batch(5, supervisor=supervisor):
        reviews.choose_day(supervision=other, due_on=date(2026, 6, 1), at=noon)

    with django_assert_num_queries(1):
        assert len(reviews.due_days(supervisor=supervisor, at=noon)) == 6


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2026, 3, 1), "This day is past. Choose today or a later day."),
        (date(2031, 3, 3), "Choose a day within the next five years."),
        (date.max, "Choose a day within the next five years."),
    ],
)
def test_a_day_past_or_years_away_is_not_chosen(noon, supervision, day, words):
    with pytest.raises(reviews.ReviewError) as refusal:
        reviews.choose_day(supervision=supervision, due_on=day, at=noon)

    assert str(refusal.value) == words
    assert not ReviewDay.objects.exists()


def test_after_the_end_no_day_is_chosen(noon):
    supervision = SupervisionFactory(ended=True)

    with pytest.raises(reviews.SupervisionEnded):
        reviews.choose_day(supervision=supervision, due_on=date(2026, 6, 1), at=noon)

    assert not ReviewDay.objects.exists()


@pytest.mark.parametrize(
    ("day", "later", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 10, 5), 3, date(2027, 1, 5)),
        (date(2026, 9, 30), 3, date(2026, 12, 30)),
    ],
)
def test_a_month_later_is_the_same_day_or_the_last(day, later, expected):
    assert reviews.add_months(day, later) == expected


# --- Reminders ---


def sweep(at):
    for supervision_id in reviews.due_for_reminder(at=at, limit=10):
        reviews.remind(supervision_id=supervision_id, at=at)
    return [promise.key for promise in OutgoingMail.objects.filter(kind="review-due")]


def test_the_supervisor_is_reminded_on_the_day_once_and_of_another_day_again(noon, supervision):
    reviews.choose_day(supervision=supervision, due_on=date(2026, 6, 1), at=noon)
    the_day = datetime(2026, 6, 1, 17, 0, tzinfo=UTC)

    before = sweep(the_day - timedelta(days=1))
    first = sweep(the_day)
    again = sweep(the_day + timedelta(days=9))
    reviews.choose_day(supervision=supervision, due_on=date(2026, 7, 1), at=the_day)
    other = sweep(the_day + timedelta(days=30))

    key = f"review-due:{supervision.pk}:2026-06-01"
    assert (before, first, again) == ([], [key], [key])
    assert other == [key, f"review-due:{supervision.pk}:2026-07-01"]
    promise = OutgoingMail.objects.get(key=key)
    assert promise.recipient == supervision.supervisor
    assert promise.subject == "The review of Priya Raman is due"


def test_who_chose_no_day_is_reminded_after_three_months_once(noon, supervision):
    keys = [sweep(datetime(2026, 4, day, 17, 0, tzinfo=UTC)) for day in (4, 5, 6)]

    key = f"review-due:{supervision.pk}:2026-04-05"
    assert keys == [[], [key], [key]]
    assert due_days(supervision, noon) == {supervision.trainee_id: date(2026, 4, 5)}


def test_nobody_is_reminded_after_the_end_or_where_no_review_is_planned(noon, supervision):
    SupervisionFactory(ended=True)
    reviews.choose_day(supervision=supervision, due_on=None, at=noon)

    assert sweep(datetime(2027, 6, 1, tzinfo=UTC)) == []
    assert not UserFactory().mail.exists()
