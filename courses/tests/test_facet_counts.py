"""Every count of the catalog against brute force: plain loops over the tables that courses are
written in, which know nothing of how the catalog is kept.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from django.utils.text import slugify

from courses import listing, shelf, words
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
    Objective,
    Profession,
    Provider,
    Session,
    TeachingMethod,
    Topic,
)
from courses.shelf import Wanted
from courses.tests.factories import (
    ApprovalFactory,
    ApprovingBodyFactory,
    CourseFactory,
    CreditTypeFactory,
    FocusAreaFactory,
    InstructorFactory,
    ProviderFactory,
    SessionFactory,
    TeachingMethodFactory,
    TopicFactory,
)

pytestmark = pytest.mark.django_db

NEW_YORK, HONOLULU, TOKYO = map(ZoneInfo, ["America/New_York", "Pacific/Honolulu", "Asia/Tokyo"])
ZONES = [NEW_YORK, HONOLULU, ZoneInfo("UTC"), TOKYO]
TODAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ONE_DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _an_empty_memory():
    """The shelf stays in memory; the rows of the test before are gone."""
    shelf.forget()
    yield
    shelf.forget()


# --- What is true, by brute force -------------------------------------------


@dataclass(frozen=True)
class CreditLine:
    board: str
    type: str
    professions: frozenset[str]
    approved: tuple[tuple[date, date], ...]  # first and last day of each approval

    def is_in_date(self, day):
        return any(first <= day <= last for first, last in self.approved)


@dataclass(frozen=True)
class Facts:
    """One course, as its own rows say."""

    id: int
    is_published: bool
    published_at: datetime
    title: str
    hours: Decimal
    is_live: bool
    starts: tuple[datetime, ...]  # of its sessions, if it is live
    texts: tuple[tuple[str, ...], ...]  # lexemes of each thing that is searched
    credit: tuple[CreditLine, ...]
    always: dict[str, frozenset[str]]  # values of the facets that are the same on every day

    def in_date(self, day):
        return [line for line in self.credit if line.is_in_date(day)]

    def is_listed(self, day):
        return self.is_published and bool(self.in_date(day))

    def values(self, day):
        lines = self.in_date(day)
        return self.always | {
            "board": frozenset(line.board for line in lines),
            "type": frozenset(line.type for line in lines),
            "profession": frozenset(slug for line in lines for slug in line.professions),
        }

    def next_start(self, at):
        return min((start for start in self.starts if start > at), default=None)


def read_facts():
    approvals = list(Approval.objects.all())
    courses = Course.objects.select_related("provider").prefetch_related(
        "focus_areas__topic",
        "instructors",
        "teaching_methods",
        "objectives",
        "sessions",
        "credits__credit_type",
        "credits__body__professions",
    )
    return [facts_of(course, approvals) for course in courses]


def facts_of(course, approvals):
    areas = course.focus_areas.all()
    instructors = course.instructors.all()
    searched = [course.title, course.summary]
    searched += [area.name for area in areas] + [area.topic.name for area in areas]
    searched += [instructor.name for instructor in instructors]
    searched += [objective.text for objective in course.objectives.all()]
    is_live = course.format in {"in-person", "live-webinar", "hybrid"}
    access = {"captions": course.captions, "accessible": bool(course.accessibility)}
    return Facts(
        id=course.pk,
        is_published=course.status == "published",
        published_at=course.published_at,
        title=course.title,
        hours=course.hours,
        is_live=is_live,
        starts=tuple(session.starts_at for session in course.sessions.all() if is_live),
        texts=tuple(tuple(words.lexemes(text)) for text in searched),
        credit=tuple(
            CreditLine(
                board=line.body.slug,
                type=line.credit_type.slug,
                professions=frozenset(each.slug for each in line.body.professions.all()),
                approved=tuple(
                    (approval.valid_from, approval.valid_to or date.max)
                    for approval in approvals
                    if approval.provider_id == course.provider_id
                    and approval.body_id == line.body_id
                    and approval.course_id in {None, course.pk}
                ),
            )
            for line in course.credits.all()
        ),
        always={
            "topic": frozenset(area.topic.slug for area in areas),
            "focus": frozenset(area.slug for area in areas),
            "format": frozenset({course.format}),
            "method": frozenset(method.slug for method in course.teaching_methods.all()),
            "level": frozenset({course.level}),
            "price": frozenset({price_class(course.price)}),
            "language": frozenset({slugify(course.language)}),
            "access": frozenset(slug for slug, has_it in access.items() if has_it),
            "provider": frozenset({course.provider.slug}),
            "instructor": frozenset(instructor.slug for instructor in instructors),
        },
    )


def price_class(price):
    if price == 0:
        return "free"
    if price < 50:
        return "under-50"
    return "50-to-100" if price <= 100 else "over-100"


def read_choices():
    """Every choice of every facet, whether or not a course has it."""
    rows = {
        "topic": Topic,
        "focus": FocusArea,
        "profession": Profession,
        "board": ApprovingBody,
        "type": CreditType,
        "method": TeachingMethod,
        "provider": Provider,
        "instructor": Instructor,
    }
    once_published = Course.objects.exclude(status="draft")
    return {
        facet: sorted(model.objects.values_list("slug", flat=True)) for facet, model in rows.items()
    } | {
        "format": ["hybrid", "in-person", "live-webinar", "recorded", "text"],
        "level": ["advanced", "intermediate", "introductory"],
        "price": ["50-to-100", "free", "over-100", "under-50"],
        "language": sorted(
            {slugify(language) for language in once_published.values_list("language", flat=True)}
        ),
        "access": ["accessible", "captions"],
    }


def holds(course, group):
    """Does one of the group's phrases stand, word beside word, within one text?"""
    return any(
        text[start : start + len(phrase)] == phrase
        for phrase in group.alternatives
        for text in course.texts
        for start in range(len(text))
    )


