"""Commands as a person would type them into redis-cli, or behind `redis-cli` in a shell.

Inside double quotes a backslash before any of ESCAPED means that character itself, to redis-cli and to bash alike.
Only bytes that nobody can type have a spelling that redis-cli alone understands; a shell passes it on unexpanded.
"""

from __future__ import annotations

import re
import unicodedata

SAFE = re.compile(rb"[A-Za-z0-9_./:=@%+,-]+")
"""Words that nothing takes for anything but themselves. A tilde, a brace or an asterisk is not among them."""
ESCAPED = '\\"$`'
CUT = "…"


def line(*argv: bytes | str | int, max_length: int | None = None) -> str:
    """One command. One that is longer than `max_length` characters ends behind a whole word, with CUT."""
    words = [_word(word if isinstance(word, bytes) else str(word).encode()) for word in argv]
    text = " ".join(words)
    while max_length is not None and len(text) > max_length and words:
        words.pop()
        text = " ".join([*words, CUT])
    return text


def _word(word: bytes) -> str:
    if SAFE.fullmatch(word):
        return word.decode()
    return f'"{_typed(word)}"'


def _typed(word: bytes) -> str:
    """The word inside double quotes: as text where it is text, else byte by byte."""
    try:
        text = word.decode()
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and not any(map(unicodedata.combining, text)) and text:
        return "".join(f"\\{char}" if char in ESCAPED else char for char in text)
    return "".join(_byte(byte) for byte in word)


def _byte(byte: int) -> str:
    if chr(byte) in ESCAPED:
        return "\\" + chr(byte)
    return chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}"
