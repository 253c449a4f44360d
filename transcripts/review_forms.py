"""What supervisors and trainees type about a transcript: a sign-off, notes, answers, a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms

from accounts.models import User
from ce_portal.formats import show_day
from transcripts import readings, reviews
from transcripts.forms import PeriodForm
from transcripts.models import Review, ReviewNote
from transcripts.outside import EARLIEST
from transcripts.readings import Line, Reading


class ReviewPeriodForm(PeriodForm):
    """Which days a review is to cover; both have to be said."""

    def __init__(self, data: Any = None, *, proposed: tuple[date, date]) -> None:
        since, until = proposed
        super().__init__(data, initial={"since": since, "through": until - readings.A_DAY})
        for field in self.fields.values():
            field.required = True

    def clean_since(self) -> date:
        since: date = self.cleaned_data["since"]
        if since < EARLIEST:
            raise forms.ValidationError(f"Begin in {EARLIEST.year} or later.")
        return since


def _words(label: str, *, required: bool, rows: int, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        max_length=ReviewNote.MAX_LENGTH,
        widget=forms.Textarea(attrs={"rows": rows}),
        help_text=help_text,
        error_messages={
            "max_length": f"Use at most {ReviewNote.MAX_LENGTH:,} characters.",
        },
    )


def _day(label: str, *, help_text: str = "") -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=help_text,
    )


NO_REVIEW = "Leave it empty if no review is planned."


class SignOffForm(forms.Form):
    """What a supervisor decides about a period, with the fingerprint of what the page showed."""

    since = forms.DateField(widget=forms.HiddenInput)
    through = forms.DateField(widget=forms.HiddenInput)
    shown = forms.CharField(max_length=64, widget=forms.HiddenInput)
    after = forms.UUIDField(required=False, widget=forms.HiddenInput)
    decision = forms.ChoiceField(
        label="Outcome",
        choices=[
            (Review.Decision.APPROVED, "Approve"),
            (
                Review.Decision.CONDITION,
                "Approve, with a condition: hours count; the condition shows on the next review",
            ),
            (
                Review.Decision.CHANGES,
                "Send back: hours stay unsigned until you review again",
            ),
        ],
        widget=forms.RadioSelect,
    )
    words = _words("Condition or reason", required=False, rows=3)
    next_on = _day("Next review", help_text=NO_REVIEW)
    attested = forms.BooleanField(label=reviews.ATTESTATION.rstrip("."))

    def __init__(self, data: Any = None, *, reading: Reading, trainee: User, today: date) -> None:
        last = reading.history.last
        self.read = {
            "since": reading.since,
            "through": reading.through,
            "shown": reading.shown,
            "after": last.pk if last else "",
        }
        next_on = reviews.add_months(today, reviews.EVERY)
        super().__init__(data, initial={**self.read, "next_on": next_on}, auto_id="sign-%s")
        self.trainee = trainee
        self.fields["words"].help_text = f"{trainee.get_short_name()} reads it."
        self.fields["words"].widget.attrs["dir"] = "auto"

    def clean(self) -> dict[str, Any]:
        facts: dict[str, Any] = super().clean() or {}
        decision = facts.get("decision")
        if decision and decision != Review.Decision.APPROVED and facts.get("words") == "":
            self.add_error(
                "words",
                f"Say what is missing, so that {self.trainee.get_short_name()} can act on it.",
            )
        return facts

    def show_again(self) -> None:
        """After a refusal: the words stay, the page is what it is now, and is attested anew."""
        self.data = {name: self.data[name] for name in self.data} | self.read
        self.data.pop("attested", None)

    def facts(self) -> dict[str, Any]:
        """As ``reviews.sign_off`` takes them, but for the period."""
        names = ("shown", "after", "decision", "words", "next_on")
        return {name: self.cleaned_data[name] for name in names}


class NoteForm(forms.Form):
    """A supervisor's note on one line of a transcript, or on all of it."""

    about = forms.ChoiceField(label="About", required=False)
    words = _words("Add a note", required=True, rows=3)
    is_shared = forms.BooleanField(required=False, initial=True)
    asks_correction = forms.BooleanField(required=False, label="Ask for a correction of this line")

    mark_optional = False

    def __init__(
        self, data: Any = None, *, lines: Iterable[Line], trainee: User, about: str = ""
    ) -> None:
        super().__init__(data, initial={"about": about}, auto_id="note-%s")
        self.lines = {readings.key_of(line): line for line in lines}
        choice: Any = self.fields["about"]
        choice.choices = [
            ("", "The whole transcript"),
            *(
                (key, f"{show_day(line.earned_on)}, {line.title}")
                for key, line in self.lines.items()
            ),
        ]
        self.fields["is_shared"].label = f"Share with {trainee.get_short_name()}"
        self.fields["words"].widget.attrs["dir"] = "auto"

    def facts(self) -> dict[str, Any]:
        """As ``review_notes.write`` takes them."""
        given = self.cleaned_data
        return {
            "line": self.lines.get(given["about"]),
            "words": given["words"],
            "is_shared": given["is_shared"],
            "asks_correction": given["asks_correction"],
        }


class AnswerForm(forms.Form):
    words = _words("Answer", required=True, rows=2)

    def __init__(self, data: Any = None, *, note: ReviewNote) -> None:
        super().__init__(data, auto_id=f"answer-{note.pk}-%s")
        self.note = note
        self.fields["words"].widget.attrs["dir"] = "auto"


class ReviewDayForm(forms.Form):
    due_on = _day("Next review", help_text=NO_REVIEW)

    mark_optional = False

    def __init__(self, data: Any = None, *, due_on: date | None) -> None:
        super().__init__(data, initial={"due_on": due_on}, auto_id="day-%s")