def has_words(course, query):
    return all(holds(course, group) for group in query.wanted) and not any(
        holds(course, group) for group in query.unwanted
    )


def has_hours(course, wanted):
    return (wanted.hours_from is None or course.hours >= wanted.hours_from) and (
        wanted.hours_to is None or course.hours <= wanted.hours_to
    )


def is_new(course, wanted):
    return wanted.published_after is None or course.published_at > wanted.published_after


def is_on_dates(course, wanted, *, at, zone):
    if wanted.live_from is None and wanted.live_until is None:
        return True
    if not course.is_live:
        return wanted.on_demand
    first, last = wanted.live_from or date.min, wanted.live_until or date.max
    return any(
        start > at and first <= start.astimezone(zone).date() <= last for start in course.starts
    )


def has_chosen(values, chosen, *, but_for=""):
    """Within a facet "or", between facets "and"; topic and focus are one facet."""
    shelves = {facet: chosen[facet] for facet in ("topic", "focus") if facet in chosen}
    is_shelved = any(values[facet] & slugs for facet, slugs in shelves.items())
    return (is_shelved or not shelves or but_for in {"topic", "focus"}) and all(
        values[facet] & slugs
        for facet, slugs in chosen.items()
        if facet not in {"topic", "focus", but_for}
    )


def in_order(courses, sort, *, at):
    courses = sorted(courses, key=lambda course: (course.published_at, course.id), reverse=True)
    never = datetime.max.replace(tzinfo=UTC)
    keys = {
        "title": lambda course: course.title.casefold(),
        "shortest": lambda course: course.hours,
        "longest": lambda course: -course.hours,
        "soonest": lambda course: course.next_start(at) or never,
    }
    return sorted(courses, key=keys[sort]) if sort in keys else courses


