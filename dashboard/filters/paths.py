"""What stands at a path of a JSON document. A key goes through an array into each element, an index picks one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dashboard.filters.quoting import to_bytes
from dashboard.streams.payloads.trees import JsonObject

_WORDS = {True: b"true", False: b"false", None: b"null"}


def at(document: Any, path: Sequence[str | int]) -> list[Any]:
    """Everything there: more than one thing where arrays lie on the way, or keys are repeated."""
    found = [document]
    for step in path:
        found = [below for each in found for below in _below(each, step)]
    return found


def texts(found: Any) -> Iterator[bytes]:
    """A scalar as it is written, those of an array each, nothing of an object."""
    if isinstance(found, JsonObject):
        return
    for each in found if isinstance(found, list) else (found,):
        if isinstance(each, str):
            yield to_bytes(each)
        elif not isinstance(each, list):
            yield _WORDS[each]


def _below(document: Any, step: str | int) -> Sequence[Any]:
    if isinstance(document, JsonObject):
        return [value for key, value in document if key == step]
    if not isinstance(document, list):
        return ()
    if isinstance(step, int):
        return document[step : step + 1]
    return [found for each in document if isinstance(each, JsonObject) for found in _below(each, step)]
