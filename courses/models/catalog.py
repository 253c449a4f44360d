"""What is offered: topics, courses and their parts."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, URLValidator
from django.db import models
from django.db.models import Count, F, OuterRef, Prefetch, Q, Subquery
from django.urls import reverse

from accounts.models import check_time_zone
from courses import answer_key, check_in_codes, material
from courses.models.offering import (
    ApprovingBody,
    CreditType,
    DeliveryFormat,
    Instructor,
    Provider,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


# Addresses below /courses/ that are pages of their own.
RESERVED_SLUGS = frozenset({"saved", "shortlist", "suggest", "topics"})


def check_slug(slug: str) -> None:
    """Raise ValidationError if a course page cannot have this address."""
    if slug in RESERVED_SLUGS:
        raise ValidationError(f"“{slug}” is the address of another page. Choose another one.")


class TopicQuerySet(models.QuerySet["Topic"]):
    def tree(self) -> TopicQuerySet:
        """All topics with their focus areas, each in its order."""
        return self.order_by("position").prefetch_related(
            Prefetch("focus_areas", FocusArea.objects.order_by("position"))
        )


class Topic(models.Model):
    """One of the seven topics that people browse by."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=100)
    covers = models.TextField()
    marker = models.CharField(max_length=20, help_text="CSS class of its shape and color")
    position = models.PositiveSmallIntegerField(default=0)

    objects = TopicQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class FocusArea(models.Model):
    """A part of a topic, such as "Informed consent" in ethics."""

    topic = models.ForeignKey(Topic, models.PROTECT, related_name="focus_areas")
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=100)
    covers = models.TextField()
    position = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.topic} › {self.name}"