@dataclass(frozen=True)
class Case:
    """What somebody asks of the catalog, somewhere, some day."""

    wanted: Wanted
    at: datetime = NOON
    zone: ZoneInfo = NEW_YORK
    typed: str = ""

    def __str__(self):
        asked = {field.name: getattr(self.wanted, field.name) for field in fields(self.wanted)}
        asked["query"] = self.typed
        said = [f"{name}={value!r}" for name, value in asked.items() if value not in ("", None, {})]
        return f"{' '.join(said)} at {self.at} in {self.zone}"

    @property
    def is_by_relevance(self):
        return self.wanted.sort in {"", "relevance"} and bool(self.wanted.query.wanted)

    def find(self, *, offset=0, limit=1000):
        return shelf.find(self.wanted, at=self.at, zone=self.zone, offset=offset, limit=limit)

    def found(self):
        """What the catalog answers, as flat as what ``brute_force`` answers."""
        found = self.find()
        return {
            "total": found.total,
            "listed": found.listed,
            "on demand": found.on_demand,
            "ids": sorted(found.course_ids) if self.is_by_relevance else found.course_ids,
        } | {
            (facet, slug): count
            for facet, counts in found.counts.items()
            for slug, count in counts.items()
        }

    def brute_force(self, courses, choices):
        """What the catalog should answer."""
        day = self.at.astimezone(self.zone).date()
        wanted = self.wanted
        listed = [(course, course.values(day)) for course in courses if course.is_listed(day)]
        on_any_date = [
            (course, values)
            for course, values in listed
            if has_words(course, wanted.query)
            and has_hours(course, wanted)
            and is_new(course, wanted)
        ]
        without_facets = [
            (course, values)
            for course, values in on_any_date
            if is_on_dates(course, wanted, at=self.at, zone=self.zone)
        ]
        matching = [
            course for course, values in without_facets if has_chosen(values, wanted.chosen)
        ]
        ordered = [course.id for course in in_order(matching, wanted.sort, at=self.at)]
        expected = {
            "total": len(matching),
            "listed": len(listed),
            "on demand": sum(
                not course.is_live and has_chosen(values, wanted.chosen)
                for course, values in on_any_date
            ),
            "ids": sorted(ordered) if self.is_by_relevance else ordered,
        }
        for facet, slugs in choices.items():
            others_apply = [
                values
                for _, values in without_facets
                if has_chosen(values, wanted.chosen, but_for=facet)
            ]
            for slug in slugs:
                expected[facet, slug] = sum(slug in values[facet] for values in others_apply)
        return expected


# --- Courses of all kinds ---------------------------------------------------

TITLES = [
    "Informed Consent, Anew",
    "consent in Telehealth",
    "Trauma-Informed Care",
    "CBT for Insomnia",
    "Cognitive Behavioral Therapy and Grief",
    "Émotions of Clients",
    "Grief in Families",
    "Risk, Informed",
    "the Suicidal Client",
    "Zoned Boundaries",
]
SENTENCES = [
    "Consent as a thread.",
    "What trauma asks of a therapist.",
    "Families, grief and the therapies of both.",
    "PTSD told plainly.",
    "Be informed.",
    "Consent begins before the first hour.",
    "Post-traumatic stress disorder, assessed.",
    "Risk and the law.",
]
TYPED = [
    "consent",
    "grief families",
    "families -grief",
    '"informed consent"',
    '"consent informed"',
    '-"informed consent"',
    "-grief -consent",
    "CBT",
    "cognitive behavioral therapy",
    "PTSD",
    "PTSD -moreno",
    "posttraumatic stress disorder",
    "therapies clients",
    "trauma-informed",
    "ethics",
    "law OR risk",
    "Moreno",
    "the",
    "zebra",
]
# NEW_YORK goes to summer time on March 8; 3:30 AM in UTC is late evening there, the day before.
STARTS = [
    datetime(2026, 2, 20, 18, 0, tzinfo=UTC),
    datetime(2026, 3, 2, 11, 59, 59, tzinfo=UTC),
    NOON,
    datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC),
    datetime(2026, 3, 3, 4, 30, tzinfo=UTC),
    datetime(2026, 3, 4, 3, 30, tzinfo=UTC),
    datetime(2026, 3, 8, 9, 30, tzinfo=UTC),
    datetime(2026, 3, 10, 3, 30, tzinfo=UTC),
    datetime(2026, 3, 10, 15, 0, tzinfo=UTC),
    datetime(2026, 4, 1, 16, 0, tzinfo=UTC),
]
DRAFTED = [None, *[datetime(2026, 1, day, 9, 0, 0, day, tzinfo=UTC) for day in range(1, 12)]]
PUBLISHED = DRAFTED[1:]
MOMENTS = [
    *[start + timedelta(microseconds=step) for start in STARTS[1:5] for step in (-1, 0, 1)],
    *[datetime(2026, 3, day, hour, 30, tzinfo=UTC) for day in (1, 2, 3) for hour in (4, 9, 16)],
    datetime(2026, 2, 1, 12, 0, tzinfo=UTC),
    datetime(2027, 3, 1, 12, 0, tzinfo=UTC),
]


