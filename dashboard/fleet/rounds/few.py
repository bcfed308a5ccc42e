"""A mapping for many owners that mostly hold one thing each."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, ValuesView
from typing import TypeVar

V = TypeVar("V")


class Few(MutableMapping[bytes, V]):
    """As a dict, in a quarter of its room while it has one item. In the order in which they came."""

    __slots__ = ("_items", "_name", "_only")

    def __init__(self) -> None:
        self._name: bytes | None = None
        self._only: V | None = None
        self._items: dict[bytes, V] | None = None
        """From the second on."""

    def __getitem__(self, name: bytes) -> V:
        if self._items is not None:
            return self._items[name]
        if self._only is None or name != self._name:
            raise KeyError(name)
        return self._only

    def __setitem__(self, name: bytes, value: V) -> None:
        if self._items is None and (self._only is None or name == self._name):
            self._name, self._only = name, value
            return
        if self._items is None:
            self._items = dict(self.items())
            self._name = self._only = None
        self._items[name] = value

    def __delitem__(self, name: bytes) -> None:
        if self._items is not None:
            del self._items[name]
            return
        self[name]
        self._name = self._only = None

    def __iter__(self) -> Iterator[bytes]:
        if self._items is not None:
            return iter(self._items)
        return iter(() if self._name is None else (self._name,))

    def values(self) -> ValuesView[V]:
        """Without the detour of the class above: every stream is asked in every round."""
        if self._items is not None:
            return self._items.values()
        only: dict[bytes | None, V] = {} if self._only is None else {self._name: self._only}
        return only.values()

    def __len__(self) -> int:
        return len(self._items) if self._items is not None else int(self._name is not None)
