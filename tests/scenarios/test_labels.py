"""What the tutorial tells its reader to look at, click or choose stands under that name on a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import redis
from django.test import Client

from dashboard.fleet.findings.words import WORDS
from dashboard.streams.links import Server
from tests.conftest import Configure
from tests.html_page import Page
from tests.scenarios.waiting import until

PAGES = Path(__file__).resolve().parents[2] / "docs" / "tutorial"
STREAM = "/s/default/orders:new/"
GROUP = f"{STREAM}g/order_processors/"
LABEL = re.compile(r"(?<!\*)\*(?!\*)([^*\n]+)\*(?!\*)|\*\*([^*\n]+…|Review plan|Streams)\*\*")
PENDING = 3
EMPHASIS = {"What"}
"""In italics for another reason."""


def labels() -> set[str]:
    found = (words for page in PAGES.glob("*.md") for words in LABEL.finditer(page.read_text()))
    names = {words[1] or words[2] for words in found} - EMPHASIS
    return {name.replace("12", str(PENDING)) for name in names if name[0].isupper()}


@pytest.fixture
def text(server: Server, redis_client: redis.Redis, admin: Client, configure: Configure) -> str:
    """Everything that the pages say to an admin while there is something of each kind."""
    configure(late_after=1, stuck_after=1, gone_after=1, poison_deliveries=1)
    redis_client.xgroup_create(b"orders:new", b"order_processors", id="0", mkstream=True)
    redis_client.xgroup_createconsumer(b"orders:new", b"order_processors", b"left")
    until(lambda: redis_client.xinfo_consumers(b"orders:new", b"order_processors")[0]["idle"] > 1200)
    ids = [redis_client.xadd(b"orders:new", {b"n": str(n).encode()}) for n in range(PENDING)]
    redis_client.xreadgroup(b"order_processors", b"worker-2", {b"orders:new": b">"})
    redis_client.xdel(b"orders:new", ids[0])
    entry = f"{STREAM}e/{ids[1].decode()}/"
    tabs = [f"{STREAM}?tab={tab}" for tab in ("groups", "retention")]
    group = [GROUP, f"{GROUP}?consumer=worker-2", f"{STREAM}do/claim/?group=order_processors"]
    addresses = ["/", "/s/default/", STREAM, *tabs, entry, *group, "/operations/", "/audit/"]
    return " ".join(" ".join(Page(admin.get(each).content.decode()).text.split()) for each in addresses)


def test_every_label_of_the_tutorial_is_on_a_page(text: str) -> None:
    found = labels()
    assert len(found) > 20
    known = text + " ".join(WORDS.values())
    assert sorted(name for name in found if name not in known) == []
