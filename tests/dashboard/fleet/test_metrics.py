"""The numbers of the fleet in /metrics: what is known, under its name, and nothing else."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from dashboard.fleet.metrics import families
from dashboard.fleet.metrics.streams import LONGEST_LABEL, label
from dashboard.fleet.samplers import fleet
from dashboard.fleet.snapshots import ServerSnapshot, StreamState
from dashboard.metrics.registry import exposition
from dashboard.streams.figures import Figure
from dashboard.streams.links import Server

DOCS = Path(__file__).resolve().parents[3] / "docs"
Numbers = dict[tuple[str, ...], float]


def numbers(*servers: ServerSnapshot, most: int = 100) -> Numbers:
    """By name and the values of the labels in their order."""
    found = (sample for family in families(servers, {}, most) for sample in family.samples)
    return {(sample.name, *sample.labels.values()): sample.value for sample in found}


def test_a_stream_and_its_group_have_the_numbers_of_the_server(server: Server, redis_client: redis.Redis) -> None:
    for n in range(1, 6):
        redis_client.xadd("orders", {"n": n})
    redis_client.xgroup_create("orders", "mail", id="0")
    redis_client.xreadgroup("mail", "w1", {"orders": ">"}, count=2)
    found = numbers(fleet().sample(server))
    assert found["redis_up", "default"] == 1
    assert found["redis_stream_length", "default", "orders"] == 5
    assert found["redis_stream_groups", "default", "orders"] == 1
    assert found["redis_stream_group_consumers", "default", "orders", "mail"] == 1
    assert found["redis_stream_group_messages_pending", "default", "orders", "mail"] == 2
    assert 0 <= found["streamgauge_group_oldest_pending_seconds", "default", "orders", "mail"] < 60
    assert found["streamgauge_sampler_streams", "default"] == 1
    assert found["streamgauge_left_out", "default", "streams"] == 0
    known = fleet().sampler(server).snapshot.streams[b"orders"].sample.groups[0].facts.lag
    assert found.get(("redis_stream_group_lag", "default", "orders", "mail")) == (3 if known.exact else None)


def with_lag(snapshot: ServerSnapshot, lag: Figure) -> ServerSnapshot:
    """The same, with this lag in every group."""
    return replace(snapshot, streams={key: _behind(state, lag) for key, state in snapshot.streams.items()})


def _behind(state: StreamState, lag: Figure) -> StreamState:
    groups = tuple(replace(group, facts=replace(group.facts, lag=lag)) for group in state.sample.groups)
    return replace(state, sample=replace(state.sample, groups=groups))


def test_what_is_not_known_has_no_number(server: Server, redis_client: redis.Redis) -> None:
    redis_client.xadd("runs", {"n": 1}, id="5-0")
    redis_client.xgroup_create("runs", "idle", id="$")
    snapshot = fleet().sample(server)
    found = numbers(snapshot)
    assert ("streamgauge_group_oldest_pending_seconds", "default", "runs", "idle") not in found, "nothing is pending"
    lag = ("redis_stream_group_lag", "default", "runs", "idle")
    assert numbers(with_lag(snapshot, Figure(7)))[lag] == 7
    for unsure in (Figure(None, "unknown"), Figure(7, approximate=True), Figure(7, "more", at_least=True)):
        assert lag not in numbers(with_lag(snapshot, unsure))
    away = numbers(replace(snapshot, error="The server did not answer in time."))
    assert {name for name, *_ in away} == {
        "redis_up",
        "streamgauge_sampler_last_round_timestamp_seconds",
        "streamgauge_sampler_round_seconds",
    }
    assert away["redis_up", "default"] == 0
    assert numbers(ServerSnapshot("default")) == {}, "it was not looked at yet"
    uncounted = numbers(replace(snapshot, complete=False))
    assert ("streamgauge_sampler_streams", "default") not in uncounted


def test_findings_are_counted_by_kind(server: Server, redis_client: redis.Redis) -> None:
    tomorrow = int(time.time() * 1000) + 86_400_000
    for key in ("a", "b"):
        redis_client.xgroup_create(key, "g", id="0", mkstream=True)
        redis_client.xadd(key, {"n": 1}, id=f"{tomorrow}-0")
    snapshot = fleet().sample(server)
    known = [finding.kind for state in snapshot.streams.values() for finding in state.findings]
    assert known.count("id_ahead") == 2
    found = numbers(snapshot, most=0)
    assert sum(value for (name, *at), value in found.items() if name == "streamgauge_findings") == len(known)
    assert {at[1]: value for (name, *at), value in found.items() if name == "streamgauge_findings"}["id_ahead"] == 2
    assert (
        found["streamgauge_left_out", "default", "streams"],
        found["streamgauge_left_out", "default", "groups"],
    ) == (
        2,
        2,
    )


def test_no_more_streams_and_groups_have_numbers_than_was_said(server: Server, redis_client: redis.Redis) -> None:
    for n in range(5):
        for group in ("x", "y", "z"):
            redis_client.xgroup_create(f"s{n}", group, mkstream=True)
    redis_client.xadd(b"l" * (LONGEST_LABEL + 1), {"n": 1})
    found = numbers(fleet().sample(server), most=4)
    streams = [key for key in found if key[0] == "redis_stream_length"]
    groups = [key for key in found if key[0] == "redis_stream_group_consumers"]
    assert (len(streams), len(groups)) == (3, 4), "the long name took one of the places"
    assert found["streamgauge_left_out", "default", "streams"] == 3
    assert found["streamgauge_left_out", "default", "groups"] == 11


@given(st.lists(st.binary(max_size=8) | st.text(max_size=4).map(str.encode), unique=True, max_size=20))
def test_no_two_names_share_a_label(names: list[bytes]) -> None:
    labels = [label(name) for name in names]
    assert len(set(labels)) == len(names)


@pytest.mark.django_db
def test_any_name_can_be_scraped(server: Server, redis_client: redis.Redis) -> None:
    names = [b"", b'say "hi"\n', b"\xff\x00", "größe".encode(), b"a~b", b"back\\slash", b"{}"]
    for name in names:
        redis_client.xadd(name, {"n": 1})
    fleet().sample(server)
    families = text_string_to_metric_families(exposition().decode())
    length = next(family for family in families if family.name == "redis_stream_length")
    assert sorted(sample.labels["stream"] for sample in length.samples) == sorted(label(name) or "" for name in names)


DOCUMENTED = dict(re.findall(r"^\| `(\w+)(?:\{[\w,]+\})?` \| (\w+) \|", (DOCS / "metrics.md").read_text(), re.M))


def expressions() -> list[str]:
    """Of the dashboard and of the alerts."""
    panels = json.loads((DOCS / "grafana/streamgauge.json").read_text())["panels"]
    alerts = re.findall(r"^ {8}expr: (.+)$", (DOCS / "grafana/alerts.yml").read_text(), re.M)
    return [target["expr"] for panel in panels for target in panel["targets"]] + alerts


@pytest.mark.parametrize("expression", expressions())
def test_the_dashboard_and_the_alerts_ask_for_numbers_that_are_there(expression: str) -> None:
    asked = set(re.findall(r"\b(?:redis|streamgauge)_\w+", expression))
    assert asked
    for name in asked:
        base = name.removesuffix("_bucket")
        assert base in DOCUMENTED
        assert (DOCUMENTED[base] == "histogram") == name.endswith("_bucket")
        assert (DOCUMENTED[base] in ("counter", "histogram")) == (f"rate({name}" in expression)
