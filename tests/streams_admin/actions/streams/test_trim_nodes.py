"""An approximate trim removes whole nodes only: what will go is foreseen from the nodes that the stream has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.streams.links import Server
from streams_admin.models import Operation
from tests.dashboard.streams.seeding import GROUP, KEY, fill, group
from tests.streams_admin.acting import act, planned, run

pytestmark = pytest.mark.django_db
COUNT = 3_000


@pytest.fixture
def sized(server: Server, redis_client: redis.Redis) -> Iterator[Any]:
    """Makes a stream of COUNT entries, `entries` in a node (0: all in one). Later tests have the server as it was."""
    before = redis_client.config_get("stream-node-max-*")

    def make(entries: int, key: bytes = KEY) -> redis.Redis:
        redis_client.config_set("stream-node-max-entries", entries)
        redis_client.config_set("stream-node-max-bytes", 0)
        fill(redis_client, COUNT, key=key)
        return redis_client

    yield make
    for name, value in before.items():
        redis_client.config_set(name, value)


def precision(preview: dict[str, Any]) -> dict[str, Any]:
    return next(note for note in preview["notes"] if "removed" in note["title"])


@pytest.mark.parametrize("safe", [False, True])
@pytest.mark.parametrize("bound", [{"maxlen": 10}, {"minid": "2991-0"}])
def test_of_one_node_nothing_goes_and_the_plan_says_so(sized: Any, bound: dict[str, Any], safe: bool) -> None:
    client = sized(0)
    if safe:
        group(client, read=COUNT)
        client.xack(KEY, GROUP, *[f"{n}-0" for n in range(1, COUNT + 1)])
    plan = planned("trim", {**bound, "safe": safe})
    preview = plan.preview
    assert (preview["title"], preview["total"], preview["counts"]) == ("Trim 0 entries", 0, {"entries": 0})
    assert "one node holds all 3,000 entries" in preview["sentence"]
    note = precision(preview)
    assert (note["severity"], note["title"], note["instead"]) == ("late", "Nothing will be removed", "trim")
    assert "Choose Exact to remove 2,990 entries." in note["text"]
    assert [(c["label"], c["now"], c["after"]) for c in preview["changes"]] == [("entries", COUNT, COUNT)]
    operation = run(plan)
    assert (client.xlen(KEY), operation.results, operation.state) == (COUNT, {}, "done")
    assert operation.error.startswith("Nothing was removed: approximate (~) takes whole nodes only. Exact removes")
    assert act("trim", {**bound, "safe": safe, "approximate": False}).results == {"done": 2_990}


def test_all_of_one_node_goes(sized: Any) -> None:
    client = sized(0)
    plan = planned("trim", {"maxlen": 0})
    assert (plan.preview["total"], plan.preview["changes"][0]["after"]) == (COUNT, 0)
    assert run(plan).results == {"done": COUNT}
    assert client.xlen(KEY) == 0


def test_nodes_larger_than_what_would_go(sized: Any) -> None:
    sized(1_000)
    preview = planned("trim", {"maxlen": 2_500}).preview
    note = precision(preview)
    assert (note["severity"], note["title"]) == ("late", "Probably nothing will be removed")
    assert "A node holds about 1,000 entries here. Choose Exact to remove 500 entries." in note["text"]
    assert act("trim", {"maxlen": 2_500}).results == {}


def test_what_whole_nodes_leave_is_foreseen(sized: Any) -> None:
    client = sized(1_000)
    plan = planned("trim", {"maxlen": 900})
    note = precision(plan.preview)
    assert note["title"] == "Approximate (~): only whole nodes are removed, about 2,000 of 2,100"
    change = plan.preview["changes"][0]
    assert (note["severity"], change["after"], change["note"]) == ("", 1_000, "about")
    assert run(plan).results == {"done": 2_000}
    assert client.xlen(KEY) == 1_000


def test_a_node_larger_than_one_command_may_remove_stays(sized: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams_admin.actions.streams.trim.CHUNK", 1_000)
    client = sized(0)
    preview = planned("trim", {"maxlen": 0}).preview
    assert precision(preview)["title"] == "Nothing will be removed"
    act("trim", {"maxlen": 0})
    assert client.xlen(KEY) == COUNT


def test_an_exact_trim_says_nothing_of_nodes(sized: Any) -> None:
    sized(0)
    preview = planned("trim", {"maxlen": 10, "approximate": False}).preview
    assert (preview["total"], preview["notes"][-1]["title"]) == (2_990, "Exact (=)")


def test_the_page_of_what_did_nothing_says_why(sized: Any, admin: Client) -> None:
    sized(0, b"q")
    act("trim", {"maxlen": 10}, key=b"q")
    page = admin.get(f"/operations/{Operation.objects.get().pk}/").content.decode()
    assert "Nothing was removed: approximate (~) takes whole nodes only." in page
    assert "The operation stopped" not in page
