"""Pages of the hands, mounted by name when this app is installed."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path
from django.urls.converters import UUIDConverter
from django.views.decorators.http import require_safe as read

from dashboard import names  # noqa: F401 - registers the path converters
from streams_admin import views, views_download, views_export, views_operations

urlpatterns: list[URLPattern] = [
    path("s/<slug:server>/<name:stream>/do/<slug:action>/", views.do, name="do"),
    path("plans/<slug:token>/", views.plan, name="plan"),
    path("plans/<slug:token>/again/", views.plan_again, name="plan_again"),
    path("plans/<slug:token>/entries.jsonl", read(views_download.entries), name="plan_entries"),
    path("operations/", read(views_operations.operation_list), name="operations"),
    path("operations/<uuid:id>/", read(views_operations.operation), name="operation"),
    path("operations/<uuid:id>/results.jsonl", read(views_download.results), name="operation_results"),
    re_path(
        rf"^operations/(?P<id>{UUIDConverter.regex})/(?P<wish>pause|resume|cancel)/$",
        views_operations.steer,
        name="steer",
    ),
    path("audit/", read(views.audit_log), name="audit"),
    path("audit/export.jsonl", read(views_export.jsonl), name="audit_jsonl"),
    path("audit/export.csv", read(views_export.spreadsheet), name="audit_csv"),
]
