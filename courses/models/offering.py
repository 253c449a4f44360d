"""Who approves, who offers, who teaches."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.db.models import F, Q


class Profession(models.Model):
    """A licensed profession, such as social work; people browse by it."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=80, help_text="Its people, such as “Social workers”")
    position = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class DeliveryFormat(models.TextChoices):
    """How a course is delivered, in our words; boards have words of their own."""

    IN_PERSON = "in-person", "In person"
    LIVE_WEBINAR = "live-webinar", "Live interactive webinar"
    RECORDED = "recorded", "Recorded"
    TEXT = "text", "Text-based"
    HYBRID = "hybrid", "Hybrid"


class ApprovingBody(models.Model):
    """An organization that accredits: ASWB ACE, NBCC ACEP, APA, ..."""

    class TextMethod(models.TextChoices):
        MERGENER = "mergener", "Mergener formula"
        WORDS = "words", "Words per hour"

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField("short name", max_length=80)
    full_name = models.CharField(max_length=200)
    audience = models.CharField(
        max_length=200, help_text="Whose credit it is, such as “Counselors”"
    )
    professions = models.ManyToManyField(
        Profession,
        blank=True,
        related_name="bodies",
        help_text="Whose boards accept its approval",
    )
    minutes_per_hour = models.PositiveSmallIntegerField(
        default=60, help_text="Minutes of instruction that make one hour of credit"
    )
    text_method = models.CharField(
        "hours of text-based courses",
        max_length=10,
        choices=TextMethod,
        default=TextMethod.MERGENER,
    )
    allows_partial_credit = models.BooleanField(
        "credit for a part of a session",
        default=False,
        help_text="Does the body let a provider give credit for the minutes that were attended?",
    )
    source = models.CharField(
        max_length=300, help_text="Where the minutes and the method come from"
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name_plural = "approving bodies"
        constraints = [
            models.CheckConstraint(
                condition=Q(minutes_per_hour__gte=30, minutes_per_hour__lte=60),
                name="approving_body_hour_is_30_to_60_minutes",
            )
        ]

    def __str__(self) -> str:
        return self.name


class FormatWord(models.Model):
    """The word of one approving body for a format, as certificates print it beside its credit."""

    body = models.ForeignKey(ApprovingBody, models.CASCADE, related_name="format_words")
    format = models.CharField(max_length=20, choices=DeliveryFormat.choices)
    word = models.CharField(
        max_length=80, help_text="As the body itself says it, such as “Home study”"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["body", "format"], name="format_word_once_per_body_and_format"
            ),
            models.CheckConstraint(
                condition=~Q(word="") & Q(format__in=DeliveryFormat.values),
                name="format_word_says_a_word_for_a_format",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.body}: {self.word}"


class CreditType(models.Model):
    """What a board counts: general, clinical, ethics, ... Never the same thing as a topic."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Provider(models.Model):
    """Who offers trainings and answers for them to the approving bodies."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField("legal name", max_length=200)
    address = models.TextField("postal address", max_length=500)
    email = models.EmailField("e-mail")
    phone = models.CharField(max_length=200)
    website = models.URLField(blank=True)
    director = models.CharField("program director", max_length=200)
    director_title = models.CharField(max_length=200)
    refund_policy = models.TextField("refunds and cancellations")
    accommodation_policy = models.TextField("accommodations")
    grievance_policy = models.TextField("grievances")

    def __str__(self) -> str:
        return self.name


class ApprovalQuerySet(models.QuerySet["Approval"]):
    def in_date(self, *, on: date) -> ApprovalQuerySet:
        """Valid on that day, first and last day included."""
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=on), valid_from__lte=on)


class Approval(models.Model):
    """A provider's standing with a body, or one course's: number, exact statement, dates."""

    provider = models.ForeignKey(Provider, models.PROTECT, related_name="approvals")
    body = models.ForeignKey(ApprovingBody, models.PROTECT, related_name="approvals")
    course = models.ForeignKey(
        "courses.Course",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="approvals",
        help_text="Empty: every course of the provider",
    )
    number = models.CharField(max_length=60)
    statement = models.TextField(help_text="Word for word as the body prescribes it")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True, help_text="Last day; empty: no end")

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="approval_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=~Q(statement="") & ~Q(number=""), name="approval_has_number_and_statement"
            ),
        ]
        indexes = [models.Index(fields=["provider", "body", "valid_from"], name="approval_lookup")]

    def __str__(self) -> str:
        return f"{self.provider}: {self.body} {self.number}"


class Instructor(models.Model):
    """Somebody who teaches, with degree and license as the course page must disclose them."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    credentials = models.CharField("degree and license", max_length=200)
    position = models.CharField("current position", max_length=200)
    bio = models.TextField("expertise")

    def __str__(self) -> str:
        return f"{self.name}, {self.credentials}"

    @property
    def initials(self) -> str:
        words = self.name.split()
        return (words[0][0] + words[-1][0]).upper()
