"""Each constraint, refused by the database itself."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F, ProtectedError

from accounts.tests.factories import UserFactory
from courses.models import (
    Approval,
    ApprovingBody,
    Attempt,
    AttendanceInterval,
    AttendanceUpload,
    Course,
    CourseCredit,
    CourseFocusArea,
    CourseInstructor,
    Enrollment,
    EvaluationAnswer,
    EvaluationResponse,
    Lesson,
    LessonProgress,
    Session,
    WaitlistPlace,
)
from courses.tests.factories import (
    LONG_AGO,
    ApprovalFactory,
    CourseFactory,
    EnrollmentFactory,
    LessonFactory,
    SessionFactory,
    WaitlistPlaceFactory,
)

pytestmark = pytest.mark.django_db


def refuses(constraint: str, write) -> None:
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        write()
    text = str(refused.value)
    # SQLite names the columns of a unique constraint, not the constraint.
    assert constraint in text or "UNIQUE constraint failed" in text


def change(row, **values) -> None:
    type(row).objects.filter(pk=row.pk).update(**values)


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("course_has_hours", {"hours": 0}),
        ("course_price_is_not_negative", {"price": -1}),
        ("course_pass_mark_is_percent", {"pass_mark": 0}),
        ("course_pass_mark_is_percent", {"pass_mark": 101}),
        ("course_allows_an_attempt", {"attempts_allowed": 0}),
        ("course_difficulty_is_1_to_5", {"difficulty": Decimal("5.5")}),
        ("course_out_of_draft_was_published", {"published_at": None}),
        ("course_retired_on_a_day", {"status": "retired"}),
    ],
)
def test_a_course_that_contradicts_itself_is_refused(constraint, values):
    course = CourseFactory()

    refuses(constraint, lambda: change(course, **values))


def test_a_draft_may_lack_its_hours():
    course = CourseFactory(draft=True)

    change(course, hours=0)

    assert Course.objects.get().hours == 0


@pytest.mark.parametrize("column", ["key", "slug"])
def test_a_courses_names_are_its_own(column):
    course, other = CourseFactory(), CourseFactory()

    refuses("", lambda: change(course, **{column: getattr(other, column)}))


def test_the_parts_of_a_course_are_each_there_once():
    course = CourseFactory()
    lesson, credit = course.lessons.first(), course.credits.get()
    area, instructor = course.course_focus_areas.get(), course.course_instructors.get()
    session = SessionFactory(course=course)

    for constraint, twin in {
        "lesson_key_once_per_course": Lesson(course=course, key=lesson.key, minutes=1),
        "session_key_once_per_course": Session(
            course=course,
            key=session.key,
            starts_at=session.starts_at,
            ends_at=session.ends_at,
            place="Troy",
        ),
        "course_credit_once_per_body_and_type": CourseCredit(
            course=course, body=credit.body, credit_type=credit.credit_type, hours=1
        ),
        "focus_area_once_per_course": CourseFocusArea(course=course, focus_area=area.focus_area),
        "instructor_once_per_course": CourseInstructor(
            course=course, instructor=instructor.instructor
        ),
    }.items():
        refuses(constraint, twin.save)


def test_a_credit_line_has_hours():
    credit = CourseFactory().credits.get()

    refuses("course_credit_has_hours", lambda: change(credit, hours=0))


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "text", "link": "https://video.example/1"},
        {"kind": "text", "file": "lessons/a.mp4"},
        {"kind": "video"},
        {"kind": "document", "file": "lessons/a.pdf", "link": "https://video.example/1"},
    ],
)
def test_a_lesson_is_a_text_or_a_file_or_a_link(values):
    lesson = LessonFactory(course=CourseFactory())

    refuses("lesson_is_a_text_or_a_file_or_a_link", lambda: change(lesson, **values))


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "text"},
        {"kind": "video", "link": "https://video.example/1"},
        {"kind": "document", "file": "lessons/a.pdf"},
    ],
)
def test_captions_are_of_a_video_file(values):
    lesson = LessonFactory(course=CourseFactory())

    refuses(
        "lesson_captions_are_of_a_video_file",
        lambda: change(lesson, captions="lessons/a.vtt", **values),
    )


def test_a_session_is_somewhere_and_ends_after_it_starts():
    session = SessionFactory()

    refuses("session_is_somewhere", lambda: change(session, join_url=""))
    refuses("session_ends_after_it_starts", lambda: change(session, ends_at=F("starts_at")))


def test_an_approval_has_words_and_ends_after_it_begins():
    approval = ApprovalFactory()

    refuses("approval_has_number_and_statement", lambda: change(approval, statement=""))
    refuses("approval_has_number_and_statement", lambda: change(approval, number=""))
    refuses(
        "approval_ends_after_it_begins",
        lambda: change(approval, valid_to=approval.valid_from - timedelta(days=1)),
    )


def test_a_body_counts_30_to_60_minutes_as_an_hour():
    ApprovalFactory()

    refuses(
        "approving_body_hour_is_30_to_60_minutes",
        lambda: ApprovingBody.objects.update(minutes_per_hour=61),
    )


def test_a_learner_has_one_open_seat_in_a_course(noon):
    held = EnrollmentFactory()

    refuses(
        "enrollment_one_open_seat_per_learner",
        lambda: EnrollmentFactory(learner=held.learner, course=held.course),
    )


def test_nobody_withdraws_before_enrolling():
    held = EnrollmentFactory()

    refuses(
        "enrollment_withdrawn_after_enrolled",
        lambda: change(held, withdrawn_at=held.enrolled_at - timedelta(seconds=1)),
    )


def test_a_lesson_is_opened_once_and_read_after_that(noon):
    held = EnrollmentFactory()
    lesson = held.course.lessons.first()
    facts = {"enrollment": held, "lesson": lesson, "opened_at": noon, "seen_at": noon}
    progress = LessonProgress.objects.create(**facts)
    before = noon - timedelta(seconds=1)

    refuses("lesson_progress_once_per_enrollment", lambda: LessonProgress.objects.create(**facts))
    refuses("lesson_progress_position_is_percent", lambda: change(progress, position=101))
    refuses("lesson_progress_begins_with_opening", lambda: change(progress, read_at=before))
    refuses("lesson_progress_begins_with_opening", lambda: change(progress, seen_at=before))


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("attempt_figures_fit_together", {"number": 0}),
        ("attempt_figures_fit_together", {"right": 5}),
        ("attempt_figures_fit_together", {"needed": 0}),
        ("attempt_figures_fit_together", {"needed": 5}),
        ("attempt_number_once_per_enrollment", {"number": 1}),
        ("attempt_is_graded_when_handed_in", {"right": None}),
        ("attempt_is_graded_when_handed_in", {"submitted_at": None}),
        ("attempt_is_graded_when_handed_in", {"started_at": datetime(2026, 3, 3, tzinfo=UTC)}),
    ],
)
def test_an_attempt_that_contradicts_itself_is_refused(noon, constraint, values):
    held = EnrollmentFactory()
    facts = {"started_at": noon, "submitted_at": noon, "right": 2, "asked": 4, "needed": 3}
    facts |= {"shown": [], "rationales": "end"}
    Attempt.objects.create(enrollment=held, number=1, **facts)
    second = {"number": 2, **facts, **values}

    refuses(constraint, lambda: Attempt.objects.create(enrollment=held, **second))


def test_a_learner_has_one_open_attempt(noon):
    held = EnrollmentFactory()
    facts = {"enrollment": held, "started_at": noon, "asked": 4, "needed": 3, "shown": []}
    Attempt.objects.create(number=1, **facts)

    refuses("attempt_one_open_per_enrollment", lambda: Attempt.objects.create(number=2, **facts))


def test_a_graded_attempt_never_changes(noon):
    held = EnrollmentFactory()
    facts = {"started_at": noon, "asked": 4, "needed": 3, "shown": []}
    attempt = Attempt.objects.create(enrollment=held, number=1, **facts)
    change(attempt, chosen={"1": [2]})
    change(attempt, submitted_at=noon, right=2)
    words = "A graded attempt is append-only"

    refuses(words, lambda: change(attempt, right=4))
    refuses(words, lambda: change(attempt, chosen={}))
    refuses(words, lambda: change(attempt, submitted_at=None, right=None))
    refuses(words, lambda: Attempt.objects.filter(pk=attempt.pk).delete())
    assert Attempt.objects.get().right == 2


def presence(noon, **facts) -> AttendanceInterval:
    """From noon for an hour, by a curator."""
    facts = {
        "starts_at": noon,
        "ends_at": noon + timedelta(hours=1),
        "source": "curator",
        "detail": "sheet",
        "recorded_by": UserFactory(),
        "recorded_at": noon,
        **facts,
    }
    return AttendanceInterval.objects.create(**facts)


def report(noon, session, **facts) -> AttendanceUpload:
    facts = {
        "file_name": "report.csv",
        "content": b"email",
        "sha256": "0" * 64,
        "time_zone": "UTC",
        "uploaded_by": UserFactory(),
        "uploaded_at": noon,
        **facts,
    }
    return AttendanceUpload.objects.create(session=session, **facts)


@pytest.mark.parametrize(
    ("constraint", "facts"),
    [
        ("attendance_ends_after_it_starts", {"ends_at": datetime(2026, 3, 2, 12, tzinfo=UTC)}),
        ("attendance_only_a_check_in_is_open", {"ends_at": None}),
        ("attendance_by_a_curator_has_a_reason", {"detail": ""}),
        ("attendance_import_names_its_upload", {"source": "import"}),
        ("attendance_voided_all_or_none", {"void_reason": "Wrong person"}),
        ("attendance_voided_all_or_none", {"voided_at": datetime(2026, 3, 3, tzinfo=UTC)}),
    ],
)
def test_presence_that_contradicts_itself_is_refused(noon, constraint, facts):
    held = EnrollmentFactory()

    refuses(constraint, lambda: presence(noon, enrollment=held, **facts))


def test_nobody_is_checked_in_twice_until_the_first_is_void(noon):
    held = EnrollmentFactory()
    first = presence(noon, enrollment=held, source="code", ends_at=None)

    refuses(
        "attendance_one_open_check_in",
        lambda: presence(noon, enrollment=held, source="code", ends_at=None),
    )
    first.voided_at, first.voided_by, first.void_reason = noon, first.recorded_by, "Left"
    first.save()
    presence(noon, enrollment=held, source="code", ends_at=None)


def test_the_same_time_is_imported_once_until_it_is_void(noon):
    session = SessionFactory()
    held = EnrollmentFactory(course=session.course, session=session)
    facts = {"enrollment": held, "source": "import", "upload": report(noon, session)}
    first = presence(noon, **facts)

    refuses("attendance_imported_once", lambda: presence(noon, **facts))
    first.voided_at, first.voided_by, first.void_reason = noon, first.recorded_by, "Left"
    first.save()
    presence(noon, **facts)


@pytest.mark.parametrize(
    ("constraint", "facts"),
    [
        ("attendance_upload_once_per_session", {}),
        (
            "attendance_upload_confirmed_by_somebody",
            {"time_zone": "A/B", "confirmed_at": datetime(2026, 3, 3, tzinfo=UTC)},
        ),
        ("attendance_upload_applied_after_confirmed", {"time_zone": "A/B", "added": 3}),
        (
            "attendance_upload_applied_after_confirmed",
            {"time_zone": "A/B", "added": 3, "applied_at": datetime(2026, 3, 3, tzinfo=UTC)},
        ),
        (
            "attendance_upload_settled_after_applied",
            {"time_zone": "A/B", "settled_at": datetime(2026, 3, 3, tzinfo=UTC)},
        ),
    ],
)
def test_a_report_that_contradicts_itself_is_refused(noon, constraint, facts):
    session = SessionFactory()
    report(noon, session)

    refuses(constraint, lambda: report(noon, session, **facts))


def test_a_rating_is_1_to_5_and_given_once(noon):
    response = EvaluationResponse.objects.create(course=CourseFactory(), submitted_on=noon.date())
    EvaluationAnswer.objects.create(response=response, question="level", asked="?", rating=5)

    for rating in (0, 6):
        refuses(
            "evaluation_rating_is_1_to_5",
            lambda rating=rating: EvaluationAnswer.objects.create(
                response=response, question="relevance", asked="?", rating=rating
            ),
        )
    refuses(
        "evaluation_answer_once_per_question",
        lambda: EvaluationAnswer.objects.create(
            response=response, question="level", asked="?", rating=1
        ),
    )


def test_what_is_evidence_cannot_be_deleted_with_what_it_is_about(noon):
    held = EnrollmentFactory()
    lesson = LessonFactory(course=held.course)
    LessonProgress.objects.create(
        enrollment=held, lesson=lesson, opened_at=noon, seen_at=noon, read_at=noon
    )

    for row in (held.course, held.learner, held, lesson):
        with pytest.raises(ProtectedError):
            row.delete()
    assert Enrollment.objects.count() == 1
    assert Approval.objects.exists()


# --- The waitlist -----------------------------------------------------------


def test_a_learner_waits_once_for_a_session():
    place = WaitlistPlaceFactory()

    refuses(
        "waitlist_one_open_place_per_learner",
        lambda: WaitlistPlaceFactory(session=place.session, learner=place.learner, offered=True),
    )


def test_a_learner_may_wait_again_after_leaving(noon):
    place = WaitlistPlaceFactory(state="left", closed_at=noon)

    WaitlistPlaceFactory(session=place.session, learner=place.learner)

    assert WaitlistPlace.objects.count() == 2


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        # Two constraints refuse it, and each database names another one.
        ("waitlist_", {"state": "lost", "closed_at": LONG_AGO}),
        ("waitlist_offer_has_its_moments", {"state": "offered"}),
        ("waitlist_offer_has_its_moments", {"state": "declined", "closed_at": LONG_AGO}),
        ("waitlist_offer_has_its_moments", {"state": "expired", "closed_at": LONG_AGO}),
        ("waitlist_offer_has_its_moments", {"offered_at": LONG_AGO}),
        ("waitlist_offer_has_its_moments", {"offer_expires_at": LONG_AGO}),
        ("waitlist_place_ends_at_a_moment", {"state": "left"}),
        ("waitlist_place_ends_at_a_moment", {"closed_at": LONG_AGO}),
    ],
)
def test_a_place_that_contradicts_itself_is_refused(constraint, values):
    place = WaitlistPlaceFactory()

    refuses(constraint, lambda: change(place, **values))


def test_an_offer_ends_after_it_begins():
    place = WaitlistPlaceFactory(offered=True)

    refuses(
        "waitlist_offer_has_its_moments", lambda: change(place, offer_expires_at=place.offered_at)
    )


def test_a_seat_taken_from_the_waitlist_has_its_enrollment_and_no_other_place_has(noon):
    offered = WaitlistPlaceFactory(offered=True)
    held = EnrollmentFactory(course=offered.session.course, session=offered.session)

    refuses(
        "waitlist_seat_taken_by_an_enrollment",
        lambda: change(offered, state="taken", closed_at=noon),
    )
    refuses("waitlist_seat_taken_by_an_enrollment", lambda: change(offered, enrollment=held))


def test_a_session_with_a_waitlist_cannot_be_deleted():
    place = WaitlistPlaceFactory()

    with pytest.raises(ProtectedError):
        place.session.delete()
