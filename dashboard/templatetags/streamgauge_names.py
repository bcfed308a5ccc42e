"""Names and pieces of payloads as they stand on a page: bytes come out as text and marks, never as markup."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard.display import name_parts
from dashboard.http.converters import to_address
from dashboard.streams import names
from dashboard.streams.payloads.pieces import Piece, pieces

register = template.Library()

CUT: Piece = ("text", "…")
"""Stands where something was left out."""

register.filter("pathname", names.to_path)
register.filter("in_address", to_address)
register.filter("display", names.display)
register.filter("plain", names.plain)
register.filter("pieces", pieces)


@register.filter
def legible(text: object) -> str:
    """A sentence that somebody else's words stand in: what must not be printed as itself is spelt out."""
    return "".join(piece for _, piece in pieces(str(text)))


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
def short(pieces: Sequence[Piece], limit: int) -> tuple[Piece, ...]:
    """The first pieces of a value, about `limit` characters, for one line; "…" where some are left out."""
    found: list[Piece] = []
    left = limit
    for kind, text in pieces:
        if left <= 0:
            break
        found.append((kind, text[:left]) if kind == "text" else (kind, text))
        left -= len(text)
    return tuple(found) if found == list(pieces) else (*found, CUT)


@register.filter
def from_pathname(path: str) -> bytes:
    """The name a path name stands for; what is not one stands for itself."""
    try:
        return names.from_path(path)
    except names.BadName:
        return path.encode()


@register.inclusion_tag("streamgauge/parts/_name.html")
def name(name: bytes, *, href: str = "", quiet: bool = False) -> dict[str, object]:
    """The name of a key, group or consumer, cut in the middle where room is short. `quiet`: not bold."""
    return {"name": name, "href": href, "quiet": quiet}
