"""Certificates that have their PDF are issued; the others begin their attempts anew."""

from django.db import migrations


def fill_state(apps, schema_editor) -> None:
    Certificate = apps.get_model("transcripts", "Certificate")
    Certificate.objects.exclude(pdf="").update(state="issued")
    Certificate.objects.filter(pdf="").update(attempts=0)


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0006_certificate_pipeline")]

    # Nothing to undo: the column goes with the step before.
    operations = [migrations.RunPython(fill_state, migrations.RunPython.noop)]
