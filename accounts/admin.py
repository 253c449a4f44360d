"""People in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm

from accounts import mail, names
from accounts.models import License, OutgoingMail, Supervision, User


class PersonForm(forms.ModelForm):
    def clean_email(self) -> str:
        """Kept in lower case, as sign-in looks for it."""
        return self.cleaned_data["email"].lower()

    def clean_legal_name(self) -> str:
        return names.clean(self.cleaned_data["legal_name"])


class LicenseInline(TabularInline):
    model = License
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """People. Accounts are made by signing up; staff are made here."""

    form = PersonForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["email", "legal_name", "is_staff", "is_active", "date_joined"]
    list_filter = ["is_staff", "is_active", "groups"]
    search_fields = ["email", "legal_name"]
    ordering = ["email"]
    readonly_fields = ["date_joined", "last_login"]
    inlines = [LicenseInline]
    fieldsets = [
        (None, {"fields": ["email", "legal_name", "time_zone", "password"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        ("Dates", {"fields": ["date_joined", "last_login"]}),
    ]
    filter_horizontal = ["groups"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass


@admin.register(Supervision)
class SupervisionAdmin(ModelAdmin):
    """Who may read whose record: a window, since only the two of them decide."""

    list_display = ["supervisor", "trainee", "requested_at", "accepted_at", "ended_at"]
    list_select_related = ["supervisor", "trainee"]
    search_fields = ["supervisor__email", "trainee__email"]
    ordering = ["-requested_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MailStateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("waiting", "Waiting"),
            ("refused", "Refused so far"),
            ("given-up", "Given up"),
            ("sent", "Sent"),
            ("dropped", "Dropped"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> Any:
        match self.value():
            case "waiting":
                return queryset.filter(pk__in=OutgoingMail.objects.waiting())
            case "refused":
                return queryset.filter(pk__in=OutgoingMail.objects.waiting(), attempts__gt=0)
            case "given-up":
                return queryset.filter(given_up_at__isnull=False)
            case "sent":
                return queryset.filter(sent_at__isnull=False)
            case "dropped":
                return queryset.filter(dropped_at__isnull=False)
        return queryset


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ModelAdmin):
    """A window on the mail that the portal sends of its own accord, and what became of it."""

    list_display = ["subject_or_not", "recipient", "kind", "created_at", "state", "attempts"]
    list_select_related = ["recipient"]
    list_filter = [MailStateFilter, "kind"]
    search_fields = ["recipient__email", "recipient__legal_name", "=key"]
    date_hierarchy = "created_at"
    ordering = ["-created_at", "id"]
    fieldsets = [
        (None, {"fields": ["recipient", "kind", "key"]}),
        ("What it says", {"fields": ["subject", "body", "calendar", "stop_url"]}),
        (
            "What became of it",
            {
                "fields": [
                    "created_at",
                    "until",
                    "sent_at",
                    "dropped_at",
                    "dropped_because",
                    "attempts",
                    "failure",
                    "next_attempt_at",
                    "given_up_at",
                ]
            },
        ),
    ]
    actions = ["try_again"]

    @admin.display(description="subject", ordering="subject")
    def subject_or_not(self, promise: OutgoingMail) -> str:
        return promise.subject or "Forgotten after 90 days"

    @admin.display(description="state")
    def state(self, promise: OutgoingMail) -> str:
        return promise.state

    @admin.action(description="Try again what was given up", permissions=["view"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> None:
        """Only mail that was given up: what was sent or dropped does not go out again."""
        begun = sum(mail.try_again(promise=promise, at=timezone.now()) for promise in queryset)
        mails = "mail is" if begun == 1 else "mails are"
        self.message_user(request, f"{begun} {mails} tried again.", messages.SUCCESS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
