"""Live pages are calm: nothing is pushed about while entries come in, and what is opened opens in place."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import Site

pytestmark = pytest.mark.browser
STREAM = "/s/default/calm:orders/"
OBSERVE = """window.shifts = [];
new PerformanceObserver((list) => shifts.push(...list.getEntries())).observe({ type: "layout-shift" });"""
SUM = "shifts.filter((one) => !one.hadRecentInput).reduce((sum, one) => sum + one.value, 0)"
LONG = json.dumps({"lines": [{"sku": f"SKU-{n}", "note": "a note that is long"} for n in range(12)]})


def add(site: Site, count: int, first: int = 0, to: str = "calm:orders") -> list[str]:
    fields = [{"order": f"A-{n}", "payload": LONG, "note": "n" * (n % 40)} for n in range(first, first + count)]
    return [str(site.client.xadd(to, {**one})) for one in fields]


@contextmanager
def entries_coming(site: Site, every: float) -> Iterator[None]:
    """Adds an entry every so many seconds, of another length each."""
    over = threading.Event()

    def run() -> None:
        at = 1000
        while not over.wait(every):
            add(site, 1, at)
            at += 7

    adding = threading.Thread(target=run)
    adding.start()
    try:
        yield
    finally:
        over.set()
        adding.join()


def opened(page: Page, path: str = STREAM) -> None:
    page.goto(path)
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.mouse.move(5, 5)


@pytest.mark.parametrize("width", [1280, 390])
def test_entries_that_come_in_push_nothing_about(site: Site, page: Page, width: int) -> None:
    site.forget()
    add(site, 60)
    page.set_viewport_size({"width": width, "height": 844})
    opened(page)
    page.evaluate(OBSERVE)
    with entries_coming(site, 0.25):
        page.wait_for_timeout(9000)
    assert int(page.locator("[data-live-seen]").inner_text().split()[0]) > 10
    assert page.evaluate(SUM) < 0.05


def test_rows_wait_while_the_list_is_scrolled_down_or_marked(site: Site, page: Page) -> None:
    ids = add(site, 60, to="calm:held")
    opened(page, "/s/default/calm:held/")
    page.evaluate("scrollTo(0, 900)")
    first = page.locator("tbody tr").first
    newer = add(site, 1, to="calm:held")[0]
    pill = page.locator("[data-live-pill]")
    expect(pill).to_have_text("1 new")
    expect(first).to_have_id(f"e-{ids[-1]}")
    expect(pill).to_be_in_viewport()
    page.evaluate("scrollTo(0, 0)")
    expect(first).to_have_id(f"e-{newer}")
    expect(pill).to_be_hidden()

    page.evaluate("getSelection().selectAllChildren(document.querySelector('tbody tr:nth-child(3) td:nth-child(3)'))")
    add(site, 1, to="calm:held")
    expect(pill).to_have_text("1 new")
    expect(first).to_have_id(f"e-{newer}")
    pill.click()
    expect(first).not_to_have_id(f"e-{newer}")


def test_a_row_opens_and_closes_in_place(site: Site, page: Page) -> None:
    ids = add(site, 60)
    opened(page)
    row = page.locator(f'tr[id="e-{ids[30]}"]')
    row.evaluate("row => row.scrollIntoView({ block: 'center', behavior: 'instant' })")
    before = (page.evaluate("scrollY"), row.bounding_box())
    opener = row.get_by_role("link", name=f"Details of {ids[30]}")
    opener.click()
    details = page.locator("tr.detail")
    expect(details).to_contain_text("SKU-11")
    expect(opener).to_have_attribute("aria-expanded", "true")
    assert (page.evaluate("scrollY"), row.bounding_box()) == before
    assert page.url.endswith(f"?open={ids[30]}")

    details.get_by_role("link", name="Hex").click()
    expect(details).to_contain_text("00000000")
    assert (page.evaluate("scrollY"), row.bounding_box()) == before
    assert "as=hex" in page.url
    page.reload()
    expect(page.locator("tr.detail")).to_contain_text("00000000")

    page.get_by_role("link", name=f"Details of {ids[30]}").click()
    expect(page.locator("tr.detail")).to_have_count(0)
    assert page.url.endswith(STREAM)


def test_an_entry_can_be_copied_as_json(site: Site, page: Page) -> None:
    (id_,) = add(site, 1)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened(page)
    page.get_by_role("link", name=f"Details of {id_}").click()
    page.get_by_role("button", name="Copy JSON").click()
    expect(page.locator("[data-announcer]")).to_have_text("Copied")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied["id"] == id_
    assert copied["fields"] == [["order", "A-0"], ["payload", LONG], ["note", ""]]

    page.goto(f"/s/default/calm:orders/e/{id_}/")
    page.evaluate("navigator.clipboard.writeText('')")
    page.get_by_role("button", name="Copy JSON").click()
    expect(page.locator("[data-announcer]")).to_have_text("Copied")
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == copied


def test_a_long_value_ends_in_an_ellipsis_and_takes_the_room_there_is(site: Site, page: Page) -> None:
    add(site, 3)
    page.set_viewport_size({"width": 1920, "height": 844})
    opened(page)
    cell = page.locator("tbody tr td.clip:nth-child(4)").first
    expect(cell).to_contain_text("…")
    widths = page.evaluate("[...document.querySelectorAll('thead th')].map((th) => Math.round(th.offsetWidth))")
    assert widths[3] > 700
    assert cell.evaluate("cell => getComputedStyle(cell).textOverflow") == "ellipsis"
    assert cell.evaluate("cell => cell.scrollWidth > cell.clientWidth") is True


def test_more_columns_than_fit_scroll_sideways_and_the_page_does_not(site: Site, page: Page) -> None:
    site.client.xadd("calm:orders", {f"field{n}": "v" * 40 for n in range(12)})
    opened(page, STREAM + "?" + "&".join(f"column=field{n}" for n in range(12)))
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    widths = page.evaluate("[...document.querySelectorAll('thead th.clip')].map((th) => th.offsetWidth)")
    assert min(widths) > 150


def test_the_figures_of_a_stream_move_on_with_its_rows(site: Site, page: Page) -> None:
    add(site, 3)
    opened(page)
    with page.expect_response(lambda answer: answer.request.headers.get("streamgauge-part") == "facts") as answer:
        add(site, 2)
    assert "tr id=" not in answer.value.text()
    expect(page.locator("[data-live=facts]")).to_contain_text(re.compile(r"Length\s*5"))


def test_on_a_phone_entries_are_cards(site: Site, page: Page) -> None:
    add(site, 3)
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for cell in page.locator("tbody tr").first.locator("td").all():
        box = cell.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    label = page.locator("tbody tr td.clip").first.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert label.replace('" "', " ") == '"order "'


def test_the_masthead_stands_still_from_page_to_page(site: Site, page: Page) -> None:
    add(site, 1)
    places = []
    for path in ("/", "/s/default/", STREAM, "/audit/"):
        page.goto(path)
        boxes = (page.locator(selector).first.bounding_box() for selector in (".nav", ".search", ".masthead-end"))
        places.append([(box["x"], box["y"]) for box in boxes if box])
    assert len(places[0]) == 3
    assert [each for each in places if each != places[0]] == []


def test_heads_of_the_streams_stand_over_their_numbers(site: Site, page: Page) -> None:
    add(site, 3)
    page.goto("/s/default/")
    rate = page.locator("tbody tr", has_text="calm:orders").locator("td[data-label=in]")
    expect(rate).to_be_visible(timeout=10_000)
    head = page.get_by_role("columnheader", name="In", exact=True)
    expect(head).to_have_attribute("title", re.compile(r"^Entries per second, last \d+ s$"))
    edges = [place.evaluate("cell => cell.getBoundingClientRect().right") for place in (head, rate)]
    assert edges[0] == edges[1]
    assert rate.locator("svg").count() == 0


def test_a_long_name_stands_beside_its_status_on_a_phone(site: Site, page: Page) -> None:
    """Of a stream in the list, and of a prefix that many streams share."""
    for name in ("L" * 300, "orders:eu:checkout:a-name-that-is-longer-than-a-phone", "short"):
        site.client.xadd(name, {"n": 1})
    for number in range(30):
        site.client.xadd(f"{'p' * 40}:{number}", {"n": 1})
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/s/default/")
    rows = page.locator("tbody tr:has(.status)")
    expect(rows).to_have_count(4, timeout=10_000)
    place = "row => ['th', '.lead'].map((part) => row.querySelector(part).getBoundingClientRect())"
    for name, status in rows.evaluate_all(f"rows => rows.map({place})"):
        assert abs(name["y"] - status["y"]) < 6
        assert name["x"] + name["width"] <= status["x"] <= 390 - status["width"]
    names = rows.locator(".name").evaluate_all("names => names.map((name) => name.getBoundingClientRect().right)")
    assert max(names) <= 390 - 8 * 16


def test_the_longest_age_fits_on_a_phone(site: Site, page: Page) -> None:
    site.client.bgsave()
    add(site, 1)
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/s/default/about/", STREAM):
        page.goto(path)
        ages = page.locator(".facts [data-ago]")
        expect(ages.first).to_be_visible(timeout=10_000)
        over = ages.evaluate_all(
            """ages => ages.map((age) => {
              age.firstChild.data = "23 h 59 min ago";
              const range = document.createRange();
              range.selectNode(age.firstChild);
              return range.getBoundingClientRect().right - age.closest(".facts > div").getBoundingClientRect().right;
            })"""
        )
        assert max(over) <= 0


def test_a_rate_says_on_a_phone_too_what_it_is_the_mean_of(site: Site, page: Page) -> None:
    add(site, 3)
    site.client.xgroup_create("calm:orders", "workers", "0")
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/", STREAM, f"{STREAM}g/workers/"):
        page.goto(path)
        heads = page.locator(".facts dt", has_text=re.compile("^(In|Out)$"))
        expect(heads.first).to_be_visible()
        after = heads.evaluate_all("heads => heads.map((head) => getComputedStyle(head, '::after').content)")
        assert [text for text in after if not re.search(r"last \d+ s", text)] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_long_position_fits_on_a_phone(site: Site, page: Page) -> None:
    site.client.xadd("calm:orders", {"n": 1}, id="1763604718412-45491")
    site.client.xgroup_create("calm:orders", "workers", "$")
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, f"{STREAM}g/workers/")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    position = page.locator(".facts .id").bounding_box()
    assert position is not None
    assert position["x"] + position["width"] <= 390
