"""Commands as a person would type them into redis-cli."""

from __future__ import annotations


def line(*words: bytes | str | int) -> str:
    """One command; words that need it in redis-cli's own quotes."""
    return " ".join(_word(word if isinstance(word, bytes) else str(word).encode()) for word in words)


def _word(word: bytes) -> str:
    plain = word.isascii() and all(33 <= byte < 127 and byte not in b"\"'\\" for byte in word)
    return word.decode() if plain and word else '"' + "".join(_byte(byte) for byte in word) + '"'


def _byte(byte: int) -> str:
    if byte in b'"\\':
        return "\\" + chr(byte)
    return chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}"
