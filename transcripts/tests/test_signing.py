"""Signed documents, confirmed by poppler and pyHanko, which are not ours."""

import asyncio
import hashlib
import io
import os
import re
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    pkcs12,
)
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from transcripts import keys, signing

AT = datetime(2026, 3, 2, 15, 4, 5, tzinfo=UTC)


def make_certificate(key, name="Hollow Reed Institute"):
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(AT - timedelta(days=30))
        .not_valid_after(AT + timedelta(days=3650))
        .add_extension(keys._only_signatures(), critical=True)
        .sign(key, hashes.SHA256())
    )


def use_key(settings, path, key, *, password="", chain=None, certificate=None):
    """The operator names another key file, as in an earnest portal."""
    certificate = certificate or make_certificate(key)
    locked = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"key", key, certificate, chain, locked))
    settings.SIGNING_KEY_FILE = str(path)
    settings.SIGNING_KEY_PASSWORD = password
    settings.SIGNING_KEY_IS_DEVELOPMENT = False
    return certificate


KINDS = {
    "ECDSA P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RSA 2048": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
}


@pytest.fixture(params=KINDS)
def key(request, settings, tmp_path):
    use_key(settings, tmp_path / "key.p12", KINDS[request.param](), password="secret")
    return keys.current()


@pytest.fixture(scope="module")
def plain():
    """A small document that is not signed."""
    document = pikepdf.new()
    document.add_blank_page()
    out = io.BytesIO()
    document.save(out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return out.getvalue().rstrip(b"\n")  # as Typst ends


def pdfsig(document, folder):
    """What poppler says about the signatures of a document."""
    program = shutil.which("pdfsig")
    if program is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("CI installs poppler-utils, and pdfsig is not there.")
        pytest.skip("pdfsig (poppler-utils) is not installed")
    path = folder / "document.pdf"
    path.write_bytes(document)
    return subprocess.run([program, str(path)], capture_output=True, check=False).stdout.decode()


def changed(document, at, to=None):
    """The document with one byte changed."""
    return document[:at] + bytes([document[at] ^ 1 if to is None else to]) + document[at + 1 :]


# --- A signature ---


def test_poppler_finds_the_signature_valid_over_the_whole_document(key, plain, tmp_path):
    said = pdfsig(signing.sign(plain, at=AT), tmp_path)

    assert "Signature Type: ETSI.CAdES.detached" in said
    assert "Signature is Valid." in said
    assert "Total document signed" in said
    assert "Signing Hash Algorithm: SHA-256" in said


def test_pyhanko_finds_it_valid_trusted_and_of_the_moment_that_was_given(key, plain):
    reader = PdfFileReader(io.BytesIO(signing.sign(plain, at=AT)))

    (signature,) = reader.embedded_regular_signatures
    status = validate_pdf_signature(
        signature,
        signer_validation_context=ValidationContext(
            trust_roots=[signature.signer_cert], moment=AT, allow_fetching=False
        ),
    )

    assert status.bottom_line
    assert status.coverage.name == "ENTIRE_FILE"
    assert signature.self_reported_timestamp == AT


def test_the_cms_object_is_byte_for_byte_what_pyhanko_would_make(key, settings):
    async def sign_with_our_key(data, digest_algorithm, dry_run=False):
        return key.sign(data)

    digest = hashlib.sha256(b"a document").digest()
    theirs = signers.SimpleSigner.load_pkcs12(
        settings.SIGNING_KEY_FILE, passphrase=settings.SIGNING_KEY_PASSWORD.encode()
    )
    theirs.async_sign_raw = sign_with_our_key

    wanted = asyncio.run(theirs.async_sign(digest, "sha256", use_pades=True)).dump()

    assert signing.signed_data(digest, key=key) == wanted


def test_what_was_drawn_stays_as_it_was_and_the_signature_follows(plain):
    assert signing.sign(plain, at=AT).startswith(plain + b"\n")


def test_a_chain_travels_with_the_signature_without_its_root(settings, tmp_path, plain):
    root_key, key = KINDS["ECDSA P-256"](), KINDS["ECDSA P-256"]()
    root = make_certificate(root_key, "Root")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Institute")]))
        .issuer_name(root.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(AT - timedelta(days=1))
        .not_valid_after(AT + timedelta(days=1))
        .sign(root_key, hashes.SHA256())
    )
    use_key(settings, tmp_path / "k.p12", key, chain=[root], certificate=certificate)

    (signature,) = PdfFileReader(io.BytesIO(signing.sign(plain, at=AT))).embedded_regular_signatures

    assert signature.signer_cert.subject.native == {"common_name": "Institute"}
    assert signature.other_embedded_certs == []


# --- Our own check ---


def test_a_signed_document_is_ours(key, plain):
    assert signing.examine(signing.sign(plain, at=AT)) is signing.Finding.OURS


def test_one_changed_byte_is_reported_by_us_and_by_poppler(plain, tmp_path):
    signed = signing.sign(plain, at=AT)
    spoiled = changed(signed, signed.index(b"/MediaBox") + 12)

    assert signing.examine(spoiled) is signing.Finding.CHANGED
    assert "Signature is Valid." not in pdfsig(spoiled, tmp_path)


def test_each_byte_counts_but_the_digits_of_the_signature_itself(plain):
    """Of those only what is signed or says who signed; the stored SHA-256 covers the rest."""
    signed = signing.sign(plain, at=AT)
    digits = re.search(rb"<[0-9a-fA-F]{2000,}>", signed)

    unreported = [
        at
        for at in [*range(0, len(plain), 7), *range(len(plain), len(signed))]
        if not digits.start() < at < digits.end() - 1
        and signing.examine(changed(signed, at)) is signing.Finding.OURS
    ]

    assert unreported == []


def test_what_is_added_after_signing_is_reported_though_poppler_calls_it_valid(plain, tmp_path):
    signed = signing.sign(plain, at=AT)
    writer = IncrementalPdfFileWriter(io.BytesIO(signed))
    writer.root["/PageMode"] = pdf_name("/UseOutlines")
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)

    assert out.getvalue().startswith(signed)
    assert "Signature is Valid." in pdfsig(out.getvalue(), tmp_path)
    assert signing.examine(out.getvalue()) is signing.Finding.CHANGED


