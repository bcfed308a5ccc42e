"""The tutorial tells of every command that a system sends, and of every option and system there is."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import redis
from django.core.management import load_command_class

from streams_admin.demo.scenarios import catalogue
from tests.scenarios.conftest import Play
from tests.scenarios.waiting import until
from tests.scenarios.watching import Monitor

PAGES = Path(__file__).resolve().parents[2] / "docs" / "tutorial"
CONNECTING = {"CLIENT", "HELLO", "SELECT", "AUTH", "PING", "MONITOR"}
BESIDE = {"EXISTS", "SCAN", "SET"}
"""What the test sends while it waits, and who starts a system to leave its mark."""


@pytest.mark.parametrize("name", list(catalogue.SCENARIOS))
def test_every_command_a_system_sends_is_explained(play: Play, client: redis.Redis, redis_url: str, name: str) -> None:
    page = (PAGES / f"{name}.md").read_text()
    key = "cart:events:3" if name == "carts" else catalogue.get(name).STREAM
    with Monitor(redis_url) as monitor:
        play(name, rate=60, users=5, poison_rate=0.2, give_up_after=1, work_time=0.1, reclaim_after=0.5)
        until(lambda: client.exists(key))
        time.sleep(2.2)
    sent = {words[0].upper() for _, words in monitor.commands} - CONNECTING - BESIDE
    assert len(sent) >= 6
    assert {command for command in sent if not re.search(rf"\b{command}\b", page)} == set()


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
