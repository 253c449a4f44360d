"""Settings for every environment. What differs between them comes from the environment.

Two modes, one code. *Embedded* (neither DATABASE_URL nor REDIS_URL is set): SQLite, a broker on an
SQLite file and mail as files, all under ``var/``, for one computer only. *Production* (either is
set): PostgreSQL and Redis, and no secret has a default: a process that lacks one does not start.
``.env.example`` lists every variable read here.
"""

from __future__ import annotations

import os
import secrets
from importlib.util import find_spec
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from kombu import Queue

from ce_portal import broker

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

# --- Mode -------------------------------------------------------------------

EMBEDDED = not (env.str("DATABASE_URL", default="") or env.str("REDIS_URL", default=""))
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var"))).resolve()
DEBUG = env.bool("DEBUG", default=False)


def _kept_secret(path: Path) -> str:
    """The secret in ``path``, made at the first start and readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(file, "w") as secret:
            secret.write(secrets.token_urlsafe(64))
    return path.read_text()


if EMBEDDED:
    SECRET_KEY = env.str("SECRET_KEY", default="") or _kept_secret(VAR_DIR / "secret_key")
    ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
else:
    _required = {
        "DATABASE_URL": "the PostgreSQL database, as postgres://user:password@host/name",
        "REDIS_URL": "the broker and cache, as redis://host:6379/0",
        "SECRET_KEY": "at least 50 random characters; signs sessions and links",
        "ALLOWED_HOSTS": "the host names that this portal answers to, comma-separated",
        "EMAIL_URL": "the mail server, as smtp+tls://user:password@host:587",
        "DEFAULT_FROM_EMAIL": "the address that mail comes from",
        "SITE_URL": "where people find the portal, as https://portal.example.org; printed in mail "
        "and on certificates",
        "SIGNING_KEY_FILE": "the key that signs documents with its certificate, as PKCS#12",
        "SIGNING_KEY_PASSWORD": "opens that file",
    }
    _missing = [name for name in _required if not env.str(name, default="").strip()]
    if _missing:
        raise ImproperlyConfigured(
            "The portal does not start in production without these environment variables:\n"
            + "\n".join(f"  {name}: {_required[name]}" for name in _missing)
        )
    SECRET_KEY = env.str("SECRET_KEY")
    ALLOWED_HOSTS = [host.strip() for host in env.list("ALLOWED_HOSTS")]
    if "*" in ALLOWED_HOSTS:
        raise ImproperlyConfigured("ALLOWED_HOSTS names hosts; “*” would answer to any name.")

SITE_URL = env.str("SITE_URL", default="http://localhost:8000").rstrip("/")

# --- Apps -------------------------------------------------------------------

INSTALLED_APPS = [
    "ce_portal",
    "courses",
    "transcripts",
    "accounts",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "ce_portal.csp.AdminPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Every page asks for a sign-in unless its view says ``@login_not_required``.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "accounts.middleware.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.StaffSecondFactorMiddleware",
]

ROOT_URLCONF = "ce_portal.urls"
WSGI_APPLICATION = "ce_portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ce_portal.context.appearance",
            ],
        },
    },
]
FORM_RENDERER = "ce_portal.forms.PortalFormRenderer"

# --- Database ---------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if EMBEDDED:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": VAR_DIR / "portal.sqlite3",
            "OPTIONS": {
                # A transaction takes the write lock when it begins: two writers wait for each
                # other, and neither reads what the other is about to change.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,  # seconds to wait for another writer
                # Recursive triggers: a REPLACE deletes, and the ledger must be asked about that.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                "PRAGMA recursive_triggers=ON;",
            },
        }
    }
else:
    _database = env.db_url("DATABASE_URL")
    if _database["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database.")
    # What the address asks for, such as sslmode, stays.
    _database.setdefault("OPTIONS", {})["pool"] = {"min_size": 1, "max_size": 10}
    # Asked before it leaves the pool: the server may have been restarted since.
    _database["CONN_HEALTH_CHECKS"] = True
    DATABASES = {"default": _database}

# --- Background work --------------------------------------------------------

CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object]
# Jobs are rows in our tables (a certificate without a PDF is a to-do); the broker only hurries.
if EMBEDDED:
    CELERY_BROKER_URL = f"sqla+sqlite:///{VAR_DIR / 'broker.sqlite3'}"
    CELERY_BROKER_TRANSPORT_OPTIONS = broker.options(VAR_DIR / "broker.sqlite3")
else:
    CELERY_BROKER_URL = env.str("REDIS_URL")
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 600,  # seconds until a killed worker's message is given again
        "socket_connect_timeout": 2,  # seconds
    }
# A worker takes from every queue, or with -Q only from some: a slow mail server then holds up mail
# alone. Each queue has a routing key of its own, or a message would reach them all.
CELERY_TASK_QUEUES = [
    Queue(name, routing_key=name) for name in ("celery", "documents", "mail", "bulk")
]
CELERY_TASK_ROUTES = {
    "accounts.send_mail": {"queue": "mail"},
    "transcripts.draw_certificate_pdf": {"queue": "documents"},
    "transcripts.run_job": {"queue": "bulk"},
    "courses.apply_attendance_upload": {"queue": "bulk"},
    "courses.make_data_export": {"queue": "bulk"},
}
CELERY_TASK_IGNORE_RESULT = True
# A killed worker's task runs again, so every task must be safe to run twice.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_SOFT_TIME_LIMIT = 60  # seconds
CELERY_TASK_TIME_LIMIT = 90  # seconds
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A request that cannot reach the broker goes on after a moment; the sweep asks again later.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "ce_portal.celery:Scheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")

# --- Cache, sessions --------------------------------------------------------

if EMBEDDED:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": VAR_DIR / "cache",
        }
    }
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": env.str("REDIS_URL"),
        }
    }
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14  # seconds

# --- People -----------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["email", "legal_name"]},
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGOUT_REDIRECT_URL = "home"
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {"signup": "accounts.forms.SignupForm"}
# How often one address may verify certificates; signing in has allauth's own limits.
VERIFY_RATE_LIMITS = {"verify": "60/m/ip", "check_file": "10/m/ip"}
# How often one person may upload evidence: each file is opened in a process of its own.
EVIDENCE_RATE_LIMITS = {"evidence": "10/m/user"}
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http" if EMBEDDED else "https"
# A mail tells of each change to how somebody signs in.
ACCOUNT_EMAIL_NOTIFICATIONS = True
# E-mail, password, second factor and licenses change only after one more proof of who it is.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 60 * 15  # seconds
# Limits count by address: behind a proxy that is the last one the proxy wrote, else the socket's.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if env.bool("BEHIND_PROXY", default=False) else 0

MFA_ADAPTER = "accounts.adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "CE Portal"
MFA_TOTP_TOLERANCE = 1  # steps of 30 seconds that a phone's clock may be off
# Browsers let plain HTTP use passkeys on localhost alone.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = EMBEDDED
MFA_FORMS = {
    "add_webauthn": "accounts.forms.AddPasskeyForm",
    "edit_webauthn": "accounts.forms.NamePasskeyForm",
    "authenticate_webauthn": "accounts.forms.UsePasskeyForm",
    "login_webauthn": "accounts.forms.SignInWithPasskeyForm",
    "reauthenticate_webauthn": "accounts.forms.ProveWithPasskeyForm",
}
# Whether what is staff's alone opens only to staff who have and have used a second factor.
STAFF_PATHS = ("/admin/", "/host/")
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", default=not EMBEDDED)

# Whether only people with a license in force on file, or whom staff confirmed, may supervise.
SUPERVISORS_MUST_BE_CONFIRMED = env.bool("SUPERVISORS_MUST_BE_CONFIRMED", default=False)

# Sign-in by another party: each is offered if its variables are set, else there is no trace of it.
SOCIALACCOUNT_PROVIDERS: dict[str, dict[str, object]] = {}
if env.str("GOOGLE_CLIENT_ID", default=""):
    INSTALLED_APPS.append("allauth.socialaccount.providers.google")
    SOCIALACCOUNT_PROVIDERS["google"] = {
        "APPS": [
            {"client_id": env.str("GOOGLE_CLIENT_ID"), "secret": env.str("GOOGLE_CLIENT_SECRET")}
        ],
        "SCOPE": ["profile", "email"],
    }
if env.str("OIDC_SERVER_URL", default=""):
    INSTALLED_APPS.append("allauth.socialaccount.providers.openid_connect")
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "APPS": [
            {
                "provider_id": "sso",
                "name": env.str("OIDC_NAME", default="Single sign-on"),
                "client_id": env.str("OIDC_CLIENT_ID"),
                "secret": env.str("OIDC_CLIENT_SECRET"),
                "settings": {"server_url": env.str("OIDC_SERVER_URL")},
            }
        ]
    }
if SOCIALACCOUNT_PROVIDERS:
    INSTALLED_APPS.append("allauth.socialaccount")
# The other party's idea of a name is not yet a legal name: a form asks.
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_FORMS = {"signup": "accounts.social_forms.SocialSignupForm"}

# --- Mail -------------------------------------------------------------------

if EMBEDDED:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = VAR_DIR / "mail"
    DEFAULT_FROM_EMAIL = "CE Portal <portal@localhost>"
else:
    _mail = env.email_url("EMAIL_URL")
    if _mail["EMAIL_BACKEND"] != "django.core.mail.backends.smtp.EmailBackend":
        raise ImproperlyConfigured("EMAIL_URL must name a mail server, as smtp+tls://host:587.")
    globals().update(_mail)
    EMAIL_TIMEOUT = 10  # seconds
    DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- Language, time ---------------------------------------------------------

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
# For people who have not told us theirs.
DEFAULT_USER_TIME_ZONE = "America/New_York"

# --- Files ------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Certificates and lessons are private: they have no URL of their own and leave through views that
# ask.
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(VAR_DIR / "media")))
MEDIA_URL = ""
# Videos and documents of lessons, in bytes.
LESSON_FILE_MAX_BYTES = env.int("LESSON_FILE_MAX_MB", default=500) * 1_000_000
# What people upload as proof of training taken elsewhere, in bytes.
EVIDENCE_MAX_BYTES = env.int("EVIDENCE_MAX_MB", default=10) * 1024 * 1024
# The bucket is private: files are read by the portal, never by a link of the storage.
CERTIFICATES_BUCKET = env.str("CERTIFICATES_BUCKET", default="")
if CERTIFICATES_BUCKET and find_spec("storages") is None:
    raise ImproperlyConfigured(
        "CERTIFICATES_BUCKET needs a package that is not installed: "
        "pip install 'django-storages[s3]==1.14.6'"
    )
STORAGES: dict[str, dict[str, object]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "certificates": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": CERTIFICATES_BUCKET,
            "endpoint_url": env.str("CERTIFICATES_ENDPOINT_URL", default="") or None,
            "region_name": env.str("CERTIFICATES_REGION", default="") or None,
            "default_acl": None,
            "file_overwrite": False,
            "querystring_auth": True,
        },
    }
    if CERTIFICATES_BUCKET
    else {"BACKEND": "transcripts.storage.DurableStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Signatures -------------------------------------------------------------

# Embedded and without a key of its own, the portal makes one (transcripts/keys.py) and says on the
# verify page that it proves nothing.
SIGNING_KEY_FILE = env.str("SIGNING_KEY_FILE", default="")
SIGNING_KEY_PASSWORD = env.str("SIGNING_KEY_PASSWORD", default="")
SIGNING_KEY_IS_DEVELOPMENT = not SIGNING_KEY_FILE
if SIGNING_KEY_IS_DEVELOPMENT:
    SIGNING_KEY_FILE = str(VAR_DIR / "development-signing-key.p12")
elif not Path(SIGNING_KEY_FILE).is_file():
    raise ImproperlyConfigured(f"SIGNING_KEY_FILE names {SIGNING_KEY_FILE}, and no file is there.")
# A folder of .pem files: certificates of keys that signed before, whose documents stay trusted.
SIGNING_EARLIER_CERTIFICATES = env.str("SIGNING_EARLIER_CERTIFICATES", default="")

# --- Security ---------------------------------------------------------------

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not EMBEDDED
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = not EMBEDDED
SECURE_HSTS_SECONDS = 0 if EMBEDDED else 60 * 60 * 24 * 365
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not EMBEDDED
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if not EMBEDDED and env.bool("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # Limits count by the address that the proxy saw; else all people would share the proxy's.
    ALLAUTH_TRUSTED_PROXY_COUNT = 1
# Load balancers ask over plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
CSRF_TRUSTED_ORIGINS = [] if EMBEDDED else [f"https://{host}" for host in ALLOWED_HOSTS]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

# --- The admin --------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": "CE Portal curation",
    "SITE_HEADER": "CE Portal curation",
    "SITE_SYMBOL": "school",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("img/favicon.svg")}
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": True,
}

# --- Logs -------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "celery": {"level": "WARNING"},
        "ce_portal": {"level": "INFO"},
        "accounts": {"level": "INFO"},
        "transcripts": {"level": "INFO"},
        "courses": {"level": "INFO"},
    },
}
