"""Every change of what the catalog shows is in its listings when the change commits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models.fields.files import FieldFile
from django.urls import reverse

from accounts.tests.factories import UserFactory
from courses import catalog, listing, shelf, tasks, words
from courses.bitmaps import Bitmaps, Day
from courses.models import (
    Approval,
    CatalogEntry,
    CatalogState,
    Course,
    FocusArea,
    Instructor,
    SearchWord,
)
from courses.shelf import Wanted
from courses.tests.factories import CourseFactory, SessionFactory

ZONE = ZoneInfo("America/New_York")
TODAY = date(2026, 3, 2)


def found(noon, typed="", **wanted):
    asked = Wanted(query=words.parse(typed), **wanted)
    return shelf.find(asked, at=noon, zone=ZONE).course_ids


@pytest.fixture
def curator(client, db):
    user = UserFactory(is_staff=True, is_superuser=True)
    client.force_login(user)
    return client


def edit(client, row, **changes):
    """Send the admin's own form of the row back with changes."""
    meta = row._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    page = client.get(url).context["adminform"].form
    data = {name: value for name, value in page.initial.items() if value is not None}
    for formset in client.get(url).context["inline_admin_formsets"]:
        management = formset.formset.management_form
        data |= {management.add_prefix(name): value for name, value in management.initial.items()}
        for form in formset.formset.initial_forms:
            data |= {
                form.add_prefix(name): "" if form.initial.get(name) is None else form.initial[name]
                for name in form.fields
                if form.initial.get(name) is not False
            }
            data[form.add_prefix("id")] = form.instance.pk
    response = client.post(url, {key: _posted(value) for key, value in (data | changes).items()})
    assert response.status_code == 302, response.context["errors"]


def _posted(value):
    if isinstance(value, FieldFile):
        return ""  # no file is chosen anew
    return [row.pk for row in value] if isinstance(value, list) else value


def test_a_draft_is_not_listed_and_a_published_course_is(db, noon):
    course = CourseFactory(status=Course.Status.DRAFT, published_at=None)
    listing.relist([course.pk])
    assert found(noon) == []

    catalog.publish(course=course, at=noon, on=TODAY)

    assert found(noon) == [course.pk]


def test_a_retired_course_leaves_the_catalog_and_comes_back_to_its_place(db, noon):
    older = CourseFactory(published_at=noon - timedelta(days=2))
    newer = CourseFactory(published_at=noon - timedelta(days=1))
    listing.relist([older.pk, newer.pk])
    catalog.retire(course=older, at=noon)
    assert found(noon) == [newer.pk]

    catalog.publish(course=older, at=noon, on=TODAY)

    assert found(noon) == [newer.pk, older.pk]


def test_a_change_that_is_taken_back_was_never_listed(db, noon):
    course = CourseFactory()
    listing.relist([course.pk])

    with transaction.atomic():
        catalog.retire(course=course, at=noon)
        transaction.set_rollback(True)

    assert found(noon) == [course.pk]
    assert CatalogEntry.objects.get().is_published


def test_a_course_counts_from_the_first_to_the_last_day_of_its_approval(db, noon):
    course = CourseFactory()
    Approval.objects.update(valid_from=date(2026, 3, 2), valid_to=date(2026, 3, 3))
    listing.relist([course.pk])

    listed = {days: found(noon + timedelta(days=days)) == [course.pk] for days in (-1, 0, 1, 2)}

    assert listed == {-1: False, 0: True, 1: True, 2: False}


def test_relisting_twice_changes_nothing_but_the_version(db):
    course = CourseFactory()
    listing.relist([course.pk])
    before = CatalogEntry.objects.values("facts", "card", "is_published", "hours").get()
    seen = SearchWord.objects.count()

    listing.relist([course.pk])

    assert CatalogEntry.objects.values("facts", "card", "is_published", "hours").get() == before
    assert SearchWord.objects.count() == seen
    assert CatalogState.objects.get().version == 2


