from importlib import import_module

from django.db import migrations, models

rules = import_module("transcripts.migrations.0005_reversals_match")


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0007_fill_certificate_state")]

    operations = [
        migrations.AddConstraint(
            model_name="certificate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "queued"),
                    models.Q(("state", "issued"), models.Q(("pdf", ""), _negated=True)),
                    models.Q(("state", "failed"), models.Q(("failure", ""), _negated=True)),
                    _connector="OR",
                ),
                name="certificate_is_queued_or_has_a_pdf_or_says_why_not",
            ),
        ),
        migrations.AddConstraint(
            model_name="certificate",
            constraint=models.CheckConstraint(
                condition=models.Q(("state", "queued"), ("lease", ""), _connector="OR"),
                name="certificate_leased_while_queued",
            ),
        ),
        migrations.RunPython(rules.create_rules, rules.drop_rules),
    ]
