"""Which decoder fits a value, judged by its content, within the budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from dashboard.streams.payloads.budget import USED_UP, DecodingBudget
from dashboard.streams.payloads.decoders import (
    Decoded,
    behind_header,
    header_ends,
    inflated,
    is_container,
    messagepack,
    utf8,
)
from dashboard.streams.payloads.limits import DECODE_BYTES


def recognise(value: bytes, room: int, budget: DecodingBudget) -> Decoded:
    """The value as text, and how it was read; no text when it is none. `room`: bytes that may be unpacked."""
    note = ""
    for decode in _candidates(value, min(room, budget.bytes_left)):
        if decode is not utf8 and not budget.allows(len(value)):
            note = USED_UP
            continue
        found = _decoded(decode, value, budget)
        if found.text is not None:
            return Decoded(found.text, found.how, note)
        note = note or found.note
    return Decoded(note=note)


def _candidates(value: bytes, room: int) -> Iterator[Callable[[bytes], Decoded]]:
    """Decoders whose sign the value bears. As text, which costs next to nothing, it is always tried."""
    if len(value) > DECODE_BYTES:
        yield utf8
        return
    if header_ends(value):
        yield behind_header
    yield utf8
    if value[:2] == b"\x1f\x8b":
        yield partial(inflated, wbits=31, how="gzip", room=room)
    if value[:1] == b"\x78":
        yield partial(inflated, wbits=15, how="zlib", room=room)
    if is_container(value):
        yield messagepack


def _decoded(decode: Callable[[bytes], Decoded], value: bytes, budget: DecodingBudget) -> Decoded:
    if decode is utf8:
        return utf8(value)
    with budget.spend(len(value)):
        found = decode(value)
    budget.bytes_left -= len(found.text or "")
    return found
