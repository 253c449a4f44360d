"""Searches and courses that people put aside, and the weekly mail of what is new."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.core.signing import BadSignature
from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.utils import timezone

from accounts import tasks as account_tasks
from accounts.models import OutgoingMail
from accounts.tests.factories import UserFactory
from ce_portal.celery import app
from courses import catalog, listing, saved, shelf, tasks
from courses.forms import CatalogQuery
from courses.models import (
    CourseCredit,
    CreditType,
    FocusArea,
    SavedSearch,
    ShortlistItem,
)
from courses.tests.factories import CourseFactory, FocusAreaFactory, SessionFactory, TopicFactory

pytestmark = pytest.mark.django_db

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)


@pytest.fixture(autouse=True)
def _choices_of_the_catalog():
    """A topic, a focus area and a credit type to ask for."""
    listed(title="Long there")


def listed(**facts):
    """A course as the catalog lists it."""
    course = CourseFactory(**facts)
    listing.relist([course.pk])
    listing.relabel()
    return course


def asked(query):
    return CatalogQuery(QueryDict(query))


def save(query="format=text", *, at, owner=None, name="", wants_mail=False):
    return saved.save(
        owner=owner or UserFactory(), asked=asked(query), name=name, wants_mail=wants_mail, at=at
    )


def due_search(query="format=text", **facts):
    """A search whose week is over, as its owner's worker finds it."""
    long_ago = timezone.now() - 30 * DAY
    search = save(query, at=long_ago, wants_mail=True, **facts)
    SavedSearch.objects.filter(pk=search.pk).update(seen_until=timezone.now() - 8 * DAY)
    search.refresh_from_db()
    return search


def new_course(**facts):
    return listed(**{"published_at": timezone.now() - DAY, **facts})


def why_nothing(search, understood, *, on):
    return saved.why_nothing(QueryDict(search.query), understood, on=on)


def send(search):
    """What the workers mail about a search, as (subject, body) of each mail."""
    before = len(mail.outbox)
    tasks.mail_new_courses(saved_search_id=str(search.pk))
    send_promised()
    return [(sent.subject, sent.body) for sent in mail.outbox[before:]]


def send_promised():
    for mail_id in OutgoingMail.objects.waiting().values_list("pk", flat=True):
        account_tasks.send_mail(mail_id=str(mail_id))


# --- The canonical query ----------------------------------------------------


@pytest.mark.parametrize(
    ("query", "form"),
    [
        ("format=text&topic=ethics", "format=text&topic=ethics"),
        ("topic=ethics&format=text", "format=text&topic=ethics"),
        ("format=text&format=recorded&format=text", "format=recorded&format=text"),
        ("format=text&page=3&unknown=1&q=&topic=", "format=text"),
        ("format=text&topic=nonsense&hours_from=abc&sort=nonsense", "format=text"),
        ("q=++informed%0A++consent+", "q=informed+consent"),
        ("q=the&format=text", "format=text"),
        ("q=%00&format=text", "format=text"),
        ("q=caf%C3%A9+%26+%22x%22", "q=caf%C3%A9+%26+%22x%22"),
        ("hours_to=4&hours_from=1.5", "hours_from=1.5&hours_to=4"),
        ("sort=title&q=consent", "q=consent&sort=title"),
        ("sort=relevance&q=consent", "q=consent"),
        ("on_demand=yes&format=text", "format=text"),
        ("on_demand=yes&live_from=2026-03-02", "live_from=2026-03-02&on_demand=yes"),
        ("", ""),
    ],
)
def test_canonical_is_one_form_for_all_that_ask_the_same(query, form):
    assert saved.canonical(asked(query)) == form
    assert saved.canonical(asked(form)) == form


@pytest.mark.parametrize(
    ("query", "is_lost"),
    [
        ("", False),
        ("topic=ethics&topic=gone", False),
        ("topic=&hours_from=+&live_until=", False),
        ("utm_source=x&page=9&sort=nonsense&q=%00", False),
        ("hours_from=1&hours_to=9.50", False),
        ("topic=gone", True),
        ("topic=ethics&board=gone", True),
        ("hours_from=abc", True),
        ("live_from=tomorrow&format=text", True),
    ],
)
def test_a_question_that_lost_a_filter_finds_nothing(query, is_lost, noon):
    words = saved.why_nothing(QueryDict(query), asked(query), on=noon.date())

    assert bool(words) == is_lost


