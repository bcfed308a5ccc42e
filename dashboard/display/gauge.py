"""Where a group stands in its stream, as positions on one staff.

The staff spans the age of the stream, the first entry at 0% and now at 100%, on a log scale that gives a minute as
much room as a day. All times are milliseconds since 1970. Positions are SVG attributes ("38.55%"): no style is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

from dashboard.display.format import DAY, HOUR, MINUTE, SECOND, abridged, age, number, plural
from dashboard.streams.snapshots import Figure

KNEE_MS = 10 * SECOND  # the scale is even below this age and logarithmic above it
TICKS = (365 * DAY, 30 * DAY, 7 * DAY, DAY, 6 * HOUR, HOUR, 10 * MINUTE, MINUTE, 10 * SECOND, SECOND)
BOTTOM, CHANNEL = 38, 18  # px: lower edge and height of the water
CHARACTER = 0.55  # percent of the width that a character of a label takes on a page 1,200 px wide
PHONE_CHARACTER = 1.7  # and on one of 360 px
GAP = 2.0
BARS = 100  # of the largest holders; all of them are counted in words


@dataclass(frozen=True, slots=True)
class Holder:
    """A consumer with pending entries: its name as text to show, and the times of the oldest and the youngest ID."""

    name: str
    count: int
    oldest_ms: int
    youngest_ms: int
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    kind: str  # "held" or "fresh"
    x: str
    width: str  # "0%" for a single moment: the template gives every bar a foot of a few px
    y: int
    height: int
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    x: str
    text: str
    anchor: str
    minor: bool = False  # left out on a phone


@dataclass(frozen=True, slots=True)
class Pole:
    x: str
    width: str
    filled: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A text with an age in it, which the page counts on."""

    text: str
    extra: str = ""  # left out on a phone
    rest: str = ""
    since_ms: int | None = None
    age: str = ""
    tail: str = ""

    def __str__(self) -> str:
        return self.text + self.extra + self.rest + self.age + self.tail


@dataclass(frozen=True, slots=True)
class Label:
    at: str  # where the line stands
    x: str  # where the text stands: it gives way to its neighbour
    anchor: str
    said: Said
    stuck: bool = False


@dataclass(frozen=True, slots=True)
class Gauge:
    read: str
    ahead: str
    bars: tuple[Bar, ...]
    poles: tuple[Pole, ...]
    ticks: tuple[Tick, ...]
    held_label: Label | None
    read_label: Label
    sentence: str


@dataclass(frozen=True, slots=True)
class Scale:
    now_ms: int
    first_ms: int

    def at(self, epoch_ms: int) -> float:
        """0 (first entry, or older) to 100 (now, or an ID from the future)."""
        return 100 * (1 - _stretch(self.now_ms - epoch_ms) / _stretch(self.now_ms - self.first_ms))

    def within(self, epoch_ms: int) -> float:
        return min(100.0, max(0.0, self.at(epoch_ms)))


def gauge(
    *, now_ms: int, first_ms: int | None, delivered_ms: int | None, holders: Sequence[Holder], lag: Figure
) -> Gauge | None:
    """The staff of a group, None when the stream is empty or its IDs are not times.

    `delivered_ms` is the time of the last delivered ID, None when nothing was read yet.
    """
    if first_ms is None or now_ms <= first_ms:
        return None
    scale = Scale(now_ms, first_ms)
    read = _read_at(scale, delivered_ms, lag)
    read_said = _read_said(now_ms, delivered_ms, lag)
    held = _held_label(scale, holders, limit=100 - _width(str(read_said)) - GAP)
    ticks = tuple(_ticks(scale))
    first = f"first entry, {age(now_ms - first_ms)}"
    return Gauge(
        read=_percent(read),
        ahead=_percent(100 - read),
        bars=tuple(_bars(scale, sorted(holders, key=lambda holder: -holder.count)[:BARS])),
        poles=tuple(_poles([at for at, _ in ticks])),
        ticks=(
            Tick("0%", first, "start"),
            *_tick_labels(ticks, len(first) * PHONE_CHARACTER),
            Tick("100%", "now", "end"),
        ),
        held_label=held[0] if held else None,
        read_label=_read_label(read, read_said, after=held[1] + GAP if held else 0.0),
        sentence=_sentence(now_ms, holders, str(read_said)),
    )


def _stretch(age_ms: int) -> float:
    return log(1 + max(0, age_ms) / KNEE_MS)


