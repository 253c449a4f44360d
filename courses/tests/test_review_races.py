"""Two at once on one transcript under review; each fails when its lock is removed."""

from datetime import timedelta

import pytest

from accounts import supervision as supervision_story
from accounts.models import OutgoingMail
from accounts.tests.factories import SupervisionFactory, UserFactory
from courses.tests.test_races import at_the_same_time
from transcripts import ledger, review_notes, reviews
from transcripts.models import Review, ReviewNote
from transcripts.tests.test_reviews import earn, look, sign

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def supervision():
    return SupervisionFactory()


def in_words(deed):
    """What it gives, or the words of its refusal."""

    def run():
        try:
            return deed()
        except (reviews.ReviewError, review_notes.NoteError) as error:
            return str(error)

    return run


def end(supervision, at):
    return supervision_story.end(supervision=supervision, by=supervision.trainee, at=at)


def test_a_sign_off_sent_twice_at_once_is_one_review_and_one_mail(noon, supervision):
    earn(supervision.trainee)
    reading = look(supervision, noon)

    first, second = at_the_same_time(
        lambda: sign(supervision, noon, reading),
        in_words(lambda: sign(supervision, noon, reading)),
    )

    assert first == second == Review.objects.get()
    assert OutgoingMail.objects.count() == 1


def test_of_two_different_sign_offs_at_once_the_second_looks_again(noon, supervision):
    reading = look(supervision, noon)

    first, words = at_the_same_time(
        lambda: sign(supervision, noon, reading),
        in_words(lambda: sign(supervision, noon, reading, decision="changes", words="No.")),
    )

    assert words == "This transcript was signed since you opened this page: look again."
    assert Review.objects.get() == first


def test_a_sign_off_waits_for_the_end_of_the_supervision_and_is_refused(noon, supervision):
    reading = look(supervision, noon)

    _, words = at_the_same_time(
        lambda: end(supervision, noon),
        in_words(lambda: sign(supervision, noon + MINUTE, reading)),
    )

    assert words == "This supervision has ended."
    assert not Review.objects.exists()


def test_a_note_waits_for_the_end_of_the_supervision_and_is_refused(noon, supervision):
    _, words = at_the_same_time(
        lambda: end(supervision, noon),
        in_words(
            lambda: review_notes.write(
                supervision=supervision, words="Late.", is_shared=True, at=noon + MINUTE
            )
        ),
    )

    assert words == "The supervision has ended: nobody would read what you write."
    assert not ReviewNote.objects.exists()


def test_a_flag_waits_for_the_reversal_of_its_line_and_is_refused(noon, supervision):
    entry, curator = earn(supervision.trainee), UserFactory()

    _, words = at_the_same_time(
        lambda: ledger.reverse(
            entry=entry, reason_class="error", reason="Not there.", by=curator, at=noon
        ),
        in_words(
            lambda: review_notes.write(
                supervision=supervision,
                words="It was 2.",
                line=entry,
                is_shared=True,
                asks_correction=True,
                at=noon,
            )
        ),
    )

    assert words == "This credit was reversed by now. Look at what stands in its place."
    assert not ReviewNote.objects.exists()


def test_two_workers_tell_of_the_same_notes_once(noon, supervision):
    review_notes.write(supervision=supervision, words="Hm.", is_shared=True, at=noon)
    [conversation] = review_notes.untold(at=noon + 10 * MINUTE, limit=10)

    def tell():
        return review_notes.tell(**conversation, at=noon + 10 * MINUTE)

    at_the_same_time(tell, tell)

    assert OutgoingMail.objects.filter(kind="review-notes").count() == 1


def test_two_workers_remind_of_a_review_once(noon, supervision):
    later = noon + timedelta(days=60)

    def remind():
        return reviews.remind(supervision_id=supervision.pk, at=later)

    at_the_same_time(remind, remind)

    assert OutgoingMail.objects.filter(kind="review-due").count() == 1
