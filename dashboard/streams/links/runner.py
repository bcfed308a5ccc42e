"""Runs a query to its end over a link: one loop for both modes, so that both honour the same options."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TypeVar

from dashboard.streams.links.base import Link
from dashboard.streams.links.deadlines import deadline_passed, waiting
from dashboard.streams.queries import Command, Query
from dashboard.streams.replies import Reply

T = TypeVar("T")
Rounds = Generator[Sequence[Command], list[Reply], T]


def run(link: Link, query: Query[T]) -> T:
    """The value of a query. An optional round is left out once the deadline has passed. Raises StreamError."""
    rounds = _rounds(query)
    commands = next(rounds)
    while True:
        with waiting():
            replies = link.exchange(commands)
        try:
            commands = rounds.send(replies)
        except StopIteration as done:
            value: T = done.value
            return value


async def arun(link: Link, query: Query[T]) -> T:
    """As `run`, on the running event loop."""
    rounds = _rounds(query)
    commands = next(rounds)
    while True:
        with waiting():
            replies = await link.aexchange(commands)
        try:
            commands = rounds.send(replies)
        except StopIteration as done:
            value: T = done.value
            return value


def _rounds(query: Query[T]) -> Rounds[T]:
    """Yields the commands of each round trip and takes their replies; returns the value."""
    value = query.parse((yield query.build()))
    following = query.then(value)
    while following is not None and not (following.optional and deadline_passed()):
        value = following.parse((yield following.build()))
        following = following.then(value)
    return value
