"""One reader for every version of a record, and bytes that never depend on who stored it."""

import json
from datetime import date

import pytest

from accounts.tests.factories import UserFactory
from transcripts import ledger, records
from transcripts.tests.factories import make_activity, make_line

VERSION_1 = {
    "version": 1,
    "holder": {"legal_name": "Maya Okafor", "licenses": []},
    "activity": {
        "key": "consent",
        "title": "Informed Consent as a Conversation",
        "format_name": "Text-based",
        "clock_hours": "1.50",
        "started_on": "2026-01-04",
    },
    "lines": [{"body": "aswb-ace", "hours": "1.50", "basis": "90 minutes"}],
    "hours": "1.50",
    "earned_on": "2026-01-05",
    "time_zone": "America/New_York",
    "recorded_at": "2026-01-05T09:00:00+00:00",
}


def test_a_record_of_version_1_reads_like_one_of_today():
    before = json.dumps(VERSION_1)

    read = records.read(VERSION_1)

    assert read == {
        **VERSION_1,
        "version": 3,
        "kind": "award",
        "correction": None,
        "activity": {
            **VERSION_1["activity"],
            "edition": "",
            "ended_on": "2026-01-05",
            "started_at": None,
            "ended_at": None,
        },
        "lines": [{**VERSION_1["lines"][0], "approval_of": "", "format_name": "Text-based"}],
    }
    assert json.dumps(VERSION_1) == before


def test_version_2_had_one_word_for_the_format_and_each_line_has_it_now():
    version_2 = {
        "version": 2,
        "activity": {"format_name": "Recorded"},
        "lines": [{"body": "apa"}, {"body": "nysed-sw"}],
    }
    before = json.dumps(version_2)

    assert records.read(version_2) == {
        "version": 3,
        "activity": {"format_name": "Recorded"},
        "lines": [
            {"body": "apa", "format_name": "Recorded"},
            {"body": "nysed-sw", "format_name": "Recorded"},
        ],
    }
    assert json.dumps(version_2) == before


@pytest.mark.django_db
def test_what_the_ledger_writes_today_is_the_newest_version_and_reads_as_it_is(noon):
    entry = ledger.award(
        holder=UserFactory(),
        activity=make_activity(),
        lines=[make_line()],
        earned_on=date(2026, 1, 5),
        time_zone="UTC",
        at=noon,
    )

    assert entry.record["version"] == records.VERSION
    assert records.read(entry.record) == entry.record


@pytest.mark.parametrize("record", [{}, {"version": 0}, {"version": 4}, {"version": "1"}])
def test_a_version_that_nobody_wrote_is_refused(record):
    with pytest.raises(records.RecordError, match="is not known here"):
        records.read(record)


def test_canonical_does_not_depend_on_the_order_of_keys():
    record = {"b": 1, "a": {"d": [2, 1], "c": "Nguyễn"}}
    shuffled = {"a": {"c": "Nguyễn", "d": [2, 1]}, "b": 1}

    assert records.canonical(record) == records.canonical(shuffled)
    assert records.canonical(record) == '{"a":{"c":"Nguyễn","d":[2,1]},"b":1}'.encode()


def test_the_digest_of_a_record_never_changes_between_releases():
    record = json.loads('{"version": 1, "holder": {"legal_name": "Nguyễn Thị Ánh"}, "lines": []}')

    assert records.digest(record) == (
        "b42057075411b14a3ba2593f42b639c88a8135d4decfcd857cf7bde101cb3ef5"
    )


@pytest.mark.parametrize(
    ("one", "other"), [("1.50", "1.5"), ([1, 2], [2, 1]), (None, ""), ("Maya", "Maya ")]
)
def test_records_that_differ_have_different_digests(one, other):
    assert records.digest({"fact": one}) != records.digest({"fact": other})


def test_canonical_refuses_what_is_not_json():
    with pytest.raises(ValueError, match="not JSON compliant"):
        records.canonical({"hours": float("nan")})