def make_catalog(rng, *, courses=80):
    """Courses in every state, with approvals that begin and end around TODAY."""
    areas = make_choices()
    bodies = list(ApprovingBody.objects.order_by("pk"))
    types = list(CreditType.objects.order_by("pk"))
    methods = list(TeachingMethod.objects.order_by("pk"))
    instructors = list(Instructor.objects.order_by("pk"))
    *with_approvals, without = Provider.objects.order_by("pk")
    made = Course.objects.bulk_create(
        a_course(number, rng.choice([*with_approvals, *with_approvals, without]), rng)
        for number in range(courses)
    )
    rows = []
    for course in made:
        rows += [
            CourseFocusArea(course=course, focus_area=area, position=place)
            for place, area in enumerate(rng.sample(areas, rng.choice([0, 1, 1, 2, 3])))
        ]
        rows += [
            CourseInstructor(course=course, instructor=instructor, position=place)
            for place, instructor in enumerate(rng.sample(instructors, rng.choice([0, 1, 1, 2])))
        ]
        rows += [
            Objective(course=course, text=text, position=place)
            for place, text in enumerate(rng.sample(SENTENCES, 2))
        ]
        rows += [
            Course.teaching_methods.through(course=course, teachingmethod=method)
            for method in rng.sample(methods, rng.choice([0, 1, 2]))
        ]
        rows += [
            CourseCredit(course=course, body=body, credit_type=credit_type, hours=1, basis="Test")
            for body in rng.sample(bodies, rng.choice([0, 1, 2, 2, 3]))
            for credit_type in rng.sample(types, rng.choice([1, 1, 2]))
        ]
        # A course that is recorded by now may still have the sessions that it had when it was live.
        if course.is_live or rng.random() < 0.2:
            rows += [
                a_session(course, start)
                for start in rng.sample(STARTS, rng.choice([0, 1, 1, 2, 3]))
            ]
    for course in rng.sample(made, 16):
        # Of another provider, an approval of this course says nothing.
        rows.append(
            an_approval(
                rng.choice([course.provider, course.provider, *with_approvals]),
                rng.choice(bodies),
                *rng.choice([(-90, 90), (-90, 0), (0, 90), (1, 90), (-90, -1)]),
                course=course,
            )
        )
    save_all(rows)
    listing.relist([course.pk for course in made if course.status != "draft"])
    listing.relabel()


def make_choices():
    """All that can be chosen, with the providers' approvals. Returns the focus areas in use."""
    areas = [
        FocusAreaFactory(
            topic=TopicFactory(slug=topic, name=topic.title()), slug=slug, name=name, position=place
        )
        for place, (topic, slug, name) in enumerate(
            [
                ("ethics", "consent", "Informed consent"),
                ("ethics", "boundaries", "Boundaries"),
                ("ethics", "records", "Records"),
                ("trauma", "ptsd", "PTSD"),
                ("trauma", "grief", "Grief"),
                ("families", "couples", "Couples"),
                ("families", "nobody", "Taught by nobody"),
            ]
        )
    ]
    TopicFactory(slug="research", name="Research")
    social_work, counseling, nursing, _ = [
        Profession.objects.create(slug=slug, name=slug.title())
        for slug in ("social-work", "counseling", "nursing", "midwifery")
    ]
    one, two, three, four, nobody = [
        ApprovingBodyFactory(slug=slug, name=slug.upper())
        for slug in ("aswb-ace", "nbcc", "apa", "nysed", "naadac")
    ]
    one.professions.set([social_work, counseling])
    two.professions.set([counseling])
    three.professions.set([nursing])
    for slug in ("ethics", "general", "clinical", "nobody"):
        CreditTypeFactory(slug=slug, name=slug.title())
    for slug in ("reading", "lecture", "role-play"):
        TeachingMethodFactory(slug=slug, name=slug.title())
    for name in ("Ada Moreno", "Grace Lee", "Ida Consent", "Nobody Else"):
        InstructorFactory(slug=slugify(name), name=name)
    hollow_reed, alder, birch, _ = [
        ProviderFactory(slug=slug, name=slug.title())
        for slug in ("hollow-reed", "alder", "birch", "without-approval")
    ]
    save_all(
        [
            an_approval(hollow_reed, one, -400, 400),
            an_approval(hollow_reed, two, -400, -20),
            an_approval(hollow_reed, two, 1, None),
            an_approval(hollow_reed, three, -30, 0),
            an_approval(alder, one, -30, None),
            an_approval(alder, two, 0, 365),
            an_approval(alder, three, -30, -1),
            an_approval(birch, four, -400, 400),
            an_approval(birch, one, -5, 1),
        ]
    )
    return areas[:-1]


