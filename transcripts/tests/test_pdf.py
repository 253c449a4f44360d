"""Real documents, drawn by Typst and read back."""

import io
import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal

import pikepdf
import pytest

from accounts.tests.factories import LicenseFactory, UserFactory
from transcripts import codes, ledger, pdf, records
from transcripts.tests.factories import make_activity, make_line

pytestmark = pytest.mark.django_db

CODE = "CEP-7Q4M-2XKD-91HV-0ZRT"
ADDRESS = f"https://portal.example.org/verify/{CODE}/"
# Still March 1 in New York.
ISSUED_AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


def make_record(name="Maya Okafor", *, licenses=(), lines=None, **changes):
    holder = UserFactory(legal_name=name)
    for facts in licenses:
        LicenseFactory(holder=holder, **facts)
    return ledger.build_record(
        holder=holder,
        activity=make_activity(**changes),
        lines=lines or [make_line()],
        earned_on=date(2026, 3, 1),
        time_zone="America/New_York",
        at=ISSUED_AT,
    )


def draw(record):
    return pdf.draw_certificate(
        record=record,
        attachment=records.canonical(record),
        code=CODE,
        issued_at=ISSUED_AT,
        verify_url=ADDRESS,
    )


def opened(document):
    return pikepdf.open(io.BytesIO(document))


def count_pages(document):
    with opened(document) as file:
        return len(file.pages)


def text_of(document, *options):
    """The text layer with single spaces, as a reader copies it."""
    run = subprocess.run(
        [tool("pdftotext"), *options, "-", "-"], input=document, capture_output=True, check=True
    )
    return re.sub(r"\s+", " ", run.stdout.decode())


def tool(name):
    """A program that is not ours. CI installs all of them; elsewhere a test does without."""
    program = shutil.which(name)
    if program is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"CI installs {name}, and it is not there.")
        pytest.skip(f"{name} is not installed (.ci/install)")
    return program


def many_lines(count, *, words=90):
    """Lines of as many bodies, each with a statement of about so many words."""
    return [
        make_line(
            body=f"body-{number}",
            body_name=f"Body {number}",
            approval_number=f"NO-{number}",
            approval_statement=(
                f"Statement {number} begins {'and goes on ' * (words // 3)}to its end {number}."
            ),
        )
        for number in range(count)
    ]


# --- The file ---


def test_the_same_record_gives_the_same_bytes():
    record = make_record()

    first = draw(record)
    pdf._compiler.cache_clear()  # as in another worker

    assert draw(record) == first


def test_documents_drawn_at_once_are_those_drawn_one_after_another():
    records = [make_record(f"Person {number}") for number in range(8)]
    one_by_one = [draw(record) for record in records]

    with ThreadPoolExecutor(max_workers=4) as pool:
        at_once = list(pool.map(draw, records))

    assert at_once == one_by_one


def test_the_file_is_tagged_titled_and_says_its_language():
    with opened(draw(make_record(title="Ethics & <Law>"))) as file:
        root = file.Root
        with file.open_metadata() as metadata:
            found = {
                "tagged": bool(root.MarkInfo.Marked) and "/K" in root.StructTreeRoot,
                "language": str(root.Lang),
                "title": metadata["dc:title"],
                "title shown": bool(root.ViewerPreferences.DisplayDocTitle),
                "PDF/A": metadata["pdfaid:part"] + metadata["pdfaid:conformance"],
                "PDF/UA": metadata["pdfuaid:part"],
                "made": metadata["xmp:CreateDate"],
            }

    assert found == {
        "tagged": True,
        "language": "en-US",
        "title": "Certificate of Completion: Ethics & <Law>",
        "title shown": True,
        "PDF/A": "3A",
        "PDF/UA": "1",
        "made": "2026-03-02T03:00:00+00:00",  # when it was issued, whenever it is drawn
    }


