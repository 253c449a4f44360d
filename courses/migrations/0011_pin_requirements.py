"""What each course asks, made explicit; and pinned on the enrollments that there are."""

from django.db import migrations
from django.db.models import Exists, OuterRef, Q, Subquery

LIVE_FORMATS = ("in-person", "live-webinar", "hybrid")


def state_requirements(apps, schema_editor) -> None:
    """So far a course asked for what it had, and always for the evaluation."""
    Course = apps.get_model("courses", "Course")
    Lesson = apps.get_model("courses", "Lesson")
    Question = apps.get_model("courses", "Question")
    Course.objects.update(
        requires_lessons=Exists(Lesson.objects.filter(course=OuterRef("pk"))),
        requires_attendance=Q(format__in=LIVE_FORMATS),
        requires_post_test=Exists(Question.objects.filter(course=OuterRef("pk"))),
        requires_evaluation=True,
    )


def pin_requirements(apps, schema_editor) -> None:
    Course = apps.get_model("courses", "Course")
    Enrollment = apps.get_model("courses", "Enrollment")
    unpinned = Enrollment.objects.filter(requirements={})
    for course in Course.objects.filter(pk__in=unpinned.values("course")).iterator():
        asked = {"version": 1, "evaluation": True}
        if course.requires_lessons:
            asked["lessons"] = list(
                course.lessons.order_by("position", "pk").values_list("pk", flat=True)
            )
        if course.requires_attendance:
            asked["attendance"] = {"minutes": max(1, course.attendance_minutes or 0)}
        if course.requires_post_test:
            asked["post_test"] = {
                "pass_mark": course.pass_mark,
                "attempts": course.attempts_allowed,
                "retake_after_minutes": 0,
            }
        unpinned.filter(course=course).update(requirements=asked)


def note_completions(apps, schema_editor) -> None:
    Completion = apps.get_model("courses", "Completion")
    Enrollment = apps.get_model("courses", "Enrollment")
    enrollment = Enrollment.objects.filter(pk=OuterRef("enrollment"))
    Completion.objects.filter(learner__isnull=True).update(
        learner=Subquery(enrollment.values("learner")[:1]),
        course=Subquery(enrollment.values("course")[:1]),
    )
    completed = Completion.objects.filter(enrollment=OuterRef("pk"))
    Enrollment.objects.filter(completion__isnull=False, completed_at__isnull=True).update(
        completed_at=Subquery(completed.values("completed_at")[:1])
    )


def copy_attendance_minutes(apps, schema_editor) -> None:
    Course = apps.get_model("courses", "Course")
    Session = apps.get_model("courses", "Session")
    course = Course.objects.filter(pk=OuterRef("course"))
    Session.objects.filter(attendance_minutes__isnull=True).update(
        attendance_minutes=Subquery(course.values("attendance_minutes")[:1])
    )


class Migration(migrations.Migration):
    dependencies = [("courses", "0010_requirements_and_sessions")]

    # Nothing to undo: older code does not read what is filled in here.
    operations = [
        migrations.RunPython(step, migrations.RunPython.noop)
        for step in (
            state_requirements,
            pin_requirements,
            note_completions,
            copy_attendance_minutes,
        )
    ]