def test_there_is_one_state(db):
    CatalogState.objects.create(pk=1)

    with pytest.raises(IntegrityError), transaction.atomic():
        CatalogState.objects.create(pk=2)


# --- The admin's forms ------------------------------------------------------


def test_an_edited_title_is_searched_at_once(curator, noon):
    course = CourseFactory(title="Marigolds, again and again")
    listing.relist([course.pk])
    assert found(noon, "grief") == []

    edit(curator, course, title="Grief, again and again")

    assert found(noon, "grief") == [course.pk]
    assert found(noon, "marigolds") == []


def test_a_renamed_instructor_is_searched_by_the_new_name(curator, noon):
    course = CourseFactory()
    listing.relist([course.pk])

    edit(curator, Instructor.objects.get(), name="Ada Quintana")

    assert found(noon, "quintana") == [course.pk]
    assert found(noon, "moreno") == []
    assert shelf.vocabulary().labels["instructor"] == {"ada-moreno": "Ada Quintana"}


def test_a_renamed_focus_area_is_searched_by_the_new_name(curator, noon):
    course = CourseFactory(title="Saying yes", summary="What it takes.")
    listing.relist([course.pk])

    edit(curator, FocusArea.objects.get(), name="Permission and privacy")

    assert found(noon, "permission") == [course.pk]
    assert shelf.vocabulary().labels["focus"] == {"consent": "Permission and privacy"}


def test_an_approval_that_is_ended_takes_its_courses_out(curator, noon):
    course = CourseFactory()
    listing.relist([course.pk])

    edit(curator, Approval.objects.get(), valid_to=date(2026, 3, 1))

    assert found(noon) == []


def test_a_session_that_moves_to_another_course_leaves_the_first(curator, noon):
    session = SessionFactory(starts_at=noon + timedelta(days=3), ends_at=noon + timedelta(days=4))
    other = CourseFactory(live=True)
    listing.relist([session.course_id, other.pk])
    dates = {"live_from": TODAY}
    assert found(noon, **dates) == [session.course_id]

    edit(
        curator,
        session,
        course=other.pk,
        starts_at_0="2026-03-05",
        starts_at_1="12:00:00",
        ends_at_0="2026-03-05",
        ends_at_1="13:30:00",
    )

    assert found(noon, **dates) == [other.pk]


def test_a_deleted_approval_takes_its_courses_out(curator, noon):
    course = CourseFactory()
    listing.relist([course.pk])
    url = reverse("admin:courses_approval_delete", args=[Approval.objects.get().pk])

    assert curator.post(url, {"post": "yes"}).status_code == 302

    assert found(noon) == []


def test_what_does_not_show_in_the_catalog_moves_nothing(curator, noon):
    course = CourseFactory()
    draft = CourseFactory(status=Course.Status.DRAFT, published_at=None)
    listing.relist([course.pk])
    before = CatalogState.objects.values().get()

    edit(curator, draft, about="Another opening.")
    edit(curator, course.provider, phone="(518) 555-0199")

    after = CatalogState.objects.values().get()
    assert after["version"] == before["version"]
    # The provider is a choice of the catalog; a draft is none.
    assert after["labels_version"] == before["labels_version"] + 1


def test_deleted_questions_shorten_the_hours_that_the_catalog_shows(curator, noon):
    course = CourseFactory(
        hours=Decimal("1"), parts__lessons=1, parts__questions=8, difficulty=Decimal("3")
    )
    course.lessons.update(body="word " * 2600)
    listing.relist([course.pk])
    course.credits.update(hours=Decimal("1"))
    url = reverse("admin:courses_question_changelist")
    shown = CatalogEntry.objects.get().hours

    curator.post(
        url,
        {
            "action": "delete_selected",
            "_selected_action": list(course.questions.values_list("pk", flat=True)),
            "post": "yes",
        },
    )

    assert not course.questions.exists()
    assert CatalogEntry.objects.get().hours == catalog.credit_hours(course) < shown


# --- What no change has listed ----------------------------------------------


