"""The demonstration: accounts, licenses, a supervision, and some credit earned the ordinary way."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.db import transaction

from accounts import invitations, licenses
from accounts.models import OutgoingMail, Scope, Side, User
from courses import (
    assignments,
    completion,
    enrollment,
    evaluation,
    importing,
    lessons,
    post_test,
    reference_data,
)
from courses.models import Course, CreditType, Enrollment, Topic
from transcripts import plans

CATALOG = Path(__file__).parent / "demo_catalog"
PASSWORD = "quiet-pine-demo"  # noqa: S105  Named in the README; these accounts never leave a demonstration.

PEOPLE = [
    (
        "clinician@example.com",
        "Maya Okafor",
        [("NY", "LCSW", "000000"), ("NJ", "LCSW", "44SC00000000")],
    ),
    ("supervisor@example.com", "Helena Brandt", [("NY", "LCSW-R", "000001")]),
    ("trainee@example.com", "Priya Raman", [("NY", "LMSW", "000002")]),
    ("curator@example.com", "Ingrid Solheim", []),
]

# Who completed what, and how many days ago.
HISTORY = [
    ("clinician@example.com", "cultural-humility-first-five-sessions", 400),
    ("clinician@example.com", "compassion-fatigue-gauges", 210),
    ("clinician@example.com", "implicit-bias-clinical-decisions", 95),
    ("trainee@example.com", "listening-and-alliance-repair", 160),
    ("trainee@example.com", "asking-about-suicide", 75),
    ("trainee@example.com", "cbt-for-insomnia-introduction", 20),
]
READING = timedelta(hours=1)
# Whose plan, set by whom; for the license of which type; days since it began, and its length.
PLANS: list[tuple[str, str, str, str, tuple[int, int], tuple[int, dict[str, int]]]] = [
    (
        "clinician@example.com",
        "clinician@example.com",
        "New York LCSW renewal",
        "LCSW",
        (700, 3 * 365),
        (36, {"": 12, "ethics": 3, "cultural-competence": 2}),
    ),
    (
        "trainee@example.com",
        "supervisor@example.com",
        "LMSW toward LCSW",
        "",
        (170, 365),
        (24, {"": 8, "ethics": 3, "suicide-prevention": 2}),
    ),
]
# What Helena assigns Priya: a course, or hours of a topic; in how many days it is due, and a note.
ASSIGNMENTS: list[tuple[type[Course | Topic], str, Decimal | None, int, str]] = [
    (Course, "ethics-at-the-edges", None, 12, "Read it before we speak about the spring cases."),
    (Topic, "trauma-informed-care", Decimal(3), 60, ""),
]
IN_PROGRESS = [("clinician@example.com", "pacing-grounding-attunement", 2)]


@transaction.atomic
def load(*, at: datetime, today: date) -> bool:
    """Fill an empty portal; False, and nothing written, if it has any person or course."""
    if User.objects.exists() or Course.objects.exists():
        return False
    reference_data.load()
    importing.load(paths=[CATALOG], at=at, today=today)
    people = {email: _person(email, name, held, at=at) for email, name, held in PEOPLE}
    curator = people["curator@example.com"]
    curator.is_staff = True
    curator.save(update_fields=["is_staff"])
    curator.groups.add(Group.objects.get(name="Curators"))

    since = at - timedelta(days=180)
    invited = invitations.invite(
        inviter=people["supervisor@example.com"],
        inviter_is=Side.SUPERVISOR,
        email="trainee@example.com",
        scopes=list(Scope),
        at=since,
    )
    invitations.accept(
        invitation=invited, by=people["trainee@example.com"], scopes=list(Scope), at=since
    )
    for email, key, ago in HISTORY:
        _complete(people[email], key, at=at - timedelta(days=ago))
    for email, key, count in IN_PROGRESS:
        _begin(people[email], key, count, at=at - timedelta(days=1))
    for holder, by, title, license_type, days, needed in PLANS:
        _plan(people[holder], people[by], title, license_type, days, needed, at=at, today=today)
    supervised = people["trainee@example.com"].supervisions_received.get()
    for model, slug, hours, due_in, note in ASSIGNMENTS:
        assignments.assign(
            supervision=supervised,
            subject=model.objects.get(slug=slug),
            hours=hours,
            due_on=today + timedelta(days=due_in),
            note=note,
            at=at - timedelta(days=3),
        )
    # What happened before the portal was there is told to nobody.
    OutgoingMail.objects.filter(sent_at__isnull=True).update(
        dropped_at=at, dropped_because="It belongs to the past of the demonstration."
    )
    return True


def _person(email: str, name: str, held: list[tuple[str, str, str]], *, at: datetime) -> User:
    user = User.objects.create_user(email, PASSWORD, legal_name=name)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    for state, license_type, number in held:
        licenses.add(holder=user, state=state, license_type=license_type, number=number, at=at)
    return user


def _plan(
    holder: User,
    by: User,
    title: str,
    license_type: str,
    days: tuple[int, int],
    needed: tuple[int, dict[str, int]],
    *,
    at: datetime,
    today: date,
) -> None:
    since = today - timedelta(days=days[0])
    names = dict(CreditType.objects.values_list("slug", "name"))
    plans.write(
        holder=holder,
        by=by,
        title=title,
        license_=holder.licenses.filter(license_type=license_type).order_by("-state").first(),
        since=since,
        until=since + timedelta(days=days[1]),
        hours=Decimal(needed[0]),
        lines=[
            plans.Needed(slug, names.get(slug, "Live"), Decimal(hours))
            for slug, hours in needed[1].items()
        ],
        at=at - timedelta(days=days[0] // 2),
    )


def _begin(learner: User, key: str, count: int | None, *, at: datetime) -> Enrollment:
    course = Course.objects.get(key=key)
    held = enrollment.enroll(learner=learner, course=course, at=at - READING)
    for lesson in course.lessons.order_by("position")[:count]:
        lessons.open_lesson(enrollment=held, lesson=lesson, at=at - READING)
        lessons.mark_read(enrollment=held, lesson=lesson, at=at)
    return held


def _complete(learner: User, key: str, *, at: datetime) -> None:
    """Read everything, answer everything rightly, evaluate: as the pages would."""
    held = _begin(learner, key, None, at=at)
    attempt = post_test.begin(enrollment=held, at=at)
    chosen = {
        question["question"]: [
            choice["choice"] for choice in question["choices"] if choice["is_right"]
        ]
        for question in attempt.shown
    }
    post_test.hand_in(attempt=attempt, chosen=chosen, at=at)
    answers = {
        question: 5 if question.kind == evaluation.RATING else ""
        for question in evaluation.questions_of(held.course)
    }
    evaluation.hand_in(enrollment=held, answers=answers, at=at)
    # The evaluation completes the course; if credit could not be given, say why here.
    completion.complete(enrollment=held, at=at)
