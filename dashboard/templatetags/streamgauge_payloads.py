"""Parts that show a payload: fields in full, a preview in one line, a decoded document as a tree."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.display.format import NOTHING
from dashboard.display.rows import CELL, Dump, ShownFields
from dashboard.streams.payloads.pieces import Piece
from dashboard.streams.payloads.show import Shown
from dashboard.streams.payloads.trees import Node
from dashboard.templatetags.streamgauge_figures import zero
from dashboard.templatetags.streamgauge_names import CUT, marked, short

register = template.Library()

DEEP = 12
"""Levels of a tree that are drawn: a page must not fall over a document of a thousand brackets."""
UGLY = 80
"""Characters of a value in a cell when some of them are not text: their marks weigh forty times what they show."""
LONG = 2_000
"""Bytes from which a value gets a box of its own that scrolls."""


@register.inclusion_tag("streamgauge/parts/_payload.html")
def payload(
    form: str, *, detail: ShownFields | None, dumps: Sequence[Dump], may_read: bool, count: int
) -> dict[str, object]:
    """All fields of an entry. `form`: tree raw hex; `count`: of all fields; `detail` or `dumps` has the first."""
    drawn = len(dumps) if form == "hex" else len(detail or ())
    return {"form": form, "detail": detail, "dumps": dumps, "may_read": may_read, "count": count, "drawn": drawn}


@register.inclusion_tag("streamgauge/parts/_fields.html")
def fields(fields: ShownFields, *, plain: bool = False) -> dict[str, object]:
    """(name, value) pairs in their order. `plain`: raw forms instead of trees."""
    return {"fields": fields, "plain": plain}


@register.inclusion_tag("streamgauge/parts/_hexdumps.html")
def hexdumps(dumps: Sequence[Dump]) -> dict[str, object]:
    """Fields as lines of offset, bytes and ASCII."""
    return {"dumps": dumps}


@register.inclusion_tag("streamgauge/parts/_value.html")
def value(shown: Shown, *, plain: bool = False) -> dict[str, object]:
    """One value in full. `plain`: the raw form even where there is a tree."""
    return {"shown": shown, "plain": plain, "long": shown.size > LONG}


@register.simple_tag
def cell(shown: Shown | None) -> SafeString:
    """One value short, in a cell of a table; None: the entry has no such field. No template: a page has hundreds."""
    if shown is None:
        return zero(NOTHING)
    if shown.kind == "masked":
        return format_html('<span class="masked">{}</span>', shown.text)
    if not shown.size:
        return zero("empty")
    is_plain = all(kind == "text" for kind, _ in shown.pieces)
    text = marked(brief(shown, CELL if is_plain else UGLY))
    if shown.kind == "bytes":
        return format_html('<code><span class="byte">base64</span> {}</code>', text)
    return format_html("<code>{}</code>", text) if shown.kind == "json" else text


@register.filter
def brief(shown: Shown, limit: int) -> tuple[Piece, ...]:
    """The first pieces of a value for one line; "…" where some are left out, here or when it was read."""
    pieces = short(shown.pieces, limit)
    return (*pieces, CUT) if shown.truncated and pieces[-1:] != (CUT,) else pieces


@register.inclusion_tag("streamgauge/parts/_preview.html")
def preview(fields: ShownFields | None, *, body: str = "present") -> dict[str, object]:
    """The first fields in one line. `body`: "gone" when a pending entry has none, "unread" when nobody looked."""
    return {"fields": fields, "body": body}


@register.inclusion_tag("streamgauge/parts/_tree.html")
def tree(node: Node, *, depth: int = 0) -> dict[str, object]:
    """A node of a decoded document and what is in it; how many there are is bounded where it is built."""
    drawn = bool(node.children) and depth < DEEP
    return {"node": node, "named": depth > 0, "drawn": drawn, "is_open": depth < 2, "deeper": depth + 1}
