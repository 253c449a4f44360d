"""The reports of meeting tools: uploaded, previewed, applied."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.http import content_disposition_header

from accounts.models import RecordRead, User
from accounts.traced import TracedAdmin
from courses import attendance_import, attendance_uploads
from courses.forms import ConfirmReportForm, ReportForm
from courses.models import AttendanceUpload, Session
from courses.permissions import can_record_attendance


@admin.register(AttendanceUpload)
class AttendanceUploadAdmin(TracedAdmin):
    """What was handed in stays as it is; its one verb goes through ``attendance_uploads``."""

    SHOWN = 500  # learners on one page

    list_display = ["file_name", "session", "uploaded_by", "uploaded_at", "state", "added"]
    list_select_related = ["session__course", "uploaded_by"]
    search_fields = ["file_name", "session__course__title"]
    date_hierarchy = "uploaded_at"
    ordering = ["-uploaded_at"]

    def get_urls(self) -> list[URLPattern]:
        original = path(
            "<uuid:pk>/original/",
            self.admin_site.admin_view(self.original),
            name="courses_attendanceupload_original",
        )
        return [original, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AttendanceUpload]:
        return super().get_queryset(request).defer("content", "assigned")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return can_record_attendance(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return can_record_attendance(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def people_of(self, row: AttendanceUpload) -> QuerySet[User]:
        """Those of the session: a report is held against all of them."""
        return User.objects.filter(enrollments__session=row.session_id)

    @admin.display(description="state")
    def state(self, upload: AttendanceUpload) -> str:
        if upload.settled_at:
            return "Applied"
        if upload.applied_at:
            return "Applied, credit is being given"
        return "Being applied" if upload.confirmed_at else "Not applied"

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Upload the report of the session that the address names."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        asked = request.GET.get("session", "")
        if not asked.isascii() or not asked.isdigit():
            messages.info(request, "Open a session, and upload its report from there.")
            return redirect("admin:courses_session_changelist")
        session = get_object_or_404(Session.objects.select_related("course"), pk=int(asked[:18]))
        is_sent = request.method == "POST"
        form = ReportForm(
            request.POST if is_sent else None, request.FILES if is_sent else None, session=session
        )
        if is_sent and form.is_valid():
            report = form.cleaned_data["report"]
            try:
                upload = attendance_uploads.keep(
                    session=session,
                    file_name=report.name,
                    content=report.read(),
                    time_zone=form.cleaned_data["time_zone"],
                    by=cast(User, request.user),
                    at=timezone.now(),
                )
            except attendance_uploads.AttendanceUploadError as error:
                form.add_error("report", str(error))
            else:
                if upload.confirmed_at is not None:
                    messages.info(request, "This file was applied before. Nothing is added now.")
                return redirect("admin:courses_attendanceupload_change", upload.pk)
        return self._page(
            request, "upload.html", "Upload a meeting’s report", form, session=session
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """What the report says and would change; sending the form applies it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        upload = self._upload(object_id)
        self.leave_trace(request, [upload])
        preview = attendance_import.preview(upload)
        is_sent = request.method == "POST"
        form = ConfirmReportForm(request.POST if is_sent else None, preview=preview)
        if is_sent and form.is_valid():
            try:
                attendance_uploads.confirm(
                    upload=upload,
                    assigned=form.assigned,
                    leaves_out_problems=form.cleaned_data.get("leaves_out_problems", False),
                    by=cast(User, request.user),
                    at=timezone.now(),
                )
            except attendance_uploads.AttendanceUploadError as error:
                form.add_error(None, str(error))
            else:
                self.log_change(request, upload, f"Applied to {upload.session}")
                messages.success(request, "The report is being applied.")
                return redirect("admin:courses_attendanceupload_change", upload.pk)
        return self._page(
            request,
            "preview.html",
            "Attendance by report",
            form,
            session=upload.session,
            upload=upload,
            state=self.state(upload),
            preview=preview,
            present=preview.present[: self.SHOWN],
            absent=preview.absent[: self.SHOWN],
            more_present=max(0, len(preview.present) - self.SHOWN),
            more_absent=max(0, len(preview.absent) - self.SHOWN),
            more_unmatched=max(0, len(preview.unmatched) - form.SHOWN),
        )

    def original(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """The file as it was handed in."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        upload = get_object_or_404(AttendanceUpload, pk=pk)
        self.leave_trace(request, [upload], what=RecordRead.What.ADMIN_FILE)
        return HttpResponse(
            bytes(upload.content),
            content_type="application/octet-stream",
            headers={"Content-Disposition": content_disposition_header(True, upload.file_name)},
        )

    def _upload(self, object_id: str) -> AttendanceUpload:
        try:
            pk = uuid.UUID(object_id)
        except ValueError:
            raise Http404 from None
        return get_object_or_404(
            AttendanceUpload.objects.select_related(
                "session__course", "uploaded_by", "confirmed_by"
            ),
            pk=pk,
        )

    def _page(
        self, request: HttpRequest, template: str, title: str, form: Any, **context: Any
    ) -> HttpResponse:
        context |= {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "form": form,
            "media": self.media + form.media,
        }
        return TemplateResponse(
            request,
            f"admin/courses/attendanceupload/{template}",
            context,
            status=422 if form.errors else 200,
        )
