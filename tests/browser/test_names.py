"""Names that nobody wishes for stay in their place: no page scrolls sideways, no row grows."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.site import Site

pytestmark = pytest.mark.browser
NAMES = ("L" * 300, "e" + "\u0301" * 80, "plain", "<b>bold</b>", "a b", "\u200b" * 60)
GROUP = "/s/default/odd/g/workers/"
LONG = f"/s/default/{NAMES[0]}/"
ROW = 44
"""The tallest row of one line, in px: one with a button."""


@pytest.fixture
def id_(site: Site, page: Page) -> str:
    """An entry pending with a consumer of each name, all of which is a group, a stream and a field as well."""
    site.client.xgroup_create("odd", "workers", mkstream=True)
    for name in NAMES:
        last = str(site.client.xadd("odd", {name: name}))
        site.client.xadd(name, {name: name})
        site.client.xgroup_create("odd", name, "0")
        site.client.xreadgroup("workers", name, {"odd": ">"})
        site.client.xreadgroup(name, name, {"odd": ">"})
    return last


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    "address",
    [
        GROUP,
        "/s/default/odd/",
        "/s/default/odd/?tab=groups",
        "/s/default/",
        "/",
        "entry",
        LONG,
        f"{LONG}?tab=retention",
        f"/s/default/odd/g/{NAMES[0]}/",
        f"{LONG}do/stream_delete/",
        f"/s/default/odd/do/ack/?group={NAMES[0]}&all=1",
        "/search/?q=LLL",
        "/s/default/about/",
    ],
)
def test_no_page_scrolls_sideways(site: Site, page: Page, id_: str, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    answer = page.goto(f"/s/default/odd/e/{id_}/" if address == "entry" else address)
    assert answer
    assert answer.status == 200
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0


@pytest.mark.parametrize("address", [GROUP, "/s/default/?flat=1"])
def test_rows_keep_their_height(site: Site, page: Page, id_: str, address: str) -> None:
    page.goto(address)
    page.locator("main tbody tr").nth(len(NAMES) - 1).wait_for(timeout=10_000)
    heights = page.locator("main tbody tr").evaluate_all("rows => rows.map(row => row.getBoundingClientRect().height)")
    assert max(heights) <= ROW


def test_folded_prefixes_stay_in_their_columns(site: Site, page: Page) -> None:
    """Several in a row: all of them as wide as the table."""
    for number in range(40):
        site.client.xadd(f"{'abcd'[number % 4]}:events:{number}", {"n": number})
    page.goto("/s/default/")
    page.locator("tbody tr", has_text="10 streams").nth(3).wait_for(timeout=10_000)
    widths = page.locator("tbody tr").evaluate_all("rows => rows.map(row => row.getBoundingClientRect().width)")
    table = page.locator("table").evaluate("table => table.getBoundingClientRect().width")
    assert widths == pytest.approx([table] * 4, abs=1)
