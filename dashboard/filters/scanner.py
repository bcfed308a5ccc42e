"""Reads a filter's text piece by piece. No pattern of it can match one text in many ways."""

from __future__ import annotations

import re

from dashboard.filters.errors import InvalidFilter
from dashboard.filters.quoting import QUOTED, unquoted

_BLANKS = re.compile(r"\s*")
_SIGN = re.compile(r"!=|<=|>=|[=<>~]|contains(?=[\s\"'()]|\Z)", re.IGNORECASE)
_BARE_FIELD = re.compile(r"[^\s()\"'=!<>~]+")
_PATH = re.compile(
    rf"""(?: [^\s()"'=!<>~.\[\]]+ | {QUOTED} )
         (?: \.(?: [^\s()"'=!<>~.\[\]]+ | {QUOTED} ) | \[[0-9]{{1,6}}\] )*
         (?! [^\s()=!<>~] )""",
    re.VERBOSE | re.DOTALL,
)
"""A field with its path, up to where it may end."""
_QUOTED = re.compile(QUOTED, re.VERBOSE | re.DOTALL)
_VALUE_END = re.compile(r"\s(?:and|or)(?=[\s(]|\Z)|[()]", re.IGNORECASE)
_WORD_END = r"(?=[\s(\"'])(?!\s*(?:!=|<=|>=|[=<>~]))"
"""After a word that is an operator and no field: `not = 1` is about a field."""
_WORDS = {
    "not": re.compile(rf"not{_WORD_END}", re.IGNORECASE),
    "has": re.compile(rf"has{_WORD_END}", re.IGNORECASE),
    "and": re.compile(r"and(?=[\s(]|\Z)", re.IGNORECASE),
    "or": re.compile(r"or(?=[\s(]|\Z)", re.IGNORECASE),
}


class Scanner:
    """`at`: how far it has read."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    @property
    def at_end(self) -> bool:
        return self.skip_blanks() == len(self.text)

    def skip_blanks(self) -> int:
        """Where the next piece begins."""
        self._take(_BLANKS)
        return self.at

    def take(self, character: str) -> bool:
        self.skip_blanks()
        taken = self.text.startswith(character, self.at)
        self.at += len(character) if taken else 0
        return taken

    def peek_word(self, *words: str) -> str | None:
        """Which of these words stands here."""
        self.skip_blanks()
        return next((word for word in words if _WORDS[word].match(self.text, self.at)), None)

    def take_word(self, word: str) -> bool:
        self.skip_blanks()
        return self._take(_WORDS[word]) is not None

    def sign(self) -> str:
        """The operator that stands here, "" if none does."""
        self.skip_blanks()
        found = (self._take(_SIGN) or "").lower()
        return "~" if found == "contains" else found

    def path(self) -> str | None:
        """A field that is well-formed, with its path as it is written."""
        return self._take(_PATH)

    def bare_field(self) -> str | None:
        """A name that is no path and needs no quotes."""
        return self._take(_BARE_FIELD)

    def quoted(self) -> bytes | None:
        """A quoted text. Raises InvalidFilter when it does not end, or has an escape that does not exist."""
        start = self.skip_blanks()
        if self.text[start : start + 1] not in ('"', "'"):
            return None
        found = self._take(_QUOTED)
        if found is None:
            raise InvalidFilter(self.text, "This quote is never closed.", start, start + 1)
        return unquoted_at(self.text, start, found)

    def bare_value(self) -> str:
        """What stands here up to and, or, a parenthesis or the end, without the blanks around it."""
        start = self.at
        end = _VALUE_END.search(self.text, start)
        self.at = end.start() if end else len(self.text)
        return self.text[start : self.at].strip()

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]


def unquoted_at(text: str, start: int, quoted: str) -> bytes:
    """The bytes of a quoted text that begins at `start`. Raises InvalidFilter."""
    try:
        return unquoted(quoted)
    except ValueError as error:
        why = f"{str(error)!r} is no escape; there are \\\" \\' \\\\ \\n \\r \\t and \\xff."
        raise InvalidFilter(text, why, start, start + len(quoted)) from error
