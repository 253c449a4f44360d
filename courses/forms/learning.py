"""Forms of a learner: enrollment, post-test, evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import QueryDict

from courses.evaluation import RATING, AskedQuestion
from courses.models import Attempt, Course, Question, Session

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


class PostTestForm(forms.Form):
    """Answers to the questions that an attempt shows. A page may bring all of them or some."""

    def __init__(self, data: QueryDict, *, attempt: Attempt) -> None:
        super().__init__(data)
        self.questions = {question_name(each["question"]): each for each in attempt.shown}
        for name, question in self.questions.items():
            facts: dict[str, Any] = {
                "label": question["ask"],
                "choices": [(each["choice"], each["text"]) for each in question["choices"]],
                "coerce": int,
                "required": False,
                "error_messages": {"invalid_choice": "Choose one of the answers shown."},
            }
            if question["kind"] == Question.Kind.MULTIPLE:
                self.fields[name] = forms.TypedMultipleChoiceField(
                    widget=forms.CheckboxSelectMultiple, **facts
                )
            else:
                self.fields[name] = forms.TypedChoiceField(
                    widget=forms.RadioSelect, empty_value=None, **facts
                )

    @classmethod
    def of_saved(cls, attempt: Attempt, errors: dict[str, str] | None = None) -> PostTestForm:
        """The answers that are saved, as a page shows them, and what is wrong with some."""
        data = QueryDict(mutable=True)
        for question_id, choices in attempt.chosen.items():
            data.setlist(question_name(question_id), [str(choice) for choice in choices])
        form = cls(data, attempt=attempt)
        for name, words in (errors or {}).items():
            form.add_error(name, words)
        return form

    def clean(self) -> dict[str, Any]:
        for name, question in self.questions.items():
            several = len(set(self.data.getlist(name))) > 1  # type: ignore[attr-defined]
            if question["kind"] != Question.Kind.MULTIPLE and several:
                self.add_error(name, "Choose one answer, not several.")
        return self.cleaned_data

    @property
    def rows(self) -> list[tuple[forms.BoundField, bool]]:
        """Each question's field, in order, and whether it takes several answers."""
        return [
            (self[name], question["kind"] == Question.Kind.MULTIPLE)
            for name, question in self.questions.items()
        ]

    @property
    def chosen(self) -> dict[int, list[int]]:
        """The good answers that came. Boxes that were ticked when the page was made (``had-…``) and
        now are not take the answer back; a question that the page says nothing of is left out."""
        found = {}
        for name, question in self.questions.items():
            value = self.cleaned_data.get(name)
            had = f"had-{question['question']}" in self.data
            if name in self.errors or (value in (None, []) and not had):
                continue
            choices = value if isinstance(value, list) else [value]
            found[question["question"]] = [choice for choice in choices if choice is not None]
        return found


def question_name(question_id: int | str) -> str:
    """The name of a question's field in the form of a post-test."""
    return f"question-{question_id}"


class ProgressForm(forms.Form):
    """What the page of a lesson reports: how far one came, and for how long it was in view."""

    position = forms.IntegerField(min_value=0, max_value=100)
    seconds = forms.IntegerField(min_value=0, max_value=86_400)


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
