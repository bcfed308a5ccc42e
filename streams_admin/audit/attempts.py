"""What somebody tried: a denied or refused attempt says in the audit log which group and which entries it was about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dashboard.streams.names import from_path, plain
from streams_admin.params.kinds import NAMES

KEPT_MOST = 2000
"""Characters of one parameter that are kept: who may not act must not fill the log either."""
SHOWN_MOST = 300
"""Characters of all of them on a page."""


def bounded(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that weigh no more than KEPT_MOST each; `<name>_left_out` is how much of one is not there."""
    found: dict[str, Any] = {}
    for name, value in params.items():
        items = value if isinstance(value, list) else [value]
        kept = list(_light(items))
        if isinstance(value, list):
            found[name] = kept
        elif kept:
            found[name] = value
        if len(kept) < len(items):
            found[f"{name}_left_out"] = len(items) - len(kept)
    return found


def _light(items: Iterable[Any]) -> Iterator[Any]:
    """The first ones, as long as they are light."""
    weight = 0
    for item in items:
        weight += len(json.dumps(item))
        if weight > KEPT_MOST:
            return
        yield item


def words(params: Mapping[str, Any]) -> str:
    """Parameters of a line for a page, spelt as for the command line: `ids=1-0,2-0, filter.consumer=worker-2`."""
    text = ", ".join(f"{name}={value}" for name, value in _spelt("", params))
    return text if len(text) <= SHOWN_MOST else f"{text[:SHOWN_MOST]}…"


def _spelt(where: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in params.items():
        if isinstance(value, dict):
            yield from _spelt(f"{where}{name}.", value)
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            yield where + name, ",".join(value)
        elif isinstance(value, str):
            yield where + name, plain(from_path(value)) if name in NAMES else value
        else:
            yield where + name, json.dumps(value, ensure_ascii=False)
