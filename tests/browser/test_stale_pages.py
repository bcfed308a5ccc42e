"""A server that stands still: every open page says so by itself, with its age, and recovers by itself."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import Site

pytestmark = pytest.mark.browser
SOON = 10_000
"""Milliseconds: the sampler looks every second here, groups are asked every two."""
PAGES = {
    "attention": "/",
    "streams": "/s/default/",
    "stream": "/s/default/frozen/",
    "groups": "/s/default/frozen/?tab=groups",
    "entry": "/s/default/frozen/e/{id}/",
    "group": "/s/default/frozen/g/workers/",
}


@pytest.fixture
def id_(site: Site, page: Page) -> Iterator[str]:
    """One entry, read and acknowledged: nothing needs attention."""
    site.forget()
    id_ = str(site.client.xadd("frozen", {"n": 1}))
    site.client.xgroup_create("frozen", "workers", "0")
    site.client.xreadgroup("workers", "ann", {"frozen": ">"})
    site.client.xack("frozen", "workers", id_)
    yield id_
    os.kill(site.server.pid, signal.SIGCONT)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_not_called_live_while_the_server_stands_still(site: Site, page: Page, id_: str, name: str) -> None:
    badge, stale = page.locator("[data-live-badge]"), page.locator("main [data-stale]")
    page.goto("/s/default/frozen/")
    expect(page.locator(".title .status")).to_have_text("OK", timeout=SOON)  # it was sampled
    page.goto(PAGES[name].format(id=id_))
    expect(badge).to_have_text("live")
    expect(stale).to_have_count(0)

    os.kill(site.server.pid, signal.SIGSTOP)
    expect(badge).to_have_text(re.compile(r"^reconnecting, \d+ s old$"), timeout=SOON)
    expect(stale).to_contain_text(re.compile(r"did not answer in time.*\d+ s ago", re.DOTALL), timeout=SOON)

    os.kill(site.server.pid, signal.SIGCONT)
    expect(stale).to_have_count(0, timeout=SOON)
    expect(badge).to_have_text("live", timeout=SOON)


def test_last_known_figures_are_grey(site: Site, page: Page, id_: str) -> None:
    page.goto("/s/default/frozen/g/workers/")
    ok = page.locator(".title .status")
    expect(ok).to_have_text("OK", timeout=SOON)
    colour = "element => getComputedStyle(element).color"
    before = ok.evaluate(colour)
    os.kill(site.server.pid, signal.SIGSTOP)
    expect(page.locator("main [data-stale]")).to_be_visible(timeout=SOON)
    assert ok.evaluate(colour) == page.locator(".facts dt").first.evaluate(colour) != before
