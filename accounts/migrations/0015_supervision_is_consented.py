"""A supervision is what a trainee consented to; what was asked before is an invitation."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_requests_become_invitations")]

    operations = [
        migrations.RemoveConstraint(
            model_name="supervision",
            name="supervision_one_open_per_pair",
        ),
        migrations.RemoveConstraint(
            model_name="supervision",
            name="supervision_accepted_after_request",
        ),
        migrations.RemoveConstraint(
            model_name="supervision",
            name="supervision_not_both_accepted_and_declined",
        ),
        migrations.RemoveConstraint(
            model_name="supervision",
            name="supervision_ended_after_request",
        ),
        migrations.RemoveConstraint(
            model_name="supervision",
            name="supervision_ended_by_somebody",
        ),
        migrations.RemoveConstraint(
            model_name="supervision",
            name="supervision_begins_with_consent",
        ),
        migrations.RemoveField(
            model_name="supervision",
            name="declined_at",
        ),
        migrations.RemoveField(
            model_name="supervision",
            name="requested_at",
        ),
        migrations.AlterField(
            model_name="supervision",
            name="accepted_at",
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name="supervision",
            name="begins_at",
            field=models.DateTimeField(),
        ),
        migrations.AddConstraint(
            model_name="supervision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("supervisor", "trainee"),
                name="supervision_one_open_per_pair",
            ),
        ),
        migrations.AddConstraint(
            model_name="supervision",
            constraint=models.CheckConstraint(
                condition=models.Q(("begins_at__gte", models.F("accepted_at"))),
                name="supervision_begins_with_consent",
            ),
        ),
        migrations.AddConstraint(
            model_name="supervision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at__isnull", True),
                    ("ended_at__gte", models.F("accepted_at")),
                    _connector="OR",
                ),
                name="supervision_ended_after_consent",
            ),
        ),
        migrations.AddConstraint(
            model_name="supervision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("ended_by__isnull", True)),
                    models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                    models.Q(
                        ("ended_at", models.F("ends_at")),
                        ("ended_by__isnull", True),
                        ("ends_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="supervision_ended_by_somebody_or_its_last_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="supervision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("shares_credit", True),
                    ("shares_renewal", True),
                    ("shares_reflections", True),
                    ("shares_evidence", True),
                    ("shares_practice", True),
                    _connector="OR",
                ),
                name="supervision_shares_something",
            ),
        ),
    ]
