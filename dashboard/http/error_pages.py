"""Errors as pages: what was looked for, what is the case, what to do. One place for all views."""

from __future__ import annotations

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.middleware.csrf import REASON_BAD_ORIGIN
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import ResolverMatch
from django.views.defaults import page_not_found

from dashboard.http import problems
from dashboard.http.middleware import Handler
from dashboard.http.params import BadParameter
from dashboard.http.problems import is_api, known
from dashboard.streams.names import plain


class ErrorPages:
    """Middleware: turns what views raise into a page with the right status."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        found = known(error)
        if found:
            text, wrong = str(getattr(error, "message", error)), _wrong(request, error)
            return problem(request, *found, text, parameter=wrong, place=getattr(error, "place", None))
        return None


def problem(
    request: HttpRequest,
    status: int,
    title: str,
    text: str,
    *,
    parameter: str = "",
    place: tuple[int, int] | None = None,
) -> HttpResponse:
    """`parameter`: the one of the address that cannot be read, and where in it; without it the page is there."""
    context = {"status": status, "title": title, "text": text, "parameter": parameter, "place": place}
    if parameter:
        context |= {"back": _without(request, parameter), "back_to": _page(request.resolver_match)}
    return render(request, "streamgauge/problem.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page of handler400: says which host came, where that is the reason. Without a request: its host is wrong.

    For the API a problem.
    """
    host = request.META.get("HTTP_HOST", "")[:200] if isinstance(exception, DisallowedHost) else ""
    if is_api(request.path_info):
        wrong = f"This site does not answer to the host {host!r}: ALLOWED_HOSTS does not name it."
        return problems.problem(400, "Invalid request", wrong if host else "The request cannot be read.")
    context = {"host": host} if host else {}
    return HttpResponseBadRequest(render_to_string("400.html", context))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What is at an address that nobody serves: a page, or for a program (another version, a slip) a problem."""
    if is_api(request.path_info):
        return problems.problem(404, "Not found", f"Nothing found at {request.path[:200]}.")
    return page_not_found(request, exception)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page of CSRF_FAILURE_VIEW: the form is old, or was sent from an origin that is not the site's (`reason`)."""
    origin = request.headers.get("Origin", "")
    context = {}
    if reason == REASON_BAD_ORIGIN % origin:
        own = f"{request.scheme}://{request.get_host()}"
        context = {"origin": origin[:200], "own": own, "only_scheme": _without_scheme(origin) == _without_scheme(own)}
    return render(request, "403_csrf.html", context, status=403)


def _without_scheme(origin: str) -> str:
    return origin.partition("://")[2]


def _wrong(request: HttpRequest, error: Exception) -> str:
    """The parameter an error is about; "" when it is about something else, or was not in the address."""
    if isinstance(error, BadParameter) and request.method == "GET" and error.parameter in request.GET:
        return error.parameter
    return ""


def _without(request: HttpRequest, parameter: str) -> str:
    """The address that was asked for, all but one parameter."""
    kept = request.GET.copy()
    del kept[parameter]
    return f"{request.path}?{kept.urlencode()}" if kept else request.path


def _page(match: ResolverMatch | None) -> str:
    """What the page is about, for a link back to it."""
    named = match.kwargs if match else {}
    kind = next((kind for kind in ("group", "entry", "stream") if kind in named), "")
    if not kind:
        return f"the streams of {named['server']}" if "server" in named else "the page"
    name = named[kind]
    return f"the {kind} {plain(name) if isinstance(name, bytes) else name}"
