"""One condition of a filter: a field, an operator, a value."""

from __future__ import annotations

import re
from datetime import datetime
from typing import cast

from dashboard.filters.errors import SHOWN, InvalidFilter, no_condition
from dashboard.filters.nodes import Condition, Field, IdBound, Node, Order, Sign, TimeBound
from dashboard.filters.numbers import number
from dashboard.filters.quoting import QUOTED, to_bytes
from dashboard.filters.scanner import Scanner, unquoted_at
from dashboard.streams.errors import BadId
from dashboard.streams.ids import StreamId, is_time, parse_position

ORDERS = ("<", "<=", ">", ">=")
_STEP = re.compile(
    rf"\[(?P<index>[0-9]+)\] | \.?(?: (?P<quoted>{QUOTED}) | (?P<bare>[^.\[\]\"']+) )", re.VERBOSE | re.DOTALL
)


def comparison(scanner: Scanner, start: int, now: datetime) -> Node:
    """A field, an operator and a value. `start`: where the condition begins. Raises InvalidFilter."""
    own = _own(scanner)
    name = None if own else field(scanner, start)
    sign = scanner.sign()
    if not sign:
        raise no_condition(scanner.text, start, _end(scanner))
    if own:
        return _own_bound(scanner, own, sign, start, now)
    assert name is not None
    return _compared(scanner, name, cast(Sign, sign), start)


def field(scanner: Scanner, start: int) -> Field:
    """A field, bare or quoted, perhaps with a path into it. Raises InvalidFilter."""
    begins = scanner.skip_blanks()
    written = scanner.path()
    if written is None:
        bare = scanner.bare_field()
        if bare is None:
            scanner.quoted()  # says what is wrong with it
            raise no_condition(scanner.text, start, _end(scanner))
        return Field(to_bytes(bare))
    steps = [_step(scanner.text, begins, match) for match in _STEP.finditer(written)]
    is_bare = '"' not in written and "'" not in written
    whole = to_bytes(written) if is_bare and len(steps) > 1 else b""
    first = steps[0]
    assert isinstance(first, bytes)
    return Field(first, tuple(_key(scanner.text, begins, written, step) for step in steps[1:]), whole)


def _step(text: str, begins: int, match: re.Match[str]) -> bytes | int:
    if match["index"]:
        return int(match["index"])
    if match["quoted"]:
        return unquoted_at(text, begins + match.start("quoted"), match["quoted"])
    return to_bytes(match["bare"])


def _key(text: str, begins: int, written: str, step: bytes | int) -> str | int:
    if isinstance(step, int):
        return step
    try:
        return step.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise InvalidFilter(text, "A key of JSON is text, not bytes.", begins, begins + len(written)) from error


def _own(scanner: Scanner) -> str:
    """ "id" or "time", the entry's own, where one of them stands here unquoted; else ""."""
    start = scanner.skip_blanks()
    found = (scanner.path() or "").lower()
    if found in ("id", "time"):
        return found
    scanner.at = start
    return ""


def _end(scanner: Scanner) -> int:
    """Where what cannot be read ends: at the next and, or, parenthesis, or at the end."""
    scanner.bare_value()
    return scanner.at


def _compared(scanner: Scanner, name: Field, sign: Sign, start: int) -> Condition:
    value = scanner.quoted()
    if value is not None:
        return Condition(name, sign, value)
    bare = to_bytes(_bare(scanner))
    found = None if sign == "~" else number(bare)
    if sign in ORDERS and found is None:
        shown = scanner.text[start : scanner.at].strip()[:SHOWN]
        why = (
            f"{shown!r} is not a valid condition: {sign} compares numbers, like quantity {sign} 4. "
            "A text to compare with is put in quotes."
        )
        raise InvalidFilter(scanner.text, why, start, scanner.at)
    return Condition(name, sign, bare, found)


def _bare(scanner: Scanner) -> str:
    value = scanner.bare_value()
    if scanner.text[scanner.at : scanner.at + 1] == "(":
        why = "A value with parentheses is put in quotes."
        raise InvalidFilter(scanner.text, why, scanner.at, scanner.at + 1)
    return value


def _own_bound(scanner: Scanner, own: str, sign: str, start: int, now: datetime) -> Node:
    begins = scanner.skip_blanks()
    quoted = scanner.quoted()
    value = _bare(scanner) if quoted is None else quoted.decode("utf-8", "replace")
    bound = _time_bound(sign, value, now) if own == "time" else _id_bound(sign, value)
    if bound is None:
        raise InvalidFilter(scanner.text, _wrong_bound(own, sign, value), begins if value else start, scanner.at)
    return bound


def _id_bound(sign: str, value: str) -> IdBound | None:
    """Bare milliseconds are all IDs of that millisecond."""
    try:
        id_ = StreamId.parse(value) if sign in ("=", "!=") else StreamId.bound(value, upper=sign in ("<=", ">"))
    except BadId:
        return None
    return None if sign == "~" else IdBound(cast(Order, sign), id_)


def _time_bound(sign: str, value: str, now: datetime) -> TimeBound | None:
    try:
        position = parse_position(value, now=now)
    except (BadId, OverflowError):
        return None
    is_moment = is_time(value) or value.strip().isdigit()
    return TimeBound(cast(Order, sign), position.ms) if is_moment and sign in ORDERS else None


def _wrong_bound(own: str, sign: str, value: str) -> str:
    """Who looks for a field of that name learns how."""
    if own == "time":
        need = "time is when an entry was added: time >= 14:05, time < -2h, time > 2026-11-20"
    else:
        need = "id is the entry's own: id >= 1763596680412, id = 1763596680412-0"
    shown = f"{own} {sign} {value}"[:SHOWN]
    return f'{shown!r} is not a valid condition: {need}. A field of that name is "{own}" in quotes.'
