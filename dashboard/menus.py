"""The one extension point: who offers actions for a stream, group, consumer or entry. A page asks and does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dashboard.accounts.principals import Principal
from dashboard.streams.ids import StreamId


@dataclass(frozen=True, slots=True)
class Target:
    """What a menu is asked for. The most specific part that is set is meant."""

    server: str
    stream: bytes
    group: bytes | None = None
    consumer: bytes | None = None
    entry: StreamId | None = None
    kind: str = ""
    """The kind of finding the target has, when a page asks for its next step."""


@dataclass(frozen=True, slots=True)
class Item:
    """A link that opens a plan (or, in the navigation, a page)."""

    label: str
    url: str
    slug: str = ""
    danger: bool = False
    primary: bool = False


Provider = Callable[[Principal, Target], Iterable[Item]]
NavProvider = Callable[[Principal], Iterable[Item]]

_providers: list[Provider] = []
_nav: list[NavProvider] = []


def register(provider: Provider) -> None:
    """Called at start-up by an app that offers actions."""
    if provider not in _providers:
        _providers.append(provider)


def register_nav(provider: NavProvider) -> None:
    """Called at start-up by an app that has pages of its own."""
    if provider not in _nav:
        _nav.append(provider)


def items_for(principal: Principal, target: Target) -> list[Item]:
    """What this principal is offered here; [] when nobody offers anything."""
    return [item for provider in _providers for item in provider(principal, target)]


def nav_for(principal: Principal) -> list[Item]:
    """Pages of other apps for the masthead."""
    return [item for provider in _nav for item in provider(principal)]
