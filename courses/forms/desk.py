"""What a supervisor asks of their desk, read from the address."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.http import QueryDict
from django.utils.http import urlencode

from courses import desk


class DeskForm(forms.Form):
    """Which trainees, in which order. What makes no sense is left out, and named."""

    mark_optional = False

    q = forms.CharField(
        label="Name",
        required=False,
        max_length=150,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    track = forms.ChoiceField(label="Plan", required=False)
    review = forms.ChoiceField(
        label="Review due",
        required=False,
        choices=[
            ("", "Any time"),
            (desk.OVERDUE, "Overdue"),
            (desk.NEXT, "Within 14 days"),
            (desk.NONE, "No day set"),
        ],
    )
    hours = forms.ChoiceField(
        label="Hours",
        required=False,
        choices=[
            ("", "All"),
            (desk.BEHIND, "Behind the plan"),
            (desk.GAPS, "Not all earned"),
            (desk.MET, "All earned"),
            (desk.NO_PLAN, "No plan"),
        ],
    )
    sort = forms.ChoiceField(
        label="Sort by",
        required=False,
        choices=[
            (desk.REVIEW, "Review due"),
            (desk.HOURS, "Hours to go"),
            (desk.ACTIVITY, "Longest without activity"),
            (desk.NAME, "Name"),
        ],
    )

    def __init__(self, data: QueryDict, *, tracks: Sequence[str]) -> None:
        super().__init__(data)
        self.fields["track"].choices = [("", "All plans"), *((name, name) for name in tracks)]  # type: ignore[attr-defined]
        self.is_valid()

    @property
    def wanted(self) -> desk.Wanted:
        clean = self.cleaned_data
        return desk.Wanted(
            words=clean.get("q", ""),
            track=clean.get("track", ""),
            review=clean.get("review", ""),
            hours=clean.get("hours", ""),
            sort=clean.get("sort") or desk.REVIEW,
        )

    @property
    def ignored(self) -> list[str]:
        """The names of what made no sense, as they stand on the page."""
        return [str(self[name].label) for name in self.errors]

    @property
    def query(self) -> str:
        """What made sense, as the beginning of a query string: "q=Priya&sort=name&", or nothing."""
        asked = {name: value for name, value in self.cleaned_data.items() if value}
        return f"{urlencode(asked)}&" if asked else ""

    @property
    def is_filtered(self) -> bool:
        return bool(self.cleaned_data.keys() - {"sort"}) and any(
            value for name, value in self.cleaned_data.items() if name != "sort"
        )