# --- Save -------------------------------------------------------------------


def test_save_keeps_what_is_asked_under_a_name(noon):
    owner = UserFactory()

    search = save("topic=ethics&page=2", owner=owner, name="  Law,\tand\x00 more ", at=noon)

    search.refresh_from_db()
    assert (search.owner, search.name, search.query) == (owner, "Law, and more", "topic=ethics")
    assert (search.created_at, search.mailed_at, search.wants_mail) == (noon, None, False)
    assert search.get_absolute_url() == "/courses/?topic=ethics"


def test_save_names_a_search_after_its_filters(noon):
    search = save("q=consent&topic=ethics&format=text", name=" ", at=noon)

    assert search.name == "consent, Ethics, Text-based"


def test_save_cuts_a_name_that_the_filters_make_too_long(noon):
    search = save("topic=ethics&q=" + "consent+" * 24, at=noon)

    assert search.name.startswith("consent consent")
    assert len(search.name) <= 120


def test_save_again_gives_the_first_under_its_name(noon):
    owner = UserFactory()
    first = save("topic=ethics&format=text", owner=owner, name="First", at=noon)

    again = save("format=text&topic=ethics&page=2", owner=owner, name="Other", at=noon + DAY)

    assert again == first
    assert SavedSearch.objects.values_list("name", "created_at").get() == ("First", noon)


@pytest.mark.parametrize(
    ("first", "again", "then"),
    [(False, True, True), (True, False, True), (False, False, False)],
)
def test_save_again_can_add_the_wish_for_mail_and_not_take_it(noon, first, again, then):
    owner = UserFactory()
    save(owner=owner, wants_mail=first, at=noon)

    save(owner=owner, wants_mail=again, at=noon + DAY)

    assert SavedSearch.objects.get().wants_mail is then


def test_two_people_save_the_same_search_each_for_themselves(noon):
    assert save(at=noon) != save(at=noon)


@pytest.mark.parametrize(
    "query", ["", "page=2", "sort=title", "topic=nonsense", "on_demand=yes", "q=the", "unknown=1"]
)
def test_save_refuses_a_search_that_asks_for_nothing(noon, query):
    with pytest.raises(saved.SavedError) as refusal:
        save(query, at=noon)

    assert str(refusal.value) == "Choose a filter or enter some words first; then save the search."
    assert SavedSearch.objects.count() == 0


def test_save_refuses_a_name_that_is_too_long(noon):
    with pytest.raises(saved.SavedError) as refusal:
        save(name="x" * 121, at=noon)

    assert str(refusal.value) == "A name has at most 120 characters."
    assert SavedSearch.objects.count() == 0


def test_save_refuses_more_than_the_row_can_hold(noon):
    slugs = [f"{number:080}" for number in range(30)]
    FocusArea.objects.bulk_create(
        FocusArea(topic=TopicFactory(), slug=slug, name=slug, covers=slug) for slug in slugs
    )
    listing.relabel()

    with pytest.raises(saved.SavedError) as refusal:
        save("&".join(f"focus={slug}" for slug in slugs), at=noon)

    assert str(refusal.value) == "This search is too long to be saved. Take some filters away."


def test_save_refuses_the_fifty_first(noon):
    owner = UserFactory()
    for number in range(50):
        save(f"hours_from={number}", owner=owner, at=noon)
    known = save("hours_from=7", owner=owner, at=noon)

    with pytest.raises(saved.SavedError) as refusal:
        save("hours_from=50", owner=owner, at=noon)
    saved.forget(search=known, at=noon)
    save("hours_from=50", owner=owner, at=noon)

    assert str(refusal.value) == "You have 50 saved searches, the most there can be. Forget one."
    assert SavedSearch.objects.count() == 50


# --- Rename, mail, forget ---------------------------------------------------


@pytest.mark.parametrize(
    ("name", "then"),
    [(" After\n all ", "After all"), ("می\u200cخواهم", "می\u200cخواهم")],
)
def test_rename_changes_the_name_alone(noon, name, then):
    search = save(name="Before", at=noon)

    saved.rename(search=search, name=name)

    assert SavedSearch.objects.values_list("name", "query").get() == (then, "format=text")


