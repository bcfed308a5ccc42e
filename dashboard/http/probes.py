"""Probes for whoever runs us: is the process alive, should it get traffic."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard import background
from dashboard.http.middleware import Handler
from dashboard.management import database


class Probes:
    """Middleware: probes are answered whatever host they name, for an orchestrator asks by address."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self.probes: dict[str, Handler] = {"/healthz": healthz, "/readyz": require_safe(self.readyz)}
        self.migrated = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.probes.get(request.path_info, self.get_response)(request)

    def readyz(self, request: HttpRequest) -> HttpResponse:
        """200 when our own database answers and is migrated; 503 when not, or when we are about to stop.

        A watched server that is down does not make us unready: the page that says so must be reachable.
        """
        problem = "stopping" if background.stopping() else self._problem_with_the_database()
        return HttpResponse(f"{problem or 'ready'}\n", status=503 if problem else 200, content_type="text/plain")

    def _problem_with_the_database(self) -> str:
        """What was migrated once stays so, and is not looked up again: probes come every few seconds."""
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            self.migrated = self.migrated or not database.unmigrated()
        except DatabaseError:
            return "no database"
        return "" if self.migrated else "not migrated: run streamgauge migrate"


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers."""
    return HttpResponse("ok\n", content_type="text/plain")
