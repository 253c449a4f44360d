"""A window on the ledger, and certificates with what became of their documents."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import truncatechars
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action

from accounts.models import User
from transcripts import certificates, ledger
from transcripts.forms import ReissueForm, ReversalForm
from transcripts.models import Certificate, CreditEntry, CreditLine
from transcripts.permissions import can_correct_credit, can_reverse_credit


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


@admin.register(CreditEntry)
class CreditEntryAdmin(ReadOnly, ModelAdmin):
    """A window on the ledger. Its two verbs go through ``ledger`` and ``certificates``."""

    list_display = ["id", "holder_name", "title", "hours", "earned_on", "kind"]
    list_select_related = ["reversal"]
    list_filter = [KindFilter, "reason_class", "format"]
    search_fields = ["holder__email", "holder_name", "title"]
    date_hierarchy = "earned_on"
    ordering = ["-earned_on", "-id"]
    inlines = [CreditLineInline]
    actions = ["reverse_selected"]
    actions_detail = ["reissue"]

    def has_correct_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return can_correct_credit(request.user)

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
        return None

    @action(
        description="Reissue with corrections",
        url_path="reissue",
        permissions=["correct"],
        icon="edit_document",
    )
    def reissue(self, request: HttpRequest, object_id: int) -> HttpResponse:
        entry = get_object_or_404(CreditEntry, pk=object_id)
        back = redirect("admin:transcripts_creditentry_change", object_id)
        if not can_reverse_credit(request.user, entry):
            self.message_user(request, "Nobody corrects their own credit.", messages.ERROR)
            return back
        form = ReissueForm(request.POST or None, entry=entry)
        if form.is_valid():
            try:
                certificate = certificates.reissue(
                    entry=entry,
                    correction=form.correction(),
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

    def _ask(
        self,
        request: HttpRequest,
        form: ReversalForm,
        entries: list[CreditEntry],
        *,
        title: str,
        verb: str,
    ) -> HttpResponse:
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
class CertificateAdmin(ReadOnly, ModelAdmin):
    """What became of each document. Failed ones are few: the filter shows them with the reason."""

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

    @admin.action(description="Draw the document again", permissions=["correct"])
    def draw_again(self, request: HttpRequest, queryset: QuerySet[Certificate]) -> None:
        """From the same frozen record. One that is there stays until the new one is."""
        asked = sum(
            certificates.redraw(certificate=certificate, at=timezone.now())
            for certificate in queryset
        )
        self.message_user(request, f"Asked for {asked} documents.", messages.SUCCESS)
