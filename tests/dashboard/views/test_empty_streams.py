"""Streams without a single entry: trimmed to nothing, or made for their group and never written."""

from __future__ import annotations

import pytest
import redis
from django.test import Client

from dashboard.streams.links import Server
from tests.html_page import Page

pytestmark = pytest.mark.django_db

KINDS = ("trimmed", "trimmed with a group", "trimmed while pending", "never written")
GONE = "1700000000000-7"
"""The one entry that was there."""


@pytest.fixture(params=KINDS)
def key(request: pytest.FixtureRequest, server: Server, redis_client: redis.Redis) -> str:
    """A stream of each kind, called `empty`; all but the first with the group `readers`."""
    kind: str = request.param
    if kind == "never written":
        redis_client.xgroup_create("empty", "readers", mkstream=True)
        return kind
    redis_client.execute_command("XADD", "empty", GONE, "n", "1")
    if kind != "trimmed":
        redis_client.xgroup_create("empty", "readers", "0")
    if kind == "trimmed while pending":
        redis_client.xreadgroup("readers", "worker", {"empty": ">"})
    redis_client.xtrim("empty", maxlen=0, approximate=False)
    return kind


def addresses(kind: str) -> list[str]:
    page, api = "/s/default/empty/", "/api/v1/servers/default/streams/empty"
    found = [
        *("/", "/s/default/", "/s/default/?flat=1", "/search/?q=empty", "/audit/"),
        *(page, f"{page}?tab=groups", f"{page}?tab=retention", f"{page}?at=-2h", f"{page}?where=n = 1"),
        *(f"{page}do/{action}/" for action in ("add", "trim", "group_create", "stream_delete")),
        *("/api/v1/servers/default/streams", "/api/v1/findings", api, f"{api}/entries", f"{api}/groups"),
    ]
    if kind != "trimmed":
        group, api_group = f"{page}g/readers/", f"{api}/groups/readers"
        found += [group, f"{group}?min_idle=1 s", api_group, f"{api_group}/consumers", f"{api_group}/pending"]
        found += [f"{page}do/{action}/?group=readers" for action in ("group_set_position", "group_destroy")]
    if kind == "trimmed while pending":
        found += [f"{page}e/{GONE}/", f"{api}/entries/{GONE}", f"{page}do/ghosts/?group=readers&all=1"]
    return found


def test_every_page_and_read_of_it_answers(key: str, admin: Client) -> None:
    answers = {address: admin.get(address) for address in addresses(key)}
    assert {address: answer.status_code for address, answer in answers.items() if answer.status_code != 200} == {}
    pages = [answer for answer in answers.values() if answer["Content-Type"].startswith("text/html")]
    assert [Page(answer.content.decode()).faults for answer in pages] == [[]] * len(pages)


def test_an_age_that_nothing_has_is_a_dash(key: str, viewer: Client) -> None:
    """A trimmed stream still tells when it was last written."""
    text = Page(viewer.get("/s/default/empty/").content.decode()).text
    facts = {name: text.partition(name)[2].split()[0] for name in ("Last entry", "First entry")}
    assert facts["First entry"] == "–"
    assert (facts["Last entry"] == "–") is (key == "never written")
