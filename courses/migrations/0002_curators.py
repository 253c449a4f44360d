"""The group of curators: just the permissions that curating needs."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

NAME = "Curators"

ALL = ("add", "change", "delete", "view")
KEPT = ("add", "change", "view")  # rows that others rely on
READ = ("view",)

PERMISSIONS = {
    "courses": {
        "course": KEPT,
        "coursefocusarea": ALL,
        "courseinstructor": ALL,
        "coursecredit": ALL,
        "objective": ALL,
        "agendaitem": ALL,
        "lesson": ALL,
        "question": ALL,
        "choice": ALL,
        "evaluationquestion": ALL,
        "session": KEPT,
        "provider": KEPT,
        "approval": KEPT,
        "instructor": KEPT,
        "topic": READ,
        "focusarea": READ,
        "teachingmethod": READ,
        "approvingbody": READ,
        "credittype": READ,
        "enrollment": READ,
        "attendance": ("add", "view"),
        "completion": READ,
        "evaluationresponse": READ,
        "evaluationanswer": READ,
    },
    "transcripts": {"creditentry": READ, "creditline": READ, "certificate": READ},
}


def make_group(apps, schema_editor) -> None:
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    group, _ = Group.objects.get_or_create(name=NAME)
    for label, models in PERMISSIONS.items():
        # Permissions are made after all migrations; this group needs them now.
        app_config = apps.get_app_config(label)
        app_config.models_module = True
        create_permissions(app_config, apps=apps, verbosity=0)
        app_config.models_module = None
        for model, verbs in models.items():
            codenames = [f"{verb}_{model}" for verb in verbs]
            group.permissions.add(
                *Permission.objects.filter(content_type__app_label=label, codename__in=codenames)
            )


def remove_group(apps, schema_editor) -> None:
    apps.get_model("auth", "Group").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0001_initial"),
        ("transcripts", "0002_append_only_ledger"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_group, remove_group)]
