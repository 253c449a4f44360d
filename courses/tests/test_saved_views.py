"""The pages of saved searches, of the shortlist, and the one that stops a mail."""

from __future__ import annotations

import html
import re
import uuid
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.signing import Signer
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import UserFactory
from courses import catalog, listing, saved
from courses.forms import CatalogQuery
from courses.models import SavedSearch, ShortlistItem
from courses.templatetags.saved_searches import held_search
from courses.tests.factories import CourseFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
LIST = "/courses/saved/"


@pytest.fixture
def owner():
    return UserFactory()


@pytest.fixture
def own(client, owner):
    """The owner's browser."""
    client.force_login(owner)
    return client


def listed(**facts):
    course = CourseFactory(**facts)
    listing.relist([course.pk])
    return course


def save(owner, query="hours_from=1", *, name="", wants_mail=False, at=None):
    asked = CatalogQuery(QueryDict(query))
    return saved.save(
        owner=owner, asked=asked, name=name, wants_mail=wants_mail, at=at or timezone.now()
    )


def said(response):
    """The messages on the page that an answer leads to."""
    return [str(message) for message in response.context["messages"]]


def stop_url(search):
    return reverse("courses:stop_mail", args=[saved.stop_token(search)])


# --- Save -------------------------------------------------------------------


def test_a_search_is_saved_and_the_reader_is_back_where_they_were(own, owner):
    listed()
    asked = {"query": "q=consent&format=text&page=2", "name": "Mine", "wants_mail": "on"}

    response = own.post("/courses/saved/add/", asked, follow=True)

    search = SavedSearch.objects.get()
    assert (search.owner, search.name, search.query, search.wants_mail) == (
        owner,
        "Mine",
        "format=text&q=consent",
        True,
    )
    assert response.redirect_chain == [("/courses/?q=consent&format=text", 302)]
    assert said(response) == ["Saved as “Mine”."]


def test_saving_the_same_again_names_the_first(own):
    own.post("/courses/saved/add/", {"query": "hours_from=1&format=text", "name": "First"})

    response = own.post(
        "/courses/saved/add/", {"query": "format=text&hours_from=1", "name": "2nd"}, follow=True
    )

    assert said(response)[-1] == "You already saved this as “First”."
    assert SavedSearch.objects.count() == 1


def test_the_catalog_knows_what_the_reader_has_saved(own, owner):
    listed()
    save(owner, "format=text&hours_from=1")
    save(UserFactory(), "format=text")

    pages = {
        query: own.get(f"/courses/?{query}").text
        for query in ("hours_from=1&format=text&page=2", "format=text")
    }

    assert {
        query: ('Saved · <a href="/courses/saved/">' in text, "/courses/saved/add/" in text)
        for query, text in pages.items()
    } == {"hours_from=1&format=text&page=2": (True, False), "format=text": (False, True)}


def test_knowing_it_takes_one_query_and_none_for_a_visitor(django_assert_num_queries):
    asked, reader = CatalogQuery(QueryDict("hours_from=1")), UserFactory()

    with django_assert_num_queries(1):
        held_search(reader, asked)
    with django_assert_num_queries(0):
        held_search(AnonymousUser(), asked)


def test_a_search_that_cannot_be_saved_says_why(own):
    response = own.post("/courses/saved/add/", {"query": "sort=title"}, follow=True)

    assert said(response) == ["Choose a filter or enter some words first; then save the search."]
    assert SavedSearch.objects.count() == 0


@pytest.mark.parametrize(
    ("target", "referer", "leads_to"),
    [
        ("/courses/topics/ethics/?x=1", "", "/courses/topics/ethics/?x=1"),
        ("https://evil.example/", "", "/courses/?hours_from=1"),
        ("//evil.example/", "", "/courses/?hours_from=1"),
        ("javascript:alert(1)", "", "/courses/?hours_from=1"),
        ("", "http://testserver/courses/?page=2", "http://testserver/courses/?page=2"),
        ("", "https://evil.example/", "/courses/?hours_from=1"),
        ("/a", "http://testserver/b", "/a"),
    ],
)
def test_saving_leads_back_to_a_page_of_ours(own, target, referer, leads_to):
    response = own.post(
        "/courses/saved/add/",
        {"query": "hours_from=1", "next": target},
        headers={"Referer": referer} if referer else {},
    )

    assert (response.status_code, response.url) == (302, leads_to)


@pytest.mark.parametrize(
    "query", ["q=%00%FF", "hours_from=1&hours_from=x", "%", "=", "q=" + "a" * 9999]
)
def test_a_strange_query_never_fails(own, query):
    assert own.post("/courses/saved/add/", {"query": query, "name": "\x00"}).status_code == 302


