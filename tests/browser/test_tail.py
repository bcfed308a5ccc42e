"""Several streams on one page: followed live, merged by time, each row with its stream."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from dashboard.streams.names import to_path
from tests.browser.site import Site, wait_until

pytestmark = pytest.mark.browser
HOSTILE = b"tail:\xff <b>\"'/&"


def opened(page: Page, *streams: bytes) -> None:
    page.goto("/s/default/tail/?streams=" + ",".join(map(to_path, streams)))
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.mouse.move(5, 5)


def shown(page: Page) -> list[str]:
    """The ID and the number of the stream of each row, oldest first."""
    rows = page.locator("tbody[data-live-rows] > tr[id]")
    return [str(id_)[2:] for id_ in rows.evaluate_all("rows => rows.map((row) => row.id)")][::-1]


def test_new_entries_of_all_streams_come_in_order_and_can_be_opened(site: Site, page: Page) -> None:
    streams = (b"tail:a", b"tail:b", HOSTILE)
    now = int(time.time() * 1000)
    ids = [f"{site.client.xadd(name, {'n': 'first'}, id=f'{now + at}-0')}~{at}" for at, name in enumerate(streams[:2])]
    opened(page, *streams)
    chips = page.locator("[data-source-said]")
    expect(chips.nth(2)).to_have_text("Not found. Its entries appear here once it is created.")
    for n in range(30):
        ids.append(f"{site.client.xadd(streams[n % 3], {'n': n}, id=f'{now + 2 + n}-0')}~{n % 3}")
    wait_until(lambda: shown(page) == ids, 10, "all rows are there, by time")
    expect(chips.nth(2)).to_have_text("")
    rows = page.locator("tbody[data-live-rows] > tr[id]")
    expect(rows.nth(0).locator("td.source")).to_have_text("tail:\\xff <b>\"'/&")
    expect(rows.nth(1).locator("td.source a")).to_have_attribute("href", "/s/default/tail:b/")
    expect(rows.nth(0)).to_contain_text("n 29")
    rows.nth(3).locator("[data-row-open]").click()
    detail = page.locator("tr.detail")
    expect(detail).to_contain_text("1 field")
    detail.get_by_role("link", name="Hex").click()
    expect(detail).to_contain_text("00000000")
    assert page.url.endswith(to_path(HOSTILE)), "the address is still that of this page"


def test_an_entry_that_comes_late_goes_where_it_belongs(site: Site, page: Page) -> None:
    site.client.xadd("tail:a", {"n": 1}, id="1700000000000-0")
    site.client.xadd("tail:b", {"n": 1}, id="1700000005000-0")
    site.client.xadd("tail:c", {"n": 1}, id="5-0")
    opened(page, b"tail:a", b"tail:b", b"tail:c")
    site.client.xadd("tail:a", {"n": 2}, id="1700000003000-0")
    wait_until(lambda: "1700000003000-0~0" in shown(page), 10, "the row is there")
    assert shown(page) == ["1700000000000-0~0", "1700000003000-0~0", "1700000005000-0~1"]
    site.client.xadd("tail:c", {"n": 2}, id="6-0")
    wait_until(lambda: shown(page)[-1] == "6-0~2", 10, "what has no time is the newest")


def test_a_gap_is_that_of_its_stream_and_comes_in_its_place(site: Site, page: Page) -> None:
    site.client.xadd("tail:quiet", {"n": 0})
    site.client.xadd("tail:busy", {"n": 0})
    opened(page, b"tail:quiet", b"tail:busy")
    with site.client.pipeline(transaction=True) as pipeline:
        for n in range(130):
            pipeline.xadd("tail:busy", {"n": n})
        ids = [f"{id_}~1" for id_ in pipeline.execute()]
    gap = page.locator("tr.gap")
    expect(gap.first).to_have_text(
        re.compile(r"^tail:busy: \d+ skipped: they arrived faster than they can be shown\. Show them$")
    )
    wait_until(lambda: shown(page)[-1] == ids[-1], 10, "the newest row is there")
    while gap.count():
        before = len(shown(page))
        gap.first.get_by_role("link").click()
        wait_until(lambda before=before: len(shown(page)) > before, 10, "more rows are there")
    assert shown(page)[2:] == ids


def test_a_pause_and_another_filter(site: Site, page: Page) -> None:
    for name in ("tail:a", "tail:b"):
        site.client.xadd(name, {"kind": "odd"})
    opened(page, b"tail:a", b"tail:b")
    page.get_by_role("button", name="Pause").click()
    now = int(time.time() * 1000)
    added = [site.client.xadd(f"tail:{name}", {"kind": "even"}, id=f"{now + at}-0") for at, name in enumerate("ab")]
    expect(page.locator("[data-live-pill]")).to_have_text("2 new")
    assert len(shown(page)) == 2
    page.get_by_role("button", name="Resume").click()
    page.locator("input[name=where]").fill("kind = even")
    matching = [f"{id_}~{at}" for at, id_ in enumerate(added)]
    wait_until(lambda: shown(page) == matching, 10, "what was there and matches")
    site.client.xadd("tail:a", {"kind": "odd"})
    matching.append(f"{site.client.xadd('tail:b', {'kind': 'even'})}~1")
    wait_until(lambda: shown(page) == matching, 10, "what is new and matches")


def test_a_long_payload_is_cut_with_a_sign_on_a_phone(site: Site, page: Page) -> None:
    """Two lines of it, broken where they end: nothing runs on unseen at the right."""
    for name in (b"tail:long", b"tail:other"):
        site.client.xadd(name, {"body": "word " * 40})
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, b"tail:long", b"tail:other")
    previews = page.locator("tbody[data-live-rows] code.preview")
    expect(previews).to_have_count(2)
    for width, needs, clamp in previews.evaluate_all(
        "all => all.map((one) => [one.clientWidth, one.scrollWidth, getComputedStyle(one).webkitLineClamp])"
    ):
        assert needs <= width
        assert clamp == "2"
