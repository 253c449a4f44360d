"""Who was present, for how long, and how we know."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from courses.models.enrollment import Enrollment


class AttendanceQuerySet(models.QuerySet["Attendance"]):
    def minutes(self) -> int:
        """Minutes of all rows together; a correction is a row with minutes below zero."""
        return self.aggregate(total=models.Sum("minutes"))["total"] or 0


class Attendance(models.Model):
    """Minutes that a learner was present, as somebody recorded them and says why."""

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="attendance")
    minutes = models.SmallIntegerField(help_text="Below zero to correct an earlier entry")
    source = models.CharField(max_length=200, help_text="Such as “sign-in sheet of Feb 2”")
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="attendance_recorded"
    )
    recorded_at = models.DateTimeField()

    objects = AttendanceQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "attendance"
        constraints = [
            models.CheckConstraint(condition=~Q(source=""), name="attendance_names_its_source"),
            models.CheckConstraint(condition=~Q(minutes=0), name="attendance_has_minutes"),
        ]

    def __str__(self) -> str:
        return f"{self.minutes} minutes"
