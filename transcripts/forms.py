"""What people give: a file to be verified, the period of a transcript."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

TOO_LARGE = "This file is larger than 5 MB, and no certificate is. Choose the PDF as you got it."
NO_PDF = "This is not a PDF file. Choose the PDF as you got it."
LARGEST_FILE = 5 * 1024 * 1024  # bytes; a certificate has about a fiftieth of it


class FileForm(forms.Form):
    """A document that somebody was given."""

    file = forms.FileField(
        label="PDF file",
        help_text="The file itself, not a scan or a print of it. At most 5 MB; it is not kept.",
        widget=forms.FileInput(attrs={"accept": "application/pdf,.pdf"}),
        error_messages={
            "required": "Choose the PDF file to check.",
            "missing": "Choose the PDF file to check.",
            "invalid": "Choose the PDF file to check.",
            "empty": "This file is empty. Choose the PDF as you got it.",
        },
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if file.size is None or file.size > LARGEST_FILE:
            raise forms.ValidationError(TOO_LARGE)
        if not file.read(5) == b"%PDF-":
            raise forms.ValidationError("This is not a PDF file. Choose the PDF as you got it.")
        file.seek(0)
        return file


TOO_LARGE = "This file is larger than 5 MB, and no certificate is. Choose the PDF as you got it."


class PeriodForm(forms.Form):
    """From which day through which; both may be left open."""

    mark_optional = False

    since = forms.DateField(
        label="From",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    through = forms.DateField(
        label="Through",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def clean(self) -> dict[str, Any]:
        days: dict[str, Any] = super().clean() or {}
        since, through = days.get("since"), days.get("through")
        if since and through and since > through:
            self.add_error("through", "The last day is before the first. Change one of them.")
        elif through == date.max:
            self.add_error("through", "Choose an earlier day.")
        return days

    @property
    def period(self) -> dict[str, date | None]:
        """Half-open, as ``transcript.build`` takes it; everything if the days make no sense."""
        if not self.is_valid():
            return {"since": None, "until": None}
        through = self.cleaned_data["through"]
        return {
            "since": self.cleaned_data["since"],
            "until": through + timedelta(days=1) if through else None,
        }