def test_a_document_that_somebody_else_signed_is_not_ours(settings, plain, tmp_path):
    use_key(settings, tmp_path / "theirs.p12", KINDS["ECDSA P-256"]())
    theirs = signing.sign(plain, at=AT)

    use_key(settings, tmp_path / "ours.p12", KINDS["ECDSA P-256"]())

    assert signing.examine(theirs) is signing.Finding.FOREIGN


def test_a_forger_who_packs_in_our_certificate_is_found_out(monkeypatch, plain):
    ours = keys.current()
    forged_with = keys.SigningKey(ours.certificate, KINDS["ECDSA P-256"](), ())
    monkeypatch.setattr(keys, "current", lambda: forged_with)

    forged = signing.sign(plain, at=AT)

    assert signing.examine(forged) is signing.Finding.CHANGED


@given(st.binary(max_size=400))
def test_no_file_however_odd_breaks_the_check(noise):
    certificate = keys.current().der.hex().encode()

    found = {
        signing.examine(noise),
        signing.examine(certificate + noise),
        signing.examine(b"%PDF-1.7 /ByteRange [0 9 99 9]<" + certificate + b">" + noise),
    }

    assert signing.Finding.OURS not in found


@given(st.binary(max_size=300))
def test_no_signature_however_odd_breaks_the_check(noise):
    real = signing.signed_data(bytes(32), key=keys.current())

    for signature in (noise, real[: len(noise)] + noise, real[:-20] + noise):
        assert not signing._holds(keys.current(), signature, bytes(32)) or signature == real


# --- Keys ---


def test_documents_of_an_earlier_key_stay_ours_while_its_certificate_is_kept(
    settings, plain, tmp_path
):
    folder = tmp_path / "earlier"
    folder.mkdir()
    old = use_key(settings, tmp_path / "old.p12", KINDS["RSA 2048"]())
    signed = signing.sign(plain, at=AT)
    use_key(settings, tmp_path / "new.p12", KINDS["ECDSA P-256"]())
    before = signing.examine(signed)

    (folder / "2025.pem").write_bytes(old.public_bytes(Encoding.PEM))
    settings.SIGNING_EARLIER_CERTIFICATES = str(folder)

    assert before is signing.Finding.FOREIGN
    assert signing.examine(signed) is signing.Finding.OURS
    assert keys.published_certificates().count("BEGIN CERTIFICATE") == 2


def test_the_development_key_is_made_once_and_its_owner_alone_reads_it(settings, tmp_path):
    path = tmp_path / "var" / "key.p12"
    settings.SIGNING_KEY_FILE = str(path)

    first = keys.current()
    keys._loaded.clear()  # as in another process

    assert keys.current().der == first.der
    assert keys.DEVELOPMENT_NAME in first.certificate.subject.rfc4514_string().replace("\\", "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_many_that_come_first_at_once_agree_on_one_development_key(tmp_path):
    path = tmp_path / "key.p12"

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda _: keys._make_development_key(path), range(16)))
        found = {key.der for key in pool.map(lambda _: keys._load(path, ""), range(4))}

    assert len(found) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ec.generate_private_key(ec.SECP384R1()), "must be ECDSA P-256, or RSA of 2048"),
        (
            lambda: rsa.generate_private_key(public_exponent=65537, key_size=1024),
            "must be ECDSA P-256, or RSA of 2048 bits or more",
        ),
    ],
)
def test_a_key_of_another_kind_is_refused(settings, tmp_path, make, words):
    use_key(settings, tmp_path / "key.p12", make())

    with pytest.raises(keys.KeyFileError, match=words):
        keys.current()


def test_a_key_file_that_does_not_open_says_so(settings, tmp_path):
    use_key(settings, tmp_path / "key.p12", KINDS["ECDSA P-256"](), password="right")
    settings.SIGNING_KEY_PASSWORD = "wrong"
    with pytest.raises(keys.KeyFileError, match="key.p12 does not open"):
        keys.current()

    settings.SIGNING_KEY_FILE = str(tmp_path / "no.p12")
    with pytest.raises(keys.KeyFileError, match="no.p12 does not open"):
        keys.current()


def test_earlier_certificates_that_cannot_be_read_are_no_silent_loss(settings, tmp_path):
    (tmp_path / "old.pem").write_text("not a certificate")
    settings.SIGNING_EARLIER_CERTIFICATES = str(tmp_path)

    with pytest.raises(keys.KeyFileError, match="Earlier certificates in"):
        keys.trusted()
