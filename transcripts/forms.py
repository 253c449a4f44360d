"""What people give: a file to be verified, the period of a transcript, a note on what they
earned, and what curators type to correct credit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts import names
from ce_portal.formats import show_period
from transcripts import ledger, records, reflections
from transcripts.models import (
    CorrectionRequest,
    CreditEntry,
    PracticeEntry,
    ReasonClass,
    Reflection,
    TrainingPlan,
)

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
            raise forms.ValidationError(NO_PDF)
        file.seek(0)
        return file


class PeriodForm(forms.Form):
    """From which day through which, both may be left open; or a cycle that the holder has a plan
    for, which goes before the days."""

    mark_optional = False

    cycle = forms.ChoiceField(
        required=False,
        error_messages={"invalid_choice": "Choose one of your cycles."},
    )
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

    def __init__(
        self, data: Any = None, *, cycles: Sequence[TrainingPlan] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        self.cycles = {str(plan.pk): plan for plan in cycles or ()}
        choices = [(pk, f"{plan}, {_days(plan)}") for pk, plan in self.cycles.items()]
        self.fields["cycle"].choices = [("", "Days of my choice"), *choices]  # type: ignore[attr-defined]
        if cycles is None:
            del self.fields["cycle"]

    def clean(self) -> dict[str, Any]:
        days: dict[str, Any] = super().clean() or {}
        since, through = days.get("since"), days.get("through")
        if since and through and since > through:
            self.add_error("through", "The last day is before the first. Change one of them.")
        elif through == date.max:
            self.add_error("through", "Choose an earlier day.")
        return days

    @property
    def plan(self) -> TrainingPlan | None:
        """The plan of the cycle that was chosen."""
        return self.cycles.get(self.cleaned_data.get("cycle", "")) if self.is_valid() else None

    @property
    def words(self) -> str:
        """The cycle by its name and license with its days, or the days alone."""
        if plan := self.plan:
            licensed = f" ({plan.license})" if plan.license else ""
            return f"{plan}{licensed}, {_days(plan)}"
        return show_period(self.period["since"], self.period["until"])

    @property
    def period(self) -> dict[str, date | None]:
        """Half-open, as ``transcript.build`` takes it; everything if the days make no sense."""
        if not self.is_valid():
            return {"since": None, "until": None}
        if plan := self.plan:
            return {"since": plan.since, "until": plan.until}
        through = self.cleaned_data["through"]
        return {
            "since": self.cleaned_data["since"],
            "until": through + timedelta(days=1) if through else None,
        }


def _days(plan: TrainingPlan) -> str:
    return show_period(plan.since, plan.until)


def _part(label: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=reflections.MAX_LENGTH,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Leave out what would identify a client.",
    )


class ReflectionForm(forms.Form):
    learned = _part("What I learned")
    will_do = _part("What I will do differently")
    is_shared = forms.BooleanField(
        label="My supervisors may read this note",
        required=False,
        help_text="Only those who supervise you at the time, and only this note.",
    )

    def __init__(self, data: Any = None, *, reflection: Reflection | None) -> None:
        initial = {}
        if reflection:
            initial = {name: getattr(reflection, name) for name in self.base_fields}
        super().__init__(data, initial=initial)


class CorrectionRequestForm(forms.ModelForm):
    """What a holder finds wrong with their credit."""

    wrong = forms.ChoiceField(
        label="What is wrong?", choices=[("", "Choose"), *CorrectionRequest.Wrong.choices]
    )

    class Meta:
        model = CorrectionRequest
        fields = ["wrong", "words"]
        labels = {"words": "What should it say?"}
        help_texts = {
            "words": "As exactly as you can, and how the people who check it can tell.",
        }
        widgets = {"words": forms.Textarea(attrs={"rows": 5, "maxlength": 2000})}

    def clean_words(self) -> str:
        words: str = self.cleaned_data["words"].strip()
        if len(words) > 2000:
            raise forms.ValidationError("Use at most 2,000 characters.")
        return words


VERDICTS = [
    ("confirmed", "The evidence shows this training: confirm it"),
    ("refused", "It does not: refuse it"),
]


class DecideForm(forms.Form):
    """Whether the proof of outside credit holds. ``as_of``: when what was seen was changed."""

    verdict = forms.ChoiceField(
        label="What do you find?",
        choices=VERDICTS,
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The holder reads it. Needed to refuse.",
    )
    as_of = forms.CharField(widget=forms.HiddenInput, max_length=40)

    def ask_again(self, problem: str, *, as_of: datetime) -> None:
        """Say why it is not decided, about what is shown now. What was typed stays."""
        self.add_error(None, problem)
        self.data = {**self.data.dict(), "as_of": as_of.isoformat()}  # type: ignore[attr-defined]

    def clean_as_of(self) -> datetime:
        try:
            return datetime.fromisoformat(self.cleaned_data["as_of"])
        except ValueError:
            raise forms.ValidationError("Open this page again.") from None

    def clean(self) -> dict[str, Any]:
        facts: dict[str, Any] = super().clean() or {}
        if facts.get("verdict") == "refused" and not facts.get("reason"):
            self.add_error("reason", "Say why you refuse it: the holder reads it.")
        return facts


class PracticeForm(forms.Form):
    """Hours of supervised practice on one day."""

    worked_on = forms.DateField(
        label="Day",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    kind = forms.ChoiceField(label="Kind", choices=[("", "Choose"), *PracticeEntry.Kind.choices])
    hours = forms.DecimalField(
        label="Hours",
        max_digits=4,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"step": "0.25", "inputmode": "decimal"}),
        help_text="By quarters: 1, 1.25, 1.5",
    )
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=500,
        help_text="Nothing that could identify a client: no name, no initials, no case. "
        "Your supervisor reads it, and it stays for good.",
    )

    def clean_note(self) -> str:
        return names.one_line(self.cleaned_data["note"])


class ConfirmWeekForm(forms.Form):
    """Which week, and the last entry that was seen of it."""

    week = forms.DateField()
    last_seen = forms.UUIDField()

    def clean_last_seen(self) -> str:
        return str(self.cleaned_data["last_seen"])


class DeclineForm(forms.Form):
    """Why the credit stays as it is."""

    answer = forms.CharField(
        label="Answer to the holder",
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="They read it on their transcript and in a mail.",
    )


class ReversalForm(forms.Form):
    """Why credit is taken back. The class is public; the words are for the holder and the file."""

    reason_class = forms.ChoiceField(
        label="Reason",
        choices=[
            ("", "Choose a reason"),
            *(choice for choice in ReasonClass.choices if choice[0] != ReasonClass.RESTORED),
        ],
        widget=UnfoldAdminSelectWidget,
        help_text="Shown to whoever verifies the certificate.",
    )
    reason = forms.CharField(
        label="In words",
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Shown to whoever may read the transcript. It stays for good.",
    )


class ReissueForm(ReversalForm):
    """What the award should have said, each fact as it says now."""

    holder_name = forms.CharField(
        label="Legal name",
        max_length=names.MAX_LENGTH,
        validators=[names.check_name],
        widget=UnfoldAdminTextInputWidget,
    )
    licenses_as_today = forms.BooleanField(
        label="Print the licenses in force on that day, as the holder lists them today",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
    )
    clock_hours = forms.DecimalField(
        max_digits=5,
        decimal_places=2,
        min_value=Decimal("0.01"),
        widget=UnfoldAdminDecimalFieldWidget,
    )

    started_on = forms.DateField(
        label="First day", widget=UnfoldAdminTextInputWidget(attrs={"type": "date"})
    )
    earned_on = forms.DateField(
        label="Completion date",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
        help_text="On another day, each body needs an approval of the provider printed that was in "
        "date then. The licenses printed stay those of the day that was wrong unless the box above "
        "is ticked.",
    )

    def __init__(self, data: Any = None, *, entry: CreditEntry) -> None:
        record = records.read(entry.record)
        initial = {
            "started_on": record["activity"]["started_on"],
            "earned_on": record["earned_on"],
            "holder_name": record["holder"]["legal_name"],
            "clock_hours": record["activity"]["clock_hours"],
        }
        super().__init__(data, initial=initial)
        self.lines = {}
        for position, line in enumerate(record["lines"]):
            name = f"hours_{position}"
            self.lines[name] = (line["body"], line["credit_type"])
            self.fields[name] = forms.DecimalField(
                label=f"{line['body_name']}, {line['credit_type_name']}",
                max_digits=5,
                decimal_places=2,
                min_value=0,
                initial=line["hours"],
                help_text="Hours; 0 drops the line.",
                widget=UnfoldAdminDecimalFieldWidget,
            )
        self.order_fields(
            [
                "holder_name",
                "licenses_as_today",
                "started_on",
                "earned_on",
                "clock_hours",
                *self.lines,
            ]
        )

    def correction(
        self, *, approvals: dict[str, ledger.Approval], repeat_after_days: int | None
    ) -> ledger.Correction:
        """``approvals``: by body, those of the course on the completion date typed.
        ``repeat_after_days``: as its rule is now."""
        facts = self.cleaned_data
        return ledger.Correction(
            holder_name=facts["holder_name"],
            licenses_as_today=facts["licenses_as_today"],
            clock_hours=facts["clock_hours"],
            started_on=facts["started_on"],
            earned_on=facts["earned_on"],
            approvals=approvals,
            repeat_after_days=repeat_after_days,
            hours={line: facts[name] for name, line in self.lines.items()},
        )


class RestoreForm(ReissueForm):
    """Why credit that was withdrawn is awarded anew, and what it says."""

    reason_class = None  # type: ignore[assignment]
