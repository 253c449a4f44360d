"""Curators may read outside credit with its evidence and decide on it, and read practice logs."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

NAME = "Curators"
CODENAMES = (
    "view_outsidecredit",
    "view_evidence",
    "add_outsidedecision",
    "view_practiceentry",
    "view_practiceconfirmation",
)


def permissions(apps):
    # Permissions are made after all migrations; this group needs them now.
    app_config = apps.get_app_config("transcripts")
    app_config.models_module = True
    create_permissions(app_config, apps=apps, verbosity=0)
    app_config.models_module = None
    return apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="transcripts", codename__in=CODENAMES
    )


def grant(apps, schema_editor) -> None:
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=NAME)
    group.permissions.add(*permissions(apps))


def take_back(apps, schema_editor) -> None:
    for group in apps.get_model("auth", "Group").objects.filter(name=NAME):
        group.permissions.remove(*permissions(apps))


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0028_personal_data"),
        ("transcripts", "0019_append_only_practice"),
    ]

    operations = [migrations.RunPython(grant, take_back)]
