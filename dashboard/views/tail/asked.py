"""What the tail of several streams is asked for: the query string of its page."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dashboard import filters
from dashboard.http import params
from dashboard.http.params import BadParameter
from dashboard.streams.names import BadName, from_path, to_path

MOST = 20
"""Streams on one page: as many as a connection may watch."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`streams` each once, in the order of the address. `add`: a name as somebody types it, to be one more of them."""

    streams: tuple[bytes, ...]
    add: str
    where: str
    columns: tuple[bytes, ...]

    @classmethod
    def of(cls, query: params.Query) -> Asked:
        """Raises BadParameter."""
        return cls(
            streams=_streams(query),
            add=params.text(query, "add", most=1000),
            where=params.text(query, "where", most=filters.MAX_LENGTH),
            columns=params.names(query, "column"),
        )

    @property
    def paths(self) -> str:
        return ",".join(map(to_path, self.streams))

    @property
    def others(self) -> tuple[tuple[bytes, str], ...]:
        """For each stream the address of the page without it."""
        return tuple((key, self._with(*(other for other in self.streams if other != key))) for key in self.streams)

    def address(self) -> str:
        columns = [to_path(name) for name in self.columns]
        return params.address({"streams": self.paths, "where": self.where, "column": columns})

    def added(self) -> str:
        """The address of the page with the stream that is to be added."""
        return self._with(*dict.fromkeys((*self.streams, self.add.encode())))

    def _with(self, *streams: bytes) -> str:
        return replace(self, streams=streams).address()


def _streams(query: params.Query) -> tuple[bytes, ...]:
    paths = [path for found in query.getlist("streams") for path in found.split(",") if path]
    try:
        keys = tuple(dict.fromkeys(map(from_path, paths)))
    except BadName as error:
        raise BadParameter("streams", f"streams: {error}") from error
    if len(keys) > MOST:
        raise BadParameter("streams", f"streams names {len(keys)} streams; allowed: at most {MOST}.")
    return keys
