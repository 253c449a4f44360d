"""What changes the catalog is relisted with the change."""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from courses import listing
from courses.models import (
    Course,
)

# A link typed without its scheme is taken for https.
HTTPS_LINKS = {models.URLField: {"assume_scheme": "https"}}


class ListedAdmin(ModelAdmin):
    """A form whose change shows in the catalog: the courses concerned are relisted with it."""

    # Fields that stand in the listings of courses, besides the parts; None: all of them.
    listed_fields: frozenset[str] | None = None
    # Is the row itself a choice of the catalog, by its name?
    is_choice = False

    def courses_of(self, rows: QuerySet[Any]) -> QuerySet[Course]:
        """The courses in whose listing the rows show."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        # A session may move to another course: both are relisted.
        form.relisted = self._ids(obj)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        concerned = form.relisted | self._ids(form.instance)
        self.settle(concerned)
        if (
            self.listed_fields is None
            or self.listed_fields.intersection(form.changed_data)
            or any(formset.has_changed() for formset in formsets)
        ):
            listing.relist(concerned)
        if self.is_choice:
            listing.relabel()

    def settle(self, course_ids: set[int]) -> None:
        """What follows from the change for these courses, before they are relisted."""

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.delete_queryset(request, self.model.objects.filter(pk=obj.pk))

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        concerned = set(self.courses_of(queryset).values_list("pk", flat=True))
        super().delete_queryset(request, queryset)
        self.settle(concerned)
        listing.relist(concerned)
        if self.is_choice:
            listing.relabel()

    def _ids(self, obj: Any) -> set[int]:
        rows = self.model.objects.filter(pk=obj.pk)
        return set(self.courses_of(rows).values_list("pk", flat=True))


class Part(TabularInline):
    """A part of a course, in its order."""

    extra = 0
    ordering = ["position", "pk"]
    tab = True
