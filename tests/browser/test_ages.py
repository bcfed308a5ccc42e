"""Ages on one page are those of one moment, however long it is open and whatever of it is refreshed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

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


def until(page: Page, true: Callable[[], bool]) -> None:
    """While the page goes on."""
    for _ in range(200):
        if true():
            return
        page.wait_for_timeout(50)
    raise AssertionError("not within 10 s")


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


def test_an_answer_from_before_an_entry_makes_nothing_older(site: Site, page: Page) -> None:
    """What the figures are made anew from was read before the newest row came, and what came meanwhile is asked for."""
    site.client.xadd("ages:held", {"n": 0})
    page.goto("/s/default/ages:held/")
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.mouse.move(5, 5)
    held: list[tuple[Route, APIResponse]] = []
    page.route(re.compile("/s/default/ages:held/$"), lambda route: held.append((route, route.fetch())))
    site.client.xadd("ages:held", {"n": 1})
    until(page, lambda: held != [])
    site.client.xadd("ages:held", {"n": 2})
    rows = page.locator(".table-entries tbody tr[id]")
    expect(rows).to_have_count(3)
    route, answer = held.pop()
    route.fulfill(response=answer)
    said = watched(page, SAID, 1.0)
    assert [pair for pair in said if pair[0] != pair[1]] == []
    until(page, lambda: held != [])
    page.unroute_all()


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
