"""What learners say of courses, in summary. The single evaluations have no page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin

from ce_portal import csv_files
from courses import evaluation_reports
from courses.models import Course, EvaluationResponse, Session

PAGE_SIZE = 50


@admin.register(EvaluationResponse)
class EvaluationReportAdmin(ModelAdmin):
    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        return [
            path("", guard(self.changelist_view), name="courses_evaluationresponse_changelist"),
            path("<int:pk>/", guard(self.report_view), name="courses_evaluation_report"),
            path("<int:pk>/export.csv", guard(self.csv_view), name="courses_evaluation_csv"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The courses that were evaluated, the latest first."""
        self._check(request)
        courses = (
            Course.objects.annotate(
                responses=Count("evaluation_responses"),
                last_on=Max("evaluation_responses__submitted_on"),
            )
            .filter(responses__gt=0)
            .order_by("-last_on", "title", "pk")
        )
        page = Paginator(courses, PAGE_SIZE).get_page(request.GET.get("page"))
        return self._render(
            request, "change_list", title="Evaluations", page=page, has_many=page.has_other_pages()
        )

    def report_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._check(request)
        report = self._report(request, pk)
        return self._render(
            request,
            "report",
            title=f"Evaluation of {report.course}",
            report=report,
            shown_from=evaluation_reports.SHOWN_FROM,
        )

    def csv_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._check(request)
        report = self._report(request, pk)
        of = f"-session-{report.session.pk}" if report.session else ""
        return csv_files.response(
            evaluation_reports.csv_rows(report),
            filename=f"evaluation-{report.course.key}{of}.csv",
        )

    def _check(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _report(self, request: HttpRequest, pk: int) -> evaluation_reports.Report:
        course = get_object_or_404(Course, pk=pk)
        asked = request.GET.get("session", "")
        session = None
        if asked:
            number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
            session = get_object_or_404(Session, pk=number, course=course)
        return evaluation_reports.build(course=course, session=session)

    def _render(
        self, request: HttpRequest, name: str, *, title: str, **context: Any
    ) -> HttpResponse:
        context |= {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return TemplateResponse(request, f"admin/courses/evaluationresponse/{name}.html", context)
