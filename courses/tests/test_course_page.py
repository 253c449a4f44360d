"""The course page: what it discloses, what stands beside it, what it tells machines."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.tests.factories import UserFactory
from courses import listing, structured_data
from courses.models import (
    AgendaItem,
    ApprovingBody,
    Course,
    CourseCredit,
    CourseFocusArea,
    CourseInstructor,
    FocusArea,
    Instructor,
    Objective,
    ShortlistItem,
    TeachingMethod,
    Topic,
)
from courses.tests.factories import (
    ApprovalFactory,
    CourseFactory,
    CreditTypeFactory,
    FocusAreaFactory,
    LessonFactory,
    QuestionFactory,
    SessionFactory,
)

pytestmark = pytest.mark.django_db


def page(client, course: Course) -> str:
    return client.get(course.get_absolute_url()).text


def things(text: str) -> dict[str, dict]:
    """The page's JSON-LD, by type."""
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.S)
    assert len(found) == 1
    return {thing["@type"]: thing for thing in json.loads(found[0])["@graph"]}


def curator():
    return UserFactory(is_staff=True, is_superuser=True)


def listed(**facts) -> Course:
    """A course that the catalog knows."""
    course = CourseFactory(**facts)
    listing.relist([course.pk])
    return course


# --- Disclosures ------------------------------------------------------------


def test_what_a_board_asks_to_be_told_beforehand_stands_on_the_page(client):
    course = CourseFactory()

    text = page(client, course)

    for disclosed in [
        "Asynchronous, at your own pace",
        "$36, all fees included",
        "Ask Hollow Reed Institute:",
        "Write to Ingrid Solheim, LCSW",
        "the body that approved the course (ASWB ACE), and then to your licensing board",
        "The certificate follows by itself",
        "Last reviewed Jan 1, 2026",
    ]:
        assert disclosed in text, disclosed


@pytest.mark.parametrize(
    ("format", "interaction"),
    [
        ("in-person", "Synchronous, in person"),
        ("live-webinar", "Synchronous, by video"),
        ("hybrid", "Part synchronous, part at your own pace"),
        ("recorded", "Asynchronous, at your own pace"),
        ("text", "Asynchronous, at your own pace"),
    ],
)
def test_the_page_says_how_people_interact(client, format, interaction):
    assert f"<dd>{interaction}</dd>" in page(client, CourseFactory(format=format))


def test_a_text_based_course_shows_its_words_and_the_formula(client):
    course = CourseFactory(parts__lessons=0)
    LessonFactory(course=course, body="Consent is a *conversation*. " * 750)

    text = page(client, course)

    # 0.9 x (-22.3 + 0.00209 x 3,000 + 2.78 x 4 + 15.5 x 2.5) = 30.46
    assert "The lessons have 3,000 words and the post-test 4 questions" in text
    assert "the difficulty is 2.5 of 5" in text
    assert "takes 30 minutes: 0.9 × (−22.3 + 0.00209 × words" in text


def test_a_course_that_is_not_text_based_shows_no_formula(client):
    assert "Mergener" not in page(client, CourseFactory(format="recorded", difficulty=None))


def test_the_page_says_when_no_approval_is_in_date(client):
    course = CourseFactory()
    course.provider.approvals.update(valid_to=date(2026, 1, 31))

    text = page(client, course)

    assert "No approval of this course is in date today. It gives no credit" in text
    assert "No approval in date: gives no credit" in text
    assert '<p class="mb-0">No approval of this course is in date today.</p>' in text
    assert "turn to the approving body, and then to your licensing board" in text


def test_the_page_of_an_approved_course_does_not_say_so(client):
    assert "No approval" not in page(client, CourseFactory())


def test_the_page_opens_with_the_summary_and_then_says_what_it_is_about(client):
    text = page(client, CourseFactory(summary="In short.", about="At length.\n\nAnd more."))

    assert '<p class="lead">In short.</p>' in text
    assert text.index("In short.</p>") < text.index("<p>At length.</p>") < text.index("<dl")


