"""Template filters. Each forwards to one pure function, so that a page and a sentence say the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC

from django import template
from django.utils import timezone
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard.display import format as words
from dashboard.display import name_parts
from dashboard.display.sparkline import Spark
from dashboard.display.sparkline import spark as draw
from dashboard.streams import links, names
from dashboard.streams.ids import StreamId
from dashboard.streams.payloads.pieces import Piece, pieces

register = template.Library()

register.filter("age", words.age)
register.filter("number", words.number)
register.filter("short_number", words.short_number)
register.filter("size", words.size)
register.filter("rate", words.rate)
register.filter("pathname", names.to_path)
register.filter("display", names.display)
register.filter("plain", names.plain)
register.filter("pieces", pieces)
register.filter("server_title", links.title_of)


@register.filter
def legible(text: object) -> str:
    """A sentence that somebody else's words stand in: what must not be printed as itself is spelt out."""
    return "".join(piece for _, piece in pieces(str(text)))


@register.filter
def since(epoch_ms: int | None, now_ms: int) -> str:
    """`{{ at|since:now }}`: the age of a moment."""
    return words.age(None if epoch_ms is None else now_ms - epoch_ms)


@register.filter
def before(duration_ms: int | None, now_ms: int) -> int | None:
    """`{{ idle|before:now }}`: the moment since which, so that a page can count on."""
    return None if duration_ms is None else now_ms - duration_ms


@register.simple_tag
def now_ms() -> int:
    """Our own clock, for the age of what a server that does not answer has last said."""
    return int(time.time() * 1000)


@register.filter
def made_ms(id_: StreamId | None) -> int | None:
    """When the entry of an ID was added, as its ID says; None without one, and for one that is no clock's."""
    return id_.clock_ms if id_ else None


@register.filter
def exact(epoch_ms: int | None) -> str:
    """The exact time in the reader's zone and in UTC, a line each."""
    return words.exact(epoch_ms, timezone.get_current_timezone())


@register.filter
def exact_line(epoch_ms: int | None) -> str:
    """The exact time in the reader's zone, which it names."""
    return exact(epoch_ms).partition("\n")[0]


@register.filter
def clock(epoch_ms: int | None) -> str:
    """The time of day in the reader's zone, which it names."""
    return words.clock(epoch_ms, timezone.get_current_timezone())


@register.filter
def machine_time(epoch_ms: int | None) -> str:
    """For the `datetime` attribute of <time>; "" when no calendar has it."""
    at = words.moment(epoch_ms)
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds")


@register.filter
def plural(count: int | None, nouns: str) -> str:
    """`{{ n|plural:"entry,entries" }}` or `{{ n|plural:"stream" }}`: the count with its noun."""
    one, _, many = nouns.partition(",")
    return words.plural(count, one, many)


@register.filter
def percent(part: float, whole: float) -> str:
    """`{{ part|percent:whole }}` for an SVG attribute."""
    return words.percent(part, whole)


@register.filter
def marked(pieces: Sequence[Piece]) -> SafeString:
    """Pieces as they stand on a page: text escaped, what must not be printed as itself in a mark."""
    if len(pieces) == 1 and pieces[0][0] == "text":  # nearly always
        return escape(pieces[0][1])
    return format_html_join("", "{}{}", (_mark(kind, text) for kind, text in pieces))


def _mark(kind: str, text: str) -> tuple[SafeString | str, str]:
    return (format_html('<span class="byte">{}</span>', text), "") if kind == "byte" else (text, "")


@register.filter
def cut(name: bytes) -> SafeString:
    """A name inside an element of class `name`: its head, which the page may cut, and the tail of a long one."""
    parts = name_parts.name_parts(names.display(name))
    if not parts.head:
        return format_html('<i class="zero">{}</i>', "empty name")
    tail = format_html("<i>{}</i>", marked(parts.tail)) if parts.tail else ""
    return format_html("<i>{}</i>{}", marked(parts.head), tail)


@register.filter
def spark(values: Sequence[float | None] | None) -> Spark | None:
    """A sparkline for a fact or a cell."""
    return draw(values)


@register.filter
def spark_wide(values: Sequence[float | None] | None) -> Spark | None:
    """A sparkline that has a column of its own."""
    return draw(values, width=96, height=24)


@register.filter
def short(pieces: Sequence[Piece], limit: int) -> tuple[Piece, ...]:
    """The first pieces of a value, about `limit` characters, for one line."""
    found: list[Piece] = []
    left = limit
    for kind, text in pieces:
        if left <= 0:
            break
        found.append((kind, text[:left]) if kind == "text" else (kind, text))
        left -= len(text)
    return tuple(found)


@register.filter
def split_words(text: str) -> list[str]:
    """Words of a literal, to loop over."""
    return text.split()


@register.filter
def join_lines(lines: Sequence[str]) -> str:
    """Lines of commands as one text."""
    return "\n".join(lines)


@register.filter(name="words")
def spaced(word: str) -> str:
    """`already_acknowledged` as people write it."""
    return word.replace("_", " ")


@register.filter
def from_pathname(path: str) -> bytes:
    """The name a path name stands for; what is not one stands for itself."""
    try:
        return names.from_path(path)
    except names.BadName:
        return path.encode()
