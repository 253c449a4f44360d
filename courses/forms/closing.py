"""The last word before an account closes."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import User


class CloseAccountForm(forms.Form):
    email = forms.EmailField(
        label="Your e-mail address",
        help_text="Type it to confirm that this account shall be closed.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Type your e-mail address to confirm."},
    )

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._person = person

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if email != self._person.email:
            raise forms.ValidationError("This is not the address of this account.")
        return email
