"""Commands as a person would type them into redis-cli, or behind `redis-cli` in a shell.

Inside double quotes a backslash before any of ESCAPED means that character itself, to redis-cli and to bash alike. An
exclamation mark, which an interactive shell takes for an earlier command there, stands in single quotes. Only bytes
that nobody can type, and words that need both kinds of quotes, have a spelling that redis-cli alone understands; a
shell passes it on unexpanded.
"""

from __future__ import annotations

import re
import unicodedata

SAFE = re.compile(rb"(?!=.)[A-Za-z0-9_./:=@%+,-]+")
"""Words that nothing takes for anything but themselves. A tilde, a brace or an asterisk is not among them."""
HISTORY = "!"
"""What an interactive shell takes for an earlier command, in double quotes too."""
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
    text = _typable(word)
    if text is None or (HISTORY in text and ("'" in text or "\\" in text)):
        return '"' + "".join(map(_byte, word)) + '"'
    if HISTORY in text:
        return f"'{text}'"
    return '"' + "".join(f"\\{char}" if char in ESCAPED else char for char in text) + '"'


def _typable(word: bytes) -> str | None:
    """The word as text; None when not all of it can be typed and seen."""
    try:
        text = word.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() and not any(map(unicodedata.combining, text)) else None


def _byte(byte: int) -> str:
    if chr(byte) in ESCAPED:
        return "\\" + chr(byte)
    return chr(byte) if 32 <= byte < 127 and chr(byte) != HISTORY else f"\\x{byte:02x}"
