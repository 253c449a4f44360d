"""What search engines should know of: catalog, topics and every course in the catalog.

Addresses begin with ``SITE_URL``, never with the host that was asked, which anybody may make up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.contrib.sitemaps import Sitemap
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from courses.models import Approval, Course, Topic
from courses.models.catalog import CourseQuerySet

PAGE_SIZE = 2_500  # addresses in one file, a second at 100,000; the protocol allows 50,000


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
    """The courses that are listed in the catalog on a day: published, and they give credit."""

    def __init__(self, *, on: date) -> None:
        super().__init__()
        self.on = on

    def items(self) -> QuerySet[Course, tuple[str, datetime | None]]:
        """The oldest first, so that a new course changes the last page alone."""
        oldest_first = self._listed().order_by("published_at", "pk")
        return oldest_first.values_list("slug", "published_at")

    def _listed(self) -> CourseQuerySet:
        valid = Approval.objects.in_date(on=self.on).filter(
            Q(course__isnull=True) | Q(course=OuterRef("pk")),
            provider=OuterRef("provider"),
            body__course_credits__course=OuterRef("pk"),
        )
        return Course.objects.published().filter(Exists(valid))

    def location(self, item: tuple[str, datetime | None]) -> str:
        return reverse("courses:course", args=[item[0]])

    def lastmod(self, item: tuple[str, datetime | None]) -> datetime | None:
        return item[1]

    def get_latest_lastmod(self) -> datetime | None:
        newest = self._listed().newest_first()
        return newest.values_list("published_at", flat=True).first()


def sitemaps(*, on: date) -> dict[str, PortalSitemap]:
    """Each sitemap by its name, as it is on that day."""
    return {
        "pages": PageSitemap(),
        "topics": TopicSitemap(),
        "courses": CourseSitemap(on=on),
    }
