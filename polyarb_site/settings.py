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
MIB = 1_048_576

DATA_DIR = ENV.path("POLYARB_DATA_DIR", BASE_DIR / "data")
JOURNAL_DIR = DATA_DIR / "journal"
REPORTS_DIR = DATA_DIR / "reports"
REPORTS_DIR = DATA_DIR / "reports"
KILL_FILE = DATA_DIR / "KILL"
RUN_DIR = DATA_DIR / "run"  # sockets and lock files of running processes
SIGNER_SOCKET = RUN_DIR / "signer" / "signer.sock"
SIGNER_DIR = DATA_DIR / "signer"
SIGNER_PLAY_SOCKET = RUN_DIR / "signer" / "play.sock"  # play money never meets the real key
SIGNER_PLAY_DIR = DATA_DIR / "simulator" / "signer"
SIGNER_KEYSTORE = SIGNER_DIR / "keystore.json"
SIGNER_SPEND_FILE = SIGNER_DIR / "spend.json"
SIGNER_PASSWORD_FILE = ENV.path("POLYARB_SIGNER_PASSWORD_FILE", SIGNER_DIR / "password")
SIGNER_POLICY_FILE = ENV.path("POLYARB_SIGNER_POLICY_FILE", SIGNER_DIR / "policy.yaml")
CONFIG_DIR = BASE_DIR / "config"
EVM_DIR = BASE_DIR / "build" / "evm"  # what npm brings for the local chain; its state is data
RECORDINGS_DIR = BASE_DIR / "trading" / "recordings"

