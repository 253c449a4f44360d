import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.models


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0015_partial_credit"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AttendanceUpload",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("file_name", models.CharField(max_length=200)),
                ("content", models.BinaryField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "time_zone",
                    models.CharField(max_length=64, validators=[accounts.models.check_time_zone]),
                ),
                ("uploaded_at", models.DateTimeField()),
                (
                    "unreadable",
                    models.PositiveIntegerField(
                        default=0, verbose_name="lines that cannot be read"
                    ),
                ),
                ("assigned", models.JSONField(default=dict)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("applied_at", models.DateTimeField(null=True)),
                ("added", models.PositiveIntegerField(null=True, verbose_name="times added")),
                ("settled_at", models.DateTimeField(null=True)),
                (
                    "confirmed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attendance_confirmed",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attendance_uploads",
                        to="courses.session",
                    ),
                ),
                (
                    "uploaded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attendance_uploads",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "attendance report",
            },
        ),
        migrations.CreateModel(
            name="AttendanceInterval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField(null=True)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("code", "check-in code"),
                            ("import", "meeting report"),
                            ("curator", "curator"),
                        ],
                        max_length=10,
                    ),
                ),
                ("detail", models.TextField(blank=True, verbose_name="reason or file")),
                ("recorded_at", models.DateTimeField()),
                ("voided_at", models.DateTimeField(null=True)),
                ("void_reason", models.TextField(blank=True)),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attendance",
                        to="courses.enrollment",
                    ),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attendance_recorded",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "voided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attendance_voided",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "upload",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="intervals",
                        to="courses.attendanceupload",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="attendanceupload",
            index=models.Index(
                condition=models.Q(("confirmed_at__isnull", False), ("settled_at__isnull", True)),
                fields=["confirmed_at"],
                name="attendance_upload_unsettled",
            ),
        ),
        migrations.AddConstraint(
            model_name="attendanceupload",
            constraint=models.UniqueConstraint(
                fields=("session", "sha256", "time_zone"), name="attendance_upload_once_per_session"
            ),
        ),
        migrations.AddConstraint(
            model_name="attendanceupload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("confirmed_at__isnull", True), ("confirmed_by__isnull", True)),
                    models.Q(("confirmed_at__isnull", False), ("confirmed_by__isnull", False)),
                    _connector="OR",
                ),
                name="attendance_upload_confirmed_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="attendanceupload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("added__isnull", True), ("applied_at__isnull", True)),
                    models.Q(
                        ("added__isnull", False),
                        ("applied_at__isnull", False),
                        ("confirmed_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="attendance_upload_applied_after_confirmed",
            ),
        ),
        migrations.AddConstraint(
            model_name="attendanceupload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("settled_at__isnull", True), ("applied_at__isnull", False), _connector="OR"
                ),
                name="attendance_upload_settled_after_applied",
            ),
        ),
        migrations.AddConstraint(
            model_name="attendanceinterval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ends_at__isnull", True),
                    ("ends_at__gt", models.F("starts_at")),
                    _connector="OR",
                ),
                name="attendance_ends_after_it_starts",
            ),
        ),
        migrations.AddConstraint(
            model_name="attendanceinterval",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__isnull", False), ("source", "code"), _connector="OR"),
                name="attendance_only_a_check_in_is_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="attendanceinterval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("source", "curator"), _negated=True),
                    models.Q(("detail", ""), _negated=True),
                    _connector="OR",
                ),
                name="attendance_by_a_curator_has_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="attendanceinterval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("source", "import"), ("upload__isnull", False)),
                    models.Q(
                        models.Q(("source", "import"), _negated=True), ("upload__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="attendance_import_names_its_upload",
            ),
        ),
        migrations.AddConstraint(
            model_name="attendanceinterval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("void_reason", ""),
                        ("voided_at__isnull", True),
                        ("voided_by__isnull", True),
                    ),
                    models.Q(
                        ("voided_at__isnull", False),
                        ("voided_by__isnull", False),
                        models.Q(("void_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="attendance_voided_all_or_none",
            ),
        ),
        migrations.AddConstraint(
            model_name="attendanceinterval",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ends_at__isnull", True), ("voided_at__isnull", True)),
                fields=("enrollment",),
                name="attendance_one_open_check_in",
            ),
        ),
        migrations.AddConstraint(
            model_name="attendanceinterval",
            constraint=models.UniqueConstraint(
                condition=models.Q(("source", "import"), ("voided_at__isnull", True)),
                fields=("enrollment", "starts_at", "ends_at"),
                name="attendance_imported_once",
            ),
        ),
    ]
