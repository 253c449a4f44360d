"""Reviews through the browser's door: read, note, answer, sign, and nothing of others."""

import uuid
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import supervision as supervision_story
from accounts.tests.factories import SupervisionFactory, UserFactory
from transcripts import corrections
from transcripts.models import CorrectionRequest, Review, ReviewDay, ReviewNote
from transcripts.readings import key_of
from transcripts.tests.factories import CertificateFactory, CreditEntryFactory
from transcripts.tests.test_reviews import earn, take_back

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>\u202e\u200f gnorw"


@pytest.fixture
def supervision():
    return SupervisionFactory(
        supervisor__legal_name="Helena Brandt",
        trainee__legal_name="Priya Raman",
        trainee__preferred_name="Priya",
    )


@pytest.fixture
def entry(supervision):
    return earn(supervision.trainee)


@pytest.fixture
def helena(client, supervision, entry):
    client.force_login(supervision.supervisor)
    return client


def today_of(person):
    return timezone.localdate(timezone=person.tz)


def page_of(client, supervision, **query):
    return client.get(reverse("transcripts:trainee", args=[supervision.trainee.pk]), query)


def send(client, name, key, **data):
    return client.post(reverse(f"transcripts:{name}", args=[key]), data)


def sign_off_data(page, **changes):
    """What the form of the page sends."""
    form = page.context["sign_off_form"]
    hidden = {field.html_name: str(field.value() or "") for field in form.hidden_fields()}
    return {
        **hidden,
        "decision": "approved",
        "words": "",
        "next_on": "",
        "attested": "on",
        **changes,
    }


def sign(client, supervision, page=None, **changes):
    page = page or page_of(client, supervision)
    data = sign_off_data(page, **changes)
    return send(client, "sign_off", supervision.trainee.pk, **data)


def add_note(client, supervision, **data):
    facts = {"about": "", "words": "Well chosen.", "is_shared": "on"}
    return send(client, "add_note", supervision.trainee.pk, **{**facts, **data})


def text_of(client, user, path):
    client.force_login(user)
    return client.get(path).text


# --- Sign off ---


def test_the_page_shows_what_is_new_and_signs_it(helena, supervision, entry):
    before = page_of(helena, supervision)
    answer = sign(helena, supervision, before, words="A well-chosen first quarter.")

    review = Review.objects.get()
    assert "Nothing is signed yet." in before.text
    assert answer.url == review.get_absolute_url()
    assert (review.since, review.until - timedelta(days=1)) == (
        entry.earned_on,
        today_of(supervision.supervisor),
    )
    after = page_of(helena, supervision).text
    assert "All is signed." in after
    assert "A well-chosen first quarter." in after
    earn(supervision.trainee, "Law", date(2026, 1, 9))
    assert "1 is not signed." in page_of(helena, supervision).text


@pytest.mark.parametrize("change", ["new credit", "reversal"])
def test_a_transcript_that_changed_meanwhile_is_shown_anew_with_the_words_kept(
    helena, supervision, entry, change
):
    page = page_of(helena, supervision)
    if change == "reversal":
        take_back(entry, timezone.now())
    else:
        earn(supervision.trainee, "Law", date(2026, 2, 2))

    refused = sign(helena, supervision, page, decision="changes", words="Where is ethics?")

    assert refused.status_code == 422
    assert "The transcript changed since you opened this page: look again." in refused.text
    assert "Where is ethics?" in refused.text
    assert 'name="attested" class="form-check-input" required id="sign-attested">' in refused.text
    assert not Review.objects.exists()
    again = sign(helena, supervision, refused, decision="changes", words="Where is ethics?")
    assert again.status_code == 302
    assert Review.objects.get().lines.count() == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            {"decision": "changes", "words": "  "},
            "Say what is missing, so that Priya can act on it.",
        ),
        ({"words": "x" * 10_000}, "Use at most 5,000 characters."),
        ({"words": "a\x00b"}, "Null characters are not allowed."),
        ({"decision": ""}, "Choose an answer."),
        ({"decision": "burn"}, "burn is not one of the available choices."),
        ({"attested": ""}, "Check this box to go on."),
        ({"next_on": "soon"}, "Enter a valid date."),
        ({"next_on": "2020-01-01"}, "This day is past. Choose today or a later day."),
        ({"since": "2026-03-01", "through": "2026-02-01"}, "The last day is before the first."),
        ({"since": "0001-01-01"}, "Begin in 1980 or later."),
        ({"through": "9999-12-31"}, "Choose an earlier day."),
        ({"through": "9999-12-30"}, "a review is of what has happened"),
        ({"shown": ""}, "This field is required."),
        ({"after": "not-an-id"}, "Enter a valid UUID."),
    ],
)
def test_what_makes_no_sense_is_asked_again_and_nothing_is_signed(helena, supervision, data, words):
    answer = sign(helena, supervision, **data)

    assert answer.status_code == 422
    assert words in answer.text
    assert not Review.objects.exists()


