"""What a request may weigh, before anybody has looked at who sends it."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings

from dashboard.http import problems
from dashboard.http.answers import MEDIA_TYPE
from dashboard.http.middleware import CSP
from dashboard.http.problems import is_api

BODY_BYTES = 2**20
"""Nothing of ours is larger. A proxy in front should refuse earlier: Daphne has read the body when we are asked."""

_TOO_LARGE = "The request is larger than 1 MiB and was refused."
_SAFE = [(b"content-security-policy", CSP.encode()), (b"x-content-type-options", b"nosniff")]


class BodyLimit:
    """ASGI wrapper: 413 for a body that says, or proves, to be larger than BODY_BYTES."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, announced = _Counted(receive), _announced(scope)
        if announced <= BODY_BYTES:
            await self.app(scope, body, send)
        if announced > BODY_BYTES or body.too_large:
            await _refuse(scope["path"], send)


class _Counted:
    """`receive` that ends the request once too much has come. Nothing is answered then: the body is read before."""

    def __init__(self, receive: Any) -> None:
        self.receive = receive
        self.seen = 0

    async def __call__(self) -> Any:
        message = await self.receive()
        self.seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self.too_large else message

    @property
    def too_large(self) -> bool:
        return self.seen > BODY_BYTES


def _announced(scope: dict[str, Any]) -> int:
    text = dict(scope["headers"]).get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0


async def _refuse(path: str, send: Any) -> None:
    kind, body = b"text/plain", f"{_TOO_LARGE}\n".encode()
    if is_api(path.removeprefix(settings.FORCE_SCRIPT_NAME or "")):
        kind, body = MEDIA_TYPE.encode(), json.dumps(problems.body(413, "Too large", _TOO_LARGE)).encode()
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *_SAFE]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
