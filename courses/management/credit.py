"""Credit for benchmarks: what a course gives, awarded without the steps that earn it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import cycle

from django.db import transaction
from django.utils import timezone

from accounts import licenses, supervision
from accounts.models import Scope, Supervision, User
from courses import completion, enrollment
from courses.models import Course, Enrollment
from transcripts import certificates, ledger, plans
from transcripts.models import Certificate, PlanLine

ZONE = "America/New_York"
PACE = timedelta(days=9)  # from one completion to the one before
SUPERVISOR = 100_000  # the number of the first of those who supervise and are supervised


def of_one_person(entries: int) -> User:
    """Somebody with as many credit entries, of all the courses on demand, some years back."""
    holder = person(1)
    days = (timezone.localdate() - PACE * number for number in range(entries))
    for on, award in zip(days, _awards(), strict=False):
        award(holder, on)
    return holder


def of_many_people(people: int) -> list[Certificate]:
    """Certificates of as many people, one each, of all the courses on demand."""
    today = timezone.localdate()
    numbers = range(1, people + 1)
    return [award(person(number), today) for number, award in zip(numbers, _awards(), strict=False)]


def of_trainees(trainees: int, entries: int) -> User:
    """A supervisor whose trainees share everything, each with as many entries and a plan."""
    supervisor = person(SUPERVISOR)
    now, awards = timezone.now(), _awards()
    days = [timezone.localdate() - PACE * number for number in range(entries)]
    for number in range(SUPERVISOR + 1, SUPERVISOR + 1 + trainees):
        trainee = person(number)
        if Supervision.objects.filter(supervisor=supervisor, trainee=trainee).exists():
            continue
        with transaction.atomic():
            for on, award in zip(days, awards, strict=False):
                award(trainee, on)
            plans.write(
                holder=trainee,
                by=trainee,
                title="New York LCSW",
                license_=trainee.licenses.get(),
                since=days[0] - timedelta(days=365),
                until=days[0] + timedelta(days=365),
                hours=Decimal(36),
                lines=[plans.Needed(PlanLine.LIVE, "Live", Decimal(12))],
                at=now,
            )
            supervision.begin(supervisor=supervisor, trainee=trainee, scopes=list(Scope), at=now)
    return supervisor


def person(number: int) -> User:
    """One with a license."""
    email = f"credit-{number}@bench.example"
    known = User.objects.filter(email=email).first()
    if known is not None:
        return known
    made = User.objects.create_user(email, legal_name=f"Person Number {number}")
    licenses.add(
        holder=made, state="NY", license_type="LCSW", number=f"{number:06}", at=timezone.now()
    )
    return made


class _Award:
    """What one course gives, for a holder and a day."""

    def __init__(self, course: Course, *, at: datetime) -> None:
        learner = person(0)
        held = Enrollment.objects.filter(learner=learner, course=course).first()
        held = held or enrollment.enroll(learner=learner, course=course, at=at)
        self.at = at
        self.activity = completion.activity(held, ended_at=at)
        self.lines = completion.credit_lines(course, on=at.date())

    @transaction.atomic
    def __call__(self, holder: User, on: date) -> Certificate:
        entry = ledger.award(
            holder=holder,
            activity=self.activity,
            lines=self.lines,
            earned_on=on,
            time_zone=ZONE,
            at=self.at,
        )
        return certificates.issue(entry=entry, at=self.at)


def _awards() -> Iterator[_Award]:
    """Of one course after the other, again and again."""
    at = timezone.now()
    on_demand = Course.objects.published().filter(sessions__isnull=True).order_by("pk")
    made = [_Award(course, at=at) for course in on_demand]
    return cycle([award for award in made if award.lines])
