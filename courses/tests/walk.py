"""Every address of the portal as the resolver knows it: for the tests that walk them all."""

import re
from typing import NamedTuple

from django.urls import URLPattern, get_resolver

EXAMPLES = {
    "int": "1",
    "path": "1",
    "slug": "consent",
    "str": "CEP-0000-0000-0000-0000",
    "uuid": "6f2c1d3e-8a57-4c0b-9d6e-2f1b7a9c4e55",
}
# Routes that are regular expressions, by name.
EXAMPLE_PATHS = {
    "account_confirm_email": "accounts/confirm-email/some-key/",
    "account_reset_password_from_key": "accounts/password/reset/key/1-some-key/",
    "admin:": "admin/no/such/page",
    "admin:app_list": "admin/courses/",
}
_PART = re.compile(r"<(?:(\w+):)?(\w+)>")


class Page(NamedTuple):
    name: str
    route: str
    view: object

    def path(self, **values):
        """An address that leads to it: with these values, and examples for the other parts."""
        if re.search(r"[\^$\\(]", self.route):
            return "/" + EXAMPLE_PATHS[self.name]
        return "/" + _PART.sub(
            lambda part: str(values.get(part[2], EXAMPLES[part[1] or "str"])), self.route
        )

    @property
    def is_open(self):
        """Not behind Django's LoginRequiredMiddleware."""
        return not getattr(self.view, "login_required", True)

    @property
    def asks_for_an_id(self):
        """Whether its address names a row that may be somebody's."""
        return bool(re.search(r"<(uuid|int|str):", self.route))


def pages(resolver=None, route="", namespace=""):
    for entry in (resolver or get_resolver()).url_patterns:
        here = route + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield Page(f"{namespace}{entry.name or ''}", here, entry.callback)
        else:
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from pages(entry, here, inner)
