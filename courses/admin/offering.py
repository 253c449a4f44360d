"""Providers, approvals, instructors, and the vocabularies of the catalog."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from unfold.admin import ModelAdmin, TabularInline

from courses.admin.listed import HTTPS_LINKS, ListedAdmin
from courses.models import (
    Approval,
    ApprovingBody,
    Course,
    CreditType,
    FocusArea,
    FormatWord,
    Instructor,
    Profession,
    Provider,
    TeachingMethod,
    Topic,
)


class ApprovalInline(TabularInline):
    model = Approval
    extra = 0
    autocomplete_fields = ["body", "course"]
    ordering = ["body__name", "-valid_from"]


@admin.register(Provider)
class ProviderAdmin(ListedAdmin):
    listed_fields = frozenset({"slug"})
    is_choice = True
    formfield_overrides = HTTPS_LINKS
    list_display = ["name", "director", "email"]
    search_fields = ["name", "slug"]
    ordering = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [ApprovalInline]

    def courses_of(self, rows: QuerySet[Provider]) -> QuerySet[Course]:
        return Course.objects.filter(provider__in=rows)


@admin.register(Approval)
class ApprovalAdmin(ListedAdmin):
    list_display = ["provider", "body", "course", "number", "valid_from", "valid_to"]
    list_select_related = ["provider", "body", "course"]
    list_filter = ["body", "provider"]
    search_fields = ["number", "provider__name", "body__name", "course__title"]
    ordering = ["provider__name", "body__name", "-valid_from"]
    autocomplete_fields = ["provider", "body", "course"]

    def courses_of(self, rows: QuerySet[Approval]) -> QuerySet[Course]:
        return Course.objects.filter(provider__approvals__in=rows)


@admin.register(Instructor)
class InstructorAdmin(ListedAdmin):
    is_choice = True
    listed_fields = frozenset({"slug", "name"})
    list_display = ["name", "credentials", "position"]
    search_fields = ["name", "credentials"]
    ordering = ["name"]
    prepopulated_fields = {"slug": ["name"]}

    def courses_of(self, rows: QuerySet[Instructor]) -> QuerySet[Course]:
        return Course.objects.filter(instructors__in=rows)


@admin.register(ApprovingBody)
class ApprovingBodyAdmin(ListedAdmin):
    is_choice = True
    listed_fields = frozenset({"slug"})
    list_display = ["name", "audience", "minutes_per_hour", "text_method"]
    search_fields = ["name", "full_name", "slug"]
    ordering = ["position"]
    autocomplete_fields = ["professions"]

    def courses_of(self, rows: QuerySet[ApprovingBody]) -> QuerySet[Course]:
        return Course.objects.filter(credits__body__in=rows)


@admin.register(FormatWord)
class FormatWordAdmin(ModelAdmin):
    """The words of boards for formats; where there is none, certificates print ours. Certificates
    that were issued keep what they say."""

    list_display = ["body", "format", "word"]
    list_select_related = ["body"]
    list_filter = ["body", "format"]
    search_fields = ["body__name", "word"]
    ordering = ["body__position", "format"]
    autocomplete_fields = ["body"]


class NamedAdmin(ListedAdmin):
    is_choice = True
    list_display = ["name", "slug"]
    search_fields = ["name", "slug"]
    ordering = ["position"]


@admin.register(Profession)
class ProfessionAdmin(NamedAdmin):
    listed_fields = frozenset()

    def courses_of(self, rows: QuerySet[Profession]) -> QuerySet[Course]:
        """None: which profession a board serves is no part of a listing."""
        return Course.objects.none()


@admin.register(CreditType)
class CreditTypeAdmin(NamedAdmin):
    listed_fields = frozenset({"slug"})

    def courses_of(self, rows: QuerySet[CreditType]) -> QuerySet[Course]:
        return Course.objects.filter(credits__credit_type__in=rows)


@admin.register(TeachingMethod)
class TeachingMethodAdmin(NamedAdmin):
    listed_fields = frozenset({"slug"})

    def courses_of(self, rows: QuerySet[TeachingMethod]) -> QuerySet[Course]:
        return Course.objects.filter(teaching_methods__in=rows)


@admin.register(Topic)
class TopicAdmin(NamedAdmin):
    listed_fields = frozenset({"slug", "name"})

    def courses_of(self, rows: QuerySet[Topic]) -> QuerySet[Course]:
        return Course.objects.filter(focus_areas__topic__in=rows)


@admin.register(FocusArea)
class FocusAreaAdmin(NamedAdmin):
    listed_fields = frozenset({"slug", "name", "topic"})
    list_display = ["name", "topic", "slug"]
    list_select_related = ["topic"]
    search_fields = ["name", "slug", "topic__name"]

    def courses_of(self, rows: QuerySet[FocusArea]) -> QuerySet[Course]:
        return Course.objects.filter(focus_areas__in=rows)
