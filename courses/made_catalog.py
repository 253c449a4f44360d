"""A made-up catalog of any size, for benchmarks: realistic, and the same again for the same seed.

Its words come from ``courses/reference/made_catalog.yaml``. Rows go to the database in bulk,
past the models, so nothing here asks whether a course may be published.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import accumulate, pairwise, zip_longest
from pathlib import Path
from random import Random
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import yaml
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.utils.text import slugify

from courses import hours, reference_data, words
from courses.models import (
    Approval,
    ApprovingBody,
    Course,
    CourseCredit,
    CourseFocusArea,
    CourseInstructor,
    CreditType,
    FocusArea,
    Instructor,
    Lesson,
    Objective,
    Provider,
    Session,
    TeachingMethod,
)

FILE = Path(__file__).parent / "reference" / "made_catalog.yaml"
CHUNK = 5_000  # courses in one transaction, and in memory
YEARS = 5  # of publishing

SMALL_WORDS = {"a", "and", "at", "for", "in", "of", "on", "or", "the", "to"}
# Terms that people look for. Nobody looks for "a decision tree".
SEARCHED = ("condition", "modality", "population", "setting", "skill", "medication", "origin")

T = TypeVar("T")


class NotEmptyError(Exception):
    """There is a catalog already; the message says so."""


class Draw(Generic[T]):
    """Things to draw from, some more often than others."""

    def __init__(self, things: Iterable[T], weights: Iterable[float]) -> None:
        self.things = list(things)
        self.sums = list(accumulate(weights))

    def one(self, chance: Random) -> T:
        return self.things[bisect(self.sums, chance.random() * self.sums[-1])]

    def some(self, chance: Random, count: int) -> list[T]:
        """That many different things."""
        found: dict[T, None] = {}
        while len(found) < count:
            found[self.one(chance)] = None
        return list(found)


def zipf(things: Sequence[T], *, steepness: float = 1) -> Draw[T]:
    """The first twice as often as the second, three times as often as the third, ..."""
    return Draw(things, (1 / rank**steepness for rank in range(1, len(things) + 1)))


def fill(
    courses: int,
    *,
    seed: int,
    today: date,
    at: datetime,
    on_progress: Callable[[int], None] = lambda written: None,
) -> None:
    """Write that many courses, and who offers and teaches them, into an empty catalog.

    ``on_progress`` is told how many courses were written since it was last called.
    Raises NotEmptyError if there is any course, provider or instructor.
    """
    if any(model.objects.exists() for model in (Course, Provider, Instructor)):
        raise NotEmptyError(
            "There are courses, providers or instructors already; nothing was written. "
            "A catalog is made up in an empty database only."
        )
    reference_data.load()
    tables = _Tables()
    maker = _Maker(courses, chance=Random(seed), today=today, at=at, tables=tables)  # noqa: S311
    for first in range(0, courses, CHUNK):
        count = min(CHUNK, courses - first)
        with transaction.atomic():
            for _ in range(count):
                maker.add_course()
            tables.write()
        on_progress(count)
    tables.restart_sequences()


def queries(seed: int, n: int) -> list[str]:
    """Searches of one or two words that visitors of a made-up catalog might type."""
    chance = Random(seed)  # noqa: S311  Nothing here is secret.
    lists = [*(_read()["terms"][name] for name in SEARCHED), _read()["last_names"]]
    lists += [area["themes"] for area in _read()["focus_areas"].values()]
    ranked = dict.fromkeys(term for rank in zip_longest(*lists) for term in rank if term)
    typed = zipf([found for found in map(_searched_for, ranked) if found], steepness=0.8)
    synonym = zipf(_read()["synonyms"])
    searches = []
    for _ in range(n):
        term, kind = typed.one(chance), chance.random()
        if kind < 0.12:
            search = [synonym.one(chance)]
        elif kind < 0.6:
            search = [chance.choice(term)]
        elif kind < 0.8 and len(term) > 1:
            search = list(chance.choice(list(pairwise(term))))
        else:
            search = [chance.choice(term), chance.choice(typed.one(chance))]
        searches.append(" ".join(dict.fromkeys(search)))
    return searches


def _searched_for(term: str) -> list[str]:
    return [word for word in term.lower().split() if word not in words.STOP_WORDS]


@cache
def _read() -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


# --- Rows -------------------------------------------------------------------


class _Tables:
    """Rows that wait to be written; gives them their primary keys, from 1 on."""

    def __init__(self) -> None:
        self.rows: dict[type[models.Model], list[dict[str, Any]]] = {}
        self.last: dict[type[models.Model], int] = {}

    def add(self, model: type[models.Model], **values: Any) -> int:
        """The row's primary key. Each table is given the same columns every time."""
        pk = self.last[model] = self.last.get(model, 0) + 1
        self.rows.setdefault(model, []).append({"id": pk, **values})
        return pk

    def write(self) -> None:
        for model, rows in self.rows.items():
            if rows:
                _write(model, list(rows[0]), [list(row.values()) for row in rows])
                rows.clear()

    def restart_sequences(self) -> None:
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), list(self.last)):
                cursor.execute(statement)