def test_renaming_what_was_forgotten_meanwhile_is_harmless(noon):
    search = save(name="Before", at=noon)
    SavedSearch.objects.all().delete()

    saved.rename(search=search, name="After")

    assert SavedSearch.objects.count() == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "Give the search a name."),
        (" \x00\n", "Give the search a name."),
        ("x" * 121, "A name has at most 120 characters."),
    ],
)
def test_rename_refuses_what_is_no_name(noon, name, words):
    search = save(name="Before", at=noon)

    with pytest.raises(saved.SavedError) as refusal:
        saved.rename(search=search, name=name)

    assert str(refusal.value) == words
    assert SavedSearch.objects.get().name == "Before"


def test_mail_begins_with_what_comes_after_the_wish(noon):
    search = save(at=noon)

    saved.mail_weekly(search=search, at=noon + 90 * DAY)

    search.refresh_from_db()
    assert search.wants_mail
    assert list(SavedSearch.objects.due(at=noon + 96 * DAY)) == []
    assert list(SavedSearch.objects.due(at=noon + 97 * DAY)) == [search]


def test_wishing_for_mail_again_changes_nothing(noon):
    search = save(wants_mail=True, at=noon)
    search.refresh_from_db()
    seen_until = search.seen_until

    saved.mail_weekly(search=search, at=noon + 6 * DAY)

    search.refresh_from_db()
    assert search.seen_until == seen_until


def test_stopping_and_forgetting_twice_is_harmless(noon):
    search = save(wants_mail=True, at=noon)

    for _ in range(2):
        saved.stop_mail(search=search, at=noon)
    stopped = SavedSearch.objects.get().wants_mail
    token = saved.stop_token(search)
    saved.forget(search=search, at=noon)

    assert (stopped, SavedSearch.objects.count(), saved.of_token(token)) == (False, 0, None)
    saved.stop_mail(search=SavedSearch(pk=search.pk), at=noon)
    saved.forget(search=SavedSearch(pk=search.pk), at=noon)


def test_a_token_names_its_search_and_no_other(noon, settings):
    search, other = save(at=noon), save(at=noon)
    token = saved.stop_token(search)

    found = saved.of_token(token)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-one-" * 5
    after_a_new_key = saved.of_token(token)

    assert found == after_a_new_key == search
    for forged in ("", "x", str(other.pk), token[:-1], other.pk.hex + token[32:]):
        with pytest.raises(BadSignature):
            saved.of_token(forged)


# --- What the database refuses ----------------------------------------------


@pytest.mark.parametrize(
    ("facts", "constraint"),
    [
        ({"query": "format=text"}, "saved_search_once_per_owner"),
        ({"name": ""}, "saved_search_has_a_name"),
        ({"query": ""}, "saved_search_asks_for_something"),
        ({"mailed_at": timezone.now() - 4000 * DAY}, "saved_search_mailed_after_created"),
    ],
)
def test_the_database_refuses_a_saved_search_that_cannot_be(noon, facts, constraint):
    first = save("format=text", at=noon)
    row = {"owner": first.owner, "name": "x", "query": "q=x", "created_at": noon}

    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        SavedSearch.objects.create(**{**row, "seen_until": noon, **facts})

    # SQLite names the columns of a unique constraint, not the constraint.
    assert constraint in str(refusal.value) or "owner_id" in str(refusal.value)


def test_the_database_refuses_a_course_twice_on_a_shortlist(noon):
    item = saved.keep(owner=UserFactory(), course=CourseFactory(), at=noon)

    with pytest.raises(IntegrityError), transaction.atomic():
        ShortlistItem.objects.create(owner=item.owner, course=item.course, kept_at=noon)


def test_what_was_put_aside_goes_with_the_account(noon):
    owner = UserFactory()
    save(owner=owner, at=noon)
    saved.keep(owner=owner, course=CourseFactory(), at=noon)

    owner.delete()

    assert (SavedSearch.objects.count(), ShortlistItem.objects.count()) == (0, 0)