def test_a_retired_course_says_since_when(client):
    text = page(client, CourseFactory(retired=True))

    assert "This course was retired on Jan 5, 2026 and takes no new enrollments." in text


# --- Enrollment and approvals -----------------------------------------------


def offers_to_enroll(text: str) -> bool:
    return "Sign in to enroll" in text or 'class="btn btn-primary nowrap" href="#enroll"' in text


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize("live", [False, True])
def test_a_course_that_gives_no_credit_today_offers_no_enrollment(client, live, signed_in):
    course = CourseFactory(live=live)
    if live:
        SessionFactory(course=course, starts_at=timezone.now() + timedelta(days=5))
    if signed_in:
        client.force_login(UserFactory())
    enroll = reverse("courses:enroll", args=[course.slug])
    before = page(client, course)
    course.provider.approvals.update(valid_to=date(2026, 1, 31))

    after = page(client, course)

    assert (offers_to_enroll(before), enroll in before) == (True, signed_in)
    assert (offers_to_enroll(after), enroll in after) == (False, False)
    assert "Gives no credit today</p>" in after
    assert 'href="#enroll">No credit today</a>' in after
    assert re.findall(r'<meta name="robots" content="(.*?)">', after) == ["noindex, follow"]


def session_on(course: Course, day: date, **facts):
    """From 10 to 11:30 PM in New York, when in UTC the next day has begun."""
    starts_at = datetime.combine(day, time(22), tzinfo=ZoneInfo("America/New_York"))
    return SessionFactory(course=course, starts_at=starts_at, **facts)


def test_a_session_says_which_boards_do_not_approve_it_on_its_day(client):
    course = CourseFactory(live=True)
    today = timezone.localdate()
    nbcc = ApprovingBody.objects.create(slug="nbcc", name="NBCC", full_name="NBCC", source="a test")
    ApprovalFactory(provider=course.provider, body=nbcc, valid_to=today + timedelta(days=60))
    CourseCredit.objects.create(
        course=course, body=nbcc, credit_type=CreditTypeFactory(), hours=1, basis="a test"
    )
    course.provider.approvals.exclude(body=nbcc).update(valid_to=today + timedelta(days=30))
    for days in (30, 31, 60, 61):
        session_on(course, today + timedelta(days=days))

    response = client.get(course.get_absolute_url())

    assert [offer.not_approved for offer in response.context["offers"]] == [
        [],
        ["ASWB ACE"],
        ["ASWB ACE"],
        ["ASWB ACE", "NBCC"],
    ]
    assert response.text.count("Not approved by ASWB ACE on this date</p>") == 2
    assert (
        response.text.count("Not approved by ASWB ACE, NBCC on this date: gives no credit</p>") == 1
    )


def test_only_sessions_that_give_credit_can_be_chosen(client):
    course = CourseFactory(live=True)
    today = timezone.localdate()
    course.provider.approvals.update(valid_from=today + timedelta(days=10))
    early = session_on(course, today + timedelta(days=9))
    first = session_on(course, today + timedelta(days=10))
    full = session_on(course, today + timedelta(days=11), capacity=0)
    client.force_login(UserFactory())

    text = page(client, course)

    chosen = {
        pk: "disabled" in rest
        for pk, rest in re.findall(r'name="session" value="(\d+)" required(.*?)>', text)
    }
    assert chosen == {str(early.pk): True, str(first.pk): False, str(full.pk): True}


def test_sessions_that_are_full_or_give_no_credit_leave_nothing_to_choose(client):
    course = CourseFactory(live=True)
    today = timezone.localdate()
    course.provider.approvals.update(valid_to=today + timedelta(days=10))
    session_on(course, today + timedelta(days=10), capacity=0)
    session_on(course, today + timedelta(days=11))

    text = page(client, course)

    assert not offers_to_enroll(text)
    assert "No announced session can be enrolled in now." in text
    assert 'href="#enroll">No open session</a>' in text


