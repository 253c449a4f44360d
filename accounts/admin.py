"""People in the admin."""

from __future__ import annotations

from typing import Any, cast

# For what they register: ours take the place of it.
import allauth.account.admin
import allauth.mfa.admin
import allauth.usersessions.admin
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import linebreaksbr
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm

from accounts import mail, names, people, supervision
from accounts.models import (
    Consent,
    Invitation,
    License,
    NameChange,
    OutgoingMail,
    Supervision,
    SupervisorConfirmation,
    User,
)
from accounts.traced import TracedAdmin, TracedChoices


class PersonForm(UserChangeForm):
    """Shows that there is a password, and nothing of it."""

    class Meta:
        model = User
        fields = "__all__"

    def clean_email(self) -> str:
        """Kept in lower case, as sign-in looks for it."""
        return self.cleaned_data["email"].lower()

    def clean_legal_name(self) -> str:
        return names.clean(self.cleaned_data["legal_name"])


class LicenseInline(TabularInline):
    model = License
    fields = [
        "state",
        "license_type",
        "number",
        "issued_on",
        "expires_on",
        "added_at",
        "removed_at",
    ]
    readonly_fields = ["removed_at"]
    ordering = ["state", "license_type", "added_at"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class NameChangeInline(TabularInline):
    """Who changed the legal name, when and from what."""

    model = NameChange
    fk_name = "person"
    fields = ["old_name", "new_name", "changed_by", "changed_at"]
    ordering = ["-changed_at"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(DjangoUserAdmin, TracedAdmin):
    """People. Accounts are made by signing up; staff are made here."""

    form = PersonForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["email", "legal_name", "is_staff", "is_active", "date_joined"]
    list_filter = ["is_staff", "is_active", "groups"]
    search_fields = ["email", "legal_name"]
    ordering = ["email"]
    readonly_fields = ["date_joined", "last_login", "closed_at"]
    inlines = [LicenseInline, NameChangeInline]
    fieldsets = [
        (None, {"fields": ["email", "legal_name", "preferred_name", "time_zone", "password"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        ("Dates", {"fields": ["date_joined", "last_login", "closed_at"]}),
    ]
    filter_horizontal = ["groups"]

    @property
    def lists_people(self) -> bool:
        return True

    def people_of(self, row: User) -> list[User]:
        return [row]

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        response = super().user_change_password(request, id, form_url)
        if (shown := (getattr(response, "context_data", None) or {}).get("original")) is not None:
            self.leave_trace(request, [shown])
        return response

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """A legal name changes by the verb that keeps its history."""
        legal_name = obj.legal_name
        obj.legal_name = form.initial["legal_name"]
        super().save_model(request, obj, form, change)
        people.rename(
            person=obj,
            legal_name=legal_name,
            by=cast(User, request.user),
            at=timezone.now(),
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A closed account is looked at: it is closed for good."""
        is_closed = obj is not None and obj.closed_at is not None
        return not is_closed and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


admin.site.autocomplete_view = TracedChoices.as_view(admin_site=admin.site)  # type: ignore[method-assign, assignment]
admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass


admin.site.unregister(EmailAddress)
admin.site.unregister(UserSession)
admin.site.unregister(Authenticator)


@admin.register(EmailAddress)
class AddressAdmin(allauth.account.admin.EmailAddressAdmin, TracedAdmin):
    """Addresses that are proved, and that wait for their proof."""

    people = ("user",)


@admin.register(Authenticator)
class SecondFactorAdmin(TracedAdmin):
    """Whose sign-in asks for what. Deleting a lost one is how its owner gets in again."""

    people = ("user",)

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


class Window(TracedAdmin):
    """Rows to be looked at: whoever they belong to decides."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ConsentInline(TabularInline):
    """What the trainee consented to, from which moment on, and who ended it."""

    model = Consent
    fields = ["what", "scope_list", "begins_at", "ends_at", "recorded_by", "recorded_at"]
    readonly_fields = ["scope_list"]
    ordering = ["recorded_at", "pk"]
    extra = 0
    can_delete = False

    @admin.display(description="shares")
    def scope_list(self, consent: Consent) -> str:
        return ", ".join(consent.scope_labels)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Supervision)
class SupervisionAdmin(Window):
    """Who may read whose record: a window, since only the two of them decide."""

    people = ("supervisor", "trainee")

    list_display = ["supervisor", "trainee", "scope_list", "begins_at", "ends_at", "ended_at"]
    list_select_related = ["supervisor", "trainee"]
    search_fields = ["supervisor__email", "trainee__email"]
    ordering = ["-accepted_at", "-pk"]
    fields = [
        "supervisor",
        "trainee",
        "scope_list",
        "accepted_at",
        "begins_at",
        "ends_at",
        "ended_at",
        "ended_by",
    ]
    readonly_fields = ["scope_list"]
    inlines = [ConsentInline]

    @admin.display(description="shares")
    def scope_list(self, supervision: Supervision) -> str:
        return ", ".join(supervision.scope_labels)


@admin.register(Invitation)
class InvitationAdmin(Window):
    """Who invited which address to a supervision, and what became of it. Not its token."""

    people = ("inviter",)

    list_display = ["inviter", "inviter_is", "email", "invited_at", "expires_at", "answer"]
    list_select_related = ["inviter"]
    list_filter = ["inviter_is"]
    search_fields = ["inviter__email", "email"]
    ordering = ["-invited_at", "-pk"]
    fields = [
        "inviter",
        "inviter_is",
        "email",
        "scope_list",
        "begins_on",
        "ends_on",
        "note",
        "invited_at",
        "mailings",
        "mailed_at",
        "expires_at",
        "accepted_at",
        "supervision",
        "declined_at",
        "withdrawn_at",
    ]
    readonly_fields = ["scope_list"]

    @admin.display(description="shares")
    def scope_list(self, invitation: Invitation) -> str:
        return ", ".join(invitation.scope_labels)

    @admin.display(description="answer")
    def answer(self, invitation: Invitation) -> str:
        return invitation.state(at=timezone.now())


@admin.register(SupervisorConfirmation)
class SupervisorConfirmationAdmin(TracedAdmin):
    """Staff's word that somebody may supervise, where the portal asks for it."""

    people = ("person",)

    list_display = ["person", "because", "confirmed_by", "confirmed_at", "withdrawn_at"]
    list_select_related = ["person", "confirmed_by"]
    search_fields = ["person__email", "person__legal_name"]
    ordering = ["-confirmed_at", "-pk"]
    fields = ["person", "because"]
    autocomplete_fields = ["person"]
    actions = ["take_back"]

    def save_model(
        self, request: HttpRequest, obj: SupervisorConfirmation, form: Any, change: bool
    ) -> None:
        obj.confirmed_by = cast(User, request.user)
        obj.confirmed_at = timezone.now()
        super().save_model(request, obj, form, change)

    @admin.action(description="Take the confirmation back", permissions=["add"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[SupervisorConfirmation]) -> None:
        """At once nothing more is read by them, unless they have a license on file."""
        taken = sum(
            supervision.withdraw_confirmation(
                person=confirmation.person, by=cast(User, request.user), at=timezone.now()
            )
            for confirmation in queryset.select_related("person")
        )
        confirmations = "confirmation is" if taken == 1 else "confirmations are"
        self.message_user(request, f"{taken} {confirmations} taken back.", messages.SUCCESS)

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
class OutgoingMailAdmin(Window):
    """A window on the mail that the portal sends of its own accord, and what became of it."""

    people = ("recipient",)

    list_display = ["subject_or_not", "to", "kind", "created_at", "state", "attempts"]
    list_select_related = ["recipient"]
    list_filter = [MailStateFilter, "kind"]
    search_fields = ["recipient__email", "recipient__legal_name", "address", "=key"]
    date_hierarchy = "created_at"
    ordering = ["-created_at", "id"]
    fieldsets = [
        (None, {"fields": ["recipient", "address", "kind", "key"]}),
        ("What it says", {"fields": ["subject", "text", "calendar_text", "stop_url"]}),
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
    readonly_fields = ["text", "calendar_text"]
    actions = ["try_again"]

    @admin.display(description="text")
    def text(self, promise: OutgoingMail) -> str:
        return linebreaksbr(promise.body)

    @admin.display(description="iCalendar object")
    def calendar_text(self, promise: OutgoingMail) -> str:
        return linebreaksbr(promise.calendar)

    @admin.display(description="to", ordering="recipient")
    def to(self, promise: OutgoingMail) -> str:
        return str(promise.recipient or promise.address or "Forgotten")

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