def test_the_file_brings_all_its_fonts():
    with opened(draw(make_record("Nguyễn Thị Ánh"))) as file:
        descriptors = [thing for thing in file.objects if is_font_descriptor(thing)]
        embedded = [
            any(key in font for key in ("/FontFile", "/FontFile2", "/FontFile3"))
            for font in descriptors
        ]

    assert embedded
    assert all(embedded)


def is_font_descriptor(thing):
    return isinstance(thing, pikepdf.Dictionary) and thing.get("/Type") == "/FontDescriptor"


# --- The names ---


@pytest.mark.parametrize(
    "name",
    [
        "O'Brien “Bo” D’Angelo-Smith, Jr.",
        "#set text(red)",
        '*bold* _it_ $x^2$ @ref <label> \\ "quoted" // #{1+1}',
        "Maya Ijeoma " * 10,  # 120 characters
        "Žižková Ñandú Øyvind Łukasz ʻŌlelo",
        "Nguyễn Thị Ánh Tuyết",
        "محمد رضا علی\u200cزاده",
        "李小龍",
        "김민준",
        "דוד בן־גוריון",
        "अनुष्का शर्मा",
        "Юлия Тимошенко",
        "Αλέξανδρος",
        "Maya محمد 李 דוד",
    ],
)
def test_a_name_in_any_script_we_promise_is_drawn(name):
    document = draw(make_record(name.strip()))

    assert count_pages(document) in {1, 2}


@pytest.mark.parametrize(
    "name",
    ["Maya Okafor", "#set text(red)", "O'Brien “Bo” D’Angelo-Smith", "Nguyễn Thị Ánh", "*M* $x$"],
)
def test_a_name_is_printed_as_it_is_written_and_never_run(name):
    text = text_of(draw(make_record(name)))

    assert f"This is to certify that {name} has completed" in text


@pytest.mark.parametrize("letter", ["🎓", "\U00012000", "ก"])
def test_a_letter_that_no_font_has_is_an_error_that_shows_it_and_not_an_empty_box(letter):
    record = make_record(f"Maya {letter}")

    with pytest.raises(pdf.DrawingError) as refusal:
        draw(record)

    assert letter in str(refusal.value)


def test_a_document_that_failed_does_not_spoil_the_next():
    good = make_record()
    before = draw(good)
    with pytest.raises(pdf.DrawingError):
        draw(make_record("🎓"))

    assert draw(good) == before


# --- What is printed ---


def test_everything_that_a_board_asks_for_is_printed():
    record = make_record(
        "Maya Okafor",
        licenses=[
            {"state": "NY", "license_type": "LCSW", "number": "AB-1"},
            {"state": "NJ", "license_type": "LPC", "number": "77X"},
        ],
        clock_hours=Decimal("2.75"),
        location="Hollow Reed House, Troy",
        format_name="In person",
        started_on=date(2026, 2, 27),
        instructors=(
            {"name": "Ada Moreno", "credentials": "PhD, LCSW"},
            {"name": "Ben Adeyemi", "credentials": "MD"},
        ),
        lines=[
            make_line(hours=Decimal("1.25")),
            make_line(
                credit_type="cultural", credit_type_name="Cultural competence", hours=Decimal(2)
            ),
            make_line(
                body="nysed",
                body_name="NYSED",
                approval_number="SW-0033",
                approval_statement="Recognized by the State Board.",
                hours=Decimal("3.3"),
                minutes_per_hour=50,
                approval_valid_to=None,
            ),
        ],
    )

    text = text_of(draw(record), "-raw")  # as it is read

    wanted = {
        "name and licenses": "certify that Maya Okafor New Jersey LPC 77X · New York LCSW AB-1 has",
        "title": "continuing education course Informed Consent as a Conversation",
        "format and hours": "In person, 2.75 hours.",
        "completion": "Completed Mar 1, 2026.",
        "dates": "Taken Feb 27, 2026 to Mar 1, 2026.",
        "place": "Hollow Reed House, Troy.",
        "instructors": "Instructors: Ada Moreno, PhD, LCSW; Ben Adeyemi, MD.",
        "level": "Level: introductory.",
        "edition": "Course edition 5d41402abc4b2a76.",
        "statement": "Hollow Reed Institute, no. 0000, is approved by ASWB ACE. "
        "Approval period: Sep 1, 2025 to Aug 31, 2028.",
        "open statement": "Recognized by the State Board. Approved since Sep 1, 2025.",
        "director": "Ingrid Solheim, LCSW Director of Continuing Education",
        "provider": "Hollow Reed Institute 118 Canal Street Troy, NY 12180 "
        "office@hollowreed.example (518) 555-0142",
        "issued": "Issued Mar 1, 2026.",
        "keep": "Keep this record: your board may ask for it",
        "signature": "Signed digitally, with this PDF, for Ingrid Solheim, LCSW",
    }
    assert [what for what, words in wanted.items() if words not in text] == []


