"""Words: text into lexemes, and what a visitor typed into a query. The same on every database."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

import yaml
from django.utils.safestring import SafeString, mark_safe

# Not `snowballstemmer.stemmer`: it takes PyStemmer where that is installed, of another version.
from snowballstemmer.english_stemmer import EnglishStemmer

MAX_LENGTH = 200  # characters of a query that are read
MAX_GROUPS = 12  # words or phrases of a query that are used
MAX_WORD = 40  # characters of a word that count
MAX_LEXEME = 64
SYNONYMS = Path(__file__).parent / "reference" / "synonyms.yaml"

Phrase = tuple[str, ...]  # adjacent lexemes

# PostgreSQL's english.stop, but for “down”: Down syndrome is something to look for. The last lines
# are its contractions without their apostrophe.
_ENGLISH = """
i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she
her hers herself it its itself they them their theirs themselves what which who whom this that
these those am is are was were be been being have has had having do does did doing a an the and
but if or because as until while of at by for with about against between into through during
before after above below to from up in out on off over under again further then once here there
when where why how all any both each few more most other some such no nor not only own same so
than too very s t can will just don should now
arent cant cannot couldnt didnt doesnt dont hadnt hasnt havent isnt mustnt neednt shouldnt
wasnt werent wont wouldnt
"""
STOP_WORDS = frozenset(_ENGLISH.split())

# --- Text to lexemes --------------------------------------------------------

_MARKS = "".join(c for c in map(chr, range(0x300, 0x3100)) if unicodedata.category(c)[0] == "M")
_JOINERS = "\u00ad\u200c\u200d\u2060"  # soft hyphen and the like: within a word, not seen
# Letters and digits, their marks, and apostrophes between them. Possessive, so never slow.
_LETTERS = r"[^\W_]++"
_WORD = rf"{_LETTERS}(?:[{_MARKS}{_JOINERS}]++[^\W_]*+|['’]{_LETTERS})*+"
_WORDS = re.compile(f"({_WORD})")

# Letters that are no accented letters to Unicode, as a US keyboard spells them.
_PLAIN_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ð": "d", "đ": "d", "ħ": "h", "ı": "i", "ł": "l", "þ": "th"}
    | dict.fromkeys("’ʼʻ", "'")
)
_ENDINGS = {"s", "d", "m", "ll", "re", "ve"}  # client's, we'd, I'm, we'll, we're, we've


def lexemes(text: str) -> list[str]:
    """Stems in order, stop words dropped. Each is ASCII letters and digits, at most 64 of them."""
    return [lexeme for _, lexeme in _read_all(_WORDS.findall(text)) if lexeme]


def words(text: str) -> list[tuple[str, str]]:
    """Word and lexeme of each word that is no stop word; the word in plain small letters."""
    return [pair for pair in _read_all(_WORDS.findall(text)) if pair[1]]


def _read_all(raw_words: list[str]) -> list[tuple[str, str]]:
    # Cut before it is kept in memory. Twice as long, since an accent may be a character.
    return [_read(raw[: 2 * MAX_WORD]) for raw in raw_words]


@lru_cache(maxsize=2**16)
def _read(raw: str) -> tuple[str, str]:
    """The word in plain small letters, and its lexeme: none for a stop word."""
    word = raw.lower() if raw.isascii() else _fold(raw)
    owner, _, ending = word.rpartition("'")
    if owner and ending in _ENDINGS:
        word = owner
    word = word.replace("'", "")[:MAX_WORD]
    if not word or word in STOP_WORDS:
        return word, ""
    if not word.isascii():
        return word, f"u{word.encode().hex()}"[:MAX_LEXEME]
    if not word.isalpha():
        return word, word
    # A stemmer of its own: it keeps state, so two threads must not share one.
    return word, EnglishStemmer().stemWord(word)


def _fold(raw: str) -> str:
    text = unicodedata.normalize("NFKD", raw).casefold().translate(_PLAIN_LETTERS)
    # What stays are letters, digits and the vowel signs of scripts that write vowels as marks.
    return "".join(
        c
        for c in text
        if c.isalnum()
        or c == "'"
        or (not unicodedata.combining(c) and unicodedata.category(c) in {"Mn", "Mc"})
    )


# --- Synonyms ---------------------------------------------------------------


class SynonymsError(ValueError):
    """The file of synonyms cannot be used; the message says why."""


def read_synonyms(source: str) -> dict[Phrase, tuple[Phrase, ...]]:
    """What finds the same as each member of the groups in a YAML text, itself first.

    Raises SynonymsError if a group is none, or a member has no lexeme or is in two groups.
    """
    groups = yaml.safe_load(source)
    if not isinstance(groups, list):
        raise SynonymsError("The file is no list of groups.")
    synonyms: dict[Phrase, tuple[Phrase, ...]] = {}
    for group in groups:
        match group:
            case list(same):
                short: list[object] = []
            case {"same": list(same), "short": list(short), **rest} if not rest:
                pass
            case _:
                raise SynonymsError(f"{group!r} is no group.")
        names = dict.fromkeys(_phrase(member) for member in same)
        members = dict.fromkeys([*names, *(_phrase(member) for member in short)])
        if not names or len(members) < 2:
            raise SynonymsError(f"{group!r} says nothing: all its members are the same lexemes.")
        for phrase in members:
            if phrase in synonyms:
                raise SynonymsError(f"“{' '.join(phrase)}” in {group!r} is in two groups.")
            synonyms[phrase] = (phrase, *(name for name in names if name != phrase))
    return synonyms


def _phrase(member: object) -> Phrase:
    phrase = tuple(lexemes(member)) if isinstance(member, str) else ()
    if not phrase:
        raise SynonymsError(f"{member!r} is no word to look for. Does it lack quotation marks?")
    return phrase


@cache
def _synonyms() -> dict[Phrase, tuple[Phrase, ...]]:
    return read_synonyms(SYNONYMS.read_text(encoding="utf-8"))


# --- What was typed ---------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """One thing that must, or must not, be there: any of the alternatives, the typed one first."""

    typed: str
    alternatives: tuple[Phrase, ...]
    is_phrase: bool  # typed in quotes: exactly this
    is_for_titles: bool = False  # looked for in titles alone


@dataclass(frozen=True)
class Query:
    """What a visitor looks for: all that is wanted, and nothing that is unwanted."""

    wanted: tuple[Group, ...] = ()
    unwanted: tuple[Group, ...] = ()
    was_cut: bool = False
    only_stop_words: bool = False

    def __bool__(self) -> bool:
        return bool(self.wanted or self.unwanted)

    @cached_property
    def wanted_lexemes(self) -> frozenset[str]:
        """Alternatives of one word."""
        return frozenset(phrase[0] for phrase in self._alternatives() if len(phrase) == 1)

    @cached_property
    def wanted_phrases(self) -> dict[str, list[Phrase]]:
        """Alternatives of several words, by the first."""
        phrases: dict[str, list[Phrase]] = {}
        for phrase in self._alternatives():
            if len(phrase) > 1:
                phrases.setdefault(phrase[0], []).append(phrase)
        return phrases

    def _alternatives(self) -> set[Phrase]:
        return {phrase for group in self.wanted for phrase in group.alternatives}


NOTHING = Query()


@dataclass(frozen=True)
class _Piece:
    """A word, hyphenated word or quoted phrase as typed, and where it stands."""

    lexemes: Phrase
    start: int
    end: int
    is_phrase: bool
    is_unwanted: bool


# One character for one, so that places in the text stay what they are.
_PLAIN_SIGNS = str.maketrans(
    dict.fromkeys("“”„‟«»＂", '"')
    | dict.fromkeys("‐‑‒–−", "-")
    | {chr(code): " " for code in (*range(0x20), *range(0x7F, 0xA0))}
)
_HEAD = re.compile(rf".{{1,{MAX_LENGTH}}}(?=\W)", re.DOTALL)
# A minus counts only at the start of what stands between blanks. A quotation mark without its
# second is passed over.
_TYPED = re.compile(rf'((?<!\S)-)?(?:"([^"]*)"|"?({_WORD}(?:-{_WORD})*))')


def parse(typed: str) -> Query:
    """The query in a text, whatever the text. All words are wanted; the rest is this.

    "informed consent"   these words, in this order, without synonyms
    -ethics, -"a phrase" not this
    trauma-informed      these words, side by side
    """
    text, was_cut = _cut(typed.translate(_PLAIN_SIGNS).strip())
    pieces = _pieces(text)
    groups: dict[tuple[bool, frozenset[Phrase]], Group] = {}
    place = 0
    while place < len(pieces):
        first = pieces[place]
        number = _how_many_belong_together(pieces[place : place + MAX_GROUPS])
        together = pieces[place : place + number]
        place += number
        phrase = tuple(lexeme for piece in together for lexeme in piece.lexemes)
        alternatives = (phrase,) if first.is_phrase else _synonyms().get(phrase, (phrase,))
        shown = " ".join(text[first.start : together[-1].end].replace('"', " ").split())
        group = Group(
            typed=f"“{shown}”" if first.is_phrase else shown,
            alternatives=alternatives,
            is_phrase=first.is_phrase,
        )
        groups.setdefault((first.is_unwanted, frozenset(alternatives)), group)
    used = list(groups.items())[:MAX_GROUPS]
    return Query(
        wanted=tuple(group for (is_unwanted, _), group in used if not is_unwanted),
        unwanted=tuple(group for (is_unwanted, _), group in used if is_unwanted),
        was_cut=was_cut or len(groups) > MAX_GROUPS,
        only_stop_words=not groups and _WORDS.search(text) is not None,
    )


def _cut(text: str) -> tuple[str, bool]:
    """The text that is read, and whether that is not all. A word is cut only if it fills it."""
    if len(text) <= MAX_LENGTH:
        return text, False
    head = _HEAD.match(text)
    return (head[0] if head else text[:MAX_LENGTH]), True


def _pieces(text: str) -> list[_Piece]:
    pieces = []
    for match in _TYPED.finditer(text):
        minus, phrase, _ = match.groups()
        number = 3 if phrase is None else 2
        piece = _Piece(
            lexemes=tuple(lexemes(match[number])),
            start=match.start(number),
            end=match.end(number),
            is_phrase=phrase is not None,
            is_unwanted=minus is not None,
        )
        if piece.lexemes:
            pieces.append(piece)
    return pieces


def _how_many_belong_together(pieces: list[_Piece]) -> int:
    """How many pieces the longest known name at the start takes: 2 of "family therapy skills"."""
    phrase: Phrase = ()
    longest = 1
    for number, piece in enumerate(pieces, start=1):
        phrase += piece.lexemes
        if piece.is_phrase or piece.is_unwanted:
            break
        if phrase in _synonyms():
            longest = number
    return longest


# --- What was found ---------------------------------------------------------


def replace(text: str, word: str, by: str) -> str:
    """The text with ``by`` wherever the word stands; ``word`` as ``words`` gives it."""
    parts = _WORDS.split(text)
    parts[1::2] = [by if _read_all([raw])[0][0] == word else raw for raw in parts[1::2]]
    return "".join(parts)


def highlight(text: str, query: Query) -> SafeString:
    """HTML of a plain text, with <mark> around the words and phrases that the query wants."""
    if not query.wanted:
        return mark_safe(html.escape(text))  # noqa: S308  escaped
    singles, phrases = query.wanted_lexemes, query.wanted_phrases
    parts = _WORDS.split(text)  # what is between words, a word, what is between words, ...
    found = [lexeme for _, lexeme in _read_all(parts[1::2])]
    marked = {place for place, lexeme in enumerate(found) if lexeme in singles}
    if phrases:
        no_stop_words = [place for place, lexeme in enumerate(found) if lexeme]
        for number, place in enumerate(no_stop_words):
            for phrase in phrases.get(found[place], ()):
                places = no_stop_words[number : number + len(phrase)]
                if tuple(found[each] for each in places) == phrase:
                    marked.update(range(place, places[-1] + 1))
    pieces = []
    done = 0
    for place in sorted(marked):
        start = 2 * place + 1
        before = html.escape("".join(parts[done:start]))
        pieces += [before, "<mark>", html.escape(parts[start]), "</mark>"]
        done = start + 1
    marked_up = "".join(pieces) + html.escape("".join(parts[done:]))
    # Neighbors share a mark. What is replaced can only be ours: the text is escaped.
    marked_up = marked_up.replace("</mark> <mark>", " ").replace("</mark>-<mark>", "-")
    return mark_safe(marked_up)  # noqa: S308  every part is escaped
