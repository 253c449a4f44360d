"""Where curators work: courses with their parts, sessions, providers, approvals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from unfold.admin import ModelAdmin, StackedInline, TabularInline

from accounts.forms import time_zone_choices
from accounts.models import User
from courses import catalog, learning, listing, tallies
from courses.models import (
    AgendaItem,
    Approval,
    ApprovingBody,
    Attendance,
    Choice,
    Course,
    CourseCredit,
    CourseFocusArea,
    CourseInstructor,
    CreditType,
    Enrollment,
    EvaluationQuestion,
    FocusArea,
    Instructor,
    Lesson,
    Objective,
    Profession,
    Provider,
    Question,
    SearchTally,
    Session,
    TeachingMethod,
    Topic,
)
from courses.models.tallies import SHOWN_FROM, week_of
from courses.permissions import can_curate, can_record_attendance
from transcripts import jobs
from transcripts.models import Certificate
from transcripts.permissions import can_correct_credit

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


class SessionForm(forms.ModelForm):
    """The times of a session are shown and typed in its own time zone."""

    time_zone = forms.ChoiceField(
        choices=time_zone_choices, help_text="The times beside it are in this zone"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in ("starts_at", "ends_at"):
                moment = getattr(self.instance, name).astimezone(self.instance.tz)
                self.initial[name] = moment.replace(tzinfo=None)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in ("starts_at", "ends_at"):
            if data.get(name) and data.get("time_zone"):
                # The field took them for times of the curator's zone.
                typed = timezone.make_naive(data[name])
                data[name] = typed.replace(tzinfo=ZoneInfo(data["time_zone"]))
        return data


class SessionInline(Part):
    model = Session
    form = SessionForm
    formfield_overrides = HTTPS_LINKS
    ordering = ["starts_at"]


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
    actions = ["publish_selected", "retire_selected"]
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
                "fields": [("pass_mark", "attempts_allowed"), ("attendance_minutes", "difficulty")],
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


@admin.register(Session)
class SessionAdmin(ListedAdmin):
    form = SessionForm
    formfield_overrides = HTTPS_LINKS
    list_display = ["course", "starts_at", "time_zone", "capacity", "seats_taken"]
    list_select_related = ["course"]
    list_filter = [("course", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["course__title", "place"]
    date_hierarchy = "starts_at"
    ordering = ["-starts_at"]
    autocomplete_fields = ["course"]

    actions = ["draw_certificates_again"]

    def has_correct_permission(self, request: HttpRequest) -> bool:
        return can_correct_credit(request.user)

    @admin.action(
        description="Draw the certificates of the selected sessions again",
        permissions=["correct"],
    )
    def draw_certificates_again(
        self, request: HttpRequest, queryset: QuerySet[Session]
    ) -> HttpResponse | None:
        try:
            job = jobs.start(
                title="Certificates of " + ", ".join(str(session) for session in queryset),
                certificates=Certificate.objects.filter(
                    entry__completion__enrollment__session__in=queryset.values("pk")
                ),
                by=cast(User, request.user),
                at=timezone.now(),
            )
        except jobs.JobError as error:
            self.message_user(request, str(error), messages.ERROR)
            return None
        return redirect("admin:transcripts_job_change", job.pk)

    def courses_of(self, rows: QuerySet[Session]) -> QuerySet[Course]:
        return Course.objects.filter(sessions__in=rows)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return (
            super()
            .get_queryset(request)
            .annotate(taken=Count("enrollments", filter=Q(enrollments__withdrawn_at__isnull=True)))
        )

    @admin.display(description="seats taken", ordering="taken")
    def seats_taken(self, session: Any) -> int:
        return session.taken


class AttendanceForm(forms.ModelForm):
    class Meta:
        model = Attendance
        fields = ["minutes", "source"]


class AttendanceInline(TabularInline):
    """Minutes of presence: added with their source, never changed."""

    model = Attendance
    form = AttendanceForm
    extra = 0
    ordering = ["recorded_at"]
    readonly_fields = ["recorded_by", "recorded_at"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Enrollment)
class EnrollmentAdmin(ModelAdmin):
    """Who is enrolled, and the door for attendance of live sessions."""

    list_display = ["learner", "course", "session", "enrolled_at", "withdrawn_at", "is_completed"]
    list_select_related = ["learner", "course", "session__course", "completion"]
    list_filter = [("completion", admin.EmptyFieldListFilter), "course__format"]
    search_fields = ["learner__email", "learner__legal_name", "course__title"]
    date_hierarchy = "enrolled_at"
    ordering = ["-enrolled_at"]
    fields = [
        "learner",
        "course",
        "session",
        "enrolled_at",
        "withdrawn_at",
        "evaluated_at",
        "is_completed",
    ]
    readonly_fields = fields
    inlines = [AttendanceInline]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Every field is a fact; what can be added is attendance, to a live course."""
        return can_record_attendance(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(boolean=True, description="completed")
    def is_completed(self, enrollment: Enrollment) -> bool:
        return hasattr(enrollment, "completion")

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for row in formset.save(commit=False):
            try:
                learning.record_attendance(
                    enrollment=form.instance,
                    minutes=row.minutes,
                    source=row.source,
                    by=cast(User, request.user),
                    at=timezone.now(),
                )
            except learning.LearningError as error:
                self.message_user(request, str(error), messages.ERROR)


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
