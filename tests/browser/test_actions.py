"""Large and dangerous things, done through the pages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import Site

pytestmark = pytest.mark.browser
MANY = 60_000


@pytest.fixture
def backlog(site: Site, page: Page) -> None:
    """MANY entries pending with a worker that is gone, and one that reads."""
    for start in range(0, MANY, 5000):
        pipe = site.client.pipeline(transaction=False)
        for n in range(start, min(MANY, start + 5000)):
            pipe.xadd("bulk:jobs", {"n": n})
        pipe.execute()
    site.client.xgroup_create("bulk:jobs", "workers", "0")
    site.client.xreadgroup("workers", "gone-1", {"bulk:jobs": ">"}, count=MANY)
    site.client.xgroup_createconsumer("bulk:jobs", "workers", "alive-1")


def pending_with(site: Site, consumer: str) -> int:
    summary = site.client.xpending("bulk:jobs", "workers")
    return {row["name"]: row["pending"] for row in summary["consumers"]}.get(consumer, 0)


@pytest.mark.usefixtures("backlog")
def test_a_bulk_claim_shows_its_progress_and_can_be_cancelled(site: Site, page: Page) -> None:
    page.goto("/s/default/bulk:jobs/do/claim/?group=workers&all=1&consumer=gone-1")
    page.locator("select[name=to]").select_option("alive-1")
    page.get_by_role("button", name="Review plan").click()
    page.locator("select[name=duty]").select_option("10")
    page.get_by_role("button", name=f"Claim {MANY:,} entries").click()

    expect(page.locator(".title")).to_contain_text("Running")
    progress = page.get_by_role("progressbar")
    first = int(progress.get_attribute("aria-valuenow") or 0)
    page.wait_for_function(
        "before => Number(document.querySelector('[role=progressbar]').getAttribute('aria-valuenow')) > before",
        arg=first,
    )
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".title")).to_contain_text("Cancelled", timeout=15_000)

    moved = pending_with(site, "alive-1")
    assert 0 < moved < MANY
    assert pending_with(site, "gone-1") == MANY - moved
    expect(page.get_by_label("Results")).to_contain_text(f"{moved:,}")


def test_a_position_is_set_after_a_look_at_before_and_after(site: Site, page: Page) -> None:
    ids = [str(site.client.xadd("position:log", {"n": n})) for n in range(10)]
    site.client.xgroup_create("position:log", "readers", "0")
    site.client.xreadgroup("readers", "ann", {"position:log": ">"}, count=10)
    site.client.xack("position:log", "readers", *ids)

    page.goto("/s/default/position:log/g/readers/")
    page.get_by_text("Actions", exact=True).click()
    page.get_by_role("link", name="Set position…").click()
    page.locator("[name=at]").fill(ids[3])
    expect(page.get_by_label("at an ID or a time")).to_be_checked()
    page.get_by_label("the start").check()
    page.get_by_role("button", name="Review plan").click()
    expect(page.get_by_text("contradict each other")).to_be_visible()
    expect(page.get_by_label("the start")).to_be_checked()
    page.get_by_label("at an ID or a time").check()
    page.get_by_role("button", name="Review plan").click()
    expect(page.locator("main")).to_contain_text("6")
    expect(page.locator("main")).to_contain_text("again")
    confirm = page.locator("[name=confirm]")
    if confirm.count():
        confirm.fill("readers")
    page.locator("form.aside .btn-primary").click()
    expect(page.locator(".title")).to_contain_text("Done")
    (group,) = site.client.xinfo_groups("position:log")
    assert group["last-delivered-id"] == ids[3]
