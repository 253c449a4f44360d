"""What a card says to everybody, and what it says to the reader alone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils.html import strip_tags

from accounts.tests.factories import UserFactory
from courses import cards, catalog, completion, listing, shelf, words
from courses.models import (
    Approval,
    ApprovingBody,
    Course,
    CourseCredit,
    CourseFocusArea,
    FocusArea,
    ShortlistItem,
    Topic,
)
from courses.tests import stories
from courses.tests.factories import (
    ApprovalFactory,
    ApprovingBodyFactory,
    CourseFactory,
    CreditTypeFactory,
    EnrollmentFactory,
    LessonFactory,
    SessionFactory,
)
from courses.tests.stories import ready_to_complete

pytestmark = pytest.mark.django_db

NEW_YORK, TOKYO = ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")
STRANGER = AnonymousUser()
DAY = timedelta(days=1)


def listed(course: Course) -> Course:
    listing.relist([course.pk])
    listing.relabel()
    return course


def card_of(course: Course, at: datetime, *, user=STRANGER, zone=NEW_YORK, **options) -> str:
    (card,) = cards.render([course.pk], user=user, at=at, zone=zone, **options)
    return card


def text_of(card: str) -> str:
    """What is read out, in one line."""
    return " ".join(strip_tags(re.sub(r"<[^>]*>", " ", card)).split())


# --- What everybody sees ----------------------------------------------------


def test_a_card_has_all_facts(noon):
    course = listed(CourseFactory(title="Consent, again", captions=True, slug="consent-again"))

    card = card_of(course, noon)

    assert text_of(card) == (
        "Ethics › Informed consent 1.5 h hours of credit Consent, again Consent as a thread. "
        "Text-based · Introductory On demand ASWB ACE English, captions $36"
    )
    assert 'href="/courses/consent-again/"' in card
    assert 'class="topic t-ethics"' in card
    assert "bi-book" in card


@pytest.mark.parametrize(
    ("facts", "words_on_card"),
    [
        ({"hours": 1}, "1 h hour of credit"),
        ({"hours": Decimal("0.75")}, "0.75 h hours of credit"),
        ({"price": 0}, "English Free"),
        ({"price": Decimal("19.5")}, "English $19.50"),
        ({"language": "Español"}, "ASWB ACE Español $36"),
        ({"format": "recorded", "level": "advanced"}, "Recorded · Advanced"),
    ],
)
def test_figures_are_written_as_everywhere(noon, facts, words_on_card):
    course = listed(CourseFactory(**facts))

    assert words_on_card in text_of(card_of(course, noon))


def test_hostile_text_is_text(noon):
    course = listed(CourseFactory(title="<script>1</script> 100% %s", summary="<b>&amp;</b> %(x)s"))

    plain = card_of(course, noon)
    marked = card_of(course, noon, query=words.parse("script b"))

    for card in (plain, marked):
        assert "<script" not in card
        assert "<b>" not in card
    assert "&lt;script&gt;1&lt;/script&gt; 100% %s" in plain
    assert "&lt;b&gt;&amp;amp;&lt;/b&gt; %(x)s" in plain


def test_words_that_were_looked_for_are_marked_in_title_and_summary(noon):
    course = listed(CourseFactory(title="Repairing ruptures", summary="How to repair them."))

    card = card_of(course, noon, query=words.parse("repair -nothing"))

    assert "<mark>Repairing</mark> ruptures" in card
    assert "How to <mark>repair</mark> them." in card


def test_the_topic_is_that_of_the_first_focus_area(noon):
    course = CourseFactory()
    topic = Topic.objects.create(slug="advocacy", name="Advocacy", covers="-", marker="t-advocacy")
    area = FocusArea.objects.create(slug="policy", name="Policy", covers="-", topic=topic)
    course.course_focus_areas.update(position=2)
    CourseFocusArea.objects.create(course=course, focus_area=area, position=1)

    card = card_of(listed(course), noon)

    assert "Advocacy › Policy" in card
    assert "Ethics" not in card


@pytest.mark.parametrize(
    ("chosen", "place"),
    [
        ({}, "Ethics › Informed consent"),
        ({"focus": {"policy"}}, "Advocacy › Policy"),
        ({"topic": {"advocacy"}}, "Advocacy › Policy"),
        ({"topic": {"advocacy"}, "focus": {"consent"}}, "Ethics › Informed consent"),
        ({"focus": {"elsewhere"}, "format": {"text"}}, "Ethics › Informed consent"),
    ],
)
def test_of_several_focus_areas_one_that_was_asked_for_is_shown(noon, chosen, place):
    course = CourseFactory()
    topic = Topic.objects.create(slug="advocacy", name="Advocacy", covers="-", marker="t-advocacy")
    area = FocusArea.objects.create(slug="policy", name="Policy", covers="-", topic=topic)
    CourseFocusArea.objects.create(course=course, focus_area=area, position=9)
    FocusArea.objects.create(slug="elsewhere", name="Elsewhere", covers="-", topic=topic)

    card = card_of(listed(course), noon, chosen=chosen)

    assert text_of(card).startswith(f"{place} 1.5 h")
    assert f'class="topic t-{place.split()[0].casefold()}"' in card


def test_a_course_without_a_focus_area_has_a_card(noon):
    course = CourseFactory()
    course.course_focus_areas.all().delete()

    card = card_of(listed(course), noon)

    assert "›" not in card
    assert "topic" not in card


def test_a_card_names_three_boards_and_counts_the_others(noon):
    course = CourseFactory()
    for position, name in enumerate(["NBCC ACEP", "APA", "NAADAC", "CAMFT CEPA"], start=1):
        body = ApprovingBodyFactory(slug=f"body-{position}", name=name, position=position)
        ApprovalFactory(provider=course.provider, body=body)
        for credit_type in ("ethics", "clinical"):
            CourseCredit.objects.create(
                course=course,
                body=body,
                credit_type=CreditTypeFactory(slug=credit_type, name=credit_type),
                hours=1,
                basis="-",
                position=position,
            )

    assert "ASWB ACE, NBCC ACEP, APA, and 2 more" in text_of(card_of(listed(course), noon))


def test_a_board_is_named_on_the_days_of_its_approval_alone(noon):
    course = CourseFactory()
    Approval.objects.update(valid_from=date(2026, 3, 2), valid_to=date(2026, 3, 3))
    listed(course)

    named = {days: "ASWB ACE" in card_of(course, noon + days * DAY) for days in (-1, 0, 1, 2)}

    assert named == {-1: False, 0: True, 1: True, 2: False}
    assert "No approval in date" in card_of(course, noon + 2 * DAY)


def test_the_day_is_that_of_the_readers_zone(noon):
    course = CourseFactory()
    Approval.objects.update(valid_from=date(2026, 3, 3), valid_to=None)
    listed(course)
    evening = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)  # five in the morning of March 3 in Tokyo

    assert "ASWB ACE" not in card_of(course, evening, zone=NEW_YORK)
    assert "ASWB ACE" in card_of(course, evening, zone=TOKYO)
    assert "ASWB ACE" not in card_of(course, evening, zone=NEW_YORK)


# --- Sessions ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("capacity", "taken", "seats"),
    [(None, 1, ""), (20, 0, " · 20 seats left"), (2, 1, " · 1 seat left"), (1, 1, " · Full")],
)
def test_a_live_course_shows_its_next_session_with_its_seats(noon, capacity, taken, seats):
    session = SessionFactory(starts_at=noon + DAY, capacity=capacity)
    SessionFactory(course=session.course, starts_at=noon + 2 * DAY, capacity=0)
    SessionFactory(course=session.course, starts_at=noon - DAY)
    EnrollmentFactory.create_batch(taken, course=session.course, session=session)
    EnrollmentFactory(course=session.course, session=session, enrolled_at=noon, withdrawn_at=noon)
    listed(session.course)

    card = card_of(session.course, noon)

    assert (
        f'<time datetime="2026-03-03T12:00:00+00:00">Tue, Mar 3, 7:00 AM EST</time>{seats}</span>'
        in card
    )
    assert "bi-camera-video" in card


def test_a_live_course_shows_its_next_session_that_has_a_seat(noon):
    full = SessionFactory(starts_at=noon + DAY, capacity=1)
    SessionFactory(course=full.course, starts_at=noon + 2 * DAY, capacity=0)
    SessionFactory(course=full.course, starts_at=noon + 3 * DAY, capacity=40)
    SessionFactory(course=full.course, starts_at=noon + 4 * DAY)
    EnrollmentFactory(course=full.course, session=full)
    listed(full.course)

    card = card_of(full.course, noon)

    assert "Mar 3 full; Thu, Mar 5, 7:00 AM EST · 40 seats left" in text_of(card)
    assert 'datetime="2026-03-05T12:00:00+00:00"' in card


def test_a_session_is_shown_in_the_readers_zone(noon):
    session = SessionFactory(starts_at=noon + DAY)
    listed(session.course)

    assert "Tue, Mar 3, 9:00 PM JST" in card_of(session.course, noon, zone=TOKYO)


def test_a_session_that_has_begun_is_not_announced(noon):
    session = SessionFactory(starts_at=noon)
    listed(session.course)

    assert "No date announced" in card_of(session.course, noon)


# --- What the reader alone sees ---------------------------------------------


def test_a_card_says_what_the_reader_has_to_do_with_the_course(noon):
    reader = UserFactory()
    untouched, enrolled, begun, read = (
        CourseFactory(parts__lessons=3, parts__questions=0) for _ in range(4)
    )
    session = SessionFactory(starts_at=noon + DAY)
    EnrollmentFactory(learner=reader, course=enrolled)
    EnrollmentFactory(learner=reader, course=session.course, session=session)
    EnrollmentFactory(course=untouched)  # somebody else's
    EnrollmentFactory(learner=reader, course=untouched, enrolled_at=noon, withdrawn_at=noon)
    for course, lessons in ((begun, 1), (read, 3)):
        held = EnrollmentFactory(learner=reader, course=course)
        for lesson in course.lessons.order_by("position")[:lessons]:
            stories.read(held, lesson, noon)
    completed = ready_to_complete(noon, learner=reader)
    completion.complete(enrollment=completed, at=datetime(2026, 3, 3, 2, 0, tzinfo=UTC))
    courses = [untouched, enrolled, session.course, begun, read, completed.course]
    listing.relist([course.pk for course in courses])
    listing.relabel()

    shown = cards.render([course.pk for course in courses], user=reader, at=noon, zone=NEW_YORK)

    footers = [text_of(card.split("card-footer")[1].partition(">")[2]) for card in shown]
    assert footers == [
        "English $36",
        "You are enrolled $36",
        "You are enrolled for Mar 3, 2026 $36",
        "In progress, lesson 2 of 3 $36",
        "In progress, lesson 3 of 3 $36",
        "Completed on Mar 2, 2026 $36",
    ]


def test_a_signed_in_reader_may_keep_a_course_for_later(noon):
    reader = UserFactory()
    kept, other = listed(CourseFactory(slug="kept")), listed(CourseFactory(slug="other"))
    ShortlistItem.objects.create(owner=reader, course=kept, kept_at=noon)
    ShortlistItem.objects.create(owner=UserFactory(), course=other, kept_at=noon)

    first, second = cards.render(
        [kept.pk, other.pk],
        user=reader,
        at=noon,
        zone=NEW_YORK,
        csrf_token="secret",
        next_page="/courses/?q=a&page=2",
    )

    assert 'action="/courses/kept/drop/"' in first
    assert 'action="/courses/other/keep/"' in second
    for card in (first, second):
        assert '<input type="hidden" name="csrfmiddlewaretoken" value="secret">' in card
        assert 'name="next" value="/courses/?q=a&amp;page=2"' in card


def test_a_stranger_is_offered_nothing_to_press(noon):
    assert "<form" not in card_of(listed(CourseFactory()), noon)


# --- Which, in which order, how dear ----------------------------------------


def test_cards_come_in_the_order_asked_for_and_drafts_not_at_all(noon):
    first, second, draft = CourseFactory(), CourseFactory(), CourseFactory(draft=True)
    listing.relist([first.pk, second.pk, draft.pk])
    listing.relabel()

    shown = cards.render(
        [second.pk, draft.pk, 10**9, first.pk], user=STRANGER, at=noon, zone=NEW_YORK
    )

    assert [second.title in shown[0], first.title in shown[1], len(shown)] == [True, True, 2]


def test_a_retired_course_says_so(noon):
    session = SessionFactory(starts_at=noon + DAY)
    course = listed(session.course)
    before = card_of(course, noon)
    catalog.retire(course=course, at=noon)
    listing.relist([course.pk])

    after = card_of(course, noon)

    assert "Retired" not in before
    assert "Retired, takes no new enrollments" in after
    assert "Mar 3" not in after


def test_a_changed_course_has_a_changed_card(noon):
    course = listed(CourseFactory(title="Before"))
    before = card_of(course, noon)
    Course.objects.update(title="After")
    listing.relist([course.pk])

    assert ("Before" in before, "After" in card_of(course, noon)) == (True, True)


def test_a_changed_name_changes_the_cards(noon):
    course = listed(CourseFactory())
    before = card_of(course, noon)
    ApprovingBody.objects.update(name="Renamed")
    listing.relabel()

    after = card_of(course, noon)

    assert ("ASWB ACE" in before, "ASWB ACE" in after, "Renamed" in after) == (True, False, True)


def test_no_more_cards_are_kept_than_there_is_room_for(noon, monkeypatch):
    monkeypatch.setattr(cards, "MOST_KEPT", 3)
    courses = [CourseFactory() for _ in range(5)]
    listing.relist([course.pk for course in courses])
    listing.relabel()
    ids = [course.pk for course in courses]

    def show(*places):
        cards.render([ids[place] for place in places], user=STRANGER, at=noon, zone=NEW_YORK)
        return {ids.index(pk) for pk, _, _ in cards._kept[1]}

    assert show(0, 1, 2) == {0, 1, 2}
    # The one that was shown last stays longest.
    assert show(0) == {0, 1, 2}
    assert show(3) == {2, 0, 3}
    assert len(show(0, 1, 2, 3, 4)) == 3


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_cards_ask_as_often_for_one_course_as_for_fifty(
    noon, django_assert_num_queries, is_signed_in, monkeypatch
):
    reader = UserFactory() if is_signed_in else STRANGER
    courses = []
    for _ in range(25):
        session = SessionFactory(starts_at=noon + DAY)
        on_demand = CourseFactory(parts__lessons=0, parts__questions=0)
        LessonFactory(course=on_demand)
        courses += [session.course, on_demand]
        if is_signed_in:
            EnrollmentFactory(learner=reader, course=session.course, session=session)
            held = EnrollmentFactory(learner=reader, course=on_demand)
            stories.read(held, on_demand.lessons.get(), noon)
    listing.relist([course.pk for course in courses])
    listing.relabel()

    def show(some: list[Course]) -> int:
        options = {"csrf_token": "x"} if is_signed_in else {}
        ids = [course.pk for course in some]
        return len(cards.render(ids, user=reader, at=noon, zone=NEW_YORK, **options))

    show(courses[:1])
    monkeypatch.setattr(shelf, "CHECK_EVERY", 60)
    expected = {False: 2, True: 4}[is_signed_in]
    with django_assert_num_queries(expected):
        assert show(courses[1:2] + courses[2:3]) == 2
    with django_assert_num_queries(expected):
        assert show(courses) == 50
    # In memory now: all but the entries is asked again.
    with django_assert_num_queries(expected - 1):
        show(courses)
