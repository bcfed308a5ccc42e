"""The tail of several streams: one list by time, which stream each row is of, and what cannot be followed."""

from __future__ import annotations

import re

import pytest
import redis
from django.test import Client

from dashboard.config.masking import MaskRule
from dashboard.fleet.samplers import fleet
from dashboard.models import AccessGrant
from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from dashboard.views.tail import sources
from dashboard.views.tail.asked import MOST
from tests.conftest import Configure
from tests.html_page import Element, Page
from tests.people import person, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("server")]
AT = 1_700_000_000_000


def opened(client: Client, *streams: bytes, **query: str) -> Page:
    answer = client.get("/s/default/tail/", {"streams": ",".join(map(to_path, streams)), **query})
    assert answer.status_code == 200
    found = Page(answer.content.decode())
    assert found.faults == []
    return found


def rows(page: Page) -> list[tuple[str, str]]:
    """ID and stream of each row."""
    found = [row for row in page.root.all("tr") if row.attrs.get("id", "").startswith("e-")]
    return [(row.all("td")[0].all("a")[1].text, row.all("td")[2].text) for row in found]


def chips(page: Page) -> dict[str, str]:
    """What is said of each stream."""
    listed = next(each for each in page.root.all("ul") if each.attrs.get("aria-label") == "Streams")
    said = {item.all("a")[0].text: [small.text for small in item.all("small")] for item in listed.all("li")}
    return {name: " ".join(filter(None, texts)) for name, texts in said.items()}


def table(page: Page) -> Element:
    return next(each for each in page.root.all("table") if "data-afters" in each.attrs)


def test_entries_of_all_stand_in_the_order_of_their_times(redis_client: redis.Redis, viewer: Client) -> None:
    for n in range(30):
        redis_client.xadd("orders" if n % 3 else "payments", {"n": n}, id=f"{AT + n}-0")
    page = opened(viewer, b"orders", b"payments")
    assert rows(page) == [(f"{AT + n}-0", "orders" if n % 3 else "payments") for n in range(29, -1, -1)]
    assert table(page).attrs["data-afters"] == f"{AT + 29}-0,{AT + 27}-0"
    assert chips(page) == {"orders": "", "payments": ""}


def test_the_list_ends_where_not_all_were_looked_at(redis_client: redis.Redis, viewer: Client) -> None:
    """A quiet stream goes back for days, a busy one for seconds: between the two nothing is known of the busy one."""
    for n in range(200):
        redis_client.xadd("busy", {"n": n}, id=f"{AT + n}-0")
    for n in range(10):
        redis_client.xadd("quiet", {"n": n}, id=f"{AT - 1000 + n}-0")
    page = opened(viewer, b"busy", b"quiet")
    found = rows(page)
    assert {stream for _, stream in found} == {"busy"}
    assert len(found) == sources.ROWS // 2
    assert "Older ones are on the page of each stream." in page.root.text


def test_two_entries_with_the_same_id_are_two_rows(redis_client: redis.Redis, viewer: Client) -> None:
    for key in ("a", "b"):
        redis_client.xadd(key, {"n": key}, id=f"{AT}-0")
    page = opened(viewer, b"a", b"b")
    assert sorted(rows(page)) == [(f"{AT}-0", "a"), (f"{AT}-0", "b")]
    ids = [row.attrs["id"] for row in page.root.all("tr") if "id" in row.attrs]
    assert sorted(ids) == [f"e-{AT}-0~0", f"e-{AT}-0~1"]


def test_a_stream_that_cannot_be_followed_is_named_and_the_others_go_on(
    redis_client: redis.Redis, viewer: Client
) -> None:
    redis_client.xadd("orders", {"n": 1}, id=f"{AT}-0")
    redis_client.set("text", "no stream")
    redis_client.xadd("counted", {"n": 1}, id="5-0")
    page = opened(viewer, b"orders", b"missing", b"text", b"counted")
    assert rows(page) == [(f"{AT}-0", "orders")]
    said = chips(page)
    assert (said["orders"], said["missing"], said["counted"]) == ("", sources.MISSING, sources.NO_TIMES)
    assert "stream" in said["text"]
    assert table(page).attrs["data-afters"] == f"{AT}-0,0-0,0-0,5-0"


def test_who_may_not_see_a_stream_learns_nothing_of_it(redis_client: redis.Redis) -> None:
    user = person("nora", None)
    AccessGrant.objects.create(user=user, role="viewer", server="default", keys=["orders*"])
    redis_client.xadd("orders", {"n": "seen"}, id=f"{AT}-0")
    redis_client.xadd("secret", {"n": "hidden-value"}, id=f"{AT}-0")
    page = opened(signed_in(user), b"orders", b"secret", b"none")
    assert rows(page) == [(f"{AT}-0", "orders")]
    assert chips(page) == {"orders": "", "secret": sources.UNSEEN, "none": sources.UNSEEN}
    assert table(page).attrs["data-afters"] == f"{AT}-0"
    assert "hidden-value" not in page.root.said


