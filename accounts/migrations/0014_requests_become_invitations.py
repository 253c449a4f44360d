"""A request that waits, or was declined or withdrawn, becomes an invitation; what was consented to
begins its history."""

import secrets
from datetime import timedelta

from django.db import migrations
from django.db.models import F, Q
from django.utils import timezone

SCOPES = [f"shares_{name}" for name in ("credit", "renewal", "reflections", "evidence", "practice")]


def split(apps, schema_editor) -> None:
    Supervision = apps.get_model("accounts", "Supervision")
    Invitation = apps.get_model("accounts", "Invitation")
    Consent = apps.get_model("accounts", "Consent")
    # Whoever was asked under the old rule has as long as with a new invitation.
    later = timezone.now() + timedelta(days=14)  # noqa: TID251
    never_accepted = Supervision.objects.filter(accepted_at__isnull=True)
    Invitation.objects.bulk_create(
        [
            Invitation(
                id=asked.pk,  # under which its mail was promised
                token=secrets.token_urlsafe(32),
                inviter_id=asked.supervisor_id,
                inviter_is="supervisor",
                email=asked.trainee.email,
                shares_credit=True,
                invited_at=asked.requested_at,
                mailed_at=asked.requested_at,
                expires_at=later,
                declined_at=asked.declined_at,
                withdrawn_at=None if asked.declined_at else asked.ended_at,
            )
            for asked in never_accepted.select_related("trainee")
        ]
    )
    never_accepted.delete()
    consents = []
    for kept in Supervision.objects.filter(consents__isnull=True):
        facts = {
            "supervision": kept,
            "begins_at": kept.begins_at,
            "ends_at": kept.ends_at,
            **{name: getattr(kept, name) for name in SCOPES},
        }
        consents.append(
            Consent(
                **facts,
                what="given",
                recorded_by_id=kept.trainee_id,
                recorded_at=kept.accepted_at,
            )
        )
        if kept.ended_at:
            consents.append(
                Consent(
                    **facts,
                    what="ended",
                    recorded_by_id=kept.ended_by_id,
                    recorded_at=kept.ended_at,
                )
            )
    Consent.objects.bulk_create(consents)


def say_when_it_was_asked(apps, schema_editor) -> None:
    """Back: what is consented to was asked at that moment at the latest."""
    Supervision = apps.get_model("accounts", "Supervision")
    Supervision.objects.filter(Q(requested_at__isnull=True)).update(requested_at=F("accepted_at"))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_invitations")]

    operations = [migrations.RunPython(split, say_when_it_was_asked)]
