"""Counts of what is looked for in the catalog; curators may see them, and professions."""

import uuid

from django.contrib.auth.management import create_permissions
from django.db import migrations, models


def let_curators_see(apps, schema_editor) -> None:
    # Permissions are made after all migrations; the group needs these now.
    app_config = apps.get_app_config("courses")
    app_config.models_module = True
    create_permissions(app_config, apps=apps, verbosity=0)
    app_config.models_module = None
    for group in apps.get_model("auth", "Group").objects.filter(name="Curators"):
        group.permissions.add(*_permissions(apps))


def remove_permissions(apps, schema_editor) -> None:
    _permissions(apps).delete()


def _permissions(apps):
    return apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="courses", codename__in=["view_searchtally", "view_profession"]
    )


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0006_saved_searches"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchTally",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("week", models.DateField(help_text="Its Monday")),
                (
                    "kind",
                    models.CharField(
                        choices=[("nothing-found", "Found nothing"), ("filter", "Filter used")],
                        max_length=20,
                    ),
                ),
                (
                    "facet",
                    models.CharField(
                        blank=True, help_text="Of a filter; empty for words", max_length=20
                    ),
                ),
                (
                    "value",
                    models.CharField(
                        help_text="Words in small letters, or a filter's slug", max_length=80
                    ),
                ),
                ("times", models.PositiveIntegerField()),
            ],
            options={
                "verbose_name": "search",
                "verbose_name_plural": "searches",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("week", "kind", "facet", "value"),
                        name="search_tally_one_row_per_week",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("value", ""), _negated=True),
                        name="search_tally_says_what_was_asked",
                    ),
                ],
            },
        ),
        migrations.RunPython(let_curators_see, remove_permissions),
    ]
