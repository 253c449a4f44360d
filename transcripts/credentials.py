"""A certificate as an Open Badges 3.0 credential (W3C verifiable credential), signed as a JWT.

It says what the verification page says and nothing else. It carries no list of revoked
credentials, which would publish codes: whoever holds one asks its own address again
(``refreshService``), and a certificate that is no longer valid has no credential.
"""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import jwt
from django.conf import settings
from django.urls import reverse

from transcripts import keys, verification
from transcripts.models import Certificate

CONTEXT = [
    "https://www.w3.org/ns/credentials/v2",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json",
]
MEDIA_TYPE = "application/vc+jwt"


class CredentialError(Exception):
    """Why there is no credential of a certificate, in a sentence for the person who asks."""


def signed(certificate: Certificate) -> str:
    """The credential of a valid certificate as a compact JWT (Open Badges 3.0, section 8.2).

    Raises CredentialError if the certificate is not valid any more.
    """
    facts = verification.public_record(certificate)
    if facts["status"] != verification.VALID:
        raise CredentialError(f"This certificate is {facts['status']}. It has no credential.")
    credential = _credential(certificate, facts)
    key = keys.current()
    return jwt.encode(
        {
            **credential,
            "iss": credential["issuer"]["id"],
            "jti": credential["id"],
            "sub": credential["credentialSubject"]["id"],
            "nbf": int(certificate.issued_at.timestamp()),
        },
        key.private,
        algorithm=key.jwk["alg"],
        headers={"kid": key_address(key), "typ": "JWT"},
    )


def issuer() -> dict[str, Any]:
    """Who issues, as an Open Badges profile; its ``id`` is the address where it is published."""
    return {
        "id": f"{settings.SITE_URL}{reverse('transcripts:issuer')}",
        "type": ["Profile"],
        "name": "CE Portal",
        "url": f"{settings.SITE_URL}/",
    }


def key_address(key: keys.PublicKey) -> str:
    """Where the public key is published as a JSON Web Key."""
    path = reverse("transcripts:public_key", args=[key.jwk["kid"]])
    return f"{settings.SITE_URL}{path}"


def _credential(certificate: Certificate, facts: dict[str, Any]) -> dict[str, Any]:
    record = certificate.entry.record
    zone = ZoneInfo(record["time_zone"])
    place = facts["address"]
    course = facts["course"]
    return {
        "@context": CONTEXT,
        "id": place,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": course["title"],
        "issuer": issuer(),
        "validFrom": _moment(certificate.issued_at),
        "credentialSubject": {
            "id": f"{place}#holder",
            "type": ["AchievementSubject"],
            "identifier": [
                {
                    "type": "IdentityObject",
                    "hashed": False,
                    "identityHash": facts["holder"]["name"],
                    "identityType": "name",
                }
            ],
            "activityStartDate": _day(facts["started_on"], zone),
            "activityEndDate": _day(facts["completed_on"], zone, last=True),
            "creditsEarned": float(facts["hours"]),
            "achievement": {
                "id": f"{place}#course",
                "type": ["Achievement"],
                "achievementType": "Course",
                "name": course["title"],
                "description": (
                    f"Continuing education, {course['format'].lower()}, "
                    f"provided by {course['provider']}."
                ),
                "criteria": {"narrative": "All requirements of the course were met."},
                "creator": {
                    "id": uuid.uuid5(
                        uuid.NAMESPACE_URL, f"{settings.SITE_URL}/{course['provider']}"
                    ).urn,
                    "type": ["Profile"],
                    "name": course["provider"],
                },
                "resultDescription": [
                    {
                        "id": f"{place}#credit-{number}",
                        "type": ["ResultDescription"],
                        "name": f"{line['body']}, {line['type']}: hours",
                        "resultType": "ext:CreditHours",
                    }
                    for number, line in enumerate(facts["credit"], start=1)
                ],
            },
            "result": [
                {
                    "type": ["Result"],
                    "resultDescription": f"{place}#credit-{number}",
                    "value": line["hours"],
                }
                for number, line in enumerate(facts["credit"], start=1)
            ],
        },
        "credentialSchema": [
            {
                "id": "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/"
                "ob_v3p0_achievementcredential_schema.json",
                "type": "1EdTechJsonSchemaValidator2019",
            }
        ],
        "refreshService": {"id": f"{place}?format=badge", "type": "1EdTechCredentialRefresh"},
    }


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(day: date, zone: ZoneInfo, *, last: bool = False) -> str:
    """The first or last second of a day where the course was."""
    start = datetime.combine(day, time(), zone)
    return _moment(start + timedelta(days=1, seconds=-1) if last else start)