def test_other_days_may_be_covered(helena, supervision):
    earn(supervision.trainee, "Law", date(2026, 2, 2))
    page = page_of(helena, supervision, since="2026-02-01", through="2026-02-28")
    sign(helena, supervision, page)

    review = Review.objects.get()
    assert [line.entry.title for line in review.lines.all()] == ["Law"]
    assert (review.since, review.until) == (date(2026, 2, 1), date(2026, 3, 1))


def test_a_condition_stands_on_the_next_review(helena, supervision):
    sign(helena, supervision, decision="condition", words="Three hours of ethics by June.")

    assert "Three hours of ethics by June." in page_of(helena, supervision).text


# --- Notes ---


def test_a_shared_note_is_read_and_answered_by_the_trainee(helena, supervision, entry):
    add_note(helena, supervision, about=key_of(entry), words="Which hour was ethics?")
    note = ReviewNote.objects.get()

    helena.force_login(supervision.trainee)
    own = helena.get(reverse("transcripts:reviews"))
    answered = send(helena, "answer_note", note.pk, words="The second.")

    assert "Which hour was ethics?" in own.text
    assert "On Consent, Jan 5, 2026" in own.text
    assert answered.url == f"{reverse('transcripts:reviews')}#note-{note.pk}"
    helena.force_login(supervision.supervisor)
    page = page_of(helena, supervision).text
    assert "The second." in page
    assert "1 note" in page
    assert send(helena, "answer_note", note.pk, words="Thank you.").status_code == 302
    assert [answer.author for answer in note.answered_by.oldest_first()] == [
        supervision.trainee,
        supervision.supervisor,
    ]


def test_a_note_that_is_not_shared_is_the_supervisors_alone(helena, supervision):
    add_note(helena, supervision, words="Ask about sleep.", is_shared="")
    note = ReviewNote.objects.get()

    assert "yours alone" in page_of(helena, supervision).text
    helena.force_login(supervision.trainee)
    assert "Ask about sleep." not in helena.get(reverse("transcripts:reviews")).text
    assert send(helena, "answer_note", note.pk, words="I sleep.").status_code == 404
    assert ReviewNote.objects.get() == note


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"words": ""}, "Fill this in."),
        ({"words": " \n\t "}, "Fill this in."),
        ({"words": "x" * 10_000}, "Use at most 5,000 characters."),
        ({"words": "a\x00b"}, "Null characters are not allowed."),
        ({"asks_correction": "on"}, "Choose the line that shall be corrected."),
        ({"about": "credit-0"}, "credit-0 is not one of the available choices."),
    ],
)
def test_a_note_that_makes_no_sense_is_asked_again(helena, supervision, data, words):
    answer = add_note(helena, supervision, **data)

    assert answer.status_code == 422
    assert words in answer.text
    assert not ReviewNote.objects.exists()


def test_a_line_of_somebody_else_cannot_be_noted_on(helena, supervision):
    other = earn(UserFactory(), "Secret")

    answer = add_note(helena, supervision, about=key_of(other))

    assert answer.status_code == 422
    assert "Secret" not in answer.text
    assert not ReviewNote.objects.exists()