def test_two_kinds_of_credit_under_one_approval_show_its_statement_once(client):
    course = CourseFactory()
    other = ApprovingBody.objects.create(slug="apa", name="APA", full_name="APA", source="a test")
    ApprovalFactory(body=other, statement="APA says so.")
    for body, slug in [(other, "ethics"), (course.credits.get().body, "clinical")]:
        CourseCredit.objects.create(
            course=course,
            body=body,
            credit_type=CreditTypeFactory(slug=slug, name=slug),
            hours=Decimal("0.5"),
            basis="a test",
        )

    text = page(client, course)

    assert text.count("is approved by ASWB ACE.") == 1
    assert text.count("APA says so.") == 1


# --- Related courses --------------------------------------------------------


def areas_of(course: Course, *areas: FocusArea) -> Course:
    course.course_focus_areas.all().delete()
    for area in areas:
        CourseFocusArea.objects.create(course=course, focus_area=area)
    listing.relist([course.pk])
    return course


def related(client, course: Course) -> list[str]:
    return [course.title for course in client.get(course.get_absolute_url()).context["related"]]


def test_related_courses_share_most_focus_areas_then_the_topic(client):
    consent, privacy, gifts = (FocusAreaFactory(slug=s, name=s) for s in ("a", "b", "c"))
    sleep = FocusAreaFactory(
        slug="sleep", name="Sleep", topic=Topic.objects.create(slug="x", name="X", covers="X")
    )
    now = timezone.now()

    def course(title, days, *areas):
        return areas_of(CourseFactory(title=title, published_at=now - timedelta(days)), *areas)

    shown = course("Itself", 9, consent, privacy)
    course("Shares two", 8, consent, privacy)
    course("Shares one, older", 7, consent)
    course("Shares one, newer", 6, privacy)
    course("Same topic", 5, gifts)
    course("Another topic", 1, sleep)
    listing.relabel()

    assert related(client, shown) == [
        "Shares two",
        "Shares one, newer",
        "Shares one, older",
        "Same topic",
    ]


def test_no_more_than_four_related_courses_are_shown(client):
    courses = CourseFactory.create_batch(6)
    listing.relist([course.pk for course in courses])

    assert related(client, courses[0]) == [course.title for course in courses[:1:-1]]


def test_what_is_not_in_the_catalog_is_not_related(client):
    shown = listed()
    listed(title="Draft", draft=True)
    listed(title="Retired", retired=True)

    response = client.get(shown.get_absolute_url())

    assert response.context["related"] == []
    assert "Related courses" not in response.text


def test_a_related_course_is_a_short_line(client):
    shown = listed()
    other = listed(title="Consent, again", format="recorded", hours=Decimal("2.25"))

    text = page(client, shown)

    assert f'<a href="{other.get_absolute_url()}">Consent, again</a>' in text
    assert "2.25 h, recorded" in text


# --- Kept for later ---------------------------------------------------------


def test_who_is_signed_in_may_keep_the_course_for_later(client):
    course, reader = CourseFactory(), UserFactory()
    keep, drop = (reverse(f"courses:{verb}", args=[course.slug]) for verb in ("keep", "drop"))
    offered = {"stranger": (keep in page(client, course), drop in page(client, course))}
    ShortlistItem.objects.create(owner=UserFactory(), course=course, kept_at=timezone.now())

    client.force_login(reader)
    offered["reader"] = (keep in page(client, course), drop in page(client, course))
    ShortlistItem.objects.create(owner=reader, course=course, kept_at=timezone.now())
    offered["who keeps it"] = (keep in page(client, course), drop in page(client, course))

    assert offered == {
        "stranger": (False, False),
        "reader": (True, False),
        "who keeps it": (False, True),
    }


# --- What machines are told -------------------------------------------------


def test_addresses_for_machines_begin_with_our_own_name(client, settings):
    settings.SITE_URL = "https://portal.example.org"
    settings.ALLOWED_HOSTS = ["*"]
    course = CourseFactory(slug="consent", title="Consent")

    text = client.get(course.get_absolute_url(), headers={"host": "evil.example"}).text

    assert '<link rel="canonical" href="https://portal.example.org/courses/consent/">' in text
    assert '<meta property="og:url" content="https://portal.example.org/courses/consent/">' in text
    assert '<meta property="og:title" content="Consent">' in text
    assert '<meta property="og:description" content="Consent as a thread.">' in text
    assert "evil.example" not in text


