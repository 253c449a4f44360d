"""Turn text into values: the catalog's filter, enrollment, post-test, evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import django_filters
from django import forms
from django.http import QueryDict

from courses.learning import RATING, AskedQuestion
from courses.models import Course, Question, Session, Topic
from courses.models.catalog import CourseQuerySet

RATINGS = [
    (1, "1, not at all"),
    (2, "2, a little"),
    (3, "3, somewhat"),
    (4, "4, mostly"),
    (5, "5, fully"),
]

SORTS = [
    ("newest", "Newest"),
    ("soonest", "Next live date"),
    ("title", "Title"),
    ("shortest", "Fewest hours"),
    ("longest", "Most hours"),
]


class KnownChoicesField(forms.MultipleChoiceField):
    """Several choices of a query string. Values that are no choice are passed over."""

    widget = forms.CheckboxSelectMultiple

    def to_python(self, value: Any) -> list[str]:
        known = {str(choice) for choice, _ in self.widget.choices}
        return [item for item in dict.fromkeys(super().to_python(value)) if item in known]


class KnownChoicesFilter(django_filters.MultipleChoiceFilter):
    field_class = KnownChoicesField


class CatalogFilter(django_filters.FilterSet):
    """What the visitor asked of the catalog. Nonsense filters nothing."""

    q = django_filters.CharFilter(
        label="Search courses and instructors", method="_matching", max_length=200
    )
    topic = KnownChoicesFilter(label="Topic", method="_shelved")
    focus = KnownChoicesFilter(label="Focus area", method="_shelved")
    format = KnownChoicesFilter(label="Format", choices=Course.Format.choices)
    sort = django_filters.ChoiceFilter(
        label="Sort by", choices=SORTS, method="_unchanged", empty_label=None
    )

    class Meta:
        model = Course
        fields: list[str] = []

    def __init__(self, data: QueryDict, queryset: CourseQuerySet, *, topics: list[Topic]) -> None:
        super().__init__(data, queryset)
        self.filters["topic"].extra["choices"] = [(topic.slug, topic.name) for topic in topics]
        self.filters["focus"].extra["choices"] = [
            (area.slug, area.name) for topic in topics for area in topic.focus_areas.all()
        ]

    @property
    def wanted(self) -> dict[str, Any]:
        """What was understood of the query string."""
        return self.form.cleaned_data if self.form.is_valid() or self.form.errors else {}

    @property
    def sort_by(self) -> str:
        return self.wanted.get("sort") or SORTS[0][0]

    def filter_queryset(self, queryset: CourseQuerySet) -> CourseQuerySet:
        courses = super().filter_queryset(queryset)
        topics, areas = self.wanted.get("topic") or [], self.wanted.get("focus") or []
        if topics or areas:
            courses = courses.in_focus_areas(areas, topics)
        match self.sort_by:
            case "soonest":
                return courses.soonest_first()
            case "title":
                return courses.by_title()
            case "shortest":
                return courses.shortest_first()
            case "longest":
                return courses.longest_first()
            case _:
                return courses.newest_first()

    def _matching(self, courses: CourseQuerySet, name: str, words: str) -> CourseQuerySet:
        return courses.matching(words)

    def _shelved(self, courses: CourseQuerySet, name: str, slugs: list[str]) -> CourseQuerySet:
        """Topics and focus areas are one facet, "or" within it: applied together above."""
        return courses

    def _unchanged(self, courses: CourseQuerySet, name: str, value: str) -> CourseQuerySet:
        return courses


class EnrollForm(forms.Form):
    """The session that a learner chose, for a live course."""

    session = forms.ModelChoiceField(queryset=Session.objects.none(), required=False)

    def __init__(self, *args: Any, course: Course, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["session"].queryset = Session.objects.filter(course=course)  # type: ignore[attr-defined]


def _said_twice(data: QueryDict | None, name: str) -> bool:
    return isinstance(data, QueryDict) and len(set(data.getlist(name))) > 1


class PostTestForm(forms.Form):
    """One choice for each question, and the attempt that the page was made for."""

    attempt = forms.IntegerField(min_value=1, max_value=32_000, widget=forms.HiddenInput)

    def __init__(
        self, data: QueryDict | None = None, *, questions: Iterable[Question], attempt: int
    ) -> None:
        super().__init__(data, initial={"attempt": attempt})
        self.questions = {f"question-{question.pk}": question for question in questions}
        for name, question in self.questions.items():
            self.fields[name] = forms.TypedChoiceField(
                label=question.ask,
                choices=[(choice.pk, choice.text) for choice in question.choices.all()],
                coerce=int,
                widget=forms.RadioSelect,
                error_messages={
                    "required": "Choose an answer.",
                    "invalid_choice": "Choose one of the answers shown.",
                },
            )

    def clean(self) -> dict[str, Any]:
        for name in self.questions:
            if _said_twice(self.data, name):  # type: ignore[arg-type]
                self.add_error(name, "Choose one answer, not several.")
        return self.cleaned_data

    @property
    def asked(self) -> list[forms.BoundField]:
        """The questions' fields, in order."""
        return [self[name] for name in self.questions]

    @property
    def chosen(self) -> dict[Question, int]:
        return {question: self.cleaned_data[name] for name, question in self.questions.items()}


class EvaluationForm(forms.Form):
    """Ratings from 1 to 5 and free words, without a name."""

    def __init__(
        self, data: QueryDict | None = None, *, questions: Iterable[AskedQuestion]
    ) -> None:
        super().__init__(data)
        self.questions = {question.code: question for question in questions}
        for code, question in self.questions.items():
            if question.kind == RATING:
                self.fields[code] = forms.TypedChoiceField(
                    label=question.asked,
                    choices=RATINGS,
                    coerce=int,
                    widget=forms.RadioSelect,
                    error_messages={
                        "required": "Choose a rating.",
                        "invalid_choice": "Choose one of the ratings shown.",
                    },
                )
            else:
                self.fields[code] = forms.CharField(
                    label=question.asked,
                    required=False,
                    max_length=5000,
                    help_text="Optional. Leave out what would identify you or a client.",
                    widget=forms.Textarea(attrs={"rows": 4}),
                )

    @property
    def answers(self) -> dict[AskedQuestion, Any]:
        return {question: self.cleaned_data[code] for code, question in self.questions.items()}
