"""Errors as pages: what was looked for, what is the case, what to do. One place for all views."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.access import Forbidden
from dashboard.middleware import Handler
from dashboard.params import BadParameter
from dashboard.streams.errors import (
    Gone,
    NotAllowed,
    NotAStream,
    StreamError,
    UnknownServer,
    Unreachable,
)

STATUS: dict[type[Exception], tuple[int, str]] = {
    UnknownServer: (404, "No such server"),
    Gone: (404, "Not there"),
    NotAStream: (409, "Not a stream"),
    Unreachable: (503, "The server does not answer"),
    NotAllowed: (503, "The server does not allow it"),
    StreamError: (503, "The server refused"),
    BadParameter: (400, "This address cannot be read"),
    Forbidden: (403, "Not allowed"),
}


class ErrorPages:
    """Middleware: turns what views raise into a page with the right status."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        for kind, (status, title) in STATUS.items():
            if isinstance(error, kind):
                return problem(request, status, title, str(getattr(error, "message", error)))
        return None


def problem(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    return render(request, "dashboard/problem.html", {"status": status, "title": title, "text": text}, status=status)
