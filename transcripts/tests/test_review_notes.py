"""What is noted about a transcript, by whom and for whom; and one mail of what waits."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts import supervision as supervision_story
from accounts.models import OutgoingMail
from accounts.tests.factories import SupervisionFactory, UserFactory
from transcripts import corrections, readings, review_notes
from transcripts.models import ReviewNote
from transcripts.tests.factories import OutsideCreditFactory
from transcripts.tests.test_reviews import earn, look, sign, take_back

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def supervision():
    return SupervisionFactory(
        supervisor__legal_name="Helena Brandt",
        trainee__legal_name="Priya Raman",
        shares_evidence=True,
    )


def write(supervision, at, **changes):
    facts = {"words": "Well chosen.", "is_shared": True}
    return review_notes.write(supervision=supervision, **{**facts, **changes}, at=at)


def answer(note, at, words="Thank you.", by=None):
    return review_notes.answer(note=note, by=by or note.holder, words=words, at=at)


def sweep(at):
    for conversation in review_notes.untold(at=at, limit=10):
        review_notes.tell(**conversation, at=at)
    return list(OutgoingMail.objects.filter(kind="review-notes").order_by("created_at"))


# --- Mail ---


def test_once_it_is_quiet_one_mail_tells_of_all_notes_without_their_words(noon, supervision):
    consent, law = earn(supervision.trainee), earn(supervision.trainee, "Law")
    write(supervision, noon, line=consent, words="Secret one")
    write(supervision, noon + 8 * MINUTE, line=law, words="Secret two")
    write(supervision, noon + 8 * MINUTE, words="Yours alone", is_shared=False)

    busy = sweep(noon + 12 * MINUTE)
    [promise] = sweep(noon + 18 * MINUTE)
    again = sweep(noon + 40 * MINUTE)

    assert busy == []
    assert again == [promise]
    assert promise.recipient == supervision.trainee
    assert promise.subject == "Helena Brandt wrote about your transcript"
    assert "wrote 2 notes for you, about:\n\n- Consent\n- Law\n" in promise.body
    assert "Secret" not in promise.body
    assert "/transcript/reviews/#notes" in promise.body


def test_who_never_pauses_is_told_of_within_the_hour(noon, supervision):
    for number in range(0, 62, 6):
        write(supervision, noon + number * MINUTE, words=f"Note {number}")

    [promise] = sweep(noon + 61 * MINUTE)

    assert "wrote 11 notes for you." in promise.body


def test_the_supervisor_is_told_of_answers_unless_they_may_not_read_them_any_more(
    noon, supervision
):
    note = write(supervision, noon, line=earn(supervision.trainee))
    sweep(noon + 10 * MINUTE)
    answer(note, noon + 20 * MINUTE)
    first, second = sweep(noon + 30 * MINUTE)
    answer(note, noon + 40 * MINUTE, words="One more thing.")
    supervision_story.end(supervision=supervision, by=supervision.trainee, at=noon + 41 * MINUTE)

    assert sweep(noon + 60 * MINUTE) == [first, second]
    assert second.recipient == supervision.supervisor
    assert second.subject == "Priya Raman answered your notes"
    assert "- Consent\n" in second.body
    assert f"/supervision/{supervision.trainee_id}/#notes" in second.body
    assert not review_notes.untold(at=noon + 90 * MINUTE, limit=10)


# --- Notes and answers ---


def test_the_same_words_at_once_again_are_the_same_note_and_later_another(noon, supervision):
    first = write(supervision, noon)
    again = write(supervision, noon + MINUTE)
    later = write(supervision, noon + 10 * MINUTE)

    assert first == again
    assert ReviewNote.objects.count() == 2
    assert answer(first, noon) == answer(first, noon + MINUTE)
    assert later.answered_by.count() == 0


def test_nothing_is_noted_or_answered_after_the_end(noon, supervision):
    note = write(supervision, noon)
    supervision_story.end(supervision=supervision, by=supervision.trainee, at=noon)

    with pytest.raises(review_notes.NobodyReads):
        write(supervision, noon + MINUTE, words="Late.")
    with pytest.raises(review_notes.NobodyReads):
        answer(note, noon + MINUTE)

    assert ReviewNote.objects.get() == note


def test_a_private_note_has_no_answer(noon, supervision):
    note = write(supervision, noon, is_shared=False)

    with pytest.raises(review_notes.NoteError, match="Only a shared note"):
        answer(note, noon, by=supervision.supervisor)


def test_a_correction_is_not_asked_for_behind_the_trainees_back(noon, supervision):
    entry = earn(supervision.trainee)

    with pytest.raises(review_notes.NoteError, match="Share the note"):
        write(supervision, noon, line=entry, is_shared=False, asks_correction=True)

    assert not ReviewNote.objects.exists()


def came(supervision, at):
    [thread] = review_notes.threads(
        holder=supervision.trainee, reader=supervision.supervisor, at=at
    )
    return thread.correction


def test_a_flag_says_what_came_of_it(noon, supervision):
    entry = earn(supervision.trainee)
    write(supervision, noon, line=entry, asks_correction=True)

    before = came(supervision, noon)
    take_back(entry, noon + MINUTE)

    assert (before, came(supervision, noon + MINUTE)) == ("unasked", "reversed")


def test_a_flag_says_that_the_correction_was_asked_for_and_granted(noon, supervision):
    entry = earn(supervision.trainee)
    write(supervision, noon, line=entry, asks_correction=True)

    corrections.ask(entry=entry, wrong="hours", words="One less.", at=noon + MINUTE)
    asked = came(supervision, noon + MINUTE)
    take_back(entry, noon + 2 * MINUTE)

    assert (asked, came(supervision, noon + 2 * MINUTE)) == ("open", "granted")


def test_outside_credit_is_corrected_by_its_holder(noon, supervision):
    credit = OutsideCreditFactory(holder=supervision.trainee)
    write(supervision, noon, line=credit, asks_correction=True)

    before = came(supervision, noon)
    credit.changed_at = noon + MINUTE
    credit.save()
    changed = came(supervision, noon + MINUTE)
    credit.withdrawn_at = noon + MINUTE
    credit.save()

    assert (before, changed, came(supervision, noon + MINUTE)) == (
        "unasked",
        "changed",
        "withdrawn",
    )
    with pytest.raises(review_notes.NoteError, match="withdrawn by now"):
        write(supervision, noon + 2 * MINUTE, line=credit, words="?", asks_correction=True)


def test_outside_credit_is_signed_as_seen_and_open_again_when_changed(noon, supervision):
    entry = earn(supervision.trainee)
    credit = OutsideCreditFactory(holder=supervision.trainee, earned_on=entry.earned_on)
    review = sign(supervision, noon)
    signed = look(supervision, noon).new
    credit.changed_at = noon + MINUTE
    credit.save()

    assert {line.line for line in review.lines.all()} == {entry, credit}
    assert review.record["seen"]["outside"]["entries"][0]["title"] == credit.title
    assert signed == []
    assert look(supervision, noon + 2 * MINUTE).new == [credit]


def test_outside_credit_that_is_not_shared_is_neither_signed_nor_spoken_of(noon, supervision):
    entry = earn(supervision.trainee)
    credit = OutsideCreditFactory(holder=supervision.trainee, earned_on=entry.earned_on)
    note = write(supervision, noon, line=credit)
    review_notes.answer(note=note, by=supervision.trainee, words="Thank you.", at=noon)
    supervision.shares_evidence = False
    supervision.save()

    review = sign(supervision, noon)
    threads = {
        reader: review_notes.threads(holder=supervision.trainee, reader=reader, at=noon)
        for reader in (supervision.supervisor, supervision.trainee)
    }
    for waiting in review_notes.untold(at=noon + 60 * MINUTE, limit=9):
        review_notes.tell(**waiting, at=noon + 60 * MINUTE)

    assert [line.line for line in review.lines.all()] == [entry]
    assert review.record["seen"]["outside"]["entries"] == []
    assert threads[supervision.supervisor] == []
    assert len(threads[supervision.trainee]) == 1
    told = OutgoingMail.objects.filter(kind="review-notes")
    assert [mail.recipient for mail in told] == [supervision.trainee]
    assert readings.since_then(review, reader=supervision.supervisor, at=noon) == []


# --- Who reads what ---


def test_notes_are_for_the_two_alone(noon, supervision):
    write(supervision, noon)
    write(supervision, noon, words="Yours alone", is_shared=False)
    superuser = UserFactory(is_staff=True, is_superuser=True)
    another = SupervisionFactory(trainee=supervision.trainee).supervisor

    def readable(person, at=noon):
        return ReviewNote.objects.visible_to(person, at=at).count()

    people = [supervision.supervisor, supervision.trainee, another, superuser]
    assert [readable(person) for person in people] == [2, 1, 0, 0]
    supervision_story.end(supervision=supervision, by=supervision.trainee, at=noon)
    assert [readable(person, noon + MINUTE) for person in people] == [0, 1, 0, 0]


# --- What the database refuses ---


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"words": ""}, "review_note_says_something"),
        ({"author": "stranger"}, "review_note_is_by_one_of_the_two"),
        ({"author": "holder"}, "review_note_opens_or_answers"),
        ({"asks_correction": True}, "review_note_asks_for_the_correction_of_a_line"),
    ],
)
def test_the_database_refuses_a_note_that_makes_no_sense(noon, supervision, wrong, constraint):
    people = {"stranger": UserFactory(), "holder": supervision.trainee}
    author = people.get(wrong.get("author"), supervision.supervisor)
    facts = {"words": "Hm.", **wrong, "author": author}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        ReviewNote.objects.create(
            supervisor=supervision.supervisor,
            holder=supervision.trainee,
            is_shared=True,
            written_at=noon,
            **facts,
        )
