import errno

import pytest

from transcripts.pdf import DrawingError
from transcripts.tests.documents import DOCUMENT


@pytest.fixture
def quick_pdf(monkeypatch):
    """Drawing gives a few bytes at once; test_pdf.py draws real ones."""
    monkeypatch.setattr("transcripts.pdf.draw_certificate", lambda **facts: DOCUMENT)


@pytest.fixture
def unsigned(monkeypatch):
    """What is drawn is no PDF; test_signing.py signs real ones."""
    monkeypatch.setattr("transcripts.signing.sign", lambda document, *, at: document)


@pytest.fixture
def no_glyph(monkeypatch):
    """No font has a letter of the name."""

    def fail(**facts):
        raise DrawingError("no glyph for U+12000")

    monkeypatch.setattr("transcripts.pdf.draw_certificate", fail)


@pytest.fixture
def full_disk():
    """The storage has no room until the test says ``full_disk.undo()``."""
    patch = pytest.MonkeyPatch()

    def no_room(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    patch.setattr("django.core.files.storage.FileSystemStorage._save", no_room)
    yield patch
    patch.undo()
