"""A window on the ledger, and certificates with what became of their documents."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import truncatechars
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action

from accounts.models import User
from accounts.traced import TracedAdmin
from transcripts import certificates, corrections, jobs, ledger
from transcripts.forms import DeclineForm, ReissueForm, RestoreForm, ReversalForm
from transcripts.models import (
    Certificate,
    CorrectionRequest,
    CreditEntry,
    CreditLine,
    Job,
    Review,
)
from transcripts.permissions import can_correct_credit, can_reverse_credit

REFRESH = 5  # seconds after which the page of a job is read again


class ReadOnly:
    """Facts: nobody adds, changes or deletes them here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class CreditLineInline(ReadOnly, TabularInline):
    model = CreditLine
    fields = ["body_name", "credit_type_name", "hours"]
    ordering = ["position"]
    extra = 0


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("standing", "Counts"), ("reversed", "Reversed"), ("reversal", "Reversals")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[CreditEntry]) -> Any:
        match self.value():
            case "standing":
                return queryset.filter(reverses__isnull=True, reversal__isnull=True)
            case "reversed":
                return queryset.filter(reversal__isnull=False)
            case "reversal":
                return queryset.filter(reverses__isnull=False)
        return queryset


def named(rows: Any, object_id: str | int) -> Any:
    """The row of an address; 404 also for what is no id."""
    try:
        return get_object_or_404(rows, pk=object_id)
    except (ValidationError, ValueError):
        raise Http404 from None


