"""Promise the mail of each supervision request that waits and whose mail has not gone out."""

from django.conf import settings
from django.db import migrations

KIND = "supervision-request"
SUBJECT = "{supervisor.legal_name} asks to read your continuing education record"
BODY = """Hello {trainee.legal_name},

{supervisor.legal_name} ({supervisor.email}) asks to supervise you on CE Portal.

If you accept, they will see your credit and your certificates, from then until either of you ends it. They will see nothing else. If you decline or do nothing, they see nothing.

Answer here:
{site}/supervision/

If you do not know this person, decline the request or leave it.

CE Portal
"""


def promise_unsent_mail(apps, schema_editor) -> None:
    Supervision = apps.get_model("accounts", "Supervision")
    OutgoingMail = apps.get_model("accounts", "OutgoingMail")
    unsent = Supervision.objects.filter(
        mailed_at__isnull=True,
        accepted_at__isnull=True,
        declined_at__isnull=True,
        ended_at__isnull=True,
    ).select_related("supervisor", "trainee")
    OutgoingMail.objects.bulk_create(
        [
            OutgoingMail(
                recipient=supervision.trainee,
                kind=KIND,
                key=f"{KIND}:{supervision.pk}",
                subject=SUBJECT.format(supervisor=supervision.supervisor),
                body=BODY.format(
                    supervisor=supervision.supervisor,
                    trainee=supervision.trainee,
                    site=settings.SITE_URL,
                ),
                created_at=supervision.requested_at,
                next_attempt_at=supervision.requested_at,
            )
            for supervision in unsent
        ],
        ignore_conflicts=True,  # run twice: promised once
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_outgoing_mail")]

    # Nothing to undo: the tables of promises go with the migration before.
    operations = [migrations.RunPython(promise_unsent_mail, migrations.RunPython.noop)]
