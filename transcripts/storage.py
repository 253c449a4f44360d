"""Where documents lie on a disk of our own."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

# What file systems of a network answer that cannot do this for folders, and folders of others.
NOT_FOR_FOLDERS = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES}


class DurableStorage(FileSystemStorage):
    """A file that was saved is on the disk, not only in its cache, as a committed row is.

    So a host that loses power has no row that points to a file without its bytes.
    """

    def _save(self, name: str, content: File) -> str:
        new = [folder for folder in Path(self.path(name)).parents if not folder.exists()]
        saved: str = super()._save(name, content)  # type: ignore[misc]
        path = Path(self.path(saved))
        _sync(path)
        # A folder keeps the names of what is in it.
        for folder in (path.parent, *(folder.parent for folder in new)):
            try:
                _sync(folder)
            except OSError as error:
                if error.errno not in NOT_FOR_FOLDERS:
                    raise
        return saved


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
