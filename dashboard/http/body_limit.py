"""What a request may weigh, before anybody has looked at who sends it."""

from __future__ import annotations

from typing import Any

from dashboard.http.middleware import CSP

BODY_BYTES = 2**20
"""Nothing of ours is larger. A proxy in front should refuse earlier: Daphne has read the body when we are asked."""

_TOO_LARGE = b"The request is larger than 1 MiB and was refused.\n"
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
            await _refuse(send)


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


async def _refuse(send: Any) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(_TOO_LARGE)).encode()), *_SAFE]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": _TOO_LARGE})
