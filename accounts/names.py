"""What a legal name may be: what a board would print, in any script; what fits on one line."""

from __future__ import annotations

import re
import unicodedata

from django.core.exceptions import ValidationError

MAX_LENGTH = 150

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# The scripts that the fonts of our certificates cover (transcripts/typeset/fonts/README.md).
_PRINTED_SCRIPTS = (
    "LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW", "DEVANAGARI",
    "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "MODIFIER LETTER", "FEMININE", "MASCULINE",
)  # fmt: skip
_PRINTED_SIGNS = set("®©™°€£$¢")
# Joiners that Arabic, Persian and Indic spelling needs.
_JOINERS = {"\u200c", "\u200d"}


def clean(name: str) -> str:
    """The name in composed form (NFC) with single spaces, so that equal names are equal text."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", name)).strip()


def one_line(text: str) -> str:
    """The same, without control characters; joiners stay, which some spellings and emoji need."""
    shown = (char if char.isprintable() or char in _JOINERS else " " for char in text)
    return clean("".join(shown))


def check_name(name: str) -> None:
    """Raises ValidationError if the name has no letter or holds what cannot be printed."""
    if not any(character.isalpha() for character in name):
        raise ValidationError("Enter your name as it stands on your license.")
    for character in name:
        if unicodedata.category(character) in _INVISIBLE and character not in _JOINERS:
            raise ValidationError(
                f"The name holds an invisible character (U+{ord(character):04X}). "
                "Type it again without."
            )
        if _is_unprintable(character):
            raise ValidationError(
                f"We cannot print “{character}” on a certificate. "
                "Use the spelling in Latin letters that is on your license."
            )


def unprintable(text: str) -> str | None:
    """The first character that our documents cannot print, of a title or a provider's name, which
    may hold such signs as ® besides letters; None if all can be."""
    return next(
        (char for char in text if char not in _PRINTED_SIGNS and _is_unprintable(char)), None
    )


def _is_unprintable(character: str) -> bool:
    """A symbol, a letter of a script that our fonts lack, or a letter that shows nothing."""
    category = unicodedata.category(character)
    name = unicodedata.name(character, "")
    if category[0] == "L":
        return "FILLER" in name or not name.startswith(_PRINTED_SCRIPTS)
    return category in {"So", "Sc"}
