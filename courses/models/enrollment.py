"""Who learns: enrollments and completions."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Prefetch, Q

from courses.models.catalog import Course, CourseFocusArea, Session
from transcripts.models import CreditEntry

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class EnrollmentQuerySet(models.QuerySet["Enrollment"]):
    def visible_to(self, user: User | AnonymousUser) -> EnrollmentQuerySet:
        """The learner's own; a course room is nobody else's."""
        return self.filter(learner=user.pk)

    def open(self) -> EnrollmentQuerySet:
        """Neither withdrawn from nor run out: in progress or completed."""
        return self.filter(withdrawn_at__isnull=True, expired_at__isnull=True)

    def in_progress(self) -> EnrollmentQuerySet:
        return self.open().filter(completed_at__isnull=True)

    def with_course(self) -> EnrollmentQuerySet:
        """Fetches the course with its focus areas, the session and the completion."""
        return self.select_related(
            "course__provider", "session", "completion__credit_entry__certificate"
        ).prefetch_related(
            Prefetch(
                "course__course_focus_areas",
                CourseFocusArea.objects.select_related("focus_area__topic").order_by("position"),
            )
        )

    def newest_first(self) -> EnrollmentQuerySet:
        return self.order_by("-enrolled_at", "-pk")


class Enrollment(models.Model):
    """A learner's seat in a course, until they withdraw or their time for it runs out.

    ``requirements`` is what the course asked when the enrollment began (``requirements.asked_of``);
    a later edit of the course changes nothing here unless a curator applies it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    learner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="enrollments"
    )
    course = models.ForeignKey(Course, models.PROTECT, related_name="enrollments")
    session = models.ForeignKey(
        Session, models.PROTECT, null=True, blank=True, related_name="enrollments"
    )
    enrolled_at = models.DateTimeField()
    moves = models.PositiveSmallIntegerField(
        default=0, help_text="How often it was moved to another session"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Until when it can be completed; empty: no limit"
    )
    expired_at = models.DateTimeField(null=True, blank=True)
    requirements = models.JSONField()
    evaluated_at = models.DateTimeField(null=True, blank=True)
    attested_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    objects = EnrollmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["learner", "course"],
                condition=Q(
                    withdrawn_at__isnull=True, expired_at__isnull=True, completed_at__isnull=True
                ),
                name="enrollment_one_open_seat_per_learner",
            ),
            models.CheckConstraint(
                # At most one end: withdrawn, run out, completed.
                condition=Q(withdrawn_at__isnull=True, expired_at__isnull=True)
                | Q(withdrawn_at__isnull=True, completed_at__isnull=True)
                | Q(expired_at__isnull=True, completed_at__isnull=True),
                name="enrollment_ends_once",
            ),
            models.CheckConstraint(
                condition=Q(expired_at__isnull=True)
                | Q(expires_at__isnull=False, expired_at__gte=F("expires_at")),
                name="enrollment_expired_after_its_time",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("enrolled_at")),
                name="enrollment_withdrawn_after_enrolled",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(
                    expires_at__isnull=False,
                    withdrawn_at__isnull=True,
                    expired_at__isnull=True,
                    completed_at__isnull=True,
                ),
                name="enrollment_with_an_end",
            )
        ]

    def __str__(self) -> str:
        return f"{self.learner} in {self.course}"

    @property
    def is_over(self) -> bool:
        """Withdrawn from or run out: nothing more can be handed in."""
        return self.withdrawn_at is not None or self.expired_at is not None


class Completion(models.Model):
    """The moment all requirements of an enrollment held, and the credit it gave.

    ``occasion`` counts the learner's completions of this course: a second one is only written if
    the course may be repeated.
    """

    enrollment = models.OneToOneField(Enrollment, models.PROTECT, related_name="completion")
    learner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="completions"
    )
    course = models.ForeignKey(Course, models.PROTECT, related_name="completions")
    occasion = models.PositiveSmallIntegerField(default=1)
    credit_entry = models.OneToOneField(CreditEntry, models.PROTECT, related_name="completion")
    completed_at = models.DateTimeField()
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="partial_credit_granted",
        help_text="Who gave credit for a part of the session",
    )
    partial_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["learner", "course", "occasion"], name="completion_once_per_occasion"
            ),
            models.CheckConstraint(
                condition=Q(occasion__gte=1), name="completion_occasions_count_from_one"
            ),
            models.CheckConstraint(
                condition=Q(granted_by__isnull=True, partial_reason="")
                | (Q(granted_by__isnull=False) & ~Q(partial_reason="")),
                name="completion_in_part_has_author_and_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enrollment}, completed"
