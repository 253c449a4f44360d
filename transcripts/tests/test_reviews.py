"""A supervisor signs what they saw of a transcript, for good; and when the next look is due."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import supervision as supervision_story
from accounts.models import OutgoingMail
from accounts.tests.factories import LicenseFactory, SupervisionFactory, UserFactory
from transcripts import ledger, outside, readings, records, reviews, transcript
from transcripts.models import Review, ReviewDay, ReviewLine
from transcripts.tests.factories import CertificateFactory, CreditEntryFactory, OutsideCreditFactory

pytestmark = pytest.mark.django_db

SINCE, UNTIL = date(2026, 1, 1), date(2026, 3, 1)


@pytest.fixture
def supervision():
    return SupervisionFactory(
        supervisor__legal_name="Helena Brandt", trainee__legal_name="Priya Raman"
    )


def due_days(supervision, at):
    return reviews.due_days(supervisor=supervision.supervisor, at=at)


@pytest.fixture
def entry(supervision):
    return earn(supervision.trainee)


def earn(holder, title="Consent", day=date(2026, 1, 5)):
    entry = CreditEntryFactory(holder=holder, title=title, earned_on=day)
    return CertificateFactory(entry=entry).entry


def take_back(entry, at):
    by = UserFactory(is_staff=True)
    return ledger.reverse(entry=entry, reason_class="error", reason="Not there.", by=by, at=at)


def look(supervision, at, since=SINCE, until=UNTIL):
    history = readings.history(reviewer=supervision.supervisor, holder=supervision.trainee)
    return readings.read(supervision=supervision, history=history, since=since, until=until, at=at)


def sign(supervision, at, reading=None, **changes):
    reading = reading or look(supervision, at)
    last = reading.history.last
    facts = {
        "since": reading.since,
        "until": reading.until,
        "shown": reading.shown,
        "after": last.pk if last else None,
        "decision": "approved",
        "words": "",
        "next_on": date(2026, 6, 1),
    }
    return reviews.sign_off(supervision=supervision, **{**facts, **changes}, at=at)


# --- Sign off ---


def test_a_sign_off_freezes_what_was_seen_with_its_fingerprint(noon, supervision, entry):
    LicenseFactory(holder=supervision.supervisor, license_type="LCSW-R")
    reading = look(supervision, noon)

    review = sign(supervision, noon, reading)

    assert [line.entry for line in review.lines.all()] == [entry]
    assert review.signed_as == "Helena Brandt, LCSW-R"
    review.refresh_from_db()
    record = review.record
    assert record["seen"]["hours"] == "1.5"
    assert [line["title"] for line in record["seen"]["entries"]] == ["Consent"]
    assert record["seen_sha256"] == reading.shown == records.digest(record["seen"])
    assert review.record_sha256 == records.digest(record)
    assert (record["since"], record["through"]) == ("2026-01-01", "2026-02-28")
    assert record["reviewer"]["licenses"][0]["type"] == "LCSW-R"


def test_a_sign_off_chooses_the_day_of_the_next_and_tells_the_trainee_without_its_words(
    noon, supervision, entry
):
    review = sign(supervision, noon, decision="changes", words="One more hour of ethics.")

    assert due_days(supervision, noon) == {supervision.trainee_id: date(2026, 6, 1)}
    promise = OutgoingMail.objects.get()
    assert (promise.recipient, promise.kind) == (supervision.trainee, "review-signed")
    assert "Helena Brandt has read your transcript" in promise.body
    assert "changes requested" in promise.body
    assert review.get_absolute_url() in promise.body
    assert "ethics" not in promise.body


@pytest.mark.parametrize("change", ["new credit", "reversal"])
def test_what_changed_since_the_page_was_opened_is_not_signed(noon, supervision, entry, change):
    reading = look(supervision, noon)
    if change == "reversal":
        take_back(entry, noon)
    else:
        earn(supervision.trainee, "Law")

    with pytest.raises(reviews.ReviewError) as refusal:
        sign(supervision, noon, reading)

    assert str(refusal.value) == ("The transcript changed since you opened this page: look again.")
    assert not Review.objects.exists()
    assert not ReviewDay.objects.exists()
    assert sign(supervision, noon).lines.count() == 2


def test_credit_outside_the_period_does_not_hinder_the_signature(noon, supervision, entry):
    reading = look(supervision, noon)
    earn(supervision.trainee, "Law", date(2026, 3, 1))

    assert sign(supervision, noon, reading).lines.count() == 1


def test_the_same_sign_off_twice_is_one_review(noon, supervision, entry):
    reading = look(supervision, noon)

    first = sign(supervision, noon, reading)
    again = sign(supervision, noon + timedelta(seconds=1), reading)

    assert first == again == Review.objects.get()
    assert OutgoingMail.objects.count() == 1


def test_another_sign_off_from_the_same_page_is_asked_to_look_again(noon, supervision, entry):
    reading = look(supervision, noon)
    sign(supervision, noon, reading)

    with pytest.raises(reviews.ReviewError) as refusal:
        sign(supervision, noon, reading, decision="changes", words="No.")

    assert str(refusal.value) == (
        "This transcript was signed since you opened this page: look again."
    )
    assert Review.objects.count() == 1


@pytest.mark.parametrize("decision", ["condition", "changes"])
def test_a_condition_or_changes_need_words(noon, supervision, decision):
    with pytest.raises(reviews.ReviewError, match="Say what is missing"):
        sign(supervision, noon, decision=decision, words=" \n ")

    assert not Review.objects.exists()


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        (UNTIL, SINCE, "The last day is before the first. Change one of them."),
        (SINCE, SINCE, "The last day is before the first. Change one of them."),
        (date(1, 1, 1), UNTIL, "Begin the period in 1980 or later."),
        (
            SINCE,
            date(9999, 12, 31),
            "End the period today or earlier: a review is of what has happened.",
        ),
    ],
)
def test_an_absurd_period_is_not_signed(noon, supervision, since, until, words):
    reading = look(supervision, noon)

    with pytest.raises(reviews.ReviewError) as refusal:
        sign(supervision, noon, reading, since=since, until=until)

    assert str(refusal.value) == words
    assert not Review.objects.exists()


@pytest.mark.parametrize("closed", ["ended", "credit no longer shared"])
def test_nothing_is_signed_once_the_record_is_closed(noon, supervision, entry, closed):
    reading = look(supervision, noon)
    if closed == "ended":
        supervision_story.end(supervision=supervision, by=supervision.trainee, at=noon)
    else:
        supervision.shares_credit = False
        supervision.save()

    with pytest.raises(reviews.SupervisionEnded):
        sign(supervision, noon + timedelta(minutes=1), reading)

    assert not Review.objects.exists()


# --- What is new ---


def test_a_line_is_new_until_signed_and_again_when_sent_back(noon, supervision, entry):
    law = earn(supervision.trainee, "Law", date(2026, 2, 2))
    before = look(supervision, noon).new
    sign(supervision, noon)
    signed = look(supervision, noon).new
    sign(
        supervision,
        noon + timedelta(days=1),
        look(supervision, noon, since=date(2026, 2, 1)),
        decision="changes",
        words="Which hour?",
    )

    assert before == [law, entry]
    assert signed == []
    assert look(supervision, noon).new == [law]


def test_late_credit_of_a_signed_period_and_a_reversal_in_it_are_since_the_last_review(
    noon, supervision, entry
):
    review = sign(supervision, noon)
    late = earn(supervision.trainee, "Law", date(2026, 2, 2))
    reversal = take_back(entry, noon)
    earn(supervision.trainee, "Elsewhere", date(2026, 3, 3))

    for reader in (supervision.supervisor, supervision.trainee):
        assert readings.since_then(review, reader=reader, at=noon) == [late, reversal]
    assert readings.since_then(review, reader=UserFactory(), at=noon) == []


def test_the_proposed_period_leaves_nothing_unsigned_out(noon, supervision, entry):
    today = date(2026, 3, 2)

    def proposed():
        reading = look(supervision, noon)
        return readings.period_to_review(
            transcript=look(supervision, noon, until=date(2026, 4, 1)).transcript,
            history=reading.history,
            today=today,
        )

    first = proposed()
    sign(supervision, noon)
    after = proposed()
    earn(supervision.trainee, "Late", date(2026, 1, 9))
    late = proposed()

    assert first == (date(2026, 1, 5), date(2026, 3, 3))
    assert after == (UNTIL, date(2026, 3, 3))
    assert late == (date(2026, 1, 9), date(2026, 3, 3))


# --- Who reads a review ---


def test_a_review_is_its_holders_for_good_and_its_reviewers_while_they_supervise(noon, supervision):
    review = sign(supervision, noon)
    another = SupervisionFactory(trainee=supervision.trainee).supervisor

    def readers():
        people = (supervision.trainee, supervision.supervisor, another, UserFactory())
        return [Review.objects.visible_to(person, at=noon).exists() for person in people]

    during = readers()
    supervision_story.end(supervision=supervision, by=supervision.supervisor, at=noon)

    assert during == [True, True, False, False]
    assert readers() == [True, False, False, False]
    assert review.reviewer_name == "Helena Brandt"


# --- What the database refuses ---


@pytest.mark.parametrize("table", ["transcripts_review", "transcripts_reviewline"])
@pytest.mark.parametrize("deed", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_the_database_refuses_to_change_or_remove_a_review(noon, supervision, entry, table, deed):
    sign(supervision, noon)

    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(deed.format(table))

    assert ReviewLine.objects.count() == 1


def test_the_database_refuses_two_reviews_after_the_same_one(noon, supervision):
    first = sign(supervision, noon)
    facts = {
        "reviewer": first.reviewer,
        "holder": first.holder,
        "since": SINCE,
        "until": UNTIL,
        "decision": "approved",
        "signed_at": noon,
        "record": {},
    }

    Review.objects.create(**facts, after=first)
    for after in (first, None):
        with pytest.raises(IntegrityError), transaction.atomic():
            Review.objects.create(**facts, after=after)


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"until": SINCE}, "review_period_has_a_day"),
        ({"decision": "changes"}, "review_condition_or_reason_is_in_words"),
        ({"decision": "maybe", "words": "Well."}, "review_condition_or_reason_is_in_words"),
    ],
)
def test_the_database_refuses_a_review_that_makes_no_sense(noon, wrong, constraint):
    facts = {
        "since": SINCE,
        "until": UNTIL,
        "decision": "approved",
        "signed_at": noon,
        "record": {},
    }

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Review.objects.create(reviewer=UserFactory(), holder=UserFactory(), **{**facts, **wrong})


# --- When the next one is due ---


def test_a_review_is_due_three_months_after_the_supervision_began_or_when_chosen(noon, supervision):
    other = SupervisionFactory(supervisor=supervision.supervisor)
    SupervisionFactory(supervisor=supervision.supervisor, future=True)
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


def test_without_a_choice_the_review_is_due_by_the_day_of_the_supervisor(noon):
    begun = datetime(2026, 1, 6, 2, 0, tzinfo=UTC)  # still January 5 in New York
    supervision = SupervisionFactory(accepted_at=begun)

    assert due_days(supervision, noon) == {supervision.trainee_id: date(2026, 4, 5)}


def test_the_earliest_credit_that_can_be_recorded_can_be_signed(noon):
    supervision = SupervisionFactory(shares_evidence=True)
    OutsideCreditFactory(
        holder=supervision.trainee, started_on=outside.EARLIEST, earned_on=outside.EARLIEST
    )
    since, until = readings.period_to_review(
        transcript=transcript.build(
            holder=supervision.trainee, reader=supervision.supervisor, at=noon
        ),
        history=readings.history(reviewer=supervision.supervisor, holder=supervision.trainee),
        today=date(2026, 3, 2),
    )

    review = sign(supervision, noon, look(supervision, noon, since, until))

    assert review.since == outside.EARLIEST
