"""Learners who have done everything, and the process that then gives them credit."""

from __future__ import annotations

import os
import time
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chaos.settings")
django.setup()

from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from chaos import traps  # noqa: E402
from courses import completion  # noqa: E402
from courses.models import Course, Enrollment  # noqa: E402
from courses.tests.factories import CourseFactory  # noqa: E402
from courses.tests.stories import ready_to_complete  # noqa: E402
from transcripts import tasks  # noqa: E402

# Forked from a process that has loaded the portal and never touched a database.
_fork = get_context("forkserver")
_fork.set_forkserver_preload(["chaos.learners"])
LIMIT = 60  # seconds


@transaction.atomic
def new_course() -> Course:
    course: Course = CourseFactory.create(parts__lessons=1, parts__questions=1)
    return course


@transaction.atomic
def ready(course: Course, *, count: int) -> list[Enrollment]:
    """New learners; credit is all that they wait for."""
    at = timezone.now()
    return [ready_to_complete(at, course=course) for _ in range(count)]


def start_completing(learners: list[Enrollment]) -> ForkServerProcess:
    """Complete them one by one, in a process of its own."""
    process = _fork.Process(target=_complete, args=([held.pk for held in learners],))
    process.start()
    return process


def complete(learners: list[Enrollment]) -> int | None:
    """Complete them in a process of its own; its exit code."""
    process = start_completing(learners)
    process.join(LIMIT)
    return process.exitcode


def start_sweeps(*, at: float) -> ForkServerProcess:
    """A process that runs the sweeps at that moment of the machine's clock."""
    process = _fork.Process(target=_sweep, args=(at,))
    process.start()
    return process


def _complete(enrollment_ids: list[UUID]) -> None:
    _log_to_a_file()
    for enrollment_id in enrollment_ids:
        enrollment = Enrollment.objects.get(pk=enrollment_id)
        completion.complete(enrollment=enrollment, at=timezone.now())


def _log_to_a_file() -> None:
    """What goes wrong here is meant to."""
    log = os.open(traps.FOLDER.parent / "learners.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 2)


def _sweep(at: float) -> None:
    _log_to_a_file()
    time.sleep(max(0.0, at - time.time()))
    tasks.draw_missing_certificate_pdfs()
    tasks.remove_leftover_files()
