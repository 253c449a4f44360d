"""What search engines find at the root of the site."""

from __future__ import annotations

from datetime import timedelta
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from courses.models import Topic
from courses.tests.factories import ApprovalFactory, ApprovingBodyFactory, CourseFactory

pytestmark = pytest.mark.django_db

SPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
SITE = "https://portal.example.org"


@pytest.fixture(autouse=True)
def _site(settings):
    settings.SITE_URL = SITE
    settings.ALLOWED_HOSTS = ["*"]


def found(response, name: str = "loc") -> list[str | None]:
    root = ElementTree.fromstring(response.content)
    return [element.text for element in root.iter(f"{SPACE}{name}")]


def section(client, name: str, query: str = ""):
    return client.get(reverse("sitemap", args=[name]) + query)


def test_the_index_names_every_page_of_every_sitemap(client, monkeypatch):
    monkeypatch.setattr("courses.sitemaps.PortalSitemap.limit", 2)
    CourseFactory.create_batch(5)

    response = client.get("/sitemap.xml", headers={"host": "evil.example"})

    assert found(response) == [
        f"{SITE}/sitemap-pages.xml",
        f"{SITE}/sitemap-topics.xml",
        f"{SITE}/sitemap-courses.xml",
        f"{SITE}/sitemap-courses.xml?p=2",
        f"{SITE}/sitemap-courses.xml?p=3",
    ]
    assert response.headers["Content-Type"] == "application/xml"
    assert "evil.example" not in response.text


def test_each_page_of_the_sitemap_holds_its_courses(client, monkeypatch):
    monkeypatch.setattr("courses.sitemaps.PortalSitemap.limit", 2)
    for slug in "abc":
        CourseFactory(slug=slug)

    pages = [section(client, "courses", query) for query in ("", "?p=2")]

    assert [found(page) for page in pages] == [
        [f"{SITE}/courses/a/", f"{SITE}/courses/b/"],
        [f"{SITE}/courses/c/"],
    ]
    assert found(pages[1], "lastmod") == ["2026-01-05"]


def test_drafts_and_retired_courses_are_in_no_sitemap(client):
    CourseFactory(slug="offered")
    CourseFactory(draft=True)
    CourseFactory(retired=True)

    assert found(section(client, "courses")) == [f"{SITE}/courses/offered/"]


def test_a_course_that_gives_no_credit_today_is_in_no_sitemap(client):
    today = timezone.localdate(timezone=ZoneInfo(settings.DEFAULT_USER_TIME_ZONE))
    course, other = CourseFactory(slug="lapsed"), CourseFactory(slug="approved-by-itself")
    course.provider.approvals.update(valid_to=today - timedelta(days=1))
    before = [found(section(client, "courses")), found(client.get("/sitemap.xml"), "lastmod")]
    ApprovalFactory(provider=course.provider, course=other)
    ApprovalFactory(
        provider=course.provider, body=ApprovingBodyFactory(slug="nbcc", name="NBCC")
    )  # none of its credit lines

    assert before == [[], []]
    assert found(section(client, "courses")) == [f"{SITE}/courses/approved-by-itself/"]


def test_catalog_and_topics_are_in_the_sitemap(client):
    Topic.objects.create(slug="b", name="B", covers="B", position=1)
    Topic.objects.create(slug="a", name="A", covers="A", position=2)

    assert found(section(client, "pages")) == [f"{SITE}/courses/", f"{SITE}/courses/topics/"]
    assert found(section(client, "topics")) == [
        f"{SITE}/courses/topics/b/",
        f"{SITE}/courses/topics/a/",
    ]


def test_every_address_of_the_sitemaps_opens(client):
    CourseFactory()

    opened = {
        address: client.get(address.removeprefix(SITE)).status_code
        for page in found(client.get("/sitemap.xml"))
        for address in found(client.get(page.removeprefix(SITE)))
    }

    assert len(opened) == 4
    assert set(opened.values()) == {200}


@pytest.mark.parametrize(
    ("name", "query"),
    [("nonsense", ""), ("courses", "?p=2"), ("courses", "?p=x"), ("courses", "?p=%00")],
)
def test_a_sitemap_that_there_is_not_is_404(client, name, query):
    assert section(client, name, query).status_code == 404


def test_the_sitemaps_ask_as_often_for_one_course_as_for_three(
    client, django_assert_max_num_queries
):
    def queries() -> int:
        with django_assert_max_num_queries(10) as counted:
            client.get("/sitemap.xml")
            section(client, "courses")
        return len(counted)

    CourseFactory()
    for_one = queries()
    CourseFactory.create_batch(2)

    assert queries() == for_one


def test_robots_may_read_what_is_public_and_are_told_of_the_sitemap(client):
    course = CourseFactory()
    response = client.get("/robots.txt", headers={"host": "evil.example"})
    robots = RobotFileParser()
    robots.parse(response.text.splitlines())

    public = ["/", "/courses/", course.get_absolute_url(), "/courses/topics/", "/courses/feed.atom"]
    private = ["/admin/", "/accounts/login/", "/learn/x/", "/transcript/", "/supervision/"]
    assert [robots.can_fetch("Bot", path) for path in public] == [True] * 5
    assert [robots.can_fetch("Bot", path) for path in private] == [False] * 5
    assert robots.site_maps() == [f"{SITE}/sitemap.xml"]
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Cache-Control"] == "public, max-age=3600"