def test_a_query_of_thousands_of_parts_is_a_bad_request(own):
    response = own.post("/courses/saved/add/", {"query": "&".join(["format=text"] * 2000)})

    assert response.status_code == 400


def test_the_catalog_offers_to_save_what_is_asked(own):
    words = "consent " * 20
    page = own.get("/courses/", {"q": words, "format": "text", "page": "2"})
    form = page.text.split('action="/courses/saved/add/"')[1].split("</form>")[0]
    fields = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input [^>]*name="(\w+)"[^>]* value="([^"]*)"', form)
    }

    response = own.post("/courses/saved/add/", fields, follow=True)

    search = SavedSearch.objects.get()
    assert search.query == saved.canonical(CatalogQuery(QueryDict(f"q={words}&format=text")))
    assert search.name == fields["name"].strip()
    assert search.name.startswith("consent consent")
    assert said(response) == [f"Saved as “{search.name}”."]


def test_the_catalog_offers_nothing_to_save_without_a_filter(own):
    assert "/courses/saved/add/" not in own.get("/courses/?sort=title").text


def test_a_visitor_is_asked_to_sign_in_and_comes_back_to_the_search(client):
    text = client.get("/courses/?format=text").text

    assert "/courses/saved/add/" not in text
    assert 'href="/accounts/login/?next=/courses/%3Fformat%3Dtext"' in text


# --- The list ---------------------------------------------------------------


def test_the_list_shows_my_searches_in_words_and_nobody_elses(own, owner):
    listed()
    save(owner, "format=text&hours_to=3", name="Short reads", wants_mail=True)
    save(UserFactory(), "format=text", name="Somebody else's")

    response = own.get(LIST)

    assert [row["search"].name for row in response.context["rows"]] == ["Short reads"]
    assert 'href="/courses/?format=text&amp;hours_to=3"' in response.text
    assert "Format: Text-based · Hours: up to 3 h" in response.text
    assert "Weekly mail is on." in response.text
    assert "Stop weekly mail" in response.text
    assert owner.email in response.text
    assert "1 of 50 searches saved." in response.text


def test_the_list_says_why_a_search_finds_nothing(own, owner):
    save(owner, "live_until=2026-03-01")

    assert "Its last day, Mar 1, 2026, has passed." in own.get(LIST).text


def test_an_empty_list_says_how_to_fill_it(own):
    response = own.get(LIST)

    assert "No saved searches" in response.text
    assert 'href="/courses/"' in response.text


def test_the_list_asks_as_often_for_one_search_as_for_three(
    own, owner, django_assert_max_num_queries
):
    listed()
    own.get(LIST)

    def queries():
        with django_assert_max_num_queries(20) as counted:
            own.get(LIST)
        return len(counted)

    save(owner, "format=text")
    for_one = queries()
    save(owner, "q=consent&hours_from=1")
    save(owner, "topic=ethics&live_from=2026-03-01")

    assert queries() == for_one


# --- Change, forget ---------------------------------------------------------


def test_mail_is_switched_on_and_off(own, owner):
    search = save(owner, name="Mine")
    url = reverse("courses:change_saved_search", args=[search.pk])

    on = own.post(url, {"mail": "on"}, follow=True)
    wanted = SavedSearch.objects.get().wants_mail
    off = own.post(url, {"mail": "off"}, follow=True)

    assert (wanted, SavedSearch.objects.get().wants_mail) == (True, False)
    assert said(on) == [f"What is new in “Mine” comes to {owner.email} once a week."]
    assert said(off) == ["No more mail about “Mine”."]
    assert on.redirect_chain == off.redirect_chain == [(LIST, 302)]


@pytest.mark.parametrize(
    ("name", "then", "words"),
    [
        ("Other", "Other", "The search is now called “Other”."),
        ("", "Mine", "Give the search a name."),
    ],
)
def test_a_search_is_renamed(own, owner, name, then, words):
    search = save(owner, name="Mine")

    response = own.post(
        reverse("courses:change_saved_search", args=[search.pk]), {"name": name}, follow=True
    )

    assert (SavedSearch.objects.get().name, said(response)) == (then, [words])


def test_a_search_is_forgotten(own, owner):
    search = save(owner, name="Mine")

    response = own.post(reverse("courses:forget_saved_search", args=[search.pk]), follow=True)

    assert (SavedSearch.objects.count(), said(response)) == (0, ["“Mine” is forgotten."])


@pytest.mark.parametrize("page", ["change_saved_search", "forget_saved_search"])
def test_a_search_of_somebody_else_is_not_there(client, owner, page):
    search = save(owner, name="Mine")

    statuses = {}
    for who, user, pk in [
        ("stranger", UserFactory(), search.pk),
        ("staff", UserFactory(is_staff=True, is_superuser=True), search.pk),
        ("owner, no such search", owner, uuid.uuid4()),
    ]:
        client.force_login(user)
        url = reverse(f"courses:{page}", args=[pk])
        statuses[who] = client.post(url, {"name": "Theirs", "mail": "on"}).status_code

    assert statuses == {"stranger": 404, "staff": 404, "owner, no such search": 404}
    assert SavedSearch.objects.values_list("name", "wants_mail").get() == ("Mine", False)


