"""No stream of a document can be read as a byte shorter than it is."""

import io
import random
from datetime import UTC, datetime

import page
import pikepdf
import pytest

from transcripts import pdf, signing
from transcripts.tests.test_pdf import text_of

AT = datetime(2026, 3, 2, 15, 4, 5, tzinfo=UTC)
LETTERS = "abcdefghijklmnopqrstuvwxyz "


def make_facts(chance):
    """A transcript of no entries, whose bytes are others for each name."""
    name = "".join(chance.choices(LETTERS, k=12))
    outside = {"hours_confirmed": "0", "hours_recorded": "0", "entries": []}
    return {
        "holder": f"Maya {name}",
        "hours": "0",
        "hours_together": "0",
        "cycle": None,
        "credit": [],
        "entries": [],
        "outside": outside,
    }


def draw_transcript(facts):
    return pdf.draw_transcript(facts=facts, period="All", verify_at="https://x.example/", at=AT)


@pytest.fixture
def as_typst_wrote(monkeypatch):
    """A function that draws without what we mend."""

    def drawn(facts):
        with monkeypatch.context() as patch:
            patch.setattr("transcripts.streams.with_clear_ends", lambda document: document)
            return draw_transcript(facts)

    return drawn


def find_ambiguous(as_typst_wrote):
    chance = random.Random(7)
    for _ in range(500):
        facts = make_facts(chance)
        if b"\r\nendstream" in as_typst_wrote(facts):
            return facts
    return pytest.fail("None of 500 documents has a stream that ends with a carriage return.")


def stream_lengths_refused(document):
    """By a validator that takes CR LF for one end of a line."""
    return [
        failure.rule_id
        for failure in page.validate_pdf_bytes(document, profile="3a").failures
        if failure.rule_id == "PDFA3A-STREAM-LENGTH-001"
    ]


def contents(document):
    """What each stream says once it is decoded; None for other objects."""
    with pikepdf.open(io.BytesIO(document)) as file:
        return [
            thing.read_bytes() if isinstance(thing, pikepdf.Stream) else None
            for thing in file.objects
        ]


def test_a_stream_that_ends_with_a_carriage_return_is_written_so_that_no_byte_is_missed(
    as_typst_wrote,
):
    facts = find_ambiguous(as_typst_wrote)
    raw = as_typst_wrote(facts)

    document = draw_transcript(facts)

    assert stream_lengths_refused(raw) != []
    assert stream_lengths_refused(document) == []
    assert stream_lengths_refused(signing.sign(document, at=AT)) == []
    assert contents(document) == contents(raw)
    assert text_of(document) == text_of(raw)
    assert draw_transcript(facts) == document


def test_the_table_of_a_mended_document_leads_to_every_object(as_typst_wrote):
    document = draw_transcript(find_ambiguous(as_typst_wrote))

    table_at = int(document[document.rindex(b"startxref\n") + 10 :].split()[0])
    assert document[table_at:].startswith(b"xref\n")
    rows = document[table_at:].split(b"trailer")[0].splitlines()[2:]
    places = [int(row[:10]) for row in rows if row.rstrip().endswith(b"n")]
    assert [
        document[place:].startswith(b"%d 0 obj\n" % number)
        for number, place in enumerate(places, start=1)
    ] == [True] * len(places)
    with pikepdf.open(io.BytesIO(document)) as file:
        assert file.check_pdf_syntax() == []


def test_other_documents_stay_as_typst_wrote_them(as_typst_wrote):
    chance = random.Random(5)
    facts = [make_facts(chance) for _ in range(5)]

    clear = [one for one in facts if b"\r\nendstream" not in as_typst_wrote(one)]

    assert clear
    assert [draw_transcript(one) for one in clear] == [as_typst_wrote(one) for one in clear]


@pytest.mark.documents
def test_hundreds_of_documents_have_no_stream_that_a_validator_refuses():
    chance = random.Random(11)
    refused = [
        failures
        for _ in range(400)
        if (
            failures := stream_lengths_refused(
                signing.sign(draw_transcript(make_facts(chance)), at=AT)
            )
        )
    ]

    assert refused == []
