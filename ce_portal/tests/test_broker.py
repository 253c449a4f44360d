"""The embedded broker may lose its file while processes use it."""

from contextlib import closing

import pytest
from kombu import Connection

from ce_portal import broker

# kombu's own way with SQLAlchemy, as a worker logs it once.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "broker.sqlite3"


@pytest.fixture
def queue(path):
    """A queue that is held open, as a worker and a web process hold it."""
    with (
        Connection(f"sqla+sqlite:///{path}", transport_options=broker.options(path)) as connection,
        closing(connection.SimpleQueue("documents")) as queue,
    ):
        yield queue


def test_a_message_comes_once(queue):
    queue.put({"certificate_id": 7})

    message = queue.get(block=False)
    message.ack()

    assert message.payload == {"certificate_id": 7}
    with pytest.raises(queue.Empty):
        queue.get(block=False)


def test_a_process_goes_on_with_the_new_file_when_somebody_removed_the_old_one(path, queue):
    queue.put({"certificate_id": 7})

    path.unlink()
    queue.put({"certificate_id": 8})

    assert path.exists()
    assert queue.get(block=False).payload == {"certificate_id": 8}


def test_a_worker_sees_what_another_process_puts_into_the_new_file(path, queue):
    queue.put({"certificate_id": 7})
    path.unlink()

    # Not by way of the same engine.
    other = f"sqla+sqlite:////{path}"
    with Connection(other, transport_options=broker.options(path)) as connection:
        connection.SimpleQueue("documents").put({"certificate_id": 8})

    assert queue.get(block=False).payload == {"certificate_id": 8}
