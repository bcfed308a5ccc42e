"""The servers that are watched."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from dashboard.accounts.access import visible_servers
from dashboard.accounts.authenticators import principal_of
from dashboard.api.shapes import Listing, ServerName, iso_ms, listing
from dashboard.fleet.store import ServerSnapshot, freshen
from dashboard.streams.links import Server
from dashboard.streams.snapshots import Topology

router = Router(tags=["servers"], exclude_unset=True)


class ServerItem(BaseModel):
    """A server."""

    name: ServerName
    title: str = Field(description="its name on pages")
    environment: Literal["production", "staging", "development"] = Field(description="as configured")
    topology: Topology = Field(description="as the server says itself; `unknown` until it has answered")
    flavour: str | None = Field(
        description="the server software, like `Redis` or `Valkey`; null until it has told its version"
    )
    version: str | None = Field(description="its version; null until it has answered")
    status: Literal["up", "down", "unknown"] = Field(description="`unknown` until it has been checked once")
    read_only: bool = Field(description="true if actions on it are disabled on this site")
    error: str = Field("", description="why it is down; only present then")


@router.get("/servers", response=Listing[ServerItem], summary="All servers")
def servers(request: HttpRequest) -> dict[str, Any]:
    """In the order of the configuration."""
    watched = [(server, freshen(server)) for server in visible_servers(principal_of(request))]
    times = [snapshot.at for _, snapshot in watched if snapshot.at]
    as_of = iso_ms(int(min(times) * 1000)) if times else None
    return listing([_item(server, snapshot) for server, snapshot in watched], as_of=as_of)


def _item(server: Server, snapshot: ServerSnapshot) -> dict[str, Any]:
    config, info = server.config, snapshot.info
    return {
        "name": config.name,
        "title": config.title or config.name,
        "environment": config.environment,
        "topology": server.known_facts.topology,
        "flavour": info.flavour if info and info.version else None,
        "version": info.version_text if info and info.version else None,
        "read_only": config.read_only,
        **_status(snapshot),
    }


def _status(snapshot: ServerSnapshot) -> dict[str, Any]:
    if snapshot.error:
        return {"status": "down", "error": snapshot.error}
    return {"status": "unknown" if snapshot.at is None else "up"}