@pytest.mark.parametrize(
    ("state", "robots"),
    [({}, []), ({"retired": True}, ["noindex, follow"]), ({"draft": True}, ["noindex"])],
)
def test_search_engines_keep_what_is_offered_and_nothing_else(client, state, robots):
    client.force_login(curator())

    text = page(client, CourseFactory(**state))

    assert re.findall(r'<meta name="robots" content="(.*?)">', text) == robots
    assert ("Course" in things(text)) == (not state)


def test_a_page_that_is_not_there_is_not_to_be_indexed(client):
    response = client.get(reverse("courses:course", args=["no-such-course"]))

    assert response.status_code == 404
    assert '<meta name="robots" content="noindex">' in response.text


def test_the_structured_data_of_a_course_on_demand(client, settings):
    settings.SITE_URL = "https://portal.example.org"
    course = CourseFactory(slug="consent", title="Consent", prerequisites="A license.")

    found = things(page(client, course))

    assert found["Course"] == {
        "@type": "Course",
        "@id": "https://portal.example.org/courses/consent/",
        "url": "https://portal.example.org/courses/consent/",
        "name": "Consent",
        "description": "Consent as a thread.",
        "provider": {
            "@type": "Organization",
            "name": "Hollow Reed Institute",
            "url": "https://portal.example.org/courses/?provider=hollow-reed",
        },
        "inLanguage": {"@type": "Language", "name": "English"},
        "educationalLevel": "Introductory",
        "teaches": ["Name the moments that ask for consent anew."],
        "about": [{"@type": "Thing", "name": "Informed consent"}],
        "timeRequired": "PT1H30M",
        "isAccessibleForFree": False,
        "offers": {
            "@type": "Offer",
            "category": "Paid",
            "price": "36.00",
            "priceCurrency": "USD",
            "url": "https://portal.example.org/courses/consent/",
        },
        "coursePrerequisites": "A license.",
        "educationalCredentialAwarded": {
            "@type": "EducationalOccupationalCredential",
            "name": "Certificate of completion, 1.5 CE hours",
            "credentialCategory": "Certificate",
            "recognizedBy": [
                {"@type": "Organization", "name": "Association of Social Work Boards"}
            ],
        },
        "hasCourseInstance": [
            {
                "@type": "CourseInstance",
                "courseMode": "Online",
                "courseWorkload": "PT1H30M",
                "instructor": [{"@type": "Person", "name": "Ada Moreno"}],
            }
        ],
    }
    assert [
        (step["position"], step["name"], step["item"])
        for step in found["BreadcrumbList"]["itemListElement"]
    ] == [
        (1, "Catalog", "https://portal.example.org/courses/"),
        (2, "Ethics", "https://portal.example.org/courses/topics/ethics/"),
        (3, "Consent", "https://portal.example.org/courses/consent/"),
    ]


def test_the_structured_data_of_live_sessions_and_no_link_to_join(client, settings):
    settings.SITE_URL = "https://portal.example.org"
    course = CourseFactory(live=True, format="hybrid", slug="consent", price=0)
    year = timezone.now().year + 1
    SessionFactory(course=course, starts_at=datetime(year, 1, 15, 17, 0, tzinfo=UTC), capacity=None)
    SessionFactory(
        course=course, starts_at=datetime(year, 7, 15, 16, 0, tzinfo=UTC), place="118 Canal Street"
    )
    SessionFactory(course=course, starts_at=datetime(2026, 1, 5, 16, 0, tzinfo=UTC))

    text = page(client, course)

    online = {"@type": "VirtualLocation", "url": "https://portal.example.org/courses/consent/"}
    place = {"@type": "Place", "name": "118 Canal Street", "address": "118 Canal Street"}
    found = things(text)["Course"]
    assert [
        {name: value for name, value in instance.items() if name not in {"@type", "instructor"}}
        for instance in found["hasCourseInstance"]
    ] == [
        {
            "name": course.title,
            "courseMode": "Blended",
            "eventAttendanceMode": "https://schema.org/MixedEventAttendanceMode",
            "courseWorkload": "PT1H30M",
            "startDate": f"{year}-01-15T12:00:00-05:00",
            "endDate": f"{year}-01-15T13:30:00-05:00",
            "location": online,
        },
        {
            "name": course.title,
            "courseMode": "Blended",
            "eventAttendanceMode": "https://schema.org/MixedEventAttendanceMode",
            "courseWorkload": "PT1H30M",
            "startDate": f"{year}-07-15T12:00:00-04:00",
            "endDate": f"{year}-07-15T13:30:00-04:00",
            "location": [place, online],
            "maximumAttendeeCapacity": 20,
        },
    ]
    assert (found["isAccessibleForFree"], found["offers"]["category"]) == (True, "Free")
    assert "meet.example" not in text


