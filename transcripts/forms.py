"""Turn text into values: a reflection."""

from __future__ import annotations

from typing import Any

from django import forms

from transcripts import reflections
from transcripts.models import Reflection


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
