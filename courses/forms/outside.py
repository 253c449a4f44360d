"""What a holder reads on the certificate of training that they took elsewhere."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from accounts import names
from courses.models import ApprovingBody, CreditType
from transcripts import outside
from transcripts.models import Evidence, OutsideCredit

MOST_LINES = 6
OTHER = "other"
NONE = "none"
PRINTED = {"title", "provider"}


class OneLineField(forms.CharField):
    """Text without line breaks, marks of direction and whatever else does not show."""

    def to_python(self, value: Any) -> str:
        return names.one_line(str(super().to_python(value) or ""))


class LinesField(forms.CharField):
    """The same of each line."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        lines = [names.one_line(line) for line in str(super().to_python(value) or "").splitlines()]
        return "\n".join(line for line in lines if line)


class PrintedField(OneLineField):
    """The same, of letters that our documents can print."""

    def validate(self, value: str) -> None:
        super().validate(value)
        if (character := names.unprintable(value)) is not None:
            raise forms.ValidationError(
                f"We cannot print “{character}” on a transcript. Spell it without."
            )


def _day(label: str, **options: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        **options,
    )


def _hours(label: str, **options: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        max_digits=5,
        decimal_places=2,
        min_value=Decimal("0.01"),
        widget=forms.NumberInput(attrs={"step": "0.25", "inputmode": "decimal"}),
        **options,
    )


