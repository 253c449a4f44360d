"""The topics, approving bodies, credit types and teaching methods that ship with the portal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from django.db import transaction

from courses import listing
from courses.models import (
    ApprovingBody,
    CourseFocusArea,
    CreditType,
    FocusArea,
    FormatWord,
    Profession,
    TeachingMethod,
    Topic,
)

FOLDER = Path(__file__).parent / "reference"


@transaction.atomic
def load() -> int:
    """Write the rows of ``courses/reference/``, by slug; the number of rows.

    Loading again updates them. Rows that the files no longer name stay: courses may use them.
    Courses whose topic or focus area got another name are relisted: their words hold it.
    """
    shelved = _shelving()
    tree = _read("topics.yaml")["topics"]
    credit = _read("credit.yaml")
    rows = 0
    area_position = 0
    for position, entry in enumerate(tree):
        areas = entry.pop("focus_areas")
        topic, _ = Topic.objects.update_or_create(
            slug=entry.pop("slug"), defaults={**entry, "position": position}
        )
        rows += 1
        for area in areas:
            FocusArea.objects.update_or_create(
                slug=area.pop("slug"),
                defaults={**area, "topic": topic, "position": area_position},
            )
            area_position += 1
            rows += 1
    for model, name in (
        (Profession, "professions"),
        (ApprovingBody, "approving_bodies"),
        (CreditType, "credit_types"),
        (TeachingMethod, "teaching_methods"),
    ):
        for position, entry in enumerate(credit[name]):
            professions = entry.pop("professions", [])
            format_words = entry.pop("format_words", {})
            row, is_new = model.objects.update_or_create(
                slug=entry.pop("slug"), defaults={**entry, "position": position}
            )
            if isinstance(row, ApprovingBody):
                row.professions.set(Profession.objects.filter(slug__in=professions))
                # From then on they are the curators'.
                if is_new:
                    FormatWord.objects.bulk_create(
                        FormatWord(body=row, format=format_, word=word)
                        for format_, word in format_words.items()
                    )
            rows += 1
    renamed = [pk for pk, names in _shelving().items() if shelved.get(pk, names) != names]
    listing.relist(
        CourseFocusArea.objects.filter(focus_area__in=renamed).values_list("course", flat=True)
    )
    listing.relabel()
    return rows


def _shelving() -> dict[int, list[str]]:
    """Of each focus area the names that stand in the words of its courses."""
    areas = FocusArea.objects.values_list("pk", "name", "topic__slug", "topic__name")
    return {pk: names for pk, *names in areas}


def _read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
