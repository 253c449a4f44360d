"""The same settings with throwaway secrets and folders, for tests."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_folder = tempfile.mkdtemp(prefix="ce-portal-test-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["VAR_DIR"] = _folder
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 50)
if os.environ.get("DATABASE_URL"):
    os.environ.setdefault("ALLOWED_HOSTS", "testserver")
    os.environ.setdefault("EMAIL_URL", "smtp://localhost:25")
    os.environ.setdefault("DEFAULT_FROM_EMAIL", "portal@example.com")
    os.environ.setdefault("SITE_URL", "https://testserver")
    os.environ.setdefault("SIGNING_KEY_FILE", __file__)  # never opened: see below
    os.environ.setdefault("SIGNING_KEY_PASSWORD", "-")

from ce_portal.settings import *  # noqa: E402, F403
from ce_portal.settings import DATABASES, EMBEDDED, STATIC_ROOT  # noqa: E402

STATIC_ROOT.mkdir()
ALLOWED_HOSTS = ["testserver", "localhost"]
SECURE_SSL_REDIRECT = False
# On both databases; the tests of the second factor ask for it.
STAFF_SECOND_FACTOR = False
SIGNING_KEY_FILE = str(Path(_folder) / "signing-key.p12")
SIGNING_KEY_PASSWORD = ""
SIGNING_KEY_IS_DEVELOPMENT = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "certificates": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
if EMBEDDED:
    # A real file, so that threads of a race test meet in one database.
    DATABASES["default"]["TEST"] = {"NAME": Path(_folder) / "test.sqlite3"}
else:
    DATABASES["default"]["OPTIONS"] = {}