def a_course(number, provider, rng):
    status = rng.choice(["published"] * 8 + ["draft", "retired"])
    languages = ["English", "English", "Spanish", "spanish", "Français"]
    return Course(
        key=f"course-{number}",
        slug=f"course-{number}",
        status=status,
        published_at=None if status == "draft" else rng.choice(PUBLISHED),
        retired_at=NOON if status == "retired" else None,
        title=rng.choice(TITLES),
        summary=rng.choice(SENTENCES),
        level=rng.choice(Course.Level.values),
        format=rng.choice(Course.Format.values),
        language="Latin" if status == "draft" else rng.choice(languages),
        captions=rng.choice([True, False]),
        accessibility=rng.choice(["", "Transcripts."]),
        price=Decimal(rng.choice(["0", "0.01", "49.99", "50", "100", "100.01", "9999.99"])),
        hours=Decimal(rng.choice(["0.5", "1", "1.25", "1.5", "6", "12.75"])),
        provider=provider,
        last_reviewed_on=TODAY,
    )


def a_session(course, start):
    return Session(
        course=course,
        key=f"{start:%m%d-%H%M%S}",
        starts_at=start,
        ends_at=start + timedelta(hours=2),
        time_zone="America/New_York",
        join_url="https://meet.example/consent",
    )


def an_approval(provider, body, first, last, *, course=None):
    """From and to so many days after TODAY."""
    return Approval(
        provider=provider,
        body=body,
        course=course,
        number="0000",
        statement="Approved.",
        valid_from=TODAY + first * ONE_DAY,
        valid_to=None if last is None else TODAY + last * ONE_DAY,
    )


def save_all(rows):
    for model in dict.fromkeys(map(type, rows)):
        model.objects.bulk_create(row for row in rows if type(row) is model)


def random_cases(rng, courses, choices):
    """Without an end. Half of what is chosen is true of one course, so that something is found."""
    while True:
        somewhere = {"at": rng.choice([NOON, *MOMENTS]), "zone": rng.choice(ZONES)}
        course = rng.choice(courses)
        values = course.values(somewhere["at"].astimezone(somewhere["zone"]).date())
        chosen = {}
        for facet in rng.sample(sorted(choices), rng.choice([0, 1, 1, 2, 2, 3, 4, 5])):
            slugs = rng.sample(choices[facet], min(len(choices[facet]), rng.choice([1, 1, 2, 3])))
            chosen[facet] = frozenset(slugs) | (values[facet] if rng.random() < 0.6 else set())
        typed = rng.choice([*[""] * len(TYPED), *TYPED])
        hours = rng.choice([(None, None)] * 4 + [("1.25", None), (None, "1.25"), ("1", "6")])
        live = rng.choice([(None, None)] * 3 + [(0, 7), (1, 1), (2, None), (None, 7), (8, 30)])
        wanted = Wanted(
            query=words.parse(typed),
            chosen=chosen,
            hours_from=hours[0] and Decimal(hours[0]),
            hours_to=hours[1] and Decimal(hours[1]),
            live_from=None if live[0] is None else TODAY + live[0] * ONE_DAY,
            live_until=None if live[1] is None else TODAY + live[1] * ONE_DAY,
            on_demand=rng.choice([True, False]),
            sort=rng.choice(["", "relevance", "soonest", "newest", "title", "shortest", "longest"]),
            published_after=rng.choice([None, None, None, None, PUBLISHED[4]]),
        )
        yield Case(wanted, typed=typed, **somewhere)


# --- The catalog against it -------------------------------------------------


def test_every_count_equals_brute_force():
    rng = random.Random(2026)
    make_catalog(rng)
    courses, choices = read_facts(), read_choices()
    found_something = 0

    for case in islice(random_cases(rng, courses, choices), 400):
        expected = case.brute_force(courses, choices)

        assert case.found() == expected, f"Asked: {case}"
        found_something += expected["total"] > 0

    assert found_something > 150  # else the cases say little


def test_pages_are_parts_of_the_whole_and_the_count_is_that_of_the_whole():
    rng = random.Random(7)
    make_catalog(rng)
    courses, choices = read_facts(), read_choices()

    for case in islice(random_cases(rng, courses, choices), 60):
        whole = case.find()
        pages = [case.find(offset=offset, limit=7) for offset in range(0, whole.total + 1, 7)]

        assert [pk for page in pages for pk in page.course_ids] == whole.course_ids, f"{case}"
        assert {page.total for page in pages} == {whole.total}, f"{case}"
        assert shelf.count(case.wanted, at=case.at, zone=case.zone) == whole.total, f"{case}"


