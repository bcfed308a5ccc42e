"""Every error of the API as `application/problem+json` (RFC 9457), with the status a page would have."""

from __future__ import annotations

import logging
from functools import partial
from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from dashboard.http.answers import ALWAYS, Problem, described
from dashboard.http.params import BadParameter
from dashboard.http.problems import STATUS, problem

log = logging.getLogger(__name__)


def describe(schema: dict[str, Any]) -> None:
    """Add to an OpenAPI document what a problem is, what every route can answer, and that parameters may be empty."""
    schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
    for operation in (each for methods in schema["paths"].values() for each in methods.values()):
        found = {**operation["responses"], **described(ALWAYS)}
        operation["responses"] = {status: found[status] for status in sorted(found)}
        for parameter in operation["parameters"]:
            if parameter["in"] == "query":
                parameter["allowEmptyValue"] = True


def handle(api: NinjaAPI) -> None:
    """Make `api` answer every exception with a problem."""
    for kind, meaning in STATUS.items():
        api.add_exception_handler(kind, partial(_known, meaning))
    api.add_exception_handler(ValidationError, _invalid)
    api.add_exception_handler(Http404, _not_found)
    api.add_exception_handler(HttpError, _plain)
    api.add_exception_handler(Exception, _unexpected)


def _known(meaning: tuple[int, str], request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    return problem(*meaning, str(getattr(error, "message", error)), getattr(error, "place", None))


def _invalid(request: HttpRequest, error: ValidationError | type[ValidationError]) -> HttpResponse:
    """All wrong parameters in one sentence each: the last part of a location is the parameter's name."""
    assert isinstance(error, ValidationError)
    said = [f"{found['loc'][-1]}: {found['msg'].removeprefix('Value error, ')}" for found in error.errors]
    status, title = STATUS[BadParameter]
    return problem(status, title, "; ".join(said))


def _not_found(request: HttpRequest, error: Http404 | type[Http404]) -> HttpResponse:
    return problem(404, "Not found", f"Nothing found at {request.path[:200]}.")


def _plain(request: HttpRequest, error: HttpError | type[HttpError]) -> HttpResponse:
    """What ninja itself refuses: no sign-in (401), a missing CSRF token (403), a body that is not JSON (400)."""
    assert isinstance(error, HttpError)
    detail = str(error.__cause__) if isinstance(error.__cause__, BadParameter) else error.message
    response = problem(error.status_code, HTTPStatus(error.status_code).phrase, detail)
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _unexpected(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    log.exception("An API request failed: %s %s", request.method, request.path)
    return problem(500, "Something went wrong", "An error occurred on our side. It was logged.")
