"""Turn text into values: sign-up, passkeys, profile, license, supervision."""

from __future__ import annotations

import contextlib
import zoneinfo
from collections.abc import Iterator
from datetime import date
from typing import Any

from allauth.account.forms import SignupForm as AllauthSignupForm
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as allauth_passkeys
from django import forms
from django.utils.html import format_html

from accounts import names
from accounts.mail_kinds import KINDS
from accounts.models import License, Scope, User, default_time_zone

US_ZONES = [
    ("America/New_York", "Eastern (New York)"),
    ("America/Chicago", "Central (Chicago)"),
    ("America/Denver", "Mountain (Denver)"),
    ("America/Phoenix", "Arizona (Phoenix)"),
    ("America/Los_Angeles", "Pacific (Los Angeles)"),
    ("America/Anchorage", "Alaska (Anchorage)"),
    ("Pacific/Honolulu", "Hawaii (Honolulu)"),
    ("America/Puerto_Rico", "Atlantic (Puerto Rico)"),
    ("Pacific/Guam", "Chamorro (Guam)"),
]


def time_zone_choices() -> list[Any]:
    """The zones of the United States by their everyday names, then every other one."""
    usual = {name for name, _ in US_ZONES}
    others = sorted(
        name for name in zoneinfo.available_timezones() if "/" in name and name not in usual
    )
    return [
        ("United States", US_ZONES),
        ("Elsewhere", [(name, name.replace("_", " ")) for name in others if name[0].isupper()]),
    ]


def time_zone_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="Time zone",
        choices=time_zone_choices,
        initial=default_time_zone,
        help_text="Sessions and dates are shown in it.",
        widget=forms.Select(attrs={"data-detect-time-zone": True}),
    )


class LegalNameField(forms.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label="Legal name",
            max_length=names.MAX_LENGTH,
            help_text="As on your license. It is printed on every certificate.",
            validators=[names.check_name],
            widget=forms.TextInput(attrs={"autocomplete": "name"}),
            **kwargs,
        )

    def to_python(self, value: Any) -> Any:
        return names.clean(super().to_python(value) or "")


class SignupForm(AllauthSignupForm):
    legal_name = LegalNameField()
    time_zone = time_zone_field()

    field_order = ["legal_name", "email", "time_zone", "password1", "password2"]


def passkey_field() -> forms.JSONField:
    """What the browser proves by a passkey; a script writes it."""
    words = "Your browser sent no passkey. Try again, or choose another way."
    return forms.JSONField(
        widget=forms.HiddenInput, error_messages={"required": words, "invalid": words}
    )


def passkey_name_field() -> forms.CharField:
    return forms.CharField(
        label="Name",
        max_length=100,
        help_text="So that you can tell your passkeys apart, such as “Laptop at the office”.",
    )


