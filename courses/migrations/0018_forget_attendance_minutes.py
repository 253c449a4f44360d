from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("courses", "0017_move_attendance_minutes")]

    operations = [
        migrations.DeleteModel(
            name="Attendance",
        ),
    ]
