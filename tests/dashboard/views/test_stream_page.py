"""The entries tab of a stream: which entries a page has, and where it leads on."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from urllib.parse import parse_qs

import pytest
import redis
from django.test import Client
from django.utils import timezone

from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server
from tests.html_page import Page

pytestmark = pytest.mark.django_db
STREAM = "/s/default/orders/"
MINUTE = 60_000


@pytest.fixture
def eight(server: Server, redis_client: redis.Redis) -> int:
    """80 entries, one a minute, from 08:00 yesterday; the milliseconds of the first."""
    at = timezone.localtime().replace(hour=8, minute=0, second=0, microsecond=0) - timedelta(days=1)
    first = int(at.timestamp() * 1000)
    for n in range(80):
        redis_client.xadd("orders", {"n": n}, id=f"{first + n * MINUTE}-0")
    return first


class Shown:
    """A page: the minutes of its entries in order, None for the place that was gone to, and its links on."""

    def __init__(self, client: Client, first: int, query: str) -> None:
        self.html = client.get(f"{STREAM}{query}").content.decode()
        page = Page(self.html)
        rows = [row.attrs["id"] for row in page.root.all("tr") if row.attrs.get("id")]
        self.minutes = [(int(id_[2:-2]) - first) // MINUTE if id_ != "place" else None for id_ in rows]
        self.links = [link for link in page.links if link.startswith("?")]
        self.words = [words for words, _ in page.targets]

    def on(self, name: str) -> str:
        """Where the pager leads to with `start` (newer) or `end` (older)."""
        return next(link for link in self.links if name in parse_qs(link[1:]))


def test_a_time_leads_to_what_came_at_and_after_it_and_to_what_came_before(viewer: Client, eight: int) -> None:
    page = Shown(viewer, eight, "?at=yesterday 08:40")
    assert page.minutes == [*range(49, 39, -1), None, *range(39, -1, -1)]
    newer = Shown(viewer, eight, page.on("start"))
    assert newer.minutes == [*range(79, 49, -1)]
    assert "Newer" not in newer.words


def test_going_on_from_a_place_leaves_out_nothing(viewer: Client, eight: int) -> None:
    page = Shown(viewer, eight, "?at=yesterday 09:10")
    assert page.minutes == [*range(79, 69, -1), None, *range(69, 29, -1)]
    assert Shown(viewer, eight, page.on("end")).minutes == [*range(29, -1, -1)]


def test_an_id_is_on_its_own_page(viewer: Client, eight: int) -> None:
    assert Shown(viewer, eight, f"?at={eight + 5 * MINUTE}-0").minutes[8:12] == [6, 5, None, 4]


def test_the_place_is_named_with_its_zone(viewer: Client, eight: int) -> None:
    page = Shown(viewer, eight, "?at=yesterday 08:40")
    day = datetime.fromtimestamp(eight / 1000, timezone.get_current_timezone())
    assert "↑ since yesterday 08:40" in page.html
    assert f"{day.day} {day:%b} {day.year} 08:40:00.000 UTC" in page.html


@pytest.mark.parametrize(
    ("at", "minutes"), [("2099-01-01", [None, *range(79, 39, -1)]), ("0", [*range(9, -1, -1), None])]
)
def test_a_place_beyond_an_end(viewer: Client, eight: int, at: str, minutes: list[int | None]) -> None:
    page = Shown(viewer, eight, f"?at={at}")
    assert page.minutes == minutes
    assert ("Newer" in page.words, "Older" in page.words) == (at == "0", at != "0")


def test_a_filter_holds_on_both_sides_of_a_place(viewer: Client, eight: int) -> None:
    assert Shown(viewer, eight, "?at=yesterday 08:40&where=n >= 39").minutes == [*range(49, 39, -1), None, 39]


def test_opening_a_row_keeps_the_place_and_a_relative_one_does_not_move_on(viewer: Client, eight: int) -> None:
    clock = Shown(viewer, eight, "?at=yesterday 08:40")
    opening = next(parse_qs(link[1:]) for link in clock.links if "open=" in link)
    assert opening["at"] == ["yesterday 08:40"]
    relative = Shown(viewer, eight, "?at=-2h")
    opening = next(parse_qs(link[1:]) for link in relative.links if "open=" in link)
    assert re.fullmatch(r"\d{13}-0", opening["at"][0])


def test_the_way_to_the_newest_keeps_the_filter_and_the_columns(viewer: Client, eight: int) -> None:
    page = Shown(viewer, eight, "?at=yesterday 08:40&where=n > 3&column=n")
    assert Page(page.html).target("Newest, live") == "?where=n+%3E+3&column=n"


def test_a_page_that_ends_at_its_figures_hides_nothing_from_its_watch(
    viewer: Client, eight: int, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes between the two reads is not shown by the page, so that the watch tells it, and no row is newer than
    the last entry that the facts speak of."""
    read = Server.run

    def slow(server: Server, query: object) -> object:
        if type(query).__name__ == "EntryRange":
            redis_client.xadd("orders", {"n": 80}, id=f"{eight + 80 * MINUTE}-0")
        return read(server, query)  # type: ignore[arg-type]

    monkeypatch.setattr(Server, "run", slow)
    page = Shown(viewer, eight, "")
    assert page.minutes == [*range(79, 29, -1)]
    assert f'data-after="{eight + 79 * MINUTE}-0"' in page.html


def test_a_sentence_that_ends_with_an_age_ends_there(viewer: Client, eight: int) -> None:
    page = Page(viewer.get(f"{STREAM}?tab=retention").content.decode())
    assert " ago. Redis trims" in page.root.text


@pytest.mark.parametrize("name", ["at", "start", "end"])
def test_a_time_leads_nowhere_where_ids_are_seconds(
    name: str, server: Server, redis_client: redis.Redis, viewer: Client
) -> None:
    redis_client.xadd("seconds", {"n": 1}, id="1763596680-0")
    answer = viewer.get("/s/default/seconds/", {name: "-2h"})
    assert answer.status_code == 400
    assert "IDs of seconds count seconds, not milliseconds (1763596680-0). Give an ID" in answer.content.decode()
    assert viewer.get("/s/default/seconds/", {name: "1763596680-0"}).status_code == 200


def test_rows_of_a_range_come_alone_with_the_columns_that_a_page_has(viewer: Client, eight: int) -> None:
    query = {"start": f"{eight}-0", "end": f"{eight + 60 * MINUTE}-0", "column": ["n", "never"]}
    answer = viewer.get(STREAM, query, headers={"Streamgauge-Part": "rows"})
    root = Page(answer.content.decode()).root
    rows = root.all("tr")
    assert [row.attrs["id"] for row in rows] == [f"e-{eight + n * MINUTE}-0" for n in range(60, 10, -1)]
    assert {len(row.all("td")) for row in rows} == {5}
    assert not root.all("main")
    rest = root.all("table")[0].attrs["data-rest"]
    assert rest == str(StreamId(eight + 11 * MINUTE, 0).prev())
    last = viewer.get(STREAM, {**query, "end": rest}, headers={"Streamgauge-Part": "rows"})
    root = Page(last.content.decode()).root
    assert [len(root.all("tr")), root.all("table")[0].attrs["data-rest"]] == [11, ""]
