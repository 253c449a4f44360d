"""What supervisors ask their trainees to take."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from accounts.models import Scope, Supervision
from accounts.models.supervision import SupervisionQuerySet
from courses.models.catalog import Course, FocusArea, Topic

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


def assigning(*, at: datetime) -> SupervisionQuerySet:
    """Supervisions in which something can be assigned at that moment: progress is shared."""
    return Supervision.objects.active(at=at).sharing(Scope.RENEWAL)


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def in_force(self, *, at: datetime) -> AssignmentQuerySet:
        """Not withdrawn, and of a supervision that goes on."""
        return self.filter(withdrawn_at__isnull=True, supervision__in=assigning(at=at))

    def given_by(self, user: User | AnonymousUser, *, at: datetime) -> AssignmentQuerySet:
        """Those of trainees whom the user supervises at that moment; withdrawn ones too."""
        return self.filter(supervision__in=assigning(at=at).filter(supervisor=user.pk))

    def received_by(self, user: User | AnonymousUser) -> AssignmentQuerySet:
        """All that were ever asked of the user: they stay to be seen when they are over."""
        return self.filter(supervision__trainee=user.pk)

    def with_subject(self) -> AssignmentQuerySet:
        """Fetches what is asked, and by whom of whom."""
        return self.select_related(
            "course",
            "topic",
            "focus_area__topic",
            "supervision__supervisor",
            "supervision__trainee",
        )

    def by_due_day(self) -> AssignmentQuerySet:
        return self.order_by("due_on", "assigned_at", "id")


class Assignment(models.Model):
    """A supervisor asks a trainee for one course, or for hours of a topic or focus area.

    How far it is, is not kept here: enrollment and credit tell (``assignments.states``). It is over
    when it is withdrawn, and when its supervision ends.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    supervision = models.ForeignKey(Supervision, models.PROTECT, related_name="assignments")
    course = models.ForeignKey(
        Course, models.PROTECT, null=True, blank=True, related_name="assignments"
    )
    topic = models.ForeignKey(
        Topic, models.PROTECT, null=True, blank=True, related_name="assignments"
    )
    focus_area = models.ForeignKey(
        FocusArea, models.PROTECT, null=True, blank=True, related_name="assignments"
    )
    hours = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    due_on = models.DateField()
    note = models.TextField(blank=True)
    assigned_at = models.DateTimeField()
    counts_from = models.DateField(help_text="Hours of a topic count if they are earned since")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    reminded_days = models.SmallIntegerField(
        null=True, blank=True, help_text="How many days were left in the last reminder"
    )

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    course__isnull=False,
                    topic__isnull=True,
                    focus_area__isnull=True,
                    hours__isnull=True,
                )
                | (
                    Q(course__isnull=True, hours__isnull=False, hours__gt=0)
                    & (
                        Q(topic__isnull=False, focus_area__isnull=True)
                        | Q(topic__isnull=True, focus_area__isnull=False)
                    )
                ),
                name="assignment_asks_for_a_course_or_for_hours",
            ),
            models.UniqueConstraint(
                fields=["supervision", "course"],
                condition=Q(withdrawn_at__isnull=True),
                name="assignment_of_a_course_once",
            ),
            models.UniqueConstraint(
                fields=["supervision", "topic", "due_on"],
                condition=Q(withdrawn_at__isnull=True),
                name="assignment_of_a_topic_once_per_day",
            ),
            models.UniqueConstraint(
                fields=["supervision", "focus_area", "due_on"],
                condition=Q(withdrawn_at__isnull=True),
                name="assignment_of_a_focus_area_once_per_day",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True)
                | Q(withdrawn_at__gte=models.F("assigned_at")),
                name="assignment_withdrawn_after_it_was_made",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_on"],
                condition=Q(withdrawn_at__isnull=True),
                name="assignment_by_due_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject}, due {self.due_on}"

    @property
    def subject(self) -> Course | Topic | FocusArea:
        """What is asked for."""
        return self.course or self.topic or self.focus_area  # type: ignore[return-value]

    @property
    def supervisor(self) -> User:
        return self.supervision.supervisor

    @property
    def trainee(self) -> User:
        return self.supervision.trainee
