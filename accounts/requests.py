"""A request behind the login wall."""

from django.http import HttpRequest

from accounts.models import User


class SignedInRequest(HttpRequest):
    """What views receive once the login wall let somebody through."""

    user: User