def _write(model: type[models.Model], columns: list[str], rows: list[list[Any]]) -> None:
    """Insert rows as fast as the database can: COPY on PostgreSQL, ``executemany`` on SQLite."""
    table = connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001
    names = ", ".join(connection.ops.quote_name(column) for column in columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            for place, column in enumerate(columns):
                field = model._meta.get_field(column)  # noqa: SLF001
                # These are kept as text, in forms that Django knows; asking for all takes long.
                if isinstance(field, models.DateField | models.DecimalField):
                    for row in rows:
                        row[place] = field.get_db_prep_save(row[place], connection)
            places = ", ".join(["%s"] * len(columns))
            insert = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608
            cursor.executemany(insert, rows)


# --- Courses ----------------------------------------------------------------


@dataclass(frozen=True)
class _Provider:
    pk: int
    bodies: list[ApprovingBody]


class _Maker:
    """Makes providers and instructors for a number of courses, then one course after another."""

    def __init__(
        self, courses: int, *, chance: Random, today: date, at: datetime, tables: _Tables
    ) -> None:
        self.words = _read()
        self.chance = chance
        self.today = today
        self.at = at
        self.tables = tables

        self.bodies = list(ApprovingBody.objects.order_by("position"))
        self.types = {kind.slug: kind.pk for kind in CreditType.objects.all()}
        areas = list(FocusArea.objects.order_by("position"))
        methods = list(TeachingMethod.objects.order_by("position").values_list("pk", flat=True))
        chance.shuffle(areas)
        self.areas = zipf(areas, steepness=0.8)
        self.methods = zipf(methods)
        self.themes = {
            slug: zipf([_both(term) for term in area["themes"]])
            for slug, area in self.words["focus_areas"].items()
        }
        self.type_of = {
            slug: zipf(area["credit_types"]) for slug, area in self.words["focus_areas"].items()
        }
        self.terms = {
            name: (name.capitalize(), zipf([_both(term) for term in terms]))
            for name, terms in self.words["terms"].items()
        }
        self.places = [
            (place, zone) for zone, places in self.words["places"].items() for place in places
        ]
        self.zones = {zone: ZoneInfo(zone) for zone in self.words["places"]}
        self.shares = {
            name: Draw(shares, shares.values()) for name, shares in self.words["shares"].items()
        }

        self.people = self._names("first_names", "last_names")
        self.instructors = zipf(
            self._add_instructors(min(max(courses // 20, 20), 20_000)), steepness=0.5
        )
        self.providers = zipf(
            self._add_providers(min(max(courses // 400, 5), 2_000)), steepness=0.5
        )

    def _names(self, *lists: str) -> list[str]:
        """Every combination of one name from each list, in any order."""
        names = [""]
        for choices in lists:
            names = [f"{name} {choice}".strip() for name in names for choice in self.words[choices]]
        self.chance.shuffle(names)
        return names

    def _day(self, earliest: int, latest: int) -> date:
        return self.today + timedelta(days=self.chance.randint(earliest, latest))

    def _share(self, name: str) -> Any:
        return self.shares[name].one(self.chance)

    def _add_instructors(self, count: int) -> list[int]:
        return [
            self.tables.add(
                Instructor,
                slug=f"{slugify(name)}-{number}",
                name=name,
                credentials=self.chance.choice(self.words["credentials"]),
                position=self.chance.choice(self.words["positions"]),
                bio="Has practiced and taught for many years.",
            )
            for number, name in enumerate(self.people[:count], start=1)
        ]

    def _add_providers(self, count: int) -> list[_Provider]:
        names = self._names("provider_places", "provider_features", "provider_kinds")
        return [self._add_provider(name) for name in names[:count]]

    def _add_provider(self, name: str) -> _Provider:
        chance, slug = self.chance, slugify(name)
        street = f"{chance.randint(1, 999)} {chance.choice(self.words['streets'])}"
        pk = self.tables.add(
            Provider,
            slug=slug,
            name=name,
            address=f"{street}\n{chance.choice(self.places)[0]}",
            email=f"office@{slug}.example",
            phone=f"(555) 555-{chance.randint(100, 199):04}",
            website=f"https://{slug}.example",
            director=f"{chance.choice(self.people)}, {chance.choice(self.words['credentials'])}",
            **self.words["provider"],
        )
        bodies = chance.sample(self.bodies, chance.randint(2, 6))
        for body in bodies:
            self._add_approval(pk, name, body, course=None)
        return _Provider(pk, bodies)

    def _add_approval(
        self, provider: int, who: str, body: ApprovingBody, *, course: int | None
    ) -> None:
        chance = self.chance.random()
        valid_from, valid_to = self._day(-900, -30), self._day(10, 900)
        if chance < 0.08:
            valid_from, valid_to = self._day(-1500, -500), self._day(-400, -1)
        elif chance < 0.12:
            valid_from, valid_to = self._day(1, 120), self._day(400, 1500)
        number = f"{provider:04}-{body.slug}" + (f"-{course}" if course else "")
        self.tables.add(
            Approval,
            provider_id=provider,
            body_id=body.pk,
            course_id=course,
            number=number,
            statement=f"{who}, no. {number}, is approved by {body.full_name}.",
            valid_from=valid_from,
            valid_to=None if chance > 0.92 else valid_to,
        )

    def add_course(self) -> None:
        """One course with all its parts."""
        chance = self.chance
        areas = self.areas.some(chance, 1 + bisect((0.5, 0.85), chance.random()))
        terms = self._terms(areas[0])
        format_, status = self._share("format"), self._share("status")
        is_live = format_ in Course.LIVE_FORMATS
        minutes = self._share("minutes") if chance.random() < 0.9 else 15 * chance.randint(2, 48)
        language = self._share("language")
        title = self._title(language, terms)
        is_draft, is_retired = status == Course.Status.DRAFT, status == Course.Status.RETIRED
        published_at = self.at - timedelta(seconds=chance.randint(60, YEARS * 365 * 86_400))
        retired_at = published_at + (self.at - published_at) * chance.random()
        number = self.tables.last.get(Course, 0) + 1
        provider = self.providers.one(chance)
        pk = self.tables.add(
            Course,
            key=f"made-{number}",
            slug=f"{slugify(title)[:70].rstrip('-')}-{number}",
            status=status,
            published_at=None if is_draft else published_at,
            retired_at=retired_at if is_retired else None,
            title=title,
            summary=self._sentence("summaries", terms),
            about="\n\n".join(self._sentences("abouts", 4, terms)),
            audience=f"Licensed {terms['profession']} in {terms['setting']}.",
            prerequisites=self._sentence("prerequisites", terms) if chance.random() < 0.2 else "",
            level=self._share("level"),
            format=format_,
            language=language,
            captions=format_ != Course.Format.TEXT and chance.random() < 0.75,
            accessibility=self._sentence("accessibility", terms) if chance.random() < 0.3 else "",
            price=self._price(minutes, is_live=is_live),
            provider_id=provider.pk,
            hours=_hours(minutes, 60),
            difficulty=Decimal(chance.randint(2, 10)) / 2
            if format_ == Course.Format.TEXT
            else None,
            requires_lessons=not is_live,
            requires_attendance=is_live,
            requires_post_test=not is_live,
            requires_evaluation=True,
            attestation="",
            attendance_minutes=minutes * 9 // 10 if is_live else None,
            pass_mark=chance.choice((70, 75, 75, 80)),
            attempts_allowed=None,
            retake_after_minutes=0,
            rationales=Course.Rationales.AT_THE_END,
            **self.words["course"],
            last_reviewed_on=self._day(-700, 0),
        )
        self._add_parts(pk, areas, terms)
        self._add_credits(pk, provider, areas[0], minutes)
        if is_live:
            self._add_sessions(pk, format_, minutes, latest=0 if is_retired else 300)
        else:
            self.tables.add(
                Lesson,
                course_id=pk,
                key="lesson",
                position=0,
                title="Lesson",
                kind=Lesson.Kind.TEXT,
                file="",
                link="",
                captions="",
                body=f"Notes on {terms['theme']}.",
                minutes=minutes,
            )

    def _terms(self, area: FocusArea) -> dict[str, str]:
        terms = {}
        terms["theme"], terms["Theme"] = self.themes[area.slug].one(self.chance)
        for name, (capitalized, choices) in self.terms.items():
            terms[name], terms[capitalized] = choices.one(self.chance)
        return terms

    def _title(self, language: str, terms: dict[str, str]) -> str:
        if other := self.words["other_titles"].get(language):
            return ": ".join(map(self.chance.choice, other))
        title = self.chance.choice(self.words["titles"]).format_map(terms)
        return ": ".join(part[0].upper() + part[1:] for part in title.split(": "))

    def _sentence(self, name: str, terms: dict[str, str]) -> str:
        return self._sentences(name, 1, terms)[0]

    def _sentences(self, name: str, count: int, terms: dict[str, str]) -> list[str]:
        filled = (
            sentence.format_map(terms) for sentence in self.chance.sample(self.words[name], count)
        )
        return [sentence[0].upper() + sentence[1:] for sentence in filled]

    def _price(self, minutes: int, *, is_live: bool) -> Decimal:
        chance = self.chance
        if chance.random() < 0.1:
            return Decimal(0)
        per_hour = chance.uniform(15, 45) if is_live else chance.uniform(6, 22)
        dollars = max(5, round(per_hour * minutes / 60))
        return dollars - Decimal("0.01") if chance.random() < 0.3 else Decimal(dollars)

    def _add_parts(self, course: int, areas: list[FocusArea], terms: dict[str, str]) -> None:
        chance, add = self.chance, self.tables.add
        for position, area in enumerate(areas):
            add(CourseFocusArea, course_id=course, focus_area_id=area.pk, position=position)
        teachers = self.instructors.some(chance, 1 + bisect((0.6, 0.9), chance.random()))
        for position, teacher in enumerate(teachers):
            add(CourseInstructor, course_id=course, instructor_id=teacher, position=position)
        for method in self.methods.some(chance, chance.randint(1, 3)):
            add(Course.teaching_methods.through, course_id=course, teachingmethod_id=method)
        sentences = self._sentences("objectives", chance.randint(3, 5), terms)
        for position, text in enumerate(sentences):
            add(Objective, course_id=course, position=position, text=text)

    def _add_credits(self, course: int, provider: _Provider, area: FocusArea, minutes: int) -> None:
        chance = self.chance
        bodies = chance.sample(provider.bodies, chance.randint(2, min(4, len(provider.bodies))))
        if chance.random() < 0.01:
            # A body that approved this one course.
            own = chance.choice([body for body in self.bodies if body not in provider.bodies])
            self._add_approval(provider.pk, "This course", own, course=course)
            bodies[-1] = own
        for position, body in enumerate(bodies):
            self.tables.add(
                CourseCredit,
                course_id=course,
                body_id=body.pk,
                credit_type_id=self.types[self.type_of[area.slug].one(chance)],
                hours=_hours(minutes, body.minutes_per_hour),
                basis=f"{minutes} minutes at {body.minutes_per_hour} an hour",
                position=position,
            )

    def _add_sessions(self, course: int, format_: str, minutes: int, *, latest: int) -> None:
        """One to four, from 60 days ago on, in the morning of a place's time zone."""
        chance = self.chance
        for position in range(chance.randint(1, 4)):
            city, zone = chance.choice(self.places)
            begins = time(chance.randint(8, 11), chance.choice((0, 30)), tzinfo=self.zones[zone])
            starts_at = datetime.combine(self._day(-60, latest), begins).astimezone(UTC)
            is_online = format_ != Course.Format.IN_PERSON
            self.tables.add(
                Session,
                course_id=course,
                key=f"session-{position + 1}",
                starts_at=starts_at,
                ends_at=starts_at + timedelta(minutes=minutes),
                time_zone=zone,
                capacity=self._share("seats"),
                place=""
                if format_ == Course.Format.LIVE_WEBINAR
                else f"{chance.choice(self.words['venues'])}, {city}",
                join_url=f"https://meet.example/{course}-{position + 1}" if is_online else "",
                cancel_reason="",
                sequence=0,
                # No secret: these sessions are for measuring, the same for the same seed.
                check_in_key=f"made-{course}-{position + 1}",
            )


def _both(term: str) -> tuple[str, str]:
    """A term as in a sentence, and as in a title: “warning signs”, “Warning Signs”."""
    titled = (
        word
        if word in SMALL_WORDS
        else "-".join(part[:1].upper() + part[1:] for part in word.split("-"))
        for word in term.split()
    )
    return term, " ".join(titled)


@cache
def _hours(minutes: int, minutes_per_hour: int) -> Decimal:
    return hours.from_minutes(minutes, minutes_per_hour=minutes_per_hour)
