"""The tutorial explains every command that a system sends, every option and every system, and what it shows is so.

Its `redis-cli` sessions are played on a server where the page's system runs, and their replies compared.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from django.core.management import load_command_class

from dashboard.streams.links import Server
from streams_admin.demo.scenarios import catalogue
from streams_admin.management.commands.scenario import Command
from tests.scenarios.conftest import Play
from tests.scenarios.redis_cli import Step, matches, sessions
from tests.scenarios.redis_cli import play as typed
from tests.scenarios.shown import is_among, lines, unsent
from tests.scenarios.waiting import held, settled, until
from tests.scenarios.watching import Monitor
from tests.streams_admin.acting import counts_reads

PAGES = Path(__file__).resolve().parents[2] / "docs" / "tutorial"
CONNECTING = {"CLIENT", "HELLO", "SELECT", "AUTH", "PING", "MONITOR"}
BESIDE = {"EXISTS", "SCAN", "SET"}
"""What the test sends while it waits, and who starts a system to leave its mark."""


@pytest.mark.parametrize("name", list(catalogue.SCENARIOS))
def test_every_command_a_system_sends_is_explained(play: Play, client: redis.Redis, redis_url: str, name: str) -> None:
    """And what the page lists, or shows with its words, is sent."""
    page = (PAGES / f"{name}.md").read_text()
    key = "cart:events:3" if name == "carts" else catalogue.get(name).STREAM
    client.script_flush()
    client.config_resetstat()
    with Monitor(redis_url) as monitor:
        crew = play(name, rate=60, users=5, poison_rate=0.2, give_up_after=1, work_time=0.1, reclaim_after=0.5)
        until(lambda: client.exists(key))
        time.sleep(2.2)
        if name == "carts":
            crew.end("projector-3")
        until(lambda: not_sent(page, key.rstrip("3"), monitor) == [], every=0.3)
    assert "errorstat_NOGROUP" not in client.info("errorstats"), "it would be a finding, which no page speaks of"
    sent = {words[0].upper() for _, words in monitor.commands} - CONNECTING - BESIDE
    assert len(sent) >= 6
    assert {command for command in sent if not re.search(rf"\b{command}\b", page)} == set()


def not_sent(page: str, key: str, monitor: Monitor) -> list[str]:
    """What a page lists or shows of which nothing was sent. Of the two ways to take over a server knows one."""
    sent = [words for _, words in monitor.commands]
    shown = lines(page, key)
    absent = [line for line in shown if not is_among(line, sent)]
    takes = [line for line in shown if "CLAIM" in line]
    return unsent(page, sent) + [line for line in absent if line not in takes or set(takes) <= set(absent)]


def test_the_overview_names_every_system_and_option() -> None:
    overview = (PAGES / "index.md").read_text()
    parser = load_command_class("streams_admin", "scenario").create_parser("manage.py", "scenario")
    ours = {"--verbose", "--reclaim"} | {f"--{field.replace('_', '-')}" for field in ("duration", "clean", "prefix")}
    ours |= {option for action in parser._actions for option in action.option_strings if _is_chosen(action.dest)}
    assert {option for option in ours if option not in overview} == set()
    assert all(f"[{name}]({name}.md)" in overview for name in catalogue.SCENARIOS)


def _is_chosen(field: str) -> bool:
    from streams_admin.demo.scenarios.options import Options

    return field in Options.__dataclass_fields__


# Sessions ------------------------------------------------------------------------------------------------------------

SESSIONS = {page.stem: sessions(page.read_text()) for page in sorted(PAGES.glob("*.md"))}
SHELL = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_every_page_has_a_session() -> None:
    assert {name for name, steps in SESSIONS.items() if len(steps) >= 3} == {"index", *catalogue.SCENARIOS}


def on(server: Server, step: Step) -> str:
    """What this server replies by the words of the page: before 7.0 XAUTOCLAIM's reply has no third element."""
    if step.command.startswith("XAUTOCLAIM") and not counts_reads(server):
        return step.reply.removesuffix("\n3) (empty array)")
    return step.reply


