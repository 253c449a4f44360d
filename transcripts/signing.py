"""Signatures in documents: PAdES B-B with pyHanko, and a check that nothing around one changed."""

from __future__ import annotations

import enum
import hashlib
import io
import re
from datetime import datetime
from typing import Any

from asn1crypto import cms
from cryptography.hazmat.primitives.serialization import Encoding

from transcripts import keys

FIELD = "Signature"
READABLE_FIELD = "Digital signature of CE Portal"
RESERVED = 16384  # hexadecimal digits kept free for the signature with its certificates


class Finding(enum.Enum):
    """What the signature of a file says about it."""

    OURS = "Signed by us, and every byte is as we signed it"
    CHANGED = "Signed by us, and changed afterwards"
    FOREIGN = "Not signed by us"


def sign(document: bytes, *, at: datetime) -> bytes:
    """The document with our signature, as an incremental update: what it was stays as it is.

    Raises keys.KeyFileError if there is no usable key.
    """
    # Imported late: pyHanko takes most of a second, and only workers sign.
    from pyhanko.sign import fields  # noqa: PLC0415
    from pyhanko.sign.signers import cms_embedder, pdf_byterange  # noqa: PLC0415

    key = keys.current()
    # Typst ends without a line feed, and PDF/A wants one before the next object (6.1.9).
    writer = _writer(io.BytesIO(document + b"\n"))
    steps = cms_embedder.PdfCMSEmbedder(
        new_field_spec=fields.SigFieldSpec(FIELD, readable_field_name=READABLE_FIELD)
    ).write_cms(FIELD, writer)
    next(steps)
    steps.send(
        cms_embedder.SigObjSetup(
            sig_placeholder=pdf_byterange.SignatureObject(
                timestamp=at, subfilter=fields.SigSeedSubFilter.PADES, bytes_reserved=RESERVED
            )
        )
    )
    prepared, output = steps.send(cms_embedder.SigIOSetup(md_algorithm="sha256", in_place=True))
    steps.send(signed_data(prepared.document_digest, key=key))
    signed: bytes = output.getvalue()
    return signed


def signed_data(digest: bytes, *, key: keys.SigningKey) -> bytes:
    """The CMS object over a document's SHA-256, as PAdES B-B asks for it (ETSI EN 319 142-1, 6.3).

    The same bytes as pyHanko's own, which a test compares, in a hundredth of the time.
    """
    issuer = key.certificate.issuer.public_bytes()
    serial_number = _integer(key.certificate.serial_number)
    mark = _sequence(
        _tagged(OCTETS, hashlib.sha256(key.der).digest()),
        _sequence(_sequence(_tagged(CONTEXT | 4, issuer)), serial_number),
    )
    attributes = _ordered(
        _attribute(CONTENT_TYPE, DATA),
        _attribute(MESSAGE_DIGEST, _tagged(OCTETS, digest)),
        _attribute(SIGNING_CERTIFICATE, _sequence(_sequence(mark))),
    )
    sha256 = _sequence(SHA256, NULL)
    signer = _sequence(
        _integer(1),
        _sequence(issuer, serial_number),
        sha256,
        _tagged(CONTEXT | 0, attributes),
        ECDSA if key.jwk["alg"] == "ES256" else RSA,
        _tagged(OCTETS, key.sign(_tagged(SET, attributes))),
    )
    # A root is trusted for being known, not for being sent along.
    chain = (one for one in key.chain if one.issuer != one.subject)
    content = _sequence(
        _integer(1),
        _tagged(SET, sha256),
        _sequence(DATA),
        _tagged(CONTEXT | 0, _ordered(key.der, *(one.public_bytes(Encoding.DER) for one in chain))),
        _tagged(SET, signer),
    )
    return _sequence(SIGNED_DATA, _tagged(CONTEXT | 0, content))


# --- DER: a tag, a length, the content ---

OCTETS, SET, CONTEXT = 0x04, 0x31, 0xA0
NULL = bytes.fromhex("0500")
DATA = bytes.fromhex("06092a864886f70d010701")
SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
CONTENT_TYPE = bytes.fromhex("06092a864886f70d010903")
MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
SIGNING_CERTIFICATE = bytes.fromhex("060b2a864886f70d010910022f")  # version 2
SHA256 = bytes.fromhex("0609608648016503040201")
ECDSA = bytes.fromhex("300a06082a8648ce3d040302")  # with SHA-256
RSA = bytes.fromhex("300d06092a864886f70d01010b0500")  # with SHA-256


def _tagged(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _sequence(*parts: bytes) -> bytes:
    return _tagged(0x30, b"".join(parts))


def _ordered(*parts: bytes) -> bytes:
    """The content of a set: DER sorts it."""
    return b"".join(sorted(parts))


def _integer(number: int) -> bytes:
    return _tagged(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _attribute(name: bytes, value: bytes) -> bytes:
    return _sequence(name, _tagged(SET, value))


# --- The check ---


def examine(document: bytes) -> Finding:
    """What the signature in a file of unknown origin says.

    Stricter than viewers, which let a file grow after it was signed: there is one signature, it
    covers each byte but its own digits, and its certificate is one of ours, current or earlier.
    """
    digits = document.lower()
    claimed = [key for key in keys.trusted() if key.der.hex().encode() in digits]
    if not claimed:
        return Finding.FOREIGN
    parts = _parts(document)
    if parts and any(_holds(key, *parts) for key in claimed):
        return Finding.OURS
    return Finding.CHANGED


_RANGE = re.compile(rb"/ByteRange\s*\[\s*0\s+(\d{1,9})\s+(\d{1,9})\s+(\d{1,9})\s*\]")
_DIGITS = re.compile(rb"<([0-9A-Fa-f]+)>")


def _parts(document: bytes) -> tuple[bytes, bytes] | None:
    """The signature and the SHA-256 of all the rest, if the file has that form."""
    ranges = _RANGE.findall(document)
    if len(ranges) != 1 or document.count(b"/ByteRange") != 1:
        return None
    before, after, rest = map(int, ranges[0])
    digits = _DIGITS.fullmatch(document, before, after)
    if digits is None or len(digits[1]) % 2 or after + rest != len(document):
        return None
    covered = hashlib.sha256(document[:before])
    covered.update(document[after:])
    return bytes.fromhex(digits[1].decode("ascii")), covered.digest()


def _holds(key: keys.PublicKey, signature: bytes, digest: bytes) -> bool:
    """Whether the CMS object is the key's, and over this digest."""
    try:
        content = cms.ContentInfo.load(signature)["content"]
        (signer,) = content["signer_infos"]
        attributes = signer["signed_attrs"].untag()
        named = {one["type"].native: one["values"] for one in attributes}
        message = attributes.dump()
        is_this = named["message_digest"].native == [digest]
        value = signer["signature"].native
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
    return is_this and key.verifies(value, message)


def _writer(stream: io.BytesIO) -> Any:
    """pyHanko's writer, but Info and XMP stay as Typst wrote them."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: PLC0415

    class Writer(IncrementalPdfFileWriter):
        def _update_meta(self) -> None:
            pass

    return Writer(stream)