DEBUG = ENV.boolean("POLYARB_DEBUG", default=False)
SECRET_KEY = ENV.text("POLYARB_SECRET_KEY", "") or secret_key_from_file(DATA_DIR / "keys")
HOST = ENV.text("POLYARB_HOST", "127.0.0.1")
PORT = ENV.integer("POLYARB_PORT", 8083, lowest=1, highest=65_535)
SIMULATOR_PORT = ENV.integer("POLYARB_SIMULATOR_PORT", 8183, lowest=1, highest=65_535)
# The wallet that trades: a deposit wallet of the signer's key, or the key's own address. Without a
# funder it is the deposit wallet that the venue makes for the key.
WALLET_TYPE = ENV.choice("POLYARB_WALLET_TYPE", "DEPOSIT", ("DEPOSIT", "EOA"))
WALLET_FUNDER = ENV.address("POLYARB_WALLET_FUNDER")
# What encrypts the addresses of alert channels. Several hosts need the same one.
CHANNEL_KEY_FILE = ENV.path("POLYARB_CHANNEL_KEY_FILE", DATA_DIR / "keys" / "channels.key")
# Asked for each minute while alerts are judged and sent: whoever stops being asked raises the
# alarm. SECRET in its name keeps it out of Django's own error reports.
SECRET_HEARTBEAT_URL = ENV.secret_url("POLYARB_HEARTBEAT_URL")
RELAYER_KEY_FILE = ENV.path("POLYARB_RELAYER_KEY_FILE", DATA_DIR / "keys" / "relayer.json")
# Backups: where, a second place for a copy of each, and a public key that encrypts them. Its secret
# half belongs on another machine; here it is only for the weekly drills of restoring.
BACKUP_DIR = ENV.path("POLYARB_BACKUP_DIR", DATA_DIR / "backups")
BACKUP_COPY_DIR = ENV.optional_path("POLYARB_BACKUP_COPY_DIR")
BACKUP_RECIPIENT = ENV.age_recipient("POLYARB_BACKUP_RECIPIENT")
BACKUP_IDENTITY_FILE = ENV.optional_path("POLYARB_BACKUP_IDENTITY_FILE")
ALLOWED_HOSTS = ENV.words("POLYARB_ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = ENV.words("POLYARB_TRUSTED_ORIGINS", [])
HTTPS = ENV.boolean("POLYARB_HTTPS", default=False)
ACCOUNT = ENV.name("POLYARB_ACCOUNT", "main")
REDIS_URL = ENV.text("REDIS_URL", "")
LOG_LEVEL = ENV.text("POLYARB_LOG_LEVEL", "INFO")
SHIFT_SECONDS = ENV.integer("POLYARB_SHIFT_SECONDS", 3_600, lowest=5, highest=86_400)
# Journals of all accounts together, and what may be removed: whole closed sessions, oldest first.
JOURNAL_BYTES_MAX = MIB * ENV.integer(
    "POLYARB_JOURNAL_MIB_MAX", 102_400, lowest=64, highest=99_999_999
)
JOURNAL_DISK_FREE_BYTES_MIN = MIB * ENV.integer(
    "POLYARB_JOURNAL_DISK_FREE_MIB_MIN", 1_024, lowest=16, highest=9_999_999
)
JOURNAL_DAYS_MIN = ENV.integer("POLYARB_JOURNAL_DAYS_MIN", 14, lowest=2, highest=3_650)
JOURNAL_DAYS_MAX = ENV.integer(
    "POLYARB_JOURNAL_DAYS_MAX", max(90, JOURNAL_DAYS_MIN), lowest=JOURNAL_DAYS_MIN, highest=36_500
)
# The key is known here by its name only: every process loads the settings, one may have the key.
ENV.refuse_unknown("POLYARB_", also_known=("POLYARB_CI_NO_SKIP", "POLYARB_SIGNER_KEY"))

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin.apps.SimpleAdminConfig",  # urls.py looks for the pages, it alone
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
    "alerts",
    "reports",
    "checks",
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

# Who watches each engine from within its process: called with account and clock, entered around the
# shift, and then an observer of trading.runtime.parts.
ENGINE_OBSERVERS = ["alerts.observer.EngineRules"]
# What each web process does beside serving: called with the clock, entered while the server runs.
WEB_BACKGROUND = ["alerts.loops.Fallback", "checks.loops.GateFallback"]

# Who has a say before an old journal is removed: called with account and session key, each returns
# why it has to stay, or nothing.
JOURNAL_GUARDS = ["reports.selectors.journals.not_backed_up"]

# Who is asked whether a grant still is what it was given for: called with account and stored grant,
# each returns what has changed, or nothing.
GRANT_GUARDS = ["checks.selectors.bindings.broken"]

# Who is asked before a halt is ended: called with account, each returns what has to end first, or
# nothing.
RESUME_GUARDS = ["checks.selectors.rollbacks.under_way"]

# Who says at the end of a restore whether trading may start on what was put back: called with each
# account, each returns GO, NO_GO or UNKNOWN, and why.
AFTER_RESTORE = ["checks.services.restored.after_restore"]

# Two clusters share the broker table: "jobs" for short work, "engine" for shifts. A shift lasts
# longer than any sane time-out, so its re-presentation lock outlives it.
Q_CLUSTER = {
    "name": "jobs",
    "orm": "default",
    "workers": 5,  # three of them watch criteria, judge alert rules and send messages all the time
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
        "AttestationKind": "checks.api.run_shapes.ATTESTATION_KINDS",
        "CheckCategory": "checks.api.run_shapes.CATEGORIES",
        "CheckDecision": "checks.api.run_shapes.DECISIONS",
        "CheckPriority": "checks.api.run_shapes.PRIORITIES",
        "CheckRunState": "checks.api.run_shapes.RUN_STATES",
        "Venue": "checks.api.run_shapes.VENUES",
        "AlertAction": "alerts.api.shapes.ACTIONS",
        "AlertAggregate": "alerts.api.shapes.AGGREGATES",
        "AlertComparison": "alerts.api.shapes.COMPARISONS",
        "AlertCounting": "alerts.api.shapes.COUNTINGS",
        "AlertLevel": "alerts.api.shapes.LEVELS",
        "AlertMetric": "alerts.api.shapes.METRIC_NAMES",
        "AlertState": "alerts.api.shapes.STATES",
        "ChannelKind": "alerts.api.telling_shapes.CHANNEL_KINDS",
        "CriterionKind": "checks.criteria.definitions.Kind",
        "GateResult": "checks.criteria.judging.Result",
        "DeliveryKind": "alerts.api.telling_shapes.DELIVERY_KINDS",
        "DeliveryState": "alerts.api.telling_shapes.DELIVERY_STATES",
        "SilenceKind": "alerts.api.telling_shapes.SILENCE_KINDS",
        "SilenceState": "alerts.api.telling_shapes.SILENCE_STATES",
        "BackupKind": "reports.api.shapes.BACKUP_KINDS",
        "BackupState": "reports.api.shapes.BACKUP_STATES",
        "BreakerState": "trading.engine.codes.BreakerState",
        "EngineState": "trading.api.status_shape.ENGINE_STATES",
        "DrillKind": "checks.api.rollback_shapes.DRILL_KINDS",
        "IncidentKind": "trading.models.Incident.Kind",
        "ReportableKind": "trading.api.reconciliation_shape.REPORTABLE",
        "IncidentState": "trading.models.Incident.State",
        "LedgerAccount": "trading.api.ledger.LEDGER_ACCOUNTS",
        "LedgerKind": "trading.api.ledger.LEDGER_KINDS",
        "LiveVenue": "trading.services.live.LIVE_VENUES",
        "Mode": "trading.engine.codes.Mode",
        "Money": "trading.api.serializers.MONEY_KINDS",
        "ApprovalAnswer": "checks.api.promotion_shapes.ANSWERS",
        "PromotionState": "checks.api.promotion_shapes.STATES",
        "ReconciliationCode": "trading.reconciling.verdicts.Code",
        "ReconciliationVerdict": "trading.reconciling.verdicts.Verdict",
        "ReplayVerdict": "trading.models.ReplayRun.Verdict",
        "ReportKind": "reports.api.shapes.REPORT_KINDS",
        "RiskCode": "trading.config.profiles.RiskCode",
        "SetState": "trading.engine.codes.SetState",
        "Side": "trading.engine.codes.Side",
        "Stage": "trading.engine.codes.Stage",
        "Strategy": "trading.engine.codes.Strategy",
        "TradeState": "trading.engine.codes.TradeState",
        "WalletKind": "trading.wallets.messages.Kind",
        "WalletLineStatus": "trading.wallets.check_line.LineStatus",
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
    "loggers": {
        # It says every task that is put into the queue or taken out of it.
        "django-q": {"level": "WARNING"},
        # It says the whole address of every request, and that of an RPC endpoint may hold a key.
        "httpx": {"level": "WARNING"},
        # These say addresses too, which of a chat service are its key.
        "httpcore": {"level": "WARNING"},
        "urllib3": {"level": "ERROR"},
        "picows": {"level": "WARNING"},  # it says every connection, also to who runs a command
        "requests_oauthlib": {"level": "WARNING"},
        "apprise": {"handlers": [], "level": "CRITICAL", "propagate": False},
    },
}
