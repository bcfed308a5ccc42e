"""Trim, replay and delete occupy the server for about a millisecond per command too: by sizes, not by the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from streams_admin.actions.entries import replay
from streams_admin.actions.entries.delete import AT_ONCE
from streams_admin.actions.streams import trim
from streams_admin.operations import pacing
from streams_admin.operations.pacing import Pace
from tests.dashboard.streams.seeding import KEY, fill
from tests.streams_admin.acting import every_trip, planned, run

pytestmark = pytest.mark.django_db
TARGET = b"copies"
DUTIES = pytest.mark.parametrize("duty", [50, 100])
NODE = 100


@pytest.fixture
def sent() -> Iterator[list[list[Any]]]:
    """The writing commands of each round trip, in order."""
    trips: list[list[Any]] = []

    def note(commands: Any) -> None:
        trips.append([c for c in commands if c[0] in ("XTRIM", "XDEL", "XDELEX", "EVAL") and "return 1" not in c])

    with every_trip(note):
        yield trips


@pytest.fixture
def paced(monkeypatch: pytest.MonkeyPatch) -> int:
    """Entries that each piece has, where a pace says how many."""
    monkeypatch.setattr(Pace, "size", lambda self: min(30, self._most))
    return 30


@pytest.fixture
def nodes(server: Server, redis_client: redis.Redis) -> Iterator[redis.Redis]:
    """NODE entries in each node of streams."""
    before = redis_client.config_get("stream-node-max-*")
    redis_client.config_set("stream-node-max-entries", NODE)
    redis_client.config_set("stream-node-max-bytes", 0)
    yield redis_client
    for name, value in before.items():
        redis_client.config_set(name, value)


def limits(sent: list[list[Any]]) -> list[int]:
    """Of each approximate trim, by a script or by XTRIM."""
    return [int(c[6]) for trip in sent for c in trip if "~" in c]


@DUTIES
def test_a_trim_begins_with_few_entries_and_goes_on_by_what_they_cost(
    nodes: redis.Redis, sent: list[list[Any]], monkeypatch: pytest.MonkeyPatch, duty: int
) -> None:
    """The first command is that of the request, when nothing is known yet; a limit below a node would take none."""
    monkeypatch.setattr(Pace, "size", lambda self: 700)
    fill(nodes, 3_000)
    assert run(planned("trim", {"maxlen": 100}), duty=duty).results == {"done": 2_900}
    assert limits(sent)[:5] == [trim.NODES * NODE, 700, 700, 700, 700]


@DUTIES
def test_a_node_above_the_usual_size_does_not_end_a_trim(
    nodes: redis.Redis, sent: list[list[Any]], paced: int, duty: int
) -> None:
    """60 nodes of ten entries, behind one of 1,000: what takes none is tried with as many as a command may take."""
    nodes.config_set("stream-node-max-entries", 1_000)
    fill(nodes, 1_000)
    nodes.config_set("stream-node-max-entries", 10)
    for number in range(1_001, 1_601):
        nodes.xadd(KEY, {"n": number}, id=f"{number}-0")
    assert run(planned("trim", {"maxlen": 0}), duty=duty).results == {"done": 1_600}
    assert limits(sent)[:2] == [trim.NODES * 27, trim.CHUNK], "1,600 entries in 61 nodes are 27 each"
    assert set(limits(sent)[2:-1]) <= {paced, trim.NODES * 10}
    assert limits(sent)[-1] == trim.CHUNK, "nothing is left that is found by it"


@DUTIES
def test_a_replay_copies_as_many_at_once_as_a_millisecond_takes(
    server: Server, redis_client: redis.Redis, sent: list[list[Any]], paced: int, duty: int
) -> None:
    fill(redis_client, 600)
    assert run(planned("replay", {"filter": {}, "to": to_path(TARGET)}), duty=duty).results == {"done": 600}
    sizes = [(len(command) - 5) // 2 for trip in sent for command in trip]
    assert sizes == [pacing.FIRST, *[paced] * 18, 10]


def test_a_replay_of_cheap_entries_copies_no_more_than_one_step_may(
    server: Server, redis_client: redis.Redis, sent: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "cost", 0.0)
    fill(redis_client, 600)
    run(planned("replay", {"filter": {}, "to": to_path(TARGET)}))
    assert max((len(command) - 5) // 2 for trip in sent for command in trip) == replay.STEP


def test_a_deletion_with_a_limit_goes_in_pieces(
    server: Server, redis_client: redis.Redis, sent: list[list[Any]], paced: int
) -> None:
    fill(redis_client, 700)
    assert run(planned("delete", {"filter": {}}), duty=50).results == {"done": 700}
    sizes = [len(trip) for trip in sent if trip]
    assert sizes == [AT_ONCE] * 5 + [paced] * 6 + [20]


def test_no_deletion_that_looks_at_the_groups_has_more_than_a_hundred(
    server: Server, redis_client: redis.Redis, sent: list[list[Any]]
) -> None:
    fill(redis_client, 700)
    mode = "acked" if server.capabilities().has("xdelex") else "keep"
    assert run(planned("delete", {"filter": {}, "references": mode}), duty=100).results == {"done": 700}
    ids = [len(c) - 5 if c[0] == "XDELEX" else 1 for trip in sent for c in trip]
    assert (sum(ids), max(len(trip) for trip in sent)) == (700, 1 if mode == "acked" else AT_ONCE)
    assert max(ids) == (AT_ONCE if mode == "acked" else 1)


def test_waiting_for_our_own_process_makes_no_batch_smaller(
    nodes: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command takes us 5 ms more, as when another thread has the interpreter; the server says what it takes."""
    fill(nodes, 20_000)
    sent: list[list[Any]] = []
    costs: list[float] = []
    took = Pace.took

    def wait(commands: Any) -> None:
        sent.append([c for c in commands if c[0] in ("EVAL", "XTRIM") and "return 1" not in c])
        time.sleep(0.005)

    def note(pace: Pace, seconds: float, entries: int, served: float | None = None, *, trips: int = 1) -> float:
        if served is not None and entries:
            costs.append(served / entries)
        return took(pace, seconds, entries, served, trips=trips)

    monkeypatch.setattr(Pace, "took", note)
    with every_trip(wait):
        assert run(planned("trim", {"maxlen": 1_000})).results == {"done": 19_000}
    assert limits(sent)[:2] == [trim.NODES * NODE, trim.NODES * NODE]
    dearest = int(pacing.PIECE / max(costs))
    assert min(limits(sent)[2:]) >= min(dearest, trim.CHUNK), "by the clock alone they would be 40 entries"
