"""Tasks have names that stay, and are sent after the commit or not at all."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery import signals
from celery.fixups.django import DjangoWorkerFixup
from celery.schedules import schedule
from django.db import connection, transaction
from kombu import Connection, Producer

from ce_portal.celery import PortalTask, Scheduler
from ce_portal.celery import app as celery_app

SWEEP = "transcripts.draw_missing_certificate_pdfs"


@pytest.fixture
def tasks():
    """Our tasks by name, as a worker finds them."""
    celery_app.loader.import_default_modules()
    return {name: task for name, task in celery_app.tasks.items() if not name.startswith("celery.")}


def test_every_entry_of_the_schedule_names_a_task_that_a_worker_knows(tasks):
    scheduled = {entry["task"] for entry in celery_app.conf.beat_schedule.values()}

    assert SWEEP in scheduled
    assert scheduled <= set(tasks)


def test_no_task_is_named_after_the_place_of_its_code(tasks):
    by_place = [
        name for name, task in tasks.items() if name == f"{task.__module__}.{task.run.__name__}"
    ]

    assert tasks
    assert by_place == []


def test_every_task_is_sent_in_the_portals_way(tasks):
    assert [name for name, task in tasks.items() if not isinstance(task, PortalTask)] == []


def test_every_task_is_given_again_when_its_worker_dies_and_ends_when_it_hangs(tasks):
    unsafe = [
        name
        for name, task in tasks.items()
        if not (task.acks_late and 0 < task.soft_time_limit < task.time_limit)
    ]

    assert unsafe == []


def test_a_message_waits_in_one_queue_and_a_plain_worker_takes_from_each(tasks):
    queues = celery_app.amqp.queues
    waiting = {}
    for name in tasks:
        queue = celery_app.amqp.router.route({}, name)["queue"]
        with Connection("memory://", transport_options={"polling_interval": 0}) as connection:
            channel = connection.default_channel
            bound = [each(channel) for each in queues.values()]
            for each in bound:
                each.declare()
                each.purge()
            Producer(channel, queue.exchange, queue.routing_key).publish({})
            waiting[name] = {each.name for each in bound for _ in range(each.queue_declare()[1])}

    own = {
        "accounts.send_mail": {"mail"},
        "transcripts.draw_certificate_pdf": {"documents"},
        "transcripts.run_job": {"bulk"},
        "courses.apply_attendance_upload": {"bulk"},
        "courses.make_data_export": {"bulk"},
    }
    assert waiting == {name: own.get(name, {"celery"}) for name in tasks}
    assert set(queues.consume_from) == {"celery", "documents", "mail", "bulk"}


@pytest.mark.django_db
def test_delay_on_commit_sends_after_the_commit_and_not_before(
    tasks, sent_tasks, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        tasks[SWEEP].delay_on_commit(certificate_id=7)
        before = list(sent_tasks)

    assert before == []
    assert sent_tasks == [(SWEEP, {"certificate_id": 7})]


@pytest.mark.django_db
def test_delay_on_commit_sends_nothing_after_a_rollback(
    tasks, sent_tasks, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True) as callbacks, transaction.atomic():
        tasks[SWEEP].delay_on_commit()
        transaction.set_rollback(True)

    assert (callbacks, sent_tasks) == ([], [])


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_breaks_neither_the_commit_nor_what_follows_it(tasks, monkeypatch):
    followed = []

    def refuse(*args, **kwargs):
        raise ConnectionRefusedError

    monkeypatch.setattr(PortalTask, "apply_async", refuse)

    with transaction.atomic():
        tasks[SWEEP].delay_on_commit()
        transaction.on_commit(lambda: followed.append("the next callback"))

    assert followed == ["the next callback"]


@pytest.fixture
def run_in_a_worker(tasks):
    """Run a function with all that Celery does around a task in a worker that forks."""
    worker = DjangoWorkerFixup(celery_app)
    worker.worker = SimpleNamespace(pool_cls="celery.concurrency.prefork:TaskPool")
    worker.install()

    def run(do):
        task = tasks[SWEEP]
        signals.task_prerun.send(sender=task)
        found = do()
        signals.task_postrun.send(sender=task)
        return found

    yield run
    for signal in (signals.task_prerun, signals.task_postrun):
        signal.disconnect(worker.on_task_prerun)
        signal.disconnect(worker.on_task_postrun)
    signals.beat_embedded_init.disconnect(worker.close_database)
    signals.worker_process_init.disconnect(worker.on_worker_process_init)


@pytest.fixture
def pool(monkeypatch):
    """Connections are pooled as in production; tests of other things do without."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no connections to keep")
    connection.close()
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "pool", {"min_size": 2})
    yield
    connection.close()
    connection.close_pool()


def server_process():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


@pytest.mark.usefixtures("pool")
@pytest.mark.django_db(transaction=True)
def test_a_worker_keeps_its_database_connections_from_task_to_task(run_in_a_worker):
    found = {run_in_a_worker(server_process) for _ in range(10)}

    assert len(found) <= 2  # the pool's
    assert connection.connection is None  # it is in the pool


@pytest.mark.usefixtures("pool")
@pytest.mark.django_db(transaction=True)
def test_a_task_does_not_get_a_connection_that_the_server_has_closed(run_in_a_worker):
    administrator = connection.copy()
    with administrator.cursor() as cursor:
        closed = run_in_a_worker(server_process)
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [closed])
        found = run_in_a_worker(server_process)
    administrator.close()

    assert found != closed


@pytest.fixture
def beat(tasks, tmp_path):
    """Beat as it begins, with the sweep of certificates and nothing else to ask for."""
    everything = celery_app.conf.beat_schedule
    celery_app.conf.beat_schedule = {"sweep": {"task": SWEEP, "schedule": schedule(60.0)}}
    begun = Scheduler(celery_app, schedule_filename=str(tmp_path / "beat"))
    begun.schedule.pop("celery.backend_cleanup", None)
    begun.tick()
    yield begun
    begun.close()
    celery_app.conf.beat_schedule = everything


def test_beat_asks_once_a_minute(beat, sent_tasks, monkeypatch):
    beat.tick()
    early = list(sent_tasks)
    a_minute_later = celery_app.now() + timedelta(seconds=61)
    monkeypatch.setattr(type(celery_app), "now", lambda app: a_minute_later)
    for _ in range(3):
        beat.tick()

    assert (early, sent_tasks) == ([], [(SWEEP, {})])


def test_beat_goes_on_when_a_clock_that_was_a_day_ahead_is_set_right(beat, sent_tasks, monkeypatch):
    right = celery_app.now()
    clock = {"now": right + timedelta(days=1)}
    monkeypatch.setattr(type(celery_app), "now", lambda app: clock["now"])
    for _ in range(3):
        beat.tick()
    sent_tasks.clear()

    clock["now"] = right
    beat.tick()
    clock["now"] = right + timedelta(seconds=61)
    for _ in range(3):
        beat.tick()

    assert sent_tasks == [(SWEEP, {})]


def test_beat_keeps_no_connection_that_could_stay_broken(beat, monkeypatch):
    handed_over = []
    monkeypatch.setattr(
        PortalTask, "apply_async", lambda task, *args, **options: handed_over.append(options)
    )

    beat.apply_entry(beat.schedule["sweep"], producer=beat.producer)

    assert [options["producer"] for options in handed_over] == [None]
