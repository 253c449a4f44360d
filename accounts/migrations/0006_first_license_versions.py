"""Every license that is there was like this since it was added, as far as we know."""

from django.db import migrations

BATCH = 1000  # rows


def keep_first_versions(apps, schema_editor):
    License = apps.get_model("accounts", "License")
    LicenseVersion = apps.get_model("accounts", "LicenseVersion")
    unkept = License.objects.filter(versions__isnull=True).order_by("pk")
    pks = list(unkept.values_list("pk", flat=True))
    for start in range(0, len(pks), BATCH):
        LicenseVersion.objects.bulk_create(
            LicenseVersion(
                license=license_,
                state=license_.state,
                license_type=license_.license_type,
                number=license_.number,
                issued_on=license_.issued_on,
                expires_on=license_.expires_on,
                recorded_by_id=license_.holder_id,
                recorded_at=license_.added_at,
            )
            for license_ in License.objects.filter(pk__in=pks[start : start + BATCH])
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_names_and_license_history")]

    # Nothing to undo: the table goes with the migration before.
    operations = [migrations.RunPython(keep_first_versions, migrations.RunPython.noop)]
