"""The one extension point: who offers actions for a stream, group, consumer or entry, and what was done there last.

A page asks and does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

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


@dataclass(frozen=True, slots=True)
class LastAction:
    """What somebody did. `url`: where that is described."""

    who: str
    label: str
    url: str


Moment = tuple[Target, datetime]
"""Where, and just before when."""
LastActions = Callable[[Principal, Sequence[Moment]], Sequence[LastAction | None]]
Provider = Callable[[Principal, Target], Iterable[Item]]
NavProvider = Callable[[Principal], Iterable[Item]]

_providers: list[Provider] = []
_nav: list[NavProvider] = []
_last_actions: list[LastActions] = []


def register(provider: Provider) -> None:
    """Called at start-up by an app that offers actions."""
    if provider not in _providers:
        _providers.append(provider)


def register_nav(provider: NavProvider) -> None:
    """Called at start-up by an app that has pages of its own."""
    if provider not in _nav:
        _nav.append(provider)


def register_last_actions(provider: LastActions) -> None:
    """Called at start-up by an app that keeps what was done."""
    if provider not in _last_actions:
        _last_actions.append(provider)


def items_for(principal: Principal, target: Target) -> list[Item]:
    """What this principal is offered here; [] when nobody offers anything."""
    return [item for provider in _providers for item in provider(principal, target)]


def nav_for(principal: Principal) -> list[Item]:
    """Pages of other apps for the masthead."""
    return [item for provider in _nav for item in provider(principal)]


def last_actions(principal: Principal, moments: Sequence[Moment]) -> list[LastAction | None]:
    """What was done there just before these moments, as far as the principal may know; None where nothing was."""
    answers = [provider(principal, moments) for provider in _last_actions]
    return [next(filter(None, found), None) for found in zip(*answers, strict=True)] or [None] * len(moments)
