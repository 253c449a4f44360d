from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.tests.factories import LicenseFactory, UserFactory
from courses import completion, enrollment, evaluation
from courses.completion import Step
from courses.models import (
    Approval,
    AttendanceInterval,
    Completion,
    Course,
    CourseCredit,
    Enrollment,
    FormatWord,
)
from courses.tests.factories import (
    ApprovalFactory,
    ApprovingBodyFactory,
    CourseFactory,
    CreditTypeFactory,
    EnrollmentFactory,
    LessonFactory,
    QuestionFactory,
    SessionFactory,
)
from courses.tests.stories import (
    attend,
    read,
    read_lessons,
    ready_but_for_the_evaluation,
    ready_to_complete,
    take_post_test,
)
from transcripts import certificates, ledger
from transcripts.models import Certificate, CreditEntry

pytestmark = pytest.mark.django_db


def refusal(held, at) -> str:
    with pytest.raises(completion.CompletionError) as refused:
        completion.complete(enrollment=held, at=at)
    return str(refused.value)


def counts() -> tuple[int, int, int]:
    return (
        Completion.objects.count(),
        CreditEntry.objects.count(),
        Certificate.objects.count(),
    )


def test_complete_writes_credit_certificate_and_completion(noon):
    held = ready_to_complete(noon)

    done = completion.complete(enrollment=held, at=noon)

    assert counts() == (1, 1, 1)
    assert done.credit_entry.holder == held.learner
    assert done.credit_entry.certificate.entry == done.credit_entry
    assert done.credit_entry.hours == Decimal("1.5")


def test_completing_twice_gives_the_first_completion_back(noon):
    held = ready_to_complete(noon)
    first = completion.complete(enrollment=held, at=noon)

    second = completion.complete(enrollment=held, at=noon + timedelta(days=3))

    assert second == first
    assert counts() == (1, 1, 1)


def test_a_failing_step_leaves_nothing(noon, monkeypatch):
    held = ready_to_complete(noon)

    def fail(**facts):
        raise OSError("no")

    monkeypatch.setattr("transcripts.certificates.issue", fail)
    with pytest.raises(OSError, match="no"):
        completion.complete(enrollment=held, at=noon)

    assert counts() == (0, 0, 0)


def test_nothing_is_sent_before_the_commit(noon, sent_tasks, django_capture_on_commit_callbacks):
    held = ready_to_complete(noon)

    with django_capture_on_commit_callbacks(execute=True):
        completion.complete(enrollment=held, at=noon)
        assert sent_tasks == []

    assert [name for name, _ in sent_tasks] == ["transcripts.draw_certificate_pdf"]


def test_complete_refuses_a_withdrawn_enrollment(noon):
    held = ready_to_complete(noon)
    enrollment.withdraw(enrollment=held, at=noon)

    assert refusal(held, noon) == "You withdrew from this course."
    assert counts() == (0, 0, 0)


def test_complete_refuses_while_anything_is_outstanding(noon):
    held = EnrollmentFactory()

    message = refusal(held, noon)

    assert message == ("Not yet: 0 of 2 lessons read; 4 questions, 3 to pass; about four minutes.")
    assert counts() == (0, 0, 0)


@pytest.mark.parametrize("lacking", list(Step))
def test_each_requirement_alone_holds_completion_back(noon, lacking):
    course = CourseFactory(live=True, attestation="I did this work myself.")
    session = SessionFactory(course=course, starts_at=noon - timedelta(hours=3))
    right = 2 if lacking == Step.POST_TEST else None
    held = ready_to_complete(noon, right=right, course=course, session=session, attested_at=noon)
    AttendanceInterval.objects.create(
        enrollment=held,
        starts_at=session.starts_at,
        ends_at=session.starts_at + timedelta(minutes=80),
        source="curator",
        detail="sheet",
        recorded_by=UserFactory(),
        recorded_at=noon,
    )
    match lacking:
        case Step.LESSONS:
            held.lesson_progress.first().delete()
        case Step.SESSION:
            held.attendance.update(ends_at=session.starts_at + timedelta(minutes=79))
        case Step.EVALUATION:
            held.evaluated_at = None
            held.save()
        case Step.ATTESTATION:
            held.attested_at = None
            held.save()

    assert [item.step for item in completion.outstanding(held)] == [lacking]
    refusal(held, noon)


