from django.db import migrations, models

from courses import check_in_codes


def give_each_its_own(apps, schema_editor) -> None:
    """One default went to all the sessions that there were."""
    Session = apps.get_model("courses", "Session")
    for session in Session.objects.only("pk").iterator():
        session.check_in_key = check_in_codes.new_key()
        session.save(update_fields=["check_in_key"])


class Migration(migrations.Migration):
    dependencies = [("courses", "0018_forget_attendance_minutes")]

    operations = [
        migrations.AddField(
            model_name="session",
            name="check_in_key",
            field=models.CharField(default=check_in_codes.new_key, editable=False, max_length=64),
        ),
        migrations.RunPython(give_each_its_own, migrations.RunPython.noop),
    ]
