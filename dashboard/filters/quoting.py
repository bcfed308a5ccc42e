r"""Bytes as a filter writes them: "text", with \" \\ \n \r \t and \xff for a byte that is none."""

from __future__ import annotations

import re

QUOTED = r""" "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' """
"""A quoted text, for a verbose pattern."""
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_KNOWN = {b'"': b'"', b"'": b"'", b"\\": b"\\", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_WRITTEN = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def to_bytes(text: str) -> bytes:
    """JSON may carry half a character; no payload is equal to it, and nothing breaks."""
    return text.encode("utf-8", "surrogatepass")


def unquoted(quoted: str) -> bytes:
    """What stands between the quotes. Raises ValueError with an escape that does not exist."""
    return _ESCAPE.sub(_unescaped, to_bytes(quoted[1:-1]))


def quoted(value: bytes) -> str:
    """As `unquoted` reads it."""
    text = value.decode("utf-8", "surrogateescape")
    return f'"{"".join(map(_written, text))}"'


def _written(character: str) -> str:
    """A byte that is no text comes out of `surrogateescape` as half a character of its own."""
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return _WRITTEN.get(character, character)


def _unescaped(match: re.Match[bytes]) -> bytes:
    found = match[1]
    if len(found) == 3:
        return bytes([int(found[1:], 16)])
    if found not in _KNOWN:
        raise ValueError(match[0].decode("utf-8", "replace"))
    return _KNOWN[found]
