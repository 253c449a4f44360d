"""The worker's second door, for mail about reviews: ``tasks`` is below what promises it."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from transcripts import review_notes, reviews

SWEEP_SIZE = 500  # supervisions, or conversations, that one sweep looks at


@shared_task(name="transcripts.remind_of_reviews")
def remind_of_reviews() -> None:
    """Promise each reminder of a review that is due and was not given."""
    now = timezone.now()
    for supervision_id in reviews.due_for_reminder(at=now, limit=SWEEP_SIZE):
        reviews.remind(supervision_id=supervision_id, at=now)


@shared_task(name="transcripts.tell_of_review_notes")
def tell_of_review_notes() -> None:
    """Promise a mail of the notes and answers that nobody was told of."""
    now = timezone.now()
    for conversation in review_notes.untold(at=now, limit=SWEEP_SIZE):
        review_notes.tell(**conversation, at=now)
