"""Every setting, read from the environment; see .env.example for what each variable means.

With nothing set this is one laptop: embedded PostgreSQL and Redis, a sandbox mailbox, a generated secret. With
CARILLON_ENV=production nothing is generated, assumed or started: what is missing stops the start with a sentence that
names it.
"""

import os
import secrets
import sys
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE

from config import console, embedded

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("CARILLON_VAR", BASE_DIR / "var")).resolve()
VAR_DIR.mkdir(parents=True, exist_ok=True)
IS_PRODUCTION = os.environ.get("CARILLON_ENV", "local") == "production"


def env_list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def env_flag(name: str, default: bool) -> bool:
    return os.environ.get(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def required(name: str, hint: str) -> str:
    """What production can't do without. Its absence ends the process with a sentence: a traceback would hide it."""
    return os.environ.get(name, "") or sys.exit(f"\n{name} is not set, and production needs it. {hint}\n")


def server_url(name: str, example: str) -> str:
    """The address of a server; empty on one machine, where one of our own is started.

    Not so in production: an empty database in the place of the real one would look like lost data, and processes on
    several machines would each have their own.
    """
    hint = f"Say where your server is: {name}={example}"
    return required(name, hint) if IS_PRODUCTION else os.environ.get(name, "")


def local_secret(name: str) -> str:
    """A secret of this installation, made once and readable by its owner alone."""
    path = VAR_DIR / name
    if not path.exists():
        scratch = path.with_name(f"{name}.{os.getpid()}")
        scratch.touch(mode=0o600)
        scratch.write_text(secrets.token_urlsafe(50))
        try:
            os.link(scratch, path)  # atomic, and the first of several processes wins
        except FileExistsError:
            pass
        finally:
            scratch.unlink()
    return path.read_text()


# --- Secrets -------------------------------------------------------------------------------------------------------
HOW_TO_MAKE_ONE = 'Make one: python -c "import secrets; print(secrets.token_urlsafe(50))"'
SECRET_KEY = (
    required("SECRET_KEY", HOW_TO_MAKE_ONE)
    if IS_PRODUCTION
    else os.environ.get("SECRET_KEY") or local_secret("secret_key")
)
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS")
# Newest first. Tracking links and stored credentials outlive sessions, so they have keys of their own.
TOKEN_KEYS = env_list("TOKEN_KEYS") or [SECRET_KEY]
FIELD_KEYS = env_list("FIELD_KEYS") or [SECRET_KEY]

DEBUG = env_flag("DEBUG", default=False)
HOST = os.environ.get("HOST", "127.0.0.1")
PORT = int(os.environ.get("PORT", "8000"))
PUBLIC_URL = os.environ.get("PUBLIC_URL", f"http://{'127.0.0.1' if HOST in ('0.0.0.0', '::') else HOST}:{PORT}")  # noqa: S104
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS") or ([urlsplit(PUBLIC_URL).hostname or ""] if IS_PRODUCTION else ["*"])
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", PUBLIC_URL)

# --- Servers -------------------------------------------------------------------------------------------------------


def database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or query.pop("port", "")),
        "OPTIONS": query,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


_database_url = server_url("DATABASE_URL", "postgresql://user:password@host:5432/carillon")
_redis_url = server_url("REDIS_URL", "redis://host:6379/0")
try:
    DATABASES = {"default": database(_database_url or embedded.start_postgres(VAR_DIR))}
    _redis_socket = "" if _redis_url else embedded.start_redis(VAR_DIR)
except embedded.EmbeddedServerError as error:
    sys.exit(f"\n{error}\n")
REDIS_URL = _redis_url or f"unix://{_redis_socket}"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

CELERY_BROKER_URL = _redis_url or f"redis+socket://{_redis_socket}"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600, "socket_keepalive": True}
CELERY_TASK_IGNORE_RESULT = True  # the rows are the truth; a result would say it twice
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 280
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"delivery.tasks.drain": {"queue": "send"}}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_TIMEZONE = "UTC"
# Ticks only wake: each task looks at the rows for what is due. A missed tick is made up for by the next.
CELERY_BEAT_SCHEDULE = {
    task: {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 10)}}
    for task, seconds in {
        "delivery.tasks.sweep": 5,
        "delivery.tasks.ask_to_confirm": 5,
        "delivery.tasks.read_events": 5,
        "analytics.tasks.roll_up": 5,
        "campaigns.tasks.start_due": 10,
        "campaigns.tasks.forget_keys": 3600,
        "contacts.tasks.resume_imports": 30,
        "contacts.tasks.forget_erased": 15,
        "contacts.tasks.merge_duplicates": 60,
        "segments.tasks.follow": 10,
        "segments.tasks.refresh_due": 20,
        "segments.tasks.look_at_the_time": 30,
        "segments.tasks.keep_quintiles": 300,
        "events.tasks.join_visitors": 5,
        "events.tasks.take_stock": 10,
        "events.tasks.forget_messages": 3600,
        "events.tasks.make_partitions": 3600,
        "events.tasks.bring_strays_home": 300,
    }.items()
}

