"""Live sessions: their dates, who has a seat and who waits for one."""

from __future__ import annotations

from datetime import UTC
from typing import Any, cast
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.forms import time_zone_choices
from accounts.models import User
from accounts.traced import TracedAdmin
from courses import session_credit, sessions
from courses.admin.listed import HTTPS_LINKS, ListedAdmin, Part
from courses.models import Course, Enrollment, Session, WaitlistPlace
from courses.permissions import can_curate
from transcripts import jobs
from transcripts.models import Certificate
from transcripts.permissions import can_correct_credit

MOST_REFUSALS = 10  # shown at once


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

    def full_clean(self) -> None:
        """An hour that a clock change leaves out, or has twice, is one of the session's zone."""
        zone = self.data.get(self.add_prefix("time_zone"))
        with timezone.override(ZoneInfo(zone) if zone in available_timezones() else UTC):
            super().full_clean()

    def _post_clean(self) -> None:
        # The instance is as it was typed only now.
        super()._post_clean()  # type: ignore[misc]
        if not self.errors and self.has_changed():
            try:
                sessions.check(session=self.instance)
            except sessions.SessionError as error:
                self.add_error(error.field if error.field in self.fields else None, str(error))

    def save(self, commit: bool = True) -> Session:
        session = super().save(commit=False)
        if commit:
            sessions.save(session=session, at=timezone.now())
        return session


class SessionInline(Part):
    model = Session
    form = SessionForm
    formfield_overrides = HTTPS_LINKS
    ordering = ["starts_at"]
    fields = ["key", "starts_at", "ends_at", "time_zone", "capacity", "place", "join_url"]
    show_change_link = True