# --- After changes ----------------------------------------------------------


def publish_a_draft(listed, *, published_at=NOON):
    approval = Approval.objects.get(course=None, valid_from__lt=TODAY, valid_to=None)
    # The last one first, so that those of one moment do not come in the order of their ids.
    course = Course.objects.filter(status="draft").order_by("-pk")[0]
    course.status, course.published_at = "published", published_at
    course.provider, course.language = approval.provider, "English"
    course.save()
    course.credits.all().delete()
    CourseCredit.objects.create(
        course=course, body=approval.body, credit_type=CreditType.objects.all()[0], hours=1
    )
    return [course.pk]


def publish_a_draft_as_if_long_ago(listed):
    return publish_a_draft(listed, published_at=PUBLISHED[2])


def retire_a_course(listed):
    course = listed[0]
    course.status, course.retired_at = "retired", NOON
    course.save()
    return [course.pk]


def publish_a_retired_course_again(listed):
    course = Course.objects.filter(retired_at=NOON, status="retired").order_by("pk")[0]
    course.status, course.retired_at = "published", None
    course.save()
    return [course.pk]


def edit_a_title_and_what_is_chosen_by(listed):
    course = listed.filter(sessions__isnull=True)[0]
    course.title, course.language, course.level = "Abandoned zebras", "Welsh", "advanced"
    course.price, course.captions, course.hours = Decimal(0), not course.captions, Decimal("9.75")
    course.save()
    course.teaching_methods.set([TeachingMethod.objects.get(slug="role-play")])
    return [course.pk]


def edit_the_only_course_in_a_language(listed):
    course = Course.objects.get(language="Welsh")
    course.language = "English"
    course.save()
    return [course.pk]


def move_a_session(listed):
    course = listed.filter(format__in=Course.LIVE_FORMATS, sessions__starts_at__gt=NOON)[0]
    begins, ends = [datetime(2028, 3, 2, hour, 0, tzinfo=UTC) for hour in (15, 17)]
    course.sessions.filter(starts_at__gt=NOON).update(starts_at=begins, ends_at=ends)
    return [course.pk]


def make_a_live_course_recorded(listed):
    course = listed.filter(format__in=Course.LIVE_FORMATS, sessions__starts_at__gt=NOON)[0]
    course.format = "recorded"
    course.save()
    return [course.pk]


def end_an_approval(listed):
    provider = listed[0].provider
    Approval.objects.filter(provider=provider, body__slug="aswb-ace").update(
        valid_to=TODAY - ONE_DAY
    )
    return list(provider.courses.values_list("pk", flat=True))


def remove_a_focus_area(listed):
    course = listed.filter(focus_areas__isnull=False)[0]
    course.course_focus_areas.all()[0].delete()
    return [course.pk]


def let_another_profession_accept_a_board(listed):
    board = ApprovingBody.objects.get(slug="aswb-ace")
    board.professions.set([Profession.objects.get(slug="midwifery")])
    listing.relabel()
    return []


def rename_and_add_what_is_chosen_by(listed):
    FocusArea.objects.filter(slug="consent").update(name="Zebras")
    FocusAreaFactory(slug="new", name="New")
    CreditTypeFactory(slug="new", name="New")
    listing.relabel()
    return list(Course.objects.values_list("pk", flat=True))


CHANGES = [
    publish_a_draft,
    publish_a_draft,
    publish_a_draft_as_if_long_ago,
    retire_a_course,
    publish_a_retired_course_again,
    edit_a_title_and_what_is_chosen_by,
    edit_the_only_course_in_a_language,
    move_a_session,
    make_a_live_course_recorded,
    end_an_approval,
    remove_a_focus_area,
    let_another_profession_accept_a_board,
    rename_and_add_what_is_chosen_by,
]


