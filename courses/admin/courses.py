"""Courses with their parts, and the questions of post-tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import StackedInline
from unfold.widgets import UnfoldAdminFileFieldWidget

from ce_portal import csv_files, ranges
from courses import answer_key, catalog, completion, item_statistics, material, post_test
from courses.admin.listed import HTTPS_LINKS, ListedAdmin, Part
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


class LessonFileInput(UnfoldAdminFileFieldWidget):
    """Shows the present file through the admin's own door: files of lessons have no address."""

    def format_value(self, value: Any) -> Any:
        if not self.is_initial(value):
            return None
        address = reverse("admin:courses_lesson_file", args=[value.name.rpartition("/")[2]])
        return SimpleNamespace(url=address, name=value.name)


class LessonInline(StackedInline):
    model = Lesson
    extra = 0
    ordering = ["position", "pk"]
    tab = True
    fields = [
        ("title", "key"),
        ("minutes", "position"),
        "kind",
        ("file", "captions"),
        "link",
        "body",
    ]
    formfield_overrides: ClassVar[Any] = {
        **HTTPS_LINKS,
        models.FileField: {"widget": LessonFileInput},
    }


class EvaluationInline(Part):
    model = EvaluationQuestion


class QuestionFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        course = self.instance
        if not (course.pk and self.deleted_forms and post_test.is_due(course)):
            return
        gone = [form.instance.pk for form in self.deleted_forms]
        is_one_new = any(form.has_changed() for form in self.extra_forms)
        if not is_one_new and not course.questions.exclude(pk__in=gone).exists():
            raise forms.ValidationError(post_test.STILL_DUE)


class QuestionInline(Part):
    """The questions in short; choices are on the question's own page."""

    model = Question
    formset = QuestionFormSet
    fields = ["position", "kind", "ask", "rationale"]
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
    readonly_fields = ["status", "published_at", "retired_at", "hours", "test_figures"]
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
                    "rationales",
                    "test_figures",
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

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        return [
            path(
                "<int:pk>/questions/",
                guard(self.item_statistics_view),
                name="courses_item_statistics",
            ),
            path(
                "<int:pk>/questions.csv",
                guard(self.item_statistics_csv),
                name="courses_item_statistics_csv",
            ),
            path("files/<str:name>", guard(self.lesson_file_view), name="courses_lesson_file"),
            *super().get_urls(),
        ]

    @admin.display(description="how its questions do")
    def test_figures(self, course: Course) -> str:
        if not course.pk:
            return "-"
        address = reverse("admin:courses_item_statistics", args=[course.pk])
        return format_html('<a class="underline" href="{}">Figures of each question</a>', address)

    def item_statistics_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Difficulty and discrimination of each question of the post-test."""
        course, first_only = self._tested(request, pk)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Questions of {course}",
            "opts": self.opts,
            "course": course,
            "items": item_statistics.of_course(course, first_only=first_only),
            "first_only": first_only,
            "few": item_statistics.FEW,
        }
        return TemplateResponse(request, "admin/courses/question/statistics.html", context)

    def item_statistics_csv(self, request: HttpRequest, pk: int) -> HttpResponse:
        course, first_only = self._tested(request, pk)
        items = item_statistics.of_course(course, first_only=first_only)
        return csv_files.response(
            item_statistics.csv_rows(items), filename=f"questions-{course.key}.csv"
        )

    def _tested(self, request: HttpRequest, pk: int) -> tuple[Course, bool]:
        if not request.user.has_perm("courses.view_question"):
            raise PermissionDenied
        return get_object_or_404(Course, pk=pk), request.GET.get("attempts") != "all"

    def lesson_file_view(self, request: HttpRequest, name: str) -> HttpResponseBase:
        """A file of a lesson, for those who see the lesson here."""
        if not request.user.has_perm("courses.view_lesson"):
            raise PermissionDenied
        stored = f"{material.FOLDER}/{name}"
        lesson = Lesson.objects.filter(Q(file=stored) | Q(captions=stored)).first()
        if lesson is None:
            raise Http404
        file = lesson.file if lesson.file.name == stored else lesson.captions
        found = material.open_known(file, {*material.LESSONS, material.VTT})
        if found is None:
            raise Http404
        opened, media_type = found
        return ranges.send(request, opened, size=file.size, media_type=media_type, filename=name)

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
        # The question's own form has filled its instance in already.
        fault = answer_key.fault(
            self.instance.kind, [choice.get("is_right", False) for choice in kept]
        )
        if fault:
            raise forms.ValidationError(fault)


class ChoiceInline(Part):
    model = Choice
    formset = ChoiceFormSet
    tab = False
    min_num = 2


@admin.register(Question)
class QuestionAdmin(ListedAdmin):
    list_display = ["ask", "kind", "course", "position"]
    list_select_related = ["course"]
    list_filter = ["kind", ("course", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["ask", "course__title"]
    ordering = ["course__title", "position"]
    autocomplete_fields = ["course"]
    inlines = [ChoiceInline]

    def courses_of(self, rows: QuerySet[Question]) -> QuerySet[Course]:
        return Course.objects.filter(questions__in=rows)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A question stays with its course: attempts of others show it."""
        fields = list(super().get_readonly_fields(request, obj))
        return [*fields, "course"] if obj else fields

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The last question of a test that somebody must pass is protected, with words."""
        to_delete, counts, lacking, protected = super().get_deleted_objects(objs, request)
        gone = {question.pk for question in objs}
        for course in Course.objects.filter(questions__in=gone).distinct():
            if post_test.is_due(course) and not course.questions.exclude(pk__in=gone).exists():
                protected.append(f"{course}: {post_test.STILL_DUE}")
        return to_delete, counts, lacking, protected

    def settle(self, course_ids: set[int]) -> None:
        """The number of questions counts toward the hours of a text-based course."""
        for course in Course.objects.filter(pk__in=course_ids):
            catalog.update_hours(course=course)
