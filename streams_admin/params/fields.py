"""Fields of an entry as JSON has them (pairs of values) and as people type them."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

from dashboard.display.format import size
from dashboard.display.rows import value_json
from dashboard.streams.snapshots import Fields
from streams_admin.errors import BadParameters

BYTES_MOST = 2**20
"""What the fields of one entry may weigh: a plan keeps them until it is run."""
FIELDS_MOST = 10_000


def fields_in(given: object) -> Fields:
    """From pairs of values; those of bytes are taken as they are. Raises BadParameters."""
    pairs = given if isinstance(given, list | tuple) else ()
    if not pairs or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise BadParameters("fields must be a list of at least one [name, value] pair.")
    if len(pairs) > FIELDS_MOST:
        raise BadParameters(f"fields has {len(pairs):,} pairs; allowed: {FIELDS_MOST:,}.")
    found = tuple((_value("a name in fields", name), _value("a value in fields", value)) for name, value in pairs)
    weight = sum(len(name) + len(value) for name, value in found)
    if weight > BYTES_MOST:
        raise BadParameters(f"fields has {size(weight)}; allowed: {size(BYTES_MOST)}.")
    return found


def value_of(given: object) -> bytes | None:
    """A value of a body: a string, or {"base64": "..."}; None for anything else."""
    try:
        if isinstance(given, str):
            return given.encode()
        if isinstance(given, dict) and set(given) == {"base64"} and isinstance(given["base64"], str):
            found = b64decode(given["base64"], validate=True)
            return found if b64encode(found).decode() == given["base64"] else None  # one spelling, as in path names
    except ValueError:
        pass  # half a character, or no base64
    return None


def _value(what: str, given: object) -> bytes:
    found = given if isinstance(given, bytes) else value_of(given)
    if found is not None:
        return found
    raise BadParameters(f'{what} is {str(given)[:60]!r}; allowed: a string, or {{"base64": "..."}}.')


def fields_out(fields: Fields) -> list[list[object]]:
    """As `fields_in` reads them."""
    return [[_json(name), _json(value)] for name, value in fields]


def _json(value: bytes) -> object:
    return value_json(value, limit=len(value))


def described(fields: Fields) -> list[list[object]]:
    """Names as they are, and of each value only what it weighs: what a log may keep."""
    return [[_json(name), f"{len(value)} bytes"] for name, value in fields]


def from_text(text: str) -> Fields:
    """Of lines of `name: value`, a JSON object, or a JSON list of pairs. Raises BadParameters."""
    return fields_in(_from_json(text) if text.lstrip()[:1] in ("{", "[") else _from_lines(text))


def _from_lines(text: str) -> list[list[str]]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        name, colon, value = line.partition(":")
        if line.strip() and not colon:
            raise BadParameters(f"Line {number} is not “name: value”.")
        if line.strip():
            found.append([name.strip(), value.strip()])
    return found


class _Object(list[tuple[str, object]]):
    """A JSON object, repeated names kept."""


def _from_json(text: str) -> list[object]:
    try:
        found = json.loads(text, object_pairs_hook=_Object)
    except (ValueError, RecursionError) as error:
        raise BadParameters("That is neither JSON nor lines of “name: value”.") from error
    if isinstance(found, _Object):
        return [[name, _plain(value)] for name, value in found]
    return [[_part(part) for part in pair] if isinstance(pair, list) else pair for pair in found]


def _plain(value: object) -> str:
    """A string as it is; everything else as the JSON it was."""
    return value if isinstance(value, str) else json.dumps(_whole(value), ensure_ascii=False)


def _part(value: object) -> object:
    return dict(value) if isinstance(value, _Object) else value


def _whole(value: object) -> object:
    if isinstance(value, _Object):
        return {name: _whole(inner) for name, inner in value}
    return [_whole(inner) for inner in value] if isinstance(value, list) else value


def to_text(fields: Fields) -> str:
    """What `from_text` turns into the same fields: lines where they can say it, else a JSON list of pairs."""
    pairs = fields_out(fields)
    lines = "\n".join(f"{name}: {value}" for name, value in pairs)
    if _says(lines, fields):
        return lines
    return "[\n" + ",\n".join(f"  {json.dumps(pair, ensure_ascii=False)}" for pair in pairs) + "\n]"


def _says(lines: str, fields: Fields) -> bool:
    try:
        return from_text(lines) == fields
    except BadParameters:
        return False
