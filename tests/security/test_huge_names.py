"""Names are written by producers and may have 512 MB: a page that names them stays a page."""

from __future__ import annotations

import re

import pytest
import redis
from django.test import Client

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
