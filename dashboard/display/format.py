"""Figures, ages and times as people read them.

Pure functions: a number goes in, a short text comes out, NOTHING for what is not there. Units stand after a space
("2 h 14 min", "512 MB"). `static/js/behaviours/relative-time.js` writes ages by the same rule as `age`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
RARE = 0.0005
WEEK = 6
"""Days within which the name of a day says which one it is."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


AHEAD = MINUTE
"""A moment that is later than now by that much is ahead: clocks differ a little. As in the browser."""


def since(at_ms: int | None, now_ms: int, *, ago: bool = False) -> str:
    """The age of a moment, with "ago" where that is wanted: "8 s ago"; "3 d ahead" of one that is well after now."""
    if at_ms is None:
        return NOTHING
    if at_ms - now_ms >= AHEAD:
        return f"{age(at_ms - now_ms)} ahead"
    return f"{age(now_ms - at_ms)}{' ago' if ago else ''}"


def age(milliseconds: int | None) -> str:
    """How long ago or how long, rounded down: "0.2 s", "4 min 12 s", "2 h 14 min", "3 d 2 h". A negative age is 0 s."""
    if milliseconds is None:
        return NOTHING
    ms = max(0, int(milliseconds))
    if ms < MINUTE:
        return f"0.{ms // 100} s" if 100 <= ms < SECOND else f"{ms // SECOND} s"
    if ms < HOUR:
        return _two(ms, MINUTE, "min", SECOND, "s", width=2, until=10)
    if ms < DAY:
        return _two(ms, HOUR, "h", MINUTE, "min", width=2, until=24)
    return _two(ms, DAY, "d", HOUR, "h", width=1, until=10)


def _two(ms: int, unit: int, word: str, part: int, part_word: str, *, width: int, until: int) -> str:
    """A unit and, below `until` of it, the part that is left over: nobody asks for the hours of 41 days."""
    whole, rest = divmod(ms, unit)
    if whole >= until or rest < part:
        return f"{whole:,} {word}"
    return f"{whole} {word} {rest // part:0{width}} {part_word}"


def number(value: int | None) -> str:
    """All digits, in groups of three: "4,031,402". A minus is the long one."""
    return NOTHING if value is None else f"{value:,}".replace("-", MINUS)


def short_number(value: int | None) -> str:
    """All digits below a million, then "4.2 M" and "1.1 bn"."""
    if value is None or abs(value) < 1_000_000:
        return number(value)
    unit, word = (1_000_000, "M") if abs(value) < 999_500_000 else (1_000_000_000, "bn")
    scaled = value / unit
    text = f"{scaled:,.1f}" if abs(scaled) < 99.95 else f"{scaled:,.0f}"
    return f"{text} {word}".replace("-", MINUS)


def size(value: int | None) -> str:
    """Bytes in powers of 1,000: "412 B", "1.2 kB", "611 MB"."""
    if value is None:
        return NOTHING
    if value < 1_000:
        return f"{value} B"
    scaled = float(value)
    for word in ("kB", "MB", "GB", "TB"):  # noqa: B007  (the word that fits is the answer)
        scaled /= 1_000
        if scaled < 999.5:
            break
    return f"{_digits(scaled)} {word}"


def rate(per_second: float | None) -> str:
    """Entries per second, always, so that a column can be compared: "3.1k/s", "41/s", "0.2/s", "0.04/s", "<0.01/s".

    Below RARE it is "0": a mean of the last samples fades and never quite ends.
    """
    if per_second is None:
        return NOTHING
    if per_second < RARE:
        return "0"
    if per_second < 0.095:
        return f"{per_second:.2f}/s" if per_second >= 0.01 else "<0.01/s"
    return f"{_digits(per_second)}/s" if per_second < 999.5 else f"{_digits(per_second / 1_000)}k/s"


def _digits(value: float) -> str:
    """One decimal below ten, none above, and no trailing zero."""
    text = f"{value:,.1f}" if value < 9.95 else f"{value:,.0f}"
    return text.removesuffix(".0")


def epoch_ms(at: datetime) -> int:
    """The millisecond count of a moment."""
    return round(at.timestamp() * 1000)


def moment(epoch_ms: int | None) -> datetime | None:
    """The UTC time of a millisecond count, or None when no calendar has it (IDs need not be times)."""
    if epoch_ms is None:
        return None
    try:
        return EPOCH + timedelta(milliseconds=epoch_ms)
    except OverflowError:
        return None


def iso(at: datetime | None) -> str | None:
    """As JSON tells a time: UTC, with milliseconds and a Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def exact(epoch_ms: int | None, zone: tzinfo = UTC) -> str:
    """The exact time in the reader's zone and in UTC, one line each; "not a time" when no calendar has it."""
    at = moment(epoch_ms)
    if at is None:
        return "not a time"
    try:
        lines = [_line(at.astimezone(zone), _place(zone)), _line(at, "UTC")]
    except OverflowError:  # the first and the last day of the calendar have no neighbour in the reader's zone
        return _line(at, "UTC")
    return "\n".join(dict.fromkeys(lines))


def _line(at: datetime, place: str) -> str:
    return f"{at.strftime(f'%a {at.day} %b {at.year} %H:%M:%S')}.{at.microsecond // 1000:03} {place}"


def _place(zone: tzinfo) -> str:
    """The town of a zone: "Europe/Berlin" is Berlin to its people."""
    return str(zone).rpartition("/")[2].replace("_", " ")


def clock(epoch_ms: int | None, zone: tzinfo = UTC) -> str:
    """The time of day and whose it is, "03:12:35 Berlin", for what is within a day."""
    at = moment(epoch_ms)
    return NOTHING if at is None else f"{at.astimezone(zone):%H:%M:%S} {_place(zone)}"


def plural(count: int | None, one: str, many: str = "") -> str:
    """A count and its noun: "1 entry", "3,201 entries". Without `many`, an s is added."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def percent(part: float, whole: float) -> str:
    """A share for an SVG attribute, always with a dot and within 0% to 100%: "99.8%"."""
    share = 100 * part / whole if whole > 0 else 0.0
    return f"{min(100.0, max(0.0, share)):.2f}".rstrip("0").rstrip(".") + "%"


def abridged(text: str, limit: int = 24) -> str:
    """A name in at most `limit` characters, cut in the middle where the page cannot do it (SVG text)."""
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - tail - 1]}…{text[-tail:]}"


def when(at_ms: int | None, now_ms: int, zone: tzinfo = UTC) -> str:
    """A moment near now as people write it: "14:05" today, "Tue 14:05" within six days, else "28 Nov 14:05"."""
    at, now = moment(at_ms), moment(now_ms)
    if at is None or now is None:
        return NOTHING
    try:
        local, here = at.astimezone(zone), now.astimezone(zone)
    except OverflowError:  # the first and the last day of the calendar
        local, here = at, now
    if local.date() == here.date():
        return f"{local:%H:%M}"
    if abs((local.date() - here.date()).days) <= WEEK:
        return f"{local:%a %H:%M}"
    year = "" if local.year == here.year else f" {local.year}"
    return f"{local.day} {local:%b}{year} {local:%H:%M}"
