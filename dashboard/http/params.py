"""Query parameters, checked: a wrong one is a 400 with a sentence, never a surprise further in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils import timezone

from dashboard.http.converters import PATH_MOST, TOO_LONG
from dashboard.streams.errors import BadId
from dashboard.streams.id_units import why_no_time
from dashboard.streams.ids import StreamId, is_time, parse_position
from dashboard.streams.names import BadName, from_path
from dashboard.streams.snapshots import StreamFacts

_WHOLE = re.compile(r"[0-9]{1,20}")
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?(ms|s|min|m|h|d)?")
_UNIT = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, None: 1}


class BadParameter(ValueError):
    """A parameter cannot be used; the message says which, what was found, and what is allowed.

    `place`: between which characters of its value what is wrong stands, where that is known.
    """

    def __init__(self, parameter: str, message: str, place: tuple[int, int] | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.place = place


class UnknownParameter(BadParameter):
    """No such parameter is taken here."""


Query = QueryDict


def _given(query: Query, name: str) -> str:
    return (query.get(name, "") or "").strip()


def whole(query: Query, name: str, default: int, *, least: int = 0, most: int = 10**15) -> int:
    found = _given(query, name)
    if not found:
        return default
    if not _WHOLE.fullmatch(found) or not least <= int(found) <= most:
        raise BadParameter(name, f"{name} is {found[:40]!r}; allowed: a whole number from {least} to {most}.")
    return int(found)


def choice(query: Query, name: str, allowed: Sequence[str] | Mapping[str, object], default: str) -> str:
    found = _given(query, name) or default
    if found not in allowed:
        raise BadParameter(name, f"{name} is {found[:40]!r}; allowed: {', '.join(allowed)}.")
    return found


def flag(query: Query, name: str) -> bool:
    return choice(query, name, ("", "0", "1"), "") == "1"


def text(query: Query, name: str, *, most: int = 200) -> str:
    found = _given(query, name)
    if len(found) > most:
        raise BadParameter(name, f"{name} is longer than {most} characters.")
    return found


def duration_ms(query: Query, name: str) -> int:
    """ "5 min", "90 s", "2h", bare milliseconds; 0 when it is not given."""
    found = _given(query, name)
    match = _DURATION.fullmatch(found)
    if not found:
        return 0
    if not match:
        raise BadParameter(name, f"{name} is {found[:40]!r}; allowed: a time like 5 min, 90 s or 2 h.")
    return int(float(match[1]) * _UNIT[match[2]])


def name(query: Query, parameter: str) -> bytes | None:
    """A path name as bytes; None when it is not given."""
    found = _given(query, parameter)
    return None if not found else _name(parameter, found)


def names(query: Query, parameter: str) -> tuple[bytes, ...]:
    return tuple(_name(parameter, found) for found in query.getlist(parameter) if found)


def _name(parameter: str, found: str) -> bytes:
    if found == TOO_LONG:
        raise BadParameter(
            parameter, f"This {parameter} has a name of more than {PATH_MOST:,} characters: no address has room for it."
        )
    try:
        return from_path(found)
    except BadName as error:
        raise BadParameter(parameter, f"{parameter}: {error}") from error


def entry_id(query: Query, parameter: str) -> StreamId | None:
    """An entry's ID; None when it is not given."""
    found = _given(query, parameter)
    return _id(parameter, found) if found else None


def entry_ids(query: Query, parameter: str) -> tuple[StreamId, ...]:
    """The IDs of a parameter that may be repeated."""
    return tuple(_id(parameter, found) for found in query.getlist(parameter))


def _id(parameter: str, found: str) -> StreamId:
    try:
        return StreamId.parse(found)
    except BadId as error:
        raise BadParameter(parameter, f"{parameter}: {error}") from error


def position(query: Query, parameter: str, *, upper: bool = False) -> StreamId | None:
    """An ID or a time ("14:05", "-2h") in the zone of the settings; None when it is not given."""
    found = _given(query, parameter)
    if not found:
        return None
    try:
        return parse_position(found, now=timezone.localtime(), upper=upper)
    except BadId as error:
        raise BadParameter(parameter, f"{parameter}: {error}") from error


def check_times(query: Query, names: Sequence[str], facts: StreamFacts) -> None:
    """Raises BadParameter where one of these positions is a time and the stream's IDs are none: it leads nowhere."""
    for parameter in names:
        found = position(query, parameter)
        if found and is_time(_given(query, parameter)) and (why := why_no_time(facts, found)):
            raise BadParameter(parameter, f"{parameter}: {why}")


def address(values: Mapping[str, object]) -> str:
    """A query string of what is set: a list is repeated, "" and None are left out. "?" when nothing is."""
    given = {name: value for name, value in values.items() if value not in ("", None, [], ())}
    return "?" + urlencode(given, doseq=True)
