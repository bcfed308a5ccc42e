"""A server whose commands were renamed away: what it no longer tells is unknown, with that reason, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import redis
from django.test import Client

from dashboard.streams import links
from dashboard.streams.links import ServerConfig
from streams_admin.demo import embedded
from tests.faults.conftest import look
from tests.faults.reads import EVERY, ask, seed
from tests.html_page import Page
from tests.servers import chosen

pytestmark = [pytest.mark.faults, pytest.mark.django_db]
Without = Callable[[str], str]


@pytest.fixture
def without() -> Iterator[Without]:
    """A server of its own that does not know a command; what a look at the fleet says."""
    started: list[embedded.Embedded] = []

    def start(command: str) -> str:
        running = embedded.start(chosen(), options=("--rename-command", command, ""))
        started.append(running)
        with redis.Redis.from_url(running.url, protocol=2) as client:
            seed(client)
        links.configure([ServerConfig("default", running.url)])
        return look()

    yield start
    links.configure([])
    for running in started:
        running.stop()


def test_without_xinfo_no_stream_is_said_to_be_absent(without: Without, operator: Client) -> None:
    why = "The server does not know XINFO: the command was renamed or removed."
    assert not without("XINFO"), "it answers"
    answer = operator.get(EVERY["api streams"]).json()
    assert (answer["items"], answer["complete"]) == ([], False)
    assert why in answer["complete_reason"]
    page = operator.get(EVERY["streams"]).content.decode()
    assert "How many streams are on default is unknown" in page
    assert why in page.replace("&#x27;", "'")
    assert "0 streams" not in page
    assert "<span>0</span>" not in page, "no count by health either"
    assert "unknown" in Page(operator.get("/").content.decode()).fact("Streams").said


def test_without_xpending_the_server_is_named_and_not_its_user(without: Without, operator: Client) -> None:
    assert not without("XPENDING")
    why = "The server does not know XPENDING: the command was renamed or removed."
    answer = operator.get(EVERY["api streams"]).json()
    assert {item["health"] for item in answer["items"]} == {"unknown"}
    assert why in answer["complete_reason"]
    assert "user" not in answer["complete_reason"]
    home = ask(operator, "/").text
    assert why in home
    assert "Nothing needs attention" not in home
    assert "at least" not in Page(operator.get("/").content.decode()).fact("Streams").said, "all of them were counted"


def test_without_memory_usage_the_reason_is_the_server(without: Without, operator: Client) -> None:
    assert not without("MEMORY")
    found = operator.get(EVERY["api stream"]).json()
    assert found["memory_bytes"] is None
    assert found["memory_bytes_reason"] == "The server does not know MEMORY: the command was renamed or removed."


def test_without_info_nobody_says_which_server_it_is(without: Without, operator: Client) -> None:
    assert not without("INFO")
    (item,) = operator.get(EVERY["api servers"]).json()["items"]
    assert (item["flavour"], item["version"], item["status"]) == (None, None, "up")
