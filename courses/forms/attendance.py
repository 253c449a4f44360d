"""Forms of attendance: the code that a learner types, what a curator records, voids and uploads."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
)

from courses.models import Session


class CheckInForm(forms.Form):
    """The code on the host's screen. Wrong ones are the story's matter, this is about typing."""

    code = forms.CharField(
        label="Code on the screen",
        max_length=40,
        help_text="Six characters. It changes every two minutes.",
        widget=forms.TextInput(
            attrs={
                "autocapitalize": "characters",
                "autocomplete": "one-time-code",
                "inputmode": "text",
                "spellcheck": "false",
            }
        ),
        error_messages={"required": "Type the code that the host shows."},
    )


class RecordForm(forms.Form):
    """From when to when, in the zone of the session, and how the curator knows."""

    starts_at = forms.SplitDateTimeField(label="From", widget=UnfoldAdminSplitDateTimeWidget)
    ends_at = forms.SplitDateTimeField(label="To", widget=UnfoldAdminSplitDateTimeWidget)
    reason = forms.CharField(
        label="How do you know?",
        max_length=300,
        help_text="Such as “sign-in sheet of Feb 2”. It stays with the record.",
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(self, data: QueryDict | None = None, *, session: Session) -> None:
        # As the session was held, to be changed where the learner came late or left early.
        initial = {
            name: getattr(session, name).astimezone(session.tz).replace(tzinfo=None)
            for name in ("starts_at", "ends_at")
        }
        super().__init__(data, initial=initial)
        self.zone = session.tz

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in ("starts_at", "ends_at"):
            if data.get(name):
                # The field took it for a time of the curator's zone.
                data[name] = timezone.make_naive(data[name]).replace(tzinfo=self.zone)
        return data


class VoidForm(forms.Form):
    reason = forms.CharField(
        label="Why does this time not count?",
        max_length=300,
        help_text="It stays with the record.",
        widget=UnfoldAdminTextInputWidget,
    )