def test_hostile_words_are_text(helena, supervision):
    add_note(helena, supervision, words=HOSTILE)
    sign(helena, supervision, words=HOSTILE)
    review = Review.objects.get()

    for user, path in (
        (supervision.supervisor, reverse("transcripts:trainee", args=[supervision.trainee.pk])),
        (supervision.supervisor, review.get_absolute_url()),
        (supervision.trainee, reverse("transcripts:reviews")),
        (supervision.trainee, review.get_absolute_url()),
    ):
        text = text_of(helena, user, path)
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text
        assert 'dir="auto"' in text


def test_the_same_note_sent_twice_is_one(helena, supervision):
    for _ in range(2):
        assert add_note(helena, supervision).status_code == 302

    assert ReviewNote.objects.count() == 1


def test_an_answer_without_words_is_asked_again_where_it_was_written(helena, supervision):
    add_note(helena, supervision)
    note = ReviewNote.objects.get()

    for user, words in ((supervision.supervisor, "Sign off"), (supervision.trainee, "Reviews")):
        helena.force_login(user)
        answer = send(helena, "answer_note", note.pk, words=" ")
        assert (answer.status_code, words in answer.text) == (422, True)

    assert ReviewNote.objects.get() == note


# --- Corrections ---


def test_a_flag_leads_the_trainee_to_a_request_with_the_words_filled_in(helena, supervision, entry):
    add_note(
        helena,
        supervision,
        about=key_of(entry),
        words="It was two hours.",
        asks_correction="on",
    )
    note = ReviewNote.objects.get()
    before = page_of(helena, supervision).text
    link = reverse("transcripts:correction_request", args=[entry.certificate.code])

    helena.force_login(supervision.trainee)
    assert f"{link}?note={note.pk}" in helena.get(reverse("transcripts:reviews")).text
    form = helena.get(link, {"note": note.pk})
    asked = helena.post(link, {"wrong": "other", "words": form.context["form"]["words"].value()})

    assert "not asked for yet" in before
    assert asked.status_code == 302
    assert CorrectionRequest.objects.get().words == "It was two hours."
    helena.force_login(supervision.supervisor)
    assert "A correction was asked for." in page_of(helena, supervision).text
    curator = UserFactory(is_staff=True)
    corrections.decline(
        asked=CorrectionRequest.objects.get(),
        answer="The roster says 1.5.",
        by=curator,
        at=timezone.now(),
    )
    assert "left the credit as it is" in page_of(helena, supervision).text


@pytest.mark.parametrize("whose", ["another line's", "another holder's", "nobody's"])
def test_a_request_is_filled_in_from_no_other_note(helena, supervision, entry, whose):
    law = earn(supervision.trainee, "Law")
    note_id = uuid.uuid4()
    if whose != "nobody's":
        add_note(helena, supervision, about=key_of(entry), words="Private to it.")
        note_id = ReviewNote.objects.get().pk
    reader = supervision.trainee
    if whose == "another holder's":
        law = CertificateFactory().entry
        reader = law.holder
    helena.force_login(reader)

    path = reverse("transcripts:correction_request", args=[law.certificate.code])
    page = helena.get(path, {"note": note_id})

    assert page.status_code == 200
    assert "Private to it." not in page.text
    assert helena.get(path, {"note": "x"}).status_code == 200


def test_reversed_credit_is_not_flagged(helena, supervision, entry):
    take_back(entry, timezone.now())

    answer = add_note(helena, supervision, about=key_of(entry), asks_correction="on")

    assert answer.status_code == 422
    assert "This credit was reversed by now." in answer.text
    assert not ReviewNote.objects.exists()


# --- The next review ---


def test_the_next_review_is_chosen_or_none(helena, supervision):
    day = today_of(supervision.supervisor) + timedelta(days=30)
    send(helena, "choose_review_day", supervision.trainee.pk, due_on=day.isoformat())
    chosen = ReviewDay.objects.get().due_on
    send(helena, "choose_review_day", supervision.trainee.pk, due_on="")

    assert chosen == day
    assert ReviewDay.objects.get().due_on is None
    assert "No review is planned" in page_of(helena, supervision).text


