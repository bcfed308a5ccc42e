"""What each error means to whoever asked: the status and the title, for pages and API alike."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig
from django.http import JsonResponse

from dashboard.accounts.access import Forbidden
from dashboard.http.answers import MEDIA_TYPE
from dashboard.http.params import BadParameter, UnknownParameter
from dashboard.streams.errors import Gone, NotAllowed, NotAStream, StreamError, UnknownServer, Unreachable

API = "/api/"
"""Where the JSON API begins: its errors are problems, whoever finds them."""
STATUS: dict[type[Exception], tuple[int, str]] = {
    UnknownServer: (404, "Server not found"),
    Gone: (404, "Not found"),
    NotAStream: (409, "Not a stream"),
    Unreachable: (503, "The server does not answer"),
    NotAllowed: (503, "Denied by the server"),
    StreamError: (503, "The server returned an error"),
    RequestDataTooBig: (413, "Too large"),
    UnknownParameter: (422, "Unknown parameter"),
    BadParameter: (400, "Invalid request"),
    Forbidden: (403, "Permission denied"),
}


def known(error: Exception) -> tuple[int, str] | None:
    """Status and title of the nearest kind of an error; None for an error that is our own fault."""
    if isinstance(error, Gone) and error.what:
        return STATUS[Gone][0], f"{error.what.capitalize()} not found"
    return next((STATUS[kind] for kind in type(error).mro() if kind in STATUS), None)


def is_api(path: str) -> bool:
    """Whether a program asks, by the path below the site's prefix."""
    return path.startswith(API)


def body(status: int, title: str, detail: str) -> dict[str, object]:
    """A problem of RFC 9457."""
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}


def problem(status: int, title: str, detail: str, place: tuple[int, int] | None = None) -> JsonResponse:
    """`place`: between which characters of a filter what is wrong stands."""
    where = {"start": place[0], "end": place[1]} if place else {}
    return JsonResponse({**body(status, title, detail), **where}, status=status, content_type=MEDIA_TYPE)
