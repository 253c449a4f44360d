"""Two more reasons for a correction: a wrong date, and credit withdrawn by mistake."""

from importlib import import_module

from django.db import migrations, models

# SQLite changes a table by writing it anew, and the old one takes its triggers with it.
append_only = import_module("transcripts.migrations.0002_append_only_ledger")
rules = import_module("transcripts.migrations.0005_reversals_match")

NAME = "credit_entry_correction_has_reason_and_author"
REASONS = [
    ("wrong_hours", "Wrong hours"),
    ("name", "Name correction"),
    ("error", "Issued in error"),
    ("cause", "Revoked for cause"),
    ("duplicate", "Duplicate"),
    ("date", "Wrong date"),
    ("restored", "Withdrawn by mistake"),
]


def set_triggers_aside(apps, schema_editor) -> None:
    append_only.drop_triggers(schema_editor.connection)
    rules.drop_rules(apps, schema_editor)


def put_triggers_back(apps, schema_editor) -> None:
    append_only.create_triggers(schema_editor.connection)
    rules.create_rules(apps, schema_editor)


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0016_append_only_reviews")]

    operations = [
        migrations.RunPython(set_triggers_aside, put_triggers_back),
        migrations.RemoveConstraint(model_name="creditentry", name=NAME),
        migrations.AlterField(
            model_name="creditentry",
            name="reason_class",
            field=models.CharField(blank=True, choices=REASONS, max_length=20),
        ),
        migrations.AddConstraint(
            model_name="creditentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("reason", ""),
                        ("reason_class", ""),
                        ("recorded_by__isnull", True),
                        ("replaces__isnull", True),
                        ("reverses__isnull", True),
                    ),
                    models.Q(
                        models.Q(
                            ("reverses__isnull", False),
                            ("replaces__isnull", False),
                            _connector="OR",
                        ),
                        ("reason_class__in", [value for value, _ in REASONS]),
                        ("recorded_by__isnull", False),
                        models.Q(("reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name=NAME,
            ),
        ),
        migrations.RunPython(put_triggers_back, set_triggers_aside),
    ]
