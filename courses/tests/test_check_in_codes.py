from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses import check_in_codes

AT = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
FACTS = {"key": "secret", "session_id": 7}


def shown(at=AT, **facts):
    return check_in_codes.code_at(**{**FACTS, **facts}, at=at)


def is_accepted(text, *, at=AT):
    return check_in_codes.accepts(text, **FACTS, at=at)


def test_a_code_is_six_characters_that_cannot_be_mistaken_for_others():
    codes = [shown(AT + n * check_in_codes.PERIOD) for n in range(500)]

    assert {len(code) for code in codes} == {6}
    assert set("".join(codes)) == set(check_in_codes.ALPHABET)
    assert not set(check_in_codes.ALPHABET) & set("0ODQ1IL2Z5S8BUV")
    assert len(set(codes)) == 500


def test_a_code_is_taken_in_its_window_and_the_next_and_never_before_or_after():
    code, period = shown(), check_in_codes.PERIOD

    taken = [is_accepted(code, at=AT + step * period) for step in (-1, 0, 1, 2)]

    assert taken == [False, True, True, False]


def test_a_code_changes_when_it_says():
    change = check_in_codes.changes_at(AT)
    before = change - timedelta(microseconds=1)

    assert change == datetime(2026, 3, 2, 12, 2, tzinfo=UTC)
    assert shown(before) == shown(AT)
    assert shown(change) != shown(AT)


def test_each_session_and_each_secret_has_codes_of_its_own():
    assert len({shown(), shown(session_id=8), shown(key="other")}) == 3


@pytest.mark.parametrize(
    "spell",
    [str.lower, lambda code: f"  {code}\n", lambda code: f"{code[:3]} {code[3:]}",
     lambda code: f"{code[:3]}-{code[3:]}"],
)  # fmt: skip
def test_case_spaces_and_dashes_do_not_matter(spell):
    assert is_accepted(spell(shown()))


@given(st.text())
def test_whatever_else_is_typed_is_refused_and_breaks_nothing(text):
    assert not is_accepted(text)