def test_a_course_without_lessons_and_test_asks_for_the_evaluation(noon):
    held = EnrollmentFactory(course=CourseFactory(parts__lessons=0, parts__questions=0))

    assert [item.step for item in completion.requirements(held)] == [Step.EVALUATION]


@pytest.mark.parametrize(
    ("questions", "percent", "needed"),
    [(8, 75, 6), (10, 75, 8), (4, 80, 4), (1, 1, 1), (3, 100, 3), (7, 50, 4)],
)
def test_the_pass_mark_is_rounded_up(questions, percent, needed):
    assert completion.right_answers_needed(percent, questions) == needed


# --- Approvals --------------------------------------------------------------


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "is_awarded"),
    [
        (date(2026, 3, 2), date(2026, 3, 2), True),
        (date(2026, 3, 3), None, False),
        (date(2025, 1, 1), date(2026, 3, 1), False),
        (date(2025, 1, 1), None, True),
    ],
)
def test_credit_needs_an_approval_valid_on_the_completion_date(
    noon, valid_from, valid_to, is_awarded
):
    held = ready_to_complete(noon)
    Approval.objects.update(valid_from=valid_from, valid_to=valid_to)

    if is_awarded:
        completion.complete(enrollment=held, at=noon)
    else:
        assert "No approval of this course was in date" in refusal(held, noon)

    assert CreditEntry.objects.exists() == is_awarded


def test_a_body_whose_approval_lapsed_gives_nothing_and_the_others_do(noon):
    held = ready_to_complete(noon)
    lapsed = ApprovingBodyFactory(slug="apa", name="APA")
    CourseCredit.objects.create(
        course=held.course,
        body=lapsed,
        credit_type=CreditTypeFactory(),
        hours=Decimal("2"),
        basis="120 minutes",
    )
    ApprovalFactory(body=lapsed, valid_to=date(2026, 3, 1))

    done = completion.complete(enrollment=held, at=noon)

    assert [line.body for line in done.credit_entry.lines.all()] == ["aswb-ace"]


def test_the_statement_printed_is_the_one_valid_on_the_day(noon):
    held = ready_to_complete(noon)
    Approval.objects.update(valid_to=date(2026, 2, 28), statement="Old words.", number="1")
    ApprovalFactory(valid_from=date(2026, 3, 1), statement="New words.", number="2")

    done = completion.complete(enrollment=held, at=noon)

    line = done.credit_entry.record["lines"][0]
    assert (line["approval_statement"], line["approval_number"]) == ("New words.", "2")


def test_each_body_has_its_own_word_for_the_format_and_it_is_frozen(noon):
    held = ready_to_complete(noon)
    other = ApprovingBodyFactory(slug="apa", name="APA")
    CourseCredit.objects.create(
        course=held.course,
        body=other,
        credit_type=CreditTypeFactory(),
        hours=Decimal("1.5"),
        basis="90 minutes",
    )
    ApprovalFactory(body=other)
    word = FormatWord.objects.create(body=other, format=held.course.format, word="Home study")
    FormatWord.objects.create(body=other, format="in-person", word="Live")

    done = completion.complete(enrollment=held, at=noon)
    FormatWord.objects.filter(pk=word.pk).update(word="Something else")

    entry = CreditEntry.objects.get(pk=done.credit_entry.pk)
    assert [(line["body_name"], line["format_name"]) for line in entry.record["lines"]] == [
        ("ASWB ACE", "Text-based"),
        ("APA", "Home study"),
    ]


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"word": ""}, "format_word_says_a_word_for_a_format"),
        ({"format": "webcast"}, "format_word_says_a_word_for_a_format"),
        ({}, "format_word_once_per_body_and_format|UNIQUE"),
    ],
)
def test_the_database_keeps_one_word_for_each_body_and_format(facts, rule):
    body = ApprovingBodyFactory()
    FormatWord.objects.create(body=body, format="text", word="Home study")

    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        FormatWord.objects.create(**{"body": body, "format": "text", "word": "Self-study", **facts})


