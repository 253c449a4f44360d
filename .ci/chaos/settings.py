"""The portal's own settings, in a hurry and with traps, for every process of the suite."""

from typing import Any

from ce_portal.settings import *  # noqa: F403
from ce_portal.settings import (
    CELERY_BROKER_TRANSPORT_OPTIONS,
    DATABASES,
    EMBEDDED,
    INSTALLED_APPS,
    LOGGING,
    VAR_DIR,
)

INSTALLED_APPS = [*INSTALLED_APPS, "chaos"]
# The key that the embedded portal makes for itself will do in both modes.
SIGNING_KEY_FILE = str(VAR_DIR / "development-signing-key.p12")
SIGNING_KEY_PASSWORD = ""
SIGNING_KEY_IS_DEVELOPMENT = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# What takes a minute in production takes a second here; so do limits of patience.
_options: Any = DATABASES["default"]["OPTIONS"]
if EMBEDDED:
    _options["timeout"] = 3
else:
    _options["pool"] |= {"timeout": 5}
    # A killed worker's message is given again in the same round, or in a later one.
    CELERY_BROKER_TRANSPORT_OPTIONS |= {"visibility_timeout": 8}
_line: Any = LOGGING["formatters"]
_line["line"]["format"] = "{asctime} {process} {levelname} {name}: {message}"
# Connections that are gone are what this is about.
_loggers: Any = LOGGING["loggers"]
_loggers["psycopg.pool"] = {"level": "ERROR"}
