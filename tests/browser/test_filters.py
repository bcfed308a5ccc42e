"""A filter of a page: what is shown afterwards is what was asked for, live or not, and a slip loses nothing."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.site import Site

pytestmark = pytest.mark.browser
STREAM = "/s/default/filter:orders/"


def add(site: Site, *quantities: int) -> list[str]:
    return [str(site.client.xadd("filter:orders", {"quantity": n, "note": f"n{n}"})) for n in quantities]


def shown(page: Page) -> list[str]:
    """The quantities on the page, newest first."""
    cells = page.locator("table.table-entries tbody tr:not(.gap) td.clip:nth-child(3)")
    return [text.strip() for text in cells.all_text_contents()]


def opened(page: Page, query: str = "") -> None:
    page.goto(f"{STREAM}{query}")
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.mouse.move(5, 5)


def came(page: Page, id_: str) -> None:
    expect(page.locator(f'tr[id="e-{id_}"]')).to_be_visible(timeout=5_000)


def asked(page: Page, box: str, text: str) -> None:
    """Types it, and waits for the address that says so."""
    page.locator(f"input[name={box}]").fill(text)
    page.wait_for_function(
        "([box, text]) => (new URLSearchParams(location.search).get(box) ?? '') === text", arg=[box, text]
    )
    page.mouse.move(5, 5)
    page.evaluate("document.activeElement.blur()")


def test_another_filter_brings_its_own_entries_and_no_others(site: Site, page: Page) -> None:
    add(site, 5, 1, 5)
    opened(page, "?where=quantity = 5")
    assert shown(page) == ["5", "5"]

    asked(page, "where", "quantity = 1")
    came(page, add(site, 5, 1, 5, 1)[-1])
    assert shown(page) == ["1", "1", "1"]

    asked(page, "where", "")
    came(page, add(site, 7, 5)[-1])
    assert shown(page) == ["5", "7", "1", "5", "1", "5", "5", "1", "5"]

    asked(page, "where", "quantity > 5")
    came(page, add(site, 5, 9)[-1])
    assert shown(page) == ["9", "7"]


def test_a_page_of_the_past_gets_no_new_entries_on_top(site: Site, page: Page) -> None:
    first = add(site, 1, 2, 3)
    opened(page)
    asked(page, "at", first[1])
    assert shown(page) == ["3", "2", "1"]
    expect(page.locator("[data-live-pause]")).to_have_count(0)

    add(site, 4)
    newest = page.get_by_role("link", name="Newest, live")
    expect(newest).to_be_visible()
    expect(page.locator("[data-live=facts]")).to_contain_text(re.compile(r"Length\s*4"), timeout=10_000)
    assert shown(page) == ["3", "2", "1"]
    newest.click()
    came(page, add(site, 5)[0])
    assert shown(page) == ["5", "4", "3", "2", "1"]


def test_other_columns_are_those_of_new_entries_too(site: Site, page: Page) -> None:
    add(site, 1)
    opened(page)
    page.get_by_text("Columns 2 of 2").click()
    page.get_by_label("quantity").uncheck()
    expect(page.get_by_text("Columns 1 of 2")).to_be_visible()
    page.keyboard.press("Escape")
    page.mouse.move(5, 5)
    page.evaluate("document.activeElement.blur()")
    (newest,) = add(site, 2)
    came(page, newest)
    expect(page.locator(f'tr[id="e-{newest}"] td.clip')).to_have_text(["n2"])


def test_other_columns_keep_the_page(site: Site, page: Page) -> None:
    ids = add(site, *range(60))
    opened(page)
    page.get_by_role("link", name="Older").click()
    expect(page.locator(f'tr[id="e-{ids[9]}"]')).to_be_visible()
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.get_by_text("Columns 2 of 2").click()
    page.get_by_label("note").uncheck()
    expect(page.get_by_text("Columns 1 of 2")).to_be_visible()
    assert shown(page) == [str(n) for n in reversed(range(10))]


def test_back_leads_to_the_filter_before_and_to_its_entries(site: Site, page: Page) -> None:
    add(site, 5, 1)
    opened(page, "?where=quantity = 5")
    asked(page, "where", "quantity = 1")
    page.go_back()
    expect(page.locator("input[name=where]")).to_have_value("quantity = 5")
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.mouse.move(5, 5)
    came(page, add(site, 1, 5)[-1])
    assert shown(page) == ["5", "5"]


def test_a_paused_table_stays_paused_under_another_filter(site: Site, page: Page) -> None:
    add(site, 5, 1)
    opened(page, "?where=quantity = 5")
    page.locator("[data-live-pause]").click()
    asked(page, "where", "quantity = 1")
    add(site, 1)
    expect(page.locator("[data-live-pill]")).to_have_text("1 new", timeout=5_000)
    expect(page.locator("[data-live-pause]")).to_have_text("Resume")
    assert shown(page) == ["1"]
    page.locator("[data-live-pause]").click()
    page.mouse.move(5, 5)
    expect(page.locator("table.table-entries tbody tr:not(.gap)")).to_have_count(2)


@pytest.mark.parametrize(
    ("box", "text", "said"),
    [
        ("where", "quantity", "quantity > 4"),
        ("where", "quantity > many", "compares numbers"),
        ("at", "soon", "yesterday 09:00"),
    ],
)
def test_a_slip_of_the_pen_is_said_beside_the_form(site: Site, page: Page, box: str, text: str, said: str) -> None:
    add(site, 5, 1)
    opened(page, "?where=quantity = 5")
    before = page.url
    control = page.locator(f"input[name={box}]")
    control.fill(text)
    expect(page.locator("[data-filter-wrong]")).to_contain_text(said)
    expect(control).to_have_attribute("aria-invalid", "true")
    expect(control).to_have_attribute("aria-describedby", "entries-wrong")
    expect(page.locator("[data-announcer]")).to_contain_text(said)
    assert page.url == before
    assert shown(page) == ["5"]

    control.fill("quantity = 1" if box == "where" else "")
    expect(page.locator("[data-filter-wrong]")).to_be_empty()
    expect(control).not_to_have_attribute("aria-invalid", "true")


def test_a_slip_on_the_page_of_a_group_leaves_its_list(site: Site, page: Page) -> None:
    add(site, 5)
    site.client.xgroup_create("filter:orders", "workers", "0")
    site.client.xreadgroup("workers", "ann", {"filter:orders": ">"})
    page.goto(f"{STREAM}g/workers/")
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.get_by_label("Idle at least").fill("5 yeras")
    expect(page.locator("[data-filter-wrong]")).to_contain_text("5 min")
    expect(page.locator("#pending tbody tr")).to_have_count(1)
    page.get_by_label("Idle at least").fill("0 s")
    expect(page.locator("[data-filter-wrong]")).to_be_empty()


def test_a_site_that_hangs_is_not_waited_for_without_end(site: Site, page: Page) -> None:
    """The deadline of ten seconds is over twenty times sooner here."""
    page.add_init_script(
        "const wait = AbortSignal.timeout; AbortSignal.timeout = (ms) => wait.call(AbortSignal, ms / 20)"
    )
    add(site, 5, 1)
    opened(page, "?where=quantity = 5")
    page.route(re.compile(r"quantity\+%3D\+1"), lambda route: None)
    page.locator("input[name=where]").fill("quantity = 1")
    expect(page.locator("[data-filter-wrong]")).to_contain_text("The site does not answer.")
    assert shown(page) == ["5"]


def test_a_search_goes_along_to_the_other_filters_of_the_page(site: Site, page: Page) -> None:
    add(site, 5)
    page.goto("/s/default/")
    expect(page.get_by_role("link", name="filter:orders", exact=True)).to_be_visible(timeout=10_000)
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.get_by_label("Name contains").fill("orders")
    page.wait_for_url("**/?search=orders*")
    page.get_by_role("navigation", name="Health").get_by_role("link", name="Stuck").click()
    expect(page.get_by_label("Name contains")).to_have_value("orders")


def test_the_files_of_the_audit_log_are_of_the_lines_that_are_shown(page: Page) -> None:
    page.goto("/audit/")
    asked(page, "who", "somebody")
    for name in ("JSON Lines", "CSV"):
        expect(page.get_by_role("link", name=name)).to_have_attribute("href", re.compile(r"\?.*who=somebody"))


def test_the_wrong_part_of_a_filter_is_marked(site: Site, page: Page) -> None:
    add(site, 5, 1)
    opened(page)
    page.locator("input[name=where]").fill("quantity = 1 and (note ~ n or many)")
    wrong = page.locator("[data-filter-wrong]")
    expect(wrong.locator("mark")).to_have_text("many")
    expect(wrong.locator("code")).to_have_text("quantity = 1 and (note ~ n or many)")
    page.locator("input[name=where]").fill("quantity = 1 and")
    expect(wrong.locator("mark")).to_have_text("…")
    page.locator("input[name=where]").fill("quantity = 1 and (note ~ n or has many)")
    expect(wrong).to_be_empty()
    expect(page.locator("table.table-entries tbody tr")).to_have_count(1)
    assert shown(page) == ["1"]


def test_pending_entries_are_filtered_by_payload(site: Site, page: Page) -> None:
    ids = add(site, 5, 1, 7)
    site.client.xgroup_create("filter:orders", "workers", "0")
    site.client.xreadgroup("workers", "ann", {"filter:orders": ">"})
    page.goto(f"{STREAM}g/workers/")
    rows = page.locator("#pending tbody tr")
    expect(rows).to_have_count(3)
    page.locator("input[name=where]").fill("quantity > 1 and not note = n7")
    expect(rows).to_have_count(1)
    expect(rows).to_have_id(f"p-{ids[0]}")
    rows.locator("[data-select-row]").check()
    expect(page.locator("[data-select-bar]")).to_be_visible()
    expect(page.locator("[data-select-all]")).to_have_count(0)
    page.locator("input[name=where]").fill("quantity > 1 or")
    expect(page.locator("[data-filter-wrong] mark")).to_have_text("…")
    expect(rows).to_have_count(1)


def test_a_search_goes_on_where_it_stopped_and_can_be_cancelled(site: Site, page: Page) -> None:
    with site.client.pipeline(transaction=False) as pipeline:
        for n in range(9_000):
            pipeline.xadd("filter:long", {"n": n, "rare": int(n in (17, 3_000, 8_999))})
        pipeline.execute()
    page.goto("/s/default/filter:long/?where=rare+%3D+1")
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    rows, said, button = (page.locator(place) for place in ("tbody tr[id]", "[data-search-said]", "[data-search-on]"))
    expect(rows).to_have_count(1)
    expect(said).to_have_text("Scanned 2,000 entries from here, 1 match.")

    def slow(route: Route) -> None:
        time.sleep(0.2)
        route.continue_()

    page.route(re.compile(r"filter:long/\?.*end="), slow)
    button.click()
    expect(button).to_have_text("Cancel")
    expect(said).to_contain_text("Scanned 4,000 of 9,000 entries, 1 match.")
    button.click()
    expect(said).to_contain_text("Cancelled.")
    expect(button).to_have_text("Search on")
    page.unroute_all()
    button.click()
    expect(said).to_have_text("Scanned 9,000 entries, 3 match. There are no older entries.")
    expect(button).to_be_hidden()
    assert [text.strip() for text in page.locator("tbody tr[id] td:nth-child(3)").all_inner_texts()] == [
        "8999",
        "3000",
        "17",
    ]


def test_a_search_of_the_past_goes_on_in_its_list(site: Site, page: Page) -> None:
    with site.client.pipeline(transaction=False) as pipeline:
        for n in range(5_000):
            pipeline.xadd("filter:past", {"n": n, "rare": int(n in (17, 3_000))})
        ids = pipeline.execute()
    page.goto(f"/s/default/filter:past/?where=rare+%3D+1&end={ids[3_500]}")
    address, said = page.url, page.locator("[data-search-said]")
    expect(said).to_have_text("Scanned 2,000 entries from here, 1 match.")
    page.locator("[data-search-on]").click()
    expect(said).to_have_text("Scanned 3,501 entries, 2 match. There are no older entries.")
    rows = page.locator("tbody tr[id] td:nth-child(3)")
    assert [text.strip() for text in rows.all_inner_texts()] == ["3000", "17"]
    assert page.url == address


def test_a_search_that_finds_the_first_leads_there(site: Site, page: Page) -> None:
    with site.client.pipeline(transaction=False) as pipeline:
        for n in range(2_500):
            pipeline.xadd("filter:first", {"n": n, "rare": int(n == 17)})
        pipeline.execute()
    page.goto("/s/default/filter:first/?where=rare+%3D+1")
    expect(page.locator("[data-search-said]")).to_have_text(
        "No matching entries here. Scanned 2,000 entries from here, 0 match."
    )
    page.locator("[data-search-on]").click()
    page.wait_for_url("**end=*")
    expect(page.locator("tbody tr[id] td:nth-child(3)")).to_have_text("17")
