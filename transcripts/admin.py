"""A window on the ledger, and certificates with what became of their documents."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin, TabularInline

from transcripts import certificates
from transcripts.models import Certificate, CreditEntry, CreditLine


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


@admin.register(CreditEntry)
class CreditEntryAdmin(ReadOnly, ModelAdmin):
    """A window on the ledger."""

    list_display = ["id", "holder_name", "title", "hours", "earned_on"]
    list_filter = ["format"]
    search_fields = ["holder__email", "holder_name", "title"]
    date_hierarchy = "earned_on"
    ordering = ["-earned_on", "-id"]
    inlines = [CreditLineInline]


class DrawnFilter(admin.SimpleListFilter):
    title = "document"
    parameter_name = "document"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("drawn", "Ready"), ("waiting", "Being prepared"), ("failing", "Failing")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Certificate]) -> Any:
        match self.value():
            case "drawn":
                return queryset.exclude(pdf="")
            case "waiting":
                return queryset.filter(pdf="", attempts=0)
            case "failing":
                return queryset.filter(Q(pdf="") & Q(attempts__gt=0))
        return queryset


@admin.register(Certificate)
class CertificateAdmin(ReadOnly, ModelAdmin):
    list_display = ["code", "holder", "title", "issued_at", "drawn_at", "attempts"]
    list_select_related = ["entry"]
    list_filter = [DrawnFilter]
    search_fields = ["code", "entry__holder__email", "entry__holder_name", "entry__title"]
    ordering = ["-issued_at", "-id"]
    fields = ["code", "entry", "issued_at", "drawn_at", "document", "attempts", "failure"]
    readonly_fields = ["document"]
    actions = ["draw_again"]

    @admin.display(ordering="entry__holder_name")
    def holder(self, certificate: Certificate) -> str:
        return certificate.entry.holder_name

    @admin.display(ordering="entry__title")
    def title(self, certificate: Certificate) -> str:
        return certificate.entry.title

    @admin.display(description="PDF")
    def document(self, certificate: Certificate) -> str:
        if not certificate.pdf:
            return "Being prepared"
        url = reverse("transcripts:certificate_pdf", args=[certificate.code])
        return format_html('<a href="{}">Open</a>', url)

    @admin.action(description="Draw again what failed", permissions=["view"])
    def draw_again(self, request: HttpRequest, queryset: QuerySet[Certificate]) -> None:
        """Only undrawn certificates: an issued document is never replaced."""
        asked = sum(
            certificates.redraw_failed(certificate=certificate, at=timezone.now())
            for certificate in queryset
        )
        self.message_user(request, f"Asked for {asked} documents.", messages.SUCCESS)