class TeachingMethod(models.Model):
    """How a course teaches: lecture, case study, role-play, ..."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class CourseQuerySet(models.QuerySet["Course"]):
    def published(self) -> CourseQuerySet:
        return self.filter(status=Course.Status.PUBLISHED)

    def visible_to(self, user: User | AnonymousUser) -> CourseQuerySet:
        """Published and retired courses; drafts only for those who curate."""
        if user.has_perm("courses.change_course"):
            return self.all()
        return self.filter(status__in=[Course.Status.PUBLISHED, Course.Status.RETIRED])

    def with_cards(self, *, at: datetime) -> CourseQuerySet:
        """Prefetches all that a card shows: focus areas, bodies, coming sessions."""
        return self.prefetch_related(
            Prefetch(
                "course_focus_areas",
                CourseFocusArea.objects.select_related("focus_area__topic").order_by("position"),
            ),
            Prefetch(
                "credits",
                CourseCredit.objects.select_related("body", "credit_type").order_by("position"),
            ),
            Prefetch(
                "sessions",
                Session.objects.coming(at=at).with_seats_taken().soonest_first(),
                to_attr="coming_sessions",
            ),
        )

    def newest_first(self) -> CourseQuerySet:
        return self.order_by("-published_at", "-pk")


class Course(models.Model):
    """A training: what it teaches, to whom, for which credit, and all that it must disclose."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"
        RETIRED = "retired", "Retired"

    Format = DeliveryFormat
    LIVE_FORMATS = (Format.IN_PERSON, Format.LIVE_WEBINAR, Format.HYBRID)

    class Level(models.TextChoices):
        INTRODUCTORY = "introductory", "Introductory"
        INTERMEDIATE = "intermediate", "Intermediate"
        ADVANCED = "advanced", "Advanced"

    class Rationales(models.TextChoices):
        EVERY_ATTEMPT = "attempt", "After every attempt"
        AT_THE_END = "end", "Once passed, or when no attempt is left"
        NEVER = "never", "Never"

    key = models.SlugField(
        "stable id",
        max_length=80,
        unique=True,
        help_text="Never changes; imports find the course by it",
    )
    slug = models.SlugField(
        max_length=80,
        unique=True,
        validators=[check_slug],
        help_text="The address of the course page",
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    published_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    title = models.CharField(max_length=200)
    summary = models.CharField(max_length=300, help_text="One or two sentences for the catalog")
    about = models.TextField(help_text="The opening of the course page")
    audience = models.TextField(help_text="Who it is for, and what it assumes")
    prerequisites = models.TextField(blank=True)
    level = models.CharField(max_length=15, choices=Level)
    format = models.CharField(max_length=15, choices=Format)
    language = models.CharField(max_length=60, default="English")
    captions = models.BooleanField(default=False)
    accessibility = models.TextField(blank=True)
    price = models.DecimalField(
        max_digits=7, decimal_places=2, help_text="US dollars, all fees included; 0 is free"
    )

    provider = models.ForeignKey(Provider, models.PROTECT, related_name="courses")
    instructors = models.ManyToManyField(
        Instructor, through="CourseInstructor", related_name="courses"
    )
    focus_areas = models.ManyToManyField(
        FocusArea, through="CourseFocusArea", related_name="courses"
    )
    teaching_methods = models.ManyToManyField(TeachingMethod, related_name="courses")

    hours = models.DecimalField(
        "credit hours",
        max_digits=5,
        decimal_places=2,
        default=0,
        help_text="Clock hours of 60 minutes, computed from the agenda or the lessons",
    )
    difficulty = models.DecimalField(
        max_digits=2,
        decimal_places=1,
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
        help_text="Text-based courses only: 1 to 5, for the Mergener formula",
    )
    requires_lessons = models.BooleanField("lessons read", default=True)
    requires_attendance = models.BooleanField("attendance of a live session", default=False)
    requires_post_test = models.BooleanField("post-test passed", default=True)
    requires_evaluation = models.BooleanField("evaluation handed in", default=True)
    attestation = models.TextField(
        blank=True, help_text="What the learner must confirm at the end; empty: nothing"
    )
    attendance_minutes = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Live courses only: minutes one must attend"
    )
    attendance_percent = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Or instead: percent of the session one must attend",
    )
    pass_mark = models.PositiveSmallIntegerField(
        default=75,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Percent of right answers",
    )
    attempts_allowed = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Empty: no limit"
    )
    retake_after_minutes = models.PositiveIntegerField(
        default=0, help_text="Minutes to wait after an attempt that was not passed"
    )
    rationales = models.CharField(
        "right answers and rationales are shown",
        max_length=10,
        choices=Rationales,
        default=Rationales.AT_THE_END,
        help_text="A test that was begun keeps what held then",
    )
    access_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Days to complete it in, from enrolling or from the session; empty: no limit",
    )
    repeat_after_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Days after which the same person may earn the credit again; empty: never",
    )

    conflict_of_interest = models.TextField("conflicts of interest")
    commercial_support = models.TextField()
    content_statement = models.TextField(
        "accuracy, limits and risks of the content",
    )
    system_requirements = models.TextField()
    references = models.TextField(blank=True, help_text="One per line")
    last_reviewed_on = models.DateField()

    objects = CourseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="draft", hours__gte=0) | Q(hours__gt=0), name="course_has_hours"
            ),
            models.CheckConstraint(
                condition=~Q(slug__in=sorted(RESERVED_SLUGS)), name="course_slug_is_free"
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="course_price_is_not_negative"),
            models.CheckConstraint(
                condition=Q(pass_mark__gte=1, pass_mark__lte=100),
                name="course_pass_mark_is_percent",
            ),
            models.CheckConstraint(
                condition=Q(attempts_allowed__isnull=True) | Q(attempts_allowed__gte=1),
                name="course_allows_an_attempt",
            ),
            models.CheckConstraint(
                condition=Q(attendance_minutes__isnull=True) | Q(attendance_percent__isnull=True),
                name="course_attendance_in_minutes_or_percent",
            ),
            models.CheckConstraint(
                condition=Q(attendance_percent__isnull=True)
                | Q(attendance_percent__gte=1, attendance_percent__lte=100),
                name="course_attendance_percent_is_percent",
            ),
            models.CheckConstraint(
                condition=Q(access_days__isnull=True) | Q(access_days__gte=1),
                name="course_gives_access_for_a_day",
            ),
            models.CheckConstraint(
                condition=Q(repeat_after_days__isnull=True) | Q(repeat_after_days__gte=1),
                name="course_repeats_after_a_day",
            ),
            models.CheckConstraint(
                condition=Q(difficulty__isnull=True) | Q(difficulty__gte=1, difficulty__lte=5),
                name="course_difficulty_is_1_to_5",
            ),
            models.CheckConstraint(
                condition=Q(status="draft") | Q(published_at__isnull=False),
                name="course_out_of_draft_was_published",
            ),
            models.CheckConstraint(
                condition=~Q(status="retired") | Q(retired_at__isnull=False),
                name="course_retired_on_a_day",
            ),
        ]
        indexes = [models.Index(fields=["status", "published_at"], name="course_newest")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("courses:course", args=[self.slug])

    @property
    def is_live(self) -> bool:
        return self.format in self.LIVE_FORMATS

    @property
    def has_free_session(self) -> bool:
        """Has a coming session a seat? Needs ``with_cards``."""
        return any(session.seats_left != 0 for session in self.coming_sessions)  # type: ignore[attr-defined]

    @property
    def is_published(self) -> bool:
        return self.status == self.Status.PUBLISHED


class CourseFocusArea(models.Model):
    """A focus area that a course belongs to; the first is where it is shelved."""

    course = models.ForeignKey(Course, models.CASCADE, related_name="course_focus_areas")
    focus_area = models.ForeignKey(FocusArea, models.PROTECT, related_name="course_focus_areas")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["course", "focus_area"], name="focus_area_once_per_course"
            )
        ]

    def __str__(self) -> str:
        return str(self.focus_area)