def test_what_was_put_aside_is_visible_to_its_owner_alone(noon):
    search = save(at=noon)
    item = saved.keep(owner=search.owner, course=CourseFactory(), at=noon)
    readers = [search.owner, UserFactory(), UserFactory(is_staff=True, is_superuser=True)]

    assert [list(SavedSearch.objects.visible_to(user)) for user in readers] == [[search], [], []]
    assert [list(ShortlistItem.objects.visible_to(user)) for user in readers] == [[item], [], []]


# --- Shortlist --------------------------------------------------------------


def test_keep_again_keeps_its_place(noon):
    owner, course = UserFactory(), CourseFactory()
    first = saved.keep(owner=owner, course=course, at=noon)

    again = saved.keep(owner=owner, course=course, at=noon + DAY)

    assert again == first
    assert ShortlistItem.objects.get().kept_at == noon


@pytest.mark.parametrize("state", ["draft", "retired"])
def test_keep_refuses_a_course_that_is_not_in_the_catalog(noon, state):
    with pytest.raises(saved.SavedError) as refusal:
        saved.keep(owner=UserFactory(), course=CourseFactory(**{state: True}), at=noon)

    assert str(refusal.value) == "This course is not in the catalog."
    assert ShortlistItem.objects.count() == 0


def test_drop_takes_one_course_off_one_shortlist(noon):
    owner, course = UserFactory(), CourseFactory()
    saved.keep(owner=owner, course=course, at=noon)
    others = saved.keep(owner=UserFactory(), course=course, at=noon)
    other_course = saved.keep(owner=owner, course=CourseFactory(), at=noon)

    for _ in range(2):
        saved.drop(owner=owner, course=course)

    assert set(ShortlistItem.objects.all()) == {others, other_course}


# --- The mail ---------------------------------------------------------------


def test_the_mail_names_what_is_new_and_how_to_stop_it(settings):
    settings.SITE_URL = "https://portal.example.org"
    search = due_search(
        "q=alliance&format=text",
        name="Alliance & <ethics>",
        owner=UserFactory(legal_name="Maya O'Brien"),
    )
    one = new_course(title="Alliance & more", hours=3, price=84, key="alliance-and-more")
    two = new_course(title="An alliance", hours=1, price=0, published_at=one.published_at - DAY)
    new_course(title="Alliance, recorded", format="recorded")
    new_course(title="Sleep")
    new_course(title="Alliance in the drawer", draft=True, published_at=None)

    ((subject, body),) = send(search)

    assert subject == "2 new courses: Alliance & <ethics>"
    assert body == (
        "Hello Maya,\n"
        "\n"
        "2 courses are new in your saved search “Alliance & <ethics>”.\n"
        "\n"
        "Alliance & more\n"
        "3 hours, text-based, $84\n"
        "https://portal.example.org/courses/alliance-and-more/\n"
        "\n"
        "An alliance\n"
        "1 hour, text-based, free\n"
        f"https://portal.example.org/courses/{two.slug}/\n"
        "\n"
        "All that fits your search, the newest first:\n"
        "https://portal.example.org/courses/?format=text&q=alliance&sort=newest\n"
        "\n"
        "This mail comes once a week, and only when there is something new in a search that you "
        "saved. To stop it:\n"
        f"https://portal.example.org/courses/saved/stop/{saved.stop_token(search)}/\n"
        "\n"
        "CE Portal\n"
    )


def test_the_mail_has_the_headers_of_one_click_unsubscribe(settings, client):
    settings.SITE_URL = "https://portal.example.org"
    search = due_search()
    new_course()

    send(search)

    (sent,) = mail.outbox
    assert sent.to == [search.owner.email]
    headers = sent.message()
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = headers["List-Unsubscribe"].removeprefix("<").removesuffix(">")
    client.post(address.removeprefix(settings.SITE_URL), {"List-Unsubscribe": "One-Click"})
    search.refresh_from_db()
    assert not search.wants_mail


def test_the_mail_says_the_next_date_in_the_owners_zone():
    search = due_search("format=live-webinar", owner=UserFactory(time_zone="America/Denver"))
    dated = new_course(title="With a date", live=True)
    starts_at = (timezone.now() + 30 * DAY).replace(month=7, day=1, hour=18, minute=0)
    session = SessionFactory(course=dated, starts_at=starts_at.replace(year=starts_at.year + 1))
    listing.relist([dated.pk])
    new_course(title="Without a date", live=True)

    ((_, body),) = send(search)

    day = f"{session.starts_at:%a}, Jul 1, 12:00 PM MDT"
    assert f"1.5 hours, live interactive webinar, $36\nNext on {day}\n" in body
    assert "1.5 hours, live interactive webinar, $36\nNo date announced\n" in body


