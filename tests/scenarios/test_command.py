"""`manage.py scenario`: it begins where it may, says how it goes, and leaves no process behind however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from streams_admin.demo.scenarios import catalogue
from streams_admin.demo.scenarios.crew import ForeignKeys, claim_keys, clean
from streams_admin.demo.scenarios.options import Options
from tests.scenarios.waiting import until

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def run(redis_url: str) -> Iterator[Run]:
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(ROOT / "manage.py"), "scenario", *arguments, "--url", redis_url]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, stdin=pipe, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def connected(client: redis.Redis) -> int:
    """How many processes of a system are connected."""
    return len([row for row in client.client_list() if row["cmd"].lower().startswith(("xread", "xadd", "evalsha"))])


def ends(process: subprocess.Popen[str], within: float = 30) -> tuple[int, str]:
    said, _ = process.communicate(timeout=within)
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_it(run: Run, client: redis.Redis, number: signal.Signals) -> None:
    process = run("orders", "--rate", "20", "--workers", "2")
    until(lambda: connected(client) == 3)
    process.send_signal(number)
    code, said = ends(process)
    assert code == (-9 if number is signal.SIGKILL else 0), said
    until(lambda: connected(client) == 0, within=5)


def test_it_runs_for_a_while_says_who_crashed_and_how_it_went(run: Run, client: redis.Redis) -> None:
    code, said = ends(run("sensors", "--rate", "80", "--duration", "2.5", "--crash-after", "0.3", "--seed", "1"))
    assert code == 0, said
    assert "sensors: producer, reader, consumer-1, consumer-2 running. Ctrl-C stops them." in said
    assert "consumer-2 is killed with 3 entries in progress" in said
    assert "sensors: consumer-2 is gone." in said
    assert "sensors: stopped. " in said
    assert "analytics_group: 3 pending" in said


def test_it_refuses_where_others_have_keys(run: Run, client: redis.Redis) -> None:
    client.set("orders:customers", "theirs")
    code, said = ends(run("orders", "--duration", "1"))
    assert code != 0
    assert (
        "orders:customers already exists on this server and was not written by this scenario; choose a --prefix."
        in said
    )
    assert client.keys() == ["orders:customers"]


@pytest.mark.parametrize("given", [["--rate", "-1"], ["--workers", "0"], ["--poison-rate", "1.5"], ["--rate", "x"]])
def test_it_refuses_senseless_options(run: Run, given: list[str]) -> None:
    code, said = ends(run("orders", *given))
    assert code == 2
    assert given[0] in said


def test_help_lists_every_system(run: Run) -> None:
    _, said = ends(run("--help"))
    assert all(catalogue.summary(name) in said for name in catalogue.SCENARIOS)


@pytest.mark.parametrize("prefix", ["", "demo[1]*:"])
def test_clean_deletes_what_the_system_wrote_and_nothing_else(client: redis.Redis, prefix: str) -> None:
    options = Options(prefix=prefix)
    claim_keys(client, "orders", options)
    for key in ("orders:new", "orders:done:1-0", "orders:sold"):
        client.set(prefix + key, "ours")
    others = {prefix + "orders:customers", "demo1:orders:new", "demo1x:orders:sold"}
    for key in others:
        client.set(key, "theirs")
    assert clean(client, "orders", options) == 4
    assert set(client.keys()) == others


def test_the_command_deletes_and_then_runs(run: Run, client: redis.Redis) -> None:
    claim_keys(client, "sensors", Options())
    client.xadd("sensor_readings", {"n": 1}, id="1-0")
    process = run("sensors", "--clean", "--rate", "20")
    until(lambda: client.exists("sensor_readings") and not client.xrange("sensor_readings", "1-0", "1-0"))
    until(lambda: client.xlen("sensor_readings"))
    process.send_signal(signal.SIGINT)
    code, said = ends(process)
    assert (code, said.splitlines()[0]) == (0, "sensors: deleted 2 keys.")
    assert "running. Ctrl-C stops them." in said


def test_clean_deletes_nothing_where_the_system_never_was(client: redis.Redis) -> None:
    client.set("orders:new", "theirs")
    assert clean(client, "orders", Options()) == 0
    with pytest.raises(ForeignKeys):
        claim_keys(client, "orders", Options())
    assert client.keys() == ["orders:new"]


def test_a_system_goes_on_with_its_own_keys(client: redis.Redis) -> None:
    claim_keys(client, "carts", Options())
    client.set("cart:users", "ours")
    claim_keys(client, "carts", Options())
    assert client.exists("scenario:carts")


def test_every_key_a_system_writes_is_known(client: redis.Redis) -> None:
    for name in catalogue.SCENARIOS:
        scenario = catalogue.get(name)
        assert all(key.startswith(scenario.KEYS) for key in scenario.WRITES)
