"""The commands of a plan as its page shows them: three IDs and the rule, and all that is named behind a fold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.display.format import age, number, plural
from dashboard.streams.names import from_path, plain

IDS = 3
LINES = 12
"""Lines before the fold, where an entry takes a line or more."""
_MANY = re.compile(rf"((?: \d+-\d+){{{IDS}}})((?: \d+-\d+)+)")


@dataclass(frozen=True, slots=True)
class Panel:
    """`short`: the lines that stand there; `named`: all lines of the plan, none when they are the same."""

    short: list[str]
    named: list[str]


def panel(preview: Mapping[str, Any], params: Mapping[str, Any]) -> Panel:
    """Of a plan's preview and its parameters, both as they are kept."""
    lines: list[str] = preview["redis_cli"]
    short = [_MANY.sub(r"\1 …", line) for line in lines if not line.startswith("# and ")][:LINES]
    if short == lines:
        return Panel(lines, [])
    return Panel([*short, f"# {_rule(preview, params)}"], lines)


def _rule(preview: Mapping[str, Any], params: Mapping[str, Any]) -> str:
    """How many entries there are, and which."""
    total = preview["total"]
    count = "unknown how many" if total is None else f"{'at least ' if preview['least'] else ''}{number(total)}"
    if params.get("filter") is None:
        return f"{count} IDs in all: those that were selected"
    return f"{count} IDs in all: {', '.join(_conditions(params['filter'])) or 'everything that is pending'}"


def _conditions(asked: Mapping[str, Any]) -> list[str]:
    """The filter in words."""
    words: dict[str, Callable[[Any], str]] = {
        "consumer": lambda name: f"held by {plain(from_path(name))}",
        "min_idle_ms": lambda ms: f"idle for {age(ms)} or longer",
        "min_deliveries": lambda times: f"delivered at least {plural(times, 'time')}",
        "start": lambda id_: f"from {id_} on",
        "end": lambda id_: f"up to {id_}",
        "limit": lambda count: f"the oldest {number(count)}",
    }
    return [say(asked[name]) for name, say in words.items() if asked.get(name)]