# --- Django --------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "config.apps.SiteConfig",
    "core",
    "team",
    "contacts",
    "events",
    "segments",
    "templates_app",
    "campaigns",
    "delivery",
    "abtests",
    "automations",
    "analytics",
]
MIDDLEWARE = [
    "config.middleware.ClientAddress",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.middleware.ContentSecurityPolicy",
    "config.middleware.TeamTimeZone",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
AUTH_USER_MODEL = "team.User"
AUTHENTICATION_BACKENDS = ["team.auth.EmailOrUsername"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
# What public pages are written in (team/public.py); the console is in English. Translations are in config/locale.
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français"), ("es", "Español"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = ["config.formats"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024**2
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

STATIC_URL = "static/"
STATIC_ROOT = Path(os.environ.get("STATIC_ROOT", VAR_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
MEDIA_ROOT = Path(os.environ.get("MEDIA_ROOT", VAR_DIR / "media"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns at each start if it is absent

# --- Security ------------------------------------------------------------------------------------------------------
HAS_HTTPS = env_flag("HTTPS", default=IS_PRODUCTION)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HAS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # probes come from inside, without TLS
SECURE_HSTS_SECONDS = 31_536_000 if HAS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HAS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 7
IS_BEHIND_PROXY = env_flag("BEHIND_PROXY", default=False)
if IS_BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "SAMEORIGIN"  # the template preview is an iframe of ours
SILENCED_SYSTEM_CHECKS = ["security.W019"]  # which wants DENY
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "style-src": [SELF, UNSAFE_INLINE],
        "script-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [SELF],
    }
}
# Alpine, inside the console's theme, evaluates attributes; only /admin gets this (config.middleware).
ADMIN_SCRIPT_SOURCES = [SELF, UNSAFE_EVAL]

# --- API -----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["team.apikeys.ApiKeyAuthentication", "team.apikeys.ConsoleAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["team.apikeys.HasScope"],
    "DEFAULT_PAGINATION_CLASS": "core.api.CursorPages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": ["team.throttling.PerKey"],
    "DEFAULT_SCHEMA_CLASS": "core.openapi.Schema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.parsers.JsonParser"],
    "EXCEPTION_HANDLER": "core.api.problem_json",
    "NUM_PROXIES": 0,  # REMOTE_ADDR only, which config.middleware has set right: a header is anyone's claim
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
API_RATE_PER_MINUTE = int(os.environ.get("API_RATE_PER_MINUTE", "600"))
# Requests, not events: a batch holds many. Per source; a key that anyone can read besides by the address that uses it.
TRACKING_RATE_PER_MINUTE = int(os.environ.get("TRACKING_RATE_PER_MINUTE", "60000"))
TRACKING_RATE_PER_VISITOR = int(os.environ.get("TRACKING_RATE_PER_VISITOR", "600"))
SPECTACULAR_SETTINGS = {
    "TITLE": "Carillon",
    "DESCRIPTION": "Plan, test, automate and measure campaigns: the same verbs as the console.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api",
    "SWAGGER_UI_DIST": "SIDECAR",  # our own files: the content security policy allows no others
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": False, "docExpansion": "none", "filter": True},
    "SCHEMA_PATH_PREFIX_TRIM": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "events.tracking.openapi.describe",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "ConsentAction": "contacts.models.ConsentRecord.Action",
        "ImportStatus": "contacts.models.ImportJob.Status",
        "CampaignStatusEnum": "campaigns.models.Campaign.Status",
        "CampaignKindEnum": "campaigns.models.Campaign.Kind",
        "SegmentKindEnum": "segments.models.Segment.Kind",
        "ChannelEnum": "contacts.channels.channel_choices",
    },
}

# --- Sending -------------------------------------------------------------------------------------------------------
SANDBOX_SMTP_HOST = os.environ.get("SANDBOX_SMTP_HOST", "127.0.0.1")
SANDBOX_SMTP_PORT = int(os.environ.get("SANDBOX_SMTP_PORT", str(PORT + 25)))
SEND_WORKERS = int(os.environ.get("SEND_WORKERS", "2"))
LEASE_SECONDS = int(os.environ.get("LEASE_SECONDS", "120"))

# --- Logging -------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "css_inline": {"level": "WARNING"},
    },
}

UNFOLD = console.UNFOLD
