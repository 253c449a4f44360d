from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("courses", "0021_fill_attempts_and_progress")]

    operations = [
        migrations.RemoveField(model_name="attempt", name="answers"),
        migrations.AlterField(
            model_name="attempt", name="started_at", field=models.DateTimeField()
        ),
        migrations.AlterField(model_name="attempt", name="shown", field=models.JSONField()),
        migrations.AlterField(
            model_name="attempt",
            name="rationales",
            field=models.CharField(
                choices=[
                    ("attempt", "After every attempt"),
                    ("end", "Once passed, or when no attempt is left"),
                    ("never", "Never"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="lessonprogress", name="opened_at", field=models.DateTimeField()
        ),
        migrations.AlterField(
            model_name="lessonprogress", name="seen_at", field=models.DateTimeField()
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(
                condition=Q(submitted_at__isnull=True),
                fields=("enrollment",),
                name="attempt_one_open_per_enrollment",
            ),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.CheckConstraint(
                condition=Q(number__gte=1, asked__gte=1)
                & (Q(right__isnull=True) | Q(right__lte=F("asked")))
                & Q(needed__gte=1, needed__lte=F("asked")),
                name="attempt_figures_fit_together",
            ),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.CheckConstraint(
                condition=Q(submitted_at__isnull=True, right__isnull=True)
                | Q(
                    submitted_at__isnull=False,
                    submitted_at__gte=F("started_at"),
                    right__isnull=False,
                ),
                name="attempt_is_graded_when_handed_in",
            ),
        ),
        migrations.AddConstraint(
            model_name="lessonprogress",
            constraint=models.CheckConstraint(
                condition=Q(("position__lte", 100)), name="lesson_progress_position_is_percent"
            ),
        ),
        migrations.AddConstraint(
            model_name="lessonprogress",
            constraint=models.CheckConstraint(
                condition=Q(
                    ("seen_at__gte", F("opened_at")),
                    Q(("read_at__isnull", True), ("read_at__gte", F("opened_at")), _connector="OR"),
                ),
                name="lesson_progress_begins_with_opening",
            ),
        ),
        migrations.AddConstraint(
            model_name="lesson",
            constraint=models.CheckConstraint(
                condition=Q(
                    Q(("file", ""), ("kind", "text"), ("link", "")),
                    Q(
                        ("kind__in", ["video", "document"]),
                        Q(("file", ""), _negated=True),
                        ("link", ""),
                    ),
                    Q(
                        ("file", ""),
                        ("kind__in", ["video", "document"]),
                        Q(("link", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="lesson_is_a_text_or_a_file_or_a_link",
            ),
        ),
        migrations.AddConstraint(
            model_name="lesson",
            constraint=models.CheckConstraint(
                condition=Q(
                    ("captions", ""),
                    Q(("kind", "video"), Q(("file", ""), _negated=True)),
                    _connector="OR",
                ),
                name="lesson_captions_are_of_a_video_file",
            ),
        ),
    ]