@admin.register(CreditEntry)
class CreditEntryAdmin(ReadOnly, TracedAdmin):
    """A window on the ledger. Its verbs go through ``ledger`` and ``certificates``."""

    people = ("holder",)

    list_display = ["id", "holder_name", "title", "hours", "earned_on", "kind"]
    list_select_related = ["reversal"]
    list_filter = [KindFilter, "reason_class", "format"]
    search_fields = ["holder__email", "holder_name", "title"]
    date_hierarchy = "earned_on"
    ordering = ["-earned_on", "-id"]
    inlines = [CreditLineInline]
    actions = ["reverse_selected"]
    actions_detail = ["reissue", "reverse_entry", "restore"]

    def has_correct_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return can_correct_credit(request.user)

    def approvals_on(self, day: date, *, entry: CreditEntry) -> dict[str, ledger.Approval]:
        """By body, the approvals of what was completed that are in date on that day. The ledger
        knows those of its own lines alone; whoever keeps approvals says more."""
        return {}

    def repeat_after_days(self, entry: CreditEntry) -> int | None:
        """How many days after it what was completed may give its credit again; None: it gives it
        once. The ledger does not know; whoever keeps that rule says more."""
        return None

    @admin.display(description="kind")
    def kind(self, entry: CreditEntry) -> str:
        if entry.is_reversal:
            return "Reversal"
        if entry.is_reversed:
            return "Reversed"
        return "Correction" if entry.replaces_id else "Award"

    @admin.action(description="Reverse the selected credit", permissions=["correct"])
    def reverse_selected(
        self, request: HttpRequest, queryset: QuerySet[CreditEntry]
    ) -> HttpResponse | None:
        """Ask for the reason first; then reverse each entry by itself."""
        form = ReversalForm(request.POST if "apply" in request.POST else None)
        entries = list(queryset.order_by("pk"))
        if not form.is_valid():
            return self._ask(request, form, entries, title="Reverse credit", verb="Reverse")
        self._reverse(request, form, entries)
        return None

    @action(description="Reverse", url_path="reverse", permissions=["correct"], icon="undo")
    def reverse_entry(self, request: HttpRequest, object_id: int) -> HttpResponse:
        entries = [named(CreditEntry, object_id)]
        form = ReversalForm(request.POST or None)
        if not form.is_valid():
            return self._ask(request, form, entries, title="Reverse credit", verb="Reverse")
        self._reverse(request, form, entries)
        return redirect("admin:transcripts_creditentry_change", object_id)

    def _reverse(
        self, request: HttpRequest, form: ReversalForm, entries: list[CreditEntry]
    ) -> None:
        done = 0
        for entry in entries:
            if not can_reverse_credit(request.user, entry):
                self.message_user(
                    request, f"{entry}: nobody corrects their own credit.", messages.ERROR
                )
                continue
            try:
                ledger.reverse(
                    entry=entry,
                    reason_class=form.cleaned_data["reason_class"],
                    reason=form.cleaned_data["reason"],
                    by=cast(User, request.user),
                    at=timezone.now(),
                )
            except ledger.LedgerError as error:
                self.message_user(request, f"{entry}: {error}", messages.ERROR)
            else:
                done += 1
        if done:
            self.message_user(request, f"Reversed {done}.", messages.SUCCESS)

    @action(
        description="Reissue with corrections",
        url_path="reissue",
        permissions=["correct"],
        icon="edit_document",
    )
    def reissue(self, request: HttpRequest, object_id: int) -> HttpResponse:
        entry = named(CreditEntry, object_id)
        back = redirect("admin:transcripts_creditentry_change", object_id)
        if not can_reverse_credit(request.user, entry):
            self.message_user(request, "Nobody corrects their own credit.", messages.ERROR)
            return back
        form = ReissueForm(request.POST or None, entry=entry)
        if form.is_valid():
            try:
                certificate = certificates.reissue(
                    entry=entry,
                    correction=self._correction(form, entry),
                    reason_class=form.cleaned_data["reason_class"],
                    reason=form.cleaned_data["reason"],
                    by=cast(User, request.user),
                    at=timezone.now(),
                )
            except ledger.LedgerError as error:
                form.add_error(None, str(error))
            else:
                self.message_user(request, f"Reissued as {certificate.code}.", messages.SUCCESS)
                return redirect("admin:transcripts_creditentry_change", certificate.entry_id)
        return self._ask(request, form, [entry], title="Reissue with corrections", verb="Reissue")

    @action(
        description="Award anew what was reversed by mistake",
        url_path="restore",
        permissions=["correct"],
        icon="settings_backup_restore",
    )
    def restore(self, request: HttpRequest, object_id: int) -> HttpResponse:
        entry = named(CreditEntry, object_id)
        back = redirect("admin:transcripts_creditentry_change", object_id)
        if not can_reverse_credit(request.user, entry):
            self.message_user(request, "Nobody corrects their own credit.", messages.ERROR)
            return back
        if not entry.is_reversed or hasattr(entry, "replacement"):
            words = "Only credit that was reversed, and not awarded anew, is awarded anew here."
            self.message_user(request, words, messages.ERROR)
            return back
        form = RestoreForm(request.POST or None, entry=entry)
        if form.is_valid():
            try:
                certificate = certificates.restore(
                    entry=entry,
                    correction=self._correction(form, entry),
                    reason=form.cleaned_data["reason"],
                    by=cast(User, request.user),
                    at=timezone.now(),
                )
            except ledger.LedgerError as error:
                form.add_error(None, str(error))
            else:
                words = f"Awarded anew as {certificate.code}."
                self.message_user(request, words, messages.SUCCESS)
                return redirect("admin:transcripts_creditentry_change", certificate.entry_id)
        return self._ask(request, form, [entry], title="Award anew", verb="Award anew")

    def _correction(self, form: ReissueForm, entry: CreditEntry) -> ledger.Correction:
        day = form.cleaned_data["earned_on"]
        return form.correction(
            approvals=self.approvals_on(day, entry=entry),
            repeat_after_days=self.repeat_after_days(entry),
        )

    def _ask(
        self,
        request: HttpRequest,
        form: ReversalForm,
        entries: list[CreditEntry],
        *,
        title: str,
        verb: str,
    ) -> HttpResponse:
        self.leave_trace(request, entries)
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "form": form,
            "entries": entries,
            "verb": verb,
        }
        return TemplateResponse(
            request,
            "admin/transcripts/creditentry/correct.html",
            context,
            status=422 if form.is_bound else 200,
        )


