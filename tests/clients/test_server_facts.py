"""What the served site says of a server itself, held against what the server says, while it fills, follows and ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import redis

from tests.browser.site import Site, wait_until

ABOUT = "/api/v1/servers/default/about"


class Reader:
    """A program with the token of a viewer, and the same person's pages."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.token = site.manage("create_token", "--name", "t", "--role", "viewer")

    def get(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        with urlopen(Request(f"{self.site.address}{path}", headers=headers), timeout=20) as answer:
            return json.load(answer)

    def kinds(self) -> dict[str, dict[str, Any]]:
        """The findings about the server, by their kind."""
        items = self.get("/api/v1/findings")["items"]
        return {item["kind"]: item for item in items if item["stream"] is None}


@pytest.fixture
def reader() -> Iterator[Reader]:
    with Site() as site:
        site.client.xadd("about", {"n": 1})
        yield Reader(site)


def test_a_server_is_described_through_its_life(reader: Reader) -> None:
    site = reader.site
    wait_until(lambda: reader.get(ABOUT)["sampler"]["complete"], 20, "a round is complete")
    info, found = site.client.info(), reader.get(ABOUT)
    assert (found["role"], found["replicas"], found["primary"]) == ("primary", 0, None)
    version = info.get("valkey_version") or info["redis_version"]
    assert (found["version"], found["clients"]["limit"]) == (version, info["maxclients"])
    assert (found["maxmemory_bytes"], found["maxmemory_bytes_reason"]) == (None, "No limit is set.")
    assert (found["memory_policy"], found["refuses_writes"], found["refused_writes"]) == ("noeviction", False, 0)
    assert found["persistence"]["append_only"] is True
    assert (found["sampler"]["streams"], found["sampler"]["every_s"]) == (1, 1)
    assert found["clients"]["connected"] >= 1
    assert abs(found["memory_bytes"] - info["used_memory"]) < 20_000_000
    assert reader.kinds() == {}

    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        site.client.lpush("about", "x")
    site.client.config_set("maxmemory", 1)
    wait_until(lambda: reader.get(ABOUT)["refuses_writes"], 20, "it is full")
    found = reader.get(ABOUT)
    assert (found["maxmemory_bytes"], found["errors"]["WRONGTYPE"]) == (1, 1)
    assert {"memory", "refuses_writes"} <= reader.kinds().keys()
    with pytest.raises(redis.OutOfMemoryError):
        site.client.xadd("about", {"n": 2})
    wait_until(lambda: reader.get(ABOUT)["refused_writes"] == 1, 20, "the refused write is counted")
    site.client.config_set("maxmemory", 0)

    site.client.replicaof("127.0.0.1", "1")
    wait_until(lambda: "replica" in reader.kinds(), 90, "it is a replica")
    replica = reader.kinds()["replica"]
    assert (replica["severity"], replica["message"]) == (
        "late",
        "The server is a replica: only its primary takes writes",
    )
    assert replica["evidence"] == {"primary": "127.0.0.1:1", "in_step": False}
    found = reader.get(ABOUT)
    assert (found["role"], found["primary"], found["in_step"]) == ("replica", "127.0.0.1:1", False)
    site.client.replicaof("NO", "ONE")
    wait_until(lambda: "replica" not in reader.kinds(), 20, "it is a primary again")

    as_of = reader.get(ABOUT)["as_of"]
    with suppress(redis.ConnectionError):
        site.client.shutdown(nosave=True)
    wait_until(lambda: "unreachable" in reader.kinds(), 20, "it is gone")
    item = reader.kinds()["unreachable"]
    assert (item["severity"], item["server"], item["message"]) == ("stuck", "default", "Server cannot be read")
    assert item["detail"] == item["evidence"]["error"] == reader.get(ABOUT)["error"]
    assert item["since"]
    assert reader.get("/api/v1/findings")["items"][0]["kind"] == "unreachable"
    assert reader.get(ABOUT)["as_of"] >= as_of, "what is known of it is as old as its last round"
    assert reader.get(ABOUT)["version"] == version
    with pytest.raises(HTTPError) as refused:
        reader.get("/api/v1/servers/nowhere/about")
    assert refused.value.code == 404
