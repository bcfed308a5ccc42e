"""What the product is for: somebody sees a stuck message and unsticks it; and sees new entries as they come."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from streams_admin.demo.scenarios.crew import Crew
from streams_admin.demo.scenarios.options import Options
from tests.browser.site import Site, wait_until

pytestmark = pytest.mark.browser

XADD = """
import sys, redis
client = redis.Redis.from_url(sys.argv[1])
for word in sys.argv[2:]:
    client.xadd("live:log", {"word": word})
"""


@pytest.fixture
def crashed_orders(site: Site, page: Page) -> Iterator[Crew]:
    """The order system of the tutorials; worker-2 is killed with work in hand."""
    site.forget()
    crew = Crew("orders", Options(crash_after=1.0, rate=10, seed=7), site.server.url)
    crew.start()
    wait_until(lambda: "worker-2" not in crew.living(), 30, "worker-2 is dead")
    yield crew
    crew.stop()


def pending_with(site: Site, consumer: str) -> int:
    summary = site.client.xpending("orders:new", "order_processors")
    return {row["name"]: row["pending"] for row in summary["consumers"]}.get(consumer, 0)


def test_a_stuck_message_is_found_and_claimed(site: Site, page: Page, crashed_orders: Crew) -> None:
    stuck = pending_with(site, "worker-2")
    assert stuck > 0

    page.goto("/")
    finding = page.locator("#findings tr", has_text="order_processors").first
    expect(finding).to_contain_text("Stuck", timeout=20_000)
    expect(finding).to_contain_text("worker-2 has been silent for")

    finding.get_by_role("link", name="order_processors").click()
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.locator("#pending-filters ~ .fold select[name=consumer]").select_option("worker-2")
    expect(page.locator("#pending")).to_contain_text(f"{stuck} of {stuck} matching")
    page.locator("[data-select-row]").first.check()
    page.get_by_label(f"All {stuck} that match").check()
    expect(page.locator("[data-select-count]")).to_have_text(f"{stuck} selected")
    page.locator("#bar").get_by_role("button", name="Claim…").click()

    page.locator("select[name=to]").select_option("worker-1")
    page.get_by_role("button", name="Review plan").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Claim {stuck} entries for worker-1")
    expect(page.get_by_label("Before and after")).to_contain_text("worker-2")
    assert pending_with(site, "worker-2") == stuck, "a plan must change nothing"

    page.get_by_label("Reason").fill("worker-2 crashed")
    page.get_by_role("button", name=f"Claim {stuck} entries").click()
    expect(page.locator("main")).to_contain_text("Done")
    assert pending_with(site, "worker-2") == 0

    wait_until(lambda: pending_with(site, "worker-1") < 5, 20, "worker-1 has processed what it got")
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing needs attention", timeout=20_000)

    page.goto("/audit/")
    row = page.locator("#audit tbody tr").first
    expect(row).to_contain_text("anna")
    expect(row).to_contain_text(f"Claim {stuck} entries for worker-1")
    expect(row).to_contain_text("worker-2 crashed")
    expect(row).to_contain_text(f"{stuck} done")


def add(site: Site, *words: str) -> None:
    """From another process, as a producer does."""
    subprocess.run([sys.executable, "-c", XADD, site.server.url, *words], check=True, timeout=30)


def shown(page: Page) -> list[str]:
    """The words on the page, newest first."""
    cells = page.locator("table.table-entries tbody tr:not(.gap) td.clip")
    return [text.strip() for text in cells.all_text_contents()]


def test_a_new_entry_stands_on_the_open_page_and_restarts_lose_none(site: Site, page: Page) -> None:
    add(site, "zero")
    page.goto("/s/default/live:log/")
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.mouse.move(5, 5)

    add(site, "one")
    expect(page.get_by_role("cell", name="one", exact=True)).to_be_visible(timeout=2_000)

    site.restart_redis()
    add(site, "two")
    expect(page.get_by_role("cell", name="two", exact=True)).to_be_visible(timeout=15_000)

    site.stop()
    add(site, "three", "four")
    site.start()
    add(site, "five")
    expect(page.get_by_role("cell", name="five", exact=True)).to_be_visible(timeout=30_000)
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    assert shown(page) == ["five", "four", "three", "two", "one", "zero"]