def test_a_review_that_is_overdue_says_so(helena, supervision):
    due_on = today_of(supervision.supervisor) - timedelta(days=2)
    ReviewDay.objects.create(supervision=supervision, due_on=due_on, chosen_at=timezone.now())

    text = page_of(helena, supervision).text

    assert "2 days overdue" in text
    refused = send(helena, "choose_review_day", supervision.trainee.pk, due_on=due_on.isoformat())
    assert refused.status_code == 422
    assert "This day is past." in refused.text


# --- Who reads what ---


def test_after_the_end_the_trainee_keeps_it_and_the_supervisor_has_nothing(helena, supervision):
    add_note(helena, supervision, words="Kept by Priya.")
    sign(helena, supervision)
    note, review = ReviewNote.objects.get(), Review.objects.get()
    page = page_of(helena, supervision)
    supervision_story.end(supervision=supervision, by=supervision.trainee, at=timezone.now())
    person = supervision.trainee.pk

    pages = [
        reverse("transcripts:trainee", args=[person]),
        review.get_absolute_url(),
        reverse("transcripts:review_pdf", args=[review.pk]),
    ]
    assert [helena.get(path).status_code for path in pages] == [404, 404, 404]
    assert sign(helena, supervision, page, words="Late.").status_code == 404
    assert add_note(helena, supervision, words="Late.").status_code == 404
    assert send(helena, "choose_review_day", person, due_on="").status_code == 404
    assert send(helena, "answer_note", note.pk, words="Late.").status_code == 404
    assert (Review.objects.count(), ReviewNote.objects.count()) == (1, 1)
    helena.force_login(supervision.trainee)
    own = helena.get(reverse("transcripts:reviews")).text
    assert "Kept by Priya." in own
    assert "Helena Brandt" in own
    assert "Send the answer" not in own
    assert helena.get(review.get_absolute_url()).status_code == 200
    refused = send(helena, "answer_note", note.pk, words="Thank you.")
    assert refused.status_code == 422
    assert "nobody would read what you write" in refused.text


def test_another_supervisor_of_the_trainee_and_strangers_get_404(helena, supervision):
    add_note(helena, supervision)
    sign(helena, supervision)
    note, review = ReviewNote.objects.get(), Review.objects.get()
    another = SupervisionFactory(trainee=supervision.trainee).supervisor

    for person in (another, UserFactory()):
        helena.force_login(person)
        assert helena.get(review.get_absolute_url()).status_code == 404
        assert send(helena, "answer_note", note.pk, words="Hm.").status_code == 404
    helena.force_login(another)
    page = page_of(helena, supervision).text
    assert "Well chosen." not in page
    assert "Nothing is signed yet." in page


def test_credit_that_is_not_shared_leaves_a_page_without_it(helena, supervision):
    supervision.shares_credit = False
    supervision.save()

    page = page_of(helena, supervision)

    assert "Credit is not shared with you" in page.text
    assert "Consent" not in page.text
    assert add_note(helena, supervision).status_code == 404


def test_both_see_on_the_review_what_came_since(helena, supervision, entry):
    sign(helena, supervision)
    review = Review.objects.get()
    earn(supervision.trainee, "Late Arrival", date(2026, 1, 9))
    take_back(entry, timezone.now())

    for user in (supervision.supervisor, supervision.trainee):
        text = text_of(helena, user, review.get_absolute_url())
        assert "Since the last review" in text
        assert "Jan 9, 2026, Late Arrival, 1.5 h" in text
        assert "Jan 5, 2026, Consent, -1.5 h (reversal)" in text


# --- Cost ---


def test_the_page_takes_the_same_queries_for_one_line_and_for_fifty(helena, supervision, entry):
    add_note(helena, supervision, about=key_of(entry))
    sign(helena, supervision)

    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert page_of(helena, supervision).status_code == 200
        return len(queries)

    few = cost()
    for number in range(49):
        entry = CreditEntryFactory(holder=supervision.trainee, title=f"Course {number}")
        CertificateFactory(entry=entry)
        add_note(helena, supervision, about=key_of(entry), words=f"Note {number}")
    sign(helena, supervision)

    assert cost() == few