@contextlib.contextmanager
def forged_passkey_is_an_error() -> Iterator[None]:
    """What no browser sends makes the library that reads it fail in these ways."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        raise get_mfa_adapter().validation_error("incorrect_code") from error


class AddPasskeyForm(allauth_passkeys.AddWebAuthnForm):
    name = passkey_name_field()
    passwordless = forms.BooleanField(
        label="It also signs me in without my password",
        required=False,
        help_text="Your device must then ask for a fingerprint, a face or a PIN.",
    )
    credential = passkey_field()

    def clean(self) -> dict[str, Any]:
        with forged_passkey_is_an_error():
            return super().clean()


class NamePasskeyForm(allauth_passkeys.EditWebAuthnForm):
    name = passkey_name_field()


class UsePasskeyForm(allauth_passkeys.AuthenticateWebAuthnForm):
    credential = passkey_field()

    def clean_credential(self) -> Authenticator:
        with forged_passkey_is_an_error():
            return super().clean_credential()


class SignInWithPasskeyForm(allauth_passkeys.LoginWebAuthnForm):
    credential = passkey_field()

    def clean_credential(self) -> Authenticator:
        with forged_passkey_is_an_error():
            return super().clean_credential()


class ProveWithPasskeyForm(allauth_passkeys.ReauthenticateWebAuthnForm):
    credential = passkey_field()

    def clean_credential(self) -> Authenticator:
        with forged_passkey_is_an_error():
            return super().clean_credential()


class ProfileForm(forms.ModelForm):
    legal_name = LegalNameField()
    time_zone = time_zone_field()

    class Meta:
        model = User
        fields = ["legal_name", "preferred_name", "time_zone"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Known already: the browser must not guess it anew.
        del self.fields["time_zone"].widget.attrs["data-detect-time-zone"]

    def clean_preferred_name(self) -> str:
        return names.clean(self.cleaned_data["preferred_name"])


class LicenseForm(forms.ModelForm):
    class Meta:
        model = License
        fields = ["state", "license_type", "number", "issued_on", "expires_on"]
        widgets = {
            "issued_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "expires_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }

    def clean_license_type(self) -> str:
        return names.clean(self.cleaned_data["license_type"])

    def clean_number(self) -> str:
        return names.clean(self.cleaned_data["number"])

    def clean_expires_on(self) -> date | None:
        issued_on, expires_on = self.cleaned_data.get("issued_on"), self.cleaned_data["expires_on"]
        if issued_on and expires_on and expires_on <= issued_on:
            raise forms.ValidationError("A license expires after it is issued. Check the two days.")
        return expires_on


def scopes_field(label: str) -> forms.MultipleChoiceField:
    """A box for each part of a record, with what exactly it means."""
    meanings = [
        (
            scope.value,
            format_html(
                '{}<span class="d-block small text-body-secondary">{}</span>',
                scope.label,
                scope.meaning,
            ),
        )
        for scope in Scope
    ]
    return forms.MultipleChoiceField(
        label=label,
        choices=meanings,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Check at least one part."},
    )


def day_field(label: str, help_text: str) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        help_text=help_text,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a day, as 2027-01-31."},
    )


class ConsentForm(forms.Form):
    """What the trainee lets a supervisor read, from when until when."""

    scopes = scopes_field("I let them read")
    begins_on = day_field("First day", "In your time zone. Empty: as soon as you accept.")
    ends_on = day_field("Last day", "In your time zone. Empty: until one of you ends it.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        begins_on, ends_on = cleaned.get("begins_on"), cleaned.get("ends_on")
        if begins_on and ends_on and ends_on < begins_on:
            self.add_error("ends_on", "The last day is before the first day. Check the two days.")
        return cleaned


class ConsentChangeForm(forms.Form):
    scopes = scopes_field("I let them read")
    ends_on = day_field("Last day", "In your time zone. Empty: until one of you ends it.")


class InvitationForm(ConsentForm):
    """Of a trainee: their consent, and the address of the supervisor."""

    email = forms.EmailField(
        label="Your supervisor's e-mail",
        max_length=254,
        help_text="They need no account yet. The invitation goes to this address.",
    )
    scopes = scopes_field("I let them read")
    begins_on = day_field("First day", "In your time zone. Empty: as soon as they accept.")
    note = forms.CharField(
        label="Note",
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Shown to them with the invitation, not in the mail.",
    )

    field_order = ["email", "scopes", "begins_on", "ends_on", "note"]

    def clean_note(self) -> str:
        return names.one_line(self.cleaned_data["note"])


class TraineeInvitationForm(InvitationForm):
    """Of a supervisor: what they ask a trainee for."""

    email = forms.EmailField(
        label="Your trainee's e-mail",
        max_length=254,
        help_text="They need no account yet, and decide themselves what you may read.",
    )
    scopes = scopes_field("I ask to read")
    begins_on = day_field("First day", "A suggestion. Empty: as soon as they accept.")
    ends_on = day_field("Last day", "A suggestion. Empty: until one of you ends it.")


class MailPreferencesForm(forms.Form):
    """A box for each kind of mail that can be turned off."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in KINDS.values():
            if kind.is_optional:
                self.fields[kind.slug] = forms.BooleanField(
                    label=kind.label, required=False, help_text=f"Comes {kind.when}."
                )
