"""The pages of topics."""

from __future__ import annotations

import importlib
import json
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import UserFactory
from courses import listing
from courses.models import Course, CourseFocusArea, FocusArea, Topic
from courses.tests.factories import CourseFactory, FocusAreaFactory

pytestmark = pytest.mark.django_db


def shelve(*slugs: str, **facts) -> Course:
    """A course of the catalog in these focus areas."""
    course = CourseFactory(**facts)
    course.course_focus_areas.all().delete()
    for slug in slugs:
        area = FocusArea.objects.get(slug=slug)
        CourseFocusArea.objects.create(course=course, focus_area=area)
    listing.relist([course.pk])
    return course


@pytest.fixture
def two_topics():
    """Ethics with consent and gifts; Trauma, which comes first, with grounding."""
    FocusAreaFactory()
    FocusAreaFactory(slug="gifts", name="Gifts", covers="What to say to a gift", position=1)
    trauma = Topic.objects.create(
        slug="trauma", name="Trauma", covers="How trauma shapes", marker="t-trauma", position=0
    )
    Topic.objects.filter(slug="ethics").update(position=1)
    FocusArea.objects.create(slug="grounding", name="Grounding", covers="Pacing", topic=trauma)
    listing.relabel()


def address(slug: str) -> str:
    return reverse("courses:topic", args=[slug])


def things(text: str) -> dict[str, dict]:
    (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.S)
    return {thing["@type"]: thing for thing in json.loads(found)["@graph"]}


# --- All topics -------------------------------------------------------------


def test_all_topics_are_shown_in_their_order_with_their_courses_counted(client, two_topics):
    shelve("consent", "gifts")
    shelve("gifts")
    shelve("grounding", draft=True)
    shelve("grounding", retired=True)

    response = client.get(reverse("courses:topics"))

    shown = [(topic.name, count) for topic, count in response.context["topics"]]
    assert shown == [("Trauma", 0), ("Ethics", 2)]
    for told in ["How trauma shapes", "Clients&#x27; rights", "No courses yet", "2 courses"]:
        assert told in response.text
    assert f'<span class="topic t-trauma"><a href="{address("trauma")}">' in response.text


def test_without_topics_the_page_stands(client):
    response = client.get(reverse("courses:topics"))

    assert (response.status_code, response.context["topics"]) == (200, [])


def test_every_page_leads_to_the_topics(client):
    for page in ("home", "courses:topics"):
        assert f'<a href="{reverse("courses:topics")}">Topics</a>' in client.get(reverse(page)).text


# --- One topic --------------------------------------------------------------


def test_a_topic_says_what_it_covers_and_counts_its_focus_areas(client, two_topics):
    shelve("consent", "gifts")
    shelve("gifts")
    shelve("grounding")

    response = client.get(address("ethics"))

    assert [(area.name, count) for area, count in response.context["areas"]] == [
        ("Informed consent", 1),
        ("Gifts", 2),
    ]
    assert response.context["total"] == 2
    for told in [
        "<h1>Ethics</h1>",
        "Clients&#x27; rights",
        "What to say to a gift",
        '<a href="/courses/?focus=gifts">Gifts</a>',
        "All 2 courses",
        'href="/courses/?topic=ethics"',
        'href="/courses/feed.atom?topic=ethics"',
        'href="/courses/sessions.ics?topic=ethics"',
    ]:
        assert told in response.text, told


def test_a_topic_shows_its_newest_courses_and_no_others(client, two_topics, monkeypatch):
    # By name: the package has a view of the same name.
    monkeypatch.setattr(importlib.import_module("courses.views.topics"), "SHOWN", 2)
    now = timezone.now()
    shelve("gifts", title="Oldest", published_at=now - timedelta(days=3))
    shelve("gifts", title="Newest", published_at=now - timedelta(days=1))
    shelve("consent", title="Between", published_at=now - timedelta(days=2))
    shelve("grounding", title="Another topic", published_at=now)

    response = client.get(address("ethics"))

    found = re.findall(r'<a class="stretched-link"[^>]*>(.*?)</a>', response.text)
    assert found == ["Newest", "Between"]
    assert "Newest courses" in response.text
    assert "All 3 courses" in response.text


