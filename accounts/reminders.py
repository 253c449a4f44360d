"""The worker's second door, for what promises mail: ``tasks`` sends it, and is below ``mail``."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from accounts import licenses
from accounts.models import License

SWEEP_SIZE = 500  # licenses that one sweep reminds of


@shared_task(name="accounts.remind_of_expiring_licenses")
def remind_of_expiring_licenses() -> None:
    """Promise each reminder that is due and was not given."""
    now = timezone.now()
    # The day in London is that of some holder, or the day after: remind looks again.
    due = License.objects.due_for_reminder(on=now.date()).order_by("expires_on", "pk")
    for license_id in list(due.values_list("pk", flat=True)[:SWEEP_SIZE]):
        licenses.remind(license_id=str(license_id), at=now)
