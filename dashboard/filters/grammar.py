"""From a text to nodes, by precedence climbing: `or` binds least, then `and`, then `not`.

filter    = term {("and" | "or") term}
term      = "not" term | "(" filter ")" | "has" field | field sign value
sign      = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "contains"
"""

from __future__ import annotations

from datetime import datetime

from dashboard.filters import terms
from dashboard.filters.errors import InvalidFilter
from dashboard.filters.limits import MAX_DEPTH, MAX_LENGTH, MAX_TERMS
from dashboard.filters.nodes import And, Has, Node, Not, Or, joined
from dashboard.filters.scanner import Scanner

_BINDS: dict[str, int] = {"or": 1, "and": 2}
_KINDS: dict[str, type[And] | type[Or]] = {"or": Or, "and": And}


def read(text: str, now: datetime) -> Node:
    """Raises InvalidFilter, and nothing else."""
    if len(text) > MAX_LENGTH:
        why = f"A filter has at most {MAX_LENGTH} characters, this one has {len(text)}."
        raise InvalidFilter(text, why, MAX_LENGTH, len(text))
    return _Parser(text, now).whole()


class _Parser:
    def __init__(self, text: str, now: datetime) -> None:
        self._scanner, self._now = Scanner(text), now
        self._terms = 0

    def whole(self) -> Node:
        node = self._joined(1, 0)
        if not self._scanner.at_end:
            raise self._left_over()
        return node

    def _joined(self, least: int, depth: int) -> Node:
        """Terms and what joins them, as far as it binds at least so much."""
        node = self._term(depth)
        while (word := self._scanner.peek_word("and", "or")) and _BINDS[word] >= least:
            self._scanner.take_word(word)
            node = joined(_KINDS[word], (node, self._joined(_BINDS[word] + 1, depth)))
        return node

    def _term(self, depth: int) -> Node:
        scanner = self._scanner
        start = scanner.skip_blanks()
        if depth > MAX_DEPTH:
            raise InvalidFilter(scanner.text, f"At most {MAX_DEPTH} levels of parentheses and not.", start, start + 1)
        if scanner.take_word("not"):
            return Not(self._term(depth + 1))
        if scanner.take("("):
            return self._group(start, depth + 1)
        return self._condition(start)

    def _group(self, start: int, depth: int) -> Node:
        node = self._joined(1, depth)
        if not self._scanner.take(")"):
            if not self._scanner.at_end:
                raise self._left_over()
            raise InvalidFilter(self._scanner.text, "This parenthesis is never closed.", start, start + 1)
        return node

    def _condition(self, start: int) -> Node:
        self._terms += 1
        if self._terms > MAX_TERMS:
            why = f"A filter has at most {MAX_TERMS} conditions."
            raise InvalidFilter(self._scanner.text, why, start, len(self._scanner.text))
        if self._scanner.take_word("has"):
            return Has(terms.field(self._scanner, start))
        return terms.comparison(self._scanner, start, self._now)

    def _left_over(self) -> InvalidFilter:
        """Something stands where `and`, `or` or the end should."""
        start = self._scanner.skip_blanks()
        text = self._scanner.text
        if text[start] == ")":
            return InvalidFilter(text, "This parenthesis closes nothing.", start, start + 1)
        return InvalidFilter(text, "Expected and, or, or the end of the filter.", start, len(text))