class CourseInstructor(models.Model):
    """An instructor of a course, in the order of the course page."""

    course = models.ForeignKey(Course, models.CASCADE, related_name="course_instructors")
    instructor = models.ForeignKey(Instructor, models.PROTECT, related_name="course_instructors")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["course", "instructor"], name="instructor_once_per_course"
            )
        ]

    def __str__(self) -> str:
        return str(self.instructor)


class CourseCredit(models.Model):
    """Hours of one credit type that a course gives with one body, and how they were computed."""

    course = models.ForeignKey(Course, models.CASCADE, related_name="credits")
    body = models.ForeignKey(ApprovingBody, models.PROTECT, related_name="course_credits")
    credit_type = models.ForeignKey(CreditType, models.PROTECT, related_name="course_credits")
    hours = models.DecimalField(max_digits=5, decimal_places=2)
    basis = models.CharField(
        max_length=200, help_text="How the hours were computed: method, words or minutes"
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["course", "body", "credit_type"],
                name="course_credit_once_per_body_and_type",
            ),
            models.CheckConstraint(condition=Q(hours__gt=0), name="course_credit_has_hours"),
        ]

    def __str__(self) -> str:
        return f"{self.body}, {self.credit_type}: {self.hours}"


class Objective(models.Model):
    """A measurable thing that a learner can do afterwards."""

    course = models.ForeignKey(Course, models.CASCADE, related_name="objectives")
    position = models.PositiveSmallIntegerField(default=0)
    text = models.CharField(max_length=400)

    def __str__(self) -> str:
        return self.text


class AgendaItem(models.Model):
    """One part of the schedule of a course that is not text-based."""

    course = models.ForeignKey(Course, models.CASCADE, related_name="agenda")
    position = models.PositiveSmallIntegerField(default=0)
    part = models.CharField("what happens", max_length=200)
    minutes = models.PositiveSmallIntegerField()
    carries_credit = models.BooleanField(default=True, help_text="Breaks and meals do not")

    def __str__(self) -> str:
        return self.part


def lesson_file_name(lesson: Lesson, filename: str) -> str:
    """Where an uploaded file of a lesson is kept: under what it holds, not what it was called."""
    return material.name_of(lesson.file)


def captions_file_name(lesson: Lesson, filename: str) -> str:
    return material.name_of(lesson.captions)