class OutsideCreditForm(forms.Form):
    """All of it as printed. ``kept`` names a file that came with the form before."""

    title = PrintedField(label="Course title", max_length=200)
    provider = PrintedField(label="Provider", max_length=200, help_text="As on the certificate")
    provider_contact = LinesField(
        label="Provider’s address, e-mail or phone",
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    instructors = OneLineField(
        label="Instructors", max_length=300, required=False, help_text="With their degrees"
    )
    format = forms.ChoiceField(
        label="Format", choices=[("", "Choose"), *OutsideCredit.Format.choices]
    )
    location = OneLineField(label="Place or platform", max_length=200, required=False)
    started_on = _day("First day", required=False, help_text="If it took more than one day")
    earned_on = _day("Completed on")
    hours = _hours("Hours", help_text="Clock hours in all")
    certificate_number = OneLineField(label="Certificate number", max_length=80, required=False)
    file = forms.FileField(
        label="Certificate or letter",
        required=False,
        widget=forms.FileInput(attrs={"accept": "application/pdf,image/jpeg,image/png"}),
        error_messages={
            "required": "Choose the certificate, as a PDF or a picture.",
            "empty": "This file is empty. Choose another.",
        },
    )
    kept = forms.CharField(required=False, max_length=36, widget=forms.HiddenInput)
    is_no_duplicate = forms.BooleanField(label="It is something else. Record it.", required=False)

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        credit: OutsideCredit | None,
        needs_file: bool,
        limit: str,
    ) -> None:
        super().__init__(data, files, initial=_initial(credit) if credit else None)
        self.fields["file"].required = needs_file
        self.fields["file"].help_text = f"PDF, JPEG or PNG, at most {limit}"
        self.found: list[str] = []
        self.evidence: Evidence | None = credit.evidence if credit else None
        bodies = [(body.slug, body.name) for body in ApprovingBody.objects.order_by("position")]
        types = [(type_.slug, type_.name) for type_ in CreditType.objects.order_by("position")]
        self.body_names, self.type_names = dict(bodies), dict(types)
        for number in range(MOST_LINES):
            self._add_line(number, bodies, types)

    def _add_line(
        self, number: int, bodies: list[tuple[str, str]], types: list[tuple[str, str]]
    ) -> None:
        is_needed = number == 0
        self.fields |= {
            f"body_{number}": forms.ChoiceField(
                label="Approving body",
                choices=[
                    ("", "Choose"),
                    *bodies,
                    (OTHER, "Another body"),
                    (NONE, "No approving body"),
                ],
                required=is_needed,
            ),
            f"body_name_{number}": PrintedField(
                label="Name of another body", max_length=80, required=False
            ),
            f"number_{number}": OneLineField(
                label="Provider’s number with it", max_length=60, required=False
            ),
            f"statement_{number}": LinesField(
                label="Approval statement",
                max_length=1000,
                required=False,
                widget=forms.Textarea(attrs={"rows": 2}),
                help_text="Word for word",
            ),
            f"type_{number}": forms.ChoiceField(
                label="Counts as", choices=[("", "Choose"), *types], required=is_needed
            ),
            f"line_hours_{number}": _hours(
                "Hours of it", required=False, help_text="Empty: all hours"
            ),
        }

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The lines to draw: their fields, and whether one says something."""
        return [
            {
                "number": number + 1,
                "fields": [self[f"{name}_{number}"] for name in _LINE],
                "is_used": any(
                    self[f"{name}_{number}"].value() or self[f"{name}_{number}"].errors
                    for name in _LINE
                ),
            }
            for number in range(MOST_LINES)
        ]

    def clean(self) -> dict[str, Any]:
        facts: dict[str, Any] = super().clean() or {}
        first, last = facts.get("started_on"), facts.get("earned_on")
        for name, day in (("started_on", first), ("earned_on", last)):
            if day and day < outside.EARLIEST:
                self.add_error(name, "Enter the year with four digits.")
        if first and last and first > last:
            self.add_error("started_on", "The first day is after the last. Change one of them.")
        for number in range(MOST_LINES):
            self._clean_line(number, facts)
        return facts

    def _clean_line(self, number: int, facts: dict[str, Any]) -> None:
        if not any(facts.get(f"{name}_{number}") for name in _LINE):
            return
        body = facts.get(f"body_{number}")
        if body == "" and f"body_{number}" not in self.errors:
            self.add_error(f"body_{number}", "Choose one.")
        if body == OTHER and not facts.get(f"body_name_{number}"):
            self.add_error(f"body_name_{number}", "Say which body it is.")
        if facts.get(f"type_{number}") == "" and f"type_{number}" not in self.errors:
            self.add_error(f"type_{number}", "Choose one.")
        in_all, hours = facts.get("hours"), facts.get(f"line_hours_{number}")
        if in_all and hours and hours > in_all:
            self.add_error(f"line_hours_{number}", outside.TOO_MANY_HOURS)

    @property
    def facts(self) -> outside.Facts:
        clean = self.cleaned_data
        return outside.Facts(
            title=clean["title"],
            provider=clean["provider"],
            provider_contact=clean["provider_contact"],
            instructors=clean["instructors"],
            format=clean["format"],
            location=clean["location"],
            started_on=clean["started_on"] or clean["earned_on"],
            earned_on=clean["earned_on"],
            hours=clean["hours"],
            certificate_number=clean["certificate_number"],
        )

    @property
    def lines(self) -> list[outside.Line]:
        clean = self.cleaned_data
        lines = []
        for number in range(MOST_LINES):
            body = clean[f"body_{number}"]
            if not body:
                continue
            type_ = clean[f"type_{number}"]
            lines.append(
                outside.Line(
                    body=body if body in self.body_names else "",
                    body_name=clean[f"body_name_{number}"]
                    if body == OTHER
                    else self.body_names.get(body, ""),
                    approval_number=clean[f"number_{number}"],
                    approval_statement=clean[f"statement_{number}"],
                    credit_type=type_,
                    credit_type_name=self.type_names[type_],
                    hours=clean[f"line_hours_{number}"] or clean["hours"],
                )
            )
        return lines


_LINE = ("body", "body_name", "number", "statement", "type", "line_hours")


def _initial(credit: OutsideCredit) -> dict[str, Any]:
    """What the form says of credit that is recorded."""
    initial = {name: getattr(credit, name) for name in outside.Facts.__dataclass_fields__}
    for number, line in enumerate(credit.lines.order_by("position")):
        initial |= {
            f"body_{number}": line.body or (OTHER if line.body_name else NONE),
            f"body_name_{number}": "" if line.body else line.body_name,
            f"number_{number}": line.approval_number,
            f"statement_{number}": line.approval_statement,
            f"type_{number}": line.credit_type,
            f"line_hours_{number}": line.hours,
        }
    return initial
