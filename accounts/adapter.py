"""What differs from allauth's own ways: names and zones at sign-up, our words, sealed secrets."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.encoding import force_bytes
from qrcode import make as make_qr
from qrcode.image.svg import SvgPathImage

from accounts.models import User

WAYS_TO_PROVE = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use your authenticator app or a recovery code",
    "mfa_reauthenticate:webauthn": "Use a passkey",
}


class AccountAdapter(DefaultAccountAdapter):
    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Take the legal name and the time zone from the sign-up form."""
        user.legal_name = form.cleaned_data["legal_name"]
        user.time_zone = form.cleaned_data["time_zone"]
        return super().save_user(request, user, form, commit)

    def get_reauthentication_methods(self, user: User | AnonymousUser) -> list[dict[str, Any]]:
        """allauth's ways to prove again who one is, in our words."""
        ways = super().get_reauthentication_methods(user)
        return [{**way, "description": WAYS_TO_PROVE[way["id"]]} for way in ways]


class SecondFactorAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This is not right, or it is too old. Try again.",
        "unverified_email": "Confirm your e-mail address first, then set up a second factor.",
    }

    def encrypt(self, text: str) -> str:
        """Who reads the database alone cannot make codes: the key is derived from SECRET_KEY."""
        return _seal().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _seal().decrypt(encrypted_text.encode()).decode()

    def build_totp_svg(self, url: str) -> str:
        """The QR code as an element of the page: our policy lets no image be a data: address."""
        return make_qr(url, image_factory=SvgPathImage).to_string(encoding="unicode")

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {count + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "CE Portal"}


def _seal() -> MultiFernet:
    """Seals with today's SECRET_KEY, and opens what an earlier one sealed."""
    keys = (
        hashlib.sha256(b"second factor:" + force_bytes(key)).digest()
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    )
    return MultiFernet(Fernet(base64.urlsafe_b64encode(key)) for key in keys)
