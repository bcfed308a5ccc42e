"""Search: what the pages print is found, and the result leads to where it is."""

from __future__ import annotations

import pytest
import redis
from django.http import HttpResponse
from django.test import Client

from dashboard.streams.names import to_path
from tests.html_page import Page

STREAM, GROUP, WORKER = b"orders:new", b"order_processors", b"worker-2"
ANY_BYTES = b"w\xff & <b>"


@pytest.fixture
def ids(server: object, redis_client: redis.Redis) -> list[str]:
    """Three entries, two of the same millisecond; two consumers hold one each."""
    found = ["1763596680412-0", "1763596680412-1", "1763596680413-0"]
    for id_ in found:
        redis_client.xadd(STREAM, {"a": "1"}, id=id_)
    redis_client.xgroup_create(STREAM, GROUP, id="0")
    for consumer in (WORKER, ANY_BYTES):
        redis_client.execute_command("XREADGROUP", "GROUP", GROUP, consumer, "COUNT", "1", "STREAMS", STREAM, ">")
    return found


def results(answer: HttpResponse) -> list[tuple[str, str]]:
    """What each result is, and where it leads."""
    page = Page(answer.content.decode())
    rows = page.rows("Results") if "Results" in page.tables else []
    return [(row["What"].text, row["Found"].all("a")[0].attrs["href"]) for row in rows]


@pytest.mark.parametrize("text", ["worker-2", "WORKER", "worker-?"])
def test_a_consumer_leads_to_what_it_holds(viewer: Client, ids: list[str], text: str) -> None:
    ((kind, address),) = results(viewer.get("/search/", {"q": text}))
    assert (kind, address) == ("consumer", "/s/default/orders:new/g/order_processors/?consumer=worker-2")
    page = viewer.get(address).content.decode()
    assert ids[0] in page
    assert f"/e/{ids[1]}/" not in page, "the other one's"


def test_a_consumer_of_any_bytes_is_found(viewer: Client, ids: list[str]) -> None:
    ((kind, address),) = results(viewer.get("/search/", {"q": "& <b>"}))
    assert (kind, address.rpartition("consumer=")[2]) == ("consumer", to_path(ANY_BYTES))
    assert viewer.get(address).status_code == 200


def test_streams_come_before_groups_and_consumers(viewer: Client, ids: list[str]) -> None:
    kinds = [kind for kind, _ in results(viewer.get("/search/", {"q": "*or*"}))]
    assert kinds == ["stream", "group", "consumer"]


def test_milliseconds_find_all_entries_of_that_time(viewer: Client, ids: list[str]) -> None:
    found = results(viewer.get("/search/", {"q": "1763596680412"}))
    assert found == [("entry", f"/s/default/orders:new/e/{id_}/") for id_ in ids[:2]]
    alone = viewer.get("/search/", {"q": "1763596680413"})
    assert (alone.status_code, alone["Location"]) == (302, f"/s/default/orders:new/e/{ids[2]}/")


def test_a_number_that_is_no_time_is_a_name(viewer: Client, ids: list[str], redis_client: redis.Redis) -> None:
    redis_client.xadd("cart:events:42", {"a": "1"}, id="42-0")
    assert results(viewer.get("/search/", {"q": "42"})) == [("stream", "/s/default/cart:events:42/")]
