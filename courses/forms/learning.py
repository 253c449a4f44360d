"""Forms of a learner: enrollment, post-test, evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import QueryDict

from courses.evaluation import RATING, AskedQuestion
from courses.models import Course, Question, Session

RATINGS = [
    (1, "1, not at all"),
    (2, "2, a little"),
    (3, "3, somewhat"),
    (4, "4, mostly"),
    (5, "5, fully"),
]


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
