"""Ages on one page are those of one moment, however long it is open and whatever of it is refreshed."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import Site

pytestmark = pytest.mark.browser
SAID = """() => {
    const text = (selector) => document.querySelector(selector)?.firstChild.data.replace(" ago", "");
    return [text("[data-live-last] time"), text(".table-entries tbody tr[id] time")];
}"""
HELD = """() => {
    const text = (selector) => document.querySelector(selector)?.firstChild.data;
    return [text(".facts time"), text(".gauge [data-at]"), text("#pending tbody time")];
}"""


def watched(page: Page, script: str, seconds: float) -> list[list[str]]:
    """What the places say, looked at ten times a second."""
    found = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found.append(page.evaluate(script))
        page.wait_for_timeout(100)
    return found


def test_the_last_entry_is_as_old_as_the_first_row(site: Site, page: Page) -> None:
    site.client.xadd("ages:log", {"n": 0})
    page.goto("/s/default/ages:log/")
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.mouse.move(5, 5)
    said = []
    for n in range(4):
        site.client.xadd("ages:log", {"n": n + 1})
        said += watched(page, SAID, 1.2)
    assert len({one for one, _ in said}) > 1, "they grow"
    assert [pair for pair in said if pair[0] != pair[1]] == []


def test_the_oldest_pending_is_as_old_in_the_figures_the_gauge_and_the_list(site: Site, page: Page) -> None:
    site.client.xadd("ages:jobs", {"n": 0})
    site.client.xgroup_create("ages:jobs", "workers", "0")
    site.client.xreadgroup("workers", "ann", {"ages:jobs": ">"})
    page.goto("/s/default/ages:jobs/g/workers/")
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    said = []
    for n in range(3):
        site.client.xadd("ages:jobs", {"n": n})
        site.client.xreadgroup("workers", "ann", {"ages:jobs": ">"})
        said += watched(page, HELD, 1.5)
    assert len({one for one, _, _ in said}) > 2, "they grow"
    assert [three for three in said if len(set(three)) != 1] == []
