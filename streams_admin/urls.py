"""Pages of the hands, mounted by name when this app is installed."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from dashboard import names  # noqa: F401 - registers the path converters
from streams_admin import views

urlpatterns: list[URLPattern] = [
    path("s/<slug:server>/<name:stream>/do/<slug:action>/", views.do, name="do"),
    path("plans/<slug:token>/", views.plan, name="plan"),
    path("operations/", views.operation_list, name="operations"),
    path("operations/<uuid:id>/", views.operation, name="operation"),
    re_path(r"^operations/(?P<id>[0-9a-f-]{36})/(?P<wish>pause|resume|cancel)/$", views.steer, name="steer"),
    path("audit/", views.audit_log, name="audit"),
]