def test_a_curator_enters_the_word_of_a_body(client):
    body = ApprovingBodyFactory()
    curator = UserFactory(is_staff=True)
    curator.groups.add(Group.objects.get(name="Curators"))
    client.force_login(curator)

    client.post(
        reverse("admin:courses_formatword_add"),
        {"body": body.pk, "format": "recorded", "word": "Home study"},
    )

    assert FormatWord.objects.values_list("body", "format", "word").get() == (
        body.pk,
        "recorded",
        "Home study",
    )


# --- The day ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/New_York", date(2026, 3, 1)),
        ("UTC", date(2026, 3, 2)),
        ("Pacific/Auckland", date(2026, 3, 2)),
    ],
)
def test_on_demand_credit_is_of_the_day_in_the_learners_zone(zone, day):
    at = datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
    held = ready_to_complete(at, learner=UserFactory(time_zone=zone))

    done = completion.complete(enrollment=held, at=at)

    assert done.credit_entry.earned_on == day


def test_live_credit_is_of_the_day_of_the_session_in_its_zone(noon):
    # 9:00 to 10:30 PM in Honolulu on February 27 is February 28 in UTC.
    session = SessionFactory(
        starts_at=datetime(2026, 2, 28, 7, 0, tzinfo=UTC), time_zone="Pacific/Honolulu"
    )
    held = ready_to_complete(noon, course=session.course, session=session)
    attend(held, noon)

    assert CreditEntry.objects.get().earned_on == date(2026, 2, 27)


# --- What is frozen ---------------------------------------------------------


def test_editing_everything_afterwards_changes_nothing_that_was_awarded(noon):
    held = ready_to_complete(noon)
    LicenseFactory(holder=held.learner, number="000000")
    entry = completion.complete(enrollment=held, at=noon).credit_entry
    before = CreditEntry.objects.values().get(pk=entry.pk)

    course = held.course
    course.title, course.hours = "Another title", Decimal("9")
    course.status, course.retired_at = "retired", noon
    course.save()
    course.credits.update(hours=Decimal("9"))
    course.objectives.all().delete()
    Approval.objects.update(statement="Other words.", number="9")
    held.learner.legal_name = "Another Name"
    held.learner.save()
    held.learner.licenses.all().delete()

    assert CreditEntry.objects.values().get(pk=entry.pk) == before
    assert [line.hours for line in entry.lines.all()] == [Decimal("1.5")]


def test_the_record_keeps_the_evidence(noon):
    held = ready_to_complete(noon)

    entry = completion.complete(enrollment=held, at=noon).credit_entry

    assert entry.record["activity"]["evidence"] == {
        "lessons_read": 2,
        "post_test": {"attempt": 1, "right": 4, "asked": 4, "needed": 3},
        "evaluation": "submitted",
    }


def test_a_closed_account_gets_no_credit(noon):
    held = ready_to_complete(noon, learner=UserFactory(is_active=False))

    assert refusal(held, noon) == "This account is closed."


# --- What the database refuses ----------------------------------------------


