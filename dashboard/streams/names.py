"""Names are bytes; in URLs they stand as a path name: `a/b` is `a~2Fb`. One spelling per name."""

from __future__ import annotations

import re

from dashboard.streams.payloads.names import name_pieces
from dashboard.streams.payloads.pieces import Piece

_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-")
_PLAIN = re.compile(r"[A-Za-z0-9_.:-]*[A-Za-z0-9_:-][A-Za-z0-9_.:-]*")
"""Most names: they are their own path names."""
_PATH = re.compile(r"(?:[A-Za-z0-9_.:-]|~[0-9A-F]{2})*")
_ESCAPE = "~([0189A-F][0-9A-F]|2[0-9A-CF]|3[B-F]|40|5[B-E]|60|7[B-F])"
PATTERN = f"~|~2E[.]*|[.]*([A-Za-z0-9_:-]|{_ESCAPE})([A-Za-z0-9_.:-]|{_ESCAPE})*"
"""Every path name and nothing else, for descriptions of the API: what needs no escape has none."""
EMPTY = "~"
"""The empty name. A lone tilde cannot stand for anything else, and a URL needs something between its slashes."""

SHOWN, SHOWN_TAIL = 512, 64
"""Bytes of a name that are shown, and how many of them are its last ones."""


class BadName(ValueError):
    """Text that is not the path name of any bytes."""


def to_path(name: bytes) -> str:
    """The one path name of these bytes. A name of dots only has its first dot escaped, or URLs would eat it."""
    if not name:
        return EMPTY
    if name.isascii() and _PLAIN.fullmatch(text := name.decode("ascii")):
        return text
    path = "".join(chr(byte) if byte in _SAFE else f"~{byte:02X}" for byte in name)
    return "~2E" + path[1:] if not path.strip(".") else path


def from_path(path: str) -> bytes:
    """The bytes of a path name; BadName for every spelling `to_path` does not give."""
    if path == EMPTY:
        return b""
    if _PLAIN.fullmatch(path):
        return path.encode("ascii")
    if not _PATH.fullmatch(path):
        raise BadName(f"{path[:60]!r} is not a path name.")
    parts = path.split("~")
    name = parts[0].encode("ascii") + b"".join(
        bytes([int(part[:2], 16)]) + part[2:].encode("ascii") for part in parts[1:]
    )
    if to_path(name) != path:
        raise BadName(f"{path[:60]!r} is not the canonical form of this name.")
    return name


def display(name: bytes) -> tuple[Piece, ...]:
    """Pieces of a name for a page: plain text, and marks for what must not be printed as itself.

    A name may have 512 MB: of one longer than SHOWN both ends are shown, and how much is between them.
    """
    if len(name) <= SHOWN:
        return name_pieces(name)
    left_out = f"… {len(name) - SHOWN:,} bytes …"
    return (*name_pieces(name[: SHOWN - SHOWN_TAIL]), ("byte", left_out), *name_pieces(name[-SHOWN_TAIL:]))


def plain(name: bytes) -> str:
    """A name for a sentence, a title or a log line: one line, nothing unprintable."""
    return "".join(text for _, text in display(name))