def _read_at(scale: Scale, delivered_ms: int | None, lag: Figure) -> float:
    """Where reading stands. With nothing left to read that is now, however long ago the last entry came."""
    if _at_the_end(lag):
        return 100.0
    return 0.0 if delivered_ms is None else scale.within(delivered_ms)


def _at_the_end(lag: Figure) -> bool:
    return lag.value == 0 and not lag.approximate


def _percent(value: float) -> str:
    return f"{value:.2f}%"


def _width(text: str) -> float:
    return len(text) * CHARACTER


def _ticks(scale: Scale) -> Iterable[tuple[float, str]]:
    """The round ages that have room beside each other and beside both ends."""
    last = 2.0
    for step in TICKS:
        at = scale.at(scale.now_ms - step)
        if last + 9 <= at <= 94:
            yield at, age(step)
            last = at


def _tick_labels(ticks: Iterable[tuple[float, str]], first_ends: float) -> Iterable[Tick]:
    """A phone has room for a label every 25%, after the longer one of the first entry."""
    free = first_ends + 6
    for at, text in ticks:
        minor = not free <= at <= 88
        free = free if minor else at + 25
        yield Tick(_percent(at), text, "middle", minor)


def _poles(ticks: Sequence[float]) -> Iterable[Pole]:
    edges = [0.0, *ticks, 100.0]
    for index, (start, end) in enumerate(pairwise(edges)):
        yield Pole(_percent(start), _percent(end - start), filled=index % 2 == 0)


def _bars(scale: Scale, holders: Sequence[Holder]) -> Iterable[Bar]:
    """One bar per holder, the largest as high as the water; the silent ones last, so that nothing covers them."""
    most = max((holder.count for holder in holders), default=1)
    for holder in sorted(holders, key=lambda holder: holder.silent):
        start, end = scale.within(holder.oldest_ms), scale.within(holder.youngest_ms)
        height = max(2, round(CHANNEL * holder.count / most))
        oldest = age(scale.now_ms - holder.oldest_ms)
        title = f"{holder.name}: {plural(holder.count, 'entry', 'entries')}, oldest {oldest}"
        kind = "held" if holder.silent else "fresh"
        yield Bar(kind, _percent(start), _percent(max(0.0, end - start)), BOTTOM - height, height, title)


def _held_label(scale: Scale, holders: Sequence[Holder], *, limit: float) -> tuple[Label, float] | None:
    """What is held, said once for all holders of the worse kind, and where the text ends."""
    if not holders:
        return None
    worst = [holder for holder in holders if holder.silent] or list(holders)
    oldest = min(holder.oldest_ms for holder in worst)
    by = abridged(worst[0].name) if len(worst) == 1 else plural(len(worst), "consumer")
    count = number(sum(holder.count for holder in worst))
    said = Said(f"{count} held", f" by {by}", ", oldest ", oldest, age(scale.now_ms - oldest))
    at = scale.within(oldest)
    x, anchor, end = _placed(at, _width(str(said)), limit)
    return Label(_percent(at), _percent(x), anchor, said, worst[0].silent), end


def _placed(at: float, width: float, limit: float) -> tuple[float, str, float]:
    """A label starts at its line, stands over it, or ends at it: so it fits between 0% and `limit` on any screen."""
    if at < 42:
        return at, "start", at + width
    if at <= 58:
        return at, "middle", at + width / 2
    end = min(at, limit)
    return end, "end", end


def _read_label(read: float, said: Said, *, after: float) -> Label:
    x = max(read, after)
    if x + _width(str(said)) <= 100:
        return Label(_percent(read), _percent(x), "start", said)
    return Label(_percent(read), "100%", "end", said)


def _read_said(now_ms: int, delivered_ms: int | None, lag: Figure) -> Said:
    known = "unknown" if lag.value is None else f"{'about ' if lag.approximate else ''}{number(lag.value)}"
    if _at_the_end(lag):
        return Said("read to the end")
    if delivered_ms is None:
        return Said(f"nothing read yet, lag {known}")
    return Said("read up to ", since_ms=delivered_ms, age=age(now_ms - delivered_ms), tail=f" ago, lag {known}")


def _sentence(now_ms: int, holders: Sequence[Holder], read_text: str) -> str:
    """The whole staff for those who do not see it."""
    pending = "Nothing is pending"
    if holders:
        count = plural(sum(holder.count for holder in holders), "entry", "entries")
        oldest = age(now_ms - min(holder.oldest_ms for holder in holders))
        pending = f"{count} pending with {plural(len(holders), 'consumer')}, oldest {oldest}"
    return f"Position of the group in the stream. {pending}; {read_text}."
