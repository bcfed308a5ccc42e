"""Bytes to something a person can look at: recognised by content, decoded, cut, masked. Never fails.

Payloads are hostile: what is not plainly printable is kept apart as a `byte` piece, so that no control, bidi or
zero-width character reaches a page as itself.
"""

from __future__ import annotations

import base64
import codecs
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Literal

import msgpack

from dashboard.streams.payloads.combining_marks import excess_marks, has_excess_marks
from dashboard.streams.payloads.trees import Node, document, parsed

Kind = Literal["text", "json", "bytes", "masked"]
Reader = Callable[[bytes], tuple[str | None, str]]
Piece = tuple[Literal["text", "byte"], str]
"""A run of plain text, or the visible form (``\\x00``, ``\\u202e``) of what must not be printed."""

SHOW_BYTES = 4096
"""How much of one value a page shows."""
DECODE_BYTES = 2**20
"""The largest value that is decoded, and the largest result of unpacking one."""
PREVIEW_BYTES = 8192
PREVIEW_TIMES = 4
"""What a short form unpacks at most, in bytes or in times of the value: a page has hundreds of them."""
HEADER_BYTES = 64
"""How far into a value a JSON document may begin behind a binary header."""
MASK = "••••••"
_UNSEEN = frozenset("\n\t\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(code)
    for first, last in ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
    for code in range(first, last + 1)
}
"""Printable by their category, and yet not to be seen: fillers, joiners, variation selectors, the blank of Braille.

Source: Default_Ignorable_Code_Point in DerivedCoreProperties.txt of Unicode, without what is not printable anyway.
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A value made visible. `text` is a plain short form of `pieces`; `decoded` says how it was read, "" for as it is.

    `size` is the full length in bytes; `truncated` that not all of it is in `pieces`.
    """

    kind: Kind
    pieces: tuple[Piece, ...]
    size: int
    truncated: bool = False
    decoded: str = ""
    tree: Node | None = None

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.pieces)


MASKED = Shown("masked", (("text", MASK),), 0)
"""What stands for a value that policy hides. Its size is not told either."""


def show(value: bytes, *, limit: int = SHOW_BYTES, tree: bool = True) -> Shown:
    """`value` for a page: text, decoded JSON (with its tree when `tree`), or base64 when it is neither."""
    room = DECODE_BYTES if tree else max(PREVIEW_BYTES, PREVIEW_TIMES * len(value))
    text, decoded = _read(value, min(room, DECODE_BYTES))
    if text is None:
        cut = value[:limit]
        return Shown("bytes", (("text", base64.b64encode(cut).decode()),), len(value), len(cut) < len(value), "base64")
    node = document(text) if tree else None
    kind: Kind = "json" if node or decoded.endswith("JSON") else "text"
    return Shown(kind, pieces(text[:limit]), len(value), len(text) > limit, decoded, node)


def pieces(text: str) -> tuple[Piece, ...]:
    """Text as runs that may be printed and marks for what may not."""
    if text.isprintable() and not has_excess_marks(text):  # nearly always, and forty times as fast
        return (("text", text),) if text else ()
    found: list[Piece] = []
    kinds = ((is_plain(char) and not extra, extra) for char, extra in zip(text, excess_marks(text), strict=True))
    for (plain, extra), run in groupby(zip(kinds, text, strict=True), key=itemgetter(0)):
        chars = "".join(char for _, char in run)
        if plain:
            found.append(("text", chars))
        elif extra:
            found.append(("byte", _marks_summary(chars)))
        else:
            found.extend(("byte", escape(char)) for char in chars)
    return tuple(found)


def _marks_summary(marks: str) -> str:
    """The rest of a stack: each mark with how often it follows itself."""
    runs = [(mark, len(list(run))) for mark, run in groupby(marks)]
    return "".join(escape(mark) + (f"×{count}" if count > 1 else "") for mark, count in runs)


def is_plain(char: str) -> bool:
    """Printable: no control, no formatting character (bidi overrides, zero width, soft hyphen, tags), no odd space."""
    return char in "\n\t" or char.isprintable()


