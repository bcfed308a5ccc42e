"""The API as one object: its routers, who may ask, what errors look like. Mounted in `dashboard.urls`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import wraps
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.errors import AuthenticationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.parser import Parser
from ninja.types import DictStrAny

from dashboard.accounts.access import require
from dashboard.accounts.api_auth import Session, Token
from dashboard.accounts.authenticators import principal_of
from dashboard.accounts.permissions import Permission
from dashboard.api import docs, entries, fallback, findings, groups, problems, servers, streams
from dashboard.http import converters  # noqa: F401 - registers them
from dashboard.http.params import BadParameter, UnknownParameter
from dashboard.http.problems import problem


class Api(NinjaAPI):
    """Asks for a sign-in itself: 401 as a problem, not a redirect to a page."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """What generated clients call the function: the name of ours."""
        return operation.view_func.__name__

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        problems.describe(schema)
        return schema

    @property
    def urls(self) -> tuple[list[URLResolver | URLPattern], str, str]:
        patterns, app, namespace = super().urls
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = login_not_required(_with_problems(pattern.callback))
        page = csrf_exempt(login_not_required(_with_problems(docs_page)))  # it takes no form: another method is a 405
        return [path("docs", page, name="docs"), *patterns], app, namespace


def _with_problems(view: Callable[..., Any]) -> Callable[..., Any]:
    """HEAD is answered as GET, of which the server sends no body. A method that is not there is a problem.

    At an address that is not there every method is the same: ninja knows of those that it was told.
    """

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "HEAD":
            request.method = "GET"
        response: HttpResponse = view(request, *args, **kwargs)
        if not isinstance(response, HttpResponseNotAllowed):
            return response
        allowed = [method.strip() for method in response["Allow"].split(",")]
        if set(allowed) >= set(fallback.METHODS):
            request.method = "GET"
            return answered(request, *args, **kwargs)
        return _not_allowed(sorted({*allowed, *(["HEAD"] if "GET" in allowed else [])}))

    return answered


def _not_allowed(methods: list[str]) -> HttpResponse:
    allow = ", ".join(methods)
    refused = problem(405, "Method not allowed", f"Allowed is {allow}.")
    refused["Allow"] = allow
    return refused


def _known_parameters_only(view: Callable[..., Any]) -> Callable[..., Any]:
    """A misspelt filter must not look like an answer without matches. After the sign-in and the other parameters."""
    operation: Operation = vars(view)["_ninja_operation"]  # ninja leaves it there; a decorator is given nothing else
    if not operation.include_in_schema:
        return view
    known = _query_parameters(operation)

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        unknown = next((name for name in request.GET if name not in known), None)
        if unknown is not None:
            allowed = ", ".join(known) or "none"
            raise UnknownParameter(unknown, f"{unknown[:40]!r} is not a parameter of this address; allowed: {allowed}.")
        return view(request, *args, **kwargs)

    return checked


def _query_parameters(operation: Operation) -> list[str]:
    models = (model for model in operation.models if model.__ninja_param_source__ == "query")
    return [name for model in models for name in model.__ninja_flatten_map__]


class JsonBody(Parser):
    """Reads bodies. What it raises is the `__cause__` of ninja's own error."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        """Raises BadParameter for what is no JSON, and for half a character: no database and no answer can keep it."""
        try:
            found: DictStrAny = json.loads(request.body)
        except (ValueError, RecursionError) as error:
            raise BadParameter("body", f"The body is not valid JSON: {error}.") from error
        if b"\\u" in request.body or not request.body.isascii():
            for where, text in _texts(found):
                if _HALF.search(text):
                    raise BadParameter(where, f"{where} is {text[:60]!r}, with half a character (a lone surrogate).")
        return found


_HALF = re.compile("[\ud800-\udfff]")


def _texts(body: object) -> Iterator[tuple[str, str]]:
    """Every text of a body, with the name nearest to it. However deep: JSON may be nested as deep as it is long."""
    left = [(body, "body")]
    while left:
        value, name = left.pop()
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, list):
            left += [(each, name) for each in reversed(value)]
        elif isinstance(value, dict):
            yield from ((f"a name in {name}", inner) for inner in value)
            left += [(each, inner) for inner, each in reversed(value.items())]


DESCRIPTION = """\
What is in Redis Streams, who holds it, and what is stuck. IDs are strings. A value is a string if it is UTF-8, else
`{"base64": "..."}`; a truncated one is `{"text": "...", "bytes": <its length>}`, or with `base64`. A number that is
not known is null, with the reason beside it; one beyond 2^53 is a string of digits. Errors are
`application/problem+json`; only what cannot be read as a request (408, 414, 431) is refused in plain text. Query
parameters that are not listed are refused; one that is empty counts as not given. New entries as they are added come
from `GET /api/v1/live` as server-sent events, or over the WebSocket `/ws/v1/live/`.
"""

api = Api(
    title="Streamgauge",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    auth=[Token(), Session()],
    parser=JsonBody(),
    openapi_url=None,  # both are made below: asked for like everything else, and without a script
    docs_url=None,
)
problems.handle(api)
api.add_decorator(_known_parameters_only)


@api.get("/openapi.json", include_in_schema=False)
def openapi(request: HttpRequest) -> HttpResponse:
    return JsonResponse(api.get_openapi_schema())


@require_safe
def docs_page(request: HttpRequest) -> HttpResponse:
    """For people: signed in, like every page, or with the token they want to read about."""
    try:
        principal = Token()(request)
    except AuthenticationError as error:
        return api.on_exception(request, error)
    if principal is None and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    require(principal_of(request), Permission.SEE)
    found = docs.operations(api.get_openapi_schema())
    context = {"version": api.version, "description": docs.text(DESCRIPTION), "sections": found}
    return render(request, "streamgauge/api_docs.html", context)


for module in (servers, streams, entries, groups, findings):
    api.add_router("", module.router)
if apps.is_installed("streams_admin") and find_spec("streams_admin.api.routes"):
    api.add_router("", "streams_admin.api.routes.router")
api.add_router("", fallback.router)
