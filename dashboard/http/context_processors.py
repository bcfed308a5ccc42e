"""What the frame around every page needs: who is here, which servers there are, where one can go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from dashboard import menus
from dashboard.accounts.access import visible_servers
from dashboard.accounts.authenticators import principal_of
from dashboard.accounts.principals import ANONYMOUS, Principal
from dashboard.fleet.store import attention_count
from dashboard.streams.links import Server


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the main navigation. `key`: the keys that lead there; `count`: a number that wants to be seen."""

    label: str
    url: str
    key: str = ""
    count: int | None = None
    current: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """Facts for `base.html`. `server` is the one the address names, None on pages of all servers."""

    signed_in: bool = False
    principal: Principal = ANONYMOUS
    servers: tuple[Server, ...] = ()
    server: Server | None = None
    nav: tuple[Link, ...] = ()
    home: str = ""

    @property
    def production(self) -> int:
        """How many of the servers are production: the badge of a page that is about all of them."""
        return sum(server.config.environment == "production" for server in self.servers)


def frame(request: HttpRequest) -> dict[str, Frame]:
    """Context processor. A stranger gets an empty frame: the name of a server is already news."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"frame": Frame()}
    principal = principal_of(request)
    servers = tuple(visible_servers(principal))
    server = _named(request, servers)
    nav = tuple(_nav(request, principal, server or next(iter(servers), None)))
    return {"frame": Frame(True, principal, servers, server, nav, home=nav[0].url)}


def _named(request: HttpRequest, servers: tuple[Server, ...]) -> Server | None:
    match = request.resolver_match
    name = match.kwargs.get("server") if match else None
    return next((server for server in servers if server.name == name), None)


def _nav(request: HttpRequest, principal: Principal, server: Server | None) -> Iterator[Link]:
    home = reverse("attention")
    yield Link("Attention", home, "g h", attention_count(principal), current=request.path == home)
    if server:
        url = reverse("streams", kwargs={"server": server.name})
        yield Link("Streams", url, "g s", current=request.path.startswith(url))
    for item in menus.nav_for(principal):
        yield Link(item.label, item.url, current=request.path.startswith(item.url))