@pytest.mark.parametrize("name", list(SESSIONS))
def test_the_sessions_of_a_page_are_as_it_shows(play: Play, client: redis.Redis, server: Server, name: str) -> None:
    ready = begin(name, play, client)
    if ready:
        until(ready)
    for step in SESSIONS[name]:
        reply, shown = typed(client, step.command), on(server, step)
        assert matches(reply, shown), f"> {step.command}\n{reply}\ninstead of\n{shown}"
    assert not list(client.scan_iter("try:*")), "the page leaves keys behind"


def begin(name: str, play: Play, client: redis.Redis) -> Callable[[], object] | None:
    """Start what the page has its reader start; what to wait for then."""
    if name == "index":
        return None
    play(name, crash_after=0.3 if name == "orders" else None)
    if name == "orders":
        return lambda: len(held(client, "orders:new", "order_processors", "worker-2")) == 12
    if name == "carts":
        return lambda: client.exists("cart:users")
    return lambda: client.xlen(catalogue.get(name).STREAM)


@pytest.mark.parametrize(
    ("reply", "expected", "same"),
    [
        ("OK", "OK", True),
        ("OK", "(nil)", False),
        ('1) "5-1"', '1) "…-…"', True),
        ('1) "5-1"\n2) "6-1"', '1) "…-…"', False),
        ('1) "5-1"\n2) "6-1"', '1) "5-1"\n…', True),
        ('1) "5-1"', '2) "…"', False),
    ],
)
def test_a_session_that_is_not_so_would_be_seen(reply: str, expected: str, same: bool) -> None:
    assert matches(reply, expected) is same


def test_a_session_is_read_from_its_block() -> None:
    page = "```redis\n> XLEN a\n(integer) 1\n> DEL a\n```\n```\n> not this\n```\n"
    assert sessions(page) == [Step("XLEN a", "(integer) 1"), Step("DEL a", "")]


def commands(word: str) -> list[list[str]]:
    """The lines of all shell blocks that call it, without what stands before it."""
    blocks = (block for page in sorted(PAGES.glob("*.md")) for block in SHELL.findall(page.read_text()))
    lines = (shlex.split(line, comments=True) for block in blocks for line in block.splitlines() if word in line)
    return [line[line.index(word) + 1 :] for line in lines if word in line]


def test_every_call_of_scenario_is_one_that_it_takes() -> None:
    parser = Command().create_parser("manage.py", "scenario")
    found = [parser.parse_args(line) for line in commands("scenario")]
    assert {given.name for given in found} == set(catalogue.SCENARIOS)
    assert {(given.name, given.crash_after, given.reclaim) for given in found} >= {
        ("orders", 5, False),
        ("orders", 5, True),
    }


def test_every_call_of_the_demo_names_a_system() -> None:
    named = {
        word.removeprefix("SCENARIO=") for line in commands("make") for word in line if word.startswith("SCENARIO")
    }
    assert named == set(catalogue.SCENARIOS)


def carts(client: redis.Redis) -> dict[str, dict[str, str]]:
    return {key: client.hgetall(key) for key in client.scan_iter("cart:current:*")}


def test_the_carts_are_the_same_after_a_rebuild(
    play: Play, client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    """Run, stop, delete by the lines of the page, start without new events."""
    crew = play("carts", rate=60, users=8, seed=3)
    until(lambda: len(carts(client)) == 8)
    crew.end("producer")
    until(lambda: all(settled(client, key, "cart_projectors") for key in client.scan_iter("cart:events:*")))
    crew.stop()
    before = carts(client)
    block = next(block for block in SHELL.findall((PAGES / "carts.md").read_text()) if "redis-cli" in block)
    (tmp_path / "redis-cli").write_text(f"#!{sys.executable}\n{CLI}")
    (tmp_path / "redis-cli").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "CLI_URL": redis_url}
    subprocess.run(["sh", "-ec", block], env=environment, check=True, stdout=subprocess.DEVNULL)
    assert not carts(client)
    play("carts", rate=0)
    until(lambda: carts(client) == before)


CLI = """
import os, sys, redis
client, words = redis.Redis.from_url(os.environ["CLI_URL"], protocol=2, decode_responses=True), sys.argv[1:]
if words[:2] == ["--scan", "--pattern"]:
    print(*client.scan_iter(words[2]), sep="\\n")
else:
    print(client.execute_command(*words))
"""
"""As much of `redis-cli` as the page needs, for machines that have none."""