# --- Stop the mail ----------------------------------------------------------


def test_looking_at_the_page_stops_nothing(client, owner):
    search = save(owner, name="Mine", wants_mail=True)

    response = client.get(stop_url(search))
    client.head(stop_url(search))

    assert response.status_code == 200
    assert "Stop this weekly mail?" in response.text
    assert "Mine" in response.text
    assert "no-store" in response.headers["Cache-Control"]
    assert SavedSearch.objects.get().wants_mail


def test_the_button_stops_the_mail_without_a_sign_in(owner):
    search, other = save(owner, wants_mail=True), save(owner, "hours_to=9", wants_mail=True)
    stranger = Client(enforce_csrf_checks=True)

    response = stranger.post(stop_url(search), follow=True)

    assert response.redirect_chain == [(stop_url(search), 302)]
    assert "The mail is stopped" in response.text
    assert list(SavedSearch.objects.filter(wants_mail=True)) == [other]


def test_a_mail_program_stops_the_mail_with_one_request(owner):
    search = save(owner, wants_mail=True)
    program = Client(enforce_csrf_checks=True)

    answers = [
        program.post(stop_url(search), {"List-Unsubscribe": "One-Click"}).status_code
        for _ in range(2)
    ]

    # No redirect: RFC 8058 has mail programs not follow one.
    assert answers == [200, 200]
    assert not SavedSearch.objects.get().wants_mail


def test_a_forgotten_search_is_stopped_already(client, owner):
    search = save(owner, wants_mail=True)
    url = stop_url(search)
    saved.forget(search=search, at=timezone.now())

    page = client.get(url)
    one_click = client.post(url, {"List-Unsubscribe": "One-Click"})

    assert "The mail is stopped already" in page.text
    assert (page.status_code, one_click.status_code) == (200, 200)


def test_a_token_that_is_not_ours_stops_nothing(client, owner):
    search = save(owner, wants_mail=True)
    tokens = [
        str(search.pk),
        saved.stop_token(search)[:-1],
        Signer().sign(search.pk.hex),
        Signer(salt="courses.saved.stop_mail").sign("x")[:-1],
    ]

    for token in tokens:
        url = f"/courses/saved/stop/{token}/"
        assert [client.get(url).status_code, client.post(url).status_code] == [404, 404]
    assert SavedSearch.objects.get().wants_mail


# --- Keep, drop -------------------------------------------------------------


def test_a_course_is_kept_and_dropped(own, owner):
    course = listed(title="Consent")

    kept = own.post(f"/courses/{course.slug}/keep/", follow=True)
    on_list = list(ShortlistItem.objects.values_list("owner", "course"))
    dropped = own.post(f"/courses/{course.slug}/drop/", follow=True)

    assert on_list == [(owner.pk, course.pk)]
    assert ShortlistItem.objects.count() == 0
    assert kept.redirect_chain == dropped.redirect_chain == [(f"/courses/{course.slug}/", 302)]
    assert said(kept) == ["“Consent” is on your shortlist."]
    assert said(dropped) == ["“Consent” is off your shortlist."]


def test_keeping_leads_back_to_the_page_with_the_card(own):
    course = listed()

    back = own.post(f"/courses/{course.slug}/keep/", {"next": "/courses/?q=consent"})
    elsewhere = own.post(f"/courses/{course.slug}/keep/", {"next": "https://evil.example/"})

    assert (back.url, elsewhere.url) == ("/courses/?q=consent", f"/courses/{course.slug}/")


def test_htmx_gets_the_other_button(own):
    course = listed(title="Consent <1>")
    htmx = {"HX-Request": "true"}
    asked = {"next": "/courses/?q=consent"}

    kept = own.post(f"/courses/{course.slug}/keep/", asked, headers=htmx)
    dropped = own.post(f"/courses/{course.slug}/drop/", asked, headers=htmx)

    assert [response.status_code for response in (kept, dropped)] == [200, 200]
    assert f'hx-post="/courses/{course.slug}/drop/"' in kept.text
    assert f'hx-post="/courses/{course.slug}/keep/"' in dropped.text
    for response in (kept, dropped):
        assert response.text.strip().startswith("{#") is False
        assert "<html" not in response.text
        assert "Consent &lt;1&gt;" in response.text
        assert 'name="next" value="/courses/?q=consent"' in response.text
        assert "csrfmiddlewaretoken" in response.text
    # Nothing waits to be said on the next page.
    assert said(own.get(LIST)) == []


