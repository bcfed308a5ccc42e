"""Names are written by producers and may have 512 MB: a page that names them stays a page."""

from __future__ import annotations

import re

import pytest
import redis
from django.test import Client

from dashboard.http.converters import PATH_MOST
from dashboard.streams.names import SHOWN, display, plain
from streams_admin.actions.single import typed

HUGE = b"orders:" + "\u202e".encode() * 30_000


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("page", ["/", "/s/default/", "/search/?q=orders"])
def test_a_page_of_huge_names_shows_only_their_ends(viewer: Client, redis_client: redis.Redis, page: str) -> None:
    for number in range(10):
        redis_client.xadd(HUGE + str(number).encode(), {"a": "1"})
    shown = viewer.get(page).content.decode()
    assert len(re.sub(r'href="[^"]*"', "", shown)) < 400_000


def test_both_ends_of_a_huge_name_are_shown_and_how_much_is_between() -> None:
    assert plain(b"a" * 600 + b"z" * 400) == f"{'a' * 448}… 488 bytes …{'z' * 64}"
    assert sum(len(text) for _, text in display(HUGE)) < 8 * SHOWN


def test_what_is_not_shown_in_full_cannot_be_confirmed_by_what_is_shown() -> None:
    assert typed(b"a" * 1000) == "a" * 1000
    assert typed(b"a" * 500 + b"b" + b"a" * 499) != plain(b"a" * 500 + b"c" + b"a" * 499)


@pytest.mark.usefixtures("server")
def test_the_link_of_a_name_that_no_address_has_room_for_says_so(viewer: Client, redis_client: redis.Redis) -> None:
    longest, longer = b"a" * PATH_MOST, b"b" * (PATH_MOST + 1)
    for name in (longest, longer, HUGE):
        redis_client.xadd(name, {"a": "1"})
        redis_client.xgroup_create(name, name, id="0")
    page = viewer.get("/s/default/").content.decode()
    links = set(re.findall(r'href="(/s/default/[^"]{9,})"', page))
    assert links == {f"/s/default/{longest.decode()}/", "/s/default/~too-long/"}
    assert viewer.get(f"/s/default/{longest.decode()}/?tab=groups").status_code == 200
    for address in ("/s/default/~too-long/", "/s/default/q/g/~too-long/", "/s/default/~too-long/g/~too-long/"):
        answer = viewer.get(address)
        assert answer.status_code == 414
        assert "takes more than 5,000 characters in an address" in answer.content.decode()


@pytest.mark.usefixtures("server")
def test_a_huge_name_in_a_query_says_so_too(viewer: Client, redis_client: redis.Redis) -> None:
    """Consumers, and prefixes that are opened, stand behind the question mark."""
    redis_client.xadd("q", {"a": "1"})
    redis_client.xgroup_create("q", "g", id="0")
    redis_client.xreadgroup("g", HUGE, {"q": ">"})
    for number in range(30):
        redis_client.xadd(HUGE + b":" + str(number).encode(), {"a": "1"})
    for page in ("/s/default/q/g/g/", "/s/default/", "/search/?q=orders"):
        links = re.findall(r'(?:href|value)="([^"]*)"', viewer.get(page).content.decode())
        assert max(map(len, links)) < 2 * PATH_MOST
    for address in ("/s/default/q/g/g/?consumer=~too-long", "/s/default/?open=~too-long"):
        answer = viewer.get(address)
        assert answer.status_code == 400
        assert "a name of more than 5,000 characters: no address has room for it" in answer.content.decode()


@pytest.mark.usefixtures("server")
def test_fields_of_huge_names_are_no_columns(viewer: Client, redis_client: redis.Redis) -> None:
    """The page's live watch names its columns, and a frame has 64 KiB."""
    redis_client.xadd("q", {HUGE: "1", "b" * (PATH_MOST + 1): "2", "plain": "3"})
    page = viewer.get("/s/default/q/").content.decode()
    assert re.findall(r'data-columns="([^"]*)"', page) == ["plain"]
    redis_client.xadd("huge", {HUGE: "1"})
    assert 'data-columns=""' in viewer.get("/s/default/huge/").content.decode()
