"""Two at once, with real transactions, on both databases. Each fails when its lock is removed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.http import QueryDict
from django.utils import timezone

from accounts.models import OutgoingMail
from accounts.tests.factories import UserFactory
from courses import listing, saved, tasks
from courses.forms import CatalogQuery
from courses.models import SavedSearch, ShortlistItem
from courses.tests.factories import CourseFactory
from courses.tests.test_races import at_the_same_time

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


def save(owner, query, *, at, wants_mail=False):
    """The search, or why it was refused."""
    try:
        return saved.save(
            owner=owner, asked=CatalogQuery(QueryDict(query)), name="", wants_mail=wants_mail, at=at
        )
    except saved.SavedError as error:
        return str(error)


def due_search():
    """A search whose week is over, and a new course that it finds."""
    now = timezone.now()
    search = save(UserFactory(), "hours_from=1", at=now - 9 * DAY, wants_mail=True)
    listing.relist([CourseFactory(published_at=now - DAY).pk])
    assert list(SavedSearch.objects.due(at=now)) == [search]
    return search


def test_saving_the_same_from_two_tabs_saves_it_once(noon):
    owner = UserFactory()

    first, second = at_the_same_time(
        lambda: save(owner, "hours_from=1", at=noon), lambda: save(owner, "hours_from=1", at=noon)
    )

    assert first == second == SavedSearch.objects.get()


def test_the_last_place_for_a_search_goes_to_one(noon, monkeypatch):
    monkeypatch.setattr(saved, "MOST", 1)
    owner = UserFactory()

    _, words = at_the_same_time(
        lambda: save(owner, "hours_from=1", at=noon), lambda: save(owner, "hours_from=2", at=noon)
    )

    assert words == "You have 1 saved searches, the most there can be. Forget one."
    assert SavedSearch.objects.get().query == "hours_from=1"


def tell(search):
    tasks.mail_new_courses(saved_search_id=str(search.pk))


def stop(search):
    saved.stop_mail(search=search, at=timezone.now())


def test_two_workers_promise_one_mail():
    search = due_search()

    at_the_same_time(lambda: tell(search), lambda: tell(search))

    assert OutgoingMail.objects.waiting().count() == 1


def test_a_stop_while_the_mail_is_promised_takes_it_back():
    search = due_search()

    at_the_same_time(lambda: tell(search), lambda: stop(search))

    search.refresh_from_db()
    assert (search.wants_mail, search.mailed_at is None) == (False, False)
    assert OutgoingMail.objects.get().dropped_because == "The mail of this search is stopped."


def test_a_worker_that_waited_for_a_stop_promises_nothing():
    search = due_search()

    at_the_same_time(lambda: stop(search), lambda: tell(search))

    assert OutgoingMail.objects.count() == 0


def test_a_search_forgotten_while_its_mail_is_promised_is_gone():
    search = due_search()

    at_the_same_time(lambda: tell(search), lambda: saved.forget(search=search, at=timezone.now()))

    assert SavedSearch.objects.count() == 0
    assert OutgoingMail.objects.waiting().count() == 0


def test_keeping_from_two_tabs_keeps_it_once(noon):
    owner, course = UserFactory(), CourseFactory()

    def keep():
        return saved.keep(owner=owner, course=course, at=noon)

    first, second = at_the_same_time(keep, keep)

    assert first == second == ShortlistItem.objects.get()