class Lesson(models.Model):
    """One lesson of a course: a text, a video or a document.

    A video or document is a file of ours or a link to another site; the Markdown beside it is its
    companion or transcript.
    """

    class Kind(models.TextChoices):
        TEXT = "text", "Text"
        VIDEO = "video", "Video"
        DOCUMENT = "document", "Document"

    course = models.ForeignKey(Course, models.CASCADE, related_name="lessons")
    key = models.SlugField(max_length=80, help_text="Its address within the course")
    position = models.PositiveSmallIntegerField(default=0)
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.TEXT)
    file = models.FileField(
        upload_to=lesson_file_name,
        max_length=200,
        blank=True,
        validators=[material.check_file],
        help_text="Video: MP4 or WebM; document: PDF",
    )
    link = models.URLField(
        max_length=500,
        blank=True,
        validators=[URLValidator(schemes=["https"])],
        help_text="Or instead: where it is on another site; it opens there",
    )
    captions = models.FileField(
        upload_to=captions_file_name,
        max_length=200,
        blank=True,
        validators=[material.check_captions],
        help_text="WebVTT, for a video file",
    )
    body = models.TextField(
        blank=True, help_text="Markdown: the text, or the companion or transcript of the rest"
    )
    minutes = models.PositiveSmallIntegerField(help_text="To read it with care, or to watch it")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["course", "key"], name="lesson_key_once_per_course"),
            models.CheckConstraint(
                condition=Q(kind="text", file="", link="")
                | (Q(kind__in=["video", "document"]) & ~Q(file="") & Q(link=""))
                | (Q(kind__in=["video", "document"], file="") & ~Q(link="")),
                name="lesson_is_a_text_or_a_file_or_a_link",
            ),
            models.CheckConstraint(
                condition=Q(captions="") | (Q(kind="video") & ~Q(file="")),
                name="lesson_captions_are_of_a_video_file",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.kind == self.Kind.TEXT:
            if self.file or self.link or self.captions:
                raise ValidationError({"kind": "A text has no file, link or captions."})
            if not self.body.strip():
                raise ValidationError({"body": "Write the text of the lesson."})
            return
        if bool(self.file) == bool(self.link):
            raise ValidationError({"file": "Give a file or a link, not both."})
        if self.captions and not (self.kind == self.Kind.VIDEO and self.file):
            raise ValidationError({"captions": "Captions belong to a video file."})
        found = material.media_type_of(self.file) if self.file else None
        if found and (found == material.PDF) != (self.kind == self.Kind.DOCUMENT):
            raise ValidationError({"file": "This file is not of the kind chosen above."})

    @property
    def minutes_before_read(self) -> int:
        """Minutes from the first opening until one may say that it is read: a quarter of the
        stated ones, whole, at most ten."""
        return min(self.minutes // 4, 10)


class Question(models.Model):
    """A post-test question; ``answer_key`` says which choices it needs."""

    class Kind(models.TextChoices):
        SINGLE = answer_key.SINGLE, "One right answer"
        MULTIPLE = answer_key.MULTIPLE, "Several right answers"
        TRUE_FALSE = answer_key.TRUE_FALSE, "True or false"

    course = models.ForeignKey(Course, models.CASCADE, related_name="questions")
    position = models.PositiveSmallIntegerField(default=0)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.SINGLE)
    ask = models.TextField("question", max_length=1000)
    rationale = models.TextField(
        max_length=2000, help_text="Shown with the result, as the course says"
    )

    def __str__(self) -> str:
        return self.ask


class Choice(models.Model):
    """An answer that a question offers."""

    question = models.ForeignKey(Question, models.CASCADE, related_name="choices")
    position = models.PositiveSmallIntegerField(default=0)
    text = models.CharField(max_length=500)
    is_right = models.BooleanField("right", default=False)

    def __str__(self) -> str:
        return self.text


class EvaluationQuestion(models.Model):
    """A question of the course's own, asked after the standard ones."""

    class Kind(models.TextChoices):
        RATING = "rating", "Rating, 1 to 5"
        TEXT = "text", "Free text"

    course = models.ForeignKey(Course, models.CASCADE, related_name="evaluation_questions")
    position = models.PositiveSmallIntegerField(default=0)
    ask = models.CharField("question", max_length=500)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.RATING)

    def __str__(self) -> str:
        return self.ask


def _count(relation: str, **having: Any) -> Subquery:
    """Rows of a session, counted apart: in one join with others each would count many times."""
    condition = Q(**{f"{relation}__{name}": value for name, value in having.items()})
    rows = Session.objects.filter(pk=OuterRef("pk")).values("pk")
    return Subquery(rows.annotate(rows=Count(relation, filter=condition)).values("rows"))


