"""The worker's door: ids in, one call."""

from __future__ import annotations

import logging
from smtplib import SMTPRecipientsRefused

from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.db import transaction
from django.http import QueryDict
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from courses import listing, saved
from courses.models import SavedSearch, SearchTally
from courses.models.tallies import Count

logger = logging.getLogger(__name__)

SWEEP_PERIOD = 60 * 60  # seconds
SWEEP_SIZE = 500  # mails asked for by one sweep
KNOWN_FOR = 60 * 60  # seconds in which a batch of counts that comes again is known


@shared_task(name="courses.mail_new_courses")
@transaction.atomic
def mail_new_courses(*, saved_search_id: str) -> None:
    """Tell the owner of a saved search what was published since, unless told this week.

    Locks the search while the mail goes out, so two workers send it once. If the mail server
    refuses, nothing is noted and the sweep asks again. A worker that dies between the mail and the
    commit sends it once more, since no mail server takes part in our transaction.
    """
    at = timezone.now()
    search = (
        SavedSearch.objects.select_for_update(of=["self"])
        .due(at=at)
        .select_related("owner")
        .filter(pk=saved_search_id)
        .first()
    )
    if search is None:
        return
    news = saved.news(search=search, at=at)
    if news.courses and _sent(search, news):
        search.mailed_at = at
    search.seen_until = news.until
    search.save(update_fields=["seen_until", "mailed_at"])


def _sent(search: SavedSearch, news: saved.News) -> bool:
    """Send the mail; False if there is no such mailbox."""
    newest_first = QueryDict(search.query, mutable=True)
    newest_first["sort"] = "newest"
    stop = reverse("courses:stop_mail", args=[saved.stop_token(search)])
    context = {
        "search": search,
        "courses": news.courses,
        "total": news.total,
        "more": news.total - len(news.courses),
        "site": settings.SITE_URL,
        "all_url": f"{settings.SITE_URL}{reverse('courses:catalog')}?{newest_first.urlencode()}",
        "stop_url": settings.SITE_URL + stop,
    }
    with timezone.override(search.owner.tz):
        mail = EmailMessage(
            subject=render_to_string("emails/new_courses.subject.txt", context).strip(),
            body=render_to_string("emails/new_courses.txt", context),
            to=[search.owner.email],
            headers={  # RFC 8058: mail programs show their own button for it
                "List-Unsubscribe": f"<{context['stop_url']}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        )
    try:
        mail.send()
    except SMTPRecipientsRefused as error:
        if any(code < 500 for code, _ in error.recipients.values()):
            raise  # busy or full for now
        logger.warning("There is no mailbox for the mail of saved search %s.", search.pk)
        return False
    return True


@shared_task(name="courses.mail_due_saved_searches")
def mail_due_saved_searches() -> None:
    """Ask for the mail of each saved search whose week is over."""
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
