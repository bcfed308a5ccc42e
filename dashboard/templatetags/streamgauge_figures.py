"""Parts that draw a figure: ages, counts with a reason, sparklines, shares, the gauge."""

from __future__ import annotations

import time
from collections.abc import Sequence

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.config.active import configured
from dashboard.display import format as words
from dashboard.display.gauge import Gauge
from dashboard.display.sparkline import spark as draw
from dashboard.fleet.store import window_ms
from dashboard.streams.snapshots import Figure
from dashboard.templatetags.streamgauge import exact, machine_time

register = template.Library()

GAUGE_KEY = (
    "The stream, from its first entry (left) to now (right). Pale: delivered to the group. Dark, at the right: not "
    "delivered yet. Bars: pending with a consumer, red if it is silent. The ruler below counts back from now, with "
    "more room for recent times; its alternating pieces reach from mark to mark."
)

AGE = (
    '<time class="hint" tabindex="0" datetime="{machine}" data-at="{at}">{shown}'
    '<span role="tooltip">{exact}</span></time>'
)
QUIET_AGE = '<time datetime="{machine}" title="{exact}" data-at="{at}">{shown}</time>'
AGES = {
    (quiet, ago): html.replace(" data-at", " data-ago data-at") if ago else html
    for quiet, html in ((False, AGE), (True, QUIET_AGE))
    for ago in (False, True)
}


def zero(word: str) -> SafeString:
    """What is of no interest: grey."""
    return format_html('<span class="zero">{}</span>', word)


@register.simple_tag
def age(at: int | None, now: int, *, ago: bool = False, quiet: bool = False) -> SafeString:
    """The age of a moment, which grows while the page is open; of one well after now, by how much it is ahead.

    `at`: epoch ms, None is a dash; `now`: the server's ms; `ago` adds the word; `quiet`, for tables: the exact time is
    a title and no tab stop. No template: a page has hundreds.
    """
    if at is None:
        return zero(words.NOTHING)
    shown = words.since(at, now, ago=ago)
    return format_html(AGES[quiet, ago], machine=machine_time(at), exact=exact(at), at=at, shown=shown)


@register.inclusion_tag("streamgauge/parts/_read.html")
def read_at(word: str, at: int | None) -> dict[str, object]:
    """When something was "read" or "checked", in ms of our own clock: an age that grows."""
    return {"word": word, "at": at, "now": int(time.time() * 1000)}


@register.inclusion_tag("streamgauge/parts/_figure.html")
def figure(figure: Figure, *, least: bool = False, short: bool = False) -> dict[str, object]:
    """A count with what is known of it. `least`: it was counted up to a limit; `short`: "4.2 M"."""
    prefix = "at least " if least or figure.at_least else "about " if figure.approximate else ""
    text = words.short_number(figure.value) if short else words.number(figure.value)
    explained = figure.value is None or bool(figure.reason)
    zero = figure.value == 0 and not explained and not prefix
    return {"figure": figure, "text": prefix + text, "explained": explained, "zero": zero}


@register.inclusion_tag("streamgauge/parts/_count.html")
def count(value: int | None, *, short: bool = False) -> dict[str, object]:
    """A count of which a zero is of no interest: grey. `short`: "4.2 M"."""
    return {"text": words.short_number(value or 0) if short else words.number(value or 0)}


@register.inclusion_tag("streamgauge/parts/_spark.html")
def spark(
    values: Sequence[float | None] | None, *, label: str, tone: str = "", wide: bool = False
) -> dict[str, object]:
    """A sparkline, oldest value first, None for a hole. `label`: a sentence that says it; `tone`: stuck late unknown;
    `wide`: it has a column of its own."""
    line = draw(values, width=96, height=24) if wide else draw(values)
    return {"line": line, "label": label, "tone": tone, "wide": wide}


@register.simple_tag
def rate_window() -> str:
    """Of how long a time the rates on a page are about the mean: "last 15 s"."""
    return f"last {words.age(window_ms(configured().sample_every))}"


@register.simple_tag
def rate_trend(values: Sequence[float | None], span_ms: int) -> str:
    """What a sparkline of a rate shows: "in, last 5 min: 3.9/s to 4.2/s"."""
    known = [value for value in values if value is not None]
    extremes = f": {words.rate(min(known))} to {words.rate(max(known))}" if known else ""
    return f"in, last {words.age(span_ms)}{extremes}"


@register.inclusion_tag("streamgauge/parts/_share.html")
def share(part: float, whole: float, *, tone: str = "") -> dict[str, object]:
    """A bar right after the number it repeats. `tone`: "stuck" or ""."""
    return {"width": words.percent(part, whole), "tone": tone}


@register.inclusion_tag("streamgauge/parts/_gauge.html")
def gauge(gauge: Gauge | None) -> dict[str, object]:
    """Where a group stands in its stream; None, an empty stream, draws nothing."""
    return {"gauge": gauge, "key": GAUGE_KEY}


@register.inclusion_tag("streamgauge/parts/_progress.html")
def progress(done: int, total: int, *, label: str = "Progress") -> dict[str, object]:
    """The progress of an operation on the same staff. `label`: a sentence."""
    return {"done": done, "total": total, "width": words.percent(done, total), "label": label}