def test_after_each_change_every_count_equals_brute_force_and_a_catalog_read_anew():
    rng = random.Random(11)
    make_catalog(rng, courses=60)
    courses, choices = read_facts(), read_choices()
    soonest = Case(Wanted(sort="soonest"))
    cases = [
        soonest,
        Case(Wanted()),
        Case(Wanted(sort="title")),
        Case(Wanted(query=words.parse("zebra")), typed="zebra"),
        *islice(random_cases(rng, courses, choices), 16),
        soonest,  # the last before a change and the first after it, if anything is kept too long
    ]
    before = [case.brute_force(courses, choices) for case in cases]

    for change in CHANGES:
        listed = [course.id for course in courses if course.is_listed(TODAY)]
        listing.relist(change(Course.objects.filter(pk__in=listed).order_by("pk")))

        courses, choices = read_facts(), read_choices()
        expected = [case.brute_force(courses, choices) for case in cases]
        assert expected != before, f"{change.__name__} changed nothing"
        for case, truth in zip(cases, expected, strict=True):
            assert case.found() == truth, f"After {change.__name__}, asked: {case}"
        patched = [case.find() for case in cases]
        shelf.forget()
        for case, found in zip(cases, patched, strict=True):
            assert case.find() == found, f"Read anew after {change.__name__}, asked: {case}"
        before = expected


# --- By hand: is brute force itself right? ----------------------------------


def a_listed_course(*areas, **changes):
    """A small course in the catalog, in no other focus areas than these."""
    course = CourseFactory(parts__lessons=0, parts__questions=0, **changes)
    if areas:
        course.course_focus_areas.all().delete()
        save_all([CourseFocusArea(course=course, focus_area=area) for area in areas])
    return course


def find(*, at=NOON, zone=NEW_YORK, **wanted):
    listing.relist(list(Course.objects.exclude(status="draft").values_list("pk", flat=True)))
    listing.relabel()
    return shelf.find(Wanted(**wanted), at=at, zone=zone)


def test_only_published_courses_with_credit_in_date_count():
    listed = a_listed_course()
    a_listed_course(draft=True)
    a_listed_course(retired=True)
    a_listed_course().credits.all().delete()
    lapsed = ProviderFactory(slug="lapsed")
    ApprovalFactory(provider=lapsed, valid_to=TODAY - ONE_DAY)
    a_listed_course(provider=lapsed)
    tomorrow = ProviderFactory(slug="tomorrow")
    ApprovalFactory(provider=tomorrow, valid_from=TODAY + ONE_DAY)
    a_listed_course(provider=tomorrow)

    found = find()

    assert (found.course_ids, found.total, found.listed) == ([listed.pk], 1, 1)
    assert found.counts["provider"] == {"hollow-reed": 1, "lapsed": 0, "tomorrow": 0}
    assert found.counts["format"] == {
        "in-person": 0,
        "live-webinar": 0,
        "recorded": 0,
        "text": 1,
        "hybrid": 0,
    }


def test_an_approval_of_one_course_counts_for_that_course_of_that_provider_only():
    covered, other = a_listed_course(), a_listed_course()
    Approval.objects.all().delete()
    ApprovalFactory(course=covered)
    ApprovalFactory(course=other, provider=ProviderFactory(slug="alder"))

    assert find().course_ids == [covered.pk]


def test_board_type_and_profession_count_only_the_lines_in_date():
    course = a_listed_course()
    lapsed = ApprovingBodyFactory(slug="nbcc", name="NBCC")
    lapsed.professions.add(Profession.objects.create(slug="counseling", name="Counselors"))
    CourseCredit.objects.create(
        course=course, body=lapsed, credit_type=CreditTypeFactory(slug="general"), hours=1
    )
    ApprovalFactory(body=lapsed, valid_to=TODAY)
    morning = datetime(2026, 3, 2, 8, 0, tzinfo=NEW_YORK)

    on_its_last_day, the_day_after = find(at=morning), find(at=morning + ONE_DAY)

    assert on_its_last_day.counts["board"] == {"aswb-ace": 1, "nbcc": 1}
    assert on_its_last_day.counts["type"] == {"ethics": 1, "general": 1}
    assert on_its_last_day.counts["profession"] == {"counseling": 1}
    assert the_day_after.counts["board"] == {"aswb-ace": 1, "nbcc": 0}
    assert the_day_after.counts["type"] == {"ethics": 1, "general": 0}
    assert the_day_after.counts["profession"] == {"counseling": 0}


def test_an_approval_ends_with_the_day_of_the_visitor():
    a_listed_course()
    Approval.objects.update(valid_to=TODAY)
    evening = datetime(2026, 3, 3, 4, 30, tzinfo=UTC)  # March 2, 11:30 PM, in New York

    assert [find(at=evening, zone=zone).listed for zone in ZONES] == [1, 1, 0, 0]


