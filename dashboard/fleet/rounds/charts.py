"""The points of all streams and groups of a server: what sparklines draw, and what rules compare."""

from __future__ import annotations

from dashboard.fleet.rounds.points import GONE, NONE, Points

ROUNDS = 60
"""Points of a sparkline: five minutes at a sample every 5 s."""
MINUTE_MS = 60_000


class Charts:
    """A stream and a group have a row each, while they are there."""

    def __init__(self) -> None:
        self.in_rate = Points("f", ROUNDS)
        self.pending, self.lag = Points("f", ROUNDS), Points("f", ROUNDS)
        self._exact_lag = Points("d", span_ms=MINUTE_MS)
        self._lag_ms = Points("d", span_ms=MINUTE_MS)
        self._streams, self._groups = _Rows(), _Rows()

    def begin(self, at_ms: int) -> None:
        """A new round, at a moment of the server's clock."""
        for points in (self.in_rate, *self._of_groups):
            points.begin(at_ms)

    @property
    def _of_groups(self) -> tuple[Points, ...]:
        return self.pending, self.lag, self._exact_lag, self._lag_ms

    def add_stream(self) -> int:
        """Its row."""
        row = self._streams.take()
        self.in_rate.add(row)
        return row

    def add_group(self) -> int:
        """Its row."""
        row = self._groups.take()
        for points in self._of_groups:
            points.add(row)
        return row

    def remove_stream(self, row: int) -> None:
        self._streams.give_back(row)

    def remove_group(self, row: int) -> None:
        self._groups.give_back(row)

    def put_group(self, row: int, pending: int, lag: int | None, lag_ms: int | None) -> None:
        """`lag_ms`: how long ago the group's position was added, while something lies behind it."""
        lag_or_none = NONE if lag is None else lag
        self.pending.now[row] = pending
        self.lag.now[row] = self._exact_lag.now[row] = lag_or_none
        self._lag_ms.now[row] = NONE if lag_ms is None else lag_ms

    def lag_before(self, row: int, at_ms: int) -> int | None:
        """The lag at or just before `at_ms`; None when we have not watched that long."""
        return _whole(self._exact_lag.before(row, at_ms))

    def lags(self, row: int, now_ms: int) -> tuple[tuple[int, int | None], ...]:
        """The lag, and in time, a minute ago, half a minute ago and now; () where one is not known."""
        moments = (now_ms - MINUTE_MS, now_ms - MINUTE_MS // 2, now_ms)
        found = [(_whole(self._exact_lag.before(row, at)), _whole(self._lag_ms.before(row, at))) for at in moments]
        known = tuple((lag, ms) for lag, ms in found if lag is not None)
        return known if len(known) == len(moments) else ()


class _Rows:
    """Numbers from 0 on; those given back are taken again first."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self._count = 0

    def take(self) -> int:
        if self._free:
            return self._free.pop()
        self._count += 1
        return self._count - 1

    def give_back(self, row: int) -> None:
        if row != GONE:
            self._free.append(row)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
