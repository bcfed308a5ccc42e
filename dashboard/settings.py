"""Every knob, from the environment. What each means stands in docs/configuration.md."""

from __future__ import annotations

import re
from pathlib import Path

from dashboard.assets.stamp import stamp
from dashboard.config import environment as env
from dashboard.config.database import database, is_embedded
from dashboard.config.secret_key import secret_key

BASE_DIR = Path(__file__).resolve().parent.parent

# Ground ------------------------------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG")
data_dir = env.folder("DATA_DIR", "data")
DATABASES = {"default": database(data_dir)}
SECRET_KEY = secret_key(data_dir, may_be_made=is_embedded(DATABASES["default"]))
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
    "dashboard",
    *([] if env.flag("STREAMGAUGE_VIEWER_ONLY") else ["streams_admin"]),
]

MIDDLEWARE = [
    "dashboard.http.middleware.ContentSecurityPolicyMiddleware",  # first: static files and redirects carry it too
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "dashboard.assets.storage.StaticFiles",
    "dashboard.http.compression.CompressionMiddleware",
    "dashboard.http.probes.Probes",  # before anything asks for the host
    "dashboard.metrics.endpoint.Metrics",  # likewise
    "dashboard.http.middleware.SessionCookieMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "dashboard.http.middleware.SameOriginMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "dashboard.http.middleware.BudgetMiddleware",
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

# Who may talk to us ------------------------------------------------------------------------------------------------
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", env.LOOPBACK)
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
CSRF_FAILURE_VIEW = "dashboard.http.error_pages.csrf_failure"
foreign = [host for host in ALLOWED_HOSTS if host not in env.LOOPBACK]
named = [host for host in foreign if not host.startswith((".", "*"))]
https = env.flag("HTTPS", default=bool(foreign))
behind_proxy = env.flag("BEHIND_PROXY")
port = env.integer("PORT", 8000, max_value=65_535)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if behind_proxy else None
SECURE_SSL_REDIRECT = https
prefix = re.escape((FORCE_SCRIPT_NAME or "").strip("/"))
SECURE_REDIRECT_EXEMPT = [rf"^({prefix}/)?(healthz|readyz|metrics)$"]  # SecurityMiddleware, too, would ask for the host
SECURE_HSTS_SECONDS = 31_536_000 if https else 0
# They bind names that are not ours to speak for, and browsers keep to them for a year: only who owns the domain knows.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("HSTS_INCLUDE_SUBDOMAINS")
SECURE_HSTS_PRELOAD = env.flag("HSTS_PRELOAD")
SILENCED_SYSTEM_CHECKS = [
    *([] if SECURE_HSTS_INCLUDE_SUBDOMAINS else ["security.W005"]),
    *([] if SECURE_HSTS_PRELOAD else ["security.W021"]),
]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"  # not "no-referrer": with it browsers post forms with the Origin "null"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

AUTHENTICATION_BACKENDS = ["dashboard.accounts.backends.ThrottledBackend"]
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
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = https
SESSION_COOKIE_NAME = "__Host-sessionid" if https else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if https else "csrftoken"
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
STATIC_ROOT = data_dir / "cache" / f"static-{stamp([BASE_DIR / 'static', BASE_DIR / 'dashboard' / 'static'])}"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "dashboard.assets.storage.Assets"},
}
# Prepared by `dashboard.asgi` once per state of the files. Without that they are served as they lie in the packages and
# checked for news on every load: in both cases there is no step to forget after an upgrade.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 0
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
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
    "loggers": {
        "django": {"handlers": [], "level": "NOTSET"},  # its own handlers would write what our formatter redacts
        "django.server": {"handlers": [], "propagate": True},
        "daphne.server": {"level": "WARNING"},
    },
}

# Ours --------------------------------------------------------------------------------------------------------------
STREAMGAUGE = {
    **env.options(),
    "DATA_DIR": data_dir,
    "HOST": env.text("HOST", "127.0.0.1"),
    "PORT": port,
    "BASE_URL": env.origin(
        "BASE_URL", f"https://{named[0]}" if https and len(named) == 1 else f"http://127.0.0.1:{port}"
    ),
    "HTTPS": https,
    "BEHIND_PROXY": behind_proxy,
}
"""What is watched and how it is judged, unchecked: `dashboard.config.options` says what each key may hold."""
