"""The smallest valid courses, in the commonest state: published, text-based, credited."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import factory

from accounts.tests.factories import SupervisionFactory, UserFactory
from courses.models import (
    Approval,
    ApprovingBody,
    Assignment,
    Choice,
    Course,
    CourseCredit,
    CourseFocusArea,
    CourseInstructor,
    CreditType,
    Enrollment,
    FocusArea,
    Instructor,
    Lesson,
    Objective,
    Provider,
    Question,
    Session,
    TeachingMethod,
    Topic,
    WaitlistPlace,
)
from courses.requirements import asked_of

LONG_AGO = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class TopicFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Topic
        django_get_or_create = ["slug"]

    slug = "ethics"
    name = "Ethics"
    covers = "Clients' rights"
    marker = "t-ethics"


class FocusAreaFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = FocusArea
        django_get_or_create = ["slug"]

    topic = factory.SubFactory(TopicFactory)
    slug = "consent"
    name = "Informed consent"
    covers = "Consent"


class ApprovingBodyFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ApprovingBody
        django_get_or_create = ["slug"]

    slug = "aswb-ace"
    name = "ASWB ACE"
    full_name = "Association of Social Work Boards"
    audience = "Social workers in most states"
    source = "made up for a test"


class CreditTypeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = CreditType
        django_get_or_create = ["slug"]

    slug = "ethics"
    name = "Ethics"


class ProviderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Provider
        django_get_or_create = ["slug"]

    slug = "hollow-reed"
    name = "Hollow Reed Institute"
    address = "118 Canal Street\nTroy, NY 12180"
    email = "office@hollowreed.example"
    phone = "(518) 555-0142"
    director = "Ingrid Solheim, LCSW"
    director_title = "Director of Continuing Education"
    refund_policy = "Full refund."
    accommodation_policy = "Ask us."
    grievance_policy = "Write to us."


class ApprovalFactory(factory.django.DjangoModelFactory):
    """In date from 2025 to 2028."""

    class Meta:
        model = Approval

    provider = factory.SubFactory(ProviderFactory)
    body = factory.SubFactory(ApprovingBodyFactory)
    number = "0000"
    statement = "Hollow Reed Institute, no. 0000, is approved by ASWB ACE."
    valid_from = date(2025, 9, 1)
    valid_to = date(2028, 8, 31)


class InstructorFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Instructor
        django_get_or_create = ["slug"]

    slug = "ada-moreno"
    name = "Ada Moreno"
    credentials = "PhD, LCSW"
    position = "Private practice"
    bio = "Twenty years of practice."


class TeachingMethodFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = TeachingMethod
        django_get_or_create = ["slug"]

    slug = "reading"
    name = "Reading"


class LessonFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Lesson

    key = factory.Sequence(lambda n: f"lesson-{n}")
    position = factory.Sequence(lambda n: n)
    title = factory.Sequence(lambda n: f"Lesson {n}")
    body = "Consent is a *conversation*."
    minutes = 10


class QuestionFactory(factory.django.DjangoModelFactory):
    """Three choices; the first is right."""

    class Meta:
        model = Question
        skip_postgeneration_save = True

    position = factory.Sequence(lambda n: n)
    ask = factory.Sequence(lambda n: f"What does consent require, case {n}?")
    rationale = "Because the risk changed."

    @factory.post_generation
    def choices(question, create, extracted, **kwargs):
        for position, text in enumerate(["A conversation", "A signature", "Nothing"]):
            Choice.objects.create(
                question=question, position=position, text=text, is_right=position == 0
            )


class CourseFactory(factory.django.DjangoModelFactory):
    """A published text-based course of 1.5 hours with ``lessons`` and ``questions``, credited by
    ASWB ACE under an approval in date."""

    class Meta:
        model = Course
        skip_postgeneration_save = True

    class Params:
        live = factory.Trait(
            format="live-webinar",
            attendance_minutes=80,
            requires_attendance=True,
            difficulty=None,
        )
        draft = factory.Trait(status="draft", published_at=None)
        retired = factory.Trait(status="retired", retired_at=LONG_AGO)

    key = factory.Sequence(lambda n: f"course-{n}")
    slug = factory.SelfAttribute("key")
    status = "published"
    published_at = LONG_AGO
    title = factory.Sequence(lambda n: f"Consent, Part {n}")
    summary = "Consent as a thread."
    about = "Consent as a thread picked up in session after session."
    audience = "Licensed clinicians."
    level = "introductory"
    format = "text"
    price = Decimal("36")
    provider = factory.SubFactory(ProviderFactory)
    hours = Decimal("1.5")
    difficulty = Decimal("2.5")
    pass_mark = 75
    conflict_of_interest = "Nothing to disclose."
    commercial_support = "None."
    content_statement = "Teaching, not legal advice."
    system_requirements = "A browser."
    last_reviewed_on = date(2026, 1, 1)

    @factory.post_generation
    def parts(course, create, extracted, *, lessons=2, questions=4, **kwargs):
        CourseFocusArea.objects.create(course=course, focus_area=FocusAreaFactory())
        CourseInstructor.objects.create(course=course, instructor=InstructorFactory())
        course.teaching_methods.add(TeachingMethodFactory())
        Objective.objects.create(course=course, text="Name the moments that ask for consent anew.")
        if not Approval.objects.filter(provider=course.provider).exists():
            ApprovalFactory(provider=course.provider)
        CourseCredit.objects.create(
            course=course,
            body=ApprovingBodyFactory(),
            credit_type=CreditTypeFactory(),
            hours=Decimal("1.5"),
            basis="90 minutes at 60 an hour",
        )
        LessonFactory.create_batch(lessons, course=course)
        QuestionFactory.create_batch(questions, course=course)
        # It requires what it has.
        course.requires_lessons = course.requires_lessons and lessons > 0
        course.requires_post_test = course.requires_post_test and questions > 0
        course.save(update_fields=["requires_lessons", "requires_post_test"])


class SessionFactory(factory.django.DjangoModelFactory):
    """90 minutes on June 1, 2026, in New York, 20 seats."""

    class Meta:
        model = Session

    course = factory.SubFactory(CourseFactory, live=True)
    key = factory.Sequence(lambda n: f"session-{n}")
    starts_at = datetime(2026, 6, 1, 16, 0, tzinfo=UTC)
    ends_at = factory.LazyAttribute(lambda session: session.starts_at + timedelta(minutes=90))
    time_zone = "America/New_York"
    capacity = 20
    join_url = "https://meet.example/consent"


class EnrollmentFactory(factory.django.DjangoModelFactory):
    """As ``enrollment.enroll`` makes it, what the course asks pinned."""

    class Meta:
        model = Enrollment

    learner = factory.SubFactory(UserFactory)
    course = factory.SubFactory(CourseFactory)
    session = None
    requirements = factory.LazyAttribute(lambda held: asked_of(held.course, held.session))
    enrolled_at = LONG_AGO


class WaitlistPlaceFactory(factory.django.DjangoModelFactory):
    """Waiting, behind those made before; ``offered``: with a seat offered for a day."""

    class Meta:
        model = WaitlistPlace

    class Params:
        offered = factory.Trait(
            state="offered",
            offered_at=factory.SelfAttribute("joined_at"),
            offer_expires_at=factory.LazyAttribute(
                lambda place: place.offered_at + timedelta(days=1)
            ),
        )

    session = factory.SubFactory(SessionFactory)
    learner = factory.SubFactory(UserFactory)
    joined_at = factory.Sequence(lambda n: LONG_AGO + timedelta(seconds=n))


class AssignmentFactory(factory.django.DjangoModelFactory):
    """A course, due on June 1, 2026; or give a topic or focus area with hours."""

    class Meta:
        model = Assignment

    supervision = factory.SubFactory(SupervisionFactory, shares_renewal=True)
    course = factory.SubFactory(CourseFactory)
    due_on = date(2026, 6, 1)
    assigned_at = LONG_AGO
    counts_from = LONG_AGO.date()
