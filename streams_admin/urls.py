"""Pages for acting, mounted by name when this app is installed."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path
from django.urls.converters import UUIDConverter
from django.views.decorators.http import require_safe as read

from dashboard.http import converters  # noqa: F401 - registers them
from streams_admin.views import audit, downloads, exports, operations, plans

urlpatterns: list[URLPattern] = [
    path("s/<slug:server>/<name:stream>/do/<slug:action>/", plans.do, name="do"),
    path("plans/<slug:token>/", plans.plan, name="plan"),
    path("plans/<slug:token>/again/", plans.plan_again, name="plan_again"),
    path("plans/<slug:token>/entries.jsonl", read(downloads.entries), name="plan_entries"),
    path("operations/", read(operations.operation_list), name="operations"),
    path("operations/<uuid:id>/", read(operations.operation), name="operation"),
    path("operations/<uuid:id>/results.jsonl", read(downloads.results), name="operation_results"),
    re_path(
        rf"^operations/(?P<id>{UUIDConverter.regex})/(?P<wish>pause|resume|cancel)/$",
        operations.steer,
        name="steer",
    ),
    path("operations/<uuid:id>/check/", operations.check, name="check_again"),
    path("audit/", read(audit.audit_log), name="audit"),
    path("audit/export.jsonl", read(exports.jsonl), name="audit_jsonl"),
    path("audit/export.csv", read(exports.spreadsheet), name="audit_csv"),
]
