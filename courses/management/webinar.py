"""People who have done all of a webinar but its last step, and their browsers, for benchmarks."""

from __future__ import annotations

import http.client
import re
import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.management.base import CommandError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from courses import attendance, enrollment, evaluation, post_test
from courses.management.sign_in import cookie_of
from courses.models import Course, Enrollment, Session

MINUTES = 90  # of the webinar
PATIENCE = 600  # seconds that a page may take


def about_to_finish(people: int) -> list[Enrollment]:
    """A webinar that ended a minute ago; everybody attended, passed, and has still to evaluate."""
    at = timezone.now()
    course = (
        Course.objects.published()
        .filter(format=Course.Format.LIVE_WEBINAR, requires_lessons=False)
        .order_by("pk")
        .first()
    )
    if course is None:
        raise CommandError("There is no webinar in this catalog.")
    began = at - timedelta(minutes=MINUTES + 1)
    session = Session.objects.create(
        course=course,
        key=f"bench-{at:%Y%m%d%H%M%S}",
        starts_at=began,
        ends_at=began + timedelta(minutes=MINUTES),
        time_zone="America/New_York",
        join_url="https://meet.example/bench",
        capacity=people,
        attendance_minutes=MINUTES - 10,
    )
    host, _ = User.objects.get_or_create(
        email="host@bench.example", defaults={"legal_name": "Bench Host"}
    )
    return [_one(session, host, number, at=at) for number in range(people)]


@transaction.atomic
def _one(session: Session, host: User, number: int, *, at: datetime) -> Enrollment:
    learner = User.objects.create_user(
        f"{session.key}-{number}@bench.example", legal_name=f"Person Number {number + 1}"
    )
    held = enrollment.enroll(
        learner=learner,
        course=session.course,
        session=session,
        at=session.starts_at - timedelta(days=1),
    )
    attendance.record(
        enrollment=held,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        reason="Bench",
        by=host,
        at=at,
    )
    if "post_test" in held.requirements:
        attempt = post_test.begin(enrollment=held, at=at)
        right = {
            question["question"]: [c["choice"] for c in question["choices"] if c["is_right"]]
            for question in attempt.shown
        }
        post_test.hand_in(attempt=attempt, chosen=right, at=at)
    return held


class Visitor:
    """One learner's browser, as far as the last step needs one."""

    def __init__(self, held: Enrollment, port: int) -> None:
        self.path = reverse("courses:evaluation", args=[held.pk])
        self.answers = {
            question.code: 5 if question.kind == evaluation.RATING else ""
            for question in evaluation.questions_of(held.course)
        }
        self.port = port
        self.cookie = cookie_of(held.learner)
        self.taken = 0.0

    def open(self) -> None:
        """The evaluation, with the token that its form brings."""
        response, body = self.ask("GET", self.path)
        if response.status != 200:
            raise CommandError(f"The evaluation answered {response.status}.")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', body.decode())
        given = re.search(r"csrftoken=(\w+)", response.headers.get("Set-Cookie", ""))
        self.token = token[1] if token else ""
        if given:
            self.cookie += f"; csrftoken={given[1]}"

    def hand_in(self) -> int:
        """The evaluation, and with it the course; the status of the answer."""
        begun = time.monotonic()
        form = {**self.answers, "csrfmiddlewaretoken": self.token}
        response, _ = self.ask("POST", self.path, form)
        self.taken = time.monotonic() - begun
        return response.status

    def ask(
        self, verb: str, path: str, form: dict[str, Any] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        host = settings.ALLOWED_HOSTS[0]
        headers = {
            "Host": host,
            "Cookie": self.cookie,
            "X-Forwarded-Proto": "https",
            "Referer": f"{'http' if settings.EMBEDDED else 'https'}://{host}{path}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        asked.request(verb, path, urlencode(form) if form else None, headers)
        response = asked.getresponse()
        body = response.read()
        asked.close()
        return response, body
