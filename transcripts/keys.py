"""The operator's signing key, and the certificates of all keys that ever signed here.

Production names a PKCS#12 file (SIGNING_KEY_FILE). Without one the embedded portal makes its own
key at first use: good to try everything with, worth nothing to a board, and said so where people
verify. When the key changes, the old certificate goes into SIGNING_EARLIER_CERTIFICATES, and what
it signed stays trusted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, pkcs12
from django.conf import settings
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

DEVELOPMENT_NAME = "CE Portal development key, not for real certificates"
SMALLEST_RSA_KEY = 2048  # bits


class KeyFileError(Exception):
    """The key file cannot be used; says which and why."""


@dataclass(frozen=True)
class PublicKey:
    """A certificate, current or earlier, whose signatures we stand by."""

    certificate: x509.Certificate

    @cached_property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made the signature over the message's SHA-256."""
        public = self.certificate.public_key()
        try:
            if isinstance(public, rsa.RSAPublicKey):
                public.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
            elif isinstance(public, ec.EllipticCurvePublicKey):
                public.verify(signature, message, ec.ECDSA(hashes.SHA256()))
            else:
                return False
        except InvalidSignature:
            return False
        return True

    @cached_property
    def jwk(self) -> dict[str, Any]:
        """As a JSON Web Key, named by its thumbprint (RFC 7638)."""
        public = self.certificate.public_key()
        whole: Any  # a TypedDict there, whose keys mypy then insists on
        if isinstance(public, rsa.RSAPublicKey):
            algorithm, whole = "RS256", RSAAlgorithm.to_jwk(public, as_dict=True)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            algorithm, whole = "ES256", ECAlgorithm.to_jwk(public, as_dict=True)
        else:
            raise KeyFileError("A signing certificate must be of an RSA or a P-256 key.")
        members = {
            name: whole[name] for name in ("crv", "e", "kty", "n", "x", "y") if name in whole
        }
        canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
        thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=")
        return {
            **members,
            "kid": thumbprint.decode(),
            "alg": algorithm,
            "use": "sig",
            "x5c": [base64.b64encode(self.der).decode()],
        }


@dataclass(frozen=True)
class SigningKey(PublicKey):
    """The key that signs now, with the certificates that lead to its root, if it has any."""

    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    chain: tuple[x509.Certificate, ...]

    def sign(self, message: bytes) -> bytes:
        """The signature over SHA-256, the same each time for the same message."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return self.private.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


_loaded: dict[tuple[Any, ...], Any] = {}


def current() -> SigningKey:
    """The key that signs now, kept loaded. The embedded portal makes it if there is none.

    Raises KeyFileError if the file is missing, does not open, or holds a key of another kind.
    """
    path = Path(settings.SIGNING_KEY_FILE)
    where = (path, settings.SIGNING_KEY_PASSWORD)
    if where not in _loaded:
        if settings.SIGNING_KEY_IS_DEVELOPMENT:
            _make_development_key(path)
        _loaded[where] = _load(path, settings.SIGNING_KEY_PASSWORD)
    key: SigningKey = _loaded[where]
    return key


def trusted() -> list[PublicKey]:
    """The current key and every earlier one, current first."""
    return [current(), *_earlier()]


def published_certificates() -> str:
    """All trusted certificates as PEM text, for whoever checks signatures with another tool."""
    return "".join(key.certificate.public_bytes(Encoding.PEM).decode("ascii") for key in trusted())


def _earlier() -> list[PublicKey]:
    folder = settings.SIGNING_EARLIER_CERTIFICATES
    if not folder:
        return []
    where = ("earlier", folder)
    if where not in _loaded:
        try:
            files = sorted(path for path in Path(folder).iterdir() if path.suffix == ".pem")
            _loaded[where] = [
                PublicKey(certificate)
                for path in files
                for certificate in x509.load_pem_x509_certificates(path.read_bytes())
            ]
        except (OSError, ValueError) as error:
            raise KeyFileError(f"Earlier certificates in {folder}: {error}") from error
    earlier: list[PublicKey] = _loaded[where]
    return earlier


def _load(path: Path, password: str) -> SigningKey:
    try:
        private, certificate, chain = pkcs12.load_key_and_certificates(
            path.read_bytes(), password.encode() or None
        )
    except (OSError, ValueError) as error:
        raise KeyFileError(f"The signing key {path} does not open: {error}") from error
    if certificate is None:
        raise KeyFileError(f"The signing key {path} comes without its certificate.")
    fits = (
        isinstance(private, ec.EllipticCurvePrivateKey)
        and isinstance(private.curve, ec.SECP256R1)
        or isinstance(private, rsa.RSAPrivateKey)
        and private.key_size >= SMALLEST_RSA_KEY
    )
    if not fits:
        raise KeyFileError(
            f"The signing key {path} must be ECDSA P-256, or RSA of 2048 bits or more."
        )
    return SigningKey(certificate, private, tuple(chain))  # type: ignore[arg-type]


def _make_development_key(path: Path) -> None:
    """A key with a self-signed certificate, readable by its owner alone, unless there is one.

    The file appears whole, under its name, or not at all: web and worker may both come first.
    """
    if path.exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, DEVELOPMENT_NAME)])
    made_at = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(made_at - timedelta(days=1))
        .not_valid_after(made_at + timedelta(days=365 * 20))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_only_signatures(), critical=True)
        .sign(key, hashes.SHA256())
    )
    content = pkcs12.serialize_key_and_certificates(
        b"CE Portal", key, certificate, None, NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its key is the one
    finally:
        draft.unlink()


def _only_signatures() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
