"""The facets of the catalog: their choices and names, in the order of display."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from courses.listing import FREE, OVER_100, TO_100, UNDER_50
from courses.models import (
    ApprovingBody,
    Course,
    CreditType,
    Instructor,
    Profession,
    Provider,
    TeachingMethod,
    Topic,
)

FACETS = (
    "topic",
    "focus",
    "profession",
    "board",
    "type",
    "format",
    "method",
    "level",
    "price",
    "language",
    "access",
    "provider",
    "instructor",
)
NUMEROUS = ("provider", "instructor")  # too many to show all


@dataclass(frozen=True)
class Vocabulary:
    """The choices of each facet and their names, in the order of display."""

    labels: dict[str, dict[str, str]]
    topics: tuple[Topic, ...]  # with their focus areas
    topic_of: dict[str, str]  # focus area, topic
    professions_of: dict[str, tuple[str, ...]]  # board, professions


def read(languages: dict[str, str]) -> Vocabulary:
    topics = tuple(Topic.objects.tree())
    bodies = ApprovingBody.objects.prefetch_related("professions").order_by("position", "pk")
    in_order = ("position", "pk")

    def names(rows: Any) -> dict[str, str]:
        return dict(rows.values_list("slug", "name"))

    labels = {
        "topic": {topic.slug: topic.name for topic in topics},
        "focus": {area.slug: area.name for topic in topics for area in topic.focus_areas.all()},
        "profession": names(Profession.objects.order_by(*in_order)),
        "board": {body.slug: body.name for body in bodies},
        "type": names(CreditType.objects.order_by(*in_order)),
        "format": {value: str(label) for value, label in Course.Format.choices},
        "method": names(TeachingMethod.objects.order_by(*in_order)),
        "level": {value: str(label) for value, label in Course.Level.choices},
        "price": {
            FREE: "Free",
            UNDER_50: "Under $50",
            TO_100: "$50 to $100",
            OVER_100: "Over $100",
        },
        "language": {languages[name]: name for name in sorted(languages, key=str.casefold)},
        "access": {"captions": "Captions", "accessible": "Accessibility described"},
        "provider": names(Provider.objects.order_by("name", "pk")),
        "instructor": names(Instructor.objects.order_by("name", "pk")),
    }
    return Vocabulary(
        labels=labels,
        topics=topics,
        topic_of={area.slug: topic.slug for topic in topics for area in topic.focus_areas.all()},
        professions_of={
            body.slug: tuple(row.slug for row in body.professions.all()) for body in bodies
        },
    )
