"""People in the admin."""

from __future__ import annotations

from typing import Any

# For what they register: ours take the place of it.
import allauth.mfa.admin
import allauth.usersessions.admin  # noqa: F401
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm

from accounts import names
from accounts.models import License, Supervision, User


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


admin.site.unregister(UserSession)
admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class SecondFactorAdmin(ModelAdmin):
    """Whose sign-in asks for what. Deleting a lost one is how its owner gets in again."""

    list_display = ["user", "type", "created_at", "last_used_at"]
    list_select_related = ["user"]
    list_filter = ["type"]
    search_fields = ["user__email"]
    ordering = ["user__email", "type", "id"]
    # Not its data: that holds the secrets, sealed.
    fields = ["user", "type", "created_at", "last_used_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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