def test_one_course_is_named_as_one():
    search = due_search(name="Text")
    new_course()

    ((subject, body),) = send(search)

    assert subject == "1 new course: Text"
    assert "One course is new in your saved search “Text”." in body


def test_a_course_is_told_once():
    search = due_search()
    new_course(title="First week")

    first, at_once = send(search), send(search)
    new_course(title="Second week", published_at=timezone.now() + DAY)
    search.refresh_from_db()
    second = saved.news(search=search, at=timezone.now() + WEEK)

    assert ("First week" in first[0][1], at_once) == (True, [])
    assert [course.title for course in second.courses] == ["Second week"]


def test_nothing_that_commits_late_is_lost_or_told_twice():
    search = due_search()
    now = timezone.now()
    new_course(title="Long there by now", published_at=now - HOUR)
    just_now = new_course(title="A moment ago", published_at=now - timedelta(minutes=2))

    ((_, first),) = send(search)
    # It was published before that mail, and its transaction committed after it.
    new_course(title="Committed late", published_at=now - timedelta(minutes=10))
    search.refresh_from_db()
    later = saved.news(search=search, at=now + WEEK)

    assert ("Long there by now" in first, "A moment ago" in first) == (True, False)
    assert [course.title for course in later.courses] == ["A moment ago", "Committed late"]
    assert just_now.published_at > search.seen_until


def test_nothing_new_moves_on_without_a_mail():
    search = due_search()

    sent = send(search)

    search.refresh_from_db()
    assert (sent, search.mailed_at) == ([], None)
    assert timezone.now() - search.seen_until < timedelta(minutes=16)
    assert list(SavedSearch.objects.due(at=timezone.now())) == []


def test_of_many_new_courses_the_newest_are_named_and_the_rest_counted(monkeypatch):
    monkeypatch.setattr(saved, "SHOWN", 3)
    search = due_search()
    now = timezone.now()
    for number in range(5):
        new_course(title=f"Course {number}", published_at=now - DAY - number * HOUR)
    # More than a mail names, and all too new to be told: they must not stand in the way.
    for number in range(4):
        new_course(title=f"Too new {number}", published_at=now - timedelta(seconds=number))

    ((subject, body),) = send(search)

    told = [line for line in body.splitlines() if line.startswith(("Course", "Too new"))]
    assert told == ["Course 0", "Course 1", "Course 2"]
    assert subject.startswith("5 new courses: ")
    assert "\nAnd 2 more.\n" in body


@pytest.mark.parametrize(
    "change",
    ["not due", "no mail wanted", "inactive", "unverified", "not primary", "other address"],
)
def test_no_mail_goes_to_those_who_do_not_wait_for_it_or_cannot_have_it(change):
    search = due_search()
    new_course()
    owner, address = search.owner, search.owner.emailaddress_set.get()
    match change:
        case "not due":
            SavedSearch.objects.update(seen_until=timezone.now() - 6 * DAY)
        case "no mail wanted":
            saved.stop_mail(search=search, at=timezone.now())
        case "inactive":
            owner.is_active = False
        case "unverified":
            address.verified = False
        case "not primary":
            address.primary = False
        case "other address":
            address.email = "elsewhere@example.com"
    owner.save()
    address.save()
    before = SavedSearch.objects.values().get()

    sent = send(search)
    tasks.mail_due_saved_searches()

    assert (sent, SavedSearch.objects.values().get()) == ([], before)


def test_a_search_that_was_forgotten_is_not_mailed_about():
    search = due_search()
    new_course()
    search_id = search.pk
    saved.forget(search=search, at=timezone.now())

    tasks.mail_new_courses(saved_search_id=str(search_id))

    assert mail.outbox == []


def test_a_retired_course_is_not_told():
    search = due_search()
    catalog.retire(course=new_course(), at=timezone.now())

    assert send(search) == []


