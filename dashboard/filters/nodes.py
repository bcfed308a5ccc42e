"""What a filter consists of. Equal filters are equal values; `str` writes one so that it is read as the same again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from dashboard.filters.quoting import quoted, to_bytes
from dashboard.streams.ids import StreamId

Order = Literal["<", "<=", ">", ">="]
Sign = Literal["=", "!=", "~", "<", "<=", ">", ">="]
_BARE = re.compile(r"[A-Za-z_$@][A-Za-z0-9_$@:-]*")
_RESERVED = ("not", "has", "and", "or", "contains", "id", "time")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of entries by its name, or (`path`) a part of the JSON in it: keys are texts, indexes numbers.

    `whole`: path and all as one name, where it may be meant as one; a field of that name comes first.
    """

    name: bytes
    path: tuple[str | int, ...] = ()
    whole: bytes = b""

    @property
    def names(self) -> Iterator[bytes]:
        """What a mask may call it: the field, and the place in it, with and without indexes."""
        yield self.name
        if self.path:
            yield b".".join((self.name, *(to_bytes(step) for step in self.path if isinstance(step, str))))
        if self.whole:
            yield self.whole

    def __str__(self) -> str:
        if self.whole:
            return self.whole.decode("utf-8", "surrogatepass")
        name = self.name.decode("latin-1")
        plain = _BARE.fullmatch(name) and (self.path == () and name.lower() not in _RESERVED)
        return (name if plain else quoted(self.name)) + "".join(map(_step, self.path))


def _step(step: str | int) -> str:
    return f"[{step}]" if isinstance(step, int) else f".{quoted(to_bytes(step))}"


@dataclass(frozen=True, slots=True)
class Condition:
    """A field compared with a value. `number`: it is compared by that; None: as text. `~` is `contains`."""

    field: Field
    sign: Sign
    value: bytes
    number: Decimal | None = None

    def __str__(self) -> str:
        value = quoted(self.value) if self.number is None else self.value.decode()
        return f"{self.field} {'contains' if self.sign == '~' else self.sign} {value}"


@dataclass(frozen=True, slots=True)
class Has:
    """The field is there, whatever is in it."""

    field: Field

    def __str__(self) -> str:
        return f"has {self.field}"


@dataclass(frozen=True, slots=True)
class IdBound:
    """The entry's own ID, compared with one."""

    sign: Literal["=", "!=", "<", "<=", ">", ">="]
    id: StreamId

    def __str__(self) -> str:
        return f"id {self.sign} {self.id}"


@dataclass(frozen=True, slots=True)
class TimeBound:
    """The time of the entry's ID, compared with one in ms since 1970."""

    sign: Order
    ms: int

    def __str__(self) -> str:
        return f"time {self.sign} {self.ms}"


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Node

    def __str__(self) -> str:
        return f"not {_grouped(self.part, And, Or)}"


@dataclass(frozen=True, slots=True)
class And:
    """All parts, at least two. None of them is an And itself: make it with `joined`."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " and ".join(_grouped(part, Or) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """Any part, of at least two. None of them is an Or itself: make it with `joined`."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.parts))


Node = Condition | Has | IdBound | TimeBound | Not | And | Or


def joined(kind: type[And] | type[Or], parts: Iterable[Node]) -> Node:
    """Several parts as one node, those of the same kind laid open; one part is itself."""
    flat = tuple(_laid_open(kind, parts))
    return flat[0] if len(flat) == 1 else kind(flat)


def _laid_open(kind: type[And] | type[Or], parts: Iterable[Node]) -> Iterator[Node]:
    for part in parts:
        yield from part.parts if isinstance(part, kind) else (part,)


def _grouped(part: Node, *kinds: type[And] | type[Or]) -> str:
    return f"({part})" if isinstance(part, kinds) else str(part)