def test_one_enrollment_has_one_completion(noon):
    held = ready_to_complete(noon)
    done = completion.complete(enrollment=held, at=noon)
    other = completion.complete(enrollment=ready_to_complete(noon), at=noon)

    for twin in (
        Completion(enrollment=held, credit_entry=other.credit_entry, completed_at=noon),
        Completion(
            enrollment=EnrollmentFactory(), credit_entry=done.credit_entry, completed_at=noon
        ),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            twin.save()


def test_the_evaluation_completes_the_course(noon):
    held = ready_but_for_the_evaluation(noon)

    done = evaluation.hand_in(enrollment=held, answers={}, at=noon)

    assert done == Completion.objects.get()


def test_an_evaluation_is_kept_when_credit_cannot_be_given(noon):
    held = ready_but_for_the_evaluation(noon)
    Approval.objects.update(valid_to=date(2026, 1, 1))

    assert evaluation.hand_in(enrollment=held, answers={}, at=noon) is None

    assert Enrollment.objects.get().evaluated_at == noon
    assert counts() == (0, 0, 0)


# --- A part of a session ----------------------------------------------------

REASON = "Left early for an emergency."


def naadac(course, *, hours="1.5", allows=True, **facts):
    body = ApprovingBodyFactory(slug="naadac", name="NAADAC", allows_partial_credit=allows)
    ApprovalFactory(body=body, number="9")
    return CourseCredit.objects.create(
        course=course, body=body, credit_type=CreditTypeFactory(**facts), hours=hours, basis="x"
    )


def attended_in_part(noon, *, minutes=50):
    """A session of 90 minutes that ended before noon; 80 were to be attended."""
    session = SessionFactory(starts_at=noon - timedelta(hours=3))
    held = ready_to_complete(noon, course=session.course, session=session)
    attend(held, noon, minutes=minutes)
    return held


def in_part(held, at, *, reason=REASON, by=None):
    return completion.complete_in_part(
        enrollment=held, reason=reason, by=by or UserFactory(legal_name="Ingrid Solheim"), at=at
    )


def test_a_body_that_allows_it_gives_credit_for_the_minutes_attended(noon):
    held = attended_in_part(noon)
    naadac(held.course)

    done = in_part(held, noon)

    assert [(line.body, line.hours) for line in done.credit_entry.lines.all()] == [
        ("naadac", Decimal("0.75"))
    ]
    assert done.credit_entry.hours == Decimal("0.75")
    record = done.credit_entry.record
    assert record["lines"][0]["basis"] == "50 minutes attended at 60 an hour"
    assert record["activity"]["evidence"]["in_part"] == {"reason": REASON, "by": "Ingrid Solheim"}
    assert in_part(held, noon) == done
    assert counts() == (1, 1, 1)


@pytest.mark.parametrize("allows", [True, False])
def test_nothing_is_given_where_no_body_allows_it_or_the_minutes_are_too_few(noon, allows):
    held = attended_in_part(noon, minutes=14 if allows else 50)
    naadac(held.course, allows=allows)

    with pytest.raises(completion.CompletionError, match="No approving body of this course gives"):
        in_part(held, noon)

    assert counts() == (0, 0, 0)


def test_a_body_that_counts_two_types_gives_nothing_in_part(noon):
    held = attended_in_part(noon)
    naadac(held.course, hours="1")
    naadac(held.course, hours="0.5", slug="clinical", name="Clinical")

    with pytest.raises(completion.CompletionError, match="No approving body"):
        in_part(held, noon)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reason": " \n "}, "Say why"),
        ({"reason": "x" * 301}, "at most 300"),
        ({"at": timedelta(hours=-2)}, "after the session"),
    ],
)
def test_credit_in_part_is_refused_without_reason_or_before_the_end(noon, change, words):
    held = attended_in_part(noon)
    naadac(held.course)
    at = noon + change.pop("at", timedelta(0))

    with pytest.raises(completion.CompletionError, match=words):
        in_part(held, at, **change)

    assert counts() == (0, 0, 0)


def test_credit_in_part_needs_all_else_and_is_not_for_the_whole(noon):
    lacking = attended_in_part(noon)
    naadac(lacking.course)
    Enrollment.objects.filter(pk=lacking.pk).update(evaluated_at=None)
    with pytest.raises(completion.CompletionError, match="More than the attendance"):
        in_part(lacking, noon)

    session = SessionFactory(starts_at=noon - timedelta(hours=3))
    whole = ready_to_complete(noon, course=session.course, session=session)
    AttendanceInterval.objects.create(
        enrollment=whole,
        starts_at=session.starts_at,
        ends_at=session.starts_at + timedelta(minutes=80),
        source="curator",
        detail="sheet",
        recorded_by=UserFactory(),
        recorded_at=noon,
    )
    with pytest.raises(completion.CompletionError, match="Nothing is outstanding"):
        in_part(whole, noon)


