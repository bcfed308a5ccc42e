"""Stream IDs: two unsigned 64-bit integers, milliseconds and sequence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

from dashboard.streams.errors import BadId

TOP = 2**64 - 1
_ID = re.compile(r"[0-9]{1,20}(-[0-9]{1,20})?")
_MS = re.compile(r"[0-9]{1,20}")
_AGO = re.compile(r"-([0-9]{1,6}) ?(ms|s|min|m|h|d|w)")
_CLOCK = re.compile(r"(?:(today|yesterday) )?([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# IDs are free to be anything; only these look like a clock: 2001 to 2286.
PLAUSIBLE_MS = range(10**12, 10**13)


@dataclass(frozen=True, slots=True, order=True)
class StreamId:
    """An entry's ID. Ordered as Redis orders it."""

    ms: int
    seq: int

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """``b"1763596680412-0"`` or the same as text; BadId for anything else, numbers beyond 64 bits included."""
        if isinstance(text, bytes):
            text = text.decode("latin-1")
        ms, _, seq = text.partition("-")  # a page parses thousands: a pattern would take twice as long
        if text.isascii() and ms.isdigit() and seq.isdigit() and len(ms) <= 20 and len(seq) <= 20:
            found = cls(int(ms), int(seq))
            if found.ms <= TOP and found.seq <= TOP:
                return found
        raise BadId(f"{text[:60]!r} is not a stream ID (like 1763596680412-0).")

    @classmethod
    def bound(cls, text: str, *, upper: bool = False) -> Self:
        """As `parse`, and bare milliseconds too: their first ID, or their last one when `upper`."""
        if _MS.fullmatch(text) and int(text) <= TOP:
            return cls(int(text), TOP if upper else 0)
        return cls.parse(text)

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"

    def next(self) -> StreamId:
        """The smallest ID above this one; the top stays the top."""
        if self.seq < TOP:
            return StreamId(self.ms, self.seq + 1)
        return StreamId(self.ms + 1, 0) if self.ms < TOP else self

    def prev(self) -> StreamId:
        """The largest ID below this one; 0-0 stays 0-0."""
        if self.seq > 0:
            return StreamId(self.ms, self.seq - 1)
        return StreamId(self.ms - 1, TOP) if self.ms > 0 else self

    @property
    def clock_ms(self) -> int | None:
        """When the entry was added, in ms since 1970, if the ID came from a clock, else None."""
        return self.ms if self.ms in PLAUSIBLE_MS else None

    def time(self) -> datetime | None:
        """`clock_ms` as a moment (UTC)."""
        return None if self.clock_ms is None else _EPOCH + timedelta(milliseconds=self.clock_ms)

    def age_ms(self, now_ms: int) -> int | None:
        """Milliseconds from the ID's time to the server's `now_ms`, never below 0.

        None without a plausible time: one that lies well after the server's clock is none either.
        """
        if self.clock_ms is None or ahead_ms(self, now_ms) is not None:
            return None
        return max(0, now_ms - self.clock_ms)


AHEAD_MS = 60_000
"""How far an ID may lie after the server's clock before that is worth a word: clocks differ a little."""


def ahead_ms(id_: StreamId, now_ms: int) -> int | None:
    """How far an ID that is a time lies after the server's clock; None where it does not, or hardly."""
    ahead = 0 if id_.clock_ms is None else id_.clock_ms - now_ms
    return ahead if ahead >= AHEAD_MS else None


MIN = StreamId(0, 0)
MAX = StreamId(TOP, TOP)


def parse_position(text: str, *, now: datetime, upper: bool = False) -> StreamId:
    """An ID, milliseconds, or a time as people write it, read in the zone of the aware `now`.

    "-2h", "14:05", "yesterday 09:00", "2026-11-20", "2026-11-20 14:05". A clock time later than now means yesterday's.
    BadId when it is none of these.
    """
    text = text.strip()
    if _ID.fullmatch(text):
        return StreamId.bound(text, upper=upper)
    moment = _ago(text, now) or _clock(text, now) or _iso(text, now.tzinfo)
    ms = -1 if moment is None else (moment - _EPOCH) // timedelta(milliseconds=1)
    if ms < 0:
        raise BadId(f"{text[:60]!r} is neither an ID nor a time (try 1763596680412-0, 14:05, yesterday 09:00, -2h).")
    return StreamId(ms, TOP if upper else 0)


def is_time(text: str) -> bool:
    """Whether `parse_position` takes it as a time and not as an ID, given that it takes it."""
    return not _ID.fullmatch(text.strip())


def _ago(text: str, now: datetime) -> datetime | None:
    match = _AGO.fullmatch(text)
    if not match:
        return None
    try:  # in UTC: on a local clock "-2h" would be one or three hours when the clocks change
        return now.astimezone(UTC) - timedelta(milliseconds=int(match[1]) * _UNITS[match[2]])
    except OverflowError:
        return None


def _clock(text: str, now: datetime) -> datetime | None:
    match = _CLOCK.fullmatch(text)
    if not match:
        return None
    try:
        moment = now.replace(hour=int(match[2]), minute=int(match[3]), second=int(match[4] or 0), microsecond=0)
    except ValueError:
        return None
    earlier = match[1] == "yesterday" or (match[1] is None and moment > now)
    return moment - timedelta(days=1) if earlier else moment


def _iso(text: str, zone: tzinfo | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