def test_masked_fields_are_hidden_and_no_filter_looks_into_them(
    redis_client: redis.Redis, viewer: Client, configure: Configure
) -> None:
    configure(mask_rules=(MaskRule("users", ("email",)),))
    redis_client.xadd("users", {"email": "a@example.com", "n": 1}, id=f"{AT}-0")
    redis_client.xadd("orders", {"email": "a@example.com"}, id=f"{AT}-1")
    page = opened(viewer, b"users", b"orders")
    [order, user] = [row for row in page.root.all("tr") if row.attrs.get("id", "").startswith("e-")]
    assert ("a@example.com" in order.text, "a@example.com" in user.text) == (True, False)
    assert rows(opened(viewer, b"users", b"orders", where="email = a@example.com")) == [(f"{AT}-1", "orders")]


def test_a_filter_says_how_far_it_looked(redis_client: redis.Redis, viewer: Client) -> None:
    for n in range(300):
        redis_client.xadd("orders", {"n": n}, id=f"{AT + n}-0")
    redis_client.xadd("payments", {"n": 299}, id=f"{AT + 299}-1")
    page = opened(viewer, b"orders", b"payments", where="n = 299")
    assert rows(page) == [(f"{AT + 299}-1", "payments"), (f"{AT + 299}-0", "orders")]
    [looked] = re.findall(r"Looked into the newest (\d+) entries\. Older ones are on the page", page.root.text)
    assert 50 < int(looked) < 301


def test_columns_can_be_chosen(redis_client: redis.Redis, viewer: Client) -> None:
    redis_client.xadd("orders", {"status": "paid", "total": 12}, id=f"{AT}-0")
    redis_client.xadd("payments", {"status": "late"}, id=f"{AT}-1")
    heads = [head.text for head in table(opened(viewer, b"orders", b"payments")).all("th")]
    assert heads == ["ID", "Age", "Stream", "Payload", "Size"]
    page = opened(viewer, b"orders", b"payments", column="total")
    assert [head.text for head in table(page).all("th")] == ["ID", "Age", "Stream", "total", "Size"]
    cells = [row.all("td")[3].text for row in table(page).all("tr")[1:]]
    assert cells == ["–", "12"]


def test_a_stream_is_added_by_its_name_and_removed(redis_client: redis.Redis, viewer: Client) -> None:
    answer = viewer.get("/s/default/tail/", {"streams": "orders", "add": "a/b ü", "where": "n = 1"})
    assert answer.status_code == 302
    assert answer["Location"] == "/s/default/tail/?streams=orders%2Ca~2Fb~20~C3~BC&where=n+%3D+1"
    page = opened(viewer, b"orders", b"payments")
    links = [link.attrs["href"] for link in page.root.all("a") if link.attrs.get("title") == "Remove"]
    assert links == ["?streams=payments", "?streams=orders"]


def test_there_are_at_most_twenty(viewer: Client) -> None:
    many = [f"s{n}".encode() for n in range(MOST + 1)]
    assert len(chips(opened(viewer, *many[:MOST]))) == MOST
    for query in ({"streams": ",".join(map(to_path, many))}, {"streams": ",".join(map(to_path, many[1:])), "add": "x"}):
        answer = viewer.get("/s/default/tail/", query)
        assert answer.status_code == 400
        assert "at most 20" in answer.content.decode().lower()
    assert viewer.get("/s/default/tail/", {"streams": "a/b"}).status_code == 400


def test_the_list_of_streams_leads_here(server: Server, redis_client: redis.Redis, viewer: Client) -> None:
    for n in range(3):
        redis_client.xadd(f"orders:{n}", {"n": n})
    redis_client.xadd("other", {"n": 1})
    page = Page(viewer.get("/s/default/?search=orders:*&sort=name").content.decode())
    [link] = [each for each in page.root.all("a") if each.attrs["href"].startswith("/s/default/tail/")]
    assert (link.text, link.attrs["href"]) == ("Tail 3 streams", "/s/default/tail/?streams=orders:0,orders:1,orders:2")
    for n in range(30):
        redis_client.xadd(f"{n}" + "x" * 300, {"n": n})
    fleet().sample(server)
    page = Page(viewer.get("/s/default/?sort=name&flat=1").content.decode())
    [link] = [each for each in page.root.all("a") if each.attrs["href"].startswith("/s/default/tail/")]
    assert (link.text, link.attrs["href"].count(",")) == ("Tail first 13", 12)


def test_a_stream_of_that_name_has_an_address_of_its_own(redis_client: redis.Redis, viewer: Client) -> None:
    redis_client.xadd("tail", {"n": 1}, id=f"{AT}-0")
    assert 'href="/s/default/~74ail/"' in viewer.get("/s/default/").content.decode()
    page = Page(viewer.get("/s/default/~74ail/").content.decode())
    assert page.root.all("h1")[0].text == "tail"
    assert rows(opened(viewer, b"tail")) == [(f"{AT}-0", "tail")]


def test_without_streams_it_says_how_to_choose_some(viewer: Client) -> None:
    page = Page(viewer.get("/s/default/tail/").content.decode())
    assert "No streams chosen" in page.root.text
