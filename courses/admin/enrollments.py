"""Who is enrolled, and the door for attendance."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline

from accounts.models import User
from courses import attendance, learning
from courses.models import (
    Attendance,
    Enrollment,
)
from courses.permissions import can_record_attendance


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
                attendance.record(
                    enrollment=form.instance,
                    minutes=row.minutes,
                    source=row.source,
                    by=cast(User, request.user),
                    at=timezone.now(),
                )
            except learning.LearningError as error:
                self.message_user(request, str(error), messages.ERROR)