def test_without_dates_or_approvals_nothing_is_promised(client):
    course = CourseFactory(live=True)
    course.provider.approvals.all().delete()

    found = things(page(client, course))["Course"]

    assert found.keys() & {"hasCourseInstance", "educationalCredentialAwarded"} == set()


def test_a_hostile_title_stays_text_in_the_structured_data(client):
    title = "</script><script>alert(1)</script><!-- & \u2028"
    course = CourseFactory(title=title)

    text = page(client, course)

    assert "<script>alert" not in text
    assert things(text)["Course"]["name"] == title


@given(st.text())
def test_no_text_gets_out_of_the_structured_data(text):
    written = structured_data.as_json({"name": text})

    assert not set("<>&") & set(written)
    assert json.loads(written)["@graph"] == [{"name": text}]


@pytest.mark.parametrize(
    ("hours", "duration"),
    [("3", "PT3H"), ("1.5", "PT1H30M"), ("0.75", "PT45M"), ("24.25", "PT24H15M"), ("0", "PT0M")],
)
def test_hours_are_written_as_iso_8601(hours, duration):
    assert structured_data.duration(Decimal(hours)) == duration


# --- Queries ----------------------------------------------------------------


def add_one_of_each(course: Course, number: int) -> None:
    body = ApprovingBody.objects.create(
        slug=f"b{number}", name=f"B{number}", full_name=f"B{number}", source="a test"
    )
    ApprovalFactory(provider=course.provider, body=body)
    CourseCredit.objects.create(
        course=course, body=body, credit_type=CreditTypeFactory(), hours=1, basis="a test"
    )
    topic = Topic.objects.create(slug=f"t{number}", name=f"T{number}", covers="T")
    area = FocusArea.objects.create(slug=f"f{number}", name=f"F{number}", covers="F", topic=topic)
    teacher = Instructor.objects.create(
        slug=f"i{number}", name=f"Ada {number}", credentials="PhD", position="P", bio="B"
    )
    CourseFocusArea.objects.create(course=course, focus_area=area)
    CourseInstructor.objects.create(course=course, instructor=teacher)
    course.teaching_methods.add(TeachingMethod.objects.create(slug=f"m{number}", name="M"))
    Objective.objects.create(course=course, text="Name it.")
    AgendaItem.objects.create(course=course, part="Talk", minutes=10)
    SessionFactory(course=course, starts_at=timezone.now() + timedelta(days=number))
    LessonFactory(course=course)
    QuestionFactory(course=course)
    areas_of(CourseFactory(), area)
    listing.relist([course.pk])
    listing.relabel()


@pytest.mark.parametrize("signed_in", [False, True])
def test_the_course_page_asks_as_often_for_one_of_each_part_as_for_three(
    client, signed_in, django_assert_max_num_queries
):
    course = CourseFactory(live=True)
    if signed_in:
        client.force_login(UserFactory())

    def queries() -> int:
        page(client, course)
        with django_assert_max_num_queries(30) as counted:
            page(client, course)
        return len(counted)

    add_one_of_each(course, 1)
    for_one = queries()
    add_one_of_each(course, 2)
    add_one_of_each(course, 3)

    assert queries() == for_one
    assert len(related(client, course)) == 3
