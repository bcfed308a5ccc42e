"""A table that is live leaves alone what somebody is working with."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from dashboard.live.admission import subscription_quota
from dashboard.live.admission.connection_limit import PRINCIPAL_MAX
from dashboard.live.connections.connection import MAX_WATCHES
from tests.browser.site import Site

pytestmark = pytest.mark.browser
GROUP = "/s/default/live:table/g/workers/"


@pytest.fixture
def held(site: Site, page: Page) -> list[str]:
    """Twelve entries pending with one worker, oldest first."""
    ids = [str(site.client.xadd("live:table", {"n": n})) for n in range(12)]
    site.client.xgroup_create("live:table", "workers", "0")
    site.client.xreadgroup("workers", "ann", {"live:table": ">"}, count=12)
    return ids


def row(page: Page, id_: str) -> str:
    return f'tr[id="p-{id_}"]'


def test_a_ticked_row_stays_ticked_and_in_place_while_others_go(site: Site, page: Page, held: list[str]) -> None:
    page.goto(GROUP)
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    chosen = page.locator(row(page, held[5]))
    chosen.locator("[data-select-row]").check()
    before = chosen.bounding_box()

    site.client.xack("live:table", "workers", *held[:3])
    newer = str(site.client.xadd("live:table", {"n": 99}))
    site.client.xreadgroup("workers", "bob", {"live:table": ">"})
    expect(page.locator("[data-live=facts]")).to_contain_text("2 consumers", timeout=10_000)

    expect(page.locator(row(page, held[0]))).to_have_attribute("data-gone", "")
    expect(chosen.locator("[data-select-row]")).to_be_checked()
    assert chosen.bounding_box() == pytest.approx(before, abs=1)
    expect(page.locator("[data-select-count]")).to_have_text("1 selected")

    page.locator("#bar").get_by_role("button", name="Clear").click()
    page.mouse.move(5, 5)
    expect(page.locator(row(page, newer))).to_be_visible(timeout=10_000)
    expect(page.locator(row(page, held[0]))).to_have_count(0)


def test_new_entries_wait_while_the_table_is_paused(site: Site, page: Page) -> None:
    site.client.xadd("live:paused", {"word": "first"})
    page.goto("/s/default/live:paused/")
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.locator("[data-live-pause]").click()
    for word in ("second", "third"):
        site.client.xadd("live:paused", {"word": word})
    expect(page.locator("[data-live-pill]")).to_have_text("2 new", timeout=5_000)
    expect(page.get_by_role("cell", name="third", exact=True)).to_have_count(0)
    page.locator("[data-live-pill]").click()
    expect(page.get_by_role("cell", name="third", exact=True)).to_be_visible()


def test_a_page_does_without_live_when_a_person_has_too_many_open(site: Site, page: Page) -> None:
    site.client.xadd("live:full", {"word": "first"})
    page.goto("/audit/")
    opening = """async (most) => {
        const address = `ws://${location.host}/ws/v1/live/`;
        window.taken = Array.from({ length: most }, () => new WebSocket(address));
        await Promise.all(taken.map((one) => new Promise((open) => one.addEventListener("open", open))));
    }"""
    page.evaluate(opening, PRINCIPAL_MAX)
    other = page.context.new_page()
    with other.expect_event("websocket") as refused:
        other.goto("/s/default/live:full/")
    if not refused.value.is_closed():
        refused.value.wait_for_event("close")
    expect(other.locator("[data-live-badge]")).to_have_text("not live")
    expect(other.get_by_role("cell", name="first", exact=True)).to_be_visible()
    page.evaluate("taken.forEach((one) => one.close())")
    other.reload()
    expect(other.locator("[data-live-badge]")).to_have_text("live")


def test_a_page_says_that_there_is_no_room_to_follow_its_stream(site: Site, page: Page) -> None:
    site.client.xadd("live:busy", {"word": "first"})
    page.goto("/sign-in/")
    following = """async ([streams, each]) => {
        const address = `ws://${location.host}/ws/v1/live/`;
        for (let at = 0; at < streams; at += each) {
            const one = new WebSocket(address);
            await new Promise((open) => one.addEventListener("open", open));
            await new Promise((done) => {
                let left = each;
                one.addEventListener("message", () => --left || done());
                for (let n = at; n < at + each; n++) {
                    const topic = { topic: "entries", server: "default", stream: `live:${n}` };
                    one.send(JSON.stringify({ type: "watch", id: `${n}`, ...topic }));
                }
            });
        }
    }"""
    page.evaluate(following, [subscription_quota.EACH, MAX_WATCHES])
    other = page.context.new_page()
    other.goto("/s/default/live:busy/")
    expect(other.get_by_role("cell", name="first", exact=True)).to_be_visible()
    expect(other.locator("[data-live-badge]")).to_have_text("not live")
    page.goto("/")
    other.reload()
    expect(other.locator("[data-live-badge]")).to_have_text("live")


def test_a_page_is_live_once_all_that_it_shows_is_followed(site: Site, page: Page) -> None:
    """What is added before that is no news to it: it comes, but as what was missed."""
    held: list[tuple[WebSocketRoute, str]] = []

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda text: _pass_on(socket, str(text), held))

    site.client.xadd("live:begun", {"n": 1})
    page.route_web_socket("**/ws/v1/live/", between)
    page.goto("/s/default/live:begun/")
    while not held:
        page.wait_for_timeout(20)
    badge = page.locator("[data-live-badge]")
    expect(badge).to_have_text("not live")
    for socket, text in held:
        socket.send(text)
    expect(badge).to_have_text("live")


def _pass_on(socket: WebSocketRoute, text: str, held: list[tuple[WebSocketRoute, str]]) -> None:
    """All frames but the one that says that entries are followed from now on."""
    frame = json.loads(text)
    if frame["type"] == "watching" and "after" in frame:
        held.append((socket, text))
    else:
        socket.send(text)


def test_every_page_can_be_walked_with_the_keyboard(site: Site, page: Page, held: list[str]) -> None:
    page.goto("/")
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/s/default/")
    expect(page.get_by_role("link", name="live:table", exact=True)).to_be_visible(timeout=10_000)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox").first).to_be_focused()
    page.keyboard.type("live:tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=live*")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("live:table")
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_no_page_scrolls_sideways(site: Site, page: Page, held: list[str], width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    for address in ("/", "/s/default/", "/s/default/live:table/", GROUP, "/operations/", "/audit/"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_what_changes_is_changed_in_place_and_open_menus_stay_open(site: Site, page: Page, held: list[str]) -> None:
    page.goto(GROUP)
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    row = page.locator("[data-live=consumers] tbody tr", has_text="ann")
    row.evaluate("row => { row.isTheSame = true }")
    menu = page.locator("[data-live=facts] details[data-menu]")
    menu.locator("summary").click()
    site.client.xack("live:table", "workers", *held[:3])
    expect(row).to_contain_text("9", timeout=10_000)
    assert row.evaluate("row => row.isTheSame") is True
    assert menu.evaluate("menu => menu.open") is True


def test_an_open_menu_stays_open_when_something_appears_before_it(site: Site, page: Page, held: list[str]) -> None:
    """As when the sampler has judged a group for the first time, or a finding begins."""
    page.goto(GROUP)
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    status = page.locator("[data-live=facts] .title > .status")
    expect(status).to_be_visible(timeout=10_000)
    menu = page.locator("[data-live=facts] details[data-menu]")
    menu.locator("summary").click()
    status.evaluate("status => status.remove()")
    site.client.xack("live:table", "workers", *held[:3])
    expect(status).to_be_visible(timeout=10_000)
    assert menu.evaluate("menu => menu.open") is True
