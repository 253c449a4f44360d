"""What a process does at its start: refuses in words, or has what it needs."""

import json
import os
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PRODUCTION = {
    "DATABASE_URL": "postgres://portal:pw@db.example.org/portal?sslmode=require",
    "REDIS_URL": "redis://redis.example.org:6379/0",
    "SECRET_KEY": "k" * 60,
    "ALLOWED_HOSTS": "portal.example.org, ce.example.org",
    "EMAIL_URL": "smtp+tls://user:pw@mail.example.org:587",
    "DEFAULT_FROM_EMAIL": "portal@example.org",
    "SITE_URL": "https://portal.example.org/",
    "SIGNING_KEY_FILE": __file__,  # any file: it is opened at the first signature
    "SIGNING_KEY_PASSWORD": "secret",
}
# Every other variable that the settings read, so that a developer's .env has no say.
NOTHING = dict.fromkeys(
    [
        *PRODUCTION,
        "SIGNING_EARLIER_CERTIFICATES",
        "MEDIA_ROOT",
        "BEHIND_PROXY",
        "DEBUG",
        "CERTIFICATES_BUCKET",
    ],
    "",
)


def start(folder, *, show=(), **environment):
    """Start a process with these variables alone: the settings to show, or its last words."""
    program = (
        "import json, django; django.setup()\n"
        "from django.conf import settings\n"
        f"print(json.dumps([getattr(settings, name) for name in {list(show)!r}], default=str))"
    )
    variables = {
        **NOTHING,
        "DEBUG": "false",
        "BEHIND_PROXY": "false",
        "MEDIA_ROOT": str(folder / "media"),
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "ce_portal.settings",
        "VAR_DIR": str(folder),
        **environment,
    }
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return json.loads(run.stdout) if run.returncode == 0 else run.stderr


def refusal(folder, **environment):
    """The last words of a process that does not start."""
    words = start(folder, **environment)
    assert isinstance(words, str), "it started"
    return words[words.rindex("ImproperlyConfigured") :]


# --- Production ---


@pytest.mark.parametrize("given", ["DATABASE_URL", "REDIS_URL"])
def test_production_names_each_variable_that_is_missing(tmp_path, given):
    words = refusal(tmp_path, **{given: PRODUCTION[given]})

    named = {line.strip().split(":")[0] for line in words.splitlines()[1:] if line.strip()}
    assert named == set(PRODUCTION) - {given}


@pytest.mark.parametrize("blank", ["", "   "])
def test_production_has_no_default_for_the_secret(tmp_path, blank):
    words = refusal(tmp_path, **{**PRODUCTION, "SECRET_KEY": blank})

    assert "  SECRET_KEY: at least 50 random characters" in words
    assert words.count("\n  ") == 1
    assert not (tmp_path / "secret_key").exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS names hosts; “*” would answer to any name."),
        ({"ALLOWED_HOSTS": "a.example, *"}, "ALLOWED_HOSTS names hosts;"),
        ({"DATABASE_URL": "sqlite:///x.sqlite3"}, "DATABASE_URL must name a PostgreSQL database."),
        ({"EMAIL_URL": "consolemail://"}, "EMAIL_URL must name a mail server"),
        ({"SIGNING_KEY_FILE": "/no/such.p12"}, "SIGNING_KEY_FILE names /no/such.p12, and no file"),
    ],
)
def test_production_refuses_what_is_for_one_computer_only(tmp_path, wrong, words):
    assert words in refusal(tmp_path, **{**PRODUCTION, **wrong})


def test_production_starts_closed_and_encrypted(tmp_path):
    names = [
        "EMBEDDED",
        "DEBUG",
        "ALLOWED_HOSTS",
        "CSRF_TRUSTED_ORIGINS",
        "SITE_URL",
        "SECRET_KEY",
        "SECURE_SSL_REDIRECT",
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "CELERY_BROKER_URL",
        "EMAIL_USE_TLS",
    ]

    found = start(tmp_path, show=names, **PRODUCTION)

    assert dict(zip(names, found, strict=True)) == {
        "EMBEDDED": False,
        "DEBUG": False,
        "ALLOWED_HOSTS": ["portal.example.org", "ce.example.org"],
        "CSRF_TRUSTED_ORIGINS": ["https://portal.example.org", "https://ce.example.org"],
        "SITE_URL": "https://portal.example.org",
        "SECRET_KEY": "k" * 60,
        "SECURE_SSL_REDIRECT": True,
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "CELERY_BROKER_URL": "redis://redis.example.org:6379/0",
        "EMAIL_USE_TLS": True,
    }


