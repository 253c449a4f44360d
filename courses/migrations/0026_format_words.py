"""Boards have words of their own for formats; curators enter them."""

import django.db.models.deletion
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

FORMATS = [
    ("in-person", "In person"),
    ("live-webinar", "Live interactive webinar"),
    ("recorded", "Recorded"),
    ("text", "Text-based"),
    ("hybrid", "Hybrid"),
]


def permissions(apps):
    # Permissions are made after all migrations; this group needs them now.
    app_config = apps.get_app_config("courses")
    app_config.models_module = True
    create_permissions(app_config, apps=apps, verbosity=0)
    app_config.models_module = None
    return apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="courses", content_type__model="formatword"
    )


def grant(apps, schema_editor) -> None:
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name="Curators")
    group.permissions.add(*permissions(apps))


def take_back(apps, schema_editor) -> None:
    for group in apps.get_model("auth", "Group").objects.filter(name="Curators"):
        group.permissions.remove(*permissions(apps))


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0025_assignments"),
    ]

    operations = [
        migrations.CreateModel(
            name="FormatWord",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("format", models.CharField(choices=FORMATS, max_length=20)),
                (
                    "word",
                    models.CharField(
                        help_text="As the body itself says it, such as “Home study”", max_length=80
                    ),
                ),
                (
                    "body",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="format_words",
                        to="courses.approvingbody",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("body", "format"), name="format_word_once_per_body_and_format"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("word", ""), _negated=True),
                            ("format__in", [value for value, _ in FORMATS]),
                        ),
                        name="format_word_says_a_word_for_a_format",
                    ),
                ],
            },
        ),
        migrations.RunPython(grant, take_back),
    ]
