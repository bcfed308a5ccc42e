"""What `redis-cli` prints: the sessions that the tutorial shows, read from its pages and played on a server."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

import redis
from redis.exceptions import ResponseError

BLOCK = re.compile(r"^```redis\n(.*?)^```", re.DOTALL | re.MULTILINE)
ANYTHING = "…"
"""Stands in an expected reply for whatever a server says there; alone on a line for any number of lines."""


@dataclass(frozen=True)
class Step:
    command: str
    reply: str
    """What the page says; empty where it says nothing."""


def sessions(page: str) -> list[Step]:
    """Every command that a page shows at a prompt, with the reply below it, in order."""
    steps = []
    for block in BLOCK.findall(page):
        for part in re.split(r"^> ", block, flags=re.MULTILINE)[1:]:
            command, _, reply = part.partition("\n")
            steps.append(Step(command, reply.strip("\n")))
    return steps


def play(client: redis.Redis, command: str) -> str:
    """Send it as it was typed; the reply as `redis-cli` prints it."""
    plain = redis.Redis(connection_pool=client.connection_pool)
    plain.response_callbacks.clear()
    try:
        return "\n".join(lines(plain.execute_command(*shlex.split(command))))
    except ResponseError as error:
        return f"(error) {_with_code(error)}"


def _with_code(error: ResponseError) -> str:
    """redis-py takes the first word away where it knows it."""
    text = str(error)
    return text if re.match(r"[A-Z]{3,} ", text) else f"ERR {text}"


def lines(reply: object) -> list[str]:
    if reply is None:
        return ["(nil)"]
    if isinstance(reply, int):
        return [f"(integer) {reply}"]
    if isinstance(reply, list):
        return _numbered(reply) or ["(empty array)"]
    return [str(reply)] if reply == "OK" else [f'"{reply}"']


def _numbered(items: list[object]) -> list[str]:
    width = len(f"{len(items)}) ")
    found = []
    for number, item in enumerate(items, 1):
        first, *rest = lines(item)
        found += [f"{number}) ".rjust(width) + first, *(" " * width + line for line in rest)]
    return found


def matches(reply: str, expected: str) -> bool:
    """Whether a reply is what a page says, where it says something."""
    return not expected or re.fullmatch("\n".join(map(_pattern, expected.splitlines())), reply) is not None


def _pattern(line: str) -> str:
    return r"[\s\S]*" if line == ANYTHING else ".+".join(map(re.escape, line.split(ANYTHING)))