@admin.register(Certificate)
class CertificateAdmin(ReadOnly, TracedAdmin):
    """What became of each document. Failed ones are few: the filter shows them with the reason."""

    people = ("entry__holder",)

    list_display = ["code", "holder", "title", "issued_at", "state", "attempts", "why"]
    list_select_related = ["entry"]
    list_filter = ["state"]
    search_fields = ["code", "entry__holder__email", "entry__holder_name", "entry__title"]
    ordering = ["-issued_at", "-id"]
    fields = [
        "code",
        "entry",
        "issued_at",
        "state",
        "drawn_at",
        "document",
        "attempts",
        "next_attempt_at",
        "failure",
    ]
    readonly_fields = ["document"]
    actions = ["draw_again"]

    def has_correct_permission(self, request: HttpRequest) -> bool:
        return can_correct_credit(request.user)

    @admin.display(ordering="entry__holder_name")
    def holder(self, certificate: Certificate) -> str:
        return certificate.entry.holder_name

    @admin.display(ordering="entry__title")
    def title(self, certificate: Certificate) -> str:
        return certificate.entry.title

    @admin.display(description="last failure")
    def why(self, certificate: Certificate) -> str:
        return truncatechars(certificate.failure, 80)

    @admin.display(description="PDF")
    def document(self, certificate: Certificate) -> str:
        if not certificate.pdf:
            return "Not there yet"
        url = reverse("transcripts:certificate_pdf", args=[certificate.code])
        return format_html('<a href="{}">Open</a>', url)

    @admin.action(description="Draw the documents again", permissions=["correct"])
    def draw_again(
        self, request: HttpRequest, queryset: QuerySet[Certificate]
    ) -> HttpResponse | None:
        """From the same frozen record; one that is there stays until the new one is. Many are a
        job, with a page that says how far it is."""
        many = list(queryset)
        if len(many) > 1:
            job = jobs.start(
                title=f"{len(many)} certificates drawn again",
                certificates=many,
                by=cast(User, request.user),
                at=timezone.now(),
            )
            return redirect("admin:transcripts_job_change", job.pk)
        asked = [certificates.redraw(certificate=one, at=timezone.now()) for one in many]
        words = "Asked for the document." if any(asked) else "A worker is drawing it already."
        self.message_user(request, words, messages.SUCCESS)
        return None


@admin.register(Job)
class JobAdmin(ReadOnly, ModelAdmin):
    """How far each job is. Its page asks for itself again until the job is through."""

    list_display = ["title", "asked_by", "asked_at", "total", "done", "failed", "waiting"]
    list_select_related = ["asked_by"]
    ordering = ["-asked_at", "-id"]
    fields = [
        "title",
        "now",
        "asked_by",
        "asked_at",
        "total",
        "done",
        "failed",
        "waiting",
        "finished_at",
        "what_failed",
    ]
    readonly_fields = ["total", "done", "failed", "waiting", "what_failed", "now"]
    actions_detail = ["retry_failed"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return super().get_queryset(request).with_progress()

    def has_correct_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return can_correct_credit(request.user)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        """By a header, which needs no JavaScript; none any more once nothing is waited for."""
        response = super().change_view(request, object_id, *args, **kwargs)
        job = getattr(response, "context_data", {}).get("original")
        if job is not None and job.waiting:
            response.headers["Refresh"] = str(REFRESH)
        return response

    @action(description="Retry failed", url_path="retry", permissions=["correct"])
    def retry_failed(self, request: HttpRequest, object_id: int) -> HttpResponse:
        job = named(self.get_queryset(request), object_id)
        back = reverse("admin:transcripts_job_change", args=[job.pk])
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                "title": "Retry failed",
                "opts": self.opts,
                "words": f"{job.failed} of {job.total} failed. They become a job of their own.",
                "verb": "Retry",
                "back": back,
            }
            return TemplateResponse(request, "admin/confirm.html", context)
        try:
            again = jobs.retry_failed(job=job, by=cast(User, request.user), at=timezone.now())
        except jobs.JobError as error:
            self.message_user(request, str(error), messages.ERROR)
            return redirect(back)
        return redirect("admin:transcripts_job_change", again.pk)

    @admin.display(description="now")
    def now(self, job: Any) -> str:
        if not job.waiting:
            return "Through"
        return format_html(
            '{} of {} done. This page asks again every {} seconds, or <a href="">refresh it</a>.',
            job.done,
            job.total,
            REFRESH,
        )

    @admin.display
    def total(self, job: Any) -> int:
        return job.total

    @admin.display
    def done(self, job: Any) -> int:
        return job.done

    @admin.display
    def failed(self, job: Any) -> int:
        return job.failed

    @admin.display
    def waiting(self, job: Any) -> int:
        return job.waiting

    @admin.display(description="what failed")
    def what_failed(self, job: Job) -> str:
        """The first of them; the list of certificates has all, to be tried again."""
        failed = job.items.filter(certificate__state=Certificate.State.FAILED)
        rows = failed.order_by("pk").values_list("certificate__code", "certificate__failure")[:20]
        return format_html_join("", "{}: {}<br>", rows) or "Nothing"