def test_the_sweep_lists_what_was_written_by_hand(db, noon):
    unlisted, retired = CourseFactory.create_batch(2)
    listing.relist([retired.pk])
    Course.objects.filter(pk=retired.pk).update(status=Course.Status.RETIRED, retired_at=noon)
    assert found(noon) == [retired.pk]

    tasks.relist_missing()

    assert found(noon) == [unlisted.pk]
    assert listing.relist_missing() == 0


def test_rebuilding_mends_what_is_wrong_and_drops_words_that_no_course_holds(db, noon, capsys):
    course = CourseFactory(title="Grief")
    listing.relist([course.pk])
    Course.objects.filter(pk=course.pk).update(title="Sorrow")
    assert found(noon, "sorrow") == []

    call_command("rebuild_catalog")

    assert found(noon, "sorrow") == [course.pk]
    assert "Wrote 1 listing." in capsys.readouterr().out
    assert not SearchWord.objects.filter(word="grief").exists()
    assert SearchWord.objects.filter(word="sorrow").exists()


def test_rebuilding_in_several_steps_writes_every_course(db, noon, monkeypatch):
    courses = CourseFactory.create_batch(5)
    monkeypatch.setattr(listing, "CHUNK", 2)
    steps = []

    assert listing.rebuild(on_progress=steps.append) == 5

    assert steps == [2, 2, 1]
    assert sorted(found(noon)) == sorted(course.pk for course in courses)


def test_a_process_reads_a_restored_database_afresh(db, noon):
    course = CourseFactory()
    listing.relist([course.pk])
    catalog.retire(course=course, at=noon)
    assert found(noon) == []

    # The backup knows nothing of the retirement, nor of the version it had.
    Course.objects.update(status=Course.Status.PUBLISHED, retired_at=None)
    CatalogEntry.objects.update(is_published=True, version=1)
    CatalogState.objects.update(version=1)

    assert found(noon) == [course.pk]


# --- Two at once ------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_versions_become_visible_in_their_order(noon):
    """Else a process that saw the later one would never ask for the earlier one."""
    first, second = CourseFactory.create_batch(2)

    def list_second():
        try:
            listing.relist([second.pk])
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as pool:
        with transaction.atomic():
            listing.relist([first.pk])
            outcome = pool.submit(list_second)
            with pytest.raises(StillWaiting):
                outcome.result(timeout=0.4)
        outcome.result(timeout=15)

    assert list(CatalogEntry.objects.order_by("version").values_list("pk", "version")) == [
        (first.pk, 1),
        (second.pk, 2),
    ]


@pytest.mark.django_db(transaction=True)
def test_retiring_does_not_wait_for_one_who_adds_a_session_and_waits_for_the_catalog(noon):
    """A new session refers to the course; PostgreSQL asks for the course again when it commits."""
    course = CourseFactory(live=True)
    listing.relist([course.pk])

    def retire():
        try:
            catalog.retire(course=course, at=noon)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as pool:
        with transaction.atomic():
            SessionFactory(course=course)
            listing.relist([course.pk])
            outcome = pool.submit(retire)
            with pytest.raises(StillWaiting):
                outcome.result(timeout=0.4)
        outcome.result(timeout=15)

    assert found(noon) == []


def test_a_course_with_a_very_high_id_takes_no_memory(db, noon):
    course = CourseFactory(pk=2**40)
    listing.relist([course.pk])

    assert found(noon) == found(noon, "consent") == [2**40]


@pytest.mark.django_db(transaction=True)
def test_another_process_shows_a_change_with_its_next_answer(noon):
    """A thread with a shelf of its own stands for the other process."""
    course = CourseFactory()
    listing.relist([course.pk])
    other = Bitmaps.load(1, 0)
    assert other.count(Wanted(), Day.of(noon, ZONE)) == 1

    catalog.retire(course=course, at=noon)

    assert other.follow(CatalogState.objects.get().version)
    assert other.count(Wanted(), Day.of(noon, ZONE)) == 0