def escape(char: str) -> str:
    """``\\x00``, ``\\u202e``, ``\\U000e0041``; a surrogate that stands for an undecodable byte as that byte."""
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def name_pieces(name: bytes) -> tuple[Piece, ...]:
    """A key, group, consumer or field name: UTF-8 where it is, every other byte marked.

    Line breaks are marked too, and what leaves no trace: no two names look the same for a character nobody sees.
    """
    text = name.decode("utf-8", "surrogateescape")
    return tuple(
        ("byte", escape(part)) if kind == "text" and part in _UNSEEN else (kind, part)
        for kind, run in pieces(text)
        for part in (_breaks(run) if kind == "text" else [run])
    )


def _breaks(text: str) -> Iterator[str]:
    for breaking, run in groupby(text, key=_UNSEEN.__contains__):
        if breaking:
            yield from run
        else:
            yield "".join(run)


def hexdump(value: bytes, *, limit: int = SHOW_BYTES) -> Iterator[str]:
    """Lines of offset, sixteen bytes, and their ASCII."""
    cut = value[:limit]
    for at in range(0, len(cut), 16):
        row = cut[at : at + 16]
        ascii_ = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
        yield f"{at:08x}  {row.hex(' '):<47}  {ascii_}"


def _read(value: bytes, room: int) -> tuple[str | None, str]:
    """The value as text, and how it was read; None when it is not text. `room`: bytes that may be unpacked."""
    gzip, zlib_ = partial(_as_gzip, room=room), partial(_as_zlib, room=room)
    readers: list[Reader] = [_behind_header, _as_utf8, gzip, zlib_, _as_msgpack]
    for reader in readers if len(value) <= DECODE_BYTES else [_as_utf8]:
        text, how = reader(value)
        if text is not None:
            return text, how
    return None, ""


def _as_utf8(value: bytes) -> tuple[str | None, str]:
    try:
        return value.decode(), ""
    except UnicodeDecodeError:
        return None, ""


def _as_cut_utf8(value: bytes) -> tuple[str | None, str]:
    """As `_as_utf8`, but the last character may be cut."""
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(value), ""
    except UnicodeDecodeError:
        return None, ""


def _as_gzip(value: bytes, room: int) -> tuple[str | None, str]:
    return _inflated(value, 31, "gzip", room) if value[:2] == b"\x1f\x8b" else (None, "")


def _as_zlib(value: bytes, room: int) -> tuple[str | None, str]:
    return _inflated(value, 15, "zlib", room) if value[:1] == b"\x78" else (None, "")


def _inflated(value: bytes, wbits: int, how: str, room: int) -> tuple[str | None, str]:
    """At most `room` bytes come out, whatever a bomb claims."""
    try:
        unpacker = zlib.decompressobj(wbits)
        plain = unpacker.decompress(value, room)
    except zlib.error:
        return None, ""
    for reader in (_as_utf8 if unpacker.eof else _as_cut_utf8, _as_msgpack):
        text, inner = reader(plain)
        if text is not None:
            inner = inner or ("JSON" if unpacker.eof and parsed(text) is not None else "")
            return text, f"{how}, {inner}" if inner else how
    return None, ""


def _as_msgpack(value: bytes) -> tuple[str | None, str]:
    """Maps and arrays only: almost any byte is a MessagePack number."""
    if not value or not (0x80 <= value[0] <= 0x9F or 0xDC <= value[0] <= 0xDF):
        return None, ""
    try:
        document = msgpack.unpackb(value, raw=False, strict_map_key=False)
        return json.dumps(document, ensure_ascii=False, default=repr), "MessagePack, as JSON"
    except (ValueError, TypeError, msgpack.exceptions.UnpackException, RecursionError, UnicodeError):
        return None, ""


def _behind_header(value: bytes) -> tuple[str | None, str]:
    """A short binary header, then a JSON document up to the end."""
    starts = [at for at in (value.find(b"{", 0, HEADER_BYTES), value.find(b"[", 0, HEADER_BYTES)) if at > 0]
    for at in (at for at in sorted(starts) if min(value[:at]) < 9 or _as_utf8(value[:at])[0] is None):
        text, _ = _as_utf8(value[at:])
        if text is not None and parsed(text) is not None:
            return text, f"{at} bytes of header, JSON"
    return None, ""
