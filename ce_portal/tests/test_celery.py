"""Tasks have names that stay, and are sent after the commit or not at all."""

import pytest
from django.db import transaction
from kombu import Connection, Producer

from ce_portal.celery import PortalTask
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
