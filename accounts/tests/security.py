"""What tests of sign-in need: an authenticator app, a passkey, one more proof of who it is."""

import time
from hashlib import sha256 as hash_of

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.urls import reverse
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from accounts.tests.factories import PASSWORD

SECRET = "JBSWY3DPEHPK3PXP"


def app_code(secret=SECRET):
    """What the authenticator app shows at this moment."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def give_app(user):
    """Set up the user's authenticator app."""
    return TOTP.activate(user, SECRET).instance


def give_passkey(user, name="Laptop"):
    """A passkey that no device holds: well-formed, so that pages ask for it by its id."""
    credential_id = name.encode()
    proof = AuthenticatorData.create(
        hash_of(b"testserver").digest(),
        AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT,
        0,
        AttestedCredentialData.create(
            Aaguid.NONE, credential_id, ES256({1: 2, 3: -7, -1: 1, -2: b"x" * 32, -3: b"y" * 32})
        ),
    )
    client_data = CollectedClientData.create(
        CollectedClientData.TYPE.CREATE, b"challenge", "https://testserver"
    )
    return Authenticator.objects.create(
        user=user,
        type=Authenticator.Type.WEBAUTHN,
        data={
            "name": name,
            "credential": {
                "id": websafe_encode(credential_id),
                "rawId": websafe_encode(credential_id),
                "type": "public-key",
                "response": {
                    "clientDataJSON": websafe_encode(client_data),
                    "attestationObject": websafe_encode(
                        AttestationObject.create("none", proof, {})
                    ),
                },
                "clientExtensionResults": {},
            },
        },
    )


def prove_by_password(client):
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})


def prove_by_app(client):
    """An app shows each code once: once in a test, for each person."""
    client.post(reverse("mfa_reauthenticate"), {"code": app_code()})
