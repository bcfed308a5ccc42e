"""A mistyped parameter must not make an action do more than was meant: what an action does not know is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streams_admin.errors import BadParameters


class Asked(Mapping[str, Any]):
    """Parameters that remember which of them an action has asked for: those are the ones it knows."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._unknown = dict.fromkeys(given)

    def __getitem__(self, name: str) -> Any:
        self._unknown.pop(name, None)
        return self._given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)

    def refuse_unknown(self, slug: str) -> None:
        """Raises BadParameters."""
        for name in self._unknown:
            raise BadParameters(f"params has {name[:40]!r}, which {slug} does not accept here.")
