"""What visitors look for: what is counted, what is not kept, and what curators see of it."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from datetime import UTC, date, datetime, timedelta

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.tests.factories import UserFactory
from courses import tallies, tasks, words
from courses.models import SearchTally
from courses.models.tallies import week_of
from courses.tests.factories import ProviderFactory, TopicFactory

THIS_WEEK = date(2026, 3, 2)  # a Monday, that of noon
LAST_WEEK = THIS_WEEK - timedelta(weeks=1)
NOTHING_FOUND = SearchTally.Kind.NOTHING_FOUND
FILTER = SearchTally.Kind.FILTER

PAGE = "/admin/courses/searchtally/"


@pytest.fixture(autouse=True)
def _nothing_pending():
    tallies.forget()
    yield
    tallies.forget()


@pytest.fixture
def curator(client):
    user = UserFactory(is_staff=True)
    user.groups.add(Group.objects.get(name="Curators"))
    client.force_login(user)
    return user


def note(typed="", *, total=0, at, times=1, **chosen):
    for _ in range(times):
        tallies.note(
            words.parse(typed),
            {facet: frozenset(slugs) for facet, slugs in chosen.items()},
            typed=typed,
            total=total,
            at=at,
        )


def handed_over(sent_tasks):
    """What was sent to the worker: week, kind, facet, value and times of each."""
    tallies.hand_over()
    assert {name for name, _ in sent_tasks} <= {"courses.add_search_tallies"}
    return [tuple(count) for _, arguments in sent_tasks for count in arguments["counts"]]


def asked(sent_tasks):
    return [(kind, facet, value, times) for _, kind, facet, value, times in handed_over(sent_tasks)]


def tally(value="lego", *, week=THIS_WEEK, kind=NOTHING_FOUND, facet="", times=10):
    return SearchTally.objects.create(week=week, kind=kind, facet=facet, value=value, times=times)


def rows():
    return set(SearchTally.objects.values_list("week", "kind", "facet", "value", "times"))


# --- What is counted --------------------------------------------------------


def test_words_that_found_nothing_are_counted_for_their_week(noon, sent_tasks):
    note("Lego  THERAPY", at=noon, times=2)
    note("lego therapy", at=noon + timedelta(days=6))
    note("lego therapy", at=noon + timedelta(days=7))

    assert handed_over(sent_tasks) == [
        ("2026-03-02", "nothing-found", "", "lego therapy", 3),
        ("2026-03-09", "nothing-found", "", "lego therapy", 1),
    ]


def test_words_that_found_something_are_not_kept(noon, sent_tasks):
    note("trauma", total=4, at=noon)

    assert handed_over(sent_tasks) == []
    assert sent_tasks == []


def test_each_filter_of_a_search_is_counted(noon, sent_tasks):
    note("trauma", total=4, topic=["ethics"], format=["text", "live"], at=noon)
    note(total=9, topic=["ethics"], at=noon)

    assert asked(sent_tasks) == [
        ("filter", "format", "live", 1),
        ("filter", "format", "text", 1),
        ("filter", "topic", "ethics", 2),
    ]


def test_of_a_filtered_search_that_found_nothing_the_filters_are_kept_and_not_the_words(
    noon, sent_tasks
):
    note("trauma", topic=["ethics"], at=noon)

    assert asked(sent_tasks) == [
        ("filter", "topic", "ethics", 1),
        ("nothing-found", "topic", "ethics", 1),
    ]


def test_a_catalog_that_was_only_opened_is_not_counted(noon, sent_tasks):
    note(total=0, at=noon)
    note("the of and", total=0, at=noon)
    note("-ethics", total=0, at=noon)

    assert handed_over(sent_tasks) == []


def test_the_week_is_the_same_for_a_visitor_of_any_time_zone(noon, sent_tasks):
    sunday_night = datetime(2026, 3, 8, 23, 30, tzinfo=UTC)

    with timezone.override("Asia/Tokyo"):
        note("lego", at=timezone.localtime(sunday_night))

    assert handed_over(sent_tasks) == [("2026-03-02", "nothing-found", "", "lego", 1)]


# --- What is not kept -------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "jane.doe@example.com",
        "cbt jane@example",
        "“jane@example.com”",
        "jane＠example.com",
        "@jane",
        "48226",
        "cbt 48226",
        "license 6801123456",
        "313-555-0142",
        "(313) 555 0142",
        "313.555.0142",
        "123_45_6789",
        "١٢٣٤٥",
        "１２３４５",
        "a1b 12345678",
    ],
)
def test_a_search_that_may_hold_an_address_or_a_number_is_not_kept(typed, noon, sent_tasks):
    note(typed, at=noon)

    assert handed_over(sent_tasks) == []


@pytest.mark.parametrize("typed", ["dsm 5", "42 cfr", "icd 10", "2024 ethics", "a1b2c3d4e5"])
def test_short_numbers_are_words(typed, noon, sent_tasks):
    note(typed, at=noon)

    assert [value for _, _, value, _ in asked(sent_tasks)] == [typed]


def test_filters_of_a_search_with_an_address_count_without_it(noon, sent_tasks):
    note("jane@example.com", topic=["ethics"], total=2, at=noon)

    assert asked(sent_tasks) == [("filter", "topic", "ethics", 1)]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("“Sandtray” THERAPY -adults", "sandtray therapy"),
        ("thérapie de la Résilience", "therapie de la resilience"),
        ("one two three four five six seven eight", "one two three four five six"),
        (" ".join(["a" * 30, "b" * 29, "c"]), " ".join(["a" * 30, "b" * 29])),
        (" ".join(["a" * 30, "b" * 30, "c"]), "a" * 30),
        ("q" * 300, "q" * 40),
    ],
)
def test_words_are_kept_in_small_letters_and_cut(typed, kept, noon, sent_tasks):
    note(typed, at=noon)

    assert [value for _, _, value, _ in asked(sent_tasks)] == [kept]


@pytest.mark.django_db
def test_a_row_knows_nothing_but_the_week_and_what_was_asked():
    assert {field.name for field in SearchTally._meta.get_fields()} == {
        "id",
        "week",
        "kind",
        "facet",
        "value",
        "times",
    }
    assert tally("b").pk.version == tally("a").pk.version == 4  # random, so without an order


# --- Handing over -----------------------------------------------------------


def test_noting_asks_the_database_nothing(db, noon, sent_tasks, django_assert_num_queries):
    with django_assert_num_queries(0):
        note("lego", at=noon, topic=["ethics"])
        tallies.hand_over()

    assert len(sent_tasks) == 1


def test_counts_wait_for_a_minute_or_for_many_searches(noon, sent_tasks, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(tallies, "monotonic", lambda: clock[0])
    monkeypatch.setattr(tallies, "_pending", tallies._Pending(since=1000.0))

    clock[0] = 1059.0
    note("lego", at=noon)
    before = len(sent_tasks)
    clock[0] = 1060.0
    note("lego", at=noon)

    assert (before, len(sent_tasks)) == (0, 1)
    assert sent_tasks[0][1]["counts"] == [("2026-03-02", "nothing-found", "", "lego", 2)]


def test_many_searches_do_not_wait_for_the_minute(noon, sent_tasks):
    note("lego", at=noon, times=tallies.HAND_OVER_FROM - 1)
    before = len(sent_tasks)
    note("lego", at=noon, times=2)

    assert (before, len(sent_tasks)) == (0, 1)
    assert asked(sent_tasks) == [
        ("nothing-found", "", "lego", tallies.HAND_OVER_FROM),
        ("nothing-found", "", "lego", 1),
    ]


def test_what_was_handed_over_is_not_handed_over_again(noon, sent_tasks):
    note("lego", at=noon)
    tallies.hand_over()
    tallies.hand_over()

    assert len(sent_tasks) == 1


@pytest.mark.parametrize("fault", [OperationalError("away"), ConnectionRefusedError(), OSError()])
def test_a_broker_that_is_away_costs_the_counts_and_not_the_search(
    fault, noon, sent_tasks, monkeypatch, caplog
):
    def refuse(*args, **kwargs):
        raise fault

    with monkeypatch.context() as broken:
        broken.setattr("ce_portal.celery.PortalTask.apply_async", refuse)
        note("lego", at=noon, times=tallies.HAND_OVER_FROM)
    note("sandtray", at=noon)

    assert f"The counts of {tallies.HAND_OVER_FROM} searches are lost." in caplog.text
    assert "lego" not in caplog.text
    assert asked(sent_tasks) == [("nothing-found", "", "sandtray", 1)]


def test_no_count_is_lost_or_doubled_between_threads(noon, sent_tasks, monkeypatch):
    monkeypatch.setattr(tallies, "HAND_OVER_FROM", 7)
    often = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    try:
        with ThreadPoolExecutor(max_workers=8) as pool:
            for _ in range(8):
                pool.submit(note, total=5, topic=["ethics"], format=["live"], at=noon, times=1000)
    finally:
        sys.setswitchinterval(often)

    totals = Counter()
    for kind, facet, value, times in asked(sent_tasks):
        totals[kind, facet, value] += times
    assert totals == {("filter", "topic", "ethics"): 8000, ("filter", "format", "live"): 8000}


# --- Adding -----------------------------------------------------------------


@pytest.mark.django_db
def test_the_worker_adds_what_was_handed_over(noon, sent_tasks):
    tally("lego", times=4)
    note("lego", at=noon, times=2)
    note("sandtray", at=noon)
    note(total=1, topic=["ethics"], at=noon)
    tallies.hand_over()

    [(_, arguments)] = sent_tasks
    tasks.add_search_tallies(**arguments)

    assert rows() == {
        (THIS_WEEK, "nothing-found", "", "lego", 6),
        (THIS_WEEK, "nothing-found", "", "sandtray", 1),
        (THIS_WEEK, "filter", "topic", "ethics", 1),
    }


@pytest.mark.django_db
def test_a_batch_that_comes_again_is_not_counted_twice(noon, sent_tasks):
    for _ in range(2):
        note("lego", at=noon)
        tallies.hand_over()

    for _, arguments in [*sent_tasks, *sent_tasks]:
        tasks.add_search_tallies(**arguments)

    assert rows() == {(THIS_WEEK, "nothing-found", "", "lego", 2)}


@pytest.mark.django_db
def test_the_database_refuses_a_second_row_of_the_same_and_one_of_nothing():
    tally("lego")

    for value in ("lego", ""):
        with pytest.raises(IntegrityError), transaction.atomic():
            tally(value)

    assert SearchTally.objects.count() == 1


def count(value, times):
    return ("2026-03-02", "nothing-found", "", value, times)


def run_beside(work):
    """In another thread, with a database connection of its own."""

    def run():
        try:
            work()
        finally:
            connection.close()

    return run


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_new", [True, False])
def test_two_workers_that_add_to_one_row_both_count(is_new):
    if not is_new:
        tally("lego", times=10)

    with ThreadPoolExecutor(max_workers=1) as pool:
        with transaction.atomic():
            SearchTally.objects.add([count("lego", 2)])
            other = pool.submit(run_beside(lambda: SearchTally.objects.add([count("lego", 5)])))
            with pytest.raises(StillWaiting):
                other.result(timeout=0.4)
        other.result(timeout=15)

    assert rows() == {(THIS_WEEK, "nothing-found", "", "lego", 7 if is_new else 17)}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_new", [True, False])
def test_two_workers_with_the_same_rows_never_wait_in_a_circle(is_new):
    if not is_new:
        tally("a", times=1)
        tally("b", times=1)

    with ThreadPoolExecutor(max_workers=1) as pool:
        with transaction.atomic():
            SearchTally.objects.add([count("a", 1)])
            other = pool.submit(
                run_beside(lambda: SearchTally.objects.add([count("b", 1), count("a", 1)]))
            )
            with pytest.raises(StillWaiting):
                other.result(timeout=0.4)
            SearchTally.objects.add([count("b", 1)])
        other.result(timeout=15)

    assert {times for *_, times in rows()} == {2 if is_new else 3}


# --- Forgetting -------------------------------------------------------------


@pytest.mark.django_db
def test_rare_rows_go_when_their_week_is_over_and_all_rows_after_400_days(noon):
    old = week_of(noon - timedelta(days=401))
    young = week_of(noon - timedelta(days=393))
    tally("rare", times=9)
    tally("rare", times=9, week=LAST_WEEK)
    tally("asked ten times", times=10, week=LAST_WEEK)
    tally("young", times=50, week=young)
    tally("old", times=50, week=old)
    tally("ethics", times=9, kind=FILTER, facet="topic", week=LAST_WEEK)

    SearchTally.objects.forget_old(at=noon)

    assert {(week, value) for week, _, _, value, _ in rows()} == {
        (THIS_WEEK, "rare"),
        (LAST_WEEK, "asked ten times"),
        (young, "young"),
    }


@pytest.mark.django_db
def test_a_week_is_not_over_on_its_sunday(noon):
    tally("rare", times=1)

    SearchTally.objects.forget_old(at=datetime(2026, 3, 8, 23, 59, tzinfo=UTC))
    on_sunday = SearchTally.objects.count()
    SearchTally.objects.forget_old(at=datetime(2026, 3, 9, 0, 0, tzinfo=UTC))

    assert (on_sunday, SearchTally.objects.count()) == (1, 0)


@pytest.mark.django_db
def test_the_sweep_is_a_task_that_reads_the_clock():
    tally("rare", times=2, week=week_of(timezone.now()) - timedelta(weeks=1))
    tally("rare", times=2, week=week_of(timezone.now()) + timedelta(weeks=1))

    tasks.forget_old_search_tallies()

    assert SearchTally.objects.count() == 1


# --- The curators' page -----------------------------------------------------


def weeks_ago(weeks):
    return week_of(timezone.now()) - timedelta(weeks=weeks)


def shown(response):
    return (
        [(line.asked, line.times) for line in response.context["words"]],
        [
            (line.facet, line.asked, line.times, line.in_vain)
            for line in response.context["filters"]
        ],
    )


@pytest.mark.django_db
def test_who_may_see_what_is_looked_for(client):
    tally("lego", week=weeks_ago(0))
    curator = UserFactory(is_staff=True)
    curator.groups.add(Group.objects.get(name="Curators"))
    people = {
        "curator": curator,
        "superuser": UserFactory(is_staff=True, is_superuser=True),
        "staff of another kind": UserFactory(is_staff=True),
        "clinician": UserFactory(),
    }

    statuses = {"stranger": client.get(PAGE).status_code}
    for who, user in people.items():
        client.force_login(user)
        statuses[who] = client.get(PAGE).status_code

    assert statuses == {
        "curator": 200,
        "superuser": 200,
        "staff of another kind": 403,
        "clinician": 302,
        "stranger": 302,
    }


@pytest.mark.django_db
def test_the_index_leads_curators_to_the_page_and_offers_nothing_to_add(client, curator):
    index = client.get(reverse("admin:index")).text

    assert f'href="{PAGE}"' in index
    assert f"{PAGE}add/" not in index


@pytest.mark.django_db
@pytest.mark.parametrize("rest", ["add/", "{pk}/change/", "{pk}/delete/", "{pk}/history/"])
def test_a_row_has_no_page_of_its_own_not_even_for_a_superuser(client, rest):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    row = tally("rare words", week=weeks_ago(0), times=1)

    address = PAGE + rest.format(pk=row.pk)

    assert client.get(address).status_code == 404
    assert client.post(address, {"post": "yes", "times": 9}).status_code == 404
    assert SearchTally.objects.get().times == 1


@pytest.mark.django_db
def test_weeks_are_added_up_and_what_was_asked_less_than_ten_times_is_not_shown(client, curator):
    tally("lego therapy", week=weeks_ago(0), times=5)
    tally("lego therapy", week=weeks_ago(1), times=6)
    tally("just often enough", week=weeks_ago(0), times=10)
    tally("jane doe", week=weeks_ago(0), times=9)

    response = client.get(PAGE)

    assert shown(response)[0] == [("lego therapy", 11), ("just often enough", 10)]
    assert "jane" not in response.text
    assert 'href="/courses/?q=lego+therapy"' in response.text


@pytest.mark.django_db
def test_filters_have_the_names_of_the_catalog_and_say_how_often_they_found_nothing(
    client, curator
):
    TopicFactory(slug="ethics", name="Ethics & law")
    for value, facet, times in [
        ("ethics", "topic", 10),
        ("free", "price", 17),
        ("gone", "provider", 14),
        ("rare", "provider", 9),
    ]:
        tally(value, kind=FILTER, facet=facet, times=times, week=weeks_ago(0))
    tally("free", facet="price", times=12, week=weeks_ago(0))
    tally("ethics", facet="topic", times=9, week=weeks_ago(0))

    response = client.get(PAGE)

    assert shown(response) == (
        [],
        [
            ("Price", "Free", 17, 12),
            ("Provider", "gone", 14, 0),
            ("Topic", "Ethics & law", 10, 0),
        ],
    )
    assert 'href="/courses/?topic=ethics"' in response.text
    assert "Ethics &amp; law" in response.text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "weeks", "expected"),
    [
        ("", 4, ["0", "3"]),
        ("?weeks=4", 4, ["0", "3"]),
        ("?weeks=13", 13, ["0", "12", "3", "4"]),
        ("?weeks=52", 52, ["0", "12", "13", "3", "4", "51"]),
        ("?weeks=53", 4, ["0", "3"]),
        ("?weeks=x&q=a", 4, ["0", "3"]),
    ],
)
def test_a_period_is_so_many_weeks_with_this_one(client, curator, query, weeks, expected):
    for ago in (0, 3, 4, 12, 13, 51, 52):
        tally(str(ago), week=weeks_ago(ago))

    response = client.get(PAGE + query)

    assert [text for text, _ in shown(response)[0]] == expected
    assert [period["weeks"] for period in response.context["periods"] if period["is_chosen"]] == [
        weeks
    ]
    assert response.text.count('aria-current="page"') == 1


@pytest.mark.django_db
def test_the_page_shows_the_fifty_that_were_asked_most(client, curator):
    for number in range(60):
        tally(f"word {number:02}", times=10 + number, week=weeks_ago(0))
        tally(f"slug-{number:02}", kind=FILTER, facet="board", times=90, week=weeks_ago(0))

    found_nothing, filters = shown(client.get(PAGE))

    assert [text for text, _ in found_nothing] == [f"word {number}" for number in range(59, 9, -1)]
    assert [slug for _, slug, _, _ in filters] == [f"slug-{number:02}" for number in range(50)]


@pytest.mark.django_db
def test_the_page_escapes_what_was_typed(client, curator):
    tally("<script>alert(1)</script>", week=weeks_ago(0))

    response = client.get(PAGE)

    assert "<script>alert" not in response.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in response.text
    assert "?q=%3Cscript%3Ealert%281%29%3C%2Fscript%3E" in response.text


@pytest.mark.django_db
def test_the_page_asks_as_much_for_three_rows_as_for_one(client, curator):
    ProviderFactory(slug="north")

    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(PAGE).status_code == 200
        return len(captured)

    tally("a", week=weeks_ago(0))
    tally("north", kind=FILTER, facet="provider", week=weeks_ago(0))
    queries()
    one = queries()
    for value in ("b", "c"):
        tally(value, week=weeks_ago(0))
        tally(value, kind=FILTER, facet="provider", week=weeks_ago(0))

    assert queries() == one


@pytest.mark.django_db
def test_curators_may_only_look():
    held = Group.objects.get(name="Curators").permissions.filter(
        content_type__app_label="courses", content_type__model="searchtally"
    )

    assert list(held.values_list("codename", flat=True)) == ["view_searchtally"]


@pytest.mark.django_db
def test_the_migration_takes_its_permission_back():
    step = importlib.import_module("courses.migrations.0007_search_tallies")

    step.remove_permissions(apps, None)

    curators = Group.objects.get(name="Curators").permissions
    assert not curators.filter(codename="view_searchtally").exists()
    assert curators.filter(codename="view_course").exists()
