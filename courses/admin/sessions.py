"""Live sessions."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from accounts.forms import time_zone_choices
from courses.admin.listed import HTTPS_LINKS, ListedAdmin, Part
from courses.models import (
    Course,
    Session,
)


class SessionForm(forms.ModelForm):
    """The times of a session are shown and typed in its own time zone."""

    TIMES = ("starts_at", "ends_at", "enrollment_opens_at", "enrollment_closes_at")

    time_zone = forms.ChoiceField(
        choices=time_zone_choices, help_text="The times beside it are in this zone"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in self.TIMES:
                if moment := getattr(self.instance, name):
                    moment = moment.astimezone(self.instance.tz)
                    self.initial[name] = moment.replace(tzinfo=None)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in self.TIMES:
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
    fields = ["key", "starts_at", "ends_at", "time_zone", "capacity", "place", "join_url"]


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
    fields = [
        ("course", "key"),
        ("starts_at", "ends_at", "time_zone"),
        ("place", "join_url"),
        ("capacity", "attendance_minutes"),
        ("enrollment_opens_at", "enrollment_closes_at"),
        ("cancelled_at", "cancel_reason"),
        "attendance",
    ]
    readonly_fields = ["cancelled_at", "cancel_reason", "attendance"]

    def courses_of(self, rows: QuerySet[Session]) -> QuerySet[Course]:
        return Course.objects.filter(sessions__in=rows)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return super().get_queryset(request).with_seats_taken()

    @admin.display(description="seats taken", ordering="seats_taken")
    def seats_taken(self, session: Any) -> int:
        return session.seats_taken

    @admin.display(description="attendance")
    def attendance(self, session: Any) -> str:
        if session.pk is None:
            return "Opens when the session is saved"
        return format_html(
            '<a class="underline" href="{}">Show the check-in code</a>, '
            '<a class="underline" href="{}?session={}">upload a meeting’s report</a>',
            reverse("courses:host_session", args=[session.pk]),
            reverse("admin:courses_attendanceupload_add"),
            session.pk,
        )
