"""Where documents lie on a disk of our own."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage


class DurableStorage(FileSystemStorage):
    """A file that was saved is on the disk, not only in its cache, as a committed row is.

    So a host that loses power has no row that points to a file without its bytes.
    """

    def _save(self, name: str, content: File) -> str:
        new = [folder for folder in Path(self.path(name)).parents if not folder.exists()]
        saved: str = super()._save(name, content)  # type: ignore[misc]
        path = Path(self.path(saved))
        # A folder keeps the names of what is in it.
        for each in (path, path.parent, *(folder.parent for folder in new)):
            _sync(each)
        return saved


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
