"""What people type to state a training plan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from accounts import names
from accounts.models import License, User
from courses.models import CreditType
from transcripts.models import PlanLine, TrainingPlan
from transcripts.plans import Needed

ROWS = 6  # credit types that a plan may name
LONGEST = timedelta(days=10 * 366)
MOST_HOURS = Decimal(999)


def _day(label: str) -> forms.DateField:
    return forms.DateField(
        label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


def _hours(label: str, *, required: bool = False, help_text: str = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        required=required,
        help_text=help_text,
        max_digits=5,
        decimal_places=2,
        min_value=Decimal("0.25"),
        max_value=MOST_HOURS,
        widget=forms.NumberInput(attrs={"step": "0.25", "inputmode": "decimal"}),
        error_messages={
            "min_value": "Enter at least a quarter of an hour.",
            "max_value": "Enter at most 999 hours.",
        },
    )


class PlanForm(forms.Form):
    """The cycle, the hours it asks, and how many of them live or of a credit type.

    Who is not the holder sees no license numbers.
    """

    mark_optional = False  # the page says which part is

    title = forms.CharField(
        label="Name",
        max_length=120,
        help_text="Such as “New York LCSW renewal” or “LMSW toward LCSW”.",
    )
    license = forms.ModelChoiceField(
        label="License, if it is for one",
        queryset=License.objects.none(),
        required=False,
        empty_label="None: a training plan, or a license to come",
        error_messages={"invalid_choice": "Choose a license that is on file."},
    )
    since = _day("First day")
    last = _day("Last day")
    hours = _hours("Hours needed", required=True)
    live = _hours(
        "Of them live, if asked", help_text="In person or in live interactive webinars, at least."
    )

    def __init__(
        self,
        data: Any = None,
        *,
        holder: User,
        is_own: bool,
        plan: TrainingPlan | None = None,
    ) -> None:
        super().__init__(data, initial=_initial(plan) if plan else None)
        license_: Any = self.fields["license"]
        license_.queryset = License.objects.on_file().filter(holder=holder).by_state()
        license_.label_from_instance = str if is_own else _without_number
        types = [(each.slug, each.name) for each in CreditType.objects.order_by("position", "name")]
        named = _typed_lines(plan) if plan else []
        # A type that left the reference data stays in the plans that name it.
        types += [
            (line.credit_type, line.name) for line in named if line.credit_type not in dict(types)
        ]
        self.type_names = dict(types)
        for row in range(1, max(ROWS, len(named)) + 1):
            self.fields[f"type_{row}"] = forms.ChoiceField(
                label=f"Credit type {row}",
                choices=[("", "No other"), *types],
                required=False,
                error_messages={"invalid_choice": "Choose one of the types shown."},
            )
            self.fields[f"hours_{row}"] = _hours(f"Hours of credit type {row}")

    @property
    def rows(self) -> Iterator[tuple[BoundField, BoundField]]:
        """The pairs of a credit type and its hours."""
        for name in self.fields:
            if name.startswith("type_"):
                yield self[name], self[name.replace("type_", "hours_")]

    def clean_title(self) -> str:
        title = names.one_line(self.cleaned_data["title"])
        if not title:
            raise forms.ValidationError("Give the plan a name.")
        return title

    def clean(self) -> dict[str, Any]:
        facts: dict[str, Any] = super().clean() or {}
        since, last = facts.get("since"), facts.get("last")
        if since and last:
            if last < since:
                self.add_error("last", "The last day is before the first. Change one of them.")
            elif last - since > LONGEST:
                self.add_error("last", "A cycle has at most ten years. Change one of the days.")
            elif last == date.max:
                self.add_error("last", "Choose an earlier day.")
        self._check_rows(facts)
        hours = facts.get("hours")
        for name, value in list(facts.items()):
            is_part = name == "live" or name.startswith("hours_")
            if hours and is_part and value and value > hours:
                self.add_error(name, "This is more than the hours needed in all.")
        return facts

    def _check_rows(self, facts: dict[str, Any]) -> None:
        seen = set()
        for type_, hours in self.rows:
            slug, needed = facts.get(type_.name), facts.get(hours.name)
            if slug and needed is None and hours.name not in self.errors:
                self.add_error(hours.name, "Say how many hours of this type.")
            if needed is not None and not slug and type_.name not in self.errors:
                self.add_error(type_.name, "Choose the type of these hours.")
            if slug and slug in seen:
                self.add_error(type_.name, "This type stands above already.")
            seen.add(slug)

    @property
    def facts(self) -> dict[str, Any]:
        """As ``plans.write`` takes them."""
        clean = self.cleaned_data
        lines = [Needed(PlanLine.LIVE, "Live", clean["live"])] if clean["live"] else []
        for type_, hours in self.rows:
            if slug := clean[type_.name]:
                lines.append(Needed(slug, self.type_names[slug], clean[hours.name]))
        return {
            "title": clean["title"],
            "license_": clean["license"],
            "since": clean["since"],
            "until": clean["last"] + timedelta(days=1),
            "hours": clean["hours"],
            "lines": lines,
        }


def _without_number(license_: License) -> str:
    return f"{license_.get_state_display()} {license_.license_type}"


def _typed_lines(plan: TrainingPlan) -> list[PlanLine]:
    return [line for line in plan.lines.all() if not line.is_live]


def _initial(plan: TrainingPlan) -> dict[str, Any]:
    initial = {
        "title": plan.title,
        "license": plan.license,
        "since": plan.since,
        "last": plan.last_day,
        "hours": plan.hours.normalize() if plan.hours % 1 else int(plan.hours),
    }
    for line in plan.lines.all():
        if line.is_live:
            initial["live"] = line.hours
    for row, line in enumerate(_typed_lines(plan), start=1):
        initial[f"type_{row}"] = line.credit_type
        initial[f"hours_{row}"] = line.hours
    return initial
