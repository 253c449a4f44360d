import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0011_pin_requirements"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="completion",
            name="course",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="completions",
                to="courses.course",
            ),
        ),
        migrations.AlterField(
            model_name="completion",
            name="learner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="completions",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="enrollment", name="requirements", field=models.JSONField()
        ),
        migrations.RemoveConstraint(
            model_name="enrollment", name="enrollment_one_open_seat_per_learner"
        ),
        migrations.AddConstraint(
            model_name="completion",
            constraint=models.UniqueConstraint(
                fields=("learner", "course", "occasion"), name="completion_once_per_occasion"
            ),
        ),
        migrations.AddConstraint(
            model_name="completion",
            constraint=models.CheckConstraint(
                condition=models.Q(("occasion__gte", 1)), name="completion_occasions_count_from_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="course",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("attendance_minutes__isnull", True),
                    ("attendance_percent__isnull", True),
                    _connector="OR",
                ),
                name="course_attendance_in_minutes_or_percent",
            ),
        ),
        migrations.AddConstraint(
            model_name="course",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("attendance_percent__isnull", True),
                    models.Q(("attendance_percent__gte", 1), ("attendance_percent__lte", 100)),
                    _connector="OR",
                ),
                name="course_attendance_percent_is_percent",
            ),
        ),
        migrations.AddConstraint(
            model_name="course",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("access_days__isnull", True), ("access_days__gte", 1), _connector="OR"
                ),
                name="course_gives_access_for_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="course",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("repeat_after_days__isnull", True),
                    ("repeat_after_days__gte", 1),
                    _connector="OR",
                ),
                name="course_repeats_after_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="enrollment",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("completed_at__isnull", True),
                    ("expired_at__isnull", True),
                    ("withdrawn_at__isnull", True),
                ),
                fields=("learner", "course"),
                name="enrollment_one_open_seat_per_learner",
            ),
        ),
        migrations.AddConstraint(
            model_name="enrollment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("expired_at__isnull", True), ("withdrawn_at__isnull", True)),
                    models.Q(("completed_at__isnull", True), ("withdrawn_at__isnull", True)),
                    models.Q(("completed_at__isnull", True), ("expired_at__isnull", True)),
                    _connector="OR",
                ),
                name="enrollment_ends_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="enrollment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("expired_at__isnull", True),
                    models.Q(
                        ("expired_at__gte", models.F("expires_at")), ("expires_at__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="enrollment_expired_after_its_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("enrollment_opens_at__isnull", True),
                    ("enrollment_closes_at__isnull", True),
                    ("enrollment_opens_at__lt", models.F("enrollment_closes_at")),
                    _connector="OR",
                ),
                name="session_enrollment_opens_before_it_closes",
            ),
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cancel_reason", ""), ("cancelled_at__isnull", True)),
                    models.Q(
                        ("cancelled_at__isnull", False),
                        models.Q(("cancel_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="session_cancelled_for_a_reason",
            ),
        ),
    ]
