"""Errors as pages: what was looked for, what is the case, what to do. One place for all views."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.middleware import Handler
from dashboard.problems import known


class ErrorPages:
    """Middleware: turns what views raise into a page with the right status."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        found = known(error)
        if found:
            return problem(request, *found, str(getattr(error, "message", error)))
        return None


def problem(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    return render(request, "dashboard/problem.html", {"status": status, "title": title, "text": text}, status=status)
