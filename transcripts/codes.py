"""Certificate codes: random, permanent, easy to read aloud and to type."""

from __future__ import annotations

import re
import secrets

# Crockford's base 32: no I, L, O or U. 16 characters are 80 random bits.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16
PREFIX = "CEP"

_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})
_VALID = re.compile(rf"[{ALPHABET}]{{{LENGTH}}}")


def new() -> str:
    """A fresh code, like CEP-7Q4M-2XKD-91HV-0ZRT."""
    return _spaced("".join(secrets.choice(ALPHABET) for _ in range(LENGTH)))


def normalize(text: str) -> str | None:
    """The code that ``text`` spells, whatever its case, spaces and dashes; None if it spells none.

    O is read as zero, I and L as one; the prefix may be missing.
    """
    bare = re.sub(r"[\s\-–—_.]", "", text[:100]).upper()
    if len(bare) == len(PREFIX) + LENGTH:
        bare = bare.removeprefix(PREFIX)
    bare = bare.translate(_LOOKALIKES)
    return _spaced(bare) if _VALID.fullmatch(bare) else None


def _spaced(bare: str) -> str:
    return "-".join([PREFIX, *(bare[i : i + 4] for i in range(0, LENGTH, 4))])
