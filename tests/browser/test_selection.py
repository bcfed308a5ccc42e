"""Ticks on rows and the bar that acts on them, on a large screen and on a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.site import Site

pytestmark = pytest.mark.browser
GROUP = "/s/default/tick:jobs/g/workers/"
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def pending(site: Site, page: Page) -> list[str]:
    """Sixty entries, the first twelve pending with ann and the rest with bob: more than a page shows."""
    ids = [str(site.client.xadd("tick:jobs", {"n": n})) for n in range(60)]
    site.client.xgroup_create("tick:jobs", "workers", "0")
    site.client.xreadgroup("workers", "ann", {"tick:jobs": ">"}, count=12)
    site.client.xreadgroup("workers", "bob", {"tick:jobs": ">"})
    return ids


def opened(page: Page, address: str) -> None:
    """With its scripts running."""
    page.goto(address)
    expect(page.locator("[data-live-badge]")).to_have_text("live")


def ticked(page: Page) -> int:
    return page.locator("[data-select-row]:checked").count()


def header(page: Page) -> tuple[bool, bool]:
    box = page.locator("[data-select-page]")
    return box.is_checked(), bool(box.evaluate("box => box.indeterminate"))


def test_all_that_match_are_shown_as_ticked(page: Page, pending: list[str]) -> None:
    opened(page, GROUP)
    rows = page.locator("[data-select-row]")
    rows.nth(3).check()
    assert header(page) == (False, True)
    page.locator("[data-select-all]").check()
    expect(page.locator("[data-select-count]")).to_have_text("60 selected")
    assert (ticked(page), header(page)) == (50, (True, False))

    page.locator("[data-select-all]").uncheck()
    expect(page.locator("[data-select-count]")).to_have_text("1 selected")
    expect(rows.nth(3)).to_be_checked()
    assert (ticked(page), header(page)) == (1, (False, True))


def test_to_untick_a_row_of_all_leaves_the_others_of_the_page(page: Page, pending: list[str]) -> None:
    opened(page, GROUP)
    rows = page.locator("[data-select-row]")
    rows.first.check()
    page.locator("[data-select-all]").check()
    rows.nth(5).uncheck()
    expect(page.locator("[data-select-all]")).not_to_be_checked()
    expect(page.locator("[data-select-count]")).to_have_text("49 selected")
    assert (ticked(page), header(page)) == (49, (False, True))


def test_what_matches_another_filter_is_not_ticked_by_itself(page: Page, pending: list[str]) -> None:
    opened(page, f"{GROUP}?consumer=ann")
    page.locator("[data-select-row]").first.check()
    page.get_by_label("All 12 that match").check()
    page.locator("select[name=consumer]").select_option("")
    expect(page.get_by_label("All 60 pending")).not_to_be_checked()
    expect(page.locator("[data-select-count]")).to_have_text("1 selected")
    assert ticked(page) == 1


@pytest.fixture
def phone(site: Site, browser: Browser, admin_state: dict[str, object], pending: list[str]) -> Iterator[Page]:
    context = browser.new_context(
        base_url=site.address,
        storage_state=admin_state,  # type: ignore[arg-type]
        viewport=PHONE,  # type: ignore[arg-type]
        has_touch=True,
        is_mobile=True,
    )
    yield context.new_page()
    context.close()


def test_the_bar_on_a_phone_shows_every_action_and_covers_no_ticked_row(phone: Page) -> None:
    opened(phone, GROUP)
    box = phone.locator("[data-select-row]").nth(8)
    box.evaluate("box => scrollBy(0, box.getBoundingClientRect().top - innerHeight + 60)")
    box.check()
    bar = phone.locator("#bar")
    assert bar.locator("button[formaction]").count() >= 4
    for button in bar.locator("button[formaction]").all():
        place = button.bounding_box()
        assert place is not None
        assert place["x"] >= 0
        assert place["x"] + place["width"] <= PHONE["width"]
        assert place["y"] + place["height"] <= PHONE["height"]
    row, over = phone.locator("tr:has([data-select-row]:checked)").bounding_box(), bar.bounding_box()
    assert row is not None
    assert over is not None
    assert row["y"] + row["height"] <= over["y"] + 1
    expect(bar.get_by_label("All 60 pending")).to_be_visible()


def test_the_search_of_a_phone_says_what_can_be_searched(phone: Page) -> None:
    phone.goto("/")
    room = """input => {
        const pen = document.createElement("canvas").getContext("2d");
        const style = getComputedStyle(input);
        pen.font = `${style.fontSize} ${style.fontFamily}`;
        const inside = input.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
        return inside - pen.measureText(input.placeholder).width;
    }"""
    assert phone.get_by_role("searchbox").first.evaluate(room) >= 0


def test_the_menu_of_a_phone_has_the_theme_and_no_keys(phone: Page) -> None:
    opened(phone, "/")
    phone.locator(".masthead-end summary").click()
    theme = phone.get_by_role("button", name="Theme: as the system")
    theme.click()
    expect(phone.locator("html")).to_have_attribute("data-theme", "light")
    expect(phone.get_by_role("button", name="Theme: light")).to_be_visible()
    expect(phone.get_by_text("Keyboard", exact=False).first).not_to_be_visible()
