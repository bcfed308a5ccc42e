"""Who acts on which stream of which server, and with which parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from dashboard.accounts.principals import Principal
from dashboard.streams.links import Server
from streams_admin.params.base import Params

Model = TypeVar("Model", bound=Params)
Model_co = TypeVar("Model_co", bound=Params, covariant=True)
BATCH = 500
"""Entries per batch, and the most that run within a request."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Who acts on which stream of which server.

    While it runs, `operation` is its number, `reason` what was given for it, and `most` entries make a batch.
    """

    principal: Principal
    server: Server
    key: bytes
    operation: str = field(default="", kw_only=True)
    reason: str = field(default="", kw_only=True)
    most: int = field(default=BATCH, kw_only=True)


@dataclass(frozen=True, slots=True)
class ActionContext(Scope, Generic[Model_co]):
    """An action on a stream: where, by whom, and its parameters."""

    params: Model_co


AnyContext = ActionContext[Any]
"""The context of a verb whose parameters are not looked into."""