def test_a_topic_without_courses_says_so(client, two_topics):
    text = client.get(address("trauma")).text

    assert "No course of this topic is in the catalog today." in text
    assert "Pacing" in text


@pytest.mark.parametrize("slug", ["nonsense", "consent", "Ethics", "-", "x" * 5000])
def test_a_topic_that_there_is_not_is_404(client, two_topics, slug):
    assert client.get(f"/courses/topics/{slug}/").status_code == 404


def test_a_course_leads_to_its_topic(client, two_topics):
    course = shelve("gifts")

    text = client.get(course.get_absolute_url()).text

    assert f'<a href="{address("ethics")}">Ethics</a>' in text


# --- Machines ---------------------------------------------------------------


def test_the_pages_of_topics_say_to_machines_what_they_are(client, two_topics, settings):
    settings.SITE_URL = "https://portal.example.org"
    course = shelve("gifts", slug="on-gifts")
    index, topic = client.get(reverse("courses:topics")), client.get(address("ethics"))

    site = "https://portal.example.org/courses"
    assert f'<link rel="canonical" href="{site}/topics/">' in index.text
    assert f'<link rel="canonical" href="{site}/topics/ethics/">' in topic.text
    assert '<meta name="description" content="Clients&#x27; rights">' in topic.text
    assert '<link rel="alternate" type="application/atom+xml"' in topic.text
    assert {
        name: [[item["position"], item["url"]] for item in things(page.text)["ItemList"][part]]
        for name, page, part in [
            ("index", index, "itemListElement"),
            ("topic", topic, "itemListElement"),
        ]
    } == {
        "index": [[1, f"{site}/topics/trauma/"], [2, f"{site}/topics/ethics/"]],
        "topic": [[1, f"{site}/{course.slug}/"]],
    }
    assert [
        (step["name"], step["item"])
        for step in things(topic.text)["BreadcrumbList"]["itemListElement"]
    ] == [
        ("Catalog", f"{site}/"),
        ("Topics", f"{site}/topics/"),
        ("Ethics", f"{site}/topics/ethics/"),
    ]


def test_hostile_names_of_topics_are_text(client, two_topics):
    Topic.objects.filter(slug="ethics").update(name="</script><script>alert(1)</script>")
    listing.relabel()

    pages = [client.get(reverse("courses:topics")).text, client.get(address("ethics")).text]

    assert not any("<script>alert" in text for text in pages)


def test_a_stranger_gets_no_cookie(client, two_topics):
    shelve("gifts")

    for page in (reverse("courses:topics"), address("ethics")):
        assert not client.get(page).cookies


def test_who_is_signed_in_may_keep_the_courses_of_a_topic(client, two_topics):
    course = shelve("gifts")
    keep = reverse("courses:keep", args=[course.slug])
    as_stranger = keep in client.get(address("ethics")).text
    client.force_login(UserFactory())

    assert (as_stranger, keep in client.get(address("ethics")).text) == (False, True)


@pytest.mark.parametrize("signed_in", [False, True])
def test_the_pages_of_topics_ask_as_often_for_one_course_as_for_three(
    client, two_topics, signed_in, django_assert_max_num_queries
):
    if signed_in:
        client.force_login(UserFactory())

    def queries(page: str) -> int:
        client.get(page)
        with django_assert_max_num_queries(20) as counted:
            client.get(page)
        return len(counted)

    pages = [reverse("courses:topics"), address("ethics")]
    shelve("gifts")
    for_one = [queries(page) for page in pages]
    shelve("gifts")
    shelve("consent")

    assert [queries(page) for page in pages] == for_one
