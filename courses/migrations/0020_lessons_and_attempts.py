import django.core.validators
from django.db import migrations, models

import courses.material
import courses.models.catalog

RATIONALES = [
    ("attempt", "After every attempt"),
    ("end", "Once passed, or when no attempt is left"),
    ("never", "Never"),
]


class Migration(migrations.Migration):
    dependencies = [("courses", "0019_check_in_key")]

    operations = [
        # Questions of three kinds.
        migrations.RemoveConstraint(model_name="choice", name="question_has_one_right_choice"),
        migrations.AddField(
            model_name="question",
            name="kind",
            field=models.CharField(
                choices=[
                    ("single", "One right answer"),
                    ("multiple", "Several right answers"),
                    ("true_false", "True or false"),
                ],
                default="single",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="question",
            name="rationale",
            field=models.TextField(
                help_text="Shown with the result, as the course says", max_length=2000
            ),
        ),
        migrations.AddField(
            model_name="course",
            name="rationales",
            field=models.CharField(
                choices=RATIONALES,
                default="end",
                help_text="A test that was begun keeps what held then",
                max_length=10,
                verbose_name="right answers and rationales are shown",
            ),
        ),
        # Lessons that are videos or documents.
        migrations.AddField(
            model_name="lesson",
            name="kind",
            field=models.CharField(
                choices=[("text", "Text"), ("video", "Video"), ("document", "Document")],
                default="text",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="lesson",
            name="file",
            field=models.FileField(
                blank=True,
                default="",
                help_text="Video: MP4 or WebM; document: PDF",
                max_length=200,
                upload_to=courses.models.catalog.lesson_file_name,
                validators=[courses.material.check_file],
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="lesson",
            name="link",
            field=models.URLField(
                blank=True,
                default="",
                help_text="Or instead: where it is on another site; it opens there",
                max_length=500,
                validators=[django.core.validators.URLValidator(schemes=["https"])],
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="lesson",
            name="captions",
            field=models.FileField(
                blank=True,
                default="",
                help_text="WebVTT, for a video file",
                max_length=200,
                upload_to=courses.models.catalog.captions_file_name,
                validators=[courses.material.check_captions],
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="lesson",
            name="body",
            field=models.TextField(
                blank=True,
                help_text="Markdown: the text, or the companion or transcript of the rest",
            ),
        ),
        # How far a lesson was read.
        migrations.AddField(
            model_name="lessonprogress", name="opened_at", field=models.DateTimeField(null=True)
        ),
        migrations.AddField(
            model_name="lessonprogress", name="seen_at", field=models.DateTimeField(null=True)
        ),
        migrations.AddField(
            model_name="lessonprogress",
            name="position",
            field=models.PositiveSmallIntegerField(default=0, help_text="Percent"),
        ),
        migrations.AddField(
            model_name="lessonprogress",
            name="seconds",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="lessonprogress",
            name="read_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        # Attempts that are open before they are graded.
        migrations.RemoveConstraint(model_name="attempt", name="attempt_figures_fit_together"),
        migrations.AddField(
            model_name="attempt", name="started_at", field=models.DateTimeField(null=True)
        ),
        migrations.AddField(
            model_name="attempt",
            name="saved_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="attempt",
            name="submitted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="attempt",
            name="right",
            field=models.PositiveSmallIntegerField(
                blank=True, null=True, verbose_name="right answers"
            ),
        ),
        migrations.AddField(
            model_name="attempt", name="shown", field=models.JSONField(default=list)
        ),
        migrations.AddField(
            model_name="attempt", name="chosen", field=models.JSONField(default=dict)
        ),
        migrations.AddField(
            model_name="attempt",
            name="rationales",
            field=models.CharField(choices=RATIONALES, default="end", max_length=10),
        ),
        migrations.AlterField(
            model_name="attempt", name="answers", field=models.JSONField(default=list)
        ),
    ]
