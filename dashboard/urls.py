"""The site map. Pages of `streams_admin` are mounted by name when it is installed."""

from __future__ import annotations

from django.apps import apps
from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, include, path

from dashboard import names  # noqa: F401 - registers the path converters
from dashboard.views import account, probes

urlpatterns: list[URLPattern | URLResolver] = [
    path("sign-in/", account.SignIn.as_view(), name="login"),
    path("sign-in/<slug:secret>/", account.by_link, name="sign-in"),
    path("sign-out/", LogoutView.as_view(template_name="registration/logged_out.html"), name="logout"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
]

if apps.is_installed("streams_admin"):
    urlpatterns.append(path("", include("streams_admin.urls")))
