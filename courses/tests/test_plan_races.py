"""Plans and assignments, written by two at once, on both databases."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from accounts import supervision as supervision_story
from accounts.models import OutgoingMail
from accounts.tests.factories import LicenseFactory, SupervisionFactory
from courses import assignments
from courses.models import Assignment
from courses.tests.factories import AssignmentFactory, CourseFactory
from courses.tests.test_races import at_the_same_time
from transcripts import plans
from transcripts.models import TrainingPlan

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_plans_for_one_license_at_once_follow_each_other(noon):
    held = LicenseFactory()

    def write(hours):
        return lambda: plans.write(
            holder=held.holder,
            by=held.holder,
            title="Renewal",
            license_=held,
            since=date(2026, 1, 1),
            until=date(2027, 1, 1),
            hours=Decimal(hours),
            lines=[],
            at=noon,
        )

    at_the_same_time(write(24), write(36))

    assert TrainingPlan.objects.count() == 2
    assert TrainingPlan.objects.current().get().hours == Decimal(36)


def test_the_same_course_is_assigned_once_by_two_clicks(noon):
    supervision, course = SupervisionFactory(shares_renewal=True), CourseFactory()
    refused = []

    def assign():
        try:
            assignments.assign(
                supervision=supervision,
                subject=course,
                hours=None,
                due_on=date(2026, 4, 1),
                note="",
                at=noon,
            )
        except assignments.AssignmentError as error:
            refused.append(str(error))

    at_the_same_time(assign, assign)

    assert Assignment.objects.count() == 1
    assert OutgoingMail.objects.count() == 1
    assert "already" in refused[0]


def test_nothing_is_assigned_in_a_supervision_that_ends_at_that_moment(noon):
    supervision, course = SupervisionFactory(shares_renewal=True), CourseFactory()
    refused = []

    def assign():
        try:
            assignments.assign(
                supervision=supervision,
                subject=course,
                hours=None,
                due_on=date(2026, 4, 1),
                note="",
                at=noon,
            )
        except assignments.AssignmentError as error:
            refused.append(str(error))

    at_the_same_time(
        lambda: supervision_story.end(supervision=supervision, by=supervision.trainee, at=noon),
        assign,
    )

    assert Assignment.objects.count() == 0
    assert refused == ["You do not supervise this person any more."]


def test_no_plan_is_set_in_a_supervision_that_ends_at_that_moment(noon):
    link = SupervisionFactory(shares_renewal=True)
    refused = []

    def write():
        try:
            plans.write(
                holder=link.trainee,
                by=link.supervisor,
                title="Renewal",
                license_=None,
                since=date(2026, 1, 1),
                until=date(2027, 1, 1),
                hours=Decimal(24),
                lines=[],
                at=noon,
            )
        except plans.SupervisionEnded as error:
            refused.append(str(error))

    at_the_same_time(
        lambda: supervision_story.end(supervision=link, by=link.trainee, at=noon), write
    )

    assert not TrainingPlan.objects.exists()
    assert refused == ["This progress is not shared with you any more."]


def test_two_workers_remind_of_an_assignment_once(noon):
    made = AssignmentFactory(due_on=date(2026, 3, 10))

    def remind():
        assignments.remind(assignment_id=made.pk, at=noon)

    at_the_same_time(remind, remind)

    assert OutgoingMail.objects.filter(kind="assignment-reminder").count() == 1