class OpenFilter(admin.SimpleListFilter):
    title = "decision"
    parameter_name = "decision"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), *CorrectionRequest.Decision.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[CorrectionRequest]) -> Any:
        match self.value():
            case "open":
                return queryset.filter(decision="")
            case None:
                return queryset
            case decision:
                return queryset.filter(decision=decision)


@admin.register(CorrectionRequest)
class CorrectionRequestAdmin(ReadOnly, TracedAdmin):
    """What holders find wrong. It is granted by correcting the credit, or declined with words."""

    people = ("entry__holder",)

    list_display = ["entry", "wrong", "asked_at", "decision", "decided_at"]
    list_select_related = ["entry"]
    list_filter = [OpenFilter, "wrong"]
    search_fields = ["entry__holder__email", "entry__holder_name", "entry__title", "words"]
    ordering = ["decision", "asked_at"]  # the open ones first, the oldest of them on top
    actions_detail = ["reissue", "reverse_entry", "decline"]

    def has_correct_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return can_correct_credit(request.user)

    @action(description="Reissue with corrections", url_path="reissue", permissions=["correct"])
    def reissue(self, request: HttpRequest, object_id: int) -> HttpResponse:
        asked = named(CorrectionRequest, object_id)
        return redirect("admin:transcripts_creditentry_reissue", asked.entry_id)

    @action(description="Reverse", url_path="reverse", permissions=["correct"])
    def reverse_entry(self, request: HttpRequest, object_id: int) -> HttpResponse:
        asked = named(CorrectionRequest, object_id)
        return redirect("admin:transcripts_creditentry_reverse_entry", asked.entry_id)

    @action(description="Decline", url_path="decline", permissions=["correct"])
    def decline(self, request: HttpRequest, object_id: int) -> HttpResponse:
        asked = named(CorrectionRequest.objects.select_related("entry"), object_id)
        back = redirect("admin:transcripts_correctionrequest_change", object_id)
        if not can_reverse_credit(request.user, asked.entry):
            self.message_user(request, "Nobody corrects their own credit.", messages.ERROR)
            return back
        form = DeclineForm(request.POST or None)
        if form.is_valid():
            try:
                corrections.decline(
                    asked=asked,
                    answer=form.cleaned_data["answer"],
                    by=cast(User, request.user),
                    at=timezone.now(),
                )
            except corrections.CorrectionError as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                self.message_user(request, "Declined.", messages.SUCCESS)
            return back
        self.leave_trace(request, [asked])
        context = {
            **self.admin_site.each_context(request),
            "title": "Decline the correction",
            "opts": self.opts,
            "form": form,
            "asked": asked,
        }
        return TemplateResponse(
            request,
            "admin/transcripts/correctionrequest/decline.html",
            context,
            status=422 if form.is_bound else 200,
        )


@admin.register(Review)
class ReviewAdmin(ReadOnly, TracedAdmin):
    """A window on what supervisors signed. Their notes are nobody's but the two's."""

    people = ("holder",)

    list_display = ["holder_name", "reviewer_name", "since", "until", "decision", "signed_at"]
    list_filter = ["decision"]
    search_fields = ["holder__email", "holder_name", "reviewer__email", "reviewer_name"]
    date_hierarchy = "signed_at"
    ordering = ["-signed_at", "-id"]
    fields = [
        "holder_name",
        "signed_as",
        "since",
        "until",
        "decision",
        "words",
        "signed_at",
        "record",
        "record_sha256",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        return super().get_queryset(request).defer("record")