class _ReadOnlyInline(TabularInline):
    """Read by whoever may see the session."""

    extra = 0
    tab = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return can_curate(request.user)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SeatInline(_ReadOnlyInline):
    """Who has a seat."""

    model = Enrollment
    verbose_name_plural = "seats"
    fields = ["learner", "enrolled_at", "completed_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrollment]:
        rows = super().get_queryset(request).open()
        return rows.select_related("learner", "course").order_by("enrolled_at", "pk")


class WaitlistInline(_ReadOnlyInline):
    """Who waits for a seat, in order, and who waited."""

    model = WaitlistPlace
    verbose_name_plural = "waitlist"
    fields = ["learner", "joined_at", "state", "offered_at", "offer_expires_at", "closed_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WaitlistPlace]:
        rows = super().get_queryset(request).select_related("learner", "session__course")
        return rows.in_order()


class CancelForm(forms.Form):
    reason = forms.CharField(
        max_length=300,
        help_text="Learners read it, in a mail and on the course page.",
        widget=UnfoldAdminTextInputWidget,
        error_messages={"required": "Say why: learners are told."},
    )


@admin.register(Session)
class SessionAdmin(TracedAdmin, ListedAdmin):
    form = SessionForm
    formfield_overrides = HTTPS_LINKS
    list_display = [
        "course",
        "starts_at",
        "time_zone",
        "capacity",
        "seats_taken",
        "waiting",
        "is_cancelled",
    ]
    list_select_related = ["course"]
    list_filter = [
        ("cancelled_at", admin.EmptyFieldListFilter),
        ("course", admin.RelatedOnlyFieldListFilter),
    ]
    search_fields = ["course__title", "place"]
    date_hierarchy = "starts_at"
    ordering = ["-starts_at"]
    autocomplete_fields = ["course"]
    fields = [
        ("course", "key"),
        # A date and a time fill a row.
        "starts_at",
        "ends_at",
        "time_zone",
        ("place", "join_url"),
        ("capacity", "attendance_minutes"),
        "enrollment_opens_at",
        "enrollment_closes_at",
        ("cancelled_at", "cancel_reason"),
        "attendance",
    ]
    readonly_fields = ["cancelled_at", "cancel_reason", "attendance"]
    inlines = [SeatInline, WaitlistInline]
    actions = ["draw_certificates_again"]
    actions_detail = ["cancel_session", "issue"]

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return self.inlines if obj else []

    def courses_of(self, rows: QuerySet[Session]) -> QuerySet[Course]:
        return Course.objects.filter(sessions__in=rows)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return super().get_queryset(request).with_seats_taken().with_waiting()

    def people_of(self, row: Session) -> QuerySet[User]:
        """Who has a seat, and who waits or waited."""
        return User.objects.filter(
            Q(pk__in=row.enrollments.open().values("learner"))
            | Q(pk__in=row.waitlist.values("learner"))
        )

    def save_model(self, request: HttpRequest, obj: Session, form: Any, change: bool) -> None:
        # A session may move to another course: both are relisted.
        form.relisted = self._ids(obj)
        sessions.save(session=obj, at=timezone.now())

    @admin.display(description="seats taken", ordering="seats_taken")
    def seats_taken(self, session: Any) -> int:
        return session.seats_taken

    @admin.display(description="waiting", ordering="waiting")
    def waiting(self, session: Any) -> int:
        return session.waiting

    @admin.display(description="takes place", boolean=True)
    def is_cancelled(self, session: Session) -> bool:
        return not session.is_cancelled

    def has_curate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return can_curate(request.user) and super().has_change_permission(request)

    @action(description="Cancel this session", permissions=["curate"], url_path="cancel")
    def cancel_session(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Asks for the reason; everybody concerned is told."""
        sessions_in_full = Session.objects.select_related("course").with_seats_taken()
        try:
            session = get_object_or_404(sessions_in_full.with_waiting(), pk=object_id)
        except ValueError:  # no number
            raise Http404 from None
        form = CancelForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                sessions.cancel(
                    session=session, reason=form.cleaned_data["reason"], at=timezone.now()
                )
            except sessions.SessionError as error:
                form.add_error("reason", str(error))
            else:
                self.log_change(request, session, f"Cancelled: {form.cleaned_data['reason']}")
                self.message_user(request, f"Cancelled: {session}.", messages.SUCCESS)
                return redirect("admin:courses_session_change", session.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Cancel this session",
            "opts": self.opts,
            "session": session,
            "form": form,
        }
        return TemplateResponse(
            request,
            "admin/courses/session/cancel.html",
            context,
            status=422 if form.errors else 200,
        )

    def has_correct_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return can_correct_credit(request.user)

    @action(description="Issue credit and certificates", permissions=["correct"], url_path="issue")
    def issue(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Credit for whoever met everything and has none, then all certificates as a job."""
        try:
            session = get_object_or_404(Session.objects.select_related("course"), pk=object_id)
        except ValueError:  # no number
            raise Http404 from None
        back = reverse("admin:courses_session_change", args=[session.pk])
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                "title": "Issue credit and certificates",
                "opts": self.opts,
                "words": f"{session}: whoever met every requirement and has no credit yet gets it, "
                "and every certificate that stands is drawn. Until the new one is there, each "
                "keeps the document it has.",
                "verb": "Issue",
                "back": back,
            }
            return TemplateResponse(request, "admin/confirm.html", context)
        now = timezone.now()
        given = session_credit.give(session=session, at=now)
        if given.count:
            self.message_user(request, f"Gave credit to {given.count}.", messages.SUCCESS)
        for words in given.refused[:MOST_REFUSALS]:
            self.message_user(request, words, messages.WARNING)
        if len(given.refused) > MOST_REFUSALS:
            more = f"And {len(given.refused) - MOST_REFUSALS} more."
            self.message_user(request, more, messages.WARNING)
        try:
            job = jobs.start(
                title=f"Certificates of {session}",
                certificates=session_credit.certificates_of(session),
                by=cast(User, request.user),
                at=now,
            )
        except jobs.JobError as error:
            self.message_user(request, str(error), messages.ERROR)
            return redirect(back)
        return redirect("admin:transcripts_job_change", job.pk)

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