def test_a_search_that_lost_its_only_filter_tells_nothing_instead_of_everything():
    search = due_search("type=ethics")
    new_course()
    other = CreditType.objects.create(slug="general", name="General")
    CourseCredit.objects.update(credit_type=other)
    CreditType.objects.filter(slug="ethics").delete()
    listing.rebuild()
    shelf.forget()
    asked_today = saved.reading(search)

    assert send(search) == []
    assert why_nothing(search, asked_today, on=timezone.localdate()) == (
        "The catalog no longer has something that this search asks for."
    )


def test_why_nothing_says_when_the_dates_have_passed(noon):
    search = save("live_until=2026-03-01", at=noon)
    with_others = save("live_until=2026-03-01&on_demand=yes", at=noon)

    def why(one, day):
        return why_nothing(one, saved.reading(one), on=noon.date().replace(day=day))

    assert why(search, 1) == ""
    assert why(search, 2) == "Its last day, Mar 1, 2026, has passed."
    assert why(with_others, 2) == ""


def test_a_search_in_a_focus_area_hears_of_its_courses_only():
    FocusAreaFactory(slug="telehealth", name="Telehealth")
    listing.relabel()
    search = due_search("focus=telehealth")
    new_course()

    assert send(search) == []


# --- What can go wrong ------------------------------------------------------


@pytest.mark.parametrize("forget", [False, True])
def test_a_mail_that_is_promised_is_not_sent_after_its_search_is_stopped(forget):
    search = due_search()
    new_course()
    tasks.mail_new_courses(saved_search_id=str(search.pk))
    verb = saved.forget if forget else saved.stop_mail

    # With the row as a page had it before: the key is that of the row as it is now.
    verb(search=search, at=timezone.now())
    send_promised()

    assert mail.outbox == []
    assert OutgoingMail.objects.get().dropped_because == "The mail of this search is stopped."


def test_a_worker_that_dies_before_the_commit_leaves_the_news_for_the_next(monkeypatch):
    search = due_search()
    new_course()
    before = SavedSearch.objects.values().get()

    def die(self, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(SavedSearch, "save", die)
    with pytest.raises(KeyboardInterrupt):
        tasks.mail_new_courses(saved_search_id=str(search.pk))
    monkeypatch.undo()

    assert (SavedSearch.objects.values().get(), OutgoingMail.objects.count()) == (before, 0)
    assert len(send(search)) == 1


def test_the_mail_is_noted_on_its_row():
    search = due_search()
    new_course()

    send(search)

    search.refresh_from_db()
    assert timezone.now() - search.mailed_at < timedelta(minutes=1)


# --- The sweep --------------------------------------------------------------


def test_the_sweep_asks_for_what_is_due_and_nothing_else(sent_tasks, noon):
    late, later = due_search(), due_search()
    SavedSearch.objects.filter(pk=late.pk).update(seen_until=noon - 999 * DAY)
    save(wants_mail=True, at=timezone.now())
    save(at=noon)

    tasks.mail_due_saved_searches()

    assert sent_tasks == [
        ("courses.mail_new_courses", {"saved_search_id": str(search.pk)})
        for search in (late, later)
    ]


def test_a_message_that_waits_for_an_hour_leaves_the_work_to_the_next_sweep(monkeypatch):
    due_search()
    options = []
    monkeypatch.setattr(
        "ce_portal.celery.PortalTask.apply_async", lambda self, **asked: options.append(asked)
    )

    tasks.mail_due_saved_searches()

    assert [option["expires"] for option in options] == [60 * 60]


def test_a_sweep_an_hour_keeps_the_week_a_week():
    """The next look falls on the sweep of the same hour, though a sweep is never on the second."""
    search = due_search()
    now = timezone.now()
    send(search)

    def is_due(at):
        return SavedSearch.objects.due(at=at).exists()

    jitter = timedelta(minutes=5)
    assert not is_due(now + WEEK - HOUR + jitter)
    assert is_due(now + WEEK - jitter)


def test_the_sweep_is_on_the_schedule_every_hour():
    lines = [line for line in app.conf.beat_schedule.values() if "saved" in line["task"]]

    assert [(line["task"], line["schedule"].run_every) for line in lines] == [
        ("courses.mail_due_saved_searches", HOUR)
    ]
    assert tasks.mail_due_saved_searches.name in app.tasks
