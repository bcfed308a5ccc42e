"""Pages as axe-core sees them: no violation that is serious or critical, light and dark, at a desk and on a phone."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.site import Site

pytestmark = pytest.mark.browser
STREAM = "/s/default/axe:orders/"
GROUP = f"{STREAM}g/workers/"
PAYLOAD = '{"lines": [{"sku": "A-1", "quantity": 2}], "total": 12.5}'
SERIOUS = ("serious", "critical")
LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 390), ("dark", 1280), ("light", 1280))
"""How each page is looked at, and how wide. What is done on it is done as it was looked at last."""


@pytest.fixture
def ids(site: Site, page: Page) -> list[str]:
    """Thirty entries, twelve of them pending with a consumer that has gone silent."""
    ids = [str(site.client.xadd("axe:orders", {"order": f"A-{n}", "payload": PAYLOAD})) for n in range(30)]
    site.client.xgroup_create("axe:orders", "workers", "0")
    site.client.xreadgroup("workers", "ann", {"axe:orders": ">"}, count=12)
    site.client.xgroup_createconsumer("axe:orders", "workers", "bob")
    for n in range(12):
        site.client.xadd(f"axe:prefix:{n}", {"n": n})
    page.goto("/")
    expect(page.locator("#findings tbody tr").first).to_be_visible(timeout=15_000)
    return ids


def violations(page: Page) -> list[str]:
    """Rule, place and how many, of the serious ones, in each look."""
    found = []
    for scheme, width in LOOKS:
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}, {width} wide: {words}" for words in _violations(page)]
    return found


def _violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{page.url}: {one['id']} at {one['nodes'][0]['target']}, {len(one['nodes'])} in all"
        for one in found
        if one["impact"] in SERIOUS or one["id"] == "heading-order"
    ]


def plan_and_operation(page: Page) -> list[str]:
    """Claims what is pending, and looks at the form, the plan and the operation on the way."""
    page.goto(GROUP)
    page.locator("[data-select-row]").first.check()
    found = violations(page)
    page.locator("#bar").get_by_role("button", name="Claim…").click()
    found += violations(page)
    page.locator("select[name=to]").select_option("bob")
    page.get_by_role("button", name="Review plan").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Claim")
    found += violations(page)
    page.get_by_role("button", name="Claim 1 entry").click()
    expect(page.get_by_role("table").first).to_be_visible()
    return found + violations(page)


def mute_and_back(page: Page) -> list[str]:
    """Mutes the first finding, and looks at the form and at what is muted on the way; then ends the mute."""
    page.goto("/")
    page.get_by_label("More for this row").first.click()
    found = violations(page)
    page.get_by_role("link", name="Mute…").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Mute")
    found += violations(page)
    page.get_by_label("Reason").fill("redeployed")
    page.get_by_role("button", name="Mute").click()
    page.get_by_role("link", name="1 muted").click()
    expect(page.get_by_text("by anna: redeployed")).to_be_visible()
    found += violations(page)
    page.get_by_role("button", name="End mute").click()
    expect(page.get_by_text("The mute has ended.")).to_be_visible()
    return found


def test_no_page_has_a_serious_violation(page: Page, ids: list[str]) -> None:
    addresses = (
        *(
            "/",
            "/s/default/",
            "/s/default/about/",
            "/s/default/tail/?streams=axe:orders,axe:prefix:1,axe:none",
            STREAM,
            f"{STREAM}?open={ids[-1]}",
            f"{STREAM}?tab=groups",
            f"{STREAM}?tab=retention",
        ),
        *(GROUP, f"{GROUP}?consumer=ann", f"{STREAM}e/{ids[0]}/", "/operations/", "/audit/", "/search/?q=axe"),
    )
    found = []
    for address in addresses:
        page.goto(address)
        found += violations(page)
    found += mute_and_back(page)
    assert found + plan_and_operation(page) == []
