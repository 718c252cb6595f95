"""The only reader of the environment. A malformed value stops the start and names itself.

Every setting has a safe default: with nothing set, all state lives in `data/` of this directory, in
SQLite, without any service. `POLYARB_DATA_DIR` moves the state, `DATABASE_URL` and `REDIS_URL`
name the services of a larger installation.
"""

import os
from pathlib import Path

from polyarb_site.environment import Environment, database_from_url, secret_key_from_file
from polyarb_site.theme import UNFOLD as UNFOLD  # noqa: PLC0414 - the admin theme reads it here

BASE_DIR = Path(__file__).resolve().parent.parent
ENV = Environment(os.environ)

DATA_DIR = ENV.path("POLYARB_DATA_DIR", BASE_DIR / "data")
JOURNAL_DIR = DATA_DIR / "journal"
KILL_FILE = DATA_DIR / "KILL"
RUN_DIR = DATA_DIR / "run"  # sockets and lock files of running processes
CONFIG_DIR = BASE_DIR / "config"
RECORDINGS_DIR = BASE_DIR / "trading" / "recordings"

DEBUG = ENV.boolean("POLYARB_DEBUG", default=False)
SECRET_KEY = ENV.text("POLYARB_SECRET_KEY", "") or secret_key_from_file(DATA_DIR / "keys")
HOST = ENV.text("POLYARB_HOST", "127.0.0.1")
PORT = ENV.integer("POLYARB_PORT", 8083, lowest=1, highest=65_535)
SIMULATOR_PORT = ENV.integer("POLYARB_SIMULATOR_PORT", 8183, lowest=1, highest=65_535)
ALLOWED_HOSTS = ENV.words("POLYARB_ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = ENV.words("POLYARB_TRUSTED_ORIGINS", [])
HTTPS = ENV.boolean("POLYARB_HTTPS", default=False)
ACCOUNT = ENV.name("POLYARB_ACCOUNT", "main")
REDIS_URL = ENV.text("REDIS_URL", "")
LOG_LEVEL = ENV.text("POLYARB_LOG_LEVEL", "INFO")
SHIFT_SECONDS = ENV.integer("POLYARB_SHIFT_SECONDS", 3_600, lowest=5, highest=86_400)
ENV.refuse_unknown("POLYARB_", also_known=("POLYARB_CI_NO_SKIP",))

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "django_q",
    "rest_framework",
    "rest_framework.authtoken",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "polyarb_site",
    "polyarb_site.audit",
    "polyarb_site.live",
    "polyarb_site.dashboard",
    "trading",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "polyarb_site.middleware.RequestIdMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "polyarb_site.middleware.LoginEverywhereMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "polyarb_site.urls"
ASGI_APPLICATION = "polyarb_site.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "polyarb_site" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "polyarb_site.dashboard.context.live_header",
            ]
        },
    }
]

DATABASES = {
    "default": database_from_url(ENV.text("DATABASE_URL", ""), sqlite=DATA_DIR / "portal.sqlite3")
}

CHANNEL_LAYERS = {
    "default": (
        {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL], "prefix": "polyarb"},
        }
        if REDIS_URL
        # The tailer sends batches into this process only. The capacity is per channel: the layer
        # drops silently above it, and the page then catches up from the server's state.
        else {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 2_000}}
    )
}

# Two clusters share the broker table: "jobs" for short work, "engine" for shifts. A shift lasts
# longer than any sane time-out, so its re-presentation lock outlives it.
Q_CLUSTER = {
    "name": "jobs",
    "orm": "default",
    "workers": 2,
    "timeout": 60,
    "retry": 90,
    "max_attempts": 3,
    "ack_failures": True,
    "poll": 0.5,
    "save_limit": 1_000,
    "catch_up": False,
    "label": "Background jobs",
    "ALT_CLUSTERS": {
        "engine": {
            "name": "engine",
            "workers": 3,  # one trading, one hot standby, one spare
            "recycle": 1,
            # Shifts are queued without one. This is for whatever else runs here, and has to lie
            # below `retry`, else every start warns of a wrong configuration.
            "timeout": SHIFT_SECONDS * 2 + 300,
            "retry": SHIFT_SECONDS * 2 + 600,
            "max_attempts": 1,
            "ack_failures": True,
            "poll": 0.2,
        }
    },
}

AUTHENTICATION_BACKENDS = ["polyarb_site.login_throttle.ThrottledBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"

REST_FRAMEWORK = {
    # Our own: tokens are kept as hashes, and the framework's class would take the hash for a token.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "polyarb_site.rest.authentication.TokenAuthentication",
        "polyarb_site.rest.authentication.SessionAuthentication",
    ],
    "EXCEPTION_HANDLER": "polyarb_site.rest.errors.exception_handler",
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "PolyArb portal",
    "VERSION": "0.1.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "DESCRIPTION": (
        "Amounts are given twice: `*_micro` is a whole number of millionths, the name without it "
        "the same amount as decimal text. Times are RFC 3339. Errors have one shape: `code` for "
        "programs, `message` and `remedy` for people. `manage.py api_token USERNAME` makes a token."
    ),
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,  # the words say it already
    "ENUM_NAME_OVERRIDES": {
        "BreakerState": "trading.engine.codes.BreakerState",
        "EngineState": "trading.api.status_shape.ENGINE_STATES",
        "Mode": "trading.engine.codes.Mode",
        "RiskCode": "trading.config.profiles.RiskCode",
        "SetState": "trading.engine.codes.SetState",
        "Side": "trading.engine.codes.Side",
        "Stage": "trading.engine.codes.Stage",
        "Strategy": "trading.engine.codes.Strategy",
        "TradeState": "trading.engine.codes.TradeState",
    },
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "polyarb_site" / "static"]
WHITENOISE_USE_FINDERS = True  # no collectstatic on one machine

# Alpine, which the admin theme is built on, evaluates expressions and sets inline styles.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'", "ws:", "wss:"] if DEBUG else ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    # It says every task that is put into the queue or taken out of it.
    "loggers": {"django-q": {"level": "WARNING"}},
}
