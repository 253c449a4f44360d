"""Forms of attendance: the code that a learner types, what a curator records, voids and uploads."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts.forms import time_zone_choices
from courses import completion
from courses.attendance_files import MAX_BYTES, MAX_ROWS
from courses.attendance_import import Preview
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


class PartialCreditForm(forms.Form):
    reason = forms.CharField(
        label="Why is credit given for a part of the session?",
        max_length=completion.MAX_REASON,
        help_text="Bodies that allow it credit the minutes that were attended. It stays with the "
        "credit, and cannot be undone but by a reversal.",
        widget=UnfoldAdminTextInputWidget,
    )


class ReportForm(forms.Form):
    """The report of a meeting tool, and the zone that its times are in."""

    report = forms.FileField(
        label="Report (CSV)",
        max_length=200,
        help_text="From Zoom, Microsoft Teams or Google Meet, or any table with e-mail address, "
        f"time of joining and time of leaving. At most {MAX_BYTES // 1024 // 1024} MB and "
        f"{MAX_ROWS:,} lines.",
        widget=UnfoldAdminFileFieldWidget,
        error_messages={
            "empty": "The file is empty.",
            "max_length": "The name of the file is longer than 200 characters. Shorten it.",
        },
    )
    time_zone = forms.ChoiceField(
        label="Zone of the times in it",
        choices=time_zone_choices,
        help_text="Meeting tools use the zone of the person who downloads the report.",
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(
        self, data: QueryDict | None = None, files: Any = None, *, session: Session
    ) -> None:
        super().__init__(data, files, initial={"time_zone": session.time_zone})

    def clean_report(self) -> Any:
        report = self.cleaned_data["report"]
        if report.size > MAX_BYTES:
            raise forms.ValidationError(
                f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Split it, and upload the "
                "parts one after the other."
            )
        return report


class ConfirmReportForm(forms.Form):
    """Whom a curator takes the people to be whom no address matched."""

    SHOWN = 50  # people; more than that are hardly of this session

    def __init__(self, data: QueryDict | None = None, *, preview: Preview) -> None:
        super().__init__(data)
        choices = [("", "Nobody: leave out")] + [
            (
                str(row.enrollment.pk),
                f"{row.enrollment.learner.legal_name}, {row.enrollment.learner.email}",
            )
            for row in preview.enrolled
        ]
        self.people = {
            f"person-{index}": person
            for index, person in enumerate(preview.unmatched[: self.SHOWN])
        }
        for name, person in self.people.items():
            self.fields[name] = forms.ChoiceField(
                label=person.label,
                choices=choices,
                required=False,
                help_text=f"{person.minutes} minutes of the session",
                widget=UnfoldAdminSelectWidget,
            )
        if preview.report.problems:
            self.fields["leaves_out_problems"] = forms.BooleanField(
                label="Leave out the lines that cannot be read",
                required=False,
                widget=UnfoldBooleanWidget,
            )

    @property
    def people_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.people]

    @property
    def assigned(self) -> dict[str, str]:
        return {
            person.key: self.cleaned_data[name]
            for name, person in self.people.items()
            if self.cleaned_data[name]
        }
