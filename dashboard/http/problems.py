"""What each error means to whoever asked: the status and the title, for pages and API alike."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig

from dashboard.accounts.access import Forbidden
from dashboard.http.params import BadParameter, UnknownParameter
from dashboard.streams.errors import Gone, NotAllowed, NotAStream, StreamError, UnknownServer, Unreachable

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