def test_production_keeps_what_the_database_address_asks_for_beside_the_pool(tmp_path):
    (databases,) = start(tmp_path, show=["DATABASES"], **PRODUCTION)

    assert databases["default"]["OPTIONS"] == {
        "sslmode": "require",
        "pool": {"min_size": 1, "max_size": 10},
    }


def test_production_takes_a_task_from_a_worker_only_after_the_worker_had_to_stop_it(tmp_path):
    limit, transport = start(
        tmp_path,
        show=["CELERY_TASK_TIME_LIMIT", "CELERY_BROKER_TRANSPORT_OPTIONS"],
        **PRODUCTION,
    )

    assert transport["visibility_timeout"] > limit


# --- Embedded ---


def test_certificates_lie_in_a_folder_unless_a_bucket_is_named(tmp_path):
    (storages,) = start(tmp_path, show=["STORAGES"], **PRODUCTION)

    assert storages["certificates"] == {"BACKEND": "transcripts.storage.DurableStorage"}


def test_a_bucket_without_the_package_that_reads_it_is_refused_with_what_to_do(tmp_path):
    if find_spec("storages"):
        pytest.skip("django-storages is installed")

    words = refusal(tmp_path, **PRODUCTION, CERTIFICATES_BUCKET="certificates")

    assert "pip install 'django-storages[s3]==" in words


def test_a_bucket_is_private_and_no_file_in_it_is_overwritten(tmp_path):
    backends = tmp_path / "packages" / "storages" / "backends"
    backends.mkdir(parents=True)
    (backends / "s3.py").write_text(
        "from django.core.files.storage import Storage\n"
        "class S3Storage(Storage):\n"
        "    def __init__(self, **options): pass\n"
    )

    (storages,) = start(
        tmp_path,
        show=["STORAGES"],
        **PRODUCTION,
        CERTIFICATES_BUCKET="certificates",
        CERTIFICATES_ENDPOINT_URL="https://s3.example.org",
        PYTHONPATH=str(backends.parents[1]),
    )

    assert storages["certificates"] == {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": "certificates",
            "endpoint_url": "https://s3.example.org",
            "region_name": None,
            "default_acl": None,
            "file_overwrite": False,
            "querystring_auth": True,
        },
    }


def test_embedded_makes_a_secret_that_its_owner_alone_reads_and_keeps_it(tmp_path):
    first = start(tmp_path, show=["EMBEDDED", "SECRET_KEY"])
    second = start(tmp_path, show=["EMBEDDED", "SECRET_KEY"])

    secret = tmp_path / "secret_key"
    assert first == second == [True, secret.read_text()]
    assert len(secret.read_text()) >= 50
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_two_embedded_portals_have_two_secrets(tmp_path):
    secrets = [start(tmp_path / name, show=["SECRET_KEY"]) for name in ("one", "other")]

    assert secrets[0] != secrets[1]


def test_a_key_of_its_own_makes_an_embedded_portal_sign_in_earnest(tmp_path):
    names = ["SIGNING_KEY_FILE", "SIGNING_KEY_IS_DEVELOPMENT"]

    without = start(tmp_path, show=names)
    with_key = start(tmp_path, show=names, SIGNING_KEY_FILE=__file__)

    assert without == [str(tmp_path / "development-signing-key.p12"), True]
    assert with_key == [__file__, False]


def test_embedded_answers_to_this_computer_alone(tmp_path):
    found = start(tmp_path, show=["ALLOWED_HOSTS", "DEBUG"], ALLOWED_HOSTS="*")

    assert found == [["localhost", "127.0.0.1", "[::1]"], False]
