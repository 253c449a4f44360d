"""The worker's door: ids in, one call."""

from __future__ import annotations

import logging

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from courses import listing, saved
from courses.models import SavedSearch, SearchTally
from courses.models.tallies import Count

logger = logging.getLogger(__name__)

SWEEP_PERIOD = 60 * 60  # seconds
SWEEP_SIZE = 500  # searches that one sweep asks about
KNOWN_FOR = 60 * 60  # seconds in which a batch of counts that comes again is known


@shared_task(name="courses.mail_new_courses")
def mail_new_courses(*, saved_search_id: str) -> None:
    """Tell the owner of a saved search what was published since, unless told this week."""
    saved.tell(search_id=saved_search_id, at=timezone.now())


@shared_task(name="courses.mail_due_saved_searches")
def mail_due_saved_searches() -> None:
    """Ask what is new in each saved search whose week is over."""
    due = SavedSearch.objects.due(at=timezone.now()).order_by("seen_until")
    for saved_search_id in due.values_list("pk", flat=True)[:SWEEP_SIZE]:
        # What a worker did not come to by then, the next sweep asks for anew.
        mail_new_courses.apply_async(
            kwargs={"saved_search_id": str(saved_search_id)}, expires=SWEEP_PERIOD
        )


@shared_task(name="courses.add_search_tallies")
def add_search_tallies(*, batch: str, counts: list[Count]) -> None:
    """Add what a process has counted. A batch that comes again is dropped, not counted twice."""
    if cache.add(f"search-tallies-{batch}", True, timeout=KNOWN_FOR):
        SearchTally.objects.add(counts)


@shared_task(name="courses.forget_old_search_tallies")
def forget_old_search_tallies() -> None:
    """Delete the counts that nobody is to see, or to see any more."""
    SearchTally.objects.forget_old(at=timezone.now())


@shared_task(name="courses.relist_missing")
def relist_missing() -> None:
    """List what no change has listed: courses of a restored backup, or from before listings."""
    count = listing.relist_missing()
    if count:
        logger.warning("%s courses had no true listing and were relisted.", count)
