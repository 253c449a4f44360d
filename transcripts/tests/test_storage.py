"""A saved document survives the loss of power, with its name."""

import os
from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from transcripts.storage import DurableStorage


@pytest.fixture
def synced(monkeypatch):
    """What was forced to the disk, in order, with its size at that moment."""
    forced = []
    fsync = os.fsync

    def note(handle):
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        forced.append((path, path.stat().st_size if path.is_file() else None))
        fsync(handle)

    monkeypatch.setattr("os.fsync", note)
    return forced


def test_a_saved_file_and_the_folders_that_name_it_are_on_the_disk(tmp_path, synced):
    storage = DurableStorage(location=tmp_path)

    name = storage.save("certificates/2026/11/one.pdf", ContentFile(b"%PDF one"))

    assert (tmp_path / name).read_bytes() == b"%PDF one"
    assert synced == [
        (tmp_path / "certificates/2026/11/one.pdf", 8),
        (tmp_path / "certificates/2026/11", None),
        (tmp_path / "certificates/2026", None),
        (tmp_path / "certificates", None),
        (tmp_path, None),
    ]


def test_a_second_file_costs_itself_and_its_folder(tmp_path, synced):
    storage = DurableStorage(location=tmp_path)
    storage.save("certificates/2026/11/one.pdf", ContentFile(b"%PDF one"))
    synced.clear()

    storage.save("certificates/2026/11/two.pdf", ContentFile(b"%PDF two"))

    assert synced == [
        (tmp_path / "certificates/2026/11/two.pdf", 8),
        (tmp_path / "certificates/2026/11", None),
    ]
