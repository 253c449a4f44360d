"""Who is enrolled, and the door for attendance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.decorators import action

from accounts.models import User
from accounts.traced import TracedAdmin
from ce_portal import formats
from courses import attendance, completion, learning
from courses.forms import PartialCreditForm, RecordForm, VoidForm
from courses.models import AttendanceInterval, Enrollment
from courses.permissions import can_record_attendance


class AttendanceInline(TabularInline):
    """When the learner was present, in the zone of the session: added, voided, never changed."""

    model = AttendanceInterval
    verbose_name_plural = "attendance"
    extra = 0
    ordering = ["starts_at", "pk"]
    fields = ["present", "source", "detail", "recorded", "state"]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("recorded_by", "voided_by")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="present")
    def present(self, interval: AttendanceInterval) -> str:
        zone = _zone(interval.enrollment)
        start = formats.show_moment(interval.starts_at, zone)
        if interval.ends_at is None:
            return f"{start}, not checked out"
        return f"{start} to {formats.show_moment(interval.ends_at, zone)}"

    @admin.display(description="recorded")
    def recorded(self, interval: AttendanceInterval) -> str:
        moment = formats.show_moment(interval.recorded_at, _zone(interval.enrollment))
        return f"{interval.recorded_by}, {moment}"

    @admin.display(description="state")
    def state(self, interval: AttendanceInterval) -> str:
        if interval.voided_at is not None:
            moment = formats.show_moment(interval.voided_at, _zone(interval.enrollment))
            return f"Voided by {interval.voided_by}, {moment}: {interval.void_reason}"
        if interval.enrollment.completed_at is not None:
            return "Stays: the course is completed"
        address = reverse(
            "admin:courses_enrollment_void_attendance", args=[interval.enrollment_id, interval.pk]
        )
        return format_html('<a class="underline" href="{}">Void</a>', address)


def _zone(enrollment: Enrollment) -> Any:
    return enrollment.session.tz if enrollment.session else timezone.get_current_timezone()


@admin.register(Enrollment)
class EnrollmentAdmin(TracedAdmin):
    """Who is enrolled, and the door for attendance of live sessions."""

    people = ("learner",)

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
        "minutes_attended",
        "is_completed",
    ]
    readonly_fields = fields
    inlines = [AttendanceInline]
    actions_detail = ["record_attendance", "give_partial_credit"]

    def get_urls(self) -> list[URLPattern]:
        void = path(
            "<uuid:object_id>/attendance/<int:interval_id>/void/",
            self.admin_site.admin_view(self.void_attendance),
            name="courses_enrollment_void_attendance",
        )
        return [void, *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Every field is a fact."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_record_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return can_record_attendance(request.user)

    @admin.display(boolean=True, description="completed")
    def is_completed(self, enrollment: Enrollment) -> bool:
        return hasattr(enrollment, "completion")

    @admin.display(description="minutes attended")
    def minutes_attended(self, enrollment: Enrollment) -> str:
        asked = enrollment.requirements.get("attendance")
        if asked is None:
            return "Not asked"
        return f"{completion.attended_minutes(enrollment)} of {asked['minutes']}"

    @action(description="Record attendance", permissions=["record"], url_path="record-attendance")
    def record_attendance(self, request: HttpRequest, object_id: str) -> HttpResponse:
        enrollment = self._enrollment(object_id)
        if enrollment.session is None:
            messages.error(request, "This course has no live session to attend.")
            return redirect("admin:courses_enrollment_change", enrollment.pk)
        form = RecordForm(
            request.POST if request.method == "POST" else None, session=enrollment.session
        )

        def save() -> str:
            interval = attendance.record(
                enrollment=enrollment,
                **form.cleaned_data,
                by=cast(User, request.user),
                at=timezone.now(),
            )
            return f"Recorded attendance {interval.pk}: {interval.detail}"

        return self._page(request, enrollment, form, save, title="Record attendance")

    @action(
        description="Give partial credit", permissions=["record"], url_path="give-partial-credit"
    )
    def give_partial_credit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """For the minutes of the session that were attended, where a body allows it."""
        enrollment = self._enrollment(object_id)
        if enrollment.session is None:
            messages.error(request, "This course has no live session to attend.")
            return redirect("admin:courses_enrollment_change", enrollment.pk)
        form = PartialCreditForm(request.POST if request.method == "POST" else None)

        def save() -> str:
            done = completion.complete_in_part(
                enrollment=enrollment,
                **form.cleaned_data,
                by=cast(User, request.user),
                at=timezone.now(),
            )
            hours = formats.show_hours(done.credit_entry.hours)
            return f"Gave partial credit of {hours} h: {done.partial_reason}"

        return self._page(request, enrollment, form, save, title="Give partial credit")

    def void_attendance(
        self, request: HttpRequest, object_id: str, interval_id: int
    ) -> HttpResponse:
        if not self.has_record_permission(request):
            raise PermissionDenied
        enrollment = self._enrollment(object_id)
        interval = get_object_or_404(
            AttendanceInterval.objects.standing(), enrollment=enrollment, pk=interval_id
        )
        form = VoidForm(request.POST if request.method == "POST" else None)

        def save() -> str:
            attendance.void(
                interval=interval,
                **form.cleaned_data,
                by=cast(User, request.user),
                at=timezone.now(),
            )
            return f"Voided attendance {interval.pk}: {form.cleaned_data['reason']}"

        return self._page(request, enrollment, form, save, title="Void attendance")

    def _enrollment(self, object_id: str) -> Enrollment:
        found = Enrollment.objects.select_related("course", "learner", "session__course")
        try:
            return get_object_or_404(found, pk=object_id)
        except ValidationError:  # no UUID
            raise Http404 from None

    def _page(
        self,
        request: HttpRequest,
        enrollment: Enrollment,
        form: forms.Form,
        save: Callable[[], str],
        *,
        title: str,
    ) -> HttpResponse:
        if request.method == "POST" and form.is_valid():
            try:
                done = save()
            except (learning.LearningError, completion.CompletionError) as error:
                form.add_error(None, str(error))
            else:
                self.log_change(request, enrollment, done)
                messages.success(request, f"{done}.")
                return redirect("admin:courses_enrollment_change", enrollment.pk)
        self.leave_trace(request, [enrollment])
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "enrollment": enrollment,
            "form": form,
            "media": self.media + form.media,
        }
        return TemplateResponse(
            request,
            "admin/courses/enrollment/attendance.html",
            context,
            status=422 if form.errors else 200,
        )
