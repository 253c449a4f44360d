"""Training taken elsewhere, for staff to look at and to decide on; and the practice logs."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts.models import User
from accounts.traced import TracedAdmin
from ce_portal.formats import show_day, show_hours
from transcripts import outside
from transcripts.admin.credit import ReadOnly, named
from transcripts.forms import VERDICTS, DecideForm
from transcripts.models import OutsideCredit, OutsideLine, PracticeConfirmation, PracticeEntry
from transcripts.permissions import can_decide_as_staff


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(OutsideCredit.State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutsideCredit]) -> Any:
        match self.value():
            case "recorded":
                return queryset.filter(withdrawn_at__isnull=True, decision__isnull=True)
            case "withdrawn":
                return queryset.filter(withdrawn_at__isnull=False)
            case "confirmed" | "refused" as verdict:
                return queryset.filter(withdrawn_at__isnull=True, decision__verdict=verdict)
        return queryset


class OutsideLineInline(ReadOnly, TabularInline):
    model = OutsideLine
    fields: ClassVar = ["body_name", "approval_number", "credit_type_name", "hours"]
    ordering: ClassVar = ["position"]
    extra = 0


@admin.register(OutsideCredit)
class OutsideCreditAdmin(ReadOnly, TracedAdmin):
    """What holders recorded, with its proof. Its one verb goes through ``outside``."""

    people = ("holder",)

    list_display = ["title", "holder", "provider", "hours", "earned_on", "state_name"]
    list_select_related = ["decision"]
    list_filter = [StateFilter, "format"]
    search_fields = ["title", "provider", "holder__email", "holder__legal_name"]
    date_hierarchy = "earned_on"
    ordering = ["-recorded_at", "-id"]
    inlines = [OutsideLineInline]
    fields = [
        "holder",
        "title",
        "provider",
        "provider_contact",
        "instructors",
        "format",
        "location",
        "started_on",
        "earned_on",
        "hours",
        "certificate_number",
        "proof",
        "looks_like",
        "same_file",
        "recorded_at",
        "changed_at",
        "state_name",
        "said",
    ]
    readonly_fields = ["proof", "looks_like", "same_file", "state_name", "said"]
    actions_detail = ["decide"]

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return can_decide_as_staff(request.user)

    @admin.display(description="state")
    def state_name(self, credit: OutsideCredit) -> str:
        return credit.state.label

    @admin.display(description="decision")
    def said(self, credit: OutsideCredit) -> str:
        decision = getattr(credit, "decision", None)
        if decision is None:
            return "Nobody has looked at it yet"
        return f"{decision.decided_by_name}, {show_day(decision.decided_at)}: {decision.reason}"

    @admin.display(description="evidence")
    def proof(self, credit: OutsideCredit) -> str:
        """Its page shows a picture; the file is a download."""
        return format_html(
            '{} ({}) · <a href="{}">Look at it</a> · <a href="{}">Download</a>',
            credit.evidence.name,
            credit.evidence.get_media_type_display(),
            credit.get_absolute_url(),
            reverse("transcripts:evidence", args=[credit.pk]),
        )

    @admin.display(description="looks like")
    def looks_like(self, credit: OutsideCredit) -> str:
        found = [[sentence] for sentence in outside.duplicates_of(credit)]
        return format_html_join("", "{}<br>", found) or "Nothing else of this person"

    @admin.display(description="same file of others")
    def same_file(self, credit: OutsideCredit) -> str:
        """For staff alone: neither the holder nor a supervisor is told."""
        others = [
            (
                reverse("admin:transcripts_outsidecredit_change", args=[other.pk]),
                other.holder,
                other,
            )
            for other in self._with_the_same_file(credit)
        ]
        return format_html_join("", '<a href="{}">{}: {}</a><br>', others) or "None"

    def _with_the_same_file(self, credit: OutsideCredit) -> list[OutsideCredit]:
        return list(outside.others_with_the_same_file(credit)[:20])

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page names others who have the same file: it is a page about them too."""
        if (credit := context.get("original")) is not None:
            self.leave_trace(request, self._with_the_same_file(credit))
        return super().render_change_form(request, context, *args, **kwargs)

    @action(
        description="Confirm or refuse",
        url_path="decide",
        permissions=["decide"],
        icon="fact_check",
    )
    def decide(self, request: HttpRequest, object_id: str) -> HttpResponse:
        credit = named(OutsideCredit.objects.with_state().select_related("holder"), object_id)
        back = redirect("admin:transcripts_outsidecredit_change", object_id)
        if credit.state != OutsideCredit.State.RECORDED:
            self.message_user(request, "This is decided or withdrawn.", messages.ERROR)
            return back
        form = DecideForm(request.POST or None, initial={"as_of": credit.changed_at.isoformat()})
        form.fields["verdict"].widget = UnfoldAdminSelectWidget(choices=[("", "Choose"), *VERDICTS])
        form.fields["reason"].widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})
        if form.is_valid():
            try:
                outside.decide(
                    credit=credit,
                    verdict=form.cleaned_data["verdict"],
                    reason=form.cleaned_data["reason"],
                    by=cast(User, request.user),
                    capacity=outside.Capacity.STAFF,
                    as_of=form.cleaned_data["as_of"],
                    at=timezone.now(),
                )
            except outside.OutsideError as error:
                form.ask_again(str(error), as_of=credit.changed_at)
            else:
                self.message_user(request, "Decided. The holder gets a mail.", messages.SUCCESS)
                return back
        self.leave_trace(request, [credit])
        context = {
            **self.admin_site.each_context(request),
            "title": "Confirm or refuse",
            "opts": self.opts,
            "form": form,
            "credit": credit,
        }
        return TemplateResponse(
            request,
            "admin/transcripts/outsidecredit/decide.html",
            context,
            status=422 if form.is_bound else 200,
        )


@admin.register(PracticeEntry)
class PracticeEntryAdmin(ReadOnly, TracedAdmin):
    """A window on the logs of supervised practice."""

    people = ("trainee",)

    list_display = ["worked_on", "trainee", "kind", "shown_hours", "recorded_at"]
    list_filter = ["kind"]
    search_fields = ["trainee__email", "trainee__legal_name"]
    date_hierarchy = "worked_on"
    ordering = ["-worked_on", "-id"]
    fields = ["trainee", "worked_on", "week", "kind", "shown_hours", "note", "recorded_at"]
    readonly_fields = ["shown_hours"]

    @admin.display(description="hours")
    def shown_hours(self, entry: PracticeEntry) -> str:
        return show_hours(entry.hours)


@admin.register(PracticeConfirmation)
class PracticeConfirmationAdmin(ReadOnly, TracedAdmin):
    people = ("trainee",)

    list_display = ["week", "trainee", "supervisor_name", "confirmed_at"]
    search_fields = ["trainee__email", "trainee__legal_name", "supervisor_name"]
    date_hierarchy = "week"
    ordering = ["-confirmed_at", "-id"]