class SessionQuerySet(models.QuerySet["Session"]):
    def coming(self, *, at: datetime) -> SessionQuerySet:
        """Not begun at that moment, and not cancelled."""
        return self.filter(starts_at__gt=at, cancelled_at__isnull=True)

    def with_seats_taken(self) -> SessionQuerySet:
        """Adds ``seats_taken``: seats of learners who have not left, and seats on offer to some who
        wait."""
        return self.annotate(
            seats_taken=_count("enrollments", withdrawn_at__isnull=True, expired_at__isnull=True)
            + _count("waitlist", state="offered")
        )

    def with_waiting(self) -> SessionQuerySet:
        """Adds ``waiting``: how many wait, those with an offer included."""
        return self.annotate(waiting=_count("waitlist", state__in=["waiting", "offered"]))

    def soonest_first(self) -> SessionQuerySet:
        return self.order_by("starts_at", "pk")


class Session(models.Model):
    """One live occurrence of a course, with a place or a link, a time zone and a capacity."""

    course = models.ForeignKey(Course, models.PROTECT, related_name="sessions")
    key = models.SlugField(max_length=80)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    time_zone = models.CharField(max_length=64, validators=[check_time_zone])
    capacity = models.PositiveIntegerField(
        "seats", null=True, blank=True, help_text="Empty: no limit; 0: closed"
    )
    place = models.CharField(max_length=200, blank=True)
    join_url = models.URLField("link to join", max_length=500, blank=True)
    enrollment_opens_at = models.DateTimeField(null=True, blank=True, help_text="Empty: at once")
    enrollment_closes_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty: when the session starts"
    )
    attendance_minutes = models.PositiveSmallIntegerField(
        "minutes to attend",
        null=True,
        blank=True,
        help_text="Empty: as the course says; the figure is then kept here",
    )
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancel_reason = models.CharField(max_length=300, blank=True)
    sequence = models.PositiveIntegerField(
        "revision", default=0, help_text="Counts changes of date, place and state, for calendars"
    )
    changed_at = models.DateTimeField(null=True, blank=True)
    # The secret behind the codes that the host shows; on no page and in no export.
    check_in_key = models.CharField(max_length=64, default=check_in_codes.new_key, editable=False)

    objects = SessionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["course", "key"], name="session_key_once_per_course"),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="session_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=~Q(place="") | ~Q(join_url=""), name="session_is_somewhere"
            ),
            models.CheckConstraint(
                condition=Q(enrollment_opens_at__isnull=True)
                | Q(enrollment_closes_at__isnull=True)
                | Q(enrollment_opens_at__lt=F("enrollment_closes_at")),
                name="session_enrollment_opens_before_it_closes",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True, cancel_reason="")
                | (Q(cancelled_at__isnull=False) & ~Q(cancel_reason="")),
                name="session_cancelled_for_a_reason",
            ),
        ]
        indexes = [models.Index(fields=["course", "starts_at"], name="session_coming")]

    def __str__(self) -> str:
        return f"{self.course}, {self.starts_at.astimezone(self.tz):%b %d, %Y}"

    def clean(self) -> None:
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValidationError({"ends_at": "A session ends after it starts."})
        if not self.place and not self.join_url:
            raise ValidationError({"place": "Give a place, a link to join, or both."})
        opens, closes = self.enrollment_opens_at, self.enrollment_closes_at
        if opens and closes and opens >= closes:
            raise ValidationError({"enrollment_closes_at": "Enrollment closes after it opens."})
        if self.starts_at and self.ends_at and (self.attendance_minutes or 0) > self.minutes:
            raise ValidationError(
                {"attendance_minutes": f"The session has only {self.minutes} minutes."}
            )

    @property
    def minutes(self) -> int:
        """Scheduled length."""
        return int((self.ends_at - self.starts_at).total_seconds() // 60)

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def is_cancelled(self) -> bool:
        return self.cancelled_at is not None

    @property
    def seats_left(self) -> int | None:
        """Seats that nobody holds; None without a limit. Needs ``with_seats_taken``."""
        if self.capacity is None:
            return None
        return max(0, self.capacity - self.seats_taken)  # type: ignore[attr-defined]
