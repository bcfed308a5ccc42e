"""What `GET /api/v1/live` asks for: one watch by parameters, or several as the frames that a WebSocket is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import QueryDict
from django.http.cookie import parse_cookie
from django.http.request import split_domain_port, validate_host

from dashboard.accounts.authenticators import Credentials
from dashboard.live import encoding, subscription
from dashboard.live.admission import origins
from dashboard.live.connections.connection import MAX_WATCHES
from dashboard.live.encoding import ProtocolError
from dashboard.live.framing import Frame
from dashboard.live.sending.positions import BadPositions, place_of, resumed

PARAMETERS = ("id", "topic", "server", "stream", "group", "operation", "after", "epoch", "where", "as")
"""Of one watch: the names it has in a frame. `column` and `streams` are repeated; `watch` is a frame of its own."""
LISTS = {"column": "columns", "streams": "streams"}
ONE = "live"
"""The id of the watch of a request that gives none."""


class Refused(Exception):
    """The request is answered with a problem instead of a stream."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail


class EventRequest:
    """One request, by its ASGI scope."""

    def __init__(self, scope: Any) -> None:
        self._query_string: bytes = scope["query_string"]
        self._headers = {name: value.decode("latin-1") for name, value in scope["headers"]}

    def check_origin(self) -> None:
        """As for a WebSocket, but that a browser says no origin where a page asks its own site. Raises Refused."""
        host, origin = self._headers.get(b"host", ""), self._headers.get(b"origin")
        name, _ = split_domain_port(host)
        if not name or not validate_host(name, settings.ALLOWED_HOSTS):
            raise Refused(400, "Invalid request", "This site does not go by that name: see ALLOWED_HOSTS.")
        foreign = self._headers.get(b"sec-fetch-site", "none") not in ("same-origin", "none")
        if (origin and not origins.allowed(origin, host)) or (foreign and not origin):
            raise Refused(403, "Permission denied", "This request came from another site and was blocked.")

    def credentials(self) -> Credentials:
        """A token in the header, else the session of a signed-in browser."""
        kind, _, token = self._headers.get(b"authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return Credentials(token=token.strip())
        return Credentials(session=parse_cookie(self._headers.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME))

    def watches(self) -> list[Frame]:
        """What is to be watched, a frame for each stream, from where the last event left it. Raises Refused."""
        try:
            query = QueryDict(self._query_string)
            asked = [encoding.parse(text) for text in query.getlist("watch")] or [_one(query)]
            frames = [frame for each in asked for frame in subscription.expanded(each)]
            _check(frames)
            return resumed(frames, self._headers.get(b"last-event-id", ""))
        except (ProtocolError, BadPositions, SuspiciousOperation, RequestDataTooBig) as error:
            raise Refused(400, "Invalid request", getattr(error, "message", str(error))) from error


def _check(frames: Sequence[Frame]) -> None:
    if len(frames) > MAX_WATCHES:
        raise Refused(400, "Invalid request", f"At most {MAX_WATCHES} topics can be watched at a time.")
    if any(frame["type"] != "watch" for frame in frames):
        raise Refused(400, "Invalid request", "watch must be a frame of the type “watch”.")
    if len(set(map(place_of, frames))) < len(frames):
        raise Refused(400, "Invalid request", "Each watch needs an id of its own.")


def _one(query: QueryDict) -> Frame:
    unknown = set(query) - {*PARAMETERS, *LISTS}
    if unknown:
        raise Refused(422, "Unknown parameter", f"There is no parameter “{min(unknown)[:100]}” here.")
    frame: Frame = {name: query[name] for name in PARAMETERS if name in query}
    lists = {name: query.getlist(parameter) for parameter, name in LISTS.items() if parameter in query}
    return {"type": "watch", "id": ONE, **frame, **lists}
