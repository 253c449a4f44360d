"""What a supervisor types to assign a course, or hours of a topic."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms

from courses.assignments import LONGEST
from courses.models import Course, FocusArea, Topic

COURSE, HOURS = "course", "hours"
MAX_NOTE = 1000  # characters


class AssignedFromForm(forms.Form):
    """The course whose page led here, from the address."""

    course = forms.SlugField(required=False)

    @property
    def chosen(self) -> Course | None:
        slug = self.cleaned_data["course"] if self.is_valid() else ""
        return Course.objects.published().filter(slug=slug).first() if slug else None


class AssignForm(forms.Form):
    """One course, or hours of a topic or focus area; by when, and a word about it."""

    mark_optional = False  # what is needed depends on the kind

    kind = forms.ChoiceField(
        label="What do you assign?",
        choices=[(COURSE, "One course"), (HOURS, "Hours of a topic, in courses of their choice")],
        widget=forms.RadioSelect,
        initial=COURSE,
    )
    course = forms.ModelChoiceField(
        queryset=Course.objects.published().order_by("title"),
        required=False,
        empty_label="Choose a course",
        error_messages={"invalid_choice": "Choose a course that is offered."},
    )
    topic = forms.ChoiceField(
        label="Topic or focus area",
        required=False,
        error_messages={"invalid_choice": "Choose one of the topics shown."},
    )
    hours = forms.DecimalField(
        label="Hours of it",
        required=False,
        max_digits=5,
        decimal_places=2,
        min_value=Decimal("0.25"),
        max_value=Decimal(999),
        widget=forms.NumberInput(attrs={"step": "0.25", "inputmode": "decimal"}),
        error_messages={
            "min_value": "Enter at least a quarter of an hour.",
            "max_value": "Enter at most 999 hours.",
        },
    )
    due_on = forms.DateField(
        label="Due", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    note = forms.CharField(
        label="Note, if you like",
        required=False,
        max_length=MAX_NOTE,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="They read it. Leave out what would identify a client.",
    )

    def __init__(self, data: Any = None, *, today: date, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.today = today
        topic: Any = self.fields["topic"]
        self.tree = list(Topic.objects.tree())
        topic.choices = [
            ("", "Choose a topic"),
            *(
                (
                    each.name,
                    [
                        (f"topic:{each.slug}", f"{each.name}, all of it"),
                        *((f"focus:{area.slug}", area.name) for area in each.focus_areas.all()),
                    ],
                )
                for each in self.tree
            ),
        ]

    def clean_due_on(self) -> date:
        due_on: date = self.cleaned_data["due_on"]
        if not self.today <= due_on <= self.today + LONGEST:
            raise forms.ValidationError("Choose a day from today on, within five years.")
        return due_on

    def clean(self) -> dict[str, Any]:
        facts: dict[str, Any] = super().clean() or {}
        needed = {
            COURSE: {"course": "Choose the course."},
            HOURS: {"topic": "Choose the topic.", "hours": "Say how many hours."},
        }
        for name, words in needed.get(facts.get("kind", ""), {}).items():
            if name not in self.errors and not facts.get(name):
                self.add_error(name, words)
        return facts

    @property
    def facts(self) -> dict[str, Any]:
        """As ``assignments.assign`` takes them; what belongs to the other kind is left out."""
        clean = self.cleaned_data
        is_course = clean["kind"] == COURSE
        return {
            "subject": clean["course"] if is_course else self._chosen_topic(),
            "hours": None if is_course else clean["hours"],
            "due_on": clean["due_on"],
            "note": clean["note"],
        }

    def _chosen_topic(self) -> Topic | FocusArea:
        kind, _, slug = self.cleaned_data["topic"].partition(":")
        known: list[Topic | FocusArea] = (
            list(self.tree)
            if kind == "topic"
            else [area for topic in self.tree for area in topic.focus_areas.all()]
        )
        return next(each for each in known if each.slug == slug)
