"""Minutes that were recorded so far become times of presence, and curators may record those."""

from datetime import timedelta

from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.models import F

GROUP = "Curators"
OLD = ("add_attendance", "view_attendance")
NEW = (
    "add_attendanceinterval",
    "view_attendanceinterval",
    "add_attendanceupload",
    "view_attendanceupload",
)


def move_minutes(apps, schema_editor) -> None:
    """One interval for each enrollment, from the start of its session, as long as its minutes are
    in sum. Minutes that were taken back entirely become an interval that is void."""
    Attendance = apps.get_model("courses", "Attendance")
    AttendanceInterval = apps.get_model("courses", "AttendanceInterval")
    moved = AttendanceInterval.objects.values("enrollment")
    rows = (
        Attendance.objects.exclude(enrollment__in=moved)
        .annotate(
            session_starts_at=F("enrollment__session__starts_at"),
            enrolled_at=F("enrollment__enrolled_at"),
        )
        .order_by("enrollment", "recorded_at", "pk")
    )
    of_enrollment = {}
    for row in rows:
        of_enrollment.setdefault(row.enrollment_id, []).append(row)
    AttendanceInterval.objects.bulk_create(
        [interval_of(AttendanceInterval, each) for each in of_enrollment.values()], batch_size=500
    )


def interval_of(model, rows):
    last = rows[-1]
    total = sum(row.minutes for row in rows)
    taken_back = {}
    if total <= 0:
        total = sum(row.minutes for row in rows if row.minutes > 0) or 1
        taken_back = {
            "voided_at": last.recorded_at,
            "voided_by_id": last.recorded_by_id,
            "void_reason": f"No minutes in sum. {last.source}",
        }
    starts_at = last.session_starts_at or last.enrolled_at
    return model(
        enrollment_id=last.enrollment_id,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=total),
        source="curator",
        detail="; ".join(f"{row.source} ({row.minutes:+d} minutes)" for row in rows),
        recorded_by_id=last.recorded_by_id,
        recorded_at=last.recorded_at,
        **taken_back,
    )


def give_permissions(apps, schema_editor) -> None:
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    # Permissions are made after all migrations; the group needs these now.
    app_config = apps.get_app_config("courses")
    app_config.models_module = True
    create_permissions(app_config, apps=apps, verbosity=0)
    app_config.models_module = None
    of_courses = Permission.objects.filter(content_type__app_label="courses")
    for group in Group.objects.filter(name=GROUP):
        group.permissions.add(*of_courses.filter(codename__in=NEW))
        group.permissions.remove(*of_courses.filter(codename__in=OLD))


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0016_attendance_intervals"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    # Nothing to undo: older code does not read what is written here.
    operations = [
        migrations.RunPython(move_minutes, migrations.RunPython.noop),
        migrations.RunPython(give_permissions, migrations.RunPython.noop),
    ]
