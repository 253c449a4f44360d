"""Codes are read aloud, retyped, and guessed at."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transcripts import codes

BARE = st.text(codes.ALPHABET, min_size=codes.LENGTH, max_size=codes.LENGTH)
MISREAD = {"0": "0oO", "1": "1iIlL"}
SEPARATORS = ["", "", "", "-", " ", " - ", "–", "_", ".", "\t", "\u00a0"]


def written(bare):
    return "-".join(["CEP", *re.findall("....", bare)])


@st.composite
def spellings(draw):
    """A code, and one of the ways that people write it down."""
    bare = draw(BARE)
    spelled = draw(st.sampled_from(["CEP", "cep", "Cep", "", "CEP-", " cep "]))
    for character in bare:
        choices = MISREAD.get(character, character + character.lower())
        spelled += draw(st.sampled_from(SEPARATORS)) + draw(st.sampled_from(choices))
    return written(bare), spelled


def test_a_new_code_spells_itself():
    fresh = [codes.new() for _ in range(100)]

    assert [codes.normalize(code) for code in fresh] == fresh
    assert all(
        re.fullmatch(r"CEP(-[0-9A-HJKMNP-TV-Z]{4}){4}", code) and len(code) == 23 for code in fresh
    )


def test_new_codes_have_80_random_bits():
    assert len(codes.ALPHABET) ** codes.LENGTH == 2**80
    assert len({codes.new() for _ in range(1000)}) == 1000


@given(spellings())
def test_a_code_is_read_however_it_is_spelled(spelling):
    code, spelled = spelling

    assert codes.normalize(spelled) == code


@given(st.text(st.characters(exclude_categories=()), max_size=300))
@example("")
@example("\x00")
@example("\ud800" * 16)
@example("ß" * 8)
@example("CEP" * 1000)
@example("０" * 16)
def test_hostile_text_spells_no_code_or_a_real_one(text):
    found = codes.normalize(text)

    assert found is None or codes.normalize(found) == found


@given(st.text(codes.ALPHABET + "-", max_size=40))
def test_only_sixteen_characters_are_a_code(text):
    bare = text.replace("-", "")

    is_code = len(bare) == 16 or (len(bare) == 19 and bare.startswith("CEP"))

    assert (codes.normalize(text) is not None) == is_code


@pytest.mark.parametrize(
    "text",
    [
        "CEP-7Q4M-2XKD-91HV-0ZRU",  # U is in no code
        "CEP-7Q4M-2XKD-91HV-0ZR",
        "CEP-7Q4M-2XKD-91HV-0ZRTT",
        "CEP",
        "XYZ-7Q4M-2XKD-91HV-0ZRT",
        "CEP-7Q4M-2XKD-91HV-0ZRT.pdf",
        "７Q4M2XKD91HV0ZRT",
    ],
)
def test_what_is_nearly_a_code_is_none(text):
    assert codes.normalize(text) is None
