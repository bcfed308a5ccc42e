"""Every knob, from the environment. What each means stands in docs/configuration.md."""

from __future__ import annotations

from pathlib import Path

from dashboard.config import env

BASE_DIR = Path(__file__).resolve().parent.parent
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]

# What is watched ---------------------------------------------------------------------------------------------------
STREAMGAUGE_SERVERS, STREAMGAUGE_MASKING = env.servers_and_masking()
VIEWER_ONLY = env.flag("STREAMGAUGE_VIEWER_ONLY")

# How it is judged (seconds, deliveries) ----------------------------------------------------------------------------
LATE_AFTER = env.whole("LATE_AFTER", 60)
STUCK_AFTER = env.whole("STUCK_AFTER", 300)
GONE_AFTER = env.whole("GONE_AFTER", 3600)
POISON_DELIVERIES = env.whole("POISON_DELIVERIES", 5, least=2)
SAMPLE_EVERY = env.whole("SAMPLE_EVERY", 5)
OPERATION_DUTY = env.whole("OPERATION_DUTY", 25, most=100)
OPERATION_RESULTS_DAYS = env.whole("OPERATION_RESULTS_DAYS", 30, most=10_000)
if STUCK_AFTER < LATE_AFTER:
    raise env.WrongValue(f"STUCK_AFTER is {STUCK_AFTER}; allowed is at least LATE_AFTER, which is {LATE_AFTER}.")

# Ground ------------------------------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG")
DATA_DIR = env.folder("DATA_DIR", "data")
DATABASES = {"default": env.database(DATA_DIR)}
EMBEDDED_DATABASE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
SECRET_KEY = env.secret_key(DATA_DIR, may_be_made=EMBEDDED_DATABASE)
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "dashboard.urls"
ASGI_APPLICATION = "dashboard.asgi.application"
FORCE_SCRIPT_NAME = env.text("FORCE_SCRIPT_NAME") or None

INSTALLED_APPS = [
    "daphne",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "ninja",
    "dashboard",
    *([] if VIEWER_ONLY else ["streams_admin"]),
]

MIDDLEWARE = [
    "dashboard.http.middleware.ContentSecurityPolicyMiddleware",  # first: static files and redirects carry it too
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dashboard.http.probes.Probes",  # before anything asks for the host
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "dashboard.http.middleware.SameOriginMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "dashboard.http.middleware.PatienceMiddleware",
    "dashboard.http.error_pages.ErrorPages",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "dashboard.http.context_processors.frame",
            ],
        },
    }
]

HOST = env.text("HOST", "127.0.0.1")
PORT = env.whole("PORT", 8000, most=65535)

# Who may talk to us ------------------------------------------------------------------------------------------------
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", LOOPBACK)
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
HTTPS = env.flag("HTTPS", default=any(host not in LOOPBACK for host in ALLOWED_HOSTS))
BEHIND_PROXY = env.flag("BEHIND_PROXY")
"""A proxy in front sets (not appends) X-Forwarded-Proto and X-Real-IP."""
_NAMED = [host for host in ALLOWED_HOSTS if host not in LOOPBACK and not host.startswith((".", "*"))]
BASE_URL = env.origin("BASE_URL", f"https://{_NAMED[0]}" if HTTPS and len(_NAMED) == 1 else f"http://127.0.0.1:{PORT}")
"""Where people reach the site, for links that are printed."""
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # SecurityMiddleware, too, would ask for the host
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"  # not "no-referrer": with it browsers post forms with the Origin "null"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
CSRF_COOKIE_HTTPONLY = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 262_144
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000

# Language, time, files ---------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = env.zone("TIME_ZONE", "UTC")
STATIC_URL = "static/"
STATICFILES_DIRS = [path for path in [BASE_DIR / "static"] if path.is_dir()]
# Served as they lie in the packages, checked for news on every load: no step to forget after an upgrade.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 0
WHITENOISE_ALLOW_ALL_ORIGINS = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "ours": {"()": "dashboard.logs.formatter", "kind": env.choice("LOG_FORMAT", ["text", "json"], "text")}
    },
    "filters": {"from_outside": {"()": "dashboard.logs.FromOutside"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "ours", "filters": ["from_outside"]},
    },
    "root": {"handlers": ["console"], "level": env.choice("LOG_LEVEL", ["DEBUG", "INFO", "WARNING", "ERROR"], "INFO")},
    "loggers": {"django.server": {"handlers": [], "propagate": True}, "daphne.server": {"level": "WARNING"}},
}
