"""Credentials, checked against the official schema and by a verifier that is not ours.

The schema is 1EdTech's own (https://purl.imsglobal.org/spec/ob/v3p0/schema/json/), as the source
package of openbadgeslib 4.6.3 on PyPI carries it.
"""

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.urls import reverse
from openbadgeslib.ob3 import OB3VerificationError, OB3Verifier

from accounts.tests.factories import UserFactory
from transcripts import credentials, keys
from transcripts.tests.factories import CertificateFactory, CreditEntryFactory, make_line
from transcripts.tests.test_signing import KINDS, use_key

pytestmark = pytest.mark.django_db

SCHEMA = json.loads(
    (Path(__file__).parent / "ob_v3p0_achievementcredential_schema.json").read_text()
)


@pytest.fixture(params=KINDS)
def key(request, settings, tmp_path):
    use_key(settings, tmp_path / "key.p12", KINDS[request.param](), password="secret")
    return keys.current()


@pytest.fixture
def certificate():
    holder = UserFactory(legal_name="Nguyễn Thị Ánh")
    lines = [
        make_line(hours=Decimal("1.25")),
        make_line(body="nysed", body_name="NYSED", hours=Decimal(2)),
    ]
    return CertificateFactory(
        entry=CreditEntryFactory(holder=holder, hours=Decimal(2), lines=lines)
    )


def badge(client, certificate):
    answer = client.get(
        reverse("transcripts:verification", args=[certificate.code]), {"format": "badge"}
    )
    return answer.content.decode()


def payload(token):
    return jwt.decode(token, options={"verify_signature": False})


def test_the_credential_fits_the_official_schema(client, certificate):
    validator = jsonschema.Draft201909Validator(
        SCHEMA, format_checker=jsonschema.Draft201909Validator.FORMAT_CHECKER
    )

    errors = [error.message for error in validator.iter_errors(payload(badge(client, certificate)))]

    assert errors == []


def test_the_schema_finds_what_is_missing(client, certificate):
    """So that an empty list above means something."""
    credential = payload(badge(client, certificate))
    del credential["credentialSubject"]["achievement"]["criteria"]

    assert not jsonschema.Draft201909Validator(SCHEMA).is_valid(credential)


def test_a_verifier_that_is_not_ours_accepts_it(client, certificate, key):
    public = key.certificate.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )

    found = OB3Verifier(public).verify(badge(client, certificate))

    assert found.issuer.name == "CE Portal"
    assert found.achievement.name == "Informed Consent as a Conversation"


def test_that_verifier_refuses_a_changed_one(client, certificate, key):
    public = key.certificate.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    head, body, signature = badge(client, certificate).split(".")
    other = CertificateFactory()
    body = badge(client, other).split(".")[1]

    with pytest.raises(OB3VerificationError):
        OB3Verifier(public).verify(f"{head}.{body}.{signature}")


def test_the_key_it_names_is_published_and_opens_it(client, certificate, key, settings):
    token = badge(client, certificate)
    kid = jwt.get_unverified_header(token)["kid"]

    published = client.get(kid.removeprefix(settings.SITE_URL)).json()
    in_set = client.get("/.well-known/jwks.json").json()["keys"]

    opened = jwt.decode(token, jwt.PyJWK(published), algorithms=[published["alg"]])
    assert opened["id"] == f"{settings.SITE_URL}/verify/{certificate.code}/"
    assert in_set == [published]
    assert "d" not in published  # nothing of the private key
    assert "p" not in published


def test_the_issuer_it_names_is_published_under_its_own_address(client, certificate, settings):
    named = payload(badge(client, certificate))["issuer"]

    profile = client.get(named["id"].removeprefix(settings.SITE_URL)).json()

    assert profile == {"@context": credentials.CONTEXT, **named}


def test_it_says_what_the_page_says(client, certificate):
    subject = payload(badge(client, certificate))["credentialSubject"]

    names = {item["id"]: item["name"] for item in subject["achievement"]["resultDescription"]}
    results = {names[item["resultDescription"]]: item["value"] for item in subject["result"]}
    assert subject["identifier"][0]["identityHash"] == "Nguyễn Thị Ánh"
    assert subject["creditsEarned"] == 2.0
    assert results == {"ASWB ACE, Ethics: hours": "1.25", "NYSED, Ethics: hours": "2"}
    assert (subject["activityStartDate"], subject["activityEndDate"]) == (
        "2026-01-04T05:00:00Z",
        "2026-01-06T04:59:59Z",  # days in New York
    )


def test_its_registered_claims_repeat_the_credential(client, certificate):
    claims = payload(badge(client, certificate))

    assert claims["iss"] == claims["issuer"]["id"]
    assert claims["jti"] == claims["id"]
    assert claims["sub"] == claims["credentialSubject"]["id"]
    assert claims["nbf"] == certificate.issued_at.timestamp()
    assert claims["validFrom"] == "2026-01-05T09:00:00Z"
