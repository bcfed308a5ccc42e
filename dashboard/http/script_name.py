"""The path that FORCE_SCRIPT_NAME puts in front of the site, whether or not the proxy in front has stripped it."""

from __future__ import annotations

from typing import Any


class ScriptName:
    """ASGI wrapper: `path` holds the prefix, as ASGI has it, so that addresses made of a request hold it too."""

    def __init__(self, app: Any, prefix: str | None) -> None:
        self.app = app
        self.prefix = (prefix or "").rstrip("/")

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope["path"]
        if path != self.prefix and not path.startswith(f"{self.prefix}/"):
            scope = {**scope, "path": self.prefix + path}
        await self.app(scope, receive, send)
