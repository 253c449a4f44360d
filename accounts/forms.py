"""Turn text into values: sign-up, profile, license, supervision."""

from __future__ import annotations

import zoneinfo
from typing import Any

from allauth.account.forms import SignupForm as AllauthSignupForm
from django import forms

from accounts import names
from accounts.mail_kinds import KINDS
from accounts.models import License, User, default_time_zone

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


class ProfileForm(forms.ModelForm):
    legal_name = LegalNameField()
    time_zone = time_zone_field()

    class Meta:
        model = User
        fields = ["legal_name", "time_zone"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Known already: the browser must not guess it anew.
        del self.fields["time_zone"].widget.attrs["data-detect-time-zone"]


class LicenseForm(forms.ModelForm):
    class Meta:
        model = License
        fields = ["state", "license_type", "number"]

    def clean_license_type(self) -> str:
        return names.clean(self.cleaned_data["license_type"])

    def clean_number(self) -> str:
        return names.clean(self.cleaned_data["number"])


class SupervisionRequestForm(forms.Form):
    email = forms.EmailField(
        label="Your trainee's e-mail",
        max_length=254,
        help_text="The address they sign in with. They decide whether you may read their record.",
    )


class MailPreferencesForm(forms.Form):
    """A box for each kind of mail that can be turned off."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in KINDS.values():
            if kind.is_optional:
                self.fields[kind.slug] = forms.BooleanField(
                    label=kind.label, required=False, help_text=f"Comes {kind.when}."
                )
