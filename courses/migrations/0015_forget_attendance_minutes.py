from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("courses", "0014_move_attendance_minutes")]

    operations = [
        migrations.DeleteModel(
            name="Attendance",
        ),
    ]
