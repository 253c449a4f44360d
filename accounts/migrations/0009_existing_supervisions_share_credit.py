"""Who reads a record now keeps what they read: credit, and reflections that are shared."""

from django.db import migrations
from django.db.models import F


def keep_what_is_read(apps, schema_editor) -> None:
    Supervision = apps.get_model("accounts", "Supervision")
    Supervision.objects.filter(accepted_at__isnull=False).update(
        begins_at=F("accepted_at"), shares_credit=True, shares_reflections=True
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_scopes_of_supervisions")]

    # Nothing to undo: the columns go with the migration before.
    operations = [migrations.RunPython(keep_what_is_read, migrations.RunPython.noop)]
