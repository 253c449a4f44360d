"""A saved document survives the loss of power, with its name."""

import errno
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


@pytest.fixture
def refusing(monkeypatch):
    """A function that makes the file system refuse to sync folders, or files."""

    def refuse(*, folders):
        fsync = os.fsync

        def answer(handle):
            if Path(os.readlink(f"/proc/self/fd/{handle}")).is_dir() == folders:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            fsync(handle)

        monkeypatch.setattr("os.fsync", answer)

    return refuse


def test_a_file_system_that_cannot_sync_folders_keeps_the_file(tmp_path, refusing):
    refusing(folders=True)

    name = DurableStorage(location=tmp_path).save("one.pdf", ContentFile(b"%PDF one"))

    assert (tmp_path / name).read_bytes() == b"%PDF one"


def test_a_file_that_cannot_be_synced_is_not_saved(tmp_path, refusing):
    refusing(folders=False)

    with pytest.raises(OSError, match="Invalid argument"):
        DurableStorage(location=tmp_path).save("one.pdf", ContentFile(b"%PDF one"))