def test_each_body_stands_beside_its_own_number_type_format_minutes_and_hours():
    record = make_record(
        clock_hours=Decimal(4),
        lines=[
            make_line(hours=Decimal("1.25")),
            make_line(credit_type="law", credit_type_name="Law", hours=Decimal("0.5")),
            make_line(
                body="nysed",
                body_name="NYSED",
                approval_number="SW-0033",
                format_name="Self-study",
                hours=Decimal("3.3"),
                minutes_per_hour=50,
            ),
        ],
    )

    text = text_of(draw(record), "-layout")

    rows = [
        "ASWB ACE 0000 Ethics Text-based 60 1.25",
        "ASWB ACE 0000 Law Text-based 60 0.5",
        "NYSED SW-0033 Ethics Self-study 50 3.3",
    ]
    assert [row for row in rows if row not in text] == []


def test_the_printed_code_can_be_copied_and_looked_up():
    text = text_of(draw(make_record()))

    printed = re.search(r"Certificate number (\S+) Verify: portal.example.org/verify/", text)

    assert codes.normalize(printed[1]) == CODE


def test_the_qr_code_leads_to_the_page_that_verifies_it(tmp_path):
    (tmp_path / "document.pdf").write_bytes(draw(make_record()))
    subprocess.run(
        [tool("pdftoppm"), "-r", "110", "-png", "document.pdf", "page"], cwd=tmp_path, check=True
    )

    seen = subprocess.run(
        [tool("zbarimg"), "--quiet", "--raw", "page-1.png"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )

    assert seen.stdout.decode().strip() == ADDRESS


def test_the_address_is_that_of_the_portal_and_can_be_followed():
    with opened(draw(make_record())) as file:
        links = [str(note.A.URI) for note in file.pages[0].Annots if "/A" in note]

    assert links == [ADDRESS]


def test_pictures_are_described_or_left_out_for_those_who_listen():
    with opened(draw(make_record())) as file:
        figures = [
            str(thing.get("/Alt", ""))
            for thing in file.objects
            if isinstance(thing, pikepdf.Dictionary) and thing.get("/S") == "/Figure"
        ]

    assert figures == [f"QR code that opens {ADDRESS}"]


def test_the_record_travels_inside_and_its_sha_256_is_printed():
    record = make_record("Nguyễn Thị Ánh")

    document = draw(record)

    with opened(document) as file:
        (name,) = file.attachments
        attached = file.attachments[name].get_file()
        specification = file.Root.AF[0]
        assert (name, str(specification.AFRelationship)) == ("record.json", "/Source")
        assert (attached.mime_type, attached.read_bytes()) == (
            "application/json",
            records.canonical(record),
        )
    assert json.loads(records.canonical(record)) == record
    assert f"record.json, SHA-256 {records.digest(record)}" in text_of(document)


def test_a_course_of_one_day_and_one_hour_says_so():
    record = make_record(
        started_on=date(2026, 3, 1), clock_hours=Decimal(1), lines=[make_line(hours=Decimal(1))]
    )

    text = text_of(draw(record))

    assert "1 hour. Completed Mar 1, 2026. Online, on demand." in text
    assert "Instructor: Ada Moreno" in text
    assert "Taken" not in text


def test_a_statement_that_two_lines_share_is_printed_once():
    record = make_record(lines=[make_line(), make_line(credit_type="law", credit_type_name="Law")])

    text = text_of(draw(record))

    assert text.count("is approved by ASWB ACE") == 1


def test_a_few_statements_stand_on_the_first_page():
    document = draw(make_record(lines=many_lines(2)))

    assert count_pages(document) == 1
    assert "follow on the next page" not in text_of(document)


def test_many_long_statements_follow_whole_on_a_second_page():
    document = draw(make_record(lines=many_lines(8)))

    first, second = (text_of(document, "-f", page, "-l", page) for page in "12")
    assert count_pages(document) == 2
    assert "The approval statements follow on the next page." in first
    assert [f"Body {number}" in first for number in range(8)] == [True] * 8
    assert f"Certificate {CODE} for Maya Okafor" in second
    assert [f"Statement {number} begins and goes on" in second for number in range(8)] == [True] * 8
    assert [f"to its end {number}." in second for number in range(8)] == [True] * 8


def test_statements_go_with_a_table_that_ends_on_the_second_page():
    document = draw(make_record(lines=many_lines(18, words=9)))

    second = text_of(document, "-f", "2")
    assert count_pages(document) == 2
    assert "Body 17" in second
    assert [f"to its end {number}." in second for number in range(18)] == [True] * 18
    assert "follow on the next page" not in text_of(document)


@pytest.mark.parametrize("statements", [0, 1, 4])
def test_the_layout_comes_to_rest_with_any_number_of_lines(statements):
    # Typst tries five times, and then prints what it has.
    record = make_record(lines=many_lines(20))
    data = pdf.certificate_data(
        record=record,
        attachment=records.canonical(record),
        code=CODE,
        issued_at=ISSUED_AT,
        verify_url=ADDRESS,
    )

    for lines in range(1, 21):
        shown = data | {
            "lines": data["lines"][:lines],
            "statements": data["statements"][:statements],
        }
        _, warnings = pdf._compiler().compile_with_warnings(
            input=str(pdf.FOLDER / "certificate.typ"),
            format="pdf",
            sys_inputs={"data": json.dumps(shown)},
            pdf_standards=pdf.STANDARDS,
        )
        assert [str(warning) for warning in warnings] == [], lines


def test_the_longest_of_everything_still_fits_on_two_pages():
    record = make_record(
        ("Maya Ijeoma Okafor " * 8)[:150].strip(),
        title=("Consent as a Conversation " * 8)[:200].strip(),
        licenses=[
            {"state": "MP", "license_type": "Clinical Social Worker", "number": f"00000{number}-AB"}
            for number in range(8)
        ],
        instructors=tuple(
            {"name": f"Ada Moreno {number}", "credentials": "PhD, LCSW"} for number in range(8)
        ),
        lines=many_lines(8),
    )

    document = draw(record)

    text = text_of(document)
    assert count_pages(document) == 2
    assert [f"00000{number}-AB" in text for number in range(8)] == [True] * 8
    assert [f"Ada Moreno {number}, PhD" in text for number in range(8)] == [True] * 8
    assert "(518) 555-0142" in text


# --- Nothing overflows ---


def words_outside_the_frame(document, *, width=792, height=612, edge=48):
    """Words of any page that reach over the frame's inner line, by poppler's boxes in points."""
    run = subprocess.run(
        [tool("pdftotext"), "-bbox", "-", "-"], input=document, capture_output=True, check=True
    )
    boxes = re.findall(
        r'<word xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>',
        run.stdout.decode(),
    )
    assert boxes
    left, top, right, bottom = edge, edge, width - edge, height - edge
    return [
        box
        for box in boxes
        if float(box[0]) < left
        or float(box[1]) < top
        or float(box[2]) > right
        or float(box[3]) > bottom
    ]


@pytest.mark.parametrize("length", [1, 30, 45, 60, 75, 90, 105, 120, 150])
@pytest.mark.parametrize("letters", ["Wilhelmina Woodhouse ", "W", "李小龍", "ﷲ "])
def test_a_name_of_any_length_shrinks_or_wraps_and_stays_inside(length, letters):
    name = (letters * length)[:length].strip()

    document = draw(make_record(name))

    assert words_outside_the_frame(document) == []


@pytest.mark.parametrize("length", [1, 40, 60, 80, 100, 120, 160, 200])
@pytest.mark.parametrize("letters", ["Consent as a Conversation ", "M"])
def test_a_title_of_any_length_shrinks_or_wraps_and_stays_inside(length, letters):
    title = (letters * length)[:length].strip()

    document = draw(make_record(title=title))

    assert words_outside_the_frame(document) == []


def test_the_longest_of_everything_stays_inside():
    record = make_record(
        ("Maya Ijeoma Okafor " * 8)[:150].strip(),
        title=("Consent as a Conversation " * 8)[:200].strip(),
        description="A thread that is picked up again and again. " * 20,
        licenses=[
            {"state": "MP", "license_type": "Clinical Social Worker", "number": f"00000{number}-AB"}
            for number in range(8)
        ],
        lines=many_lines(8),
    )

    assert words_outside_the_frame(draw(record)) == []


def test_words_without_a_space_break_in_every_other_place():
    long = "Psychopharmakologie" * 4
    record = make_record(
        description=long,
        location=long,
        instructors=({"name": long, "credentials": long},),
        provider={
            **make_activity().provider,
            "name": long,
            "address": f"{long}\n{long}",
            "email": f"office@{long}.example",
            "director": long,
            "director_title": long,
        },
        lines=[
            make_line(
                body_name=long, approval_number=long, credit_type_name=long, approval_statement=long
            )
        ],
    )

    assert words_outside_the_frame(draw(record)) == []


# --- No missing glyph ---


def missing_glyphs(document):
    """How often a page draws glyph 0, the box: read from what is drawn, not from the text layer."""
    found = 0
    with opened(document) as file:
        streams = [(page, page.Resources) for page in file.pages]
        streams += [
            (thing, thing.Resources)
            for thing in file.objects
            if isinstance(thing, pikepdf.Stream)
            and thing.get("/Subtype") == "/Form"
            and "/Resources" in thing
        ]
        drawn = 0
        for stream, _ in streams:
            for operands, operator in pikepdf.parse_content_stream(stream):
                if str(operator) not in {"Tj", "TJ"}:
                    continue
                pieces = operands[0] if str(operator) == "TJ" else operands
                codes_drawn = b"".join(
                    bytes(piece) for piece in pieces if isinstance(piece, pikepdf.String)
                )
                glyphs = [codes_drawn[at : at + 2] for at in range(0, len(codes_drawn), 2)]
                drawn += len(glyphs)
                found += glyphs.count(b"\0\0")
        fonts = [
            thing
            for thing in file.objects
            if isinstance(thing, pikepdf.Dictionary) and thing.get("/Subtype") == "/Type0"
        ]
        # Two bytes for each glyph: only so are the lines above right.
        assert fonts
        assert {str(font.Encoding) for font in fonts} == {"/Identity-H"}
        assert drawn > 100
    return found


@pytest.mark.parametrize(
    "name",
    [
        "Nguyễn Thị Ánh",
        "محمد رضا",
        "李小龍",
        "김민준",
        "דוד בן־גוריון",
        "अनुष्का शर्मा",
        "Юлия",
        "Αλέξανδρος",
    ],
)
def test_no_glyph_is_missing_in_what_is_drawn(name):
    assert missing_glyphs(draw(make_record(name))) == 0


def test_a_missing_glyph_would_be_found(monkeypatch):
    """Without the standards Typst draws the box; so the zero above means something."""
    record = make_record("Maya 𒀀")
    monkeypatch.setattr(pdf, "STANDARDS", [])

    assert missing_glyphs(draw(record)) == 1
