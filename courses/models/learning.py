"""Who learns: enrollments, progress, attempts, evaluations, completions."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Prefetch, Q

from courses.models.catalog import Course, CourseFocusArea, Lesson, Session
from transcripts.models import CreditEntry

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class EnrollmentQuerySet(models.QuerySet["Enrollment"]):
    def visible_to(self, user: User | AnonymousUser) -> EnrollmentQuerySet:
        """The learner's own; a course room is nobody else's."""
        return self.filter(learner=user.pk)

    def open(self) -> EnrollmentQuerySet:
        """Not withdrawn from: in progress or completed."""
        return self.filter(withdrawn_at__isnull=True)

    def in_progress(self) -> EnrollmentQuerySet:
        return self.open().filter(completion__isnull=True)

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
    """A learner's seat in a course, until they withdraw."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    learner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="enrollments"
    )
    course = models.ForeignKey(Course, models.PROTECT, related_name="enrollments")
    session = models.ForeignKey(
        Session, models.PROTECT, null=True, blank=True, related_name="enrollments"
    )
    enrolled_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    evaluated_at = models.DateTimeField(null=True, blank=True)

    objects = EnrollmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["learner", "course"],
                condition=Q(withdrawn_at__isnull=True),
                name="enrollment_one_open_seat_per_learner",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("enrolled_at")),
                name="enrollment_withdrawn_after_enrolled",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.learner} in {self.course}"


class LessonProgress(models.Model):
    """A lesson that a learner has marked as read."""

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="lesson_progress")
    lesson = models.ForeignKey(Lesson, models.PROTECT, related_name="progress")
    read_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "lesson"], name="lesson_progress_once_per_enrollment"
            )
        ]

    def __str__(self) -> str:
        return f"{self.lesson} read"


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


class Attempt(models.Model):
    """A post-test handed in: what was asked, what was answered, how it was graded.

    ``answers`` keeps the words that were shown, so a later edit of the test changes nothing here.
    """

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    submitted_at = models.DateTimeField()
    right = models.PositiveSmallIntegerField("right answers")
    asked = models.PositiveSmallIntegerField("questions")
    needed = models.PositiveSmallIntegerField("right answers needed")
    answers = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "number"], name="attempt_number_once_per_enrollment"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1, asked__gte=1, right__lte=F("asked"))
                & Q(needed__gte=1, needed__lte=F("asked")),
                name="attempt_figures_fit_together",
            ),
        ]

    def __str__(self) -> str:
        return f"Attempt {self.number}: {self.right} of {self.asked}"

    @property
    def passed(self) -> bool:
        return self.right >= self.needed


class EvaluationResponse(models.Model):
    """An evaluation of a course, without a name.

    The enrollment knows only that its evaluation is in. A random key and a bare date keep
    anybody from matching this row with a person by order or by time.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    course = models.ForeignKey(Course, models.PROTECT, related_name="evaluation_responses")
    session = models.ForeignKey(
        Session, models.PROTECT, null=True, blank=True, related_name="evaluation_responses"
    )
    submitted_on = models.DateField()

    def __str__(self) -> str:
        return f"Evaluation of {self.course}"


class EvaluationAnswer(models.Model):
    """The answer to one question of an evaluation, with the words that were asked."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    response = models.ForeignKey(EvaluationResponse, models.PROTECT, related_name="answers")
    question = models.CharField(max_length=60)
    asked = models.CharField(max_length=500)
    rating = models.PositiveSmallIntegerField(null=True, blank=True)
    text = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["response", "question"], name="evaluation_answer_once_per_question"
            ),
            models.CheckConstraint(
                condition=Q(rating__isnull=True) | Q(rating__gte=1, rating__lte=5),
                name="evaluation_rating_is_1_to_5",
            ),
        ]

    def __str__(self) -> str:
        return self.asked


class Completion(models.Model):
    """The moment all requirements of an enrollment held, and the credit it gave."""

    enrollment = models.OneToOneField(Enrollment, models.PROTECT, related_name="completion")
    credit_entry = models.OneToOneField(CreditEntry, models.PROTECT, related_name="completion")
    completed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.enrollment}, completed"
