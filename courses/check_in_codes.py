"""The code that a host shows and learners type: six characters that change every two minutes.

Nothing is stored but the session's secret; the code of a moment follows from it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime, timedelta

# Nothing that can be taken for another from the back of a room: no 0 O D Q, 1 I L, 2 Z, 5 S, 8 B,
# U V.
ALPHABET = "34679ACEFGHJKMNPRTWXY"
LENGTH = 6
PERIOD = timedelta(minutes=2)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_key() -> str:
    """A session's secret."""
    return secrets.token_urlsafe(32)


def code_at(*, key: str, session_id: int, at: datetime) -> str:
    """What the host shows at that moment."""
    return _code(key, session_id, _window(at))


def changes_at(at: datetime) -> datetime:
    """When the code of that moment gives way to the next."""
    return _EPOCH + (_window(at) + 1) * PERIOD


def accepts(text: str, *, key: str, session_id: int, at: datetime) -> bool:
    """Is it the code of that moment, or the one before (it takes time to type)?

    Case, spaces and dashes do not matter. Takes as long for a wrong code as for a right one.
    """
    typed = re.sub(r"[\s\-–—_.]", "", text[:100]).upper().encode(errors="replace")
    window = _window(at)
    matches = [
        hmac.compare_digest(typed, _code(key, session_id, each).encode())
        for each in (window, window - 1)
    ]
    return any(matches)


def _window(at: datetime) -> int:
    return (at - _EPOCH) // PERIOD


def _code(key: str, session_id: int, window: int) -> str:
    digest = hmac.digest(key.encode(), f"check-in:{session_id}:{window}".encode(), hashlib.sha256)
    number = int.from_bytes(digest, "big")
    code = ""
    for _ in range(LENGTH):
        number, index = divmod(number, len(ALPHABET))
        code += ALPHABET[index]
    return code
