"""Bytes as a hex dump."""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.streams.payloads.limits import SHOW_BYTES


def hexdump(value: bytes, *, limit: int = SHOW_BYTES) -> Iterator[str]:
    """Lines of offset, sixteen bytes, and their ASCII."""
    cut = value[:limit]
    for at in range(0, len(cut), 16):
        row = cut[at : at + 16]
        ascii_ = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
        yield f"{at:08x}  {row.hex(' '):<47}  {ascii_}"
