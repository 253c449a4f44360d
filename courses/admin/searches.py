"""What visitors search for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from unfold.admin import ModelAdmin

from courses import tallies
from courses.models import (
    SearchTally,
)
from courses.models.tallies import SHOWN_FROM, week_of


@admin.register(SearchTally)
class SearchTallyAdmin(ModelAdmin):
    """One page to read: what visitors look for. The rows themselves, rare ones too, have none."""

    PERIODS = [4, 13, 52]  # weeks

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.changelist_view)
        return [path("", page, name="courses_searchtally_changelist")]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = {str(weeks): weeks for weeks in self.PERIODS}
        chosen = asked.get(request.GET.get("weeks", ""), self.PERIODS[0])
        since = week_of(timezone.now()) - timedelta(weeks=chosen - 1)
        context = {
            **self.admin_site.each_context(request),
            "title": "Searches",
            "opts": self.opts,
            "words": tallies.words_that_found_nothing(since=since),
            "filters": tallies.most_used_filters(since=since),
            "periods": [{"weeks": weeks, "is_chosen": weeks == chosen} for weeks in self.PERIODS],
            "since": since,
            "shown_from": SHOWN_FROM,
        }
        return TemplateResponse(request, "admin/courses/searchtally/change_list.html", context)