def test_within_a_facet_or_between_facets_and():
    a_listed_course(level="introductory", format="text")
    a_listed_course(level="advanced", format="text")
    a_listed_course(level="advanced", format="recorded")

    found = find(chosen={"level": frozenset({"advanced"}), "format": frozenset({"text"})})
    either = find(chosen={"level": frozenset({"advanced", "introductory"})})

    assert (found.total, either.total) == (1, 3)
    assert found.counts["level"] == {"introductory": 1, "intermediate": 0, "advanced": 1}
    assert found.counts["format"]["text"] == found.counts["format"]["recorded"] == 1


def test_topic_and_focus_are_one_facet_and_a_course_counts_once_in_a_topic():
    consent, records = [FocusAreaFactory(slug=slug) for slug in ("consent", "records")]
    grief = FocusAreaFactory(slug="grief", topic=TopicFactory(slug="trauma"))
    a_listed_course(consent, records)
    a_listed_course(records)
    a_listed_course(grief)

    found = find(chosen={"focus": frozenset({"consent"}), "topic": frozenset({"trauma"})})

    assert found.total == 2
    assert found.counts["topic"] == {"ethics": 2, "trauma": 1}
    assert found.counts["focus"] == {"consent": 1, "records": 2, "grief": 1}


@pytest.mark.parametrize(
    ("live_from", "zone", "total"),
    [
        (date(2026, 6, 1), NEW_YORK, 1),
        (date(2026, 6, 2), NEW_YORK, 0),
        (date(2026, 6, 1), TOKYO, 0),
        (date(2026, 6, 2), TOKYO, 1),
    ],
)
def test_a_late_session_is_on_the_day_of_the_visitor(live_from, zone, total):
    course = a_listed_course(live=True)
    SessionFactory(course=course, starts_at=datetime(2026, 6, 2, 3, 30, tzinfo=UTC))

    assert find(live_from=live_from, live_until=live_from, zone=zone).total == total


@pytest.mark.parametrize(("after", "total"), [(-1, 1), (0, 0), (1, 0)])
def test_a_session_that_has_begun_is_no_live_date(after, total):
    session = SessionFactory()
    at = session.starts_at + timedelta(microseconds=after)

    assert find(live_from=date(2026, 6, 1), at=at).total == total


def test_with_dates_other_courses_are_kept_only_on_demand():
    webinar = SessionFactory().course
    a_listed_course(live=True)
    text = a_listed_course()

    live = find(live_from=TODAY)
    both = find(live_from=TODAY, on_demand=True, sort="soonest")

    assert (live.course_ids, live.on_demand) == ([webinar.pk], 1)
    assert (both.course_ids, both.on_demand) == ([webinar.pk, text.pk], 1)


def test_relevance_goes_by_where_the_word_stands_then_by_the_newest():
    plain = {"title": "Records", "summary": "Records.", "published_at": NOON}
    elsewhere = FocusAreaFactory(slug="records", name="Records")
    in_objective = a_listed_course(elsewhere, **plain)
    Objective.objects.filter(course=in_objective).update(text="Explain zebras.")
    in_summary = a_listed_course(elsewhere, **plain | {"summary": "Of zebras."})
    in_focus_area = a_listed_course(FocusAreaFactory(slug="zebras", name="Zebras"), **plain)
    older, newer = [
        a_listed_course(
            elsewhere, **plain | {"title": "The zebra", "published_at": NOON - days * ONE_DAY}
        )
        for days in (2, 1)
    ]
    a_listed_course(elsewhere, **plain)

    found = find(query=words.parse("zebra"))

    assert found.course_ids == [
        course.pk for course in (newer, older, in_focus_area, in_summary, in_objective)
    ]


def test_a_phrase_does_not_reach_from_one_text_into_the_next():
    split = a_listed_course(title="Be informed", summary="Consent matters.")
    whole = a_listed_course(FocusArea.objects.get(), title="Informed, consent", summary="Records.")
    FocusArea.objects.update(name="Records")
    Objective.objects.filter(course=split).update(text="Be well informed.")
    Objective.objects.create(course=split, text="Consent again.", position=1)

    assert find(query=words.parse('"informed consent"')).course_ids == [whole.pk]
    assert find(query=words.parse('-"informed consent"')).course_ids == [split.pk]