def test_credit_in_part_names_its_author_and_reason(noon):
    done = completion.complete(enrollment=ready_to_complete(noon), at=noon)

    for broken in ({"partial_reason": "x"}, {"granted_by": done.learner}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Completion.objects.filter(pk=done.pk).update(**broken)


# --- Pinned -----------------------------------------------------------------


def test_an_edit_of_the_course_changes_nothing_for_who_is_enrolled(noon):
    held = ready_but_for_the_evaluation(noon)
    LessonFactory(course=held.course)
    QuestionFactory(course=held.course)
    Course.objects.update(pass_mark=100, attestation="I did it.", attempts_allowed=1)

    assert [item.step for item in completion.outstanding(held)] == [Step.EVALUATION]


def test_a_curator_applies_an_edit_to_open_enrollments_alone(noon):
    held, done = ready_to_complete(noon), ready_to_complete(noon)
    completion.complete(enrollment=done, at=noon)
    for course in (held.course, done.course):
        LessonFactory(course=course)

    for enrolled in (held, done):
        completion.apply_edit(enrollment=enrolled, at=noon)

    held.refresh_from_db()
    done.refresh_from_db()
    assert [item.note for item in completion.outstanding(held)] == ["2 of 3 lessons read"]
    assert completion.outstanding(done) == []


def test_an_edit_that_asks_less_completes_who_has_done_the_rest(noon):
    held = ready_but_for_the_evaluation(noon)
    Course.objects.update(requires_evaluation=False)

    done = completion.apply_edit(enrollment=held, at=noon)

    assert done == Completion.objects.get(enrollment=held)


def test_a_lesson_that_is_gone_is_not_asked_for(noon):
    held = EnrollmentFactory(course=CourseFactory(parts__questions=0))
    first, unread = held.course.lessons.order_by("pk")
    read(held, first, noon)
    unread.delete()

    assert [item.step for item in completion.outstanding(held)] == [Step.EVALUATION]


def test_a_test_that_lost_its_questions_is_still_asked_for(noon):
    held = EnrollmentFactory(course=CourseFactory(parts__lessons=0))
    held.course.questions.all().delete()

    (post_test, _) = completion.outstanding(held)

    assert post_test.note == "The test has no questions at the moment"


def test_a_course_that_asks_for_nothing_gives_nothing(noon):
    held = EnrollmentFactory(requirements={"version": 1})

    assert refusal(held, noon) == "This course asks for nothing, so it cannot give credit."


# --- Again ------------------------------------------------------------------


def completed_again(first, at, **facts):
    again = EnrollmentFactory(learner=first.learner, course=first.course, **facts)
    read_lessons(again, at)
    take_post_test(again, at)
    Enrollment.objects.filter(pk=again.pk).update(evaluated_at=at)
    return again


def test_the_same_course_gives_its_credit_once(noon):
    first = ready_to_complete(noon)
    completion.complete(enrollment=first, at=noon)
    again = completed_again(first, noon)

    assert refusal(again, noon + timedelta(days=9999)) == (
        "You earned the credit of this course on Mar 2, 2026. It is given once."
    )
    assert counts() == (1, 1, 1)


def test_a_course_that_may_be_repeated_gives_it_again_after_its_time_alone(noon):
    first = ready_to_complete(noon)
    Course.objects.update(repeat_after_days=365)
    Approval.objects.update(valid_to=None)
    completion.complete(enrollment=first, at=noon)
    again = completed_again(first, noon + timedelta(days=364))

    early = refusal(again, noon + timedelta(days=400))
    Enrollment.objects.filter(pk=again.pk).update(evaluated_at=noon + timedelta(days=365))
    second = completion.complete(enrollment=again, at=noon + timedelta(days=400))

    assert early == (
        "You earned the credit of this course on Mar 2, 2026. It may be earned again from "
        "Mar 2, 2027."
    )
    assert (second.occasion, CreditEntry.objects.count()) == (2, 2)


def corrected_to(day, entry, at):
    """The entry, of another day now; begun on that day."""
    return certificates.reissue(
        entry=entry,
        correction=ledger.Correction(started_on=day, earned_on=day, repeat_after_days=90),
        reason_class="date",
        reason="The log says so.",
        by=UserFactory(),
        at=at,
    ).entry


def test_from_when_it_gives_it_again_counts_from_the_day_as_it_was_corrected_last(noon):
    first = ready_to_complete(noon)
    Course.objects.update(repeat_after_days=365)
    entry = completion.complete(enrollment=first, at=noon).credit_entry
    later = noon + timedelta(days=400)
    earlier = corrected_to(date(2026, 3, 1), entry, noon)
    corrected_to(date(2026, 4, 1), earlier, later)
    again = completed_again(first, noon + timedelta(days=366))

    assert refusal(again, later) == (
        "You earned the credit of this course on Apr 1, 2026. It may be earned again from "
        "Apr 1, 2027."
    )


def test_of_several_the_credit_of_the_latest_day_counts_also_if_it_was_given_first(noon):
    first = ready_to_complete(noon)
    Course.objects.update(repeat_after_days=90)
    entry = completion.complete(enrollment=first, at=noon).credit_entry
    again = completed_again(first, noon + timedelta(days=120))
    completion.complete(enrollment=again, at=noon + timedelta(days=120))
    corrected_to(date(2026, 11, 2), entry, noon + timedelta(days=300))
    third = completed_again(first, noon + timedelta(days=301))

    assert refusal(third, noon + timedelta(days=301)) == (
        "You earned the credit of this course on Nov 2, 2026. It may be earned again from "
        "Jan 31, 2027."
    )


def test_a_course_whose_credit_was_reversed_may_be_earned_anew(noon):
    first = ready_to_complete(noon)
    entry = completion.complete(enrollment=first, at=noon).credit_entry
    again = completed_again(first, noon)
    ledger.reverse(
        entry=entry,
        reason="It was somebody else's work.",
        reason_class="error",
        by=UserFactory(),
        at=noon,
    )

    second = completion.complete(enrollment=again, at=noon)

    assert second.occasion == 2


def test_the_database_holds_one_credit_for_each_occasion(noon):
    done = completion.complete(enrollment=ready_to_complete(noon), at=noon)
    other = completion.complete(enrollment=ready_to_complete(noon), at=noon)

    with pytest.raises(IntegrityError), transaction.atomic():
        Completion.objects.filter(pk=other.pk).update(learner=done.learner, course=done.course)
    with pytest.raises(IntegrityError), transaction.atomic():
        Completion.objects.filter(pk=other.pk).update(occasion=0)


def test_nobody_gives_credit_in_part_to_themselves(noon):
    held = attended_in_part(noon)
    naadac(held.course)

    with pytest.raises(completion.CompletionError, match="Nobody gives credit to themselves"):
        in_part(held, noon, by=held.learner)


def test_a_curator_gives_credit_in_part_with_a_reason(client, noon):
    held = attended_in_part(noon)
    naadac(held.course)
    curator = UserFactory(is_staff=True)
    curator.groups.add(Group.objects.get(name="Curators"))
    client.force_login(curator)
    page = reverse("admin:courses_enrollment_give_partial_credit", args=[held.pk])

    opened = client.get(page)
    empty = client.post(page, {"reason": " "})
    given = client.post(page, {"reason": REASON})

    assert (opened.status_code, empty.status_code, given.status_code) == (200, 422, 302)
    assert Completion.objects.get().granted_by == curator


# --- The last thing done ----------------------------------------------------


def test_credit_that_is_asked_for_later_is_of_the_day_of_the_last_step(noon):
    held = ready_to_complete(noon)
    Approval.objects.update(valid_to=date(2026, 3, 31))

    done = completion.complete(enrollment=held, at=noon + timedelta(days=60))

    assert done.credit_entry.earned_on == date(2026, 3, 2)


def test_an_approval_of_a_later_day_does_not_cover_work_that_was_done_before(noon):
    held = ready_to_complete(noon)
    Approval.objects.update(valid_from=date(2026, 4, 1), valid_to=None)

    assert "No approval of this course was in date" in refusal(held, noon + timedelta(days=60))


def test_credit_waits_for_the_end_of_the_session(noon):
    session = SessionFactory(starts_at=noon - timedelta(minutes=85))
    held = ready_to_complete(noon, course=session.course, session=session)
    attend(held, noon, minutes=80)

    assert refusal(held, noon) == "Credit is given once the session is over."
    assert completion.complete(enrollment=held, at=session.ends_at)


def test_the_post_test_and_the_last_lesson_complete_a_course_too(noon):
    tested = EnrollmentFactory(course=CourseFactory(requires_evaluation=False))
    read_lessons(tested, noon)
    take_post_test(tested, noon)

    course = CourseFactory(requires_evaluation=False, parts__questions=0)
    reading = EnrollmentFactory(course=course)
    read_lessons(reading, noon)

    assert {done.enrollment for done in Completion.objects.all()} == {tested, reading}


def test_credit_in_part_states_the_clock_hours_that_were_attended(noon):
    held = attended_in_part(noon)
    naadac(held.course)

    done = in_part(held, noon)

    assert done.credit_entry.record["activity"]["clock_hours"] == "0.75"
