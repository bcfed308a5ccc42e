"""What a live table leaves out is counted, and offered in its place; what arrives is acknowledged now and then."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, Page, WebSocket, expect

from tests.browser.site import Site, wait_until

pytestmark = pytest.mark.browser
BURST = 130
ACK_CHARS = 128 * 1024
FRAME_BYTES = 48 * 1024


class Wire:
    """What goes over a page's socket, in order: frames of entries with their length, and acknowledgements."""

    def __init__(self, page: Page) -> None:
        self.events: list[tuple[str, str, int]] = []
        page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: self._note("entries", str(payload)))
        socket.on("framesent", lambda payload: self._note("ack", str(payload)))

    def _note(self, kind: str, text: str) -> None:
        frame = json.loads(text)
        if frame["type"] == kind:
            self.events.append((kind, frame["last_id"], len(text)))

    def all(self, kind: str) -> list[str]:
        return [last_id for found, last_id, _ in self.events if found == kind]

    @property
    def unacknowledged(self) -> list[int]:
        """Characters that had arrived when each acknowledgement was sent."""
        found, length = [], 0
        for kind, _, more in self.events:
            if kind == "ack":
                found.append(length)
            length = 0 if kind == "ack" else length + more
        return found


def opened(site: Site, page: Page, stream: str) -> list[str]:
    """The page of a stream with one entry, followed live."""
    first = site.client.xadd(stream, {"n": "first"})
    page.goto(f"/s/default/{stream}/")
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.mouse.move(5, 5)
    return [str(first)]


def burst(site: Site, stream: str, count: int = BURST) -> list[str]:
    """More than can be drawn in a second, at once."""
    with site.client.pipeline(transaction=True) as pipeline:
        for n in range(count):
            pipeline.xadd(stream, {"n": n})
        return [str(id_) for id_ in pipeline.execute()]


def shown(page: Page) -> list[str]:
    rows = page.locator("tbody[data-live-rows] > tr[id]")
    return [str(id_)[2:] for id_ in rows.evaluate_all("rows => rows.map((row) => row.id)")][::-1]


def gap(page: Page) -> Locator:
    return page.locator("tr.gap")


def test_what_was_skipped_is_offered_and_comes_in_its_place(site: Site, page: Page) -> None:
    ids = opened(site, page, "gap:offer") + burst(site, "gap:offer")
    expect(gap(page).first).to_contain_text("skipped: they arrived faster than they can be shown. Show them")
    expect(page.locator("[data-live-rate]")).to_have_text(re.compile(r"^[0-9.,]+/s shown, [0-9.,]+/s skipped$"))
    wait_until(lambda: shown(page)[-1] == ids[-1], 10, "the newest row is there")
    said = sum(int(re.findall(r"^[0-9]+", text)[0]) for text in gap(page).all_inner_texts())
    assert said == len(ids) - len(shown(page)) > 0
    while gap(page).count():
        before = len(shown(page))
        gap(page).first.get_by_role("link").click()
        wait_until(lambda before=before: len(shown(page)) > before, 10, "more rows are there")
    assert shown(page) == ids


def test_a_gap_says_what_is_not_there_any_more(site: Site, page: Page) -> None:
    opened(site, page, "gap:trimmed")
    burst(site, "gap:trimmed")
    expect(gap(page)).to_have_count(1, timeout=15_000)
    skipped = int(gap(page).inner_text().split()[0])
    site.client.xtrim("gap:trimmed", maxlen=3, approximate=False)
    gap(page).get_by_role("link").click()
    expect(gap(page)).to_have_text(f"{skipped} of the skipped entries are no longer in the stream.")


def test_a_gap_keeps_to_the_filter_and_the_columns(site: Site, page: Page) -> None:
    site.client.xadd("gap:filter", {"kind": "odd", "n": 1, "rare": "x"})
    page.goto("/s/default/gap:filter/?where=kind+%3D+odd&column=kind&column=rare")
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.mouse.move(5, 5)
    with site.client.pipeline(transaction=True) as pipeline:
        for n in range(2 * BURST):
            pipeline.xadd("gap:filter", {"kind": "odd" if n % 2 else "even", "n": n})
        ids = [str(id_) for id_ in pipeline.execute()]
    expect(gap(page)).to_have_count(1, timeout=15_000)
    before = shown(page)
    gap(page).get_by_role("link").click()
    wait_until(lambda: len(shown(page)) > len(before), 10, "more rows are there")
    assert set(shown(page)[1:]) <= set(ids[1::2])
    widths = page.locator("tbody > tr[id]").evaluate_all("rows => rows.map((row) => row.cells.length)")
    assert set(widths) == {5}


def test_rows_that_wait_too_long_can_be_shown_again(site: Site, page: Page) -> None:
    ids = opened(site, page, "gap:waiting")
    page.locator("[data-live-pause]").click()
    seen = page.locator("[data-live-seen]")
    for n in range(1, 7):
        ids += burst(site, "gap:waiting", 45)
        expect(seen).to_have_text(f"{n * 45} new", timeout=5_000)
    page.locator("[data-live-pill]").click()
    expect(gap(page)).to_have_text("71 not shown. Show them")
    gap(page).get_by_role("link").click()
    expect(gap(page)).to_have_text("21 more skipped. Show them")
    gap(page).get_by_role("link").click()
    expect(gap(page)).to_have_count(0)
    assert shown(page) == ids[1:]


def test_what_arrives_is_acknowledged_once_a_second(site: Site, page: Page) -> None:
    wire = Wire(page)
    ids = opened(site, page, "gap:ack")
    for n in range(20):
        ids.append(str(site.client.xadd("gap:ack", {"n": n})))
        page.wait_for_timeout(60)
    expect(page.locator("[data-live-seen]")).to_have_text("20 new")
    page.wait_for_timeout(1100)
    frames, acks = wire.all("entries"), wire.all("ack")
    assert frames[-1] == acks[-1] == ids[-1]
    assert len(acks) <= 4 < len(frames)


def test_much_that_arrives_is_acknowledged_at_once(site: Site, page: Page) -> None:
    wire = Wire(page)
    fields = {f"f{n}": "x" * 250 for n in range(30)}
    site.client.xadd("gap:heavy", {**fields})
    page.goto("/s/default/gap:heavy/?" + "&".join(f"column={name}" for name in fields))
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.mouse.move(5, 5)
    for _ in range(40):
        site.client.xadd("gap:heavy", {**fields})
    expect(page.locator("[data-live-seen]")).to_have_text("40 new")
    page.wait_for_timeout(1100)
    assert sum(wire.unacknowledged) > 2 * ACK_CHARS
    assert len(wire.unacknowledged) > 1
    assert max(wire.unacknowledged) < ACK_CHARS + FRAME_BYTES
