"""Courses with their parts, and the questions of post-tests."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import StackedInline

from courses import catalog, completion
from courses.admin.listed import ListedAdmin, Part
from courses.admin.sessions import SessionInline
from courses.models import (
    AgendaItem,
    Choice,
    Course,
    CourseCredit,
    CourseFocusArea,
    CourseInstructor,
    Enrollment,
    EvaluationQuestion,
    Lesson,
    Objective,
    Question,
)
from courses.permissions import can_curate


class FocusAreaInline(Part):
    model = CourseFocusArea
    autocomplete_fields = ["focus_area"]


class InstructorInline(Part):
    model = CourseInstructor
    autocomplete_fields = ["instructor"]


class CreditInline(Part):
    model = CourseCredit
    autocomplete_fields = ["body", "credit_type"]


class ObjectiveInline(Part):
    model = Objective


class AgendaInline(Part):
    model = AgendaItem


class LessonInline(StackedInline):
    model = Lesson
    extra = 0
    ordering = ["position", "pk"]
    tab = True
    fields = [("title", "key"), ("minutes", "position"), "body"]


class EvaluationInline(Part):
    model = EvaluationQuestion


class QuestionInline(Part):
    """The questions in short; choices are on the question's own page."""

    model = Question
    fields = ["position", "ask", "rationale"]
    show_change_link = True


@admin.register(Course)
class CourseAdmin(ListedAdmin):
    list_display = ["title", "status", "format", "level", "hours", "provider", "published_at"]
    list_filter = [
        "status",
        "format",
        "level",
        "provider",
        ("focus_areas__topic", admin.RelatedOnlyFieldListFilter),
        ("credits__body", admin.RelatedOnlyFieldListFilter),
    ]
    list_select_related = ["provider"]
    search_fields = ["title", "key", "summary", "instructors__name"]
    ordering = ["title"]
    date_hierarchy = "published_at"
    autocomplete_fields = ["provider", "teaching_methods"]
    prepopulated_fields = {"slug": ["title"]}
    readonly_fields = ["status", "published_at", "retired_at", "hours"]
    actions = ["publish_selected", "retire_selected", "apply_to_open_enrollments"]
    inlines = [
        FocusAreaInline,
        InstructorInline,
        CreditInline,
        ObjectiveInline,
        AgendaInline,
        LessonInline,
        QuestionInline,
        EvaluationInline,
        SessionInline,
    ]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("title", "slug"),
                    ("key", "status"),
                    "summary",
                    "about",
                    ("published_at", "retired_at", "hours"),
                ]
            },
        ),
        (
            "For whom and how",
            {
                "classes": ["tab"],
                "fields": [
                    "audience",
                    "prerequisites",
                    ("level", "format"),
                    ("language", "captions"),
                    "accessibility",
                    ("provider", "price"),
                    "teaching_methods",
                ],
            },
        ),
        (
            "To earn the credit",
            {
                "classes": ["tab"],
                "description": "Who has enrolled keeps what was asked then, until you apply an "
                "edit to open enrollments (an action of the list of courses).",
                "fields": [
                    ("requires_lessons", "requires_attendance"),
                    ("requires_post_test", "requires_evaluation"),
                    "attestation",
                    ("pass_mark", "attempts_allowed", "retake_after_minutes"),
                    ("attendance_minutes", "attendance_percent"),
                    ("access_days", "repeat_after_days"),
                    "difficulty",
                ],
            },
        ),
        (
            "Disclosures",
            {
                "classes": ["tab"],
                "fields": [
                    "conflict_of_interest",
                    "commercial_support",
                    "content_statement",
                    "system_requirements",
                    "references",
                    "last_reviewed_on",
                ],
            },
        ),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """The stable id never changes once a course has one."""
        fields = list(super().get_readonly_fields(request, obj))
        return [*fields, "key"] if obj else fields

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        # A known course keeps its address when its title is edited.
        return {} if obj else {"slug": ["title"], "key": ["title"]}

    def courses_of(self, rows: QuerySet[Course]) -> QuerySet[Course]:
        return rows

    def settle(self, course_ids: set[int]) -> None:
        for course in Course.objects.filter(pk__in=course_ids):
            catalog.update_hours(course=course)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        course = form.instance
        course.refresh_from_db(fields=["hours"])
        if course.is_published:
            for missing in catalog.gate(course, on=timezone.localdate()):
                self.message_user(request, f"This course is published. {missing}", messages.WARNING)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A course that was ever published stays, retired: people hold certificates of it."""
        return super().has_delete_permission(request, obj) and (
            obj is None or obj.published_at is None
        )

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def has_curate_permission(self, request: HttpRequest) -> bool:
        return can_curate(request.user)

    @admin.action(description="Publish the selected courses", permissions=["curate"])
    def publish_selected(self, request: HttpRequest, queryset: QuerySet[Course]) -> None:
        published = 0
        for course in queryset:
            try:
                catalog.publish(course=course, at=timezone.now(), on=timezone.localdate())
            except catalog.CatalogError as error:
                self.message_user(request, f"{course}: {error}", messages.ERROR)
            else:
                published += 1
        if published:
            self.message_user(request, f"Published: {published}.", messages.SUCCESS)

    @admin.action(description="Retire the selected courses", permissions=["curate"])
    def retire_selected(self, request: HttpRequest, queryset: QuerySet[Course]) -> None:
        retired = 0
        for course in queryset:
            try:
                catalog.retire(course=course, at=timezone.now())
            except catalog.CatalogError as error:
                self.message_user(request, f"{course}: {error}", messages.ERROR)
            else:
                retired += 1
        if retired:
            self.message_user(request, f"Retired: {retired}.", messages.SUCCESS)

    @admin.action(
        description="Apply what the selected courses require to open enrollments",
        permissions=["curate"],
    )
    def apply_to_open_enrollments(self, request: HttpRequest, queryset: QuerySet[Course]) -> None:
        changed = completed = 0
        for held in Enrollment.objects.in_progress().filter(course__in=queryset).order_by("pk"):
            completed += completion.apply_edit(enrollment=held, at=timezone.now()) is not None
            changed += 1
        self.message_user(
            request,
            f"Open enrollments that now ask what the course asks: {changed}. "
            f"Of these completed by it: {completed}.",
            messages.SUCCESS,
        )


class ChoiceFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        kept = [
            form.cleaned_data
            for form in self.forms
            if getattr(form, "cleaned_data", None) and not form.cleaned_data.get("DELETE")
        ]
        if len(kept) < 2 or sum(choice.get("is_right", False) for choice in kept) != 1:
            raise forms.ValidationError("Give two choices or more, exactly one of them right.")


class ChoiceInline(Part):
    model = Choice
    formset = ChoiceFormSet
    tab = False
    min_num = 2


@admin.register(Question)
class QuestionAdmin(ListedAdmin):
    list_display = ["ask", "course", "position"]
    list_select_related = ["course"]
    list_filter = [("course", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["ask", "course__title"]
    ordering = ["course__title", "position"]
    autocomplete_fields = ["course"]
    inlines = [ChoiceInline]

    def courses_of(self, rows: QuerySet[Question]) -> QuerySet[Course]:
        return Course.objects.filter(questions__in=rows)

    def settle(self, course_ids: set[int]) -> None:
        """The number of questions counts toward the hours of a text-based course."""
        for course in Course.objects.filter(pk__in=course_ids):
            catalog.update_hours(course=course)
