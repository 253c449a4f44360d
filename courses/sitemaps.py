"""What search engines should know of: catalog, topics and every published course.

Addresses begin with ``SITE_URL``, never with the host that was asked, which anybody may make up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.sitemaps import Sitemap
from django.db.models import QuerySet
from django.urls import reverse

from courses.models import Course, Topic

PAGE_SIZE = 2_500  # addresses in one file, a quarter of a second; the protocol allows 50,000


class PortalSitemap(Sitemap):
    limit = PAGE_SIZE

    def get_protocol(self, protocol: str | None = None) -> str:
        return settings.SITE_URL.partition("://")[0]

    def get_domain(self, site: Any = None) -> str:
        return settings.SITE_URL.partition("://")[2]


class PageSitemap(PortalSitemap):
    def items(self) -> Sequence[str]:
        return ["courses:catalog", "courses:topics"]

    def location(self, item: str) -> str:
        return reverse(item)


class TopicSitemap(PortalSitemap):
    def items(self) -> QuerySet[Topic, str]:
        return Topic.objects.order_by("position", "pk").values_list("slug", flat=True)

    def location(self, item: str) -> str:
        return reverse("courses:topic", args=[item])


class CourseSitemap(PortalSitemap):
    def items(self) -> QuerySet[Course, tuple[str, datetime | None]]:
        """The oldest first, so that a new course changes the last page alone."""
        oldest_first = Course.objects.published().order_by("published_at", "pk")
        return oldest_first.values_list("slug", "published_at")

    def location(self, item: tuple[str, datetime | None]) -> str:
        return reverse("courses:course", args=[item[0]])

    def lastmod(self, item: tuple[str, datetime | None]) -> datetime | None:
        return item[1]

    def get_latest_lastmod(self) -> datetime | None:
        newest = Course.objects.published().newest_first()
        return newest.values_list("published_at", flat=True).first()


SITEMAPS: dict[str, type[PortalSitemap]] = {
    "pages": PageSitemap,
    "topics": TopicSitemap,
    "courses": CourseSitemap,
}