def test_a_course_that_left_the_catalog_is_not_kept(own):
    course = listed(retired=True)

    plain = own.post(f"/courses/{course.slug}/keep/", follow=True)
    htmx = own.post(f"/courses/{course.slug}/keep/", headers={"HX-Request": "true"})

    assert said(plain) == ["This course is not in the catalog."]
    assert (htmx.status_code, htmx.headers["HX-Refresh"]) == (200, "true")
    assert ShortlistItem.objects.count() == 0


@pytest.mark.parametrize("verb", ["keep", "drop"])
def test_a_course_that_nobody_may_see_is_404(own, verb):
    draft = CourseFactory(draft=True)

    statuses = [own.post(f"/courses/{slug}/{verb}/").status_code for slug in (draft.slug, "none")]

    assert statuses == [404, 404]


@pytest.mark.parametrize("verb", ["keep", "drop"])
def test_a_visitor_signs_in_first_and_comes_to_the_course(client, verb):
    course = listed()
    url = f"/courses/{course.slug}/{verb}/"

    wall = client.post(url)
    client.force_login(UserFactory())
    after = client.get(url)

    assert wall.url == f"{reverse('account_login')}?next={quote(url)}"
    assert (after.status_code, after.url) == (302, f"/courses/{course.slug}/")
    assert ShortlistItem.objects.count() == 0


# --- The shortlist ----------------------------------------------------------


def test_the_shortlist_shows_my_courses_the_most_recent_first(own, owner, noon):
    for number, title in enumerate(["First", "Second", "Third"]):
        saved.keep(owner=owner, course=listed(title=title), at=noon + number * DAY)
    saved.keep(owner=UserFactory(), course=listed(title="Somebody else's"), at=noon)

    text = own.get("/courses/shortlist/").text

    places = [text.index(f">{title}</a>") for title in ("Third", "Second", "First")]
    assert places == sorted(places)
    assert "Somebody else" not in text
    assert "3 courses kept for later, most recent first<" in text
    assert text.count("/drop/") == 6  # action and hx-post of each


def test_dropping_on_the_shortlist_counts_again_and_elsewhere_not(own, owner, noon):
    courses = [listed() for _ in range(3)]
    for course in courses:
        saved.keep(owner=owner, course=course, at=noon)

    def drop(course, page):
        htmx = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}
        return own.post(f"/courses/{course.slug}/drop/", headers=htmx).text

    elsewhere = drop(courses[0], "/courses/")
    left = [drop(course, "/courses/shortlist/?page=1") for course in courses[1:]]

    assert "kept-count" not in elsewhere
    assert [re.findall(r'id="kept-count" hx-swap-oob="true">(.*?)</p>', text) for text in left] == [
        ["1 course kept for later"],
        ["No courses kept for later"],
    ]


def test_a_course_that_was_retired_stays_on_the_shortlist_and_says_so(own, owner, noon):
    course = listed(title="Long gone")
    saved.keep(owner=owner, course=course, at=noon)
    catalog.retire(course=course, at=noon)

    text = own.get("/courses/shortlist/").text

    assert "Long gone" in text
    assert "Retired" in text
    assert f"/courses/{course.slug}/drop/" in text


def test_an_empty_shortlist_says_how_to_fill_it(own):
    text = own.get("/courses/shortlist/").text

    assert "Nothing kept for later" in text
    assert 'href="/courses/"' in text


def test_the_shortlist_has_pages(own, owner, noon, monkeypatch):
    monkeypatch.setattr("courses.views.saved.PAGE_SIZE", 2)
    for number in range(3):
        saved.keep(owner=owner, course=listed(title=f"Title {number}"), at=noon + number * DAY)

    pages = {
        page: [
            n
            for n in range(3)
            if f">Title {n}</a>" in own.get(f"/courses/shortlist/?page={page}").text
        ]
        for page in ("1", "2", "99", "x")
    }

    assert pages == {"1": [1, 2], "2": [0], "99": [0], "x": [1, 2]}


def test_the_shortlist_asks_as_often_for_one_course_as_for_three(
    own, owner, noon, django_assert_max_num_queries
):
    def queries():
        own.get("/courses/shortlist/")
        with django_assert_max_num_queries(20) as counted:
            own.get("/courses/shortlist/")
        return len(counted)

    saved.keep(owner=owner, course=listed(), at=noon)
    for_one = queries()
    for _ in range(2):
        saved.keep(owner=owner, course=listed(), at=noon)

    assert queries() == for_one


def test_the_account_menu_leads_to_both(own):
    text = own.get(LIST).text

    assert 'class="dropdown-item" href="/courses/shortlist/"' in text
    assert 'class="dropdown-item" href="/courses/saved/"' in text
