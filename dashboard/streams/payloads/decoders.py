"""One decoder per format. Each takes the bytes and gives a text with how it was read, or none; none of them fails."""

from __future__ import annotations

import codecs
import json
import zlib
from dataclasses import dataclass

import msgpack

from dashboard.streams.payloads.limits import HEADER_BYTES
from dashboard.streams.payloads.msgpack_walk import judge
from dashboard.streams.payloads.trees import TREE_NODES, parsed

TOO_LARGE = f"MessagePack of more than {TREE_NODES} values or too deep: not decoded."


@dataclass(frozen=True, slots=True)
class Decoded:
    """`text` is None where the bytes are something else. `how`: "" for as they are. `note`: why no more was decoded."""

    text: str | None = None
    how: str = ""
    note: str = ""


NOTHING = Decoded()


def utf8(value: bytes) -> Decoded:
    """Any text."""
    try:
        return Decoded(value.decode())
    except UnicodeDecodeError:
        return NOTHING


def cut_utf8(value: bytes) -> Decoded:
    """As `utf8`, but the last character may be cut."""
    try:
        return Decoded(codecs.getincrementaldecoder("utf-8")().decode(value))
    except UnicodeDecodeError:
        return NOTHING


def inflated(value: bytes, wbits: int, how: str, room: int) -> Decoded:
    """gzip (`wbits` 31) or zlib (15). At most `room` bytes come out, whatever a bomb claims."""
    try:
        unpacker = zlib.decompressobj(wbits)
        plain = unpacker.decompress(value, max(1, room))
    except zlib.error:
        return NOTHING
    for decode in (utf8 if unpacker.eof else cut_utf8, messagepack):
        found = decode(plain)
        if found.text is not None:
            inner = found.how or ("JSON" if unpacker.eof and parsed(found.text) is not None else "")
            return Decoded(found.text, f"{how}, {inner}" if inner else how)
    return NOTHING


def messagepack(value: bytes) -> Decoded:
    """Maps and arrays only, almost any byte is a MessagePack number; as many elements as a page draws."""
    if not is_container(value):
        return NOTHING
    verdict = judge(value)
    if verdict != "fits":
        return Decoded(note=TOO_LARGE) if verdict == "too large" else NOTHING
    try:
        document = msgpack.unpackb(value, raw=False, strict_map_key=False)
        return Decoded(json.dumps(document, ensure_ascii=False, default=repr), "MessagePack, as JSON")
    except (ValueError, TypeError, msgpack.exceptions.UnpackException, RecursionError, UnicodeError):
        return NOTHING


def is_container(value: bytes) -> bool:
    """Whether the first byte begins a MessagePack map or array."""
    return bool(value) and (0x80 <= value[0] <= 0x9F or 0xDC <= value[0] <= 0xDF)


def behind_header(value: bytes) -> Decoded:
    """A short binary header, then a JSON document up to the end."""
    for at in header_ends(value):
        found = utf8(value[at:])
        if found.text is not None and parsed(found.text) is not None:
            return Decoded(found.text, f"{at} bytes of header, JSON")
    return NOTHING


def header_ends(value: bytes) -> list[int]:
    """Where a document may begin behind bytes that cannot be read as text."""
    starts = [at for at in (value.find(b"{", 0, HEADER_BYTES), value.find(b"[", 0, HEADER_BYTES)) if at > 0]
    return [at for at in sorted(starts) if min(value[:at]) < 9 or utf8(value[:at]).text is None]
