"""Sign-up of somebody whom another party (Google, OpenID Connect) has signed in.

A module of its own: allauth lets it be imported only where such a party is set up.
"""

from __future__ import annotations

from allauth.socialaccount.forms import SignupForm

from accounts.forms import LegalNameField, time_zone_field


class SocialSignupForm(SignupForm):
    legal_name = LegalNameField()
    time_zone = time_zone_field()

    field_order = ["legal_name", "email", "time_zone"]
