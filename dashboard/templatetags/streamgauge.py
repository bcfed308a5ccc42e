"""Filters for figures, ages and times. Each forwards to one pure function: a page and a sentence say the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.display import format as words
from dashboard.streams import links
from dashboard.streams.ids import StreamId

register = template.Library()

register.filter("age", words.age)
register.filter("number", words.number)
register.filter("short_number", words.short_number)
register.filter("size", words.size)
register.filter("rate", words.rate)
register.filter("server_title", links.title_of)


@register.filter
def since(epoch_ms: int | None, now_ms: int) -> str:
    """`{{ at|since:now }}`: the age of a moment, or by how much it is ahead."""
    return words.since(epoch_ms, now_ms)


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


@register.simple_tag
def when(epoch_ms: int | None) -> SafeString:
    """A moment, short: "14:05", "Tue 14:05"; the exact time is its title."""
    html = '<time datetime="{}" title="{}">{}</time>'
    shown = words.when(epoch_ms, now_ms(), timezone.get_current_timezone())
    return format_html(html, machine_time(epoch_ms), exact(epoch_ms), shown)


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


@register.simple_block_tag
def sentence(content: SafeString) -> SafeString:
    """`{% sentence as text %}…{% endsentence %}`: a text of several lines, to be passed to a part."""
    return content
